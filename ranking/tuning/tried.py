"""Tried: what a list that tunes itself would have served along a past, night by night, from each night's past alone.

The lists of a fixed half-life do not depend on what was chosen. So all half-lives of the grid are walked with once,
each night is judged by what they had done until then, as `nightly` judges it, and a list is that of the half-life that
was in effect: a year of nights costs no more than a year of lists.

Invariant: nothing after a night is in what holds from it on; tests hold each night to what `nightly` finds.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import Mask
from ranking.lists.ranker import View
from ranking.lists.traffic_start import of_reads, reads_before
from ranking.scoring.traffic_rule import look
from ranking.settings.decays import FORECAST
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.times import HOUR_S
from ranking.tuning.backtest import backtest
from ranking.tuning.evidence import days_of
from ranking.tuning.nightly import (
    by_traffic_alone,
    decision_of,
    fixed_candidates,
    forecast_of,
    gain_of,
    judged_of,
    night_before,
    warmup_s,
)
from ranking.tuning.outcome import Judging, Trace, kept_a_step_later
from ranking.tuning.shrinking import Judged
from ranking.tuning.walk_forward import MIN_STEPS, Plan

#: What a list goes by: its days and the traffic, the traffic alone, or a forecast while days surely say so.
WAYS = ("auto", "rule", FORECAST)


class ServedByNight(NamedTuple):
    """What was served along a plan, the half-life it ended with, and the share of steps that a forecast corrected."""

    trace: Trace
    last: LearnedSetting
    corrected: float = 0.0


def served_lists(
    view: View, settings: ListSettings, plan: Plan, judging: Judging, zone: tzinfo, ways: Sequence[str]
) -> dict[str, ServedByNight]:
    """What a list would have served along `plan`, by each of some `WAYS`."""
    # Nights before the first step are judged, too, as far back as the counts fit the steps.
    columns, step_s = view.history.columns(), plan.step_s
    coarse = (step_s % columns.width_s > 0) | (plan.horizon_s % columns.width_s > 0)
    fine_since = float((columns.start_s + columns.width_s)[coarse].max(initial=-np.inf))
    since = max(view.history.start() + warmup_s(settings), fine_since)
    earlier = max(int((plan.first - since) // step_s), 0)
    whole = plan._replace(first=plan.first - earlier * step_s, steps=plan.steps + earlier)
    candidates = fixed_candidates(settings)
    half_lives = [each.settings.half_life_s for each in candidates]
    tried = [each.settings for each in candidates]
    walked = backtest(view, tried, whole, judging, zone)
    judged = judged_of(half_lives, walked.traces, days_of(whole, zone))
    nights = _Nights(view, settings, whole, judged, judging.section, zone)
    found = {}
    for way in ways:
        learned = nights.learned(way)
        in_effect = [learned[bisect_right(learned, at, key=_since) - 1] for at in plan.moments]
        place = np.searchsorted(half_lives, [each.half_life_s for each in in_effect])
        traces, corrected = walked.traces, np.zeros(len(place), dtype=np.bool_)
        if way == FORECAST:
            # One for each half-life that was in effect, as it corrects one.
            bases = sorted(set(place.tolist()))
            forecasts = [forecast_of(settings, half_lives[each]) for each in bases]
            traces = [*traces, *backtest(view, forecasts, whole, judging, zone).traces]
            of_place = {each: traces[len(half_lives) + number] for number, each in enumerate(bases)}
            corrected = nights.corrected(learned, of_place)[earlier:]
            place = np.where(corrected, len(half_lives) + np.searchsorted(bases, place), place)
        found[way] = ServedByNight(_stitched(traces, place, earlier), in_effect[-1], float(corrected.mean()))
    return found


def _since(learned: LearnedSetting) -> float:
    return learned.since


class _Nights:
    """The nights of a walk, and what is learned in each."""

    def __init__(
        self, view: View, settings: ListSettings, plan: Plan, judged: Judged, section: int | None, zone: tzinfo
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._judged = judged
        self._moments = np.array(plan.moments)
        start = view.history.start()
        nights = sorted({night for at in plan.moments if (night := night_before(at, zone)) > start})
        until = nights[0] if nights else plan.moments[-1] + plan.step_s
        # Before the first night a list goes by traffic from moment to moment.
        looks = sorted({found for at in plan.moments if at < until and (found := look(start, at)) is not None})
        self._nights = [(at, reads_before(settings, view, at, section)) for at in nights]
        self._first = [of_reads(settings, reads_before(settings, view, at, section), at) for at in looks]

    def learned(self, way: str) -> list[LearnedSetting]:
        """The half-lives in effect, each from its `since` on: here the night or moment that found it."""
        before = LearnedSetting(self._settings.half_life_s, 0.0)
        found = [LearnedSetting(self._nearest(before.half_life_s), -np.inf), *self._first]
        for at, reads in self._nights:
            traffic = of_reads(self._settings, reads, at, before)
            before = self._after(way, at, traffic, before)
            if before.since:
                found.append(LearnedSetting(before.half_life_s, at, reads=before.reads, why=before.why))
        return found

    def corrected(self, learned: Sequence[LearnedSetting], forecasts: Mapping[int, Trace]) -> Mask:
        """The steps at which a forecast was served, (steps,) bool; `forecasts`: by the place of its half-life."""
        found, judged = np.zeros(len(self._moments), dtype=np.bool_), self._judged
        for at, _ in self._nights:
            first, last = self._past(at)
            held = learned[bisect_right(learned, at, key=_since) - 1]
            place = int(np.searchsorted(judged.half_life_s, held.half_life_s))
            gain = None
            if place in forecasts:  # else it is that of a night before the steps
                capture = forecasts[place].capture[first:last]
                gain = gain_of(capture, judged.capture[place, first:last], judged.day[first:last])
            found[self._moments >= at] = gain is not None and gain.low > 0
        return found

    def _past(self, at: float) -> tuple[int, int]:
        """The first and the end of the steps of the objective's history whose horizon was over by a night."""
        since = at - self._settings.objective.history_s
        first, last = np.searchsorted(self._moments, (since, at - self._plan.horizon_s + 1e-6))
        return int(first), int(last)

    def _after(self, way: str, at: float, traffic: LearnedSetting, before: LearnedSetting) -> LearnedSetting:
        judged = None if way == "rule" else self._judged_until(at)
        if judged is None:
            return by_traffic_alone(self._settings, traffic, before, at)
        return decision_of(judged, self._settings, traffic, before, at, HOUR_S / self._plan.step_s).after

    def _judged_until(self, at: float) -> Judged | None:
        """What is judged in a night; None: there is too little."""
        past = self._judged.between(*self._past(at))
        return past if np.count_nonzero(~np.isnan(past.capture[0])) >= MIN_STEPS else None

    def _nearest(self, half_life_s: float) -> float:
        half_lives = self._judged.half_life_s
        return float(half_lives[np.abs(np.log(half_lives / half_life_s)).argmin()])


def _stitched(traces: Sequence[Trace], place: npt.NDArray[np.intp], earlier: int) -> Trace:
    """The lists of the trace at `place`, (steps,), one after the other, from the step `earlier` on."""
    steps = np.arange(len(place))
    parts = [np.stack([getattr(each, name)[earlier:] for each in traces])[place, steps] for name in Trace._fields]
    trace = Trace(*parts)
    trace.kept[:-1] = kept_a_step_later(trace.rows)
    trace.kept[-1:] = np.nan
    return trace
