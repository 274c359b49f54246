"""Pulse: since when nothing is read on a site, and how much is usual at this time, from the site's own history.

What is usual is the median of spans as long as the one that must not be silent, which ended at the same local time: a
week ago, two weeks ago and so on where at least three such weeks are kept, else on the days before. A site that sleeps
at night or on Sundays is not expected to wake, and one that is new is expected nothing of.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from statistics import median

import msgspec
import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.counts.buckets import observed_share
from ranking.counts.columns import Columns
from ranking.counts.history import History
from ranking.watching.waiting import Waiting

#: Fewer spans are too few to say what is usual.
LEAST_SPANS = 3
MOST_WEEKS, MOST_DAYS = 4, 7


class Usual(msgspec.Struct, frozen=True):
    """The events of spans of the past that ended at this local time.

    `events`: their median; `spans`: how many there are, `read` how many of them held anything; `weekly`: they are of
    this day of the week, else of the days before.
    """

    events: float
    spans: int
    read: int
    weekly: bool


class Pulse(msgspec.Struct, frozen=True):
    """A site at the moment `at` (epoch seconds).

    `silent_since`: the end of the last bucket that holds events, None where nothing is kept; `span_s`: how long the
    spans of `usual` are, which is None where too little history is kept. `waiting`: what is read and in no list.
    `refresh_s`: how long each of the last refreshes took at least, seconds; `went_back_at`: when the store was last
    found to have gone back, epoch seconds. `known`, `described`: items that are.
    """

    at: float
    silent_since: float | None
    span_s: float
    usual: Usual | None
    waiting: Waiting = Waiting()
    refresh_s: float = 0.0
    went_back_at: float | None = None
    known: int = 0
    described: int = 0


def pulse_of(history: History, at: float, zone: tzinfo, span_s: float) -> Pulse:
    """The pulse at `at` (epoch seconds) of what had been recorded by then; `zone` is the site's."""
    columns = history.columns()
    totals: FloatArray = np.bincount(columns.bucket, columns.counts, len(columns.start_s)).astype(np.float64)
    read = (totals > 0) & (columns.start_s < at)
    ends = np.minimum(columns.start_s[read] + columns.width_s[read], at)
    starts_at = float(columns.start_s.min(initial=math.inf))
    return Pulse(
        at=at,
        silent_since=float(ends.max()) if len(ends) else None,
        span_s=span_s,
        usual=_usual(columns, totals, starts_at, at, zone, span_s) if span_s else None,
    )


def _usual(
    columns: Columns, totals: FloatArray, starts_at: float, at: float, zone: tzinfo, span_s: float
) -> Usual | None:
    for weekly, ends in ((True, _before(at, zone, MOST_WEEKS, 7)), (False, _before(at, zone, MOST_DAYS, 1))):
        kept = [end for end in ends if end - span_s >= starts_at]
        if len(kept) >= LEAST_SPANS:
            held = [_held(columns, totals, end - span_s, end, at) for end in kept]
            return Usual(median(held), len(held), sum(events > 0 for events in held), weekly)
    return None


def _before(at: float, zone: tzinfo, times: int, days: int) -> Sequence[float]:
    """The same local time 1 to `times` times `days` days ago, in epoch seconds."""
    here = datetime.fromtimestamp(at, zone)
    return [(here - timedelta(days=days * ago)).timestamp() for ago in range(1, times + 1)]


def _held(columns: Columns, totals: FloatArray, since: float, until: float, known_until: float) -> float:
    """Events of a span, buckets that straddle an edge in proportion."""
    before = observed_share(columns.width_s, columns.start_s, until, known_until)
    share = before - observed_share(columns.width_s, columns.start_s, since, known_until)
    return float((totals * share).sum())
