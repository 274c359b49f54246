"""Forecaster: learns what corrects a half-life along a walk through a site's past, from what is over at each moment.

What followed a step is known when its horizon has passed, and is learned from then: at no moment does it know more than
readers had done by then. It is fitted anew once a day, at the first step after the local NIGHT, on the steps of the
last LEARNED_S, and says of the rows near the top how the reads that followed were shared among them.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.scoring.correction import FEATURES, LEVEL, features
from ranking.scoring.decay import HalfLife
from ranking.scoring.sums import Horizon, RowSums
from ranking.settings.learned import Correction
from ranking.times import DAY_S
from ranking.tuning.measures import highest
from ranking.tuning.softmax import fitted
from ranking.tuning.walk_forward import WalkForward

#: The local hour after which a day's correction is fitted, and lists are tuned.
NIGHT = 3
LEARNED_S = 14.0 * DAY_S
#: The best rows that are learned from: a row far from every list teaches nothing about one.
NEAR = 60
#: The best of them, which are neither raised nor lowered on average.
LEVELLED = 10
#: Steps with readers to learn from before anything is corrected: of hours, two days.
MIN_STEPS, DIGITS = 48, 6


class _Step(NamedTuple):
    """The state at a step, at `at`; what followed is over at `over`.

    `rows`: (n,) int64, the best first; `x`: (n, features) float64; `offset`: (n,) float64, logarithm of the sum.
    """

    over: float
    at: float
    rows: Rows
    x: FloatArray
    offset: FloatArray


class Forecaster:
    """Learns along a walk from the reads in the `horizon_s` after each step what corrects `half_life_s`.

    `channel_weights`, `read_weights`: (channels,) float64, of what is summed, and of what is a read."""

    def __init__(
        self,
        walk: WalkForward,
        channel_weights: FloatArray,
        read_weights: FloatArray,
        half_life_s: float,
        horizon_s: float,
        zone: tzinfo,
    ) -> None:
        self._walk = walk
        self._channel_weights = channel_weights
        self._read_weights = read_weights
        self._half_life_s = half_life_s
        self._horizon_s = horizon_s
        self._zone = zone
        self._waiting: list[_Step] = []
        self._known: list[tuple[_Step, FloatArray]] = []  # with the reads of each row that followed
        self._fitted_on: int | None = None
        self._near: Rows = np.empty(0, dtype=np.int64)
        self.correction: Correction | None = None

    def step(self, at: float) -> None:
        """Go on to the walk's present moment, `at`."""
        self._learn(at)
        local = datetime.fromtimestamp(at, self._zone)
        night = local.toordinal() - (local.hour < NIGHT)
        if night != self._fitted_on or self.correction is None:
            self.correction, self._fitted_on = self._fitted(), night
        if len((step := self._seen(at)).rows):
            self._waiting.append(step)

    def learned(self, at: float) -> Correction | None:
        """The correction of all that is over at `at`, the last moment of the walk. Call it once."""
        self._learn(at)
        return self._fitted()

    def _seen(self, at: float) -> _Step:
        sums = self._walk.sums(self._walk.present)
        decayed = sums.total(Horizon(HalfLife(self._half_life_s)), self._channel_weights)
        self._near = rows = top_rows(decayed, NEAR, self._near)
        rows = rows[np.argsort(-decayed[rows], kind="stable")]
        age_s = at - self._walk.seen[rows]
        every = features(RowSums(sums, rows), self._channel_weights, age_s, self._half_life_s, self._horizon_s)
        x = np.stack(list(every), axis=1)
        return _Step(at + self._horizon_s, at, rows, x, np.log(decayed[rows]))

    def _learn(self, at: float) -> None:
        while self._waiting and self._waiting[0].over <= at:
            step = self._waiting.pop(0)
            came = self._walk.entries.ended_in(step.at, step.over)
            weights = came.counts * self._read_weights[came.channel]
            reads = np.bincount(came.item, weights=weights, minlength=len(self._walk.names))[step.rows]
            if reads.any():
                self._known.append((step, reads.astype(np.float64)))
        self._known = [each for each in self._known if each[0].at >= at - LEARNED_S]

    def _fitted(self) -> Correction | None:
        if len(self._known) < MIN_STEPS:
            return None
        steps = [step for step, _ in self._known]
        x, offset = np.concatenate([step.x for step in steps]), np.concatenate([step.offset for step in steps])
        starts = np.cumsum([0, *(len(step.rows) for step in steps[:-1])])
        weights = fitted(x, offset, np.concatenate([reads for _, reads in self._known]), starts)
        level = -float(np.mean(np.concatenate([step.x[:LEVELLED] for step in steps]) @ weights))
        named = dict(zip(FEATURES, weights.round(DIGITS).tolist(), strict=True)) | {LEVEL: round(level, DIGITS)}
        used = {name: weight for name, weight in named.items() if weight}
        return Correction(self._half_life_s, self._horizon_s, used) if used else None


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
    steps = int(min(max(first - start - DAY_S, 0.0), LEARNED_S) // step_s)
    return [first - number * step_s for number in range(steps, 0, -1)]
