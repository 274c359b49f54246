"""Burst: how far an item's last hour stands out from its own baseline.

Ranks by surprise and not by size: a quiet item that ten people suddenly read comes before a giant having its usual
hour.

Every function takes and returns columns of one entry per item, (rows,) float64 in events, and gives 0 where there is no
burst. `minimum` is compared with the recent events: a burst of two readers is chance.

Rejected: as a default, the ratio of the two rates, which puts 1 read against 0 on top.
"""

import numpy as np

from ranking.counts.arrays import FloatArray

MIN_EXPECTED = 1.0


def chi_square(observed: FloatArray, expected: FloatArray, minimum: float) -> FloatArray:
    """(o - e)^2 / e of a burst; 0 where o < e or o < `minimum`. `expected` is held at 1 or more (a Poisson floor).

    `observed` and `expected` are events in spans of equal length. Source: Mastodon, `trends/links.rb`.

    >>> chi_square(np.array([40.0, 40.0, 4.0]), np.array([10.0, 50.0, 0.0]), 5).tolist()
    [90.0, 0.0, 0.0]
    """
    floor = np.maximum(expected, MIN_EXPECTED)
    burst = (observed - floor) ** 2 / floor
    return np.where((observed >= floor) & (observed >= minimum), burst, 0.0)


def z_score(
    observed: FloatArray, mean: FloatArray, deviation: FloatArray, minimum: float, *, poisson_floor: bool = True
) -> FloatArray:
    """(o - mean) / deviation, of the item's own past spans; 0 where o < mean or o < `minimum`.

    With `poisson_floor` the deviation is held at sqrt(max(mean, 1)) or more, what chance alone makes of a count;
    without it only where it is 0, as textbooks have it, and an item of two reads is a sensation at its third.

    >>> past = np.array([2.0, 4, 4, 4, 5, 5, 7, 9])
    >>> o, mean, deviation = np.array([12.0]), past.mean(keepdims=True), past.std(keepdims=True)
    >>> z_score(o, mean, deviation, 5, poisson_floor=False).tolist()
    [3.5]
    >>> z_score(o, mean, deviation, 5).round(3).tolist()
    [3.13]
    """
    chance = np.sqrt(np.maximum(mean, 1.0))
    spread = np.maximum(deviation, chance) if poisson_floor else np.where(deviation > 0, deviation, chance)
    return np.where((observed >= mean) & (observed >= minimum), (observed - mean) / spread, 0.0)


def ratio(recent: FloatArray, longer: FloatArray, minimum: float) -> FloatArray:
    """recent / longer; 0 where recent < `minimum` or nothing is recent.

    Of two decayed sums it is between 0 and 1, and highest where all has happened just now. The minimum comes first, and
    the whole is ordered by it before a list is cut. Source: forgetsy, `delta.rb`.

    >>> ratio(np.array([30.0, 4.0, 0.0]), np.array([40.0, 4.0, 0.0]), 5).tolist()
    [0.75, 0.0, 0.0]
    """
    enough = (recent >= minimum) & (recent > 0)
    return np.where(enough, recent / np.where(longer > 0, longer, 1.0), 0.0)


def excess(observed: FloatArray, expected: FloatArray, minimum: float) -> FloatArray:
    """o - e; 0 where o < e or o < `minimum`. Source: Universal Recommender, `PopModel.scala`, with e the span before.

    >>> excess(np.array([12.0, 7.0]), np.array([5.0, 9.0]), 5).tolist()
    [7.0, 0.0]
    """
    return np.where(observed >= minimum, np.maximum(observed - expected, 0.0), 0.0)


def acceleration(newest: FloatArray, middle: FloatArray, oldest: FloatArray, minimum: float) -> FloatArray:
    """(newest - middle) - (middle - oldest) of three equal spans; 0 where it slows down or newest < `minimum`.

    Source: Universal Recommender, `PopModel.scala`, "hot".

    >>> acceleration(np.array([9.0, 9.0]), np.array([4.0, 8.0]), np.array([3.0, 1.0]), 5).tolist()
    [4.0, 0.0]
    """
    return excess(newest, 2.0 * middle - oldest, minimum)


def held(peak: FloatArray, since_s: FloatArray, half_life_s: float) -> FloatArray:
    """What is left of a peak some time after it: peak * 0.5^(since / half-life). Source: Mastodon, `trends/links.rb`.

    >>> held(np.array([90.0]), np.array([8 * 3600.0]), 8 * 3600.0).tolist()
    [45.0]
    """
    return peak * np.exp2(-since_s / half_life_s)
