"""`POST /v1/events` and the pixel: record events, and answer once they are counted in the store."""

import math
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import msgspec

from api.context import Context, site_of
from api.endpoints.events_body import HOPELESS, BadEvents, Parsed, all_good, one_bad, parse, sentence_of
from api.filtering.addresses import ClientAddress
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.auth import Grade, grade
from api.http.problems import Problem
from api.monitoring import metrics
from api.monitoring.traffic import uncounted
from ranking.errors import InvalidEventError, StoreUnavailableError
from ranking.intake.events import Event, Intake, WireEvent, channel_kind, checked_event
from ranking.intake.visits import CONCENTRATED, REFUSED, REPEATED, SHADOW
from ranking.recording.recorder import ONE_COUNTED, ONE_REPEATED, Recorded
from ranking.settings.service import SiteSettings

HEADERS = (asgi.JSON, ANY_ORIGIN, (b"cache-control", b"no-store"))
NOTHING = Recorded(b"")
MAX_KEY_BYTES = 255
#: How many times its size a public gzip body may have, beyond 64 KiB: a batch of real events has thirty at most.
MAX_RATIO = 200
#: Bytes of a body that cannot be read, per event that it is taken for.
EVENT_BYTES = 60
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
#: What the store may make of an event that does not count, and the reason that is given.
REASON_OF = {REPEATED: DUPLICATE, REFUSED: NEW_ITEM, CONCENTRATED: "concentrated"}


class IngestRequest(msgspec.Struct, frozen=True):
    """A parsed request: its events, their site, and their sender. `client` None: the holder of a write key."""

    site: SiteSettings
    headers: Mapping[bytes, bytes]
    parsed: Parsed
    client: ClientAddress | None
    idempotency_key: str | None = None


class IngestResult(msgspec.Struct, frozen=True):
    """What became of `count` events: `recorded` of those at `places` in the body, and those left out, by reason."""

    recorded: Recorded
    places: Sequence[int]
    left_out: Mapping[int, str]
    bad: BadEvents
    count: int


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    query = asgi.query(scope)
    site = site_of(context, query)
    headers = asgi.headers(scope)
    trusted = grade(headers.get(b"authorization"), site) >= Grade.WRITE
    client = None if trusted else context.event_filter.client(scope)
    parsed = await _parsed(context, site, headers, receive, client)
    once = _idempotency_key(headers.get(b"idempotency-key"))
    request = IngestRequest(site, headers, parsed, client, once)
    result = await _record(context, scope, request)
    if not query and not result.bad.count and not result.left_out:
        if result.recorded is ONE_COUNTED:
            return await ONE_ACCEPTED.send(scope, send)
        if result.recorded is ONE_REPEATED:
            return await ONE_DUPLICATE.send(scope, send)
    each = any(name == "results" and value not in ("", "0", "false") for name, value in query)
    return await asgi.answer(send, 202, HEADERS, _answer(result, each=each))


async def _parsed(
    context: Context,
    site: SiteSettings,
    headers: Mapping[bytes, bytes],
    receive: asgi.Receive,
    client: ClientAddress | None,
) -> Parsed:
    """The events of a request. What cannot be read costs a public sender as many events as it has room for.

    Raises:
        Problem: 400, 413, 415, the body is no events; 429, it is packed, and its sender may send nothing now.
    """
    limit, content_type = context.settings.ingest.max_body, headers.get(b"content-type", b"")
    if client is None:
        return parse(await asgi.body(headers, receive, limit), content_type)
    price = 0
    if b"content-encoding" in headers:
        now, price = context.clock(), limit // EVENT_BYTES
        if context.event_filter.wait_s(client, now) > 0:
            _count_metric(context, site, LIMITED, 1, now)
            raise _too_many(context, client, now)
    try:
        content = await asgi.body(headers, receive, limit, MAX_RATIO)
        price = len(content) // EVENT_BYTES
        return parse(content, content_type, HOPELESS)
    except Problem:
        context.event_filter.room(client, price + 1, context.clock())
        raise


async def get_pixel(context: Context, scope: asgi.Scope, send: asgi.Send) -> None:
    """Record one event named by an image's address, for pages without scripts. It counts at receive time."""
    params = asgi.query(scope)
    site = site_of(context, params)
    named = {name: value for name, value in params if name in PIXEL_PARAMETERS}
    try:
        parsed = all_good([msgspec.convert(named, WireEvent, strict=False)])
    except msgspec.ValidationError as error:
        parsed = one_bad(sentence_of(error))
    await _record(context, scope, IngestRequest(site, asgi.headers(scope), parsed, context.event_filter.client(scope)))
    await PIXEL.send(scope, send)


async def _record(context: Context, scope: asgi.Scope, request: IngestRequest) -> IngestResult:
    """Record the events that may count, and shadows of the others.

    Raises:
        Problem: 422, none of the events is valid; 403, the site takes none from this page; 429, none from this address
            now.
    """
    site, client = request.site, request.client
    settings, event_filter, now = context.settings, context.event_filter, context.clock()
    trusted = client is None
    reason = network = None
    if client is None:
        identify = event_filter.server(site)
    else:
        _require_origin_and_rate(context, request, client, now)
        reason = event_filter.refusal(scope, request.headers)
        sender = event_filter.reader(site, client, request.headers) if reason is None else None
        network = None if sender is None else sender.network
        identify = sender if sender is not None and event_filter.tells_visitors(request.headers) else None
    intake = Intake(
        settings.ingest.known_kinds, now, settings.retention.keep_s, trusted, site.item_finder, identify,
        settings.known_sources, site.zone if trusted else UTC, _page(request.headers),
    )  # fmt: skip
    places, events, bad = _checked(request.parsed, intake, None if trusted else HOPELESS)
    if bad.count:
        _count_metric(context, site, "invalid", bad.count, now)
        if not events:
            raise _all_bad(bad)
    left_out: dict[int, str] = {}
    if reason is not None:
        left_out = dict.fromkeys(range(len(events)), reason)
    elif client is not None and (stopped := event_filter.stopped(events, client, now)):
        left_out = dict.fromkeys(stopped, LIMITED)
    if left_out:
        await _record_shadows(context, site, [(events[at].item, why) for at, why in left_out.items()], now)
        left_out = {places[at]: why for at, why in left_out.items()}
        kept = [at for at, place in enumerate(places) if place not in left_out]
        places, events = [places[at] for at in kept], [events[at] for at in kept]
    if not events:
        return IngestResult(NOTHING, places, left_out, bad, request.parsed.count)
    recorded = await context.recorder.record(
        site.id,
        events,
        request.idempotency_key,
        received=now,
        vouched=trusted,
        network=network,
        wait=settings.ingest.ack != "memory",
    )
    _count_recorded(context, site, events, recorded, now)
    return IngestResult(recorded, places, left_out, bad, request.parsed.count)


def _page(headers: Mapping[bytes, bytes]) -> str:
    """The address of the page that sends a request, as far as its browser says it."""
    page = headers.get(b"referer") or headers.get(b"origin") or b""
    return page.decode("latin-1") if page.startswith(b"http") else ""


def _require_origin_and_rate(context: Context, request: IngestRequest, client: ClientAddress, now: float) -> None:
    """Return if the site takes events from this page, and so many from this address now."""
    count = request.parsed.count  # those that cannot be counted have cost us as much
    if not context.event_filter.may_send(request.site, request.headers):
        _count_metric(context, request.site, "origin", count, now)
        page = request.headers.get(b"origin") or request.headers.get(b"referer") or b"no Origin and no Referer"
        raise Problem(
            403,
            "unknown origin",
            f"site {request.site.id} takes no events from {page[:200].decode('latin-1')}: add its origin to"
            " sites.origins, or send the site's write key",
        )
    if context.event_filter.room(client, count, now) < count:
        _count_metric(context, request.site, LIMITED, count, now)
        raise _too_many(context, client, now)


def _too_many(context: Context, client: ClientAddress, now: float) -> Problem:
    return Problem(
        429,
        "too many events",
        "this address sends more events than ingest.address_limit allows",
        retry_after_s=max(1, math.ceil(context.event_filter.wait_s(client, now))),
    )


async def _record_shadows(
    context: Context, site: SiteSettings, left_out: Sequence[tuple[str, str]], now: float
) -> None:
    """Count left-out events by reason, in metrics and as shadows. Shadows are stored later, without an answer waiting.

    `left_out`: (item, reason) of each event.
    """
    for reason, count in Tally(reason for _, reason in left_out).items():
        _count_metric(context, site, reason, count, now)
    shadows = [Event(item, SHADOW + reason, now) for item, reason in left_out]
    try:
        await context.recorder.record(site.id, shadows, received=now, vouched=False, wait=False)
    except StoreUnavailableError:
        metrics.events[site.id, "unshadowed"] += len(shadows)


def _all_bad(bad: BadEvents) -> Problem:
    first = bad.first[0]
    return Problem(
        422,
        "invalid events",
        f"none of the {bad.count} events can be counted; event {first.index}: {first.error}",
        accepted=0,
        **_named(bad),
    )


def _named(bad: BadEvents) -> dict[str, Any]:
    """What an answer says of bad events: the first of them, and how many there are where that is more."""
    total = {"invalid_total": bad.count} if bad.count > len(bad.first) else {}
    return {"invalid": bad.first, **total}


def _checked(parsed: Parsed, intake: Intake, give_up_after: int | None) -> tuple[Sequence[int], list[Event], BadEvents]:
    """The events that can be counted, their places in the body, and those that cannot."""
    try:
        return parsed.places, [checked_event(wire, intake) for wire in parsed.events], parsed.bad
    except InvalidEventError:
        pass  # one at least: each by itself
    places: list[int] = []
    events: list[Event] = []
    bad = BadEvents()
    for place, wire in zip(parsed.places, parsed.events, strict=True):
        try:
            events.append(checked_event(wire, intake))
        except InvalidEventError as error:
            bad.add(place, error)
            if bad.count == give_up_after and not events:
                bad.count = len(parsed.events)
                break
        else:
            places.append(place)
    bad.add_all(parsed.bad)
    return places, events, bad


def _count_metric(context: Context, site: SiteSettings, reason: str, count: int, now: float) -> None:
    """Add `count` events that do not count, by reason, to metrics and traffic."""
    metrics.events[site.id, reason] += count
    context.traffic.add(site.id, uncounted(reason), count, now)


def _count_recorded(
    context: Context, site: SiteSettings, events: Sequence[Event], recorded: Recorded, now: float
) -> None:
    """Add recorded events to metrics by outcome, and to traffic by kind."""
    outcomes = metrics.events
    if recorded is ONE_COUNTED:
        outcomes[site.id, ACCEPTED] += 1
        context.traffic.add(site.id, channel_kind(events[0].channel), 1, now)
        return
    outcomes[site.id, ACCEPTED] += recorded.accepted
    outcomes[site.id, "spooled"] += recorded.spooled
    for outcome, reason in REASON_OF.items():
        if count := recorded.outcomes.count(outcome):
            _count_metric(context, site, reason, count, now)
    counting = zip(events, recorded.outcomes, strict=True)
    channels = Tally(event.channel for event, what in counting if what not in REASON_OF)
    for channel, count in channels.items():
        context.traffic.add(site.id, channel_kind(channel), count, now)


def _idempotency_key(given: bytes | None) -> str | None:
    """The idempotency key of a request.

    Raises:
        Problem: 400, it is empty, too long or not visible ASCII.
    """
    if given is None:
        return None
    if not 0 < len(given) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in given):
        raise Problem(400, "bad Idempotency-Key", f"expected 1 to {MAX_KEY_BYTES} visible ASCII characters")
    return given.decode()


def _answer(result: IngestResult, *, each: bool) -> bytes:
    recorded = result.recorded
    filtered: dict[str, int] = {}
    for reason in result.left_out.values():
        filtered[reason] = filtered.get(reason, 0) + 1
    for outcome in (REFUSED, CONCENTRATED):
        if count := recorded.outcomes.count(outcome):
            filtered[REASON_OF[outcome]] = count
    document: dict[str, object] = {
        "accepted": recorded.accepted,
        "duplicate": recorded.repeated,
        "filtered": filtered,
        **_named(result.bad),
        "ack": recorded.ack,
    }
    if each:
        document["results"] = _results(result)
    return msgspec.json.encode(document)


def _results(result: IngestResult) -> list[str]:
    """The outcome of each event, in the order of the body."""
    by_place = dict(result.left_out) | {
        place: REASON_OF.get(outcome, ACCEPTED)
        for place, outcome in zip(result.places, result.recorded.outcomes, strict=True)
    }
    return [by_place.get(place, "invalid") for place in range(result.count)]
