"""RangeCounts: the events of a range of time, from the counts that the lists are ranked by.

They are what counted: no repeats of a visitor and nothing that was left out. Voids are applied as they are in lists.
Nothing is weighed: a view is a view from wherever it came, and as old as it may be.

Invariant: only whole buckets are summed, so where no void cuts a bucket every number is a whole one.
"""

from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray, Ints, Longs, Mask
from ranking.counts.columns import Columns
from ranking.counts.fields import channels_of, referrer_of
from ranking.counts.history import History
from ranking.intake.events import CLICK, DEFAULT_KIND, channel_source
from ranking.lists.item_voids import without_void_events
from ranking.lists.ranker import View, mask_of
from ranking.scoring.sums import counts_of


class Range(NamedTuple):
    """A span of time `[since, until)` in epoch seconds."""

    since: float
    until: float


class RangeCounts:
    """Views and clicks of a site in a range, per cell: one item's events of one channel.

    `range`: the one asked for, widened to whole buckets. `item`: (cells,) int32, the row of each; `channels`: names,
    which `channel`, (cells,) int32, indexes; `views`, `clicks`: (cells,) float64; `begun`: the same of views that say
    where their visit began, all of which are in `views` as well, in cells of their own.
    """

    def __init__(
        self, history: History, columns: Columns, asked: Range, bucket_s: int, source: str | None = None
    ) -> None:
        """Sum `columns`, the counts of `history` under voids; `source`: of the events of one source alone."""
        self.range = whole_buckets(columns, asked, bucket_s)
        end_s = columns.start_s + columns.width_s  # the counts are in the order of their buckets' ends
        edges = np.searchsorted(end_s, self.range, side="right")
        inside = slice(*np.searchsorted(columns.bucket, edges))
        events = summed(columns.cell[inside], columns.counts[inside], len(columns.cell_item))
        self.rows = len(history.items)
        self.item, self.channel = columns.cell_item, columns.cell_channel
        self.channels = history.channels
        self.views, self.clicks = (
            np.where(channels_of(self.channels, kind, source)[self.channel], events, 0.0)
            for kind in (DEFAULT_KIND, CLICK)
        )
        is_begun = np.array([source is None and referrer_of(name) != "" for name in self.channels], dtype=np.bool_)
        self.begun = np.where(is_begun[self.channel], events, 0.0)

    def keep(self, rows: Mask) -> None:
        """Count the events of some rows alone, (rows,) bool."""
        own = rows[self.item]
        self.views, self.clicks, self.begun = (
            np.where(own, events, 0.0) for events in (self.views, self.clicks, self.begun)
        )

    def by_row(self) -> tuple[FloatArray, FloatArray]:
        """Views and clicks of each item row, (rows,) float64 both."""
        return summed(self.item, self.views, self.rows), summed(self.item, self.clicks, self.rows)


def columns_under_voids(view: View, at: float) -> Columns:
    """The counts of a site under the voids in force at `at` (epoch seconds)."""
    history, voids = view.history, view.edits.in_force(at).voids
    return without_void_events(counts_of(history), voids, history.known_row).columns if voids else history.columns()


def whole_buckets(columns: Columns, asked: Range, bucket_s: int) -> Range:
    """`asked` widened to whole buckets of `bucket_s` seconds, and of what is kept in wider ones."""
    since, until = asked.since // bucket_s * bucket_s, -(-asked.until // bucket_s) * bucket_s
    start, end = columns.start_s, columns.start_s + columns.width_s
    while True:  # widths divide each other: a second pass is the last
        inside = (end > since) & (start < until)
        wider = Range(float(start[inside].min(initial=since)), float(end[inside].max(initial=until)))
        if wider == (since, until):
            return wider
        since, until = wider


def known_rows(view: View) -> Mask:
    """The rows of items that the newsroom has described, named or taken down, (rows,) bool."""
    known: Mask = view.catalogue.known | mask_of(view.removed, view.history.known_row, len(view.history.items))
    return known


def source_of(channel: str) -> str:
    """Where the events of a channel came from, or their visits began; "": that is not known."""
    return referrer_of(channel) or channel_source(channel)


def summed(group: Ints | Longs, events: FloatArray, groups: int) -> FloatArray:
    """Events of each group, (groups,) float64; `group`: (n,) int32, the number of each count's."""
    return np.asarray(np.bincount(group, weights=events, minlength=groups), dtype=np.float64)
