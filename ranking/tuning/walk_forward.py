"""WalkForward: the moments of a past at which lists are ranked again, with sums carried from one to the next.

Invariant: a moment of the walk sees only what was over by then. No bucket straddles one: the walk begins where the
counts are fine enough for its steps, so that nothing of a bucket that ends later is in a list and no part of one has to
be guessed.

Sums over all the past under a half-life obey S(t + step) = S(t) * 2^-(step / half-life) + what came in between, so a
step costs what the step holds and not what came before it. All other sums are computed as for any list.
"""

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Mask
from ranking.counts.columns import Columns
from ranking.errors import NotEnoughError, PopulerError
from ranking.lists.item_pool import ItemPool
from ranking.scoring.decay import Alike, Decay, HalfLife
from ranking.scoring.sums import Counts, Horizon, Moment, Span, Sums
from ranking.times import DAY_S, HOUR_S, format_duration

MIN_STEPS = 12
ALL_THE_PAST = (Span(),)


class Wanted(NamedTuple):
    """The measures of a walk, in seconds: between lists, after each to judge it by, and before the first."""

    step_s: float = float(HOUR_S)
    horizon_s: float = float(HOUR_S)
    warmup_s: float = 7.0 * DAY_S

    @property
    def least_s(self) -> float:
        """How long a history must be."""
        return self.warmup_s + (MIN_STEPS - 1) * self.step_s + self.horizon_s

    def __str__(self) -> str:
        warmup, horizon, step = (format_duration(each) for each in (self.warmup_s, self.horizon_s, self.step_s))
        least = format_duration(self.least_s)
        return f"a warmup of {warmup}, {MIN_STEPS} steps of {step} and a horizon of {horizon} take {least}"


class Plan(NamedTuple):
    """Lists at `first`, `first + step_s`, …, `steps` of them; each is judged by the `horizon_s` after it. Seconds."""

    first: float
    steps: int
    step_s: float
    horizon_s: float

    @property
    def moments(self) -> list[float]:
        """The moments to rank for, in epoch seconds."""
        return [self.first + number * self.step_s for number in range(self.steps)]


def plan_walk(columns: Columns, wanted: Wanted, known_until: float) -> Plan:
    """The walk through counts that are complete until `known_until` (epoch seconds). Steps are aligned to the epoch.

    Raises:
        NotEnoughError: the history is too short, or too coarse; the sentence says how much it takes.
        PopulerError: the steps do not fit the buckets.
    """
    step_s, horizon_s, warmup_s = wanted
    start_s, end_s = columns.start_s, columns.start_s + columns.width_s
    over = end_s <= known_until
    if not over.any():
        raise NotEnoughError(f"there is no history: {wanted}")
    begin, end = float(start_s[over].min()), float(end_s[over].max())
    finest = float(columns.width_s[over].min())
    for name, span_s in (("step", step_s), ("horizon", horizon_s)):
        if span_s <= 0 or span_s % finest:
            raise PopulerError(
                f"{name}: expected a multiple of {format_duration(finest)}, in buckets of which the counts are kept, "
                f"found {format_duration(span_s)}"
            )
    length = format_duration(end - begin)
    if horizon_s >= end - begin:
        raise NotEnoughError(
            f"the horizon of {format_duration(horizon_s)} is longer than the history of {length}: {wanted}"
        )
    coarse = over & ((step_s % columns.width_s > 0) | (horizon_s % columns.width_s > 0))
    fine_since = float(end_s[coarse].max(initial=-math.inf))
    first = math.ceil(max(begin + warmup_s, fine_since) / step_s) * step_s
    steps = math.floor((end - horizon_s - first) / step_s) + 1
    if steps < MIN_STEPS:
        too_coarse = fine_since > begin + warmup_s
        found = f"only the last {format_duration(end - fine_since)} of it" if too_coarse else "that"
        why = "is kept in buckets that fit such steps" if too_coarse else "is too short"
        raise NotEnoughError(f"the history is {length} long, and {found} {why}: {wanted}")
    return Plan(first, steps, step_s, horizon_s)


class Slice(NamedTuple):
    """Some counts.

    `item`, `channel`: (counts,) int32; `counts`: (counts,) float64, events; `middle_s`: (counts,) float64, the middle
    of the bucket in epoch seconds.
    """

    item: npt.NDArray[np.int32]
    channel: npt.NDArray[np.int32]
    counts: FloatArray
    middle_s: FloatArray


class Entries:
    """The counts of a site by the end of their buckets, for look-ups by a span of time."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        end_s = columns.start_s + columns.width_s
        order = np.argsort(end_s, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        by_end = place[columns.bucket]
        self._entry = np.argsort(by_end, kind="stable")
        self._end_s = end_s[order]
        self._edge = np.searchsorted(by_end[self._entry], np.arange(len(order) + 1))

    def ended_in(self, after: float, until: float) -> Slice:
        """The counts of the buckets that ended in `(after, until]` (epoch seconds)."""
        first, last = np.searchsorted(self._end_s, (after, until), side="right")
        entry = self._entry[self._edge[first] : self._edge[last]]
        columns = self._columns
        cell, bucket = columns.cell[entry], columns.bucket[entry]
        middle_s = columns.start_s[bucket] + columns.width_s[bucket] / 2
        return Slice(columns.cell_item[cell], columns.cell_channel[cell], columns.counts[entry], middle_s)

    def straddled(self, moment: float) -> bool:
        """Whether some bucket begins before a moment and ends after it."""
        start_s = self._columns.start_s
        return bool(((start_s < moment) & (start_s + self._columns.width_s > moment)).any())


class _Carried:
    """Sums of every row over all the past, under one half-life and one weighing."""

    def __init__(self, half_life: HalfLife, channel_weights: FloatArray, sums: FloatArray) -> None:
        self._half_life = half_life
        self._channel_weights = channel_weights
        self._sums = sums
        self.shown = sums.view()
        self.shown.flags.writeable = False

    def advance(
        self, since: float, to: float, came: Slice, rows: npt.NDArray[np.int32], place: npt.NDArray[np.intp]
    ) -> None:
        """From the moment `since` to `to`. `came` came meanwhile, on `rows`; `place` says on which of them."""
        self._sums *= self._half_life(np.array([to - since]))
        weights = came.counts * self._channel_weights[came.channel] * self._half_life(to - came.middle_s)
        self._sums[rows] += np.bincount(place, weights=weights, minlength=len(rows))


class _Present(Sums):
    """The sums at the moment of the step."""

    def __init__(
        self, counts: Counts, at: float, carried: dict[tuple[HalfLife, bytes], _Carried], entries: Entries
    ) -> None:
        super().__init__(counts, Moment(at, at))
        self._carried = carried
        self._entries = entries
        self._windows: dict[tuple[float, bytes], FloatArray] = {}

    def total(self, horizon: Horizon, channel_weights: FloatArray) -> FloatArray:
        """Sum of every item row, valid until the next step."""
        if isinstance(horizon.decay, Alike) and (found := self._window(horizon.spans, channel_weights)) is not None:
            return found
        half_life = _as_half_life(horizon.decay)
        if half_life is None or horizon.spans != ALL_THE_PAST:
            return super().total(horizon, channel_weights)
        key = half_life, channel_weights.tobytes()
        if key not in self._carried:
            self._carried[key] = _Carried(half_life, channel_weights, super().total(horizon, channel_weights))
        return self._carried[key].shown

    def _window(self, spans: Sequence[Span], channel_weights: FloatArray) -> FloatArray | None:
        """The sum over the last while, whose buckets alone are read; None: the spans are none, or part a bucket."""
        since = spans[0].since
        if tuple(spans) != (Span(since),) or math.isinf(since) or self._entries.straddled(since):
            return None
        key = since, channel_weights.tobytes()
        if key not in self._windows:
            came = self._entries.ended_in(since, self.moment.at)
            weights = came.counts * channel_weights[came.channel]
            self._windows[key] = np.bincount(came.item, weights=weights, minlength=self._counts.size).astype(np.float64)
        return self._windows[key]


class WalkForward(ItemPool):
    """A pool that goes from moment to moment. Its sums of the present are carried along, those of others computed.

    `undated`: (rows,) bool, the items that nobody has dated. `seen`: (rows,) float64, epoch seconds, when each was
    published, or first read where that is unknown.
    """

    def __init__(self, pool: ItemPool, undated: Mask, start: float, zone: tzinfo) -> None:
        # An item without a date counts as published when the bucket of its first event begins: of one that begins
        # now nothing is known yet.
        published = pool.facts.published
        self.seen = np.where(undated, np.nextafter(published, np.inf), published)
        facts = pool.facts._replace(published=self.seen)
        super().__init__(pool.names, pool.counts, facts, start, zone)
        self.entries = Entries(pool.counts.columns)
        self._carried: dict[tuple[HalfLife, bytes], _Carried] = {}
        self._present = _Present(self.counts, -math.inf, self._carried, self.entries)
        self._visited: set[Moment] = set()

    def go(self, to: float) -> Moment:
        """Go on to a later moment (epoch seconds), which no bucket straddles."""
        for moment in self._visited:
            self.forget(moment)
        self._visited.clear()
        since = self._present.moment.at
        if self._carried:
            came = self.entries.ended_in(since, to)
            rows, place = np.unique(came.item, return_inverse=True)
            for each in self._carried.values():
                each.advance(since, to, came, rows, place)
        self._present = _Present(self.counts, to, self._carried, self.entries)
        return self._present.moment

    @property
    def present(self) -> Moment:
        """Where the walk is."""
        return self._present.moment

    def sums(self, moment: Moment) -> Sums:
        """The sums at a moment. Those of the present hold until the next step."""
        if moment == self._present.moment:
            return self._present
        self._visited.add(moment)
        return super().sums(moment)


def _as_half_life(decay: Decay) -> HalfLife | None:
    if isinstance(decay, HalfLife):
        return decay
    return HalfLife(math.inf) if isinstance(decay, Alike) else None
