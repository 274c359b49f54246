"""List makers: how a back-test makes the list of a setting at each step.

Every list is made by the one engine, from what was known then. Where a list's rules look at an item alone, its best are
picked from the scores without applying every rule to every item: an item that scores less than the k-th of those who
were near the top a step before, and still may be listed, is not among the best k now. A list with a setting that this
short way does not know of takes the long one, through `selection`.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.lists import ordering
from ranking.lists.rules import listable
from ranking.lists.selection import Selector
from ranking.scoring.correction import MOST
from ranking.scoring.formula import LOW, Formula
from ranking.scoring.sums import Moment, RowSums
from ranking.settings.decays import FORECAST
from ranking.settings.learned import Correction
from ranking.settings.lists import ListSettings
from ranking.tuning.forecaster import Forecaster
from ranking.tuning.measures import highest
from ranking.tuning.outcome import Judging
from ranking.tuning.walk_forward import WalkForward

#: How many times the list's length is remembered as near the top.
NEAR = 3
#: Settings that the short way follows, or that do not bear on which rows a ranked list has.
UNDERSTOOD = frozenset({
    "preset", "title", "size", "depth", "listed", "sections", "without", "section_minimum", "movement_s",
    "weights", "self_click_weight", "position_bias", "position_cap", "bonus_kinds",
    "decay", "half_life_s", "auto", "objective", "window_s", "period", "week_start",
    "power", "power_scale_s", "daily",
    "shape", "exponent",
    "aging", "aging_half_life_s", "gravity", "gravity_offset_s", "revival_s", "revival_weights",
    "max_age_s", "min_age_s", "min_count", "floor",
    "method", "short_s", "baseline_s", "minimum", "poisson_floor", "hold_s", "peak_half_life_s",
})  # fmt: skip

Maker = Callable[[Moment], Rows]


def list_maker(
    walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo, forecaster: Forecaster | None = None
) -> Maker:
    """A function that makes a list of `k` rows, best first, at the walk's present moment."""
    if forecaster is not None:
        return _ForecastMaker(walk, settings, judging, zone, forecaster).rows
    # Its own depth is how far below the cut hysteresis looks; without it nothing below the cut matters.
    depth = settings.depth if settings.hysteresis else judging.k
    listed = settings.model_copy(update={"size": judging.k, "depth": depth})
    if _is_simple(settings):
        return _ShortMaker(walk, listed, judging, zone).rows

    def selected(moment: Moment) -> Rows:
        return Selector(walk, listed, moment).selected([judging.section])[judging.section].rows

    return selected


def forecasters_of(
    walk: WalkForward, lists: Sequence[ListSettings], read_weights: FloatArray, horizon_s: float, zone: tzinfo
) -> dict[int, Forecaster]:
    """The forecaster of each list that is a forecast, by the list's place.

    Lists of one half-life that weigh alike share one.
    """
    by_sums: dict[tuple[bytes, float], Forecaster] = {}
    forecasters = {}
    for number, settings in enumerate(lists):
        if settings.decay == FORECAST and settings.correction is None:
            weights, half_life_s = Formula(settings, zone).channel_weights(walk.counts.channels), settings.half_life_s
            key = weights.tobytes(), half_life_s
            if key not in by_sums:
                by_sums[key] = Forecaster(walk, weights, read_weights, half_life_s, horizon_s, zone)
            forecasters[number] = by_sums[key]
    return forecasters


class _ForecastMaker:
    """A forecast: the list of what it has learned by then."""

    def __init__(
        self, walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo, forecaster: Forecaster
    ) -> None:
        self._forecaster = forecaster
        self._walk = walk
        self._judging = judging
        self._zone = zone
        self._settings = settings
        self._correction: Correction | None = None
        self._maker = self._made()

    def rows(self, moment: Moment) -> Rows:
        """The best k, best first."""
        if self._forecaster.correction != self._correction:
            self._maker = self._made()
        return self._maker(moment)

    def _made(self) -> Maker:
        self._correction = self._forecaster.correction
        return list_maker(self._walk, self._settings.corrected(self._correction), self._judging, self._zone)


def _is_simple(settings: ListSettings) -> bool:
    at_rest = (
        getattr(settings, name) == field.default
        for name, field in ListSettings.model_fields.items()
        if name not in UNDERSTOOD and not (name == "fill" and settings.fill == "widen" and not settings.widens)
    )
    return all(at_rest)  # among them kind = "ranked"


class _ShortMaker:
    """The short way to a ranked list; see the module's docstring."""

    def __init__(self, walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo) -> None:
        self._walk = walk
        self._settings = settings
        self._judging = judging
        self._formula = Formula(settings, zone)
        self._channel_weights = self._formula.channel_weights(walk.counts.channels)
        self._is_sum = (
            settings.shape == "plain" and settings.exponent == 1.0 and settings.aging == "none"
            and not (settings.correction is not None and settings.floor)
            and not settings.revival_s and not settings.bonus_kinds
        )  # fmt: skip
        self._near: Rows = np.empty(0, dtype=np.int64)
        # A forecast knows an item without a date since it was first read.
        self._slack = 1.0 if settings.correction is None else MOST**2
        self._published = walk.facts.published if settings.correction is None else walk.seen

    def rows(self, moment: Moment) -> Rows:
        """The best k, best first."""
        sums, published, k = self._walk.sums(moment), self._published, self._judging.k
        counted = score = np.empty(0)
        if self._is_sum:
            counted = score = sums.total(self._formula.horizon(moment.at), self._channel_weights)
        # What is too old for the digits of a sum stands below all else, and in no list that is full without it.
        if not self._is_sum or (self._formula.has_quiet(sums) and not self._is_full(score, moment.at)):
            counted, score, _ = self._formula.scored(sums, published)
        near = self._eligible(self._near, counted, score, moment.at)
        bound = highest(score[near], NEAR * k)[-1] / self._slack if len(near) >= k else 0.0
        rows = np.flatnonzero(score >= bound) if bound else np.flatnonzero(score > 0)
        self._near = self._eligible(rows, counted, score, moment.at)
        if score is counted and self._slack > 1.0:
            score = np.zeros(len(counted))
            score[self._near] = self._formula.scored(RowSums(sums, self._near), published[self._near]).score
        return ordering.best(self._near, score=score, published=published, names=self._walk.names, limit=k)

    def _is_full(self, score: FloatArray, at: float) -> bool:
        """Whether of those who were near the top enough to fill the list have a score in all its digits."""
        near = self._eligible(self._near, score, score, at)
        return int(np.count_nonzero(score[near] >= LOW)) >= self._judging.k

    def _eligible(self, rows: Rows, counted: FloatArray, score: FloatArray, at: float) -> Rows:
        """Those of `rows` that no rule keeps out; the rules are those of `ItemPool.candidates`."""
        settings, facts = self._settings, self._walk.facts
        age_s = at - facts.published[rows]
        out = facts.never_listed[rows] | (score[rows] <= 0) | (age_s > settings.max_age_s)
        out |= (age_s < 0) & np.isfinite(age_s)
        out |= ~listable(settings.shows, facts.stored[rows], facts.known[rows])
        out |= (counted[rows] < settings.min_count) | (score[rows] < settings.floor)
        if settings.min_age_s:
            out |= age_s < settings.min_age_s
        if self._judging.section is not None:
            out |= facts.section[rows] != self._judging.section
        return rows[~out]
