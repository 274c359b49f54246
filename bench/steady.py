"""Refreshes of a history that differs in length and in nothing else: the same last hours, the same new events.

Beside `refresh.py`, where a longer history also means more readers, this says what the past alone costs. No store: what
is timed is the ranking of the lists, and the same from all rows.
"""

import statistics
import time
from datetime import UTC
from typing import NamedTuple

import numpy as np
import readership

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import Catalogue
from ranking.counts.columns import ChannelCounts
from ranking.counts.history import History
from ranking.counts.item_dates import DatesColumns
from ranking.lists.incremental import IncrementalRanker
from ranking.lists.ranker import Ranker
from ranking.published.edits import Edits
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings
from ranking.times import DAY_S, HOUR_S

RECENT_S = 4 * HOUR_S
RECENT_CELLS = 1_000_000
STEPS = 7
EVENTS = 1_000


class Steadily(NamedTuple):
    """Seconds of a ranking of all lists and of drawing the fronts; how many counts, and of those in the last hours."""

    counts: int
    recent: int
    front_s: float
    whole_s: float
    draw_s: float


class Site:
    """What a ranker asks of a site; `steady`: its last hours are those of a site of RECENT_CELLS."""

    def __init__(self, cells: int, end_s: int, *, steady: bool = True) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history)
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        many, recent = readership.items(cells), 0
        published = end_s - (many - np.arange(many)) / many * readership.DAYS * DAY_S
        names = readership.names(range(many))
        sections = [f"Rubrik {number}" for number in range(readership.SECTIONS)]
        of_item = (np.arange(many) % len(sections)).astype(np.int64)
        stored, no_address, no_end = np.ones(many, np.bool_), np.zeros(many, np.uint64), np.full(many, np.inf)
        self.catalogue.set_many(
            DatesColumns(
                names, sections, of_item, published, published, stored, no_address, no_end, [], np.full(many, -1)
            )
        )
        shift = many - readership.items(RECENT_CELLS)
        usual = readership.bucketfuls(RECENT_CELLS, end_s)
        for each, like_ever in zip(readership.bucketfuls(cells, end_s), usual, strict=True):
            lately = steady and each.start_s >= end_s - RECENT_S
            counts = {}
            for kind, (items, events) in (like_ever if lately else each).counts.items():
                rows = np.maximum(items + shift, 0) if lately else items
                counts[kind] = rows, events
                recent += len(rows) * lately
            self._take(each.start_s, counts)
        self.recent = recent

    def see(self, start_s: int, step: int) -> None:
        """Have some events happen in a bucket whose counts are of no further interest."""
        self._take(start_s, {"view": (np.arange(step, step + EVENTS), np.ones(EVENTS, np.int64))})

    def _take(self, start_s: int, counts: dict[str, tuple[readership.Ints, readership.Ints]]) -> None:
        parts = [ChannelCounts(kind, items.astype(np.int32), events) for kind, (items, events) in counts.items()]
        self.history.replace_parts(Bucket(readership.WIDTH_S, start_s), 0, parts)


def measured(cells: int, settings: Settings, end_s: int) -> Steadily:
    """One size."""
    site, steady, lists = Site(cells, end_s), IncrementalRanker(), settings.lists
    now = Moment(end_s, end_s)
    steady.ranked(site, now, UTC, lists)
    started = time.perf_counter()
    steady.prepare(site, UTC, lists)
    draw_s = time.perf_counter() - started
    front_s, whole_s = [], []
    for step in range(STEPS):
        moment = Moment(end_s + step * settings.refresh.every_s, end_s + step * settings.refresh.every_s)
        site.see(end_s, step)
        started = time.perf_counter()
        steady.ranked(site, moment, UTC, lists)
        front_s.append(time.perf_counter() - started)
        steady.prepare(site, UTC, lists)  # as a service does: what proved nothing is drawn wider
        started = time.perf_counter()
        ranker = Ranker(site, moment)
        for each in lists.values():
            ranker.rank_sections(each)
        whole_s.append(time.perf_counter() - started)
    counts = len(site.history.columns().counts)
    return Steadily(counts, site.recent, statistics.median(front_s), statistics.median(whole_s), draw_s)
