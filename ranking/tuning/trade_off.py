"""Trade-off: what the lists of candidates give beside the reads that they catch, and what that costs in reads.

Calm, freshness and variety pull against capture, and against each other. The front are the candidates that no other
beats: whoever is as good in all four and better in one. Which of them is right is the editors' to say; `best_within`
is the one that catches most of those that keep an objective.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from ranking.settings.objective import Objective
from ranking.times import HOUR_S, format_duration
from ranking.tuning.evidence import Evidence, Measured, percent
from ranking.tuning.measures import Interval, draws_of_days, interval


class Cost(NamedTuple):
    """What a candidate catches less than the best one, as a share of the reads, and its interval over days."""

    measured: Measured
    less: float
    interval: Interval | None


def front(evidence: Evidence) -> list[Cost]:
    """The candidates that no other beats, what catches most first."""
    measured = sorted(evidence.measured, key=lambda each: (-each.capture, -each.kept))
    return [cost(evidence, each) for each in measured if not any(_beats(other, each) for other in measured)]


def cost(evidence: Evidence, measured: Measured) -> Cost:
    """What a candidate costs."""
    draws = draws_of_days(int(evidence.day[-1]) + 1)
    less = interval(evidence.best.trace.capture - measured.trace.capture, evidence.day, draws)
    return Cost(measured, evidence.best.capture - measured.capture, less)


def best_within(evidence: Evidence, objective: Objective) -> Measured | None:
    """The candidate that catches most of those that keep the objective; None: none does."""
    per_hour = HOUR_S / evidence.plan.step_s
    kept = [
        each
        for each in evidence.measured
        if objective.accepts(each.changed * per_hour, math.inf if each.age_s is None else each.age_s, each.sections)
    ]
    return max(kept, key=lambda each: (each.capture, each.kept), default=None)


def in_words(evidence: Evidence, objective: Objective) -> Iterator[str]:
    """The front, a line for each candidate, and what the objective costs."""
    yield "What calm, freshness and variety cost: no list that was tried beats one of these in all."
    for each in front(evidence):
        yield f"  {each.measured.candidate.name}: {_given(evidence, each)}"
    if not objective.limits:
        return
    chosen = best_within(evidence, objective)
    if chosen is None:
        yield f"No list that was tried keeps the objective ({objective.limits})."
    else:
        given = _given(evidence, cost(evidence, chosen))
        yield f"Within the objective ({objective.limits}) {chosen.candidate.name} is best: {given}"


def _given(evidence: Evidence, of_one: Cost) -> str:
    measured = of_one.measured
    text = f"caught {percent(measured.capture, 1)}"
    if measured is not evidence.best:
        text += f", {100 * of_one.less:.1f} points less"
        text += (
            "" if of_one.interval is None else f" ({100 * of_one.interval.low:.1f} to {100 * of_one.interval.high:.1f})"
        )
    text += f"; {measured.changed * HOUR_S / evidence.plan.step_s:.1f} items change an hour"
    if measured.age_s is not None:
        text += f", the median age is {format_duration(60 * round(measured.age_s / 60))}"
    return f"{text}, of {measured.sections:.1f} sections." if measured.sections else f"{text}."


def _beats(one: Measured, other: Measured) -> bool:
    """Whether `one` is as good as the other in all, and better in one."""
    good, bad = _goods(one), _goods(other)
    return good != bad and all(a >= b for a, b in zip(good, bad, strict=True))


def _goods(one: Measured) -> tuple[float, float, float, float]:
    return one.capture, one.kept, -math.inf if one.age_s is None else -one.age_s, one.sections
