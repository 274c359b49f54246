"""`POST /v1/events` and the pixel: answered when the events are counted in the store."""

import msgspec

from api import asgi, metrics
from api.auth import Grade, grade
from api.context import Context, site_of
from api.events_body import Bad, Parsed, parse
from api.problems import Problem, plain_sentence
from ranking.errors import InvalidEventError
from ranking.events import Event, Intake, WireEvent, checked_event
from ranking.record import ONE_COUNTED, Recorded
from ranking.settings import SiteSettings

ANY_ORIGIN = (b"access-control-allow-origin", b"*")
HEADERS = (asgi.JSON, ANY_ORIGIN, (b"cache-control", b"no-store"))
NOTHING = Recorded(b"")
MAX_KEY_BYTES = 255
PIXEL_PARAMETERS = frozenset({"item", "url", "kind", "source", "position", "visitor", "id"})
PIXEL_HEADERS = ((b"content-type", b"image/gif"), ANY_ORIGIN, (b"cache-control", b"no-store"))
#: One transparent dot.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
ONE_ACCEPTED = b'{"accepted":1,"duplicate":0,"filtered":{},"invalid":[],"ack":"commit"}'


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    site = site_of(context, asgi.query(scope))
    headers = asgi.headers(scope)
    trusted = grade(headers.get(b"authorization"), site) >= Grade.WRITE
    content = await asgi.body(headers, receive, context.settings.ingest.max_body)
    parsed = parse(content, headers.get(b"content-type", b""))
    once = _once(headers.get(b"idempotency-key"))
    if not trusted and (reason := _refusal(context, site, scope, len(parsed.events))) is not None:
        await asgi.answer(send, 202, HEADERS, _answer(NOTHING, parsed.bad, {reason: len(parsed.events)}))
        return
    recorded = await _record(context, site, parsed, trusted=trusted, once=once)
    await asgi.answer(send, 202, HEADERS, _accepted(recorded, parsed.bad))


async def get_pixel(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Record the one event of an image's address, for pages that run no script. It counts when it is received."""
    params = asgi.query(scope)
    site = site_of(context, params)
    if _refusal(context, site, scope, 1) is not None:
        await asgi.answer(send, 200, PIXEL_HEADERS, PIXEL)
        return
    named = {name: value for name, value in params if name in PIXEL_PARAMETERS}
    try:
        event = msgspec.convert(named, WireEvent, strict=False)
    except msgspec.ValidationError as error:
        parsed = Parsed([], [Bad(0, plain_sentence(error))])
    else:
        parsed = Parsed([(0, event)], [])
    await _record(context, site, parsed, trusted=False, once=None)
    await asgi.answer(send, 200, PIXEL_HEADERS, PIXEL)


def _refusal(context: Context, site: SiteSettings, scope: asgi.Scope, count: int) -> str | None:
    """Why no reader sent this request of `count` events; None for a reader. What is left out is counted by reason."""
    reason = None if context.robots is None else context.robots.refusal(scope["headers"])
    if reason is not None:
        metrics.events[site.id, reason] += count
    return reason


async def _record(context: Context, site: SiteSettings, parsed: Parsed, *, trusted: bool, once: str | None) -> Recorded:
    """Record what can be counted, and add what can not to `parsed.bad`; what became of them.

    Raises:
        Problem: 422, there were events and none can be counted.
    """
    settings = context.settings
    intake = Intake(settings.ingest.known_kinds, context.clock(), settings.retention.keep_s, trusted, site.item_finder)
    events = _checked(parsed, intake)
    bad = parsed.bad
    if bad:
        metrics.events[site.id, "invalid"] += len(bad)
        if not events:
            first = bad[0]
            raise Problem(
                422,
                "invalid events",
                f"none of the {len(bad)} events can be counted; event {first.index}: {first.error}",
                accepted=0,
                invalid=bad,
            )
    recorded = await context.recorder.record(site.id, events, once, received=intake.now, vouched=trusted)
    told = metrics.events
    told[site.id, "accepted"] += recorded.accepted
    if recorded is not ONE_COUNTED:
        told[site.id, "duplicate"] += recorded.repeated
        told[site.id, "new_item"] += recorded.refused
        told[site.id, "spooled"] += recorded.spooled
    return recorded


def _checked(parsed: Parsed, intake: Intake) -> list[Event]:
    events: list[Event] = []
    for index, wire in parsed.events:
        try:
            events.append(checked_event(wire, intake))
        except InvalidEventError as error:
            parsed.bad.append(Bad(index, str(error)))
    parsed.bad.sort()
    return events


def _once(given: bytes | None) -> str | None:
    """The idempotency key of a request."""
    if given is None:
        return None
    if not 0 < len(given) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in given):
        raise Problem(400, "bad Idempotency-Key", f"expected 1 to {MAX_KEY_BYTES} visible ASCII characters")
    return given.decode()


def _accepted(recorded: Recorded, bad: list[Bad]) -> bytes:
    if recorded is ONE_COUNTED and not bad:
        return ONE_ACCEPTED
    refused = recorded.refused
    return _answer(recorded, bad, {"new_item": refused} if refused else {})


def _answer(recorded: Recorded, bad: list[Bad], filtered: dict[str, int]) -> bytes:
    return msgspec.json.encode(
        {
            "accepted": recorded.accepted,
            "duplicate": recorded.repeated,
            "filtered": filtered,
            "invalid": bad,
            "ack": "spool" if recorded.spooled else "commit",
        }
    )
