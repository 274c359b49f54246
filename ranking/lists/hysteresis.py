"""Hysteresis: an item that is in a list stays until another beats it by a margin, so that two of nearly equal scores do
not change places at the cut with every reader.

Whether an item was in depends on the past, and on its past. It is replayed: from a moment of the clock some hours ago,
where the better scores were in, the list is played forward in steps, each of which lets a challenger in that beats the
weakest incumbent by the margin. So the list remains a function of counts and time: the same for every process, for a
preview of the past, and after downtime. A near tie that nobody decides clearly for hours may be decided anew when the
beginning moves on, every three. On real reads the replay changes a list as seldom as one that remembers (1.6 places of
seven an hour at a margin of 10 %, 2.8 without), if those take part who stood high at its beginning and those who were
read most since; with the contenders of this moment alone it does not, as they fill each other's places in the past.

Rejected: comparing with the list that was published last. Two processes would publish different lists from the same
counts, and the effect of one missed refresh would never end.

Rejected: comparing with the plain list of a moment ago, which merely delays the flicker.
"""

import math
from collections.abc import Iterable

import numpy as np

from ranking.counts.arrays import FloatArray, Mask
from ranking.times import HOUR_S

STEP_S = 300.0
SPAN_S = 3.0 * HOUR_S


def steps(at: float) -> list[float]:
    """The moments to replay before `at`, oldest first: from 3 to 6 hours before it, on the five minutes of the clock.

    >>> [len(steps(hours * 3600.0)) for hours in (12, 13.5, 14.9)]
    [36, 54, 71]
    """
    start = (math.floor(at / SPAN_S) - 1) * SPAN_S
    return [start + STEP_S * number for number in range(math.ceil((at - start) / STEP_S))]


def members(scores: Iterable[FloatArray], size: int, margin: float) -> Mask:
    """Which contenders are in after the last step, (contenders,) bool.

    `scores`: one (contenders,) float64 per step; 0 where a contender is not eligible then.

    Contenders stand in the order in which equal scores count.

    >>> members([np.array([5.0, 4.0]), np.array([5.0, 5.4]), np.array([5.0, 5.4])], 1, 0.1).tolist()
    [True, False]
    >>> members([np.array([5.0, 4.0]), np.array([5.0, 5.6]), np.array([5.0, 5.4])], 1, 0.1).tolist()
    [False, True]
    """
    inside: Mask | None = None
    for score in scores:
        if inside is None:
            inside = np.zeros(len(score), dtype=np.bool_)
        _play(inside, score, size, margin)
    return np.zeros(0, dtype=np.bool_) if inside is None else inside


def _play(inside: Mask, score: FloatArray, size: int, margin: float) -> None:
    inside &= score > 0
    waiting = np.where(inside, 0.0, score)
    if inside.sum() == size and waiting.max() <= score[inside].min() * (1.0 + margin):
        return
    order = np.argsort(-score, kind="stable")
    challengers = [row for row in order.tolist() if not inside[row] and score[row] > 0]
    weakest_first = [row for row in order[::-1].tolist() if inside[row]]
    vacant = max(0, size - len(weakest_first))
    inside[challengers[:vacant]] = True
    for challenger, incumbent in zip(challengers[vacant:], weakest_first, strict=False):
        if score[challenger] <= score[incumbent] * (1.0 + margin):
            break
        inside[challenger], inside[incumbent] = True, False
