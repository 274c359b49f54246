"""Forecaster: learns a mix of half-lives along a walk through a site's past, from what is over at each moment.

What followed a step is known when its horizon has passed, and is learned from then: at no moment does the mix know more
than readers had done by then. It is fitted anew once a day, at the first step after the local NIGHT.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.scoring.decay import HalfLife
from ranking.scoring.sums import Horizon
from ranking.settings.learned import MixPart
from ranking.times import DAY_S
from ranking.tuning.measures import highest
from ranking.tuning.mix_learner import HALF_LIVES_S, Learner
from ranking.tuning.walk_forward import WalkForward

#: The local hour after which a day's mix is fitted, and lists are tuned.
NIGHT = 3
#: The best rows of each half-life that are learned from: a row far from every list teaches nothing about one.
NEAR = 60


class _Step(NamedTuple):
    """The state at a step, at `at`; what followed is over at `over`.

    `rows`: (n,) int64; `rates`: (n, half-lives) float64, reads expected in the horizon; `age_s`: (n,) float64, seconds.
    """

    over: float
    at: float
    rows: Rows
    rates: FloatArray
    age_s: FloatArray


class Forecaster:
    """Learns along a walk from the reads in the `horizon_s` after each step.

    `channel_weights`, `read_weights`: (channels,) float64, of what is summed, and of what is a read."""

    def __init__(
        self, walk: WalkForward, channel_weights: FloatArray, read_weights: FloatArray, horizon_s: float, zone: tzinfo
    ) -> None:
        self._walk = walk
        self._channel_weights = channel_weights
        self._read_weights = read_weights
        self._horizon_s = horizon_s
        self._zone = zone
        self._learner = Learner()
        self._waiting: list[_Step] = []
        self._fitted_on: int | None = None
        self._near: list[Rows] = [np.empty(0, dtype=np.int64)] * len(HALF_LIVES_S)
        self.mix: tuple[MixPart, ...] = ()

    def step(self, at: float) -> None:
        """Go on to the walk's present moment, `at`."""
        while self._waiting and self._waiting[0].over <= at:
            self._learn(self._waiting.pop(0))
        local = datetime.fromtimestamp(at, self._zone)
        night = local.toordinal() - (local.hour < NIGHT)
        if self._learner.days and (night != self._fitted_on or not self.mix):
            self.mix, self._fitted_on = self._learner.mix(), night
        self._waiting.append(self._seen(at))

    def learned(self, at: float) -> tuple[MixPart, ...]:
        """The mix of all that is over at `at`, the last moment of the walk. Call it once."""
        while self._waiting and self._waiting[0].over <= at:
            self._learn(self._waiting.pop(0))
        return self._learner.mix() if self._learner.days else ()

    def _seen(self, at: float) -> _Step:
        sums = self._walk.sums(self._walk.present)
        decayed = [sums.total(Horizon(HalfLife(half_life_s)), self._channel_weights) for half_life_s in HALF_LIVES_S]
        self._near = [top_rows(each, NEAR, near) for each, near in zip(decayed, self._near, strict=True)]
        rows = np.unique(np.concatenate(self._near))
        per_horizon = np.log(2.0) * self._horizon_s / np.array(HALF_LIVES_S)
        rates = np.stack([each[rows] for each in decayed], axis=1) * per_horizon
        return _Step(at + self._horizon_s, at, rows, rates, at - self._walk.facts.published[rows])

    def _learn(self, step: _Step) -> None:
        came = self._walk.entries.ended_in(step.at, step.over)
        weights = came.counts * self._read_weights[came.channel]
        reads: FloatArray = np.bincount(came.item, weights=weights, minlength=len(self._walk.names)).astype(np.float64)
        local = datetime.fromtimestamp(step.at, self._zone)
        self._learner.observe(local.toordinal(), local.hour, step.rates, step.age_s, reads[step.rows])


def top_rows(sums: FloatArray, k: int, near: Rows) -> Rows:
    """The rows of the `k` highest sums, none of them zero. Quick if the rows `near` are still about the best.

    `sums`: (rows,) float64.

    >>> top_rows(np.array([3.0, 0.0, 2.0, 9.0]), 2, np.array([0, 2])).tolist()
    [0, 3]
    """
    bound = highest(sums[near], k)[-1] if len(near) >= k else 0.0
    rows = np.flatnonzero(sums >= bound) if bound else np.flatnonzero(sums > 0)
    if len(rows) > k:
        rows = np.sort(rows[np.argpartition(sums[rows], len(rows) - k)[len(rows) - k :]])
    return rows


def lead_in(first: float, step_s: float, start: float) -> Sequence[float]:
    """The moments before `first` to learn from, of counts that begin at `start`: a first day is needed to look back on.

    >>> lead_in(100 * 3600.0, 3600.0, 73 * 3600.0)
    [349200.0, 352800.0, 356400.0]
    """
    steps = int(max(first - start - DAY_S, 0.0) // step_s)
    return [first - number * step_s for number in range(steps, 0, -1)]
