"""`POST /v1/events` and the pixel: answered when the events are counted in the store."""

import math
from collections import Counter as Tally
from collections.abc import Mapping, Sequence

import msgspec

from api.context import Context, site_of
from api.endpoints.events_body import Bad, Parsed, all_good, parse
from api.filtering.addresses import ClientAddress
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.auth import STRANGER, Grade, require
from api.http.problems import Problem, plain_sentence
from api.monitoring import metrics
from api.monitoring.traffic import uncounted
from ranking.errors import InvalidEventError, StoreUnavailableError
from ranking.intake.events import Event, Intake, WireEvent, channel_kind, checked_event
from ranking.intake.visits import REFUSED, REPEATED, SHADOW
from ranking.recording.recorder import ONE_COUNTED, ONE_REPEATED, Recorded
from ranking.settings.service import SiteSettings

HEADERS = (asgi.JSON, ANY_ORIGIN, (b"cache-control", b"no-store"))
NOTHING = Recorded(b"")
MAX_KEY_BYTES = 255
PIXEL_PARAMETERS = frozenset({"item", "url", "kind", "source", "position", "visitor", "id"})
#: One transparent dot.
PIXEL = asgi.Prepared(
    200,
    ((b"content-type", b"image/gif"), ANY_ORIGIN, (b"cache-control", b"no-store")),
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
)
#: The answers to nearly all events that come alone.
ONE_ACCEPTED = asgi.Prepared(202, HEADERS, b'{"accepted":1,"duplicate":0,"filtered":{},"invalid":[],"ack":"commit"}')
ONE_DUPLICATE = asgi.Prepared(202, HEADERS, b'{"accepted":0,"duplicate":1,"filtered":{},"invalid":[],"ack":"commit"}')
ACCEPTED, DUPLICATE, LIMITED, NEW_ITEM = "accepted", "duplicate", "limited", "new_item"


class _Sent(msgspec.Struct, frozen=True):
    """A request that may be answered: what it holds, for which site, and who sent it (None: the holder of a key)."""

    site: SiteSettings
    headers: Mapping[bytes, bytes]
    parsed: Parsed
    client: ClientAddress | None
    once: str | None = None


class _Taken(msgspec.Struct, frozen=True):
    """What became of the events: `recorded` of those at `places` in the body, and those left out, by reason."""

    recorded: Recorded
    places: Sequence[int]
    left_out: Mapping[int, str]
    bad: Sequence[Bad]


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    query = asgi.query(scope)
    site = site_of(context, query)
    headers = asgi.headers(scope)
    caller = context.callers.holder(headers.get(b"authorization"), scope, site)
    if trusted := caller is not STRANGER:
        require(caller, Grade.WRITE, site)
    content = await asgi.body(headers, receive, context.settings.ingest.max_body)
    parsed = parse(content, headers.get(b"content-type", b""))
    once = _once(headers.get(b"idempotency-key"))
    sent = _Sent(site, headers, parsed, None if trusted else context.gate.client(scope), once)
    taken = await _taken(context, scope, sent)
    if not query and not taken.bad and not taken.left_out:
        if taken.recorded is ONE_COUNTED:
            return await ONE_ACCEPTED.send(scope, send)
        if taken.recorded is ONE_REPEATED:
            return await ONE_DUPLICATE.send(scope, send)
    each = any(name == "results" and value not in ("", "0", "false") for name, value in query)
    return await asgi.answer(send, 202, HEADERS, _answer(taken, each=each))


async def get_pixel(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Record the one event of an image's address, for pages that run no script. It counts when it is received."""
    params = asgi.query(scope)
    site = site_of(context, params)
    named = {name: value for name, value in params if name in PIXEL_PARAMETERS}
    try:
        parsed = all_good([msgspec.convert(named, WireEvent, strict=False)])
    except msgspec.ValidationError as error:
        parsed = Parsed([], [], [Bad(0, plain_sentence(error))])
    await _taken(context, scope, _Sent(site, asgi.headers(scope), parsed, context.gate.client(scope)))
    await PIXEL.send(scope, send)


async def _taken(context: Context, scope: asgi.Scope, sent: _Sent) -> _Taken:
    """Record what may count, and keep a shadow of what is left out.

    Raises:
        Problem: 422, there were events and none can be counted; 403 and 429, none of them may be sent from there, now.
    """
    site, client = sent.site, sent.client
    settings, gate, now = context.settings, context.gate, context.clock()
    trusted = client is None
    reason = None
    if client is None:
        identify = gate.server(site)
    else:
        _let_in(context, sent, client, now)
        reason = gate.refusal(scope, sent.headers)
        identify = gate.reader(site, client, sent.headers) if reason is None else None
    intake = Intake(
        settings.ingest.known_kinds, now, settings.retention.keep_s, trusted, site.item_finder, identify,
        settings.known_sources,
    )  # fmt: skip
    places, events, bad = _checked(sent.parsed, intake)
    if bad:
        _tell(context, site, "invalid", len(bad), now)
        if not events:
            raise _all_bad(bad)
    left_out: dict[int, str] = {}
    if reason is not None:
        left_out = dict.fromkeys(range(len(events)), reason)
    elif client is not None and (stopped := gate.stopped(events, client, now)):
        left_out = dict.fromkeys(stopped, LIMITED)
    if left_out:
        await _left_out(context, site, [(events[at].item, why) for at, why in left_out.items()], now)
        left_out = {places[at]: why for at, why in left_out.items()}
        kept = [at for at, place in enumerate(places) if place not in left_out]
        places, events = [places[at] for at in kept], [events[at] for at in kept]
    if not events:
        return _Taken(NOTHING, places, left_out, bad)
    recorded = await context.recorder.record(
        site.id, events, sent.once, received=now, vouched=trusted, wait=settings.ingest.ack != "memory"
    )
    _tell_recorded(context, site, events, recorded, now)
    return _Taken(recorded, places, left_out, bad)


def _let_in(context: Context, sent: _Sent, client: ClientAddress, now: float) -> None:
    """Return if the site takes events from this page, and so many from this address now."""
    count = len(sent.parsed.events)
    if not context.gate.may_send(sent.site, sent.headers):
        _tell(context, sent.site, "origin", count, now)
        page = sent.headers.get(b"origin") or sent.headers.get(b"referer") or b"no Origin and no Referer"
        raise Problem(
            403,
            "unknown origin",
            f"site {sent.site.id} takes no events from {page[:200].decode('latin-1')}: add its origin to sites.origins,"
            " or send the site's write key",
        )
    if context.gate.room(client, count, now) < count:
        _tell(context, sent.site, LIMITED, count, now)
        raise Problem(
            429,
            "too many events",
            "this address sends more events than ingest.address_limit allows",
            retry_after_s=max(1, math.ceil(context.gate.wait_s(client, now))),
        )
    if not client.local:
        context.lookout.senders.add(sent.site.id, client.address, client.route, count, now)


async def _left_out(context: Context, site: SiteSettings, left_out: Sequence[tuple[str, str]], now: float) -> None:
    """Count items' events by why they are left out, in metrics and as shadows; nobody waits for those to be stored."""
    for reason, count in Tally(reason for _, reason in left_out).items():
        _tell(context, site, reason, count, now)
    shadows = [Event(item, SHADOW + reason, now) for item, reason in left_out]
    try:
        await context.recorder.record(site.id, shadows, received=now, vouched=False, wait=False)
    except StoreUnavailableError:
        metrics.events[site.id, "unshadowed"] += len(shadows)


def _all_bad(bad: Sequence[Bad]) -> Problem:
    first = bad[0]
    return Problem(
        422,
        "invalid events",
        f"none of the {len(bad)} events can be counted; event {first.index}: {first.error}",
        accepted=0,
        invalid=bad,
    )


def _checked(parsed: Parsed, intake: Intake) -> tuple[Sequence[int], list[Event], Sequence[Bad]]:
    """The events that can be counted, their places in the body, and those that cannot."""
    try:
        return parsed.places, [checked_event(wire, intake) for wire in parsed.events], parsed.bad
    except InvalidEventError:
        pass  # one at least: each by itself
    places: list[int] = []
    events: list[Event] = []
    bad = list(parsed.bad)
    for place, wire in zip(parsed.places, parsed.events, strict=True):
        try:
            events.append(checked_event(wire, intake))
        except InvalidEventError as error:
            bad.append(Bad(place, str(error)))
        else:
            places.append(place)
    return places, events, sorted(bad)


def _tell(context: Context, site: SiteSettings, reason: str, count: int, now: float) -> None:
    """Say of events that they do not count."""
    metrics.events[site.id, reason] += count
    context.traffic.add(site.id, uncounted(reason), count, now)


def _tell_recorded(
    context: Context, site: SiteSettings, events: Sequence[Event], recorded: Recorded, now: float
) -> None:
    """Say of events what the store has made of them; of those that count, their kinds."""
    told = metrics.events
    if recorded is ONE_COUNTED:
        told[site.id, ACCEPTED] += 1
        context.traffic.add(site.id, channel_kind(events[0].channel), 1, now)
        return
    repeated, refused = recorded.repeated, recorded.refused
    told[site.id, ACCEPTED] += recorded.accepted
    told[site.id, "spooled"] += recorded.spooled
    if repeated:
        _tell(context, site, DUPLICATE, repeated, now)
    if refused:
        _tell(context, site, NEW_ITEM, refused, now)
    counting = zip(events, recorded.outcomes, strict=True)
    channels = Tally(event.channel for event, what in counting if what not in (REPEATED, REFUSED))
    for channel, count in channels.items():
        context.traffic.add(site.id, channel_kind(channel), count, now)


def _once(given: bytes | None) -> str | None:
    """The idempotency key of a request."""
    if given is None:
        return None
    if not 0 < len(given) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in given):
        raise Problem(400, "bad Idempotency-Key", f"expected 1 to {MAX_KEY_BYTES} visible ASCII characters")
    return given.decode()


def _answer(taken: _Taken, *, each: bool) -> bytes:
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
        "invalid": taken.bad,
        "ack": recorded.ack,
    }
    if each:
        found["results"] = _results(taken)
    return msgspec.json.encode(found)


def _results(taken: _Taken) -> list[str]:
    """What became of each event, in the body's order."""
    words = {REPEATED: "duplicate", REFUSED: NEW_ITEM}
    by_place = {each.index: "invalid" for each in taken.bad} | dict(taken.left_out)
    by_place |= {
        place: words.get(outcome, "accepted")
        for place, outcome in zip(taken.places, taken.recorded.outcomes, strict=True)
    }
    return [by_place[place] for place in sorted(by_place)]
