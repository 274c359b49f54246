"""`POST /v1/events` and the pixel: record events, and answer once they are counted in the store."""

import math
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import partial

import msgspec

from api.context import Context, site_of
from api.endpoints.events_answer import (
    ACCEPTED,
    HEADERS,
    HOST,
    LIMITED,
    LONE_ANSWERS,
    PROOF,
    REASON_OF,
    IngestResult,
    document_of,
    problem_of_invalid,
)
from api.endpoints.events_body import HOPELESS, BadEvents, Parsed, all_good, one_bad, parse, sentence_of
from api.filtering.addresses import ClientAddress
from api.filtering.tokens import valid_nonce
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.auth import STRANGER, Grade, require
from api.http.problems import Problem
from api.monitoring import metrics
from api.monitoring.traffic import uncounted
from ranking.errors import ForeignHostError, InvalidEventError, PopulerError, StoreUnavailableError
from ranking.intake.events import CLICK, Event, Intake, WireEvent, channel_kind, checked_event
from ranking.intake.marks import request_mark
from ranking.intake.visits import SHADOW, Identity
from ranking.recording.recorder import ONE_COUNTED, Recorded
from ranking.settings.sites import SiteSettings

NOTHING = Recorded(b"")
MAX_KEY_BYTES = 255
#: How many times its size a public gzip body may have, beyond 64 KiB: a batch of real events has thirty at most.
MAX_RATIO = 200
#: Events that are older are of the past, and no traffic of now.
PAST_S = 600.0
#: Bytes of a body that cannot be read, per event that it is taken for.
EVENT_BYTES = 60
PIXEL_PARAMETERS = frozenset({"item", "url", "kind", "source", "position", "visitor", "id", "token", "page"})
#: A body of an address that has sent too much that cannot count may be as large as a browser's beacon.
BEACON_BYTES = 65_536
#: One transparent dot.
PIXEL = asgi.Prepared(
    200,
    ((b"content-type", b"image/gif"), ANY_ORIGIN, (b"cache-control", b"no-store")),
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
)


class IngestRequest(msgspec.Struct, frozen=True):
    """A parsed request: its events, their site, and their sender. `client` None: the holder of a write key."""

    site: SiteSettings
    headers: Mapping[bytes, bytes]
    parsed: Parsed
    client: ClientAddress | None
    once: str | None = None


async def post_events(context: Context, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Record the events of one request."""
    query = asgi.query(scope)
    site = site_of(context, query)
    headers = asgi.headers(scope)
    caller = context.callers.holder(headers.get(b"authorization"), scope, site)
    if caller is not STRANGER:
        require(caller, Grade.WRITE, site)
    client = context.event_filter.client(scope) if caller is STRANGER else None
    key = _idempotency_key(headers.get(b"idempotency-key"))
    content, parsed = await _parsed(context, site, headers, receive, client)
    once = None if key is None else request_mark(context.secret(), site.id, caller.grade.value, key, content)
    request = IngestRequest(site, headers, parsed, client, once)
    result = await _record(context, scope, request)
    plain = not (query or result.bad.count or result.left_out)
    if plain and (lone := LONE_ANSWERS.get(result.recorded)) is not None:
        return await lone.send(scope, send)
    each = any(name == "results" and value not in ("", "0", "false") for name, value in query)
    return await asgi.answer(send, 202, HEADERS, document_of(result, each=each))


async def _parsed(
    context: Context,
    site: SiteSettings,
    headers: Mapping[bytes, bytes],
    receive: asgi.Receive,
    client: ClientAddress | None,
) -> tuple[bytes, Parsed]:
    """The body of a request, and its events. What cannot be read is charged to a public sender by its size.

    Raises:
        Problem: 400, 413, 415, the body is no events; 429, and its sender has sent too much that cannot count.
    """
    limit, content_type = context.settings.ingest.max_body, headers.get(b"content-type", b"")
    if client is None:
        content = await asgi.body(headers, receive, limit)
        return content, parse(content, content_type)
    event_filter = context.event_filter
    exhausted = event_filter.junk_wait_s(site, client, context.clock()) > 0
    if exhausted:
        limit = min(limit, BEACON_BYTES)
    price = limit // EVENT_BYTES if b"content-encoding" in headers else 0
    try:
        content = await asgi.body(headers, receive, limit, MAX_RATIO)
        price = len(content) // EVENT_BYTES
        return content, parse(content, content_type, HOPELESS)
    except Problem:
        now = context.clock()
        event_filter.charge_junk(site, client, price + 1, now)
        if exhausted:
            raise _too_much_junk(context, site, client, 1, now) from None
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
    reason = sender = network = None
    if client is None:
        identify = event_filter.server(site)
    else:
        event_filter.warn_of_proxy(scope, request.headers)
        _require_origin(context, request, client, now)
        reason = event_filter.refusal(scope, request.headers)
        sender = event_filter.reader(site, client, request.headers) if reason is None else None
        network = None if sender is None else sender.network
        identify = sender if sender is not None and event_filter.tells_visitors(request.headers) else None
    intake = intake_of(context, site, now, identify, page_of(request.headers), trusted=trusted)
    places, events, bad, foreign = _checked(request.parsed, intake, None if trusted else HOPELESS)
    if bad.count:
        _count_metric(context, site, "invalid", bad.count, now)
    if foreign:
        _count_metric(context, site, HOST, len(foreign), now)
    if sender is not None and network is not None:
        context.attempts.add(site.id, events, network.now, sender.agent, now)
    context.page_addresses.add(site, events)
    left_out: dict[int, str] = {}
    if client is not None:
        left_out = _left_out(context, request, client, events, bad.count + len(foreign), reason, now)
    if bad.count and not events and not foreign:
        raise problem_of_invalid(bad)
    if left_out:
        await _record_shadows(context, site, [(events[at].item, why) for at, why in left_out.items()], now)
        left_out = {places[at]: why for at, why in left_out.items()}
        kept = [at for at, place in enumerate(places) if place not in left_out]
        places, events = [places[at] for at in kept], [events[at] for at in kept]
    left_out.update(foreign)  # without shadows: what they name is not the site's
    if not events:
        return IngestResult(NOTHING, places, left_out, bad, request.parsed.count)
    try:
        recorded = await context.recorder.record(
            site.id,
            events,
            request.once,
            received=now,
            vouched=trusted,
            network=network,
            wait=settings.ingest.ack != "memory" or request.once is not None,
        )
    except PopulerError:
        if client is not None:
            event_filter.give_back(site, client, events)
        raise
    if client is not None and recorded is not ONE_COUNTED:
        uncounted_ones = [event for event, what in zip(events, recorded.outcomes, strict=True) if what in REASON_OF]
        event_filter.give_back(site, client, uncounted_ones)
        event_filter.charge_junk(site, client, len(uncounted_ones), now)
    count_recorded(context, site, events, recorded, now)
    return IngestResult(recorded, places, left_out, bad, request.parsed.count)


def intake_of(
    context: Context,
    site: SiteSettings,
    now: float,
    identify: Callable[[str | None], Identity | None] | None,
    page: str,
    *,
    trusted: bool,
) -> Intake:
    """The conditions that events of a site must meet now."""
    settings = context.settings
    return Intake(
        settings.ingest.known_kinds, now, settings.retention.keep_s, trusted, site.item_finder, identify,
        settings.known_sources, partial(context.published_lists.was_shown, site.id), _nonces(site, now),
        context.secret(), site.own_hosts, site.zone if trusted else UTC, page,
        site.referrers,
    )  # fmt: skip


def _nonces(site: SiteSettings, now: float) -> Callable[[str, str], str | None] | None:
    """What reads the site's page tokens now; None where it has none."""
    if site.proof == "none" or site.keys.page is None:
        return None
    return partial(valid_nonce, at=now, key=site.keys.page)


def page_of(headers: Mapping[bytes, bytes]) -> str:
    """The address of the page that sends a request, as far as its browser says it."""
    page = headers.get(b"referer") or headers.get(b"origin") or b""
    return page.decode("latin-1") if page.startswith(b"http") else ""


def _unproven(events: Sequence[Event]) -> list[int]:
    """Places of public events that neither a page token nor the list that they were made in speaks for."""
    return [at for at, each in enumerate(events) if each.network is None and channel_kind(each.channel) != CLICK]


def _require_origin(context: Context, request: IngestRequest, client: ClientAddress, now: float) -> None:
    """Return if the site takes events from this page."""
    if context.event_filter.may_send(request.site, request.headers):
        return
    count = request.parsed.count
    _count_metric(context, request.site, "origin", count, now)
    context.event_filter.charge_junk(request.site, client, count, now)
    page = request.headers.get(b"origin") or request.headers.get(b"referer") or b"no Origin and no Referer"
    raise Problem(
        403,
        "unknown origin",
        f"site {request.site.id} takes no events from {page[:200].decode('latin-1')}: add its origin to"
        " sites.origins, or send the site's write key",
    )


def _left_out(
    context: Context,
    request: IngestRequest,
    client: ClientAddress,
    events: Sequence[Event],
    refused: int,
    reason: str | None,
    now: float,
) -> dict[int, str]:
    """Why some of `events` (by place) do not count; room is reserved for the others.

    `refused`: how many more can be seen to be none that count. `reason`: why none of `events` does.

    Raises:
        Problem: 429, its address may not send as many; or most cannot count, and it has sent too many such.
    """
    site, event_filter = request.site, context.event_filter
    exhausted = event_filter.junk_wait_s(site, client, now) > 0
    unwaited = context.settings.ingest.ack == "memory" and request.once is None  # nobody learns what repeats
    repeats = context.recorder.known_repeats(site.id, events) if exhausted or unwaited else 0
    junk = refused + (len(events) if reason is not None else repeats)
    if exhausted and 2 * junk > request.parsed.count:
        raise _too_much_junk(context, site, client, request.parsed.count, now)
    if reason is not None:
        event_filter.charge_junk(site, client, junk, now)
        return dict.fromkeys(range(len(events)), reason)
    stopped = event_filter.stopped(site, client, events, repeats if unwaited else 0, now)
    if stopped is None:
        _count_metric(context, site, LIMITED, request.parsed.count, now)
        raise _too_many(max(1, math.ceil(event_filter.wait_s(site, client, now))))
    known = refused + len(stopped) + (repeats if unwaited else 0)
    if known:
        event_filter.charge_junk(site, client, known, now)
    if not client.local:
        context.alarm_facts.senders.add(site.id, client.address, client.route, request.parsed.count, now)
    return dict.fromkeys(stopped, LIMITED) | (
        dict.fromkeys(_unproven(events), PROOF) if site.proof == "required" else {}
    )


def _too_much_junk(context: Context, site: SiteSettings, client: ClientAddress, count: int, now: float) -> Problem:
    _count_metric(context, site, LIMITED, count, now)
    wait_s = context.event_filter.junk_wait_s(site, client, now)
    return _too_many(max(1, math.ceil(wait_s)), " that cannot count")


def _too_many(retry_after_s: int, which: str = "") -> Problem:
    return Problem(
        429,
        "too many events",
        f"this address sends more events{which} than ingest.address_limit allows",
        retry_after_s=retry_after_s,
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


def _checked(
    parsed: Parsed, intake: Intake, give_up_after: int | None
) -> tuple[Sequence[int], list[Event], BadEvents, dict[int, str]]:
    """The events that can be counted, their places in the body, those that cannot, and places of another site's."""
    foreign: dict[int, str] = {}
    try:
        return parsed.places, [checked_event(wire, intake) for wire in parsed.events], parsed.bad, foreign
    except InvalidEventError:
        pass  # one at least: each by itself
    places: list[int] = []
    events: list[Event] = []
    bad = BadEvents()
    for place, wire in zip(parsed.places, parsed.events, strict=True):
        try:
            events.append(checked_event(wire, intake))
        except ForeignHostError:
            foreign[place] = HOST
        except InvalidEventError as error:
            bad.add(place, error)
            if bad.count == give_up_after and not events:
                bad.count = len(parsed.events)
                break
        else:
            places.append(place)
    bad.add_all(parsed.bad)
    return places, events, bad, foreign


def _count_metric(context: Context, site: SiteSettings, reason: str, count: int, now: float) -> None:
    """Add `count` events that do not count, by reason, to metrics and traffic."""
    metrics.events[site.id, reason] += count
    context.traffic.add(site.id, uncounted(reason), count, now)


def count_recorded(
    context: Context, site: SiteSettings, events: Sequence[Event], recorded: Recorded, now: float
) -> None:
    """Add recorded events to metrics by outcome, and to traffic by kind: a replay of the past is no traffic of now."""
    outcomes = metrics.events
    if len(events) == 1 and recorded.ack != "spool":  # nearly all
        reason = REASON_OF.get(recorded.outcomes[0])
        outcomes[site.id, reason or ACCEPTED] += 1
        if now - events[0].ts <= PAST_S:
            name = channel_kind(events[0].channel) if reason is None else uncounted(reason)
            context.traffic.add(site.id, name, 1, now)
        return
    outcomes[site.id, ACCEPTED] += recorded.accepted
    outcomes[site.id, "spooled"] += recorded.spooled
    for outcome, reason in REASON_OF.items():
        if count := recorded.outcomes.count(outcome):
            outcomes[site.id, reason] += count
    recorded_events = zip(events, recorded.outcomes, strict=True)
    tally = Tally((event.channel, what) for event, what in recorded_events if now - event.ts <= PAST_S)
    for (channel, what), count in tally.items():
        name = uncounted(REASON_OF[what]) if what in REASON_OF else channel_kind(channel)
        context.traffic.add(site.id, name, count, now)


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
