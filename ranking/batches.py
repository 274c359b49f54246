"""Batches in the making: the counts on their way into one shard, and the requests that wait for them.

Equal cells are added up before they are sent; events that must ask the store first (see `visits`) ride along one by
one. A repeat of what this process has itself seen count is known without asking.
"""

import asyncio
from typing import NamedTuple

from ranking.buckets import Bucket
from ranking.events import Event, channel_kind
from ranking.history import field
from ranking.store.store import Batch, Committed
from ranking.visits import (
    COUNTED,
    NO_PAIR,
    REFUSED,
    REPEAT_CHANNEL,
    REPEATED,
    SPOOLED,
    Asking,
    Remembered,
    Visit,
    pair_of,
    short_hash,
)

MAX_CELLS = 1_500
RECENT_PAIRS = 100_000
KNOWN_ITEMS = 100_000

#: In place of a visit's number: the event counts with its batch, or is a repeat of one that did.
SURE, LOCAL_REPEAT = -1, -2


class Admission(NamedTuple):
    """What events are asked. `span_s`: a visitor's repeats within it do not count (0: they do). `known_s`: how long an
    item that nobody described stays known; `new_items`: how many unknown ones a minute a shard takes (0: any).
    """

    span_s: int = 0
    known_s: int = 30 * 86400
    new_items: int = 0


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


class Seen:
    """What this process knows of a site without asking the store."""

    def __init__(self) -> None:
        self.pairs: Remembered[bytes] = Remembered(RECENT_PAIRS)
        self.items: Remembered[str] = Remembered(KNOWN_ITEMS)


class OpenBatch:
    """Counts on their way into one shard, and the requests that wait for them."""

    __slots__ = (
        "_cells", "_counts", "_newcomers", "_received_s", "_visits", "events", "once", "opened_s", "terms", "waiters",
    )  # fmt: skip

    def __init__(self, opened_s: float, terms: Terms, once: str | None = None) -> None:
        self.opened_s = opened_s
        self.terms = terms
        self.once = once
        self.events = 0
        self.waiters: list[asyncio.Future[Committed | None]] = []
        self._cells: dict[int, dict[str, int]] = {}  # bucket start -> field -> number of the cell
        self._counts: list[int] = []
        self._visits: list[Visit] = []
        self._newcomers: dict[int, str] = {}  # number of a visit -> its item
        self._received_s = 0

    def takes_more(self, terms: Terms) -> bool:
        """Whether another request's events may join under `terms`."""
        return self.terms is terms and self.once is None and len(self._counts) + len(self._visits) < MAX_CELLS

    def add(self, start_s: int, name: str) -> None:
        """Count an event for sure."""
        self.events += 1
        self._counts[self._cell(start_s, name)] += 1

    def ask(self, event: Event, start_s: int, received_s: int, seen: Seen, *, vouched: bool) -> int:
        """Count an event if the store agrees; its number among the batch's visits, or what is known already."""
        item, channel, ts, visitor, mark = event
        admission = self.terms.admission
        second = int(ts)
        pair = before = NO_PAIR
        if visitor is not None and admission.span_s:
            kind = channel_kind(channel)
            pair = pair_of(visitor.now, kind, item)
            before = pair_of(visitor.before, kind, item) if visitor.before else NO_PAIR
            if mark is None:
                last = seen.pairs.get(pair)
                if last is not None and -admission.span_s < second - last < admission.span_s:
                    self.add(start_s, field(REPEAT_CHANNEL, item))
                    return LOCAL_REPEAT
        newcomer = None
        if admission.new_items and not vouched and item not in seen.items:
            newcomer = short_hash(item)
            self._newcomers[len(self._visits)] = item
        elif pair == NO_PAIR and mark is None:
            self.add(start_s, field(channel, item))
            return SURE
        self.events += 1
        self._received_s = received_s
        cell = self._cell(start_s, field(channel, item))
        self._visits.append(Visit(cell, second, pair, before, mark, newcomer))
        return len(self._visits) - 1

    def numbered(self, site: str, shard: int, writer: str, number: int) -> Batch:
        """The batch as it is sent."""
        width_s, admission = self.terms.bucket_s, self.terms.admission
        counts: dict[Bucket, dict[str, int]] = {}
        place = [0] * len(self._counts)
        position = 0
        for start_s, cells in self._cells.items():
            bucket = counts[Bucket(width_s, start_s)] = {}
            for name, cell in cells.items():
                bucket[name] = self._counts[cell]
                place[cell] = position
                position += 1
        asking = None
        if self._visits:
            visits = [Visit(place[visit.cell], *visit[1:]) for visit in self._visits]
            asking = Asking(visits, admission.span_s, self._received_s, admission.known_s, admission.new_items)
        return Batch(site, shard, writer, number, counts, self.once, asking)

    def learn(self, outcomes: bytes, seen: Seen) -> None:
        """Remember what the store said of the visits."""
        for visit, outcome in zip(self._visits, outcomes, strict=False):
            if outcome == COUNTED and visit.pair != NO_PAIR:
                seen.pairs.put(visit.pair, visit.second)
        for number, item in self._newcomers.items():
            if number < len(outcomes) and outcomes[number] != REFUSED:
                seen.items.put(item, 0)

    def _cell(self, start_s: int, name: str) -> int:
        bucket = self._cells.get(start_s)
        if bucket is None:
            bucket = self._cells[start_s] = {}
        cell = bucket.get(name)
        if cell is None:
            cell = bucket[name] = len(self._counts)
            self._counts.append(0)
        return cell


def outcome_of(committed: Committed | None, number: int) -> int:
    """What became of one event: `number` is what `ask` gave for it, `committed` what became of its batch."""
    if committed is None:
        return SPOOLED
    if committed.repeated or number == LOCAL_REPEAT:
        return REPEATED
    if number == SURE:
        return COUNTED
    return committed.outcomes[number] if number < len(committed.outcomes) else COUNTED
