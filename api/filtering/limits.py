"""How much one sender may send: a token bucket per key, in memory that is bounded whoever sends.

A bucket holds up to `burst` tokens and gains `per_minute` tokens a minute; an event takes one. What is kept of a bucket
is the moment at which it will be full again, an integer: a full bucket needs no memory, and no rounding adds up.

Guaranteed, whatever is sent and whatever is forgotten: in any span of t seconds a key is allowed no more than
burst + t x per_minute / 60 events (the clock is read in microseconds), and no more than `remembered` keys are kept.

With every new key a few of the kept ones are looked at in turn, and the full ones among them forgotten. Where more than
`remembered` are in use at once, one that is not full must be: the fullest of those looked at, the newcomer among them.
Its state goes to one of `remembered` nooks, chosen by a hash that nobody outside knows, and a key that is not kept
begins with a bucket as empty as the emptiest that was left in its nook. So pushing an exhausted bucket out of memory
buys nothing. The price is paid by newcomers, and only while so many senders are busy: those of one nook share one
bucket. To leave them nothing an attacker must spend the burst of twice `remembered` keys while a bucket fills.

A kept key costs about 300 bytes, its nook included.

Rejected: forgetting the bucket that was used least recently (a thousand fresh keys make an exhausted one fresh again),
counts per fixed minute (twice the limit passes around the change of the minute), and a heap by the moment of being
full (exact, and four times the work: a reader's bucket is full again after a tenth of a second).
"""

from collections import deque
from fractions import Fraction
from typing import Final

Key = bytes | str

CLOCK_STEP_S: Final = 10.0
"""A clock that goes back by less jitters, and its latest time counts; by more, it was set, and time goes on."""

LOOKED_AT: Final = 4
"""Buckets that are looked at for each new one: a call's cost has a bound, and the fullest of so many is full enough."""

LOOKS = range(LOOKED_AT)
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
        self._turn: deque[Key] = deque()  # the kept keys, in the order in which they are looked at
        self._nooks = [0] * remembered  # when the buckets left there will all be full
        self._clock, self._now = 0.0, 0  # the latest call's clock, and what time that was
        self._shift = 0  # ticks by which our time is ahead of the caller's clock

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._full_at)

    def take(self, key: Key, count: int, now: float) -> int:
        """How many of `count` events of `key` are allowed at `now` (seconds); they are taken."""
        time = self._now if now == self._clock else self._time(now)
        known = self._full_at.get(key)
        full_at = self._nooks[hash(key) % self._remembered] if known is None else known
        full_at = full_at if full_at > time else time
        left = time + self._burst - full_at
        if count * self._token > left:
            count = left // self._token
        if count <= 0:
            return 0
        self._full_at[key] = full_at + count * self._token
        if known is None:
            self._make_room(key, time)
        return count

    def wait_s(self, key: Key, now: float) -> float:
        """Seconds from `now` until `key` is allowed one event; 0 where it is now."""
        time = self._time(now)
        known = self._full_at.get(key)
        full_at = max(time, self._nooks[hash(key) % self._remembered] if known is None else known)
        missing = full_at - time + self._token - self._burst
        return -(-missing // self._tick) / _TICKS if missing > 0 else 0.0

    def _time(self, now: float) -> int:
        """The caller's time in our units; it never goes back."""
        self._clock = now
        ticks = int(now * _TICKS) + self._shift
        time = ticks * self._tick
        if time < self._now:
            behind = self._now // self._tick - ticks
            if behind > CLOCK_STEP_S * _TICKS:
                self._shift += behind
            return self._now
        self._now = time
        return time

    def _make_room(self, newcomer: Key, time: int) -> None:
        """Look at some buckets: forget the full ones, and the fullest where there is no room for all."""
        held, turn = self._full_at, self._turn
        turn.append(newcomer)
        for _ in LOOKS:
            key = turn.popleft()
            if held[key] > time:
                turn.append(key)
                break
            del held[key]
        if len(held) > self._remembered:
            looked_at = [turn.pop() for _ in range(min(LOOKED_AT, len(turn)))]
            fullest = min(looked_at, key=held.__getitem__)
            looked_at.remove(fullest)
            nook = hash(fullest) % self._remembered
            self._nooks[nook] = max(self._nooks[nook], held.pop(fullest))
            turn.extend(looked_at)
