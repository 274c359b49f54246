"""Traffic rule: the half-life that a site's traffic speaks for, before there are days enough to judge half-lives by.

    half-life in hours = 60 / R ^ 0.75,  R = reads an hour of the ten most read items of each hour, the mean of 7 days

Few reads are few witnesses: a list of a small site has to remember longer until what it counts is more than chance. R
looks at the ten most read, as they are what a list is about: of a thousand items that are read once each nothing can be
told, however many reads they are together. Hours without a read are hours, too.

Source: the best fixed half-lives in hindsight of 14 days of real reads, of a tenth to a thousandth of their readers and
of sections of their own; docs/tuning.md has how far from the best it was on each.

Rejected: reads of the site (a long tail of archives is read by the way), and the mean of a day's or a week's best ten,
which says less of what is read now.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ranking.counts.arrays import NO_SECTION, FloatArray, Mask, Rows, Sections
from ranking.counts.columns import Columns
from ranking.counts.fields import is_shadow
from ranking.intake.events import DEFAULT_KIND, channel_kind
from ranking.scoring.channel_weights import ChannelWeights
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S, MINUTE_S

SCALE_H, POWER = 60.0, 0.75
BEST, WEEK_S = 10, 7.0 * DAY_S
#: The half-lives that a list which tunes itself may be at, in seconds: steps of a fifth to a half.
GRID_S = tuple(
    float(MINUTE_S * minutes)
    for minutes in (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2880, 5760,
                    10_080, 20_160, 43_200)
)  # fmt: skip
#: A half-life stays while the rule is within this factor of it, so that a list does not waver between two.
NEAR = 1.3
#: The first moment at which a new site's traffic is looked at, in seconds after its counts begin.
FIRST_LOOK_S = 5.0 * MINUTE_S


def rule_s(reads: float) -> float:
    """Half-life in seconds, unbounded, for R `reads` an hour of the ten most read.

    >>> [round(rule_s(reads) / 3600, 1) for reads in (300.0, 40.0, 12.0, 4.0)]
    [0.8, 3.8, 9.3, 21.2]
    """
    return math.inf if reads <= 0 else HOUR_S * SCALE_H / reads**POWER


def half_life_s(reads: float, bounds_s: tuple[float, float], before_s: float | None = None) -> float:
    """The half-life of the grid within bounds that is nearest to the rule; `before_s` stays while it is near enough.

    >>> half_life_s(40.0, (900.0, 86_400.0)), half_life_s(0.0, (900.0, 86_400.0))
    (14400.0, 86400.0)
    >>> half_life_s(30.0, (900.0, 86_400.0), before_s=14_400.0)  # the rule has 4.7 h
    14400.0
    """
    wanted_s = min(max(rule_s(reads), bounds_s[0]), bounds_s[1])
    if before_s is not None and bounds_s[0] <= before_s <= bounds_s[1] and 1 / NEAR <= wanted_s / before_s <= NEAR:
        return before_s
    return min(within(bounds_s), key=lambda each: abs(math.log(each / wanted_s)))


def within(bounds_s: tuple[float, float]) -> list[float]:
    """The half-lives of the grid within bounds, and the bounds."""
    return sorted({each for each in GRID_S if bounds_s[0] <= each <= bounds_s[1]} | set(bounds_s))


def look(start: float, at: float) -> float | None:
    """The last moment up to `at` at which traffic that begins at `start` is looked at: after 5 min, 10, 20, 40 …

    Each time as long again has passed, so that a new site's list is seldom thrown over. None: it is too early. Epoch
    seconds.

    >>> look(1_000_000.0, 1_000_000.0 + 3599), look(1_000_000.0, 1_000_060.0)
    (1002400.0, None)
    """
    if not at - start >= FIRST_LOOK_S:
        return None
    return start + FIRST_LOOK_S * 2.0 ** math.floor(math.log2((at - start) / FIRST_LOOK_S))


def read_kinds(channels: Sequence[str], settings: ListSettings) -> tuple[str, ...]:
    """The kinds of events that are reads: views where there are any, else what the list weighs."""
    kinds = tuple(sorted({channel_kind(each) for each in channels if not is_shadow(each)}))
    counted = tuple(kind for kind in kinds if ChannelWeights(settings.weights).per_channel([kind]).any())
    return (DEFAULT_KIND,) if DEFAULT_KIND in kinds else counted


@dataclass(frozen=True)
class HourlyReads:
    """Reads by item and hour in the week before a moment, one entry for each item of each hour that has any.

    `item`: (entries,) int64, rows; `hour`: (entries,) int64, from 0 to `hours` - 1; `reads`: (entries,) float64;
    `span_s`: the seconds that were counted in.
    """

    item: Rows
    hour: Rows
    reads: FloatArray
    hours: int
    span_s: float

    @cached_property
    def of_site(self) -> float:
        """R of the site."""
        return float(self._best(np.zeros_like(self.item), 1)[0])

    def of_sections(self, section: Sections) -> FloatArray:
        """R of each section by its number, (sections,) float64; `section`: (rows,) int32."""
        return self._best(section[self.item].astype(np.int64), int(section.max(initial=NO_SECTION)) + 1)

    def _best(self, group: Rows, groups: int) -> FloatArray:
        some = np.flatnonzero(group >= 0)
        of_group, reads = group[some] * self.hours + self.hour[some], self.reads[some]
        order = np.lexsort((-reads, of_group))
        ordered = of_group[order]
        best = order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < BEST]
        sums = np.bincount(of_group[best], weights=reads[best], minlength=groups * self.hours)
        return np.asarray(sums.reshape(groups, self.hours).sum(axis=1) * HOUR_S / max(self.span_s, FIRST_LOOK_S))


def reads_by_hour(columns: Columns, channel_weights: FloatArray, takes: Mask, at: float) -> HourlyReads:
    """The reads of the week before `at` (epoch seconds). A bucket of more than an hour counts in its first.

    `channel_weights`: (channels,) float64; `takes`: (rows,) bool, the items that are looked at.
    """
    begin = min(max(float(columns.start_s.min(initial=math.inf)), at - WEEK_S), at)
    start, hours = math.floor(begin / HOUR_S) * HOUR_S, math.ceil((at - begin) / HOUR_S) + 1
    seen = (columns.start_s >= begin) & (columns.start_s + columns.width_s <= at)
    entries = np.flatnonzero(seen[columns.bucket])
    cell = columns.cell[entries]
    item = columns.cell_item[cell]
    counts = columns.counts[entries]
    counts *= channel_weights[columns.cell_channel[cell]]
    counts *= takes[item]
    hour_of_bucket = ((columns.start_s - start) // HOUR_S).astype(np.int64)
    keys = hour_of_bucket[columns.bucket[entries]] * len(takes) + item
    some = counts > 0
    keys, place = np.unique(keys[some], return_inverse=True)
    reads = np.asarray(np.bincount(place, weights=counts[some], minlength=len(keys)), dtype=np.float64)
    return HourlyReads(keys % max(len(takes), 1), keys // max(len(takes), 1), reads, hours, at - begin)
