"""Decay: what an event still counts at a given age.

Scores are recomputed from bucketed counts at every refresh, so that a changed half-life applies to the past at
once. Rejected: a decayed number per item, updated on each event. It is cheaper to read but has the half-life
baked in (nothing to preview or retune), and as a sorted set of 2^((t-L)/h) it turns to `inf` after 1,023 half-lives.
"""

import math

import numpy as np

from ranking.buckets import FloatArray


def half_life(age_s: FloatArray, half_life_s: float) -> FloatArray:
    """Weight of an event of `age_s` under exponential decay: 2 ** -(age / half-life).

    An infinite half-life weighs all events alike. Source: the decay of Drupal Radioactivity and of Cormode et al.,
    "Forward Decay", ICDE 2009, which this equals with landmark L = t.

    >>> half_life(np.array([0.0, 6 * 3600, 12 * 3600]), 6 * 3600).tolist()
    [1.0, 0.5, 0.25]
    """
    if math.isinf(half_life_s):
        return np.ones_like(age_s)
    return np.exp2(-age_s / half_life_s)
