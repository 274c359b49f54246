"""Time to bucket and back.

A bucket is `[start, start + width)` with `start` a multiple of `width` in epoch seconds, so every process that
knows the width agrees on the buckets without talking to another. Counts carry no finer time than this: an
event's age is known to within half a width, which costs at most 2^(width / (2 * half_life)) - 1 of a score (3 % at
5 min and 1 h for an item whose events all sit at one edge; about 0.3 % on real reads).
"""

from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray


class Bucket(NamedTuple):
    """A span of time that holds counts. Seconds; `start_s` is a multiple of `width_s`."""

    width_s: int
    start_s: int

    @property
    def end_s(self) -> int:
        """First second past the bucket."""
        return self.start_s + self.width_s


def bucket_start(ts: float, width_s: int) -> int:
    """Start of the bucket that holds `ts`.

    >>> bucket_start(1542423999.9, 300)
    1542423900
    """
    return int(ts // width_s) * width_s


def observed_share(width_s: FloatArray, start_s: FloatArray, at: float, known_until: float) -> FloatArray:
    """How much of each bucket's counts had happened at `at`, (buckets,) float64, 0 to 1.

    `width_s`, `start_s`: (buckets,) float64, seconds and epoch seconds. `known_until` is the moment up to which the
    counts were recorded: a bucket that was still open then holds events of `[start, known_until)` only. For a ranking
    of this moment (`at == known_until`) every share is 1. For a moment of the past, the one bucket that straddles it
    counts in proportion, as its events' seconds are unknown.
    """
    recorded_s = np.minimum(width_s, np.maximum(known_until - start_s, 1e-9))
    return np.clip((at - start_s) / recorded_s, 0.0, 1.0)


def ages(width_s: FloatArray, start_s: FloatArray, at: float) -> FloatArray:
    """Age at `at` of each bucket's middle, or of the middle of its part before `at`: (buckets,) float64, seconds, >= 0.

    `width_s`, `start_s`: (buckets,) float64, seconds and epoch seconds.
    """
    middle = (start_s + np.minimum(start_s + width_s, at)) / 2
    return np.maximum(at - middle, 0.0)
