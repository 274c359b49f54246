"""Correction: the second stage of a forecast, by which it multiplies a half-life's sum of every item.

    score = sum * product over features f of  e^(weight(f) * x(f)),  no less than sum / MOST and no more than sum * MOST

The features say how an item is read now against what its half-life says of it: by a short and a long half-life, in the
last hour, 3 hours and day, in all, by its age, and by products of these. All reads are as many as are expected in the
horizon and are compared by their logarithms, with one more of each, as few say little.

Invariant: a row's factor depends on its own counts and date alone, and is bounded. So it is the same among few rows as
among all, and what bounds a half-life's scores, MOST times as high, bounds these.

Rejected: ranking the first rows of a half-life anew, as a score would then depend on what else is there. More features
and trees of them (docs/decisions/0029-forecast-as-correction.md).
"""

import math
from collections.abc import Iterator

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.scoring.decay import Alike, HalfLife
from ranking.scoring.sums import Horizon, Span, Sums
from ranking.settings.learned import Correction
from ranking.times import DAY_S, HOUR_S, MINUTE_S, format_duration

#: The largest factor up and down.
MOST = 2.0
SHORT_S, LONG_S = 30.0 * MINUTE_S, float(DAY_S)
WINDOWS_S = (float(HOUR_S), 3.0 * HOUR_S, float(DAY_S))
#: Older items are alike.
OLDEST_S = 30.0 * DAY_S
ALL = Horizon(Alike())
SHORT, LONG = format_duration(SHORT_S), format_duration(LONG_S)
LEVEL, READS, AGE, TOTAL = "level", "reads", "age", "all reads"
PRODUCTS = (
    (SHORT, AGE), (LONG, AGE), (SHORT, SHORT), (LONG, LONG), (SHORT, READS), (LONG, READS),
)  # fmt: skip


def _last(window_s: float) -> str:
    return f"last {format_duration(window_s)}"


FEATURES = (
    LEVEL, SHORT, LONG, *map(_last, WINDOWS_S), TOTAL, READS, AGE, *(f"{one} x {other}" for one, other in PRODUCTS),
)  # fmt: skip


def features(
    sums: Sums, channel_weights: FloatArray, age_s: FloatArray, half_life_s: float, horizon_s: float
) -> Iterator[FloatArray]:
    """Every one of FEATURES, in their order, (rows,) float64 each.

    `age_s`: (rows,) float64, seconds since publication. `half_life_s`: the one that is corrected; `horizon_s`: the span
    that is forecast.
    """

    def logarithm(horizon: Horizon, per_event: float) -> FloatArray:
        found: FloatArray = np.log(sums.total(horizon, channel_weights) * per_event + 1.0)
        return found

    def decayed(of_s: float) -> FloatArray:
        return logarithm(Horizon(HalfLife(of_s)), math.log(2.0) * horizon_s / of_s)

    at, reads = sums.moment.at, decayed(half_life_s)
    age = np.log(np.clip(np.nan_to_num(age_s, posinf=OLDEST_S), 0.0, OLDEST_S) / HOUR_S + 1.0)
    short, long = decayed(SHORT_S) - reads, decayed(LONG_S) - reads
    yield np.ones(len(reads))
    yield short
    yield long
    for window_s in WINDOWS_S:
        yield logarithm(Horizon(Alike(), (Span(at - window_s),)), horizon_s / window_s) - reads
    yield logarithm(ALL, 1.0) - reads
    yield reads
    yield age
    named = {SHORT: short, LONG: long, READS: reads, AGE: age}
    for one, other in PRODUCTS:
        yield named[one] * named[other]


def factors(
    correction: Correction, sums: Sums, channel_weights: FloatArray, age_s: FloatArray
) -> Iterator[tuple[str, FloatArray]]:
    """What each feature that has a weight multiplies every row's score by: its name and (rows,) float64."""
    found = features(sums, channel_weights, age_s, correction.half_life_s, correction.horizon_s)
    for name, values in zip(FEATURES, found, strict=True):
        if weight := correction.weights.get(name, 0.0):
            yield name, np.exp(weight * values)
