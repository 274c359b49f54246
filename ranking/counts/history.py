"""History: the counts of a site in columns, by item, bucket and channel.

The history of a site is a pile of blocks, one per stored bucket and shard, and the columns made of them. A changed
bucket replaces its block. What is long over hardly changes, so it is joined into columns once (`closed`), and only the
last hours are joined again with every change: following the counts costs what has changed, not what there is.

Names that are joined to an item (`join`) have its row: what was counted under them is in its cells, as if it had been
counted under its id. The row that such a name had of its own stays in `items` and has no counts.

Invariants: the columns hold exactly the counts of the blocks. A block has the whole count of a cell, whether it came as
one number or in parts, under one name or several. A cell's counts are in (end, width, shard) order, and where closed
ends follows from the counts alone; so how they arrived, which of them are sealed, and when a name was joined, does not
show in a bit of a sum over them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_ROW, FloatArray, Ints
from ranking.counts.buckets import Bucket
from ranking.counts.cells import Cells, grown
from ranking.counts.columns import (
    BucketBlock,
    ChannelCounts,
    Columns,
    FrozenHistory,
    Key,
    RecentColumns,
    cells_by_channel_name,
    column_order,
    has_same_counts,
    joined_blocks,
    merged_counts,
    times_of,
    write_blocks,
)
from ranking.counts.fields import by_referrer, is_shadow, parts_from_fields, referrer_of
from ranking.counts.numbering import JoinedNumbering, Numbering
from ranking.times import HOUR_S

#: What ended less than this before the end of the latest bucket is open: long enough that a list of an hour ago and
#: an event that comes an hour late do not touch what is closed.
OPEN_S = 2 * HOUR_S
CLOSES_EVERY_S = HOUR_S
#: Room behind the closed counts at first; a site that is read grows it by what it needs.
_FIRST_SPARE = 1 << 8


class _CellColumns(NamedTuple):
    """The part of `Columns` that has one entry per cell."""

    item: Ints
    channel: Ints
    order: npt.NDArray[np.int64]


class History:
    """Counts of one site, kept by bucket and shard. One thread at a time."""

    def __init__(self) -> None:
        self._items, self._channels = JoinedNumbering(), Numbering()
        self.items, self.channels = self._items.names, self._channels.names
        self._cells = Cells()
        self._has_names = np.zeros(0, dtype=np.bool_)  # whether names are joined to each row
        self._blocks: dict[Key, BucketBlock] = {}
        self._shard_buckets: dict[int, set[Bucket]] = {}
        self._start: float | None = math.inf  # of the earliest bucket; None: unknown
        self._first_end = math.inf  # no bucket ends before
        self._last_end: int | None = None  # the end of the latest; None: unknown
        self._closed_until = -math.inf
        self._open_keys: set[Key] = set()
        self._closed: Columns | None = None
        self._closed_first = np.empty(0)
        self._recent: RecentColumns | None = None
        self._columns: Columns | None = None
        self._cell_columns: _CellColumns | None = None
        self._ranges: dict[Key, tuple[int, int]] = {}
        self._shot_until = -math.inf
        self._shot_changes: set[Key] = set()
        # The closed counts lie at the front, the open ones are written behind them.
        self._cell = np.empty(0, dtype=np.int32)
        self._bucket = np.empty(0, dtype=np.int32)
        self._counts = np.empty(0)

    def item_row(self, item: str) -> int:
        """The row of an item, given out on first sight."""
        return self._items.number(item)

    def item_rows(self, names: Sequence[str]) -> Ints:
        """The rows of items, (names,) int32, given out on first sight."""
        return self._items.numbers(names)

    def known_rows(self, names: Sequence[str]) -> Ints:
        """The rows of items, (names,) int32; NO_ROW for one that was never seen."""
        return self._items.known_numbers(names, NO_ROW)

    def known_row(self, item: str) -> int | None:
        """The row of an item, or None if it was never seen."""
        return self._items.known(item)

    def own_row(self, name: str) -> int | None:
        """The row that is called `name`: of a joined name not that of its item. None: it was never seen."""
        return self._items.own(name)

    def item_of(self, name: str) -> str:
        """The item that a name stands for: itself, unless it is joined to another."""
        row = self._items.known(name)
        return name if row is None else self.items[row]

    def names_of(self, item: str) -> list[str]:
        """The names that an item is counted under: its own, and those that are joined to it in their order."""
        row = self._items.known(item)
        return [item] if row is None else [self.items[row], *sorted(self._items.joined_to(row))]

    def joined_pairs(self) -> Iterator[tuple[str, int]]:
        """Every joined name, and the row of its item."""
        return ((name, row) for row, names in self._items.joined.items() for name in names)

    def join(self, pairs: Mapping[str, str]) -> dict[int, int]:
        """Join names to items (name -> item), with the names that are joined to them; no name is joined elsewhere.

        Which row went into which, of those that had been given out.
        """
        both = [self._items.join(name, item) for name, item in pairs.items()]
        moved = dict(rows for rows in both if rows is not None)
        rows = [row for row in map(self._items.known, pairs.values()) if row is not None]
        if rows and max(rows) >= (length := len(self._has_names)):
            self._has_names = grown(self._has_names, max(rows) + 1)
            self._has_names[length:] = False
        self._has_names[rows] = True
        if moved:
            self._move(moved)
        return moved

    def _move(self, moved: Mapping[int, int]) -> None:
        """Give the counts of rows to others, one step: row -> row."""
        place = np.arange(len(self.items), dtype=np.int32)
        place[list(moved)] = list(moved.values())
        while not np.array_equal(place, place[place]):  # into a row that goes into another
            place = place[place]
        items = self._cells.item
        old = np.flatnonzero(place[items] != items).astype(np.int32)
        if not len(old):
            return
        rows, channels = place[items[old]], self._cells.channel[old]
        new = np.arange(len(self._cells), dtype=np.int32)
        is_old = np.zeros(len(new), dtype=np.bool_)
        is_old[old] = True
        for channel in np.unique(channels).tolist():
            new[old[channels == channel]] = self._cells.numbers(rows[channels == channel], channel)
        for key, block in list(self._blocks.items()):
            if is_old[block.cells].any():
                self._put(key, BucketBlock(*merged_counts(new[block.cells], block.counts)))

    def rows_with_counts(self) -> npt.NDArray[np.bool_]:
        """Whether each item row has any counts, (rows,) bool."""
        found = np.zeros(len(self.items), dtype=np.bool_)
        for block in self._blocks.values():
            found[self._cells.item[block.cells]] = True
        return found

    def compacted(self, rows: Ints) -> "History":
        """A history of the same counts with these rows alone, numbered in their order; no others have counts."""
        history, place = History(), np.full(len(self.items), -1, dtype=np.int32)
        history.item_rows([self.items[row] for row in rows.tolist()])
        place[rows] = np.arange(len(rows), dtype=np.int32)
        for (bucket, shard), block in self._blocks.items():
            items, channels = place[self._cells.item[block.cells]], self._cells.channel[block.cells]
            parts = [
                ChannelCounts(self.channels[channel], items[channels == channel], block.counts[channels == channel])
                for channel in np.unique(channels).tolist()
            ]
            history.replace_parts(bucket, shard, parts)
        history.join({name: self.items[row] for name, row in self.joined_pairs() if place[row] >= 0})
        return history

    def replace(self, bucket: Bucket, shard: int, fields: Iterable[bytes], counts: Iterable[int]) -> None:
        """Replace the counts of a bucket of a shard. No fields: the bucket is gone."""
        self.replace_parts(bucket, shard, self.parts_of(fields, counts))

    def parts_of(
        self, fields: Iterable[bytes], counts: Iterable[int], number: Callable[[str], int] | None = None
    ) -> list[ChannelCounts]:
        """Counts by field as counts by channel and row; `number` gives an item that was never seen its row."""
        return parts_from_fields(fields, counts, self._items.known, number or self._items.number)

    def replace_parts(self, bucket: Bucket, shard: int, parts: Iterable[ChannelCounts]) -> None:
        """Replace the counts of a bucket of a shard by the sum of `parts`, whose numbers are rows."""
        counted = (
            part for part in parts if len(part.numbers) and (not is_shadow(part.channel) or referrer_of(part.channel))
        )
        taken = [part for each in counted for part in by_referrer(each)]
        if not taken:
            return self._forget([(bucket, shard)])
        channels = [self._channels.number(part.channel) for part in taken]
        cells = [self._cells.numbers(part.numbers, number) for part, number in zip(taken, channels, strict=True)]
        joined, events = np.concatenate(cells), np.concatenate([part.counts for part in taken])
        if len(set(channels)) < len(channels) or self._have_joined(taken):  # a cell may be there several times
            joined, events = merged_counts(joined, events)
        return self._put((bucket, shard), BucketBlock(joined, events.astype(np.float64)))

    def buckets(self, shard: int) -> Iterator[Bucket]:
        """The buckets of a shard."""
        return iter(self._shard_buckets.get(shard, ()))

    def drop(self, shard: int, buckets: Iterable[Bucket]) -> None:
        """Drop buckets of a shard."""
        self._forget([(bucket, shard) for bucket in buckets])

    def forget_before(self, moment: float) -> None:
        """Drop the buckets that ended at or before `moment` (epoch seconds)."""
        if self._first_end <= moment:
            self._forget([key for key in self._blocks if key[0].end_s <= moment])
            self._first_end = min((bucket.end_s for bucket, _ in self._blocks), default=math.inf)

    def closed(self) -> Columns:
        """The counts of all buckets but the last hours'. It is the same object while none of them changes.

        Which buckets that are follows from the counts: `closed_until`. What is derived from these columns, such as a
        sum, may be kept and used again while `closed()` gives the same object; it never changes in itself.
        """
        self._settle()
        if self._closed is None:
            self._close(max(_FIRST_SPARE, 2 * sum(len(self._blocks[key].cells) for key in self._open_keys)))
        assert self._closed is not None  # noqa: S101 - for the type checker
        return self._closed

    def snapshot(self) -> FrozenHistory:
        """`closed()` as it is now. `changed_since` tells the changes from the last snapshot on."""
        closed = self.closed()
        self._shot_until, self._shot_changes = self._closed_until, set()
        return FrozenHistory(closed, self._closed_until, self._ranges)

    def changed_since(self) -> Mapping[Key, BucketBlock | None]:
        """The blocks that differ from those in the last `snapshot`, as they are now (None: gone)."""
        return {key: self._blocks.get(key) for key in self._shot_changes}

    def after(self, moment: float) -> RecentColumns:
        """The counts of the buckets that end after a moment (epoch seconds), in their order."""
        self._settle()
        if moment == self._closed_until:
            return self._recent_part()
        return joined_blocks(self._blocks, [key for key in self._blocks if key[0].end_s > moment])

    @property
    def cell_item(self) -> Ints:
        """The row of each cell, (cells,) int32."""
        return self._cells.item

    @property
    def cell_channel(self) -> Ints:
        """The channel of each cell, (cells,) int32."""
        return self._cells.channel

    @property
    def closed_until(self) -> float:
        """Epoch seconds: the buckets that end at or before are in `closed()`. -inf without any."""
        self._settle()
        return self._closed_until

    def columns(self) -> Columns:
        """All counts, the last hours' behind those of `closed()`. Valid until the next change to the history."""
        self._settle()
        if self._columns is None:
            closed, recent = self.closed(), self._recent_part()
            first, length = len(closed.cell), len(closed.cell) + len(recent.cell)
            if length > len(self._cell):
                self._close(2 * len(recent.cell))
                closed = self.closed()
            self._cell[first:length] = recent.cell
            self._bucket[first:length] = recent.bucket + len(closed.start_s)
            self._counts[first:length] = recent.counts
            names = self._per_cell()
            self._columns = Columns(
                cell=self._cell[:length],
                bucket=self._bucket[:length],
                counts=self._counts[:length],
                cell_item=names.item,
                cell_channel=names.channel,
                cell_order=names.order,
                width_s=np.concatenate([closed.width_s, recent.width_s]),
                start_s=np.concatenate([closed.start_s, recent.start_s]),
            )
        return self._columns

    def first_event(self) -> FloatArray:
        """Start of the earliest bucket of each item row, (rows,) float64, epoch seconds; inf where it has no counts."""
        self.closed()
        first = np.full(len(self.items), np.inf)
        first[: len(self._closed_first)] = self._closed_first
        self._lower(first, self._open_keys)
        return first

    def start(self) -> float:
        """Start of the earliest bucket in epoch seconds; inf where there is none."""
        if self._start is None:
            self._start = min((bucket.start_s for bucket, _ in self._blocks), default=math.inf)
        return self._start

    def _put(self, key: Key, block: BucketBlock) -> None:
        before = self._blocks.get(key)
        if before is not None and has_same_counts(before, block):  # it was sealed, which changes no count
            return
        self._blocks[key] = block
        if self._start is not None:
            self._start = min(self._start, key[0].start_s)
        self._shard_buckets.setdefault(key[1], set()).add(key[0])
        self._first_end = min(self._first_end, key[0].end_s)
        if self._last_end is not None:
            self._last_end = max(self._last_end, key[0].end_s)
        self._changed(key)
        if key[0].end_s > self._closed_until:
            self._open_keys.add(key)

    def _have_joined(self, parts: Iterable[ChannelCounts]) -> bool:
        """Whether any counts may be those of several names of one item."""
        has_names = self._has_names
        return any(has_names[part.numbers[part.numbers < len(has_names)]].any() for part in parts)

    def _forget(self, keys: list[Key]) -> None:
        for key in keys:
            if self._blocks.pop(key, None) is not None:
                self._open_keys.discard(key)
                self._shard_buckets[key[1]].discard(key[0])
                self._changed(key)
                if key[0].end_s == self._last_end:
                    self._last_end = None
                if key[0].start_s == self._start:
                    self._start = None

    def _changed(self, key: Key) -> None:
        self._columns = None
        if key[0].end_s > self._closed_until:
            self._recent = None
        else:
            self._closed = None
        if key[0].end_s <= self._shot_until:
            self._shot_changes.add(key)

    def _settle(self) -> None:
        """Find out where closed ends."""
        if self._last_end is None or not self._blocks:
            self._last_end = max((bucket.end_s for bucket, _ in self._blocks), default=None)
        until = -math.inf if self._last_end is None else (self._last_end - OPEN_S) // CLOSES_EVERY_S * CLOSES_EVERY_S
        if until != self._closed_until:
            self._closed_until = until
            self._open_keys = {key for key in self._blocks if key[0].end_s > until}
            self._closed = self._recent = self._columns = None

    def _close(self, spare: int) -> None:
        """Join the closed blocks, with room behind them; the blocks are parts of the joined arrays from then on."""
        ordered = sorted((key for key in self._blocks if key[0].end_s <= self._closed_until), key=column_order)
        length = sum(len(self._blocks[key].cells) for key in ordered)
        cell, bucket = np.empty(length + spare, np.int32), np.empty(length + spare, np.int32)
        counts = np.empty(length + spare)
        buckets = write_blocks(self._blocks, ordered, cell, bucket, counts)
        self._ranges, at = {}, 0
        for key in ordered:
            end = at + len(self._blocks[key].cells)
            self._blocks[key] = BucketBlock(cell[at:end], counts[at:end])
            self._ranges[key] = at, end
            at = end
        self._cell, self._bucket, self._counts = cell, bucket, counts
        names = self._per_cell()
        self._closed = Columns(
            cell[:length], bucket[:length], counts[:length], names.item, names.channel, names.order, *times_of(buckets)
        )
        self._closed_first = np.full(len(self.items), np.inf)
        self._lower(self._closed_first, ordered)
        self._columns = None

    def _lower(self, first: FloatArray, keys: Iterable[Key]) -> None:
        """Lower each row's first event to the start of its earliest bucket among `keys`."""
        for key in keys:
            rows = self._cells.item[self._blocks[key].cells]
            first[rows] = np.minimum(first[rows], key[0].start_s)  # the same for all: a row may be there twice

    def _recent_part(self) -> RecentColumns:
        if self._recent is None:
            self._recent = joined_blocks(self._blocks, self._open_keys)
        return self._recent

    def _per_cell(self) -> _CellColumns:
        if self._cell_columns is None or len(self._cell_columns.item) != len(self._cells):
            channel = self._cells.channel
            order = cells_by_channel_name(channel, self.channels)
            self._cell_columns = _CellColumns(self._cells.item, channel, order)
        return self._cell_columns
