"""RowSubset: some rows of a history with all their counts, as small columns that follow what is counted.

What was counted long ago is taken from a snapshot of the history, by rows; what came since, late or not, is joined to
it each time.

Invariant: a row's counts are all there, in the history's order, so that sums of it have the same bits.
"""

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Ints, Rows
from ranking.counts.cells import grown
from ranking.counts.columns import Columns, FrozenHistory, Key, cells_by_channel_name, times_of
from ranking.counts.history import History

_OUTSIDE = -1


class ByRow:
    """Index of columns by row: where each row's counts lie, in their order."""

    def __init__(self, columns: Columns, size: int) -> None:
        item = columns.cell_item[columns.cell]
        self._size = size
        self._entries = np.argsort(item, kind="stable").astype(np.int32)
        self._first = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=size))])

    def entries(self, rows: Rows) -> Ints:
        """The places of all counts of some rows, one row's behind another's, (counts,) int32."""
        rows = rows[rows < self._size]
        first, last = self._first[rows], self._first[rows + 1]
        lengths = last - first
        behind = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        places: Ints = self._entries[behind + np.arange(len(behind))]
        return places


class RowSubset:
    """Some rows of a history, which become rows 0, 1, … of the subset in the order in which they were added."""

    def __init__(self, history: History, snapshot: FrozenHistory, by_row: ByRow) -> None:
        self.rows: Rows = np.zeros(0, dtype=np.int64)
        self.names: list[str] = []
        self._history = history
        self._snapshot = snapshot
        self._by_row = by_row
        self._row_place = np.full(len(history.items), _OUTSIDE, dtype=np.int32)
        self._cell_place = np.full(len(history.cell_item), _OUTSIDE, dtype=np.int32)
        self._cells: Ints = np.zeros(0, dtype=np.int32)
        self._entries: Ints = np.zeros(0, dtype=np.int32)
        self._entry_cells: Ints = np.zeros(0, dtype=np.int32)
        self._gone: npt.NDArray[np.bool_] | None = None  # counts of the snapshot that hold no more
        self._gone_keys: set[Key] = set()
        self._blocks: tuple[Rows, Ints] | None = None  # where those of the snapshot begin, and their shards

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> int | None:
        """The row here of a row of the history; None if it was not added."""
        row_here = int(self._row_place[row]) if row < len(self._row_place) else _OUTSIDE
        return None if row_here == _OUTSIDE else row_here

    def add(self, rows: npt.NDArray[np.integer]) -> None:
        """Add rows of the history; those that are here already are no mistake."""
        self._row_place = _reaching(self._row_place, len(self._history.items))
        new = np.unique(rows[self._row_place[rows] == _OUTSIDE]).astype(np.int64)
        if not len(new):
            return
        self._row_place[new] = np.arange(len(self.rows), len(self.rows) + len(new), dtype=np.int32)
        self.rows = np.concatenate([self.rows, new])
        self.names += map(self._history.items.__getitem__, new.tolist())
        entries = self._by_row.entries(new)
        self._entries = np.concatenate([self._entries, entries])
        self._entry_cells = np.concatenate([self._entry_cells, self._places(self._snapshot.columns.cell[entries])])

    def follow(self) -> None:
        """Take in what was counted since the snapshot; every row that it touches is added."""
        history, snapshot = self._history, self._snapshot
        recent = history.after(snapshot.until)
        self.add(history.cell_item[recent.cell])
        changed = history.changed_since()
        for key in changed.keys() - self._gone_keys:
            self._gone_keys.add(key)
            first, last = snapshot.ranges.get(key, (0, 0))
            if first < last:
                if self._gone is None:
                    self._gone = np.zeros(len(snapshot.columns.cell), dtype=np.bool_)
                self._gone[first:last] = True
                self._touch(snapshot.columns.cell[first:last])
        for block in changed.values():
            if block is not None:
                self._touch(block.cells)
        if self._gone is not None:
            kept = ~self._gone[self._entries]
            if not kept.all():
                self._entries, self._entry_cells = self._entries[kept], self._entry_cells[kept]

    def _touch(self, cells: Ints) -> None:
        self.add(self._history.cell_item[cells])

    def columns(self) -> Columns:
        """The counts of the rows, each row's in their order. Valid until something is added or changes."""
        history, known = self._history, self._snapshot.columns
        recent = history.after(self._snapshot.until)
        late = {key: block for key, block in history.changed_since().items() if block is not None}
        cells = [self._entry_cells, *(self._places(block.cells) for block in late.values()), self._places(recent.cell)]
        late_s = times_of([bucket for bucket, _ in late])
        first_late, first_recent = len(known.start_s), len(known.start_s) + len(late)
        buckets = [
            known.bucket[self._entries],
            *(np.full(len(block.cells), first_late + n, np.int32) for n, block in enumerate(late.values())),
            recent.bucket + np.int32(first_recent),
        ]
        counts = [known.counts[self._entries], *(block.counts for block in late.values()), recent.counts]
        width_s = np.concatenate([known.width_s, late_s[0], recent.width_s])
        start_s = np.concatenate([known.start_s, late_s[1], recent.start_s])
        cell, bucket, count = np.concatenate(cells), np.concatenate(buckets), np.concatenate(counts)
        if late:
            shards = [
                self._shards(),
                *(np.full(len(block.cells), shard, np.int32) for (_, shard), block in late.items()),
                np.zeros(len(recent.cell), np.int32),  # behind all others, and in order
            ]
            order = _in_order(bucket, np.concatenate(shards), width_s, start_s)
            cell, bucket, count = cell[order], bucket[order], count[order]
        channel = history.cell_channel[self._cells]
        return Columns(
            cell=cell,
            bucket=bucket,
            counts=count,
            cell_item=self._row_place[history.cell_item[self._cells]],
            cell_channel=channel,
            cell_order=cells_by_channel_name(channel, history.channels),
            width_s=width_s,
            start_s=start_s,
        )

    def _shards(self) -> Ints:
        """The shard of each count of the snapshot, (counts,) int32: an item's names may lie in several."""
        if self._blocks is None:
            ordered = sorted(self._snapshot.ranges.items(), key=lambda block: block[1])
            firsts, shards = [first for _, (first, _) in ordered], [shard for (_, shard), _ in ordered]
            self._blocks = np.array(firsts, dtype=np.int64), np.array(shards, dtype=np.int32)
        firsts_of, shards_of = self._blocks
        found: Ints = shards_of[np.searchsorted(firsts_of, self._entries, side="right") - 1]
        return found

    def _places(self, cells: Ints) -> Ints:
        """The numbers here of some cells of the history, given out on first sight."""
        self._cell_place = _reaching(self._cell_place, len(self._history.cell_item))
        places_here: Ints = self._cell_place[cells]
        unknown = np.unique(cells[places_here == _OUTSIDE])
        if len(unknown):
            first = len(self._cells)
            self._cell_place[unknown] = np.arange(first, first + len(unknown), dtype=np.int32)
            self._cells = np.concatenate([self._cells, unknown])
            places_here = self._cell_place[cells]
        return places_here


def _reaching(places: Ints, length: int) -> Ints:
    if length <= len(places):
        return places
    longer = grown(places, length)
    longer[len(places) :] = _OUTSIDE
    return longer


def _in_order(bucket: Ints, shard: Ints, width_s: FloatArray, start_s: FloatArray) -> npt.NDArray[np.int64]:
    """The order of counts by their buckets' end and width and by shard, as a history has them."""
    # A bucket has a number among those of the snapshot and, for each shard where it came late, another.
    rank = np.unique(np.stack([start_s + width_s, width_s], axis=1), axis=0, return_inverse=True)[1]
    return np.argsort(rank[bucket] * (int(shard.max(initial=0)) + 1) + shard, kind="stable")
