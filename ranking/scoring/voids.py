"""Voids: counts of some items in a span of time that weigh nothing, or a share, in all that is summed.

They are applied to the counts before anything is summed, so every list, burst, preview, explanation and number of
views has them, of this moment and of past ones. A bucket knows no finer time than its span, so one that lies in a void
in part is void in proportion. Of several voids of one bucket the one that leaves least holds.

Invariant: with a share of 0, sums have the same bits as if the events had never been counted, in any order of the
voids, and of some rows as of all. When an item was first seen does not change.

Rejected: to take the events out of the store, as that cannot be undone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray, Mask
from ranking.scoring.sums import Counts


class RowVoid(NamedTuple):
    """Events of a row in `[since, until)` (epoch seconds) weigh `share`; `channels`: (channels,) bool, of which."""

    row: int
    since: float
    until: float
    share: float
    channels: Mask


def with_voids(counts: Counts, voids: Sequence[RowVoid]) -> Counts:
    """The counts under some voids; the same object where they change nothing."""
    columns = counts.columns
    cells: Mask = np.zeros(len(columns.cell_item), dtype=np.bool_)
    buckets: Mask = np.zeros(len(columns.start_s), dtype=np.bool_)
    for void in voids:
        cells |= (columns.cell_item == void.row) & void.channels[columns.cell_channel]
        buckets |= _share_inside(columns.width_s, columns.start_s, void) > 0
    if not cells.any() or not buckets.any():
        return counts
    entries = np.flatnonzero(cells[columns.cell] & buckets[columns.bucket])
    cell, bucket = columns.cell[entries], columns.bucket[entries]
    item, channel = columns.cell_item[cell], columns.cell_channel[cell]
    left = np.ones(len(entries))
    for void in voids:
        mine = np.flatnonzero((item == void.row) & void.channels[channel])
        inside = _share_inside(columns.width_s[bucket[mine]], columns.start_s[bucket[mine]], void)
        left[mine] = np.minimum(left[mine], 1.0 - inside * (1.0 - void.share))
    changed = columns.counts.copy()
    changed[entries] *= left
    recorded = columns.counts if counts.recorded is None else counts.recorded
    return Counts(
        columns._replace(counts=changed), counts.channels, counts.size, in_order=counts.in_order, recorded=recorded
    )


def _share_inside(width_s: FloatArray, start_s: FloatArray, void: RowVoid) -> FloatArray:
    """How much of each bucket lies in the void, (buckets,) float64, 0 to 1."""
    first, last = np.maximum(start_s, void.since), np.minimum(start_s + width_s, void.until)
    share: FloatArray = np.maximum(last - first, 0.0) / width_s
    return share
