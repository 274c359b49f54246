"""`POST /v1/events` and the pixel: answered when the events are counted in the store."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from api import asgi, metrics
from api.addresses import Client
from api.auth import Grade, grade
from api.context import Context, site_of
from api.events_body import Bad, Parsed, parse
from api.problems import Problem, plain_sentence
from ranking.errors import InvalidEventError, StoreUnavailableError
from ranking.events import Event, Intake, WireEvent, checked_event
from ranking.record import ONE_COUNTED, Recorded
from ranking.settings import SiteSettings
from ranking.visits import REFUSED, REPEATED, SHADOW

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
LIMITED, NEW_ITEM = "limited", "new_item"


class _Sent(NamedTuple):
    """A request that may be answered: what it holds, for which site, and who sent it (None: the holder of a key)."""

    site: SiteSettings
    headers: Mapping[bytes, bytes]
    parsed: Parsed
    client: Client | None
    once: str | None = None


class _Taken(NamedTuple):
    """What became of the events: `recorded` of those at `places` in the body, and those left out, by reason."""

    recorded: Recorded
    places: list[int]
    left_out: dict[int, str]


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    query = asgi.query(scope)
    site = site_of(context, query)
    headers = asgi.headers(scope)
    trusted = grade(headers.get(b"authorization"), site) >= Grade.WRITE
    content = await asgi.body(headers, receive, context.settings.ingest.max_body)
    parsed = parse(content, headers.get(b"content-type", b""))
    once = _once(headers.get(b"idempotency-key"))
    sent = _Sent(site, headers, parsed, None if trusted else context.gate.client(scope), once)
    taken = await _taken(context, scope, sent)
    if taken.recorded is ONE_COUNTED and not parsed.bad and not query:
        await asgi.answer(send, 202, HEADERS, ONE_ACCEPTED)
        return
    each = any(name == "results" and value not in ("", "0", "false") for name, value in query)
    await asgi.answer(send, 202, HEADERS, _answer(taken, parsed.bad, each=each))


async def get_pixel(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Record the one event of an image's address, for pages that run no script. It counts when it is received."""
    params = asgi.query(scope)
    site = site_of(context, params)
    named = {name: value for name, value in params if name in PIXEL_PARAMETERS}
    try:
        event = msgspec.convert(named, WireEvent, strict=False)
    except msgspec.ValidationError as error:
        parsed = Parsed([], [Bad(0, plain_sentence(error))])
    else:
        parsed = Parsed([(0, event)], [])
    await _taken(context, scope, _Sent(site, asgi.headers(scope), parsed, context.gate.client(scope)))
    await asgi.answer(send, 200, PIXEL_HEADERS, PIXEL)


async def _taken(context: Context, scope: asgi.Scope, sent: _Sent) -> _Taken:
    """Record what may count, add what cannot to the request's `bad`, and keep a shadow of what is left out.

    Raises:
        Problem: 422, there were events and none can be counted; 403 and 429, none of them may be sent from there, now.
    """
    site, parsed, client = sent.site, sent.parsed, sent.client
    settings, gate, now = context.settings, context.gate, context.clock()
    reason = None
    if client is None:
        identify = gate.server(site)
    else:
        _let_in(context, sent, client, now)
        reason = gate.refusal(scope, sent.headers)
        identify = gate.reader(site, client, sent.headers) if reason is None else None
    trusted = client is None
    intake = Intake(settings.ingest.known_kinds, now, settings.retention.keep_s, trusted, site.item_finder, identify)
    places, events = _checked(parsed, intake)
    if parsed.bad:
        metrics.events[site.id, "invalid"] += len(parsed.bad)
        if not events:
            raise _all_bad(parsed.bad)
    left_out: dict[int, str] = {}
    if client is not None:
        if reason is not None:
            left_out = dict.fromkeys(places, reason)
        else:
            left_out = {
                place: LIMITED
                for place, event in zip(places, events, strict=True)
                if not gate.passes(event, client, now)
            }
        if left_out:
            await _left_out(context, site, left_out, dict(zip(places, events, strict=True)), now)
            kept = [(place, event) for place, event in zip(places, events, strict=True) if place not in left_out]
            places, events = [place for place, _ in kept], [event for _, event in kept]
    if not events:
        return _Taken(NOTHING, places, left_out)
    recorded = await context.recorder.record(
        site.id, events, sent.once, received=now, vouched=trusted, wait=settings.ingest.ack != "memory"
    )
    _tell(site, recorded)
    return _Taken(recorded, places, left_out)


def _let_in(context: Context, sent: _Sent, client: Client, now: float) -> None:
    """Return if the site takes events from this page, and so many from this address now."""
    count = len(sent.parsed.events)
    if not context.gate.may_send(sent.site, sent.headers):
        metrics.events[sent.site.id, "origin"] += count
        page = sent.headers.get(b"origin") or sent.headers.get(b"referer") or b"no Origin and no Referer"
        raise Problem(
            403,
            "unknown origin",
            f"site {sent.site.id} takes no events from {page[:200].decode('latin-1')}: add its origin to sites.origins,"
            " or send the site's write key",
        )
    if context.gate.room(client, count, now) < count:
        metrics.events[sent.site.id, LIMITED] += count
        raise Problem(
            429,
            "too many events",
            "this address sends more events than ingest.address_limit allows",
            retry_after_s=max(1, math.ceil(context.gate.wait_s(client, now))),
        )


async def _left_out(
    context: Context, site: SiteSettings, left_out: dict[int, str], events: dict[int, Event], now: float
) -> None:
    """Count what is left out, by reason and as shadows of the items; nobody waits for those to be stored."""
    for reason in left_out.values():
        metrics.events[site.id, reason] += 1
    shadows = [Event(events[place].item, SHADOW + reason, now) for place, reason in left_out.items()]
    try:
        await context.recorder.record(site.id, shadows, received=now, vouched=False, wait=False)
    except StoreUnavailableError:
        metrics.events[site.id, "unshadowed"] += len(shadows)


def _all_bad(bad: list[Bad]) -> Problem:
    first = bad[0]
    return Problem(
        422,
        "invalid events",
        f"none of the {len(bad)} events can be counted; event {first.index}: {first.error}",
        accepted=0,
        invalid=bad,
    )


def _checked(parsed: Parsed, intake: Intake) -> tuple[list[int], list[Event]]:
    """The events that can be counted, and their places in the body."""
    places: list[int] = []
    events: list[Event] = []
    for index, wire in parsed.events:
        try:
            events.append(checked_event(wire, intake))
        except InvalidEventError as error:
            parsed.bad.append(Bad(index, str(error)))
        else:
            places.append(index)
    parsed.bad.sort()
    return places, events


def _tell(site: SiteSettings, recorded: Recorded) -> None:
    told = metrics.events
    told[site.id, "accepted"] += recorded.accepted
    if recorded is not ONE_COUNTED:
        told[site.id, "duplicate"] += recorded.repeated
        told[site.id, NEW_ITEM] += recorded.refused
        told[site.id, "spooled"] += recorded.spooled


def _once(given: bytes | None) -> str | None:
    """The idempotency key of a request."""
    if given is None:
        return None
    if not 0 < len(given) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in given):
        raise Problem(400, "bad Idempotency-Key", f"expected 1 to {MAX_KEY_BYTES} visible ASCII characters")
    return given.decode()


def _answer(taken: _Taken, bad: list[Bad], *, each: bool) -> bytes:
    recorded = taken.recorded
    filtered: dict[str, int] = {}
    for reason in taken.left_out.values():
        filtered[reason] = filtered.get(reason, 0) + 1
    if recorded.refused:
        filtered[NEW_ITEM] = recorded.refused
    found: dict[str, object] = {
        "accepted": recorded.accepted,
        "duplicate": recorded.repeated,
        "filtered": filtered,
        "invalid": bad,
        "ack": recorded.ack,
    }
    if each:
        found["results"] = _results(taken, bad)
    return msgspec.json.encode(found)


def _results(taken: _Taken, bad: list[Bad]) -> list[str]:
    """What became of each event, in the body's order."""
    words = {REPEATED: "duplicate", REFUSED: NEW_ITEM}
    by_place = {each.index: "invalid" for each in bad} | taken.left_out
    by_place |= {
        place: words.get(outcome, "accepted")
        for place, outcome in zip(taken.places, taken.recorded.outcomes, strict=True)
    }
    return [by_place[place] for place in sorted(by_place)]
