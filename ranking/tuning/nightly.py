"""Nightly tuning: a site's own past -> the half-life or mix of a list that learns from tonight on, and the evidence.

A function of the counts up to a moment, of the list's settings and of its half-life before: nothing later is looked at,
and two processes come to the same. It moves only where the days of the past say surely that it gains by that, or
where more items change than the objective accepts; by no more than a factor of two a night, so that no night of chance
throws a list over; and never out of the objective's bounds.
"""

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

import msgspec

from ranking.counts.columns import Columns
from ranking.counts.fields import is_shadow
from ranking.errors import PopulerError
from ranking.intake.events import DEFAULT_KIND, channel_kind
from ranking.lists.ranker import View
from ranking.scoring.channel_weights import ChannelWeights
from ranking.settings.learned import LearnedSetting, Trial, Tuned
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S, MINUTE_S, format_duration
from ranking.tuning.evidence import Candidate, Evidence, Measured, evidence_of, percent
from ranking.tuning.measures import Interval, draws_of_days, interval
from ranking.tuning.outcome import Judging
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

#: The half-lives to try within the bounds, in seconds: steps of a fifth to a half.
GRID_S = tuple(
    MINUTE_S * minutes
    for minutes in (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2880, 5760,
                    10_080, 20_160, 43_200)
)  # fmt: skip
#: The largest factor of one night's move, and the least gain in capture that is worth a move.
FACTOR, LEAST_GAIN = 2.0, 0.002


def needed_s(settings: ListSettings) -> float:
    """Length of the past that is looked at, in seconds: the days that are judged, and a warmup before them."""
    return settings.objective.history_s + _warmup_s(settings)


def suggestion(view: View, name: str, settings: ListSettings, before: LearnedSetting, at: float, zone: tzinfo) -> Tuned:
    """Tune the list `name` on what was counted up to `at` (epoch seconds)."""
    objective = settings.objective
    pinned = settings.auto and objective.pinned
    stays = LearnedSetting(objective.pin_s, before.since) if pinned else before
    accepted = objective.changes if math.isfinite(objective.changes) else None
    bounds_s = (objective.shortest_s, objective.longest_s)
    try:
        tried, plan, evidence = _tried(view, settings, before, at, zone)
    except PopulerError as error:
        return Tuned(name, at, before, stays, stays != before, f"It stays: {error}.", pinned, bounds_s=bounds_s)
    per_hour = HOUR_S / plan.step_s
    trials = tuple(_trial(each, per_hour) for each in evidence.measured)
    judged = Tuned(
        name, at, before, before, False, "", pinned, None, plan.horizon_s, plan.step_s, evidence.judging.k, plan.first,
        evidence.steps, evidence.days, accepted, bounds_s, trials,
    )  # fmt: skip
    if not settings.auto:
        return _forecast(judged, evidence, tried)
    choice = _chosen(evidence, settings, before, per_hour)
    target_s = choice.measured.candidate.settings.half_life_s if choice.moves else before.half_life_s
    after_s = objective.pin_s if pinned else _stepped(before.half_life_s, target_s, bounds_s)
    moved = after_s != before.half_life_s
    after = LearnedSetting(after_s, at) if moved else before
    return _with(judged, after, moved, target_s, _why(choice, after_s, target_s, pinned, evidence, per_hour))


def _with(judged: Tuned, after: LearnedSetting, moved: bool, suggested_s: float | None, why: str) -> Tuned:
    return msgspec.structs.replace(judged, after=after, moved=moved, suggested_s=suggested_s, why=why)


# The past


def _warmup_s(settings: ListSettings) -> float:
    return max(DAY_S, settings.objective.longest_s)


def _tried(
    view: View, settings: ListSettings, before: LearnedSetting, at: float, zone: tzinfo
) -> tuple[list[Candidate], Plan, Evidence]:
    columns = view.history.columns()
    plan = _within(plan_walk(columns, _wanted(columns, settings), at), at - settings.objective.history_s)
    kinds = tuple(sorted({channel_kind(each) for each in view.history.channels if not is_shadow(each)}))
    counted = tuple(kind for kind in kinds if ChannelWeights(settings.weights).per_channel([kind]).any())
    judging = Judging(settings.size, (DEFAULT_KIND,) if DEFAULT_KIND in kinds else counted)
    fixed = settings.model_copy(update={"auto": False, "decay": "half-life"})
    tried = [
        Candidate({"half_life": format_duration(half_life_s)}, fixed.model_copy(update={"half_life_s": half_life_s}))
        for half_life_s in _half_lives(settings, before.half_life_s)
    ]
    if settings.decay == "forecast":
        tried.append(Candidate({"decay": "forecast"}, settings))
    now = fixed.model_copy(update={"half_life_s": before.half_life_s})
    return tried, plan, evidence_of(view, tried, now, plan, judging, zone)


def _wanted(columns: Columns, settings: ListSettings) -> Wanted:
    """Lists of every hour, or of as many buckets as make one."""
    finest_s = float(columns.width_s.min(initial=HOUR_S))
    step_s = math.ceil(HOUR_S / finest_s) * finest_s
    return Wanted(step_s, settings.objective.horizon_s, _warmup_s(settings))


def _within(plan: Plan, since: float) -> Plan:
    """The plan without the steps before a moment, if that leaves any."""
    skipped = min(max(math.ceil((since - plan.first) / plan.step_s), 0), plan.steps - 1)
    return plan._replace(first=plan.first + skipped * plan.step_s, steps=plan.steps - skipped)


def _half_lives(settings: ListSettings, now_s: float) -> list[float]:
    low_s, high_s = settings.objective.shortest_s, settings.objective.longest_s
    inside = {each for each in GRID_S if low_s <= each <= high_s} | {low_s, high_s}
    return sorted(inside | {now_s} if math.isfinite(now_s) else inside)


def _trial(one: Measured, per_hour: float) -> Trial:
    settings = one.candidate.settings
    half_life_s = None if settings.decay == "forecast" else settings.half_life_s
    bounds = None if one.interval is None else (one.interval.low, one.interval.high)
    return Trial(half_life_s, one.capture, one.changed * per_hour, bounds)


# The choice


class _Choice(NamedTuple):
    """The best within the objective, against the setting that there is.

    `calm`: nothing changes as little as the objective accepts.
    """

    measured: Measured
    now: Measured | None
    gain: Interval | None
    moves: bool
    calm: bool


def _chosen(evidence: Evidence, settings: ListSettings, before: LearnedSetting, per_hour: float) -> _Choice:
    objective = settings.objective
    inside = [
        measured
        for measured in evidence.measured
        if objective.shortest_s <= measured.candidate.settings.half_life_s <= objective.longest_s
    ]
    accepted = [measured for measured in inside if measured.changed * per_hour <= objective.changes]
    if accepted:
        best = max(accepted, key=lambda measured: (measured.capture, measured.kept))
    else:
        best = max(inside or evidence.measured, key=lambda measured: measured.kept)
    now = next((e for e in evidence.measured if e.candidate.settings.half_life_s == before.half_life_s), None)
    if now is None:
        return _Choice(best, None, None, True, not accepted)
    gain = interval(best.trace.capture - now.trace.capture, evidence.day, draws_of_days(int(evidence.day[-1]) + 1))
    surely = gain is not None and gain.low > 0 and best.capture - now.capture >= LEAST_GAIN
    moves = surely or not any(now is measured for measured in accepted)
    return _Choice(best, now, gain, moves and best is not now, not accepted)


def _stepped(now_s: float, target_s: float, bounds_s: tuple[float, float]) -> float:
    """On the way from one half-life to another, by the factor at most, within the bounds."""
    wanted_s = min(max(target_s, now_s / FACTOR), now_s * FACTOR)
    return min(max(wanted_s, bounds_s[0]), bounds_s[1])


def _forecast(judged: Tuned, evidence: Evidence, tried: Sequence[Candidate]) -> Tuned:
    """Put the learned mix in effect in any case; `why` says what it is worth."""
    mix = evidence.backtest.mixes[len(tried) - 1]
    before = judged.before
    after = LearnedSetting(before.half_life_s, judged.at, mix)
    learned = next(
        (measured for measured in evidence.measured if measured.candidate.settings.decay == "forecast"), None
    )
    if not mix or learned is None:
        return _with(judged, before, False, None, "It stays: there was nothing to learn from.")
    others = [measured for measured in evidence.measured if measured is not learned]
    best = max(others, key=lambda measured: measured.capture)
    gain = interval(learned.trace.capture - best.trace.capture, evidence.day, draws_of_days(int(evidence.day[-1]) + 1))
    what = f"The mix that it learned caught {percent(learned.capture, 1)} of {_reads(evidence)}"
    what += f", the best single half-life ({format_duration(best.candidate.settings.half_life_s)}) "
    what += f"{percent(best.capture, 1)}{_points(gain)}."
    return _with(judged, after, mix != before.mix, None, what)


# In words


def _why(choice: _Choice, after_s: float, target_s: float, pinned: bool, evidence: Evidence, per_hour: float) -> str:
    best, now = choice.measured, choice.now
    best_name = format_duration(best.candidate.settings.half_life_s)
    caught = f"{best_name} caught {percent(best.capture, 1)} of {_reads(evidence)} on {evidence.days} days"
    if now is not None and now is not best:
        caught += f", {format_duration(now.candidate.settings.half_life_s)} {percent(now.capture, 1)}"
        caught += _points(choice.gain)
    if choice.calm:
        caught += "; no half-life within the bounds changes as little as the objective accepts, and this one least"
    if pinned:
        return f"It is pinned to {format_duration(after_s)}. {caught[0].upper()}{caught[1:]}."
    if not choice.moves:
        reason = "" if now is best else ", which may be chance or is too little to move for"
        return f"It stays at {format_duration(after_s)}: {caught}{reason}."
    if now is not None:
        caught += f"; {best.changed * per_hour:.1f} items an hour change instead of {now.changed * per_hour:.1f}"
    on_the_way = "" if after_s == target_s else f", on its way to {format_duration(target_s)}"
    return f"It goes to {format_duration(after_s)}{on_the_way}: {caught}."


def _reads(evidence: Evidence) -> str:
    return f"the reads that the best {evidence.judging.k} of the next {format_duration(evidence.plan.horizon_s)} had"


def _points(gain: Interval | None) -> str:
    return "" if gain is None else f" ({100 * gain.low:+.1f} to {100 * gain.high:+.1f} points)"
