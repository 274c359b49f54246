"""Counts x weights -> sums per item. The one place where counts are added up.

    sum(item, t) = sum over channels of  weight(channel) * sum over buckets of  count * share(t) * decay(age(t))

Invariant: every sum runs in an order that the counts alone decide, so the same counts give the same bits. An item's
channel is summed over its buckets first, in their order, and its channels then in the order of their names.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray
from ranking.counts.buckets import ages, observed_share
from ranking.counts.columns import Columns
from ranking.counts.history import History
from ranking.scoring.decay import Decay

#: So many counts are weighed and added up at once: what that takes stays in the processor's cache.
AT_ONCE = 2**16
#: Counts up to which their cells are kept as numpy's index type, too. Of more, each part is cast as it is added up,
#: which saves 8 bytes a count and takes a twentieth more time.
MOST_CAST_AHEAD = 2**22


class Moment(NamedTuple):
    """A moment to rank for, and the moment up to which the counts were recorded. Epoch seconds."""

    at: float
    known_until: float


class Span(NamedTuple):
    """Events of `[since, until)` (epoch seconds) count `factor`; buckets that straddle an edge in proportion."""

    since: float = -math.inf
    until: float = math.inf
    factor: float = 1.0


class Horizon(NamedTuple):
    """Which events count, and what each counts at its age. Equal horizons at one moment have equal sums."""

    decay: Decay
    spans: tuple[Span, ...] = (Span(),)

    def weights(self, columns: Columns, moment: Moment) -> FloatArray:
        """Weight of one event of each bucket at `moment`: (buckets,) float64."""
        width_s, start_s, known = columns.width_s, columns.start_s, moment.known_until
        inside = np.zeros(len(start_s))
        for span in self.spans:
            share = observed_share(width_s, start_s, min(span.until, moment.at), known)
            if span.since > -math.inf:
                share -= observed_share(width_s, start_s, min(span.since, moment.at), known)
            inside += span.factor * share
        return inside * self.decay(ages(width_s, start_s, moment.at))

    def upper_bounds(self, columns: Columns, since: float) -> FloatArray:
        """Upper bound on the weight of one event of each bucket at every moment from `since` on: (buckets,) float64.

        It holds for spans that only lose events as time goes by and never gain older ones.
        """
        width_s, start_s = columns.width_s, columns.start_s
        inside = np.zeros(len(start_s))
        for span in self.spans:
            inside += span.factor * (1.0 - observed_share(width_s, start_s, min(span.since, since), math.inf))
        return inside * self.decay(ages(width_s, start_s, since))


class Counts:
    """A site's columns, prepared to be summed many times over; `size` is the number of item rows.

    `in_order`: the columns are sorted by bucket, which is faster. Sums are the same where each row's are sorted.
    `recorded`: (counts,) float64, the events as they were counted where some are void in `columns`; None: none is.
    `start`: when the site's counts begin, in epoch seconds, where these are a part of them.
    """

    def __init__(
        self,
        columns: Columns,
        channels: Sequence[str],
        size: int,
        *,
        in_order: bool = True,
        recorded: FloatArray | None = None,
        start: float = math.inf,
    ) -> None:
        self.columns = columns
        self.start = min(start, float(columns.start_s.min(initial=math.inf)))
        self.recorded = recorded
        self.in_order = in_order
        self.channels = channels
        self.size = size
        self._cell = columns.cell if len(columns.cell) > MOST_CAST_AHEAD else columns.cell.astype(np.intp)
        self._bucket = columns.bucket if in_order else columns.bucket.astype(np.intp)
        self._lengths = np.bincount(columns.bucket, minlength=len(columns.start_s))
        self._edges = np.concatenate([[0], np.cumsum(self._lengths)])
        self._cuts = np.unique(np.searchsorted(self._edges, np.arange(0, len(columns.counts), AT_ONCE)))
        self._item = columns.cell_item[columns.cell_order].astype(np.intp)
        channel = columns.cell_channel[columns.cell_order]
        firsts = {*np.flatnonzero(np.diff(channel, prepend=-1)).tolist(), *range(0, len(channel), AT_ONCE)}
        self._of_channels = [
            (int(channel[first]), slice(first, end)) for first, end in pairwise([*sorted(firsts), len(channel)])
        ]  # places in `cell_order`, in the order of their names, AT_ONCE of one channel at most

    def cell_sums(self, bucket_weights: FloatArray) -> FloatArray:
        """Sum per cell, (cells,) float64; `bucket_weights`: (buckets,) float64. Buckets of weight 0 are not read."""
        cells = len(self.columns.cell_item)
        sums, counting = np.zeros(cells), np.flatnonzero(bucket_weights)
        if not len(counting):
            return sums
        if not self.in_order:
            bucket, counts, cell = self._bucket, self.columns.counts, self._cell
            if 2 * len(counting) < len(bucket_weights):  # of a window few counts are added up
                some = np.flatnonzero((bucket_weights != 0).take(bucket))
                bucket, counts, cell = bucket[some], counts[some], cell[some]
            weighed = bucket_weights.take(bucket)
            weighed *= counts
            np.add.at(sums, cell, weighed)
            return sums
        first, last = int(counting[0]), int(counting[-1]) + 1
        inner = self._cuts[(self._cuts > first) & (self._cuts < last)].tolist()
        for begin, end in pairwise([first, *inner, last]):
            part = slice(self._edges[begin], self._edges[end])
            weighed = np.repeat(bucket_weights[begin:end], self._lengths[begin:end])
            weighed *= self.columns.counts[part]
            np.add.at(sums, self._cell[part].astype(np.intp, copy=False), weighed)
        return sums

    def item_sums(self, cell_weights: FloatArray, channel_weights: FloatArray) -> FloatArray:
        """Weighted sum of each item row's cells, (rows,) float64.

        `cell_weights`: (cells,) float64, the sums per cell; `channel_weights`: (channels,) float64.
        """
        sums = np.zeros(self.size)
        for channel, part in self._of_channels:
            if weight := channel_weights[channel]:
                weighed = cell_weights.take(self.columns.cell_order[part])
                weighed *= weight
                np.add.at(sums, self._item[part], weighed)
        return sums

    def only(self, rows: npt.NDArray[np.int64]) -> "Counts":
        """The counts of `rows` alone, (n,) int64, which become rows 0 to n - 1. Sums have the same bits."""
        columns, order = self.columns, self.columns.cell_order
        place = np.full(self.size, -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        cells = np.flatnonzero(place[columns.cell_item] >= 0)
        cell_place = np.full(len(columns.cell_item), -1, dtype=np.int32)
        cell_place[cells] = np.arange(len(cells), dtype=np.int32)
        entries = np.flatnonzero((cell_place >= 0)[columns.cell])
        some = columns._replace(
            cell=cell_place[columns.cell[entries]],
            bucket=columns.bucket[entries],
            counts=columns.counts[entries],
            cell_item=place[columns.cell_item[cells]],
            cell_channel=columns.cell_channel[cells],
            cell_order=cell_place[order[cell_place[order] >= 0]].astype(np.int64),
        )
        recorded = None if self.recorded is None else self.recorded[entries]
        return Counts(some, self.channels, len(rows), in_order=self.in_order, recorded=recorded, start=self.start)

    def first_in(self, bucket_weights: FloatArray, channel_weights: FloatArray) -> FloatArray:
        """Start of the earliest bucket with an event that counts: (rows,) float64, epoch seconds; inf without one."""
        columns = self.columns
        counts = (bucket_weights > 0)[columns.bucket] & (channel_weights > 0)[columns.cell_channel][self._cell]
        entries = np.flatnonzero(counts & (columns.counts > 0))[::-1]  # the earliest is written last, and stays
        first = np.full(self.size, np.inf)
        first[columns.cell_item[self._cell[entries]]] = columns.start_s[columns.bucket[entries]]
        return first


class Sums:
    """The sums of some counts at one moment. Lists with equal horizons share the pass over the cells."""

    def __init__(self, counts: Counts, moment: Moment) -> None:
        self.moment = moment
        self._counts = counts
        self._cells: dict[Horizon, FloatArray] = {}

    @property
    def channels(self) -> Sequence[str]:
        """Names of the channels, in the order of their weights."""
        return self._counts.channels

    @property
    def oldest_s(self) -> float:
        """The age of the oldest bucket in seconds; 0 where there is none."""
        return self.moment.at - min(self._counts.start, self.moment.at)

    def total(self, horizon: Horizon, channel_weights: FloatArray) -> FloatArray:
        """Weighted sum per item row, (rows,) float64; `channel_weights`: (channels,) float64, by `channels`."""
        cell_weights = self._cells.get(horizon)
        if cell_weights is None:
            weights = horizon.weights(self._counts.columns, self.moment)
            cell_weights = self._cells[horizon] = self._counts.cell_sums(weights)
        return self._counts.item_sums(cell_weights, channel_weights)

    def first(self, horizon: Horizon, channel_weights: FloatArray) -> FloatArray:
        """Start of the earliest bucket with an event that counts: (rows,) float64, epoch seconds; inf without one."""
        return self._counts.first_in(horizon.weights(self._counts.columns, self.moment), channel_weights)


class RowSums(Sums):
    """The sums of some rows, (n,) int64, which become rows 0 to n - 1 of them."""

    def __init__(self, sums: Sums, rows: npt.NDArray[np.int64]) -> None:
        super().__init__(sums._counts, sums.moment)
        self._sums = sums
        self._rows = rows

    def total(self, horizon: Horizon, channel_weights: FloatArray) -> FloatArray:
        """Weighted sum per row, (n,) float64."""
        return self._sums.total(horizon, channel_weights)[self._rows]

    def first(self, horizon: Horizon, channel_weights: FloatArray) -> FloatArray:
        """Start of the earliest bucket with an event that counts: (n,) float64, epoch seconds; inf without one."""
        return self._sums.first(horizon, channel_weights)[self._rows]


def counts_of(history: History) -> Counts:
    """The counts of a history as they are at this moment."""
    return Counts(history.columns(), history.channels, len(history.items))
