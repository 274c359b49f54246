"""Voids of items -> voids of the rows of a pool."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranking.counts.arrays import Mask
from ranking.counts.fields import referrer_of
from ranking.intake.events import DEFAULT_KIND, channel_kind, channel_source
from ranking.published.edits import Void
from ranking.scoring.sums import Counts
from ranking.scoring.voids import RowVoid, with_voids

Voids = Mapping[str, Sequence[tuple[int, Void]]]


def without_void_events(counts: Counts, voids: Voids, known_row: Callable[[str], int | None]) -> Counts:
    """The counts under the voids in force: item -> number and void; `known_row` finds an item's row in the counts."""
    rows = [
        RowVoid(row, void.since, math.inf if void.until is None else void.until, void.share, _channels(void, counts))
        for item, of_item in voids.items()
        if (row := known_row(item)) is not None
        for _, void in of_item
    ]
    return with_voids(counts, rows) if rows else counts


def _channels(void: Void, counts: Counts) -> Mask:
    """Which channels a void is about, (channels,) bool."""
    return np.array(
        [
            (not void.kinds or (DEFAULT_KIND if referrer_of(name) else channel_kind(name)) in void.kinds)
            and (not void.sources or channel_source(name) in void.sources)
            for name in counts.channels
        ],
        dtype=np.bool_,
    )
