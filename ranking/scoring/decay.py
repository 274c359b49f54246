"""Decay: the weight of an event at a given age.

Scores are recomputed from bucketed counts at every refresh, so that a changed half-life applies to the past at once.

A `Decay` maps ages to weights: 1 at age 0, never more for an older event. Decays are values: two of one form with the
same parameter are equal, so that lists that share one share its sums. `decay_forms` makes them of settings.

Rejected: a decayed number per item, updated on each event. It is cheaper to read but has the half-life
baked in (nothing to preview or retune), and as a sorted set of 2^((t-L)/h) it turns to `inf` after 1,023 half-lives.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.times import DAY_S

#: A double has digits for a half-life's weights up to this age, in half-lives.
MOST_HALF_LIVES, MOST_LATER = 1_000.0, 200.0


class Decay(Protocol):
    """Weights of events by age: (events,) float64 in and out, ages in seconds and never negative."""

    def __call__(self, age_s: FloatArray, /) -> FloatArray: ...


def half_life(age_s: FloatArray, half_life_s: float) -> FloatArray:
    """Exponential decay, 2 ** -(age / half-life): (events,) float64, for ages of that shape in seconds.

    An infinite half-life weighs all events alike. Source: the decay of Drupal Radioactivity and of Cormode et al.,
    "Forward Decay", ICDE 2009, which this equals with landmark L = t.

    >>> half_life(np.array([0.0, 6 * 3600, 12 * 3600]), 6 * 3600).tolist()
    [1.0, 0.5, 0.25]
    """
    if math.isinf(half_life_s):
        return np.ones_like(age_s)
    return np.exp2(-age_s / half_life_s)


@dataclass(frozen=True)
class HalfLife:
    """See `half_life`."""

    half_life_s: float

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        return half_life(age_s, self.half_life_s)


@dataclass(frozen=True)
class Later:
    """A half-life as it weighed some half-lives ago: 2 ** (half_lives - age / half-life), but 2 ** 200 at most.

    Sums under it tell apart what is too old for a double under the half-life itself.

    >>> Later(60.0, 2_000.0)(np.array([0.0, 2_000 * 60.0, 2_001 * 60.0])).tolist() == [2.0**200, 1.0, 0.5]
    True
    """

    half_life_s: float
    half_lives: float

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        weights: FloatArray = np.exp2(np.minimum(self.half_lives - age_s / self.half_life_s, MOST_LATER))
        return weights


@dataclass(frozen=True)
class Alike:
    """Every event counts one, whatever its age: a plain sum, of a window or of all that is kept.

    >>> Alike()(np.array([0.0, 1e9])).tolist()
    [1.0, 1.0]
    """

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        return np.ones_like(age_s)


@dataclass(frozen=True)
class Linear:
    """1 - age / span, and 0 from then on.

    >>> Linear(4 * 3600.0)(np.array([0.0, 3600, 4 * 3600, 9 * 3600])).tolist()
    [1.0, 0.75, 0.0, 0.0]
    """

    span_s: float

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        return np.maximum(1.0 - age_s / self.span_s, 0.0)


@dataclass(frozen=True)
class Power:
    """(1 + age / scale) ** -exponent: fast at first and then ever slower, as attention to news is seen to fade.

    >>> Power(1.0, 3600.0)(np.array([0.0, 3600, 3 * 3600])).tolist()
    [1.0, 0.5, 0.25]
    """

    exponent: float
    scale_s: float

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        weights: FloatArray = (1.0 + age_s / self.scale_s) ** -self.exponent
        return weights


@dataclass(frozen=True)
class Daily:
    """factor ** whole days of age, in steps. Source: Metarank, `TrendingRecommender.scala`.

    >>> Daily(0.8)(np.array([0.0, DAY_S - 1, DAY_S, 2 * DAY_S])).round(4).tolist()
    [1.0, 1.0, 0.8, 0.64]
    """

    factor: float

    def __call__(self, age_s: FloatArray, /) -> FloatArray:
        return np.power(self.factor, np.floor(age_s / DAY_S))
