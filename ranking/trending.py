"""Burst: how far an item's last hour stands out from its own baseline.

Ranks by surprise and not by size: a quiet item that ten people suddenly read comes before a giant having its
usual hour. Rejected: the ratio of the two rates, which puts 1 read against 0 on top.
"""

import numpy as np

from ranking.buckets import FloatArray

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
