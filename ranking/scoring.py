"""Counts x weights -> scores. The one place where a score is computed.

    score(item, t) = sum over channels of  weight(channel) * sum over buckets of  count * share(t) * decay(age(t))

Deterministic: every sum runs in an order that the counts alone decide, so the same counts give the same bits.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranking.buckets import FloatArray, ages, observed_share
from ranking.events import channel_kind
from ranking.history import History

Decay = Callable[[FloatArray], FloatArray]


def channel_weights(channels: Sequence[str], weights: Mapping[str, float]) -> FloatArray:
    """Weight of each channel, by its kind; a kind without a weight counts nothing."""
    return np.array([weights.get(channel_kind(name), 0.0) for name in channels], dtype=np.float64)


def scores(
    history: History, *, decay: Decay, weights: Mapping[str, float], at: float, known_until: float
) -> FloatArray:
    """Score of every item row of `history` at the moment `at` (epoch seconds).

    `decay` maps ages in seconds to weights; `known_until` is when the counts were read.
    """
    columns = history.columns()
    shares = observed_share(columns.width_s, columns.start_s, at, known_until)
    of_bucket = shares * decay(ages(columns.width_s, columns.start_s, at))
    of_channel = channel_weights(history.channels, weights)
    return _summed(history, of_bucket, of_channel)


def totals(history: History, *, kinds: frozenset[str], since: float, until: float, known_until: float) -> FloatArray:
    """Events of `kinds` on every item row in `[since, until)`, buckets that straddle an edge in proportion."""
    columns = history.columns()
    before = observed_share(columns.width_s, columns.start_s, until, known_until)
    earlier = observed_share(columns.width_s, columns.start_s, since, known_until)
    of_channel = channel_weights(history.channels, dict.fromkeys(kinds, 1.0))
    return _summed(history, before - earlier, of_channel)


def _summed(history: History, of_bucket: FloatArray, of_channel: FloatArray) -> FloatArray:
    columns = history.columns()
    if not len(columns.cell):
        return np.zeros(len(history.items))
    cells = len(columns.cell_item)
    of_cell = np.bincount(columns.cell, weights=columns.counts * of_bucket[columns.bucket], minlength=cells)
    weighed = (of_cell * of_channel[columns.cell_channel])[columns.cell_order]
    found = np.bincount(columns.cell_item[columns.cell_order], weights=weighed, minlength=len(history.items))
    return np.asarray(found, dtype=np.float64)
