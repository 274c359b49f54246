"""Nightly tuning: a site's own past -> a list's half-life, corrected or not, from tonight on, and the evidence.

A function of the counts up to a moment, of the list's settings and of its half-life before: nothing later is looked at,
and two processes come to the same. It stands where the traffic alone has it (`traffic_rule`), and goes from there only
as far as its days surely gain by it (`shrinking`), or where more items change than the objective accepts; by no more
than a factor of two a night, so that no night of chance throws a list over; and never out of the objective's bounds.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import Mask
from ranking.counts.columns import Columns
from ranking.errors import PopulerError
from ranking.lists.ranker import View
from ranking.lists.traffic_start import by_traffic, with_sections
from ranking.scoring.traffic_rule import read_kinds, within
from ranking.settings.decays import FORECAST
from ranking.settings.learned import Correction, LearnedSetting, Trial, Tuned
from ranking.settings.lists import ListSettings
from ranking.settings.objective import Objective
from ranking.times import DAY_S, HOUR_S, format_duration
from ranking.tuning.backtest import backtest
from ranking.tuning.evidence import Candidate, Evidence, Measured, evidence_of, measured_of, percent, possible_reads
from ranking.tuning.forecaster import NIGHT
from ranking.tuning.measures import Interval, draws_of_days, interval
from ranking.tuning.outcome import NOBODY, Judging, Trace
from ranking.tuning.shrinking import MIN_DAYS, Choice, Gains, Judged, choice, gains
from ranking.tuning.trade_off import front
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

#: The largest factor of one night's move.
FACTOR = 2.0


def needed_s(settings: ListSettings) -> float:
    """Length of the past that is looked at, in seconds: the days that are judged, and a warmup before them."""
    return settings.objective.history_s + warmup_s(settings)


def suggestion_with_sections(
    view: View, name: str, settings: ListSettings, before: LearnedSetting, at: float, zone: tzinfo
) -> Tuned:
    """What `suggestion` finds, with half-lives of their own for small sections' lists."""
    found = suggestion(view, name, settings, before, at, zone)
    if not found.after.since:
        return found
    return msgspec.structs.replace(found, after=with_sections(found.after, settings, view, at))


def suggestion(view: View, name: str, settings: ListSettings, before: LearnedSetting, at: float, zone: tzinfo) -> Tuned:
    """Tune the list `name` on what was counted up to `at` (epoch seconds)."""
    objective = settings.objective
    pinned = settings.auto and objective.pinned
    accepted = objective.changes if math.isfinite(objective.changes) else None
    bounds_s = (objective.shortest_s, objective.longest_s)
    traffic = by_traffic(settings, view, at, before)
    try:
        plan, evidence = _tried(view, settings, (before.half_life_s, traffic.half_life_s), at, zone)
    except PopulerError as error:
        return _without_evidence(name, settings, before, traffic, at, error)
    per_hour = HOUR_S / plan.step_s
    unbeaten = [cost.measured for cost in front(evidence)]
    trials = tuple(_trial(each, per_hour, any(each is one for one in unbeaten)) for each in evidence.measured)
    night = Tuned(
        name, at, before, before, False, "", pinned, None, plan.horizon_s, plan.step_s, evidence.judging.k, plan.first,
        evidence.steps, evidence.days, accepted, bounds_s, trials,
    )  # fmt: skip
    fixed = evidence.measured
    after, target_s, why = before, None, f"It stays at {format_duration(before.half_life_s)}."
    if settings.auto and fixed:
        half_lives = [each.candidate.settings.half_life_s for each in fixed]
        judged = judged_of(half_lives, [each.trace for each in fixed], evidence.day)
        after, target_s, why = decision_of(judged, settings, traffic, before, at, per_hour)
    if settings.decay == FORECAST and not pinned and (tried := _forecast(view, settings, after, evidence, zone)):
        after, why = tried.decision(why, evidence, at)
        night = msgspec.structs.replace(night, trials=(*trials, tried.trial))
    if pinned:
        after, why = (
            LearnedSetting(objective.pin_s, before.since),
            f"It is pinned to {format_duration(objective.pin_s)}. {why}",
        )
    moved = (after.half_life_s, after.correction) != (before.half_life_s, before.correction)
    return msgspec.structs.replace(night, after=after, moved=moved, suggested_s=target_s, why=why)


def _without_evidence(
    name: str, settings: ListSettings, before: LearnedSetting, traffic: LearnedSetting, at: float, error: PopulerError
) -> Tuned:
    """A night with nothing to judge by: a list that tunes itself goes by traffic until there is."""
    objective = settings.objective
    bounds_s, pinned = (objective.shortest_s, objective.longest_s), settings.auto and objective.pinned
    after, why = before, f"It stays: {error}."
    if pinned:
        after = LearnedSetting(objective.pin_s, before.since)
    elif settings.auto and (after := by_traffic_alone(settings, traffic, before, at)) is traffic:
        why = f"It is at {format_duration(after.half_life_s)} {traffic.why}: {error}."
    return Tuned(name, at, before, after, after.half_life_s != before.half_life_s, why, pinned, bounds_s=bounds_s)


def by_traffic_alone(
    settings: ListSettings, traffic: LearnedSetting, before: LearnedSetting, at: float
) -> LearnedSetting:
    """Where a list without days to judge by is from `at` on: by traffic, unless there was none, or days had said."""
    if not traffic.reads or (before.reads is None and before.since):
        return before
    bounds_s = settings.objective.shortest_s, settings.objective.longest_s
    return _on_the_way(before if before.since else traffic, traffic, at, bounds_s)


# The past


def night_before(now: float, zone: tzinfo) -> float:
    """The last end of a night, in epoch seconds, that is not after `now`.

    >>> from zoneinfo import ZoneInfo
    >>> night_before(1_764_522_000.0, ZoneInfo("Asia/Jakarta"))  # midnight there
    1764446400.0
    """
    local = datetime.fromtimestamp(now, zone)
    night = local.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    while night.timestamp() > now:
        night -= timedelta(days=1)
    return night.timestamp()


def warmup_s(settings: ListSettings) -> float:
    """How much of a past is looked back on before the first list that is judged, in seconds."""
    return max(DAY_S, settings.objective.longest_s)


def _tried(
    view: View, settings: ListSettings, also_s: Sequence[float], at: float, zone: tzinfo
) -> tuple[Plan, Evidence]:
    columns = view.history.columns()
    plan = _within(plan_walk(columns, wanted(columns, settings), at), at - settings.objective.history_s)
    judging = Judging(settings.size, read_kinds(view.history.channels, settings))
    tried = fixed_candidates(settings, also_s)
    now = settings.model_copy(update={"auto": False, "decay": "half-life", "half_life_s": also_s[0]})
    return plan, evidence_of(view, tried, now, plan, judging, zone)


def wanted(columns: Columns, settings: ListSettings) -> Wanted:
    """Lists of every hour, or of as many buckets as make one, each judged by the objective's horizon."""
    finest_s = float(columns.width_s.min(initial=HOUR_S))
    step_s, horizon_s = (math.ceil(each / finest_s) * finest_s for each in (HOUR_S, settings.objective.horizon_s))
    return Wanted(step_s, horizon_s, warmup_s(settings))


def _within(plan: Plan, since: float) -> Plan:
    """The plan without the steps before a moment, if that leaves any."""
    skipped = min(max(math.ceil((since - plan.first) / plan.step_s), 0), plan.steps - 1)
    return plan._replace(first=plan.first + skipped * plan.step_s, steps=plan.steps - skipped)


def fixed_candidates(settings: ListSettings, also_s: Sequence[float] = ()) -> list[Candidate]:
    """A list under each half-life of the grid within the objective's bounds, and some others, the shortest first."""
    bounds_s = settings.objective.shortest_s, settings.objective.longest_s
    fixed = settings.model_copy(update={"auto": False, "decay": "half-life", "fill": "none"})  # no decay's doing
    return [
        Candidate({"half_life": format_duration(each)}, fixed.model_copy(update={"half_life_s": each}))
        for each in sorted({*within(bounds_s), *(each for each in also_s if math.isfinite(each))})
    ]


def _trial(one: Measured, per_hour: float, on_front: bool = False) -> Trial:
    settings = one.candidate.settings
    half_life_s = None if settings.decay == FORECAST else settings.half_life_s
    bounds = None if one.interval is None else (one.interval.low, one.interval.high)
    return Trial(half_life_s, one.capture, one.changed * per_hour, bounds, one.age_s, one.sections, on_front)


# The choice


class Decision(NamedTuple):
    """What a night comes to: `after`, on the way to `target_s`, and why, in a sentence."""

    after: LearnedSetting
    target_s: float
    why: str


def judged_of(half_lives: Sequence[float], traces: Sequence[Trace], day: npt.NDArray[np.int64]) -> Judged:
    """What half-lives have done on the way of a back-test; `day`: (steps,) int64."""
    listed = np.stack([np.count_nonzero(each.rows != NOBODY, axis=1) for each in traces])
    changed = listed - np.stack([each.kept for each in traces])
    capture, age_s, sections = (
        np.stack([getattr(each, name) for each in traces]) for name in ("capture", "age_s", "sections")
    )
    return Judged(np.array(half_lives), capture, changed, day, age_s, sections)


def decision_of(
    judged: Judged, settings: ListSettings, traffic: LearnedSetting, before: LearnedSetting, at: float, per_hour: float
) -> Decision:
    """The half-life of a list from `at` on, by what half-lives have done until then and by the traffic.

    `traffic`: see `by_traffic`; `per_hour`: steps of an hour.
    """
    half_lives, bounds_s = judged.half_life_s, (settings.objective.shortest_s, settings.objective.longest_s)
    rule = int(np.abs(half_lives - traffic.half_life_s).argmin())
    now = next(iter(np.flatnonzero(half_lives == before.half_life_s).tolist()), None) if before.since else None
    changes = np.nanmean(judged.changed, axis=1) * per_hour
    inside = (half_lives >= bounds_s[0]) & (half_lives <= bounds_s[1])
    accepted = inside & (changes <= settings.objective.changes)
    asked = _fresh_and_varied(judged, settings.objective)
    met = bool((accepted & asked).any())
    if met:
        accepted &= asked
    found = gains(judged, rule)
    chosen = choice(judged, found, rule, now, accepted)
    target_s = float(half_lives[chosen.place])
    shown = _Shown(judged, found, chosen, rule, bool(accepted[rule]), traffic)
    if chosen.place == rule:
        target = traffic
    else:
        target = LearnedSetting(target_s, before.since if chosen.place == now else at, why=shown.briefly())
    after = _on_the_way(before if before.since else traffic, target, at, bounds_s)
    verb = "stays at" if before.since and after.half_life_s == before.half_life_s else "goes to"
    on_the_way = "" if after.half_life_s == target_s else f", on its way to {format_duration(target_s)}"
    words = shown.in_words() + ("" if met else "; no half-life keeps the objective's freshness and variety")
    return Decision(after, target_s, f"It {verb} {format_duration(after.half_life_s)}{on_the_way}: {words}.")


def _fresh_and_varied(judged: Judged, objective: Objective) -> Mask:
    """Which half-lives keep the objective's freshness and variety, (candidates,) bool."""
    asked = np.ones(len(judged.half_life_s), dtype=np.bool_)
    if judged.age_s is not None and math.isfinite(objective.freshness_s):
        known = ~np.isnan(judged.age_s)
        mean_s = np.where(known, judged.age_s, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        asked &= known.any(axis=1) & (mean_s <= objective.freshness_s)
    if judged.sections is not None:
        asked &= judged.sections.mean(axis=1) >= objective.variety
    return asked


def _on_the_way(
    before: LearnedSetting, target: LearnedSetting, at: float, bounds_s: tuple[float, float]
) -> LearnedSetting:
    """The target, or what of the grid on the way there a night may reach."""
    if 1 / FACTOR <= target.half_life_s / before.half_life_s <= FACTOR:
        return target
    low_s, high_s = before.half_life_s / FACTOR, before.half_life_s * FACTOR
    reached = [each for each in within(bounds_s) if low_s <= each <= high_s] or list(bounds_s)
    half_life_s = min(reached, key=lambda each: abs(math.log(each / target.half_life_s)))
    return msgspec.structs.replace(target, half_life_s=half_life_s, since=at)


class _Shown(NamedTuple):
    """What the days have shown. `rule_accepted`: the half-life of the traffic changes as little as it may."""

    judged: Judged
    found: Gains
    chosen: Choice
    rule: int
    rule_accepted: bool
    traffic: LearnedSetting

    def in_words(self) -> str:
        """Why the chosen half-life is the one to go to."""
        days, place = self.judged.days, self.chosen.place
        if self.chosen.calm:
            return "no half-life within the bounds changes as little as the objective accepts, and this one least"
        if place == self.rule:
            few = f"{days} days say no more, it takes {MIN_DAYS}"
            return (
                f"{self.traffic.why}; {few if days < MIN_DAYS else f'on {days} days nothing tried surely caught more'}"
            )
        text = f"on {days} days {format_duration(float(self.judged.half_life_s[place]))} {self._caught()}"
        if self.rule_accepted:
            sure = max(float(self.found.sure[place]), 0.0)
            return (
                f"{text}, which is more by at least {100 * sure:.1f} points" if sure > 0 else f"{text}, much the same"
            )
        return f"{text}, which the objective does not accept"

    def briefly(self) -> str:
        """The same in few words."""
        return f"by {self.judged.days} days: {self._caught()}"

    def _caught(self) -> str:
        capture = np.nanmean(self.judged.capture, axis=1)
        half_life = format_duration(float(self.judged.half_life_s[self.rule]))
        caught, of_rule = (percent(float(capture[each]), 1) for each in (self.chosen.place, self.rule))
        return f"caught {caught}, the {half_life} of the traffic {of_rule}"


# A forecast


class _Forecast(NamedTuple):
    """What a forecast on the half-life `held` would have listed, walked with on the same steps, and what it learned.

    It is judged as it would have been served: at each step by what was over then. Two are compared and none is chosen
    among many, so the days are drawn for their difference alone.
    """

    held: LearnedSetting
    trial: Trial
    alone: Measured
    gain: Interval | None
    correction: Correction | None

    def decision(self, why: str, evidence: Evidence, at: float) -> tuple[LearnedSetting, str]:
        """The half-life with the forecast, where it surely catches more; else that alone."""
        if self.correction is None:
            return self.held, f"{why} There was nothing to learn a forecast from."
        caught = f"caught {percent(self.trial.capture, 1)} of {possible_reads(evidence)}, the half-life "
        caught += f"{format_duration(self.held.half_life_s)} alone {percent(self.alone.capture, 1)}{_points(self.gain)}"
        if self.gain is None or self.gain.low <= 0:
            few = "" if self.gain else f" on {evidence.days} days, and it takes {MIN_DAYS}"
            return self.held, f"{why} A forecast on it {caught}{few}: not surely more, so it is not used."
        after = msgspec.structs.replace(
            self.held, since=at, correction=self.correction, why=f"corrected by a forecast that {caught}"
        )
        return after, f"{why} It is corrected by a forecast, which {caught}."


def _forecast(
    view: View, settings: ListSettings, held: LearnedSetting, evidence: Evidence, zone: tzinfo
) -> _Forecast | None:
    """The forecast on the half-life that a list is to have; None: it listed nothing."""
    alone = min(
        evidence.measured, key=lambda each: abs(math.log(each.candidate.settings.half_life_s / held.half_life_s))
    )
    held = msgspec.structs.replace(held, correction=None)
    tried = forecast_of(settings, alone.candidate.settings.half_life_s)
    walked = backtest(view, [tried], evidence.plan, evidence.judging, zone)
    (trace,) = walked.traces
    if np.isnan(trace.capture).all():
        return None
    draws = draws_of_days(int(evidence.day[-1]) + 1)
    measured = measured_of(Candidate({"decay": FORECAST}, tried), trace, walked, evidence.day, draws)
    gain = gain_of(trace.capture, alone.trace.capture, evidence.day)
    return _Forecast(held, _trial(measured, HOUR_S / evidence.plan.step_s), alone, gain, walked.corrections[0])


def forecast_of(settings: ListSettings, half_life_s: float) -> ListSettings:
    """The list as a forecast on a half-life, which learns as it is walked with."""
    changes = {"auto": False, "decay": FORECAST, "fill": "none", "half_life_s": half_life_s}
    return settings.model_copy(update=changes).corrected(None)


def gain_of(
    capture: npt.NDArray[np.float64], other: npt.NDArray[np.float64], day: npt.NDArray[np.int64]
) -> Interval | None:
    """What one way of ranking captures more than another on the same steps, (steps,); None: the days are too few."""
    there = ~np.isnan(capture - other)
    days, place = np.unique(day[there], return_inverse=True)
    return None if len(days) < MIN_DAYS else interval((capture - other)[there], place, draws_of_days(len(days)))


def _points(gain: Interval | None) -> str:
    return "" if gain is None else f" ({100 * gain.low:+.1f} to {100 * gain.high:+.1f} points)"
