"""Measures: how good a list was, by what readers did in the span of time that followed it.

A list cannot be better than the best one that could have been made with knowledge of what came, so all measures are
relative to that. Nothing here knows how a list was made. Intervals are over days and not over steps: hours of one day
are alike, and a thousand of them would say that a difference is sure which the next day turns round.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray

DRAWS = 2_000
MIN_DAYS = 3
SEED = 7
LEVEL = (2.5, 97.5)  # per cent


class Interval(NamedTuple):
    """Where a mean lies in 95 of 100 draws of days."""

    low: float
    high: float


def highest(values: FloatArray, k: int) -> FloatArray:
    """The k highest values, the highest first; all of them where there are fewer.

    >>> highest(np.array([1.0, 7.0, 3.0]), 2).tolist()
    [7.0, 3.0]
    """
    if len(values) > k:
        values = np.partition(values, len(values) - k)[len(values) - k :]
    return np.sort(values)[::-1]


def capture(reads: FloatArray, best: FloatArray) -> float:
    """capture@k = reads of the listed / reads of that span's own best k (`highest`). The order within does not matter.

    >>> capture(np.array([0.0, 6.0]), np.array([6.0, 2.0]))
    0.75
    """
    return float(reads.sum() / best.sum())


def ndcg(reads: FloatArray, best: FloatArray) -> float:
    """NDCG@k = sum over places p = 1, 2, … of reads / log2(p + 1), over that of the best order (`highest`).

    Source: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002, with the reads
    themselves as gains.

    >>> round(ndcg(np.array([2.0, 6.0]), np.array([6.0, 2.0])), 4)
    0.7967
    """
    return _discounted(reads) / _discounted(best)


def _discounted(reads: FloatArray) -> float:
    return float((reads / np.log2(np.arange(2, len(reads) + 2))).sum())


def draws_of_days(days: int) -> FloatArray:
    """How often each day is in each draw of as many days, (DRAWS, days) float64. Always the same draws."""
    chances = np.full(days, 1.0 / days)
    return np.random.default_rng(SEED).multinomial(days, chances, size=DRAWS).astype(np.float64)


def interval(values: FloatArray, day: npt.NDArray[np.int64], draws: FloatArray) -> Interval | None:
    """The bootstrap interval of the mean of `values`, NaN left out; None where too few days have any.

    `values`: (steps,) float64; `day`: (steps,) int64, the number of each value's day; `draws` is `draws_of_days`.
    Differences of two lists are paired if the values are differences.

    Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13 (percentiles), with days as the blocks
    that are drawn.
    """
    there = ~np.isnan(values)
    counts = np.bincount(day[there], minlength=draws.shape[1])
    if np.count_nonzero(counts) < MIN_DAYS:
        return None
    sums = np.bincount(day[there], weights=values[there], minlength=draws.shape[1])
    drawn = draws @ counts
    means = (draws @ sums)[drawn > 0] / drawn[drawn > 0]
    low, high = np.percentile(means, LEVEL)
    return Interval(float(low), float(high))
