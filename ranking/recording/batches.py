"""Open batches: the counts on their way into one shard, and the requests that wait for them.

Equal cells are added up before they are sent. Events that count only if the store agrees (see `intake.visits`) ride
along one by one. A repeat of what this process has itself seen count needs no look at the store.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.fields import field
from ranking.counts.sealed import volume_of
from ranking.intake.events import Event, channel_kind
from ranking.intake.visits import (
    COUNTED,
    NO_PAIR,
    REPEAT_CHANNEL,
    REPEATED,
    SPOOLED,
    ConditionalVisits,
    Identity,
    Remembered,
    pair_of,
    short_hash,
)
from ranking.store.counts import Batch, Committed
from ranking.times import DAY_S, HOUR_S

MAX_CELLS = 1_500
RECENT_PAIRS = 100_000
KNOWN_ITEMS = 100_000
HASHED_ITEMS = 20_000

#: In place of a visit's number: the event counts with its batch, or is a repeat of one that did. Behind the outcomes of
#: a batch's visits stand those of these two, so that an index from the end finds them.
SURE, LOCAL_REPEAT = -1, -2
KNOWN = bytes([REPEATED, COUNTED])


hashed_item = functools.lru_cache(HASHED_ITEMS)(short_hash)


class Admission(NamedTuple):
    """What an event must pass to count.

    `span_s`: a visitor's repeats within it do not count (0: they do). `known_s`: how long an item that nobody described
    stays known; `new_items`: how many unknown ones a minute a shard takes (0: any).
    `allowance`: reads that any network may add to an item (0: any number); `network_items`: new items a minute that one
    network may bring to a shard while others bring some, too.
    """

    span_s: int = 0
    known_s: int = 30 * DAY_S
    new_items: int = 0
    allowance: int = 0
    network_items: int = 0


#: Every event counts.
ANY = Admission()


class Terms(NamedTuple):
    """The settings under which events are counted; a batch is counted under those that it was opened under.

    `bucket_s` and `keep_s` are the retention, `deadline_s` is how long a batch is retried, `max_pending` how many
    events may wait, `overflow_after_s` how long a batch is tried where there is somewhere else for it to wait.
    """

    bucket_s: int
    keep_s: float
    deadline_s: float
    max_pending: int
    overflow_after_s: float = 1.0
    admission: Admission = ANY


class SeenVisits:
    """Pairs and items of a site that this process need not look up in the store."""

    __slots__ = ("items", "named", "named_since_s", "pairs")

    def __init__(self) -> None:
        self.pairs: Remembered[bytes] = Remembered(RECENT_PAIRS)
        self.items: Remembered[str] = Remembered(KNOWN_ITEMS)
        self.named: Remembered[str] = Remembered(KNOWN_ITEMS)  # item -> volume in which the store has it noted
        self.named_since_s = -math.inf

    def forget_named(self, now_s: float) -> None:
        """Note items anew once an hour (`now_s`: the loop's clock): a store that was lost is told again."""
        if now_s - self.named_since_s > HOUR_S:
            self.named, self.named_since_s = Remembered(KNOWN_ITEMS), now_s


def known_repeats(events: Sequence[Event], seen: SeenVisits, span_s: int) -> int:
    """How many of some events repeat one before them, or one that this process saw count within `span_s` seconds."""
    repeats, pairs = 0, set[bytes]()
    for item, channel, ts, visitor, *_ in events:
        if visitor is not None and span_s:
            pair = pair_of(visitor.now, field(channel_kind(channel), item))
            last = seen.pairs.get(pair)
            repeats += pair in pairs or (last is not None and -span_s < int(ts) - last < span_s)
            pairs.add(pair)
    return repeats


class OpenBatch:
    """Counts on their way into one shard, and the requests that wait for them."""

    __slots__ = (
        "_admission", "_befores", "_cells", "_counts", "_latest", "_latest_cells", "_likely", "_marks", "_named",
        "_networks", "_newcomers", "_outcomes", "_pairs", "_received_s", "_seconds", "_seen", "_visits", "_volume",
        "events", "once", "opened_s", "terms", "waiters",
    )  # fmt: skip

    def __init__(self, opened_s: float, terms: Terms, seen: SeenVisits, once: str | None = None) -> None:
        self.terms = terms
        self._admission = terms.admission
        self._seen = seen
        self.opened_s = opened_s
        self.once = once
        self.events = 0
        self.waiters: list[Callable[[Committed | Exception | None], None]] = []
        self._outcomes = b""
        self._cells: dict[int, dict[str, int]] = {}  # bucket start -> field -> number of the cell
        self._counts: list[int] = []
        self._visits: list[int] = []  # their cells
        self._seconds: list[int] = []
        self._pairs: list[bytes] = []
        self._befores: dict[int, bytes] = {}
        self._marks: dict[int, bytes] = {}
        self._newcomers: dict[int, str] = {}
        self._likely: list[int] = []
        self._networks: dict[int, Identity] = {}
        self._received_s = 0
        self._named: dict[str, int] = {}
        seen.forget_named(opened_s)
        self._volume = 0
        self._latest = range(0)  # the bucket of the latest event (epoch seconds), and its cells:
        self._latest_cells: dict[str, int] = {}

    def takes_more(self, terms: Terms) -> bool:
        """Whether the batch has room for another request's events, counted under `terms`."""
        return self.terms is terms and self.once is None and len(self._counts) + len(self._visits) < MAX_CELLS

    def add(self, event: Event, received_s: int, *, vouched: bool, network: Identity | None = None) -> int:
        """Count an event, or have the store decide whether it counts; return the event's ticket for `outcomes`."""
        item, channel, ts, visitor, mark, instead, _, _ = event
        second, admission = int(ts), self._admission
        if second not in self._latest:
            width_s = self.terms.bucket_s
            start_s = bucket_start(ts, width_s)
            self._latest = range(start_s, start_s + width_s)
            self._latest_cells = self._cells.setdefault(start_s, {})
            self._volume = volume_of(Bucket(width_s, start_s))
        name = field(channel, item)
        known = vouched or item in self._seen.items or not admission.new_items
        if vouched and self._volume > (self._seen.named.get(item) or -1) and self._volume > self._named.get(item, -1):
            self._named[item] = self._volume
        ticket = SURE
        network = (instead or network) if admission.allowance else None
        if visitor is not None or mark is not None or network is not None or not known:
            ticket = self._add_visit(event, name, second, known, network)
            self._received_s = received_s
            if ticket == LOCAL_REPEAT:
                name = field(REPEAT_CHANNEL, item)
        cell = self._latest_cells.get(name)
        if cell is None:
            cell = self._latest_cells[name] = len(self._counts)
            self._counts.append(0)
        if ticket < 0:
            self._counts[cell] += 1
        else:
            self._visits.append(cell)
        self.events += 1
        return ticket

    def numbered(self, site: str, shard: int, writer: str, number: int, after: int | None = None) -> Batch:
        """The batch as it is sent to the store, numbered by its writer; `after`: see `Batch`."""
        width_s, admission = self.terms.bucket_s, self._admission
        counts: dict[Bucket, dict[str, int]] = {}
        place = [0] * len(self._counts)
        position = 0
        for start_s, cells in self._cells.items():
            bucket = counts[Bucket(width_s, start_s)] = {}
            for name, cell in cells.items():
                bucket[name] = self._counts[cell]
                place[cell] = position
                position += 1
        visits = None
        if self._visits:
            befores = [self._befores.get(visit, NO_PAIR) for visit in range(len(self._visits))] if self._befores else []
            visits = ConditionalVisits(
                [place[cell] for cell in self._visits],
                self._seconds,
                b"".join(self._pairs),
                b"".join(befores),
                self._marks,
                {visit: short_hash(item) for visit, item in self._newcomers.items()},
                admission.span_s,
                self._received_s,
                admission.known_s,
                admission.new_items,
                *self._network_columns(place),
                admission.network_items,
                tuple(self._likely),
            )
        return Batch(site, shard, writer, number, counts, self.once, visits, self._named, after)

    def _network_columns(self, place: list[int]) -> tuple[bytes, bytes, bytes, int]:
        """The last columns of `ConditionalVisits`; `place` has each cell's number as it is sent."""
        if not self._networks:
            return b"", b"", b"", 0
        nobody = Identity(NO_PAIR)
        of_visit = [self._networks.get(visit, nobody) for visit in range(len(self._visits))]
        has_past = any(network.before for network in self._networks.values())
        befores = b"".join(network.before or NO_PAIR for network in of_visit) if has_past else b""
        items = [b""] * len(place)
        for cells in self._cells.values():
            for name, cell in cells.items():
                items[place[cell]] = hashed_item(name.partition("|")[2])
        return b"".join(network.now for network in of_visit), befores, b"".join(items), self._admission.allowance

    def settle(self, committed: Committed | None) -> None:
        """Keep the outcomes (`committed` None: the batch waits on disk), and remember the visits that counted."""
        visits = len(self._visits)
        if committed is None or committed.repeated:
            self._outcomes = bytes([SPOOLED if committed is None else REPEATED]) * (visits + len(KNOWN))
            return
        if self._named:
            self._seen.named.put(self._named)
        self._outcomes = committed.outcomes.ljust(visits, bytes([COUNTED])) + KNOWN
        if committed.outcomes:
            outcomes = zip(self._pairs, self._seconds, committed.outcomes, strict=False)
            counted = {pair: second for pair, second, outcome in outcomes if outcome == COUNTED and pair != NO_PAIR}
            self._seen.pairs.put(counted)
            taken = {item: 0 for visit, item in self._newcomers.items() if self._outcomes[visit] == COUNTED}
            self._seen.items.put(taken)

    def outcome(self, ticket: int) -> int:
        """Outcome of one event; see `outcomes`."""
        return self._outcomes[ticket]

    def outcomes(self, tickets: list[int]) -> bytes:
        """Outcome of each event, by the ticket that `add` returned. Call after `settle`."""
        outcomes = self._outcomes
        return bytes([outcomes[ticket] for ticket in tickets])

    def _add_visit(self, event: Event, name: str, second: int, known: bool, network: Identity | None) -> int:
        """Number of a new visit, whose cell the caller notes; SURE or LOCAL_REPEAT where the store need not decide."""
        item, channel, _, visitor, mark, _, likely, _ = event
        span_s = self._admission.span_s
        visit = len(self._visits)
        pair = NO_PAIR
        if visitor is not None and span_s:
            kind = channel_kind(channel)
            cell = name if kind == channel else field(kind, item)
            pair = pair_of(visitor.now, cell)
            if mark is None:
                last = self._seen.pairs.get(pair)
                if last is not None and -span_s < second - last < span_s:
                    return LOCAL_REPEAT
            if visitor.before:
                self._befores[visit] = pair_of(visitor.before, cell)
        if not known:
            self._newcomers[visit] = item
            if likely:
                self._likely.append(visit)
        elif pair == NO_PAIR and mark is None and network is None:
            return SURE
        if network is not None:
            self._networks[visit] = network
        if mark is not None:
            self._marks[visit] = mark
        self._pairs.append(pair)
        self._seconds.append(second)
        return visit
