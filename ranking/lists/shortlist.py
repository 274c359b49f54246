"""Shortlist: the few rows that can be in a list, and an upper bound on the score of every other row.

What nobody reads any more only sinks. So the rows that stood highest in what was counted until some hours ago, those
that were read since, and those of which something else has changed, are all that a refresh has to look at; the score
of the rest has an upper bound per section. A list of these few rows is the list of all rows if in every section as many
of them beat the bound as the list is deep; otherwise it is not proven, and all rows are ranked.

Invariant: the list is the same to the last bit either way.

Lists that need to know all rows, or rows at other times, have no shortlist (see `fits`): all their rows are ranked.
"""

import math
from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np

from ranking.calendar import NO_PERIOD
from ranking.counts.arrays import NO_SECTION, FloatArray, Groups, Mask, Rows, Sections
from ranking.intake.item_filter import ItemFilter
from ranking.lists.item_pool import ItemPool
from ranking.lists.ordering import by_section
from ranking.lists.rules import WIDENED, Candidates, Rule, listable
from ranking.scoring.bursts import SectionLevels
from ranking.scoring.decay import Alike
from ranking.scoring.formula import LEAST_SCORE, Formula
from ranking.scoring.sums import Counts, Horizon, Moment, Span
from ranking.settings.lists import TUNED_DECAYS, ListSettings
from ranking.times import HOUR_S

#: What may stand in a list or fill it up.
OPEN = (Rule.LISTED, *WIDENED)
#: A list is ranked at moments as far back as its `movement`; the bound holds this long before its own moment.
USUAL_MOVEMENT_S = float(HOUR_S)
#: How many rows of each section to look at, per row that a list may have there: few where all scores fall alike,
#: but for the bounded factor of a forecast.
FEW_TIMES, MANY_TIMES, SPARE_ROWS = 1.5, 3.0, 20


class NotProvenError(Exception):
    """Rows outside the shortlist may belong into the list: all rows have to be ranked."""


class Whole(NamedTuple):
    """All rows of a site: what was counted of them until `until` (epoch seconds), and what is known of them.

    `published`: (rows,) float64, epoch seconds; `section`: (rows,) int32; `stored`, `known`: (rows,) bool, whether
    described, and whether described or named by an event with the site's key; `taken`: by a filter the rows that it
    takes, (rows,) bool.
    """

    counts: Counts
    published: FloatArray
    section: Sections
    stored: Mask
    known: Mask
    until: float
    zone: tzinfo
    taken: Mapping[ItemFilter, Mask] = {}

    def listable(self, settings: ListSettings) -> Mask:
        """The rows that a list may show for who has named them, and for what its filters take, (rows,) bool."""
        rows = listable(settings.shows, self.stored, self.known)
        for of_list in settings.filters:
            rows = rows & self.taken[of_list]
        return rows


class Reach(NamedTuple):
    """What a shortlist must reach: `spare` more rows of each section than the list has, and `back_s` seconds back."""

    spare: int = 0
    back_s: float = 0.0


class Shortlist(NamedTuple):
    """The rows of one list that have to be ranked, and a bound on all others.

    `upper_bounds`: (sections + 1,) float64, no section first: an upper bound on the score of every row outside, valid
    from `since` (epoch seconds); -inf where no other row can be listed. From `until` on they fall by `half_life_s`.
    `filling`: bounds of the rows that may fill the list up; None: nothing does.
    """

    settings: ListSettings
    rows: Rows
    since: float
    until: float
    upper_bounds: FloatArray
    half_life_s: float
    reach: Reach = Reach()
    filling: FloatArray | None = None

    def check(self, candidates: Candidates, section: Sections, group: Groups, at: float) -> None:
        """Return if no row outside can be among the first of any section at the moment `at` (epoch seconds).

        `section`, `group`: (rows,) int32, those of each candidate. Of the rows of a group one is listed; under a cap
        per section, which one it is may open a place elsewhere.

        Raises:
            NotProvenError: one may be.
        """
        if at < self.since:
            raise NotProvenError
        self._check(candidates.rule == Rule.LISTED, self.upper_bounds, candidates, section, group, at)
        if self.filling is not None:
            self._check(np.isin(candidates.rule, OPEN), self.filling, candidates, section, group, at)

    def _check(
        self,
        among: Mask,
        upper_bounds: FloatArray,
        candidates: Candidates,
        section: Sections,
        group: Groups,
        at: float,
    ) -> None:
        number = section - NO_SECTION
        missing = max(0, int(number.max(initial=0)) + 1 - len(upper_bounds))  # sections that no other row is in
        bounds = np.concatenate([upper_bounds, np.full(missing, -np.inf)])
        if not math.isinf(self.half_life_s):
            falling = bounds > 0
            left = 2.0 ** (-max(0.0, at - self.until) / self.half_life_s)
            bounds[falling] = np.maximum(bounds[falling] * left, LEAST_SCORE)
        beating: Rows = np.flatnonzero(among & (candidates.score > bounds[number]))
        grouped = beating[group[beating] >= 0]
        if len(grouped):
            if self.settings.max_per_section:
                raise NotProvenError
            firsts = np.unique(np.stack([number[grouped], group[grouped]]), axis=1, return_index=True)[1]
            beating = np.setdiff1d(beating, np.delete(grouped, firsts))
        enough = depth_of(self.settings) + self.reach.spare
        if ((np.bincount(number[beating], minlength=len(bounds)) < enough) & (bounds > -np.inf)).any():
            raise NotProvenError


class ShortlistPool(ItemPool):
    """A pool of the rows of some shortlists. It answers only what is proven to be so of all rows.

    `shortlists`: by the identity of their settings, which is what a list is ranked by: to compare settings takes longer
    than to rank a list.

    Raises:
        NotProvenError: by every method whose answer other rows could change.
    """

    shortlists: Mapping[int, Shortlist] = {}

    def boosted(self, factors: FloatArray) -> "ShortlistPool":
        pool = ShortlistPool(self.names, self.counts, self.facts, self._start, self._zone, factors)
        pool._moments, pool.shortlists = self._moments, self.shortlists
        return pool

    def only(self, rows: Rows) -> ItemPool:
        raise NotProvenError

    def widened(self, settings: ListSettings, moment: Moment) -> FloatArray:
        raise NotProvenError

    def read(self, settings: ListSettings, span: Span, moment: Moment) -> FloatArray:
        raise NotProvenError

    def levels(self, settings: ListSettings, moment: Moment) -> SectionLevels:
        shortlist = self.shortlists.get(id(settings))
        if shortlist is None or moment.at < shortlist.since:
            raise NotProvenError
        return super().levels(settings, moment)

    def candidates(self, settings: ListSettings, moment: Moment) -> Candidates:
        shortlist = self.shortlists.get(id(settings))
        if shortlist is None:
            raise NotProvenError
        candidates = super().candidates(settings, moment)
        shortlist.check(candidates, self.facts.section, self.facts.group, moment.at)
        return candidates


def fits(settings: ListSettings) -> bool:
    """Whether a list can have a shortlist: what has long been counted bounds the rows that can be in it.

    Not where it asks of all rows of a section (`section_floor`, `scale`), of what has no score (`fill`) or of times
    long past (`max_tenure`, `hysteresis`, `hold`), nor where a row that is read no more may rise: `period =
    "yesterday"`, a decay that does not fade, `revival`, `shape = "discourse-top"`, bursts by `ratio` or by a period.
    """
    if settings.fill == "latest" or (settings.fill == "widen" and not _fills_by_score(settings)):
        return False
    if settings.hysteresis or not math.isinf(settings.max_tenure_s):
        return False
    if settings.scale != "none" or settings.section_floor:
        return False
    match settings.kind:
        case "latest":
            return True
        case "burst":
            return _burst_fits(settings)
        case _:
            return Formula(settings, UTC).fades


def _fills_by_score(settings: ListSettings) -> bool:
    """Whether what fills a list up is in the order of its own score."""
    return settings.scored_by_any_event and not settings.max_per_section and not settings.without


def reach_of(name: str, lists: Mapping[str, ListSettings]) -> Reach:
    """The reach of the list `name`: past what it leaves out, and to where those look that leave out what it shows."""

    def back_s(of: str) -> float:
        users = (other for other, settings in lists.items() if of in settings.without)
        return max((lists[of].movement_s, *map(back_s, users)))

    return Reach(sum(lists[other].size for other in lists[name].without), back_s(name))


def shortlist_of(
    settings: ListSettings, whole: Whole, reach: Reach, wider: float = 1.0, numbers: Collection[int] | None = None
) -> Shortlist:
    """The shortlist of a list that `fits`, or of its sections of some `numbers` alone.

    `wider`: how many times as many rows as usual to look at.
    """
    since = whole.until - max(0.0, reach.back_s - USUAL_MOVEMENT_S)
    match settings.kind:
        case "latest":
            bound = _latest_bound(settings, whole)
        case "burst":
            bound = _burst_bound(settings, whole, since)
        case _:
            bound = _ranked_bound(settings, whole, since)
    keep = int(bound.keep * wider * (depth_of(settings) + reach.spare)) + SPARE_ROWS
    others = np.zeros(len(whole.section), dtype=np.bool_)
    if numbers is not None:
        others = ~np.isin(whole.section, list(numbers))
    rows, upper_bounds = _parted(np.where(others, -np.inf, bound.at_most), whole.section, keep)
    rows, filling = np.concatenate([rows, bound.forced]), None
    if settings.widens:
        open_to = settings.model_copy(update={"max_age_s": math.inf, "min_count": 0.0, "floor": 0.0})
        at_most = _ranked_bound(open_to, whole, since).at_most
        fillers, filling = _parted(np.where(others, -np.inf, at_most), whole.section, keep)
        rows = np.union1d(rows, fillers)
    return Shortlist(settings, rows, bound.since, whole.until, upper_bounds, bound.half_life_s, reach, filling)


def depth_of(settings: ListSettings) -> int:
    """How many rows a list may have in each section."""
    return max(settings.depth, settings.size)


class _Bound(NamedTuple):
    """An upper bound on the scores of one list.

    `at_most`: (rows,) float64, what a row that is read no more never scores more than from `since` (epoch seconds) on;
    -inf: it is in no list. `forced`: rows that are in the shortlist whatever they score. `keep`: rows to look at per
    row that the list may have. From the end of what was counted on the bounds fall by `half_life_s`.
    """

    at_most: FloatArray
    forced: Rows
    since: float
    keep: float = MANY_TIMES
    half_life_s: float = math.inf


def _latest_bound(settings: ListSettings, whole: Whole) -> _Bound:
    """A publication is its own score at any moment; those that are too young yet may be listed at a later one."""
    old = whole.published <= whole.until - settings.min_age_s
    described = whole.listable(settings)
    at_most = np.where(described & old, whole.published, -np.inf)
    return _Bound(at_most, np.flatnonzero(described & ~old), since=-math.inf)


def _burst_fits(settings: ListSettings) -> bool:
    by_span = settings.period == NO_PERIOD and settings.method != "ratio"
    return by_span and not settings.hold_s and (settings.method != "acceleration" or settings.minimum > 0)


def _burst_bound(settings: ListSettings, whole: Whole, since: float) -> _Bound:
    """Without an event in the last `short` there is no burst: only rows that had one lately can be listed."""
    at_most = np.full(len(whole.published), -np.inf)
    lately = Horizon(Alike(), (Span(since - settings.short_s),)).upper_bounds(whole.counts.columns, math.inf)
    channel_weights = Formula(settings, whole.zone).channel_weights(whole.counts.channels)
    events = whole.counts.item_sums(whole.counts.cell_sums(lately), channel_weights)
    return _Bound(at_most, np.flatnonzero((events > 0) & whole.listable(settings)), since)


def _ranked_bound(settings: ListSettings, whole: Whole, since: float) -> _Bound:
    """The score at `since` without another event, of the rows that the rules let in."""
    counted, score, _ = Formula(settings, whole.zone).upper_bounds(whole.counts, since, whole.published)
    out = ~whole.listable(settings) | (score <= 0) | (score < settings.floor) | (counted < settings.min_count)
    at_most = np.where(out | (since - whole.published > settings.max_age_s), -np.inf, score)
    nothing = np.zeros(0, dtype=np.int64)
    if settings.decay not in TUNED_DECAYS or (settings.shape, settings.exponent) != ("plain", 1.0):
        return _Bound(at_most, nothing, since)
    keep = MANY_TIMES if math.isinf(settings.half_life_s) else FEW_TIMES
    return _Bound(at_most, nothing, since, keep, settings.half_life_s)


def _parted(at_most: FloatArray, section: Sections, keep: int) -> tuple[Rows, FloatArray]:
    """The `keep` highest rows of each section, and the highest value of all other rows of each."""
    number = section - NO_SECTION
    bounds = np.full(int(number.max(initial=0)) + 1, -np.inf)
    kept = []
    for of_section, rows in by_section(np.flatnonzero(at_most > -np.inf), number).items():
        if len(rows) <= keep:
            kept.append(rows)
            continue
        order = np.argpartition(-at_most[rows], keep)
        kept.append(rows[order[:keep]])
        bounds[of_section] = at_most[rows[order[keep]]]
    return np.concatenate([np.zeros(0, dtype=np.int64), *kept]), bounds
