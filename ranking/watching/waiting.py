"""Waiting: items that readers read and no list shows, as nobody has described them, and how often they are read."""

from collections.abc import Iterable

import msgspec
import numpy as np

from ranking.counts.arrays import Mask
from ranking.counts.fields import channels_of
from ranking.counts.history import History
from ranking.intake.events import DEFAULT_KIND
from ranking.times import HOUR_S

NAMED = 10


class Waiting(msgspec.Struct, frozen=True):
    """Items that wait for a description: `items` of them had `reads` in the last hour, of `all_reads` of the site.

    `top`: id and reads of the most read of them.
    """

    items: int = 0
    reads: int = 0
    all_reads: int = 0
    top: tuple[tuple[str, int], ...] = ()


def waiting_of(history: History, shown: Mask, gone: Iterable[str], at: float, named: int = NAMED) -> Waiting:
    """What waits at `at` (epoch seconds). `shown`: (rows,) bool, what lists may show; `gone`: what is meant not to be;
    `named`: how many of the most read are named.

    A bucket that straddles the beginning of the hour counts where its middle is.
    """
    columns, rows = history.columns(), len(history.items)
    views = channels_of(history.channels, DEFAULT_KIND)
    lately = (columns.start_s + columns.width_s / 2 >= at - HOUR_S) & (columns.start_s < at)
    first = columns.first_of(lately)
    cell = columns.cell[first:]
    counts = np.where(lately[columns.bucket[first:]] & views[columns.cell_channel[cell]], columns.counts[first:], 0.0)
    reads = np.bincount(columns.cell_item[cell], counts, rows)
    waits = ~shown & (reads > 0)
    waits[[row for row in map(history.known_row, gone) if row is not None]] = False
    found = np.flatnonzero(waits)
    most = found
    if len(found) > named:  # those that are read as often as the last of them stay, for their order by name
        most = found[reads[found] >= np.partition(reads[found], -named)[-named]]
    top = sorted(most.tolist(), key=lambda row: (-reads[row], history.items[row]))[:named]
    ids = tuple((history.items[row], int(reads[row])) for row in top)
    return Waiting(len(found), int(reads[found].sum()), int(reads.sum()), ids)
