"""`POST /v1/events`: answered when the events are counted in the store."""

import msgspec

from api import asgi, metrics
from api.auth import Grade, grade
from api.context import Context, site_of
from api.events_body import Bad, Parsed, parse
from api.problems import Problem
from ranking.errors import InvalidEventError
from ranking.events import Event, Intake, checked_event

ANY_ORIGIN = (b"access-control-allow-origin", b"*")
HEADERS = (asgi.JSON, ANY_ORIGIN, (b"cache-control", b"no-store"))
MAX_KEY_BYTES = 255
ONE_ACCEPTED = b'{"accepted":1,"duplicate":0,"filtered":{},"invalid":[],"ack":"commit"}'


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    site = site_of(context, asgi.query(scope))
    trusted = grade(asgi.header(scope, b"authorization"), site) >= Grade.WRITE
    content = await asgi.body(scope, receive, context.settings.ingest.max_body)
    parsed = parse(content, asgi.header(scope, b"content-type") or b"")
    settings = context.settings
    intake = Intake(settings.ingest.known_kinds, context.clock(), settings.retention.keep_s, trusted)
    events, bad = _checked(parsed, intake)
    if bad and not events:
        metrics.events[site.id, "invalid"] += len(bad)
        first = bad[0]
        raise Problem(
            422,
            "invalid events",
            f"none of the {len(bad)} events can be counted; event {first.index}: {first.error}",
            accepted=0,
            invalid=bad,
        )
    repeated = await context.recorder.record(site.id, events, _once(asgi.header(scope, b"idempotency-key")))
    metrics.events[site.id, "accepted"] += len(events) - repeated
    if repeated:
        metrics.events[site.id, "duplicate"] += repeated
    if bad:
        metrics.events[site.id, "invalid"] += len(bad)
    await asgi.answer(send, 202, HEADERS, _accepted(len(events) - repeated, repeated, bad))


def _once(given: bytes | None) -> str | None:
    """The idempotency key of a request."""
    if given is None:
        return None
    if not 0 < len(given) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in given):
        raise Problem(400, "bad Idempotency-Key", f"expected 1 to {MAX_KEY_BYTES} visible ASCII characters")
    return given.decode()


def _checked(parsed: Parsed, intake: Intake) -> tuple[list[Event], list[Bad]]:
    events: list[Event] = []
    bad = parsed.bad
    for index, wire in parsed.events:
        try:
            events.append(checked_event(wire, intake))
        except InvalidEventError as error:
            bad.append(Bad(index, str(error)))
    bad.sort()
    return events, bad


def _accepted(count: int, repeated: int, bad: list[Bad]) -> bytes:
    if count == 1 and not bad and not repeated:
        return ONE_ACCEPTED
    return msgspec.json.encode(
        {
            "accepted": count,
            "duplicate": repeated,
            "filtered": {},
            "invalid": bad,
            "ack": "commit",
        }
    )
