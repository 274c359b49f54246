"""Outcome: what readers did in the horizon after a moment, and how a list is judged by it.

What is taken down, blocked or withdrawn by now, and what only strangers have named, is neither listed nor missed at any
step; pins, boosts and what other lists show (`without`) are left out, as a setting is to be judged by itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_SECTION, FloatArray, Rows
from ranking.intake.events import LIST_SOURCE
from ranking.lists.item_pool import PoolFacts
from ranking.scoring.channel_weights import ChannelWeights
from ranking.tuning.measures import capture, ndcg
from ranking.tuning.walk_forward import WalkForward

NOBODY = -1


class Judging(NamedTuple):
    """How lists are judged: their length, the kinds of events that are reads, and of which section (None: of all).

    `dated_only`: an item without a publish time counts as published long ago, not when it was first seen. A log that
    begins somewhere does not know when that was.
    """

    k: int = 10
    kinds: tuple[str, ...] = ("view",)
    section: int | None = None
    dated_only: bool = False


class Trace(NamedTuple):
    """The fate of one list at each step. NaN where nobody read anything, and in the last step of `kept`.

    `capture`, `ndcg`: (steps,) float64, 0 to 1, see `measures`.
    `kept`: (steps,) float64, how many of the listed are listed a step later.
    `caught`: (steps,) float64, reads of the listed; `own`: those of them that came from a list.
    `age_s`: (steps,) float64, the median age of the listed in seconds, of those with a publish time; `sections`:
    (steps,) float64, how many sections they are of.
    `rows`: (steps, k) int32, the listed item rows, NOBODY past the end of a shorter list; `reads`: (steps, k) float64,
    the reads of each in the horizon.
    """

    capture: FloatArray
    ndcg: FloatArray
    kept: FloatArray
    caught: FloatArray
    own: FloatArray
    age_s: FloatArray
    sections: FloatArray
    rows: npt.NDArray[np.int32]
    reads: FloatArray


def empty_trace(steps: int, k: int) -> Trace:
    """A trace to be filled in, of `steps` lists of `k` rows."""
    one, two, three, four, five, six, seven = np.full((7, steps), np.nan)
    return Trace(
        one, two, three, four, five, six, seven, np.full((steps, k), NOBODY, dtype=np.int32), np.zeros((steps, k))
    )


def kept_a_step_later(rows: npt.NDArray[np.int32]) -> FloatArray:
    """How many rows of each step are among those of the next, (steps - 1,) float64; `rows` as in `Trace`."""
    before, after = rows[:-1, :, np.newaxis], rows[1:, np.newaxis, :]
    stays = ((before == after) & (before != NOBODY)).any(axis=2)
    return np.asarray(stays.sum(axis=1), dtype=np.float64)


def describe_visible(trace: Trace, moments: Sequence[float], facts: PoolFacts) -> None:
    """Write how old the listed of a trace are at each of its moments (epoch seconds), and of how many sections."""
    listed = trace.rows != NOBODY
    age_s = np.where(listed, np.array(moments)[:, np.newaxis] - facts.published[trace.rows], np.nan)
    age_s[~np.isfinite(age_s)] = np.nan
    some = ~np.isnan(age_s).all(axis=1)
    trace.age_s[some] = np.nanmedian(age_s[some], axis=1)
    section = np.sort(np.where(listed, facts.section[trace.rows], NO_SECTION), axis=1)
    first = section != NO_SECTION
    first[:, 1:] &= section[:, 1:] != section[:, :-1]
    trace.sections[:] = first.sum(axis=1)


class Outcome:
    """The reads of the horizon after a moment, for one moment after another.

    `best_rows` are the most read of it, `reads` all that counts and `own_reads` those that came from a list.
    """

    def __init__(self, walk: WalkForward, horizon_s: float, judging: Judging) -> None:
        self._walk = walk
        self._horizon_s = horizon_s
        self._judging = judging
        channels = walk.counts.channels
        self.read_weights = ChannelWeights(dict.fromkeys(judging.kinds, 1.0)).per_channel(channels)
        self._own_weights = self.read_weights * np.array([_is_own(name) for name in channels], dtype=np.float64)
        counted = walk.facts.known & ~walk.facts.never_listed
        if judging.section is not None:
            counted &= walk.facts.section == judging.section
        self._counted = counted
        self._rows = np.empty(0, dtype=np.int32)
        self._reads_of_row = np.zeros(len(walk.names))
        self._own_reads_of_row = np.zeros(len(walk.names))
        self._best = np.empty(0)
        self.best_rows: Rows = np.empty(0, dtype=np.int64)
        self.reads = self.own_reads = 0.0

    def observe(self, at: float) -> None:
        """Count the reads of the horizon after `at` (epoch seconds)."""
        self._reads_of_row[self._rows] = self._own_reads_of_row[self._rows] = 0.0
        came = self._walk.entries.ended_in(at, at + self._horizon_s)
        rows, place = np.unique(came.item, return_inverse=True)
        for sums, channel_weights in (
            (self._reads_of_row, self.read_weights),
            (self._own_reads_of_row, self._own_weights),
        ):
            sums[rows] = np.bincount(place, weights=came.counts * channel_weights[came.channel], minlength=len(rows))
            sums[rows[~self._counted[rows]]] = 0.0
        self._rows = rows
        read = rows[self._reads_of_row[rows] > 0]
        order = np.argsort(-self._reads_of_row[read], kind="stable")[: self._judging.k]
        self.best_rows, self._best = read[order].astype(np.int64), self._reads_of_row[read[order]]
        self.reads, self.own_reads = float(self._reads_of_row[rows].sum()), float(self._own_reads_of_row[rows].sum())

    def judge(self, listed: Rows, trace: Trace, step: int) -> None:
        """Write what readers did with a list (its rows, best first) into one step of its trace."""
        trace.rows[step, : len(listed)] = listed
        reads = self._reads_of_row[listed]
        trace.reads[step, : len(listed)] = reads
        if self.reads > 0:
            trace.capture[step], trace.ndcg[step] = capture(reads, self._best), ndcg(reads, self._best)
            trace.caught[step], trace.own[step] = reads.sum(), self._own_reads_of_row[listed].sum()


def _is_own(channel: str) -> bool:
    return channel.partition("@")[2].startswith(LIST_SOURCE)
