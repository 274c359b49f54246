"""Back-test: lists ranked again at every step of a walk, each judged by what readers did in the horizon after it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray
from ranking.lists.ranker import Ranker, View
from ranking.scoring.sums import Moment
from ranking.settings.learned import Correction
from ranking.settings.lists import ListSettings
from ranking.tuning.forecaster import Forecaster, lead_in
from ranking.tuning.list_makers import forecasters_of, list_maker
from ranking.tuning.outcome import Judging, Outcome, Trace, describe_visible, empty_trace, kept_a_step_later
from ranking.tuning.walk_forward import Plan, WalkForward


class Backtest(NamedTuple):
    """A back-test: the traces in the order of the lists, and what was read.

    `reads`, `own_reads`: (steps,) float64, all reads of a step's horizon and those that came from a list.
    `best_rows`, `best_reads`: (steps, k), as in `Trace`, the list made with knowledge of the horizon.
    `corrections`: what those lists that are forecasts have learned when the last horizon is over, by the list's place.
    """

    plan: Plan
    traces: list[Trace]
    reads: FloatArray
    own_reads: FloatArray
    best_rows: npt.NDArray[np.int32]
    best_reads: FloatArray
    corrections: Mapping[int, Correction | None]


def backtest(
    view: View,
    lists: Sequence[ListSettings],
    plan: Plan,
    judging: Judging,
    zone: tzinfo,
    on_step: Callable[[], None] = lambda: None,
) -> Backtest:
    """Walk through a site's past with some lists. `on_step` is called after every step.

    Lists that are forecasts learn from the past before the first step, too.
    """
    moments = plan.moments
    engine = Ranker(view, Moment(moments[-1], moments[-1]), zone)
    walk = WalkForward(engine.pool, view.catalogue.undated, view.history.start(), zone)
    if judging.dated_only:
        published = np.where(view.catalogue.undated, -np.inf, walk.facts.published)
        walk.facts = walk.facts._replace(published=published)
    outcome = Outcome(walk, plan.horizon_s, judging)
    forecaster_of = forecasters_of(walk, lists, outcome.read_weights, plan.horizon_s, zone)
    forecasters = set(forecaster_of.values())
    if forecasters:
        for at in lead_in(moments[0], plan.step_s, view.history.start()):
            walk.go(at)
            _step(forecasters, at)
    makers = [list_maker(walk, each, judging, zone, forecaster_of.get(number)) for number, each in enumerate(lists)]
    traces = [empty_trace(plan.steps, judging.k) for _ in lists]
    reads, own_reads = np.zeros(plan.steps), np.zeros(plan.steps)
    best = empty_trace(plan.steps, judging.k)
    for step, at in enumerate(moments):
        moment = walk.go(at)
        outcome.observe(at)
        _step(forecasters, at)
        reads[step], own_reads[step] = outcome.reads, outcome.own_reads
        outcome.judge(outcome.best_rows, best, step)
        for make, trace in zip(makers, traces, strict=True):
            outcome.judge(make(moment)[: judging.k], trace, step)
        on_step()
    for trace in traces:
        trace.kept[:-1] = kept_a_step_later(trace.rows)
        describe_visible(trace, moments, walk.facts)
    over = moments[-1] + plan.horizon_s
    learned = {forecaster: forecaster.learned(over) for forecaster in forecasters}
    corrections = {number: learned[forecaster] for number, forecaster in forecaster_of.items()}
    return Backtest(plan, traces, reads, own_reads, best.rows, best.reads, corrections)


def _step(forecasters: Iterable[Forecaster], at: float) -> None:
    for forecaster in forecasters:
        forecaster.step(at)
