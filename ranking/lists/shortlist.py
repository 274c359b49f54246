"""Front: the few rows that can be in a list, and what proves that no other is.

What nobody reads any more only sinks. So the rows that stood highest in what was counted until some hours ago, those
that were read since, and those of which something else has changed, are all that a refresh has to look at; of the rest
it is known, per section, what none of them scores more than. A list of these few rows is the list of all rows if so
many of them beat that mark in every section as the list is deep; otherwise it is not proven, and all rows are ranked.
The list is the same to the last bit either way: nothing is approximate here, and nothing depends on which way was gone.

Not for lists that need to know all rows, or rows at other times (see `fits`): those are ranked as ever.
"""

import math
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np

from ranking.calendar import NO_PERIOD
from ranking.counts.arrays import NO_SECTION, FloatArray, Mask, Rows, Sections
from ranking.lists.item_pool import ItemPool
from ranking.lists.ordering import by_section
from ranking.lists.rules import Candidates, Rule
from ranking.scoring.decay import Alike, HalfLife
from ranking.scoring.formula import LEAST_SCORE, Formula
from ranking.scoring.sums import Counts, Horizon, Moment, Span
from ranking.settings.lists import ListSettings
from ranking.times import HOUR_S

#: A list is asked for at moments as far back as its `movement`, which may be so long before the bound's own moment.
USUAL_MOVEMENT_S = float(HOUR_S)
#: How many rows of each section to look at, per row that a list may have there: few where all fall alike.
FEW_TIMES, MANY_TIMES, SPARE_ROWS = 1.5, 3.0, 20


class NotProvenError(Exception):
    """Other rows may belong into the list: all have to be ranked."""


class Whole(NamedTuple):
    """All rows of a site: what was counted of each until `until` (epoch seconds), and what is known of it."""

    counts: Counts
    published: FloatArray
    section: Sections
    stored: Mask
    until: float
    zone: tzinfo


class Shortlist(NamedTuple):
    """One list's rows, and what is known of all others.

    `upper_bounds`: per section, an upper bound on the score of every row outside, valid from `since`; no section first;
    -inf where no other row can be listed. From `until` on they fall by a half-life.
    """

    settings: ListSettings
    rows: Rows
    since: float
    until: float
    upper_bounds: FloatArray
    half_life_s: float

    def check(self, found: Candidates, section: Sections, at: float) -> None:
        """Return if no other row can be among the first of any section at a moment.

        Raises:
            NotProvenError: one may be.
        """
        if at < self.since:
            raise NotProvenError
        number = section - NO_SECTION
        missing = max(0, int(number.max(initial=0)) + 1 - len(self.upper_bounds))  # sections that no other row is in
        marks = np.concatenate([self.upper_bounds, np.full(missing, -np.inf)])
        if not math.isinf(self.half_life_s):
            falling = marks > 0
            left = 2.0 ** (-max(0.0, at - self.until) / self.half_life_s)
            marks[falling] = np.maximum(marks[falling] * left, LEAST_SCORE)
        beating = number[(found.rule == Rule.LISTED) & (found.score > marks[number])]
        if ((np.bincount(beating, minlength=len(marks)) < depth_of(self.settings)) & (marks > -np.inf)).any():
            raise NotProvenError


class ShortlistPool(ItemPool):
    """A pool of the fronts' rows. It answers only what is proven to be so of all rows."""

    fronts: Sequence[Shortlist] = ()

    def boosted(self, factors: FloatArray) -> "ShortlistPool":
        found = ShortlistPool(self.names, self.counts, self.facts, self._start, self._zone, factors)
        found._moments, found.fronts = self._moments, self.fronts
        return found

    def only(self, rows: Rows) -> ItemPool:
        raise NotProvenError

    def views_of_sections(self, moment: Moment) -> FloatArray:
        raise NotProvenError

    def widened(self, settings: ListSettings, moment: Moment) -> FloatArray:
        raise NotProvenError

    def read(self, settings: ListSettings, span: Span, moment: Moment) -> FloatArray:
        raise NotProvenError

    def candidates(self, settings: ListSettings, moment: Moment) -> Candidates:
        front = next((each for each in self.fronts if each.settings == settings), None)
        if front is None:
            raise NotProvenError
        found = super().candidates(settings, moment)
        front.check(found, self.facts.section, moment.at)
        return found


def fits(settings: ListSettings) -> bool:
    """Whether a list's rows can be told from the rest by what has long been counted.

    Not where it asks of all rows of a section (`section_floor`, `scale`), of what is not ranked (`fill`) or of times
    long past (`max_tenure`, `hysteresis`, `hold`), nor where a row that is read no more may rise: `period =
    "yesterday"`, a decay that does not fade, `revival`, `shape = "discourse-top"`, bursts by `ratio` or by a period.
    """
    if settings.fill != "none" or settings.hysteresis or not math.isinf(settings.max_tenure_s):
        return False
    if settings.scale != "none" or settings.section_floor:
        return False
    if settings.kind == "burst":
        by_span = settings.period == NO_PERIOD and settings.method != "ratio"
        return by_span and not settings.hold_s and (settings.method != "acceleration" or settings.minimum > 0)
    return settings.kind == "latest" or Formula(settings, UTC).fades


def shortlist_of(settings: ListSettings, whole: Whole, wider: float = 1.0) -> Shortlist:
    """The front of a list that `fits`; `wider`: how many times as many rows as usual to look at."""
    since = whole.until - max(0.0, settings.movement_s - USUAL_MOVEMENT_S)
    half_life_s, keep, forced = math.inf, MANY_TIMES, np.zeros(0, dtype=np.int64)
    match settings.kind:
        case "latest":
            since = -math.inf
            old = whole.published <= whole.until - settings.min_age_s
            at_most = np.where(whole.stored & old, whole.published, -np.inf)
            forced = np.flatnonzero(whole.stored & ~old)
        case "burst":
            at_most = np.full(len(whole.published), -np.inf)  # without an event in the last `short` there is no burst
            lately = Horizon(Alike(), (Span(since - settings.short_s),)).upper_bounds(whole.counts.columns, math.inf)
            channel_weights = Formula(settings, whole.zone).channel_weights(whole.counts.channels)
            forced = np.flatnonzero(whole.counts.item_sums(whole.counts.cell_sums(lately), channel_weights) > 0)
        case _:
            at_most = _at_most(settings, whole, since)
            decay = Formula(settings, whole.zone).horizon(since).decay
            if isinstance(decay, HalfLife) and (settings.shape, settings.exponent) == ("plain", 1.0):
                half_life_s = decay.half_life_s
                keep = keep if math.isinf(half_life_s) else FEW_TIMES
    rows, marks = _parted(at_most, whole.section, int(keep * wider * depth_of(settings)) + SPARE_ROWS)
    return Shortlist(settings, np.concatenate([rows, forced]), since, whole.until, marks, half_life_s)


def depth_of(settings: ListSettings) -> int:
    """How many rows a list may have in each section."""
    return max(settings.depth, settings.size)


def _at_most(settings: ListSettings, whole: Whole, since: float) -> FloatArray:
    """What no row that is read no more scores more than from `since` on; -inf: it is in no list."""
    counted, score = Formula(settings, whole.zone).upper_bounds(whole.counts, since, whole.published)
    out = (score <= 0) | (score < settings.floor) | (counted < settings.min_count)
    return np.where(out | (since - whole.published > settings.max_age_s), -np.inf, score)


def _parted(at_most: FloatArray, section: Sections, keep: int) -> tuple[Rows, FloatArray]:
    """The highest rows of each section, and the highest of all others of each."""
    number = section - NO_SECTION
    marks = np.full(int(number.max(initial=0)) + 1, -np.inf)
    kept = []
    for each, rows in by_section(np.flatnonzero(at_most > -np.inf), number).items():
        if len(rows) <= keep:
            kept.append(rows)
            continue
        order = np.argpartition(-at_most[rows], keep)
        kept.append(rows[order[:keep]])
        marks[each] = at_most[rows[order[keep]]]
    return np.concatenate([np.zeros(0, dtype=np.int64), *kept]), marks
