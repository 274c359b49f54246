"""Evidence for a decay, from a site's own history.

Candidates are settings of one list. Each is back-tested on the same steps, and what is said of two of them is said of
their differences on the same days, as a day on which everybody reads one story is easy for all. A candidate that listed
nothing has no measures; where nothing can be measured there is no evidence but a sentence of what it takes.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray
from ranking.errors import NotEnoughError
from ranking.lists.ranker import View
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S, format_duration
from ranking.tuning.backtest import Backtest, backtest
from ranking.tuning.measures import Interval, draws_of_days, interval
from ranking.tuning.outcome import NOBODY, Judging, Trace
from ranking.tuning.walk_forward import MIN_STEPS, Plan

#: The change of a candidate that is no setting but a way to find one night by night.
TRY = "try"


class Candidate(NamedTuple):
    """Settings to try: the changes by the file's names and in its words, and the list settings they make."""

    changes: Mapping[str, str]
    settings: ListSettings

    @property
    def name(self) -> str:
        """The name by its changes.

        >>> from ranking.settings.lists import ListSettings
        >>> Candidate({"half_life": "1h", "max_age": "7d"}, ListSettings()).name
        'half_life = 1h, max_age = 7d'
        """
        return ", ".join(f"{key} = {value}" for key, value in self.changes.items()) or "as it is"


class Measured(NamedTuple):
    """The measures of a candidate, as means over the steps; see `measures`.

    `changed`: items that the next step's list does not have any more. `share`: of all reads, those of the listed.
    `own`: of the reads of the listed, those that came from a list; None where nobody read what it listed. `age_s`: the
    median age of the listed in seconds; None where no publish time is known. `sections`: of how many they are.
    """

    candidate: Candidate
    capture: float
    ndcg: float
    kept: float
    changed: float
    interval: Interval | None
    share: float
    own: float | None
    age_s: float | None
    sections: float
    trace: Trace


class Evidence(NamedTuple):
    """The measures of candidates on the same steps.

    `steps` are those after which somebody read something. `gain` is the interval of what the best one captures more
    than the current one. `calmer` is the one that keeps most items among those that may capture as much as the best
    does, as far as these days can tell. `empty` are the candidates that listed nothing at all. `day` numbers the local
    day of each step.
    """

    plan: Plan
    judging: Judging
    steps: int
    days: int
    measured: list[Measured]
    best: Measured
    current: Measured | None
    gain: Interval | None
    calmer: Measured | None
    own: float
    empty: list[Candidate]
    day: npt.NDArray[np.int64]
    backtest: Backtest

    def days_of(self, one: Measured) -> int:
        """On how many days one of the measured was judged."""
        return len(np.unique(self.day[~np.isnan(one.trace.capture)]))


def evidence_of(
    view: View,
    candidates: Sequence[Candidate],
    current: ListSettings,
    plan: Plan,
    judging: Judging,
    zone: tzinfo,
    on_step: Callable[[], None] = lambda: None,
) -> Evidence:
    """Evidence of candidates, among which the list as it is (`current`) may be.

    Raises:
        NotEnoughError: too few steps had readers, or no candidate listed anything.
    """
    walked = backtest(view, [candidate.settings for candidate in candidates], plan, judging, zone, on_step)
    steps = int(np.count_nonzero(walked.reads))
    if steps < MIN_STEPS:
        raise NotEnoughError(
            f"somebody read something in the {format_duration(plan.horizon_s)} after only {steps} of {plan.steps} "
            f"steps: it takes {MIN_STEPS}"
        )
    day = days_of(plan, zone)
    draws = draws_of_days(int(day[-1]) + 1)
    measured, empty = [], []
    for candidate, trace in zip(candidates, walked.traces, strict=True):
        if (trace.rows == NOBODY).all():
            empty.append(candidate)
        else:
            measured.append(measured_of(candidate, trace, walked, day, draws))
    if not measured:
        raise NotEnoughError(
            f"the list is empty at every one of {plan.steps} steps, with every candidate: {_why(walked)}"
        )
    settled = [each for each in measured if TRY not in each.candidate.changes] or measured
    best = max(settled, key=lambda tried: (tried.capture, tried.kept))
    now = next((tried for tried in measured if tried.candidate.settings == current), None)
    gain = None if now is None else interval(best.trace.capture - now.trace.capture, day, draws)
    calmer = _calmer(best, settled, day, draws)
    own = float(walked.own_reads.sum() / walked.reads.sum())
    judged = day[walked.reads > 0]
    return Evidence(
        plan, judging, steps, len(np.unique(judged)), measured, best, now, gain, calmer, own, empty, day, walked
    )


def _calmer(
    best: Measured, measured: Sequence[Measured], day: npt.NDArray[np.int64], draws: FloatArray
) -> Measured | None:
    by_calm = sorted(measured, key=lambda calm: -calm.kept)
    for calm in by_calm:
        if calm.kept <= best.kept:
            break
        less = interval(best.trace.capture - calm.trace.capture, day, draws)
        if less is not None and less.low <= 0:
            return calm
    return None


def _why(walked: Backtest) -> str:
    return f"there were {walked.reads.sum():,.0f} reads, but no item that the list's weights and rules let in"


def measured_of(
    candidate: Candidate, trace: Trace, walked: Backtest, day: npt.NDArray[np.int64], draws: FloatArray
) -> Measured:
    """The measures of one trace of a back-test."""
    caught = float(np.nansum(trace.caught))
    listed = np.count_nonzero(trace.rows != NOBODY, axis=1)
    return Measured(
        candidate,
        capture=float(np.nanmean(trace.capture)),
        ndcg=float(np.nanmean(trace.ndcg)),
        kept=float(np.nanmean(trace.kept)),
        changed=float(np.mean(listed[:-1] - trace.kept[:-1])),
        interval=interval(trace.capture, day, draws),
        share=caught / float(walked.reads.sum()),
        own=float(np.nansum(trace.own)) / caught if caught else None,
        age_s=None if np.isnan(trace.age_s).all() else float(np.nanmean(trace.age_s)),
        sections=float(np.nanmean(trace.sections)),
        trace=trace,
    )


def days_of(plan: Plan, zone: tzinfo) -> npt.NDArray[np.int64]:
    """The number of each step's local day, from 0 on."""
    days = [datetime.fromtimestamp(at, zone).toordinal() for at in plan.moments]
    return np.unique(days, return_inverse=True)[1].astype(np.int64)


# In words


def sentence(evidence: Evidence) -> str:
    """The evidence in words, for a decision."""
    best, now, calmer = evidence.best, evidence.current, evidence.calmer
    step_s = evidence.plan.step_s
    every = {float(HOUR_S): "an hour", float(DAY_S): "a day"}.get(step_s) or f"every {span(step_s)}"
    if best is now:
        text = f"Nothing tried is better than what you have: it caught {percent(best.capture)} of "
        text += f"{possible_reads(evidence)}; the list changed {best.changed:.1f} items {every}."
    else:
        text = f"{best.candidate.name} would have caught {percent(best.capture)} of {possible_reads(evidence)}; "
        if now is not None:
            text += f"your {_briefly(now.candidate, best.candidate)} caught {percent(now.capture)}; "
        text += f"the list would change {best.changed:.1f} items {every}"
        text += "." if now is None else f" instead of {now.changed:.1f}."
    if best.interval is None:
        return f"{text} Reads on {evidence.days} days are too few to say how sure this is."
    if evidence.gain is not None and best is not now and evidence.gain.low <= 0:
        low, high = (100 * bound for bound in evidence.gain)
        text += f" The difference may be chance: between {low:+.1f} and {high:+.1f} points in 95 of 100 draws of days."
    if calmer is not None:
        who = "What you have" if calmer is now else calmer.candidate.name
        text += f" {who} does as well as far as these days can tell, and changes {calmer.changed:.1f}."
    return text


def possible_reads(evidence: Evidence) -> str:
    """The reads that a list could have caught, in words."""
    return f"the reads that the best {evidence.judging.k} of the next {span(evidence.plan.horizon_s)} had"


def span(seconds: float) -> str:
    """A span of time in words: hour, day, 3h."""
    return {float(HOUR_S): "hour", float(DAY_S): "day"}.get(seconds) or format_duration(seconds)


def _briefly(one: Candidate, beside: Candidate) -> str:
    """A candidate's name, less what the one beside it says already."""
    if one.changes.keys() == beside.changes.keys() and len(one.changes) == 1:
        return next(iter(one.changes.values()))
    return one.name


def percent(share: float, digits: int = 0) -> str:
    """A share from 0 to 1 in per cent.

    >>> percent(0.256), percent(0.256, 1)
    ('26 %', '25.6 %')
    """
    return f"{100 * share:.{digits}f} %"
