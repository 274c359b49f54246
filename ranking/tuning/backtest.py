"""Back-test: lists ranked again at every step of a walk, each judged by what readers did in the horizon after it.

Every list is made by the one engine, from what was known then. Where a list's rules ask of an item alone, its best are
picked from the scores without putting every rule to every item: whoever scores less than the k-th of those who were
near the top a step before, and still may be listed, is not among the best k now. A list with a setting that this short
way does not know of takes the long one, through `selection`.

What editors have taken down or blocked by now is neither listed nor missed at any step; their pins and boosts are left
out, as a setting is to be judged by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Rows
from ranking.intake.events import LIST_SOURCE
from ranking.lists import ordering
from ranking.lists.ranker import Ranker, View
from ranking.lists.selection import Past, Selector
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.formula import Formula
from ranking.scoring.sums import Moment
from ranking.settings.learned import MixPart
from ranking.settings.lists import ListSettings
from ranking.tuning.forecaster import Forecaster, lead_in
from ranking.tuning.measures import capture, highest, ndcg
from ranking.tuning.walk_forward import Plan, WalkForward

NOBODY = -1
#: How many times the list's length is remembered as near the top.
NEAR = 3
#: Settings that the short way follows, or that do not bear on which rows a ranked list has.
UNDERSTOOD = frozenset({
    "preset", "title", "size", "depth", "sections", "section_minimum", "movement_s",
    "weights", "self_click_weight", "position_bias", "position_cap", "bonus_kinds",
    "decay", "half_life_s", "auto", "objective", "mix", "window_s", "period", "power", "power_scale_s", "daily",
    "shape", "exponent",
    "aging", "aging_half_life_s", "gravity", "gravity_offset_s", "revival_s", "revival_weights",
    "max_age_s", "min_age_s", "min_count", "floor",
    "method", "short_s", "baseline_s", "minimum", "poisson_floor", "hold_s", "peak_half_life_s",
})  # fmt: skip


class Judging(NamedTuple):
    """How lists are judged: their length, the kinds of events that are reads, and of which section (None: of all).

    `dated_only`: an item without a publish time was there for ever, instead of since it was first seen. A log that
    begins somewhere does not know when that was.
    """

    k: int = 10
    kinds: tuple[str, ...] = ("view",)
    section: int | None = None
    dated_only: bool = False


class Trace(NamedTuple):
    """What became of one list, one entry per step. NaN where nobody read anything, and `kept` of the last step.

    `kept`: how many of the listed are listed a step later. `caught` are reads of the listed, `own` those of them that
    came from a list. `rows` has one row of `k` item rows per step, -1 past the end of a shorter list, and `reads` what
    each of them was read in the horizon.
    """

    capture: FloatArray
    ndcg: FloatArray
    kept: FloatArray
    caught: FloatArray
    own: FloatArray
    rows: npt.NDArray[np.int32]
    reads: FloatArray


class Backtest(NamedTuple):
    """A back-test: the traces in the order of the lists, and the reads of every step's horizon, all and by a list.

    `best_rows` and `best_reads` are the list that one would have made with knowledge of the horizon. `mixes` are what
    those of the lists that are forecasts have learned when the last horizon is over.
    """

    plan: Plan
    traces: list[Trace]
    reads: FloatArray
    own_reads: FloatArray
    best_rows: npt.NDArray[np.int32]
    best_reads: FloatArray
    mixes: Mapping[int, tuple[MixPart, ...]]


def backtest(
    view: View,
    lists: Sequence[ListSettings],
    plan: Plan,
    judging: Judging,
    zone: tzinfo,
    on_step: Callable[[], None] = lambda: None,
) -> Backtest:
    """Walk through a site's past with some lists. `on_step` is told of every step that is done.

    Lists that are forecasts learn from the past before the first step, too.
    """
    moments = plan.moments
    engine = Ranker(view, Moment(moments[-1], moments[-1]), zone)
    walk = WalkForward(engine.pool, view.history.start(), zone)
    if judging.dated_only:
        published = np.where(view.catalogue.undated, -np.inf, walk.facts.published)
        walk.facts = walk.facts._replace(published=published)
    outcome = _Outcome(walk, plan.horizon_s, judging)
    learning = _learning(walk, lists, outcome.read_weights, plan.horizon_s, zone)
    forecasters = set(learning.values())  # lists that weigh alike learn together
    if forecasters:
        for at in lead_in(moments[0], plan.step_s, view.history.start()):
            walk.go(at)
            for each in forecasters:
                each.step(at)
    makers = [_maker(walk, settings, judging, zone, learning.get(number)) for number, settings in enumerate(lists)]
    traces = [_empty(plan.steps, judging.k) for _ in lists]
    reads, own_reads = np.zeros(plan.steps), np.zeros(plan.steps)
    best = _empty(plan.steps, judging.k)
    for step, at in enumerate(moments):
        moment = walk.go(at)
        outcome.of(at)
        for each in forecasters:
            each.step(at)
        reads[step], own_reads[step] = outcome.reads, outcome.own_reads
        outcome.judge(outcome.best_rows, best, step)
        for make, trace in zip(makers, traces, strict=True):
            outcome.judge(make(moment)[: judging.k], trace, step)
        on_step()
    for trace in traces:
        trace.kept[:-1] = _kept(trace.rows)
    over = moments[-1] + plan.horizon_s
    learned = {each: each.learned(over) for each in forecasters}
    mixes = {number: learned[each] for number, each in learning.items()}
    return Backtest(plan, traces, reads, own_reads, best.rows, best.reads, mixes)


def _empty(steps: int, k: int) -> Trace:
    one, two, three, four, five = np.full((5, steps), np.nan)
    return Trace(one, two, three, four, five, np.full((steps, k), NOBODY, dtype=np.int32), np.zeros((steps, k)))


def _kept(rows: npt.NDArray[np.int32]) -> FloatArray:
    before, after = rows[:-1, :, np.newaxis], rows[1:, np.newaxis, :]
    stays = ((before == after) & (before != NOBODY)).any(axis=2)
    return np.asarray(stays.sum(axis=1), dtype=np.float64)


class _Outcome:
    """What readers did in the horizon after a moment."""

    def __init__(self, walk: WalkForward, horizon_s: float, judging: Judging) -> None:
        self._walk = walk
        self._horizon_s = horizon_s
        self._judging = judging
        channels = walk.counts.channels
        self.read_weights = self._of_read = ChannelWeights(dict.fromkeys(judging.kinds, 1.0)).per_channel(channels)
        self._of_own = self._of_read * np.array([_is_own(name) for name in channels], dtype=np.float64)
        counted = ~(walk.facts.taken_down | walk.facts.blocked)
        if judging.section is not None:
            counted &= walk.facts.section == judging.section
        self._counted = counted
        self._rows = np.empty(0, dtype=np.int32)
        self._of_row = np.zeros(len(walk.names))
        self._own_of_row = np.zeros(len(walk.names))
        self._best = np.empty(0)
        self.best_rows: Rows = np.empty(0, dtype=np.int64)
        self.reads = self.own_reads = 0.0

    def of(self, at: float) -> None:
        """Look at the horizon after `at` (epoch seconds)."""
        self._of_row[self._rows] = self._own_of_row[self._rows] = 0.0
        came = self._walk.entries.ended_in(at, at + self._horizon_s)
        rows, place = np.unique(came.item, return_inverse=True)
        for sums, channel_weights in ((self._of_row, self._of_read), (self._own_of_row, self._of_own)):
            sums[rows] = np.bincount(place, weights=came.counts * channel_weights[came.channel], minlength=len(rows))
            sums[rows[~self._counted[rows]]] = 0.0
        self._rows = rows
        read = rows[self._of_row[rows] > 0]
        order = np.argsort(-self._of_row[read], kind="stable")[: self._judging.k]
        self.best_rows, self._best = read[order].astype(np.int64), self._of_row[read[order]]
        self.reads, self.own_reads = float(self._of_row[rows].sum()), float(self._own_of_row[rows].sum())

    def judge(self, listed: Rows, trace: Trace, step: int) -> None:
        """Write down what readers did with a list."""
        trace.rows[step, : len(listed)] = listed
        reads = self._of_row[listed]
        trace.reads[step, : len(listed)] = reads
        if self.reads > 0:
            trace.capture[step], trace.ndcg[step] = capture(reads, self._best), ndcg(reads, self._best)
            trace.caught[step], trace.own[step] = reads.sum(), self._own_of_row[listed].sum()


def _is_own(channel: str) -> bool:
    return channel.partition("@")[2].startswith(LIST_SOURCE)


# Lists

Maker = Callable[[Moment], Rows]


def _maker(
    walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo, learning: Forecaster | None = None
) -> Maker:
    """What makes a list of `k` at the walk's present moment."""
    if learning is not None:
        return _Learning(walk, settings, judging, zone, learning).rows
    # Its own depth is how far below the cut hysteresis looks; without it nothing below the cut matters.
    depth = settings.depth if settings.hysteresis else judging.k
    listed = settings.model_copy(update={"size": judging.k, "depth": depth})
    if _is_simple(settings):
        return _Short(walk, listed, judging, zone).rows

    def selected(moment: Moment) -> Rows:
        past = Past(walk, listed, moment.known_until)
        return Selector(walk, listed, moment, past).selected([judging.section])[judging.section].rows

    return selected


def _learning(
    walk: WalkForward, lists: Sequence[ListSettings], read_weights: FloatArray, horizon_s: float, zone: tzinfo
) -> dict[int, Forecaster]:
    """Who learns for which of the lists, by their place."""
    of_weights: dict[bytes, Forecaster] = {}
    found = {}
    for number, settings in enumerate(lists):
        if settings.decay == "forecast" and not settings.mix:
            channel_weights = Formula(settings, zone).channel_weights(walk.counts.channels)
            key = channel_weights.tobytes()
            if key not in of_weights:
                of_weights[key] = Forecaster(walk, channel_weights, read_weights, horizon_s, zone)
            found[number] = of_weights[key]
    return found


class _Learning:
    """A forecast: the list of what it has learned by then."""

    def __init__(
        self, walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo, learning: Forecaster
    ) -> None:
        self._learning = learning
        self._walk = walk
        self._judging = judging
        self._zone = zone
        self._settings = settings
        self._by: tuple[MixPart, ...] = ()
        self._maker = self._made()

    def rows(self, moment: Moment) -> Rows:
        """The best k, best first."""
        if self._learning.mix != self._by:
            self._maker = self._made()
        return self._maker(moment)

    def _made(self) -> Maker:
        self._by = self._learning.mix
        settings = self._settings.model_copy(update={"mix": self._by})
        return _maker(self._walk, settings, self._judging, self._zone)


def _is_simple(settings: ListSettings) -> bool:
    at_rest = (
        getattr(settings, name) == field.default
        for name, field in ListSettings.model_fields.items()
        if name not in UNDERSTOOD
    )
    return all(at_rest)  # among them kind = "ranked"


class _Short:
    """The short way to a ranked list; see the module's docstring."""

    def __init__(self, walk: WalkForward, settings: ListSettings, judging: Judging, zone: tzinfo) -> None:
        self._walk = walk
        self._settings = settings
        self._judging = judging
        self._formula = Formula(settings, zone)
        self._of_channel = self._formula.channel_weights(walk.counts.channels)
        self._is_sum = (
            settings.shape == "plain" and settings.exponent == 1.0 and settings.aging == "none"
            and settings.decay != "forecast"
            and not settings.revival_s and not settings.bonus_kinds
        )  # fmt: skip
        self._near: Rows = np.empty(0, dtype=np.int64)

    def rows(self, moment: Moment) -> Rows:
        """The best k, best first."""
        sums, published, k = self._walk.sums(moment), self._walk.facts.published, self._judging.k
        if self._is_sum:
            counted = score = sums.total(self._formula.horizon(moment.at), self._of_channel)
        else:
            counted, score = self._formula.scored(sums, published)
        near = self._eligible(self._near, counted, score, moment.at)
        bound = highest(score[near], NEAR * k)[-1] if len(near) >= k else 0.0
        rows = np.flatnonzero(score >= bound) if bound else np.flatnonzero(score > 0)
        self._near = self._eligible(rows, counted, score, moment.at)
        return ordering.best(self._near, score=score, published=published, names=self._walk.names, limit=k)

    def _eligible(self, rows: Rows, counted: FloatArray, score: FloatArray, at: float) -> Rows:
        """Those of `rows` that no rule keeps out; the rules are `Pool.candidates`'."""
        settings, facts = self._settings, self._walk.facts
        age_s = at - facts.published[rows]
        out = facts.taken_down[rows] | facts.blocked[rows] | (score[rows] <= 0) | (age_s > settings.max_age_s)
        out |= (counted[rows] < settings.min_count) | (score[rows] < settings.floor)
        if settings.min_age_s:
            out |= age_s < settings.min_age_s
        if self._judging.section is not None:
            out |= facts.section[rows] != self._judging.section
        return rows[~out]
