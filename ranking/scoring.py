"""Counts x weights -> scores. The one place where a score is computed.

    score(item, t) = sum over cells of  weight(channel) * count * share(bucket, t) * decay(age(bucket, t))

Deterministic: cells are summed in the history's order, so the same counts give the same bits.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranking.buckets import FloatArray, ages, observed_share
from ranking.events import channel_kind
from ranking.history import Columns, History

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
    return _summed(columns, of_bucket, of_channel, len(history.items))


def totals(history: History, *, kinds: frozenset[str], since: float, until: float, known_until: float) -> FloatArray:
    """Events of `kinds` on every item row in `[since, until)`, buckets that straddle an edge in proportion."""
    columns = history.columns()
    before = observed_share(columns.width_s, columns.start_s, until, known_until)
    earlier = observed_share(columns.width_s, columns.start_s, since, known_until)
    of_channel = channel_weights(history.channels, dict.fromkeys(kinds, 1.0))
    return _summed(columns, before - earlier, of_channel, len(history.items))


def _summed(columns: Columns, of_bucket: FloatArray, of_channel: FloatArray, items: int) -> FloatArray:
    if not len(columns.item):
        return np.zeros(items)
    each = columns.counts * of_bucket[columns.bucket] * of_channel[columns.channel]
    return np.asarray(np.bincount(columns.item, weights=each, minlength=items), dtype=np.float64)
