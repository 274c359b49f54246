"""Shrinking: what half-lives have shown on some days, drawn towards the one that traffic alone speaks for.

The best of twenty half-lives on a week is best by chance in part. So a half-life counts for no more than what it
surely gains over the rule's: its mean gain, less as many of its standard errors as the luckiest of all of them is
beyond its own mean in 97.5 of 100 draws of days. Near the rule gains scatter less, so where the days say little it is
the rule, or something near.

Source of the bound: Westfall, Young, "Resampling-Based Multiple Testing", 1993 (the maximum over all that was tried is
drawn, with days as the blocks), widened as Student's t is for so few days.

Rejected: the interval of the best one alone, which forgets that it was chosen for being the best.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Mask
from ranking.tuning.measures import draws_of_days

#: Days that have to be judged before anything but traffic is listened to.
MIN_DAYS = 7
#: A gain in capture that is worth a move.
LEAST_GAIN = 0.002
SURE = 97.5  # per cent


class Judged(NamedTuple):
    """What lists of some half-lives have done.

    `half_life_s`: (candidates,) float64, rising; `capture`: (candidates, steps) float64, NaN where nobody read;
    `changed`: (candidates, steps) float64, items that the next list does not have; `day`: (steps,) int64, from 0 on.
    `age_s`, `sections`: (candidates, steps) float64, see `Trace`; None: unknown.
    """

    half_life_s: FloatArray
    capture: FloatArray
    changed: FloatArray
    day: npt.NDArray[np.int64]
    age_s: FloatArray | None = None
    sections: FloatArray | None = None

    @property
    def days(self) -> int:
        """On how many days somebody read."""
        return len(np.unique(self.day[~np.isnan(self.capture[0])]))

    def between(self, first: int, last: int) -> "Judged":
        """Some of the steps; what changes after the last of them is not known yet."""
        changed = self.changed[:, first:last].copy()
        changed[:, -1:] = np.nan
        age_s, sections = (None if each is None else each[:, first:last] for each in (self.age_s, self.sections))
        return Judged(self.half_life_s, self.capture[:, first:last], changed, self.day[first:last], age_s, sections)


class Gains(NamedTuple):
    """Against the rule's half-life, (candidates,) float64 each: the mean gain in capture, and what is sure of it."""

    mean: FloatArray
    sure: FloatArray


def gains(judged: Judged, rule: int) -> Gains:
    """What every half-life gains over the one at the place `rule`."""
    there = ~np.isnan(judged.capture[rule])
    over = judged.capture[:, there] - judged.capture[rule, there]
    place = np.unique(judged.day[there], return_inverse=True)[1]
    steps = np.bincount(place).astype(np.float64)
    sums = np.stack([np.bincount(place, weights=each, minlength=len(steps)) for each in over])
    mean = sums.sum(axis=1) / max(steps.sum(), 1.0)
    if (days := len(steps)) < MIN_DAYS:
        return Gains(mean, np.where(np.arange(len(mean)) == rule, 0.0, -np.inf))
    drawn = draws_of_days(days)
    means = (drawn @ sums.T) / (drawn @ steps)[:, np.newaxis]
    error = means.std(axis=0) * np.sqrt((days - 1) / (days - 3) * days / (days - 1))
    beyond = np.divide(means - mean, error, out=np.zeros_like(means), where=error > 0)
    return Gains(mean, mean - np.percentile(beyond.max(axis=1), SURE) * error)


class Choice(NamedTuple):
    """The place of the half-life to go to; `calm`: nothing changes as little as is accepted, and this one least."""

    place: int
    calm: bool = False


def choice(judged: Judged, found: Gains, rule: int, before: int | None, accepted: Mask) -> Choice:
    """The half-life that the days speak for.

    What there was (`before`) stays where nothing surely gains more than it by LEAST_GAIN; `accepted`: (candidates,)
    bool, those that change no more than they may.
    """
    if not accepted.any():
        return Choice(int(np.nanmean(judged.changed, axis=1).argmin()), calm=True)
    sure = np.where(accepted, found.sure, -np.inf)
    if not np.isfinite(sure).any():  # too few days, and the rule's half-life changes too much
        apart = np.abs(np.log(judged.half_life_s / judged.half_life_s[rule]))
        return Choice(int(np.where(accepted, apart, np.inf).argmin()))
    place = int(sure.argmax())
    if accepted[rule] and sure[place] < LEAST_GAIN:
        place = rule
    if before is not None and sure[before] > sure[place] - LEAST_GAIN:
        place = before
    return Choice(place)
