"""How much one sender may send: a token bucket per key, in memory that is bounded whoever sends.

A bucket holds up to `burst` tokens and gains `per_minute` tokens a minute; an event takes one. What is kept of a bucket
is the moment at which it will be full again, an integer: a full bucket needs no memory, and no rounding adds up.

Guaranteed, whatever is sent and whatever is forgotten: in any span of t seconds a key is allowed no more than
burst + t x per_minute / 60 events (the clock is read in microseconds), and no more than `remembered` keys are kept.

Where more than `remembered` buckets are in use at once, one that is not full must be forgotten: one of the fullest. Its
state goes to one of `remembered` nooks, chosen by a hash that nobody outside knows, and a key that is not kept begins
with a bucket as empty as the emptiest that was left in its nook. So pushing an exhausted bucket out of memory buys
nothing. The price is paid by newcomers, and only while so many senders are busy: those of one nook share one bucket. To
leave them nothing an attacker must spend the burst of twice `remembered` keys while a bucket fills.

A kept key costs about 300 bytes, its nook included.

Rejected: forgetting the bucket that was used least recently (a thousand fresh keys make an exhausted one fresh again),
and counts per fixed minute (twice the limit passes around the change of the minute).
"""

import heapq
from fractions import Fraction
from typing import Final

Key = bytes | str

CLOCK_STEP_S: Final = 10.0
"""A clock that goes back by less jitters, and its latest time counts; by more, it was set, and time goes on."""

LOOKED_AT: Final = 8
"""Buckets that are looked at to forget one: a call's cost has a bound, and the fullest of so many is full enough."""

_TICKS = 1_000_000  # a second, for the arithmetic


class Limiter:
    """Token buckets by key. One thread. Raises ValueError for a rate, a burst or a memory that allows nothing."""

    def __init__(self, per_minute: float, burst: float, remembered: int) -> None:
        if not (0 < per_minute < float("inf") and 1 <= burst < float("inf") and remembered >= 1):
            raise ValueError(
                f"a limit needs a positive rate, a burst of at least 1 and room for at least one sender,"
                f" not per_minute={per_minute}, burst={burst}, remembered={remembered}"
            )
        # In units in which a tick regains a whole number of them, and a token costs a whole number of them.
        rate = Fraction(str(per_minute)) / (60 * _TICKS)
        self._tick, self._token = rate.numerator, rate.denominator
        self._burst = int(Fraction(str(burst)) * self._token)
        self._remembered = remembered
        self._full_at: dict[Key, int] = {}
        self._fullest: list[tuple[int, int, Key]] = []  # one entry per key; may lag behind, never ahead
        self._entries = 0  # tells entries of one moment apart, so that keys are never compared
        self._nooks = [0] * remembered  # when the buckets left there will all be full
        self._now = 0
        self._shift = 0  # ticks by which our time is ahead of the caller's clock

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._full_at)

    def take(self, key: Key, count: int, now: float) -> int:
        """How many of `count` events of `key` are allowed at `now` (seconds); they are taken."""
        time = self._time(now)
        known = self._full_at.get(key)
        full_at = max(time, self._nooks[hash(key) % self._remembered] if known is None else known)
        allowed = min(count, (self._burst - (full_at - time)) // self._token)
        if allowed <= 0:
            return 0
        full_at += allowed * self._token
        self._full_at[key] = full_at
        if known is None:
            self._entries += 1
            heapq.heappush(self._fullest, (full_at, self._entries, key))
            self._forget_full(time)
        return allowed

    def wait_s(self, key: Key, now: float) -> float:
        """Seconds from `now` until `key` is allowed one event; 0 where it is now."""
        time = self._time(now)
        known = self._full_at.get(key)
        full_at = max(time, self._nooks[hash(key) % self._remembered] if known is None else known)
        missing = full_at - time + self._token - self._burst
        return -(-missing // self._tick) / _TICKS if missing > 0 else 0.0

    def _time(self, now: float) -> int:
        """The caller's time in our units; it never goes back."""
        ticks = int(now * _TICKS) + self._shift
        time = ticks * self._tick
        if time < self._now:
            behind = self._now // self._tick - ticks
            if behind > CLOCK_STEP_S * _TICKS:
                self._shift += behind
            return self._now
        self._now = time
        return time

    def _forget_full(self, time: int) -> None:
        """Forget the full buckets among those looked at, and one that is not full where there is no room for it."""
        held, fullest = self._full_at, self._fullest
        for _ in range(LOOKED_AT):
            noted, number, key = fullest[0]
            full_at = held[key]
            if full_at <= time:
                heapq.heappop(fullest)
                del held[key]
            elif full_at != noted:
                heapq.heapreplace(fullest, (full_at, number, key))
            else:
                break
            if not fullest:
                return
        if len(held) > self._remembered:
            key = heapq.heappop(fullest)[2]
            nook = hash(key) % self._remembered
            self._nooks[nook] = max(self._nooks[nook], held.pop(key))
