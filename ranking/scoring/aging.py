"""Aging: the factor that an item's own age since publication puts on its score.

Decay is of the age of the reads, aging of that of the article; a list may use either, both or neither. What is read
before its publish time counts as just published.

Invariant: a factor is never zero and never infinite. An item is left out for its age by `max_age` and by nothing else.
"""

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.scoring.decay import MOST_HALF_LIVES
from ranking.times import HOUR_S


def half_life(age_s: FloatArray, half_life_s: float) -> FloatArray:
    """2 ** -(age / half-life) of each item: (rows,) float64; `age_s`: (rows,) float64, seconds since publication.

    The log-and-time rankings (Reddit, Lobsters, Hive, daily.dev) are this in disguise: log10(n) + published / W orders
    as n * 2 ** -(age / h) does with h = W * log10(2).

    >>> half_life(np.array([-60.0, 0.0, 3600.0, 7200.0]), 3600.0).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """
    return np.exp2(-np.minimum(np.maximum(age_s, 0.0) / half_life_s, MOST_HALF_LIVES))  # / inf: all are 1


def gravity(age_s: FloatArray, exponent: float, offset_s: float) -> FloatArray:
    """(age + offset) ** -exponent, both in hours, of each item: (rows,) float64; `age_s` as in `half_life`.

    Source: Hacker News, with 1.8 and two hours.

    >>> gravity(np.array([0.0, 2 * 3600.0]), 2.0, 2 * 3600.0).tolist()
    [0.25, 0.0625]
    """
    factors: FloatArray = ((np.maximum(age_s, 0.0) + offset_s) / HOUR_S) ** -exponent
    return factors
