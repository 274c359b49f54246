"""A site out of files: the events of logs in buckets and the items of catalogues, as the service would hold them.

Rows count as they stand. With a dedupe window, a visitor's further events of a kind on an item within it do not, as
`ingest.dedupe_window` has it; an event with an `id` counts once with its item in any case. In a log that was made of
snapshots, events whose times were put between two of them count at the later one: nobody knew of them before.

Memory goes with the cells (item, channel and bucket that have counts), about 40 bytes each, and not with the length of
the logs. What has to tell events apart keeps them: a dedupe window 32 bytes of each, their `id`s the ids.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from populer.log_files.files import Reading, read_events, read_items
from populer.log_files.page_requests import PageRules
from populer.log_files.progress import Bar
from populer.log_files.rows import EventRow, Faults, ItemRow
from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import Catalogue
from ranking.counts.columns import ChannelCounts
from ranking.counts.history import History
from ranking.errors import InvalidEventError
from ranking.intake.events import Intake, WireEvent, checked_event
from ranking.intake.items import Item, ItemDates, why_bad_id
from ranking.intake.patterns import AddressPattern
from ranking.intake.urls import item_of
from ranking.published.edits import Edits
from ranking.refreshing.joined_names import JoinedNames
from ranking.times import parse_moment

if TYPE_CHECKING:
    from rich.progress import Progress

AFTER_SNAPSHOTS = "after the last snapshot"
KIND = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
EVENTS_A_FOLD = 1_000_000
ADDRESSES_KEPT = 500_000
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Rules:
    """How rows become counts. `dedupe_s` 0: every one counts. `format` None: by name or content.

    `snapshots`: the moments at which events became known (epoch seconds, rising); none: each at its own time.
    """

    bucket_s: int
    zone: ZoneInfo
    dedupe_s: float = 0.0
    format: str | None = None
    pages: PageRules = field(default_factory=PageRules)
    item_pattern: AddressPattern | None = None
    snapshots: Sequence[float] = ()


@dataclass(slots=True)
class Read:
    """What was read: events that count, repeats that do not, what was left out of an access log, what was no row."""

    counted: int = 0
    repeated: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    unreadable: Faults = field(default_factory=Faults)


class LogSite:
    """See `ranking.lists.ranker.View`. `known_until` (epoch seconds): the end of the last bucket with an event."""

    def __init__(self) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history)
        self._names = JoinedNames(self.history, self.catalogue)
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        self.known_until = 0.0
        self.read = Read()
        self._items: dict[str, Item] = {}

    def details(self, rows: Iterable[int]) -> dict[int, Item]:
        """What to show of some rows; an item that no catalogue describes shows its id."""
        names = self.history.items
        return {row: self._items.get(names[row]) or Item(id=names[row]) for row in rows}

    def describe(self, files: Sequence[Path], rules: Rules, progress: "Progress | None" = None) -> None:
        """Take over items. Of two rows on one item the later one holds."""
        bar = Bar(progress, "reading items", files)
        for path in files:
            reading = Reading(self.read.unreadable)
            for line, row in bar.over(read_items(path, None, reading), reading):
                self._describe(path, line, row, rules)

    def _describe(self, path: Path, line: int, row: ItemRow, rules: Rules) -> None:
        try:
            item = row.id or item_of(row.url or "", rules.pages.pattern)
        except ValueError as error:
            self.read.unreadable.add(path, line, f"url: {error}")
            return
        if reason := why_bad_id(item):
            self.read.unreadable.add(path, line, f"id: {reason}")
            return
        published = row.published_at
        at = parse_moment(published, rules.zone) if isinstance(published, str) else published
        image = row.image if isinstance(row.image, str) else None
        self._items[item] = Item(
            item, title=row.title or "", url=row.url, section=row.section, published_at=at, image=image
        )
        self._names.describe(item, ItemDates(row.section, at, first_seen=np.inf, url=row.url))

    def count(self, files: Sequence[Path], rules: Rules, progress: "Progress | None" = None) -> None:
        """Count the events of some logs; those of the address of an item that is described already are its."""
        self._names.settle()
        rows = _Rows(self._names.row_of_new, rules, self.read)
        bar = Bar(progress, "reading events", files)
        for path in files:
            reading = Reading(self.read.unreadable, self.read.left_out)
            for line, event in bar.over(read_events(path, rules.format, reading, rules.pages), reading):
                rows.take(path, line, event)
        self.known_until = max(self.known_until, rows.fill(self.history))


def moments_of(file: Path, rules: Rules) -> list[float]:
    """The moments that a file's rows have, each once (epoch seconds, rising): those of snapshots.

    Raises:
        PopulerError: the file cannot be read.
    """
    times = (event.ts for _, event in read_events(file, rules.format, Reading(Faults()), rules.pages))
    return sorted({parse_moment(ts, rules.zone) if isinstance(ts, str) else ts for ts in times if ts is not None})


class _Rows:
    """Events in columns, on their way into a history."""

    def __init__(self, item_row: Callable[[str], int], rules: Rules, read: Read) -> None:
        self._item_row = item_row
        self._rules = rules
        self._read = read
        self._ts = array("d")
        self._row = array("q")
        self._channel = array("q")
        self._events = array("q")
        self._visit = array("q")  # the number of the visitor, item and kind; -1: of nobody in particular
        self._channels: dict[tuple[str, str | None, int | None], int | str] = {}
        self._names: dict[str, int] = {}
        self._rows: dict[str, int] = {}
        self._of_url: dict[str, str] = {}
        self._visits: dict[tuple[str, int, str], int] = {}
        self._ids: set[tuple[str, int]] = set()
        self._cells = _no_cells()
        self._fold_at = EVENTS_A_FOLD

    def take(self, path: Path, line: int, event: EventRow) -> None:
        """Take one event, or say why it cannot be counted."""
        if event.ts is None:
            self._read.unreadable.add(path, line, "has no time")
            return
        key = event.kind, event.source, event.position
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = self._channel_of(event)
        if isinstance(channel, str):
            self._read.unreadable.add(path, line, channel)
            return
        try:
            row = self._row_of(event)
        except ValueError as error:
            self._read.unreadable.add(path, line, str(error))
            return
        if event.id is not None:
            if (event.id, row) in self._ids:
                self._read.repeated += 1
                return
            self._ids.add((event.id, row))
        ts = self._moment(event.ts)
        if event.until is not None:
            ts = (ts + self._moment(event.until)) / 2  # counts of a bucket that may be wider than ours
        if snapshots := self._rules.snapshots:
            later = bisect_left(snapshots, ts)
            if later == len(snapshots):
                left_out = self._read.left_out
                left_out[AFTER_SNAPSHOTS] = left_out.get(AFTER_SNAPSHOTS, 0) + 1
                return
            ts = snapshots[later]
        if len(self._ts) >= self._fold_at:
            self.fold()
        self._ts.append(ts)
        self._row.append(row)
        self._channel.append(channel)
        self._events.append(event.events)
        if self._rules.dedupe_s:
            visit = -1
            if event.visitor:
                visit = self._visits.setdefault((event.visitor, row, event.kind), len(self._visits))
            self._visit.append(visit)

    def _moment(self, ts: float | str) -> float:
        return parse_moment(ts, self._rules.zone) if isinstance(ts, str) else ts

    def _channel_of(self, event: EventRow) -> int | str:
        """The number of the event's channel, or why it has none."""
        if not KIND.fullmatch(event.kind):
            return f"kind: must match {KIND.pattern}, found {event.kind[:64]!r}"
        wire = WireEvent(item="any", kind=event.kind, source=event.source, position=event.position)
        try:
            name = checked_event(wire, Intake({event.kind}, 0.0, 0.0, trusted=False)).channel
        except InvalidEventError as error:
            return str(error)
        return self._names.setdefault(name, len(self._names))

    def _row_of(self, event: EventRow) -> int:
        name = event.item
        if name is None:
            url = event.url or ""
            name = self._of_url.get(url)
            if name is None:
                if len(self._of_url) == ADDRESSES_KEPT:
                    self._of_url.clear()
                name = self._of_url[url] = item_of(url, self._rules.item_pattern)
        row = self._rows.get(name)
        if row is None:
            if reason := why_bad_id(name):
                raise ValueError(f"item: {reason}")
            row = self._rows[name] = self._item_row(name)
        return row

    def fold(self) -> None:
        """Add up what was taken so far: from here on its cells take memory, and no longer its events."""
        if self._rules.dedupe_s or not self._ts:
            return  # which of them count is known when all are there
        taken = np.array(self._ts), np.array(self._row), np.array(self._channel), np.array(self._events)
        self._read.counted += sum(self._events)
        for each in (self._ts, self._row, self._channel, self._events):
            del each[:]
        self._cells = _added(self._cells, self._cells_of(*taken))
        self._fold_at = max(EVENTS_A_FOLD, len(self._cells.counts))  # as they grow, they are added to less often

    def _cells_of(self, ts: npt.NDArray[np.float64], row: Ints, channel: Ints, events: Ints) -> "_Cells":
        return _Cells(np.floor_divide(ts, self._rules.bucket_s).astype(np.int64), channel, row, events)

    def fill(self, history: History) -> float:
        """Put the counts into `history`; the end of the last bucket in epoch seconds, 0 without any."""
        self.fold()
        if self._rules.dedupe_s:
            columns = (self._ts, self._row, self._channel, self._events)
            ts, row, channel, events = (np.array(each) for each in columns)
            counts = _first_visits(ts, np.array(self._visit), self._rules.dedupe_s)
            self._read.repeated += int(events[~counts].sum())
            self._read.counted += int(events[counts].sum())
            self._cells = _added(self._cells, self._cells_of(ts[counts], row[counts], channel[counts], events[counts]))
        number, channel, row, counts_of = self._cells
        if not len(number):
            return 0.0
        width_s = self._rules.bucket_s
        names = sorted(self._names, key=self._names.__getitem__)
        starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
        for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(number)], strict=True):
            bucket = Bucket(width_s, int(number[first]) * width_s)
            parts = _parts(names, channel[first:last], row[first:last], counts_of[first:last])
            history.replace_parts(bucket, 0, parts)
        return float((number[-1] + 1) * width_s)


class _Cells(NamedTuple):
    """Counts by number of bucket, channel and row; in this order, once they were added up."""

    number: Ints
    channel: Ints
    row: Ints
    counts: Ints


def _no_cells() -> _Cells:
    none = np.empty(0, dtype=np.int64)
    return _Cells(none, none, none, none)


def _added(some: _Cells, more: _Cells) -> _Cells:
    number, channel, row, counts = (np.concatenate(pair) for pair in zip(some, more, strict=True))
    if not len(number):
        return some
    order = np.lexsort((row, channel, number))
    columns = np.stack((number[order], channel[order], row[order]))
    edges = np.flatnonzero(np.concatenate([[True], (columns[:, 1:] != columns[:, :-1]).any(axis=0)]))
    number, channel, row = columns[:, edges]
    return _Cells(number, channel, row, np.add.reduceat(counts[order], edges))


def _parts(names: Sequence[str], channel: Ints, row: Ints, counts: Ints) -> Iterable[ChannelCounts]:
    edges = [0, *(np.flatnonzero(np.diff(channel)) + 1).tolist(), len(channel)]
    for first, last in pairwise(edges):
        yield ChannelCounts(names[int(channel[first])], row[first:last].astype(np.int32), counts[first:last])


def _first_visits(ts: npt.NDArray[np.float64], visit: Ints, window_s: float) -> npt.NDArray[np.bool_]:
    """Which events count if, of one visit, none does that is less than the window after one that counted."""
    order = np.lexsort((ts, visit))
    ts, visit = ts[order], visit[order]
    # What comes a window or more after the one before it is later still after the last that counted.
    soon = np.concatenate([[False], (visit[1:] == visit[:-1]) & (visit[1:] >= 0) & (ts[1:] - ts[:-1] < window_s)])
    counts = ~soon
    after = np.flatnonzero(soon)
    last, times = -1, ts.tolist()
    for place in after.tolist():
        if counts[place - 1]:
            last = place - 1
        if times[place] - times[last] >= window_s:
            counts[place] = True
    found = np.empty(len(ts), dtype=np.bool_)
    found[order] = counts
    return found
