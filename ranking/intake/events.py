"""Event: one view or click on one item at one time, and what it must be to count.

`WireEvent` is what clients send; `checked_event` turns one into an `Event` or says in a sentence why not. The receive
time counts, unless the sender is trusted (a site's write key): browser clocks lie.

A click of the public counts as one where a list has shown the item at the place that it names (`Intake.was_shown`),
else as a view, so that a reader's view and the click that nothing proves are one visit.

An event's channel (its kind, and its source where it has one) is what counts are kept by, next to the item and the
bucket, so that weights per kind and per source stay settings and are never baked into a number.
"""

import contextlib
import functools
import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

import msgspec

from ranking.errors import InvalidEventError
from ranking.intake.hosts import Hosts
from ranking.intake.items import MAX_ID_BYTES, why_bad_id, without_controls
from ranking.intake.marks import event_mark
from ranking.intake.patterns import AddressPattern
from ranking.intake.referrers import REFERRER_SOURCE, referrer_class
from ranking.intake.urls import absolute, item_of
from ranking.intake.visits import NO_NETWORK, Identity, token_mark
from ranking.times import format_duration, in_seconds, is_number, parse_moment

MAX_POSITION = 1_000
#: Ids that need not be looked at again: most events are of few items. At most 10 MB.
REMEMBERED_IDS = 4_096
MAX_NAME_CHARS = 64
MAX_GIVEN_CHARS = 256
CLOCK_SKEW_S = 60.0
DEFAULT_KIND = "view"
#: The kind that a list must have shown the item for.
CLICK = "click"
#: Opens the source of events that came from a list: `list:populer`.
LIST_SOURCE = "list:"
#: Stands for the sources that the settings do not name: anyone can make one up, and every one would be a channel.
OTHER = "other"
NAME_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:")


class WireEvent(msgspec.Struct, gc=False):
    """One event as a client writes it; unknown fields are ignored.

    `ts`: epoch seconds, or more than any year has of them: ms, µs or ns; or a time as text. `page`: the address where
    an item is read that is named otherwise; a description may be found there, and it says nothing of what counts.
    `ref`: of the first view of a visit the host of the page before, "" without one.
    """

    item: str | None = None
    kind: str = DEFAULT_KIND
    ts: float | str | None = None
    source: str | None = None
    position: int | None = None
    visitor: str | None = None
    id: str | None = None
    url: str | None = None
    token: str | None = None
    page: str | None = None
    ref: Any = None


class _LooseEvent(msgspec.Struct, gc=False):
    """An event whose ids may be numbers."""

    item: str | int | None = None
    kind: str = DEFAULT_KIND
    ts: float | str | None = None
    source: str | None = None
    position: int | None = None
    visitor: str | int | None = None
    id: str | int | None = None
    url: str | None = None
    token: str | None = None
    page: str | None = None
    ref: Any = None


def wire_event(found: object) -> WireEvent:
    """An event out of decoded JSON, as clients write it that take ids for numbers. `WireEvent`'s own decoder is faster.

    Raises:
        ValueError: it is no event.
    """
    event = msgspec.convert(found, _LooseEvent)
    item, visitor, name = (
        given if given is None or isinstance(given, str) else str(given)
        for given in (event.item, event.visitor, event.id)
    )
    return WireEvent(
        item, event.kind, event.ts, event.source, event.position, visitor, name, event.url, event.token, event.page,
        event.ref,
    )  # fmt: skip


class Event(NamedTuple):
    """One event that counts. `ts` in epoch seconds; `channel` as `channel()` writes it.

    `visitor`: the reader whose repeats do not count; `mark`: in place of the event's own id, or of its page token,
    under which it counts once; `network`: in place of the one that its request came from. `likely`: `item_pattern`
    found its item in an address, so it is less probably made up. `page`: where it was read, as its sender says.
    """

    item: str
    channel: str
    ts: float
    visitor: Identity | None = None
    mark: bytes | None = None
    network: Identity | None = None
    likely: bool = False
    page: str = ""


class Intake(NamedTuple):
    """The conditions that an event must meet now: the kinds a site counts, and the span of time it may lie in (epoch
    seconds).

    `item_pattern` finds the item in the address of an event that names none; see `urls.item_of`. `identify` maps the
    event's `visitor` to an Identity; None turns de-duplication off. `sources` are kept apart, others count as
    `OTHER` unless the sender is trusted; None: all are kept apart. `was_shown` answers for a list whether its readers
    may have seen an item at this place, or (None) anywhere; without it what public events say of lists holds.
    `nonce_of` gives the nonce of a page token that is good for an item; None: tokens say nothing. `secret` keys the
    hashes of events' ids. `hosts`: those that an event's `url` may be of unless the sender is trusted; None: any.
    `zone`: the site's, of times without an offset. `page`: the address of the page that sends them, against which an
    `url` or `page` without a host is read. `referrers`: views are kept apart by where their visit began.
    """

    kinds: AbstractSet[str]
    now: float
    keep_s: float
    trusted: bool
    item_pattern: AddressPattern | None = None
    identify: Callable[[str | None], Identity | None] | None = None
    sources: AbstractSet[str] | None = None
    was_shown: Callable[[str, str, int | None], bool] | None = None
    nonce_of: Callable[[str, str], str | None] | None = None
    secret: bytes = b""
    hosts: Hosts | None = None
    zone: tzinfo = UTC
    page: str = ""
    referrers: bool = False


def channel(kind: str, source: str | None, position: int | None) -> str:
    """The column an event counts in: `kind`, `kind@source` or `kind@source#position`.

    >>> channel("view", None, None), channel("click", "list:populer", 3)
    ('view', 'click@list:populer#3')
    """
    if source is None:
        return kind
    return f"{kind}@{source}" if position is None else f"{kind}@{source}#{position}"


def channel_kind(text: str) -> str:
    """The kind in a channel.

    >>> channel_kind("click@list:populer#3")
    'click'
    """
    return text.partition("@")[0]


def channel_source(text: str) -> str:
    """The source in a channel; "" without one.

    >>> channel_source("click@list:populer#3"), channel_source("view")
    ('list:populer', '')
    """
    return text.partition("@")[2].partition("#")[0]


def channel_position(text: str) -> int | None:
    """The position in a channel.

    >>> channel_position("click@list:populer#3"), channel_position("click@list:populer")
    (3, None)
    """
    position = text.partition("@")[2].partition("#")[2]
    return int(position) if position else None


def checked_event(wire: WireEvent, intake: Intake) -> Event:
    """`wire` as an event that counts.

    Raises:
        InvalidEventError: the sentence names the field.
        ForeignHostError: its address is of another site.
    """
    item, likely = wire.item, False
    if wire.url is not None and intake.hosts is not None and not intake.trusted:
        _check_host(wire, intake.hosts, intake.page)
    if item is None:
        item, likely = _item_at(wire.url, intake.item_pattern, intake.page), intake.item_pattern is not None
    item, problem = _looked_at(item) if len(item) <= MAX_ID_BYTES else _item_id(item)
    if problem:
        raise InvalidEventError(f"item: {problem}")
    if wire.kind not in intake.kinds:
        known = ", ".join(sorted(intake.kinds))
        raise InvalidEventError(f"kind: must be one of {known}, found {wire.kind[:MAX_NAME_CHARS]!r}")
    column = wire.kind
    if wire.source is not None or column == CLICK:
        column = _checked_channel(wire, item, intake)
    elif intake.referrers and isinstance(wire.ref, str) and column == DEFAULT_KIND and not _is_own(wire.ref, intake):
        column = channel(column, REFERRER_SOURCE + referrer_class(wire.ref), None)
    ts = intake.now
    if wire.ts is not None:
        written = _moment(wire.ts, intake.zone)
        if intake.trusted:
            ts = _checked_ts(written, intake)
    page = wire.page or wire.url or ""
    if page[:1] == "/":
        page = absolute(page, intake.page)
    nonce = None if wire.token is None or intake.nonce_of is None else intake.nonce_of(wire.token, item)
    if intake.identify is None and not wire.id and nonce is None:
        return Event(item, column, ts, None, None, None, likely, page)
    visitor, name = _checked_name("visitor", wire.visitor), _checked_name("id", wire.id)
    identity = None if intake.identify is None else intake.identify(visitor)
    if nonce is not None:
        token = token_mark(nonce, channel_kind(column), item)
        return Event(item, column, ts, identity, token, NO_NETWORK, likely, page)
    mark = None if name is None else event_mark(intake.secret, item, name, trusted=intake.trusted)
    return Event(item, column, ts, identity, mark, None, likely, page)


def _item_id(item: str) -> tuple[str, str | None]:
    """An item's id, and what is wrong with it."""
    item = without_controls(item)
    return item, why_bad_id(item)


_looked_at = functools.lru_cache(REMEMBERED_IDS)(_item_id)


def _checked_name(field: str, given: str | None) -> str | None:
    """The name that a client gives a visitor or an event; an empty name is none."""
    if given is not None and len(given) > MAX_GIVEN_CHARS:
        raise InvalidEventError(f"{field}: must have at most {MAX_GIVEN_CHARS} characters, found {len(given)}")
    return given or None


def _item_at(url: str | None, pattern: AddressPattern | None, page: str) -> str:
    if url is None:
        raise InvalidEventError("item: is missing, and so is url")
    try:
        return item_of(url, pattern, page)
    except ValueError as error:
        raise InvalidEventError(f"url: {error}") from None


def _checked_channel(wire: WireEvent, item: str, intake: Intake) -> str:
    """The channel of an event that says where it comes from, or that is a click."""
    kind, source, position = wire.kind, None, None
    if wire.source is not None:
        source, position = _checked_source(wire.source), _checked_position(wire.position)
    if intake.trusted:
        return channel(kind, source, position)
    list_name = source.removeprefix(LIST_SOURCE) if source is not None and source.startswith(LIST_SOURCE) else None
    is_known = intake.sources is None or source in intake.sources
    if list_name is not None and is_known and intake.was_shown is not None:
        is_known = intake.was_shown(list_name, item, position)
    if intake.was_shown is not None and (list_name is None or position is None or not is_known):
        kind = DEFAULT_KIND if kind == CLICK else kind
    if source is not None and not is_known:
        source, position = OTHER if list_name is None else LIST_SOURCE + OTHER, None
    return channel(kind, source, None if list_name is None else position)


def _check_host(wire: WireEvent, hosts: Hosts, page: str) -> None:
    """Return if the event's address is of one of `hosts`; one that names its item may have any that is no address."""
    try:
        hosts.check(absolute(wire.url or "", page))
    except ValueError as error:
        if wire.item is None:
            raise InvalidEventError(f"url: {error}") from None


def _is_own(host: str, intake: Intake) -> bool:
    """Whether a page before was one of the site itself, as far as its hosts are named."""
    if not host or intake.hosts is None:
        return False
    try:
        intake.hosts.check(f"https://{host}/")
    except (ValueError, InvalidEventError):
        return False
    return True


def _checked_source(source: str) -> str:
    if not 0 < len(source) <= MAX_NAME_CHARS or not NAME_ALPHABET.issuperset(source):
        raise InvalidEventError(
            f"source: must be 1 to {MAX_NAME_CHARS} letters, digits or . _ : -, such as list:populer, "
            f"found {source[:MAX_NAME_CHARS]!r}"
        )
    return source


def _checked_position(position: int | None) -> int | None:
    if position is not None and not 1 <= position <= MAX_POSITION:
        raise InvalidEventError(f"position: must be from 1 to {MAX_POSITION}, found {position}")
    return position


def _moment(ts: float | str, zone: tzinfo) -> float:
    if not isinstance(ts, str):
        if not math.isfinite(ts):
            raise InvalidEventError(f"ts: must be epoch seconds, found {ts}")
        return in_seconds(ts)
    if not is_number(ts):
        with contextlib.suppress(ValueError):
            return parse_moment(ts, zone)
    raise InvalidEventError(
        f"ts: must be epoch seconds or text such as 2025-12-01T02:29:00+07:00, found {ts[:MAX_NAME_CHARS]!r}"
    )


def _checked_ts(ts: float, intake: Intake) -> float:
    if ts > intake.now + CLOCK_SKEW_S:
        raise InvalidEventError(f"ts: must not lie in the future, found {ts:.0f} at {intake.now:.0f}")
    if ts <= intake.now - intake.keep_s:
        raise InvalidEventError(
            f"ts: must lie within the last {format_duration(intake.keep_s)} (retention.keep), found {ts:.0f}"
        )
    return min(ts, intake.now)
