"""Rate limits: a token bucket per sender, in bounded memory.

A bucket holds up to `burst` tokens and gains `per_minute` tokens a minute; an event takes one. The state of a bucket is
the moment at which it will be full again, an integer: a full bucket needs no memory, and no rounding adds up.

Invariant, whatever is sent and whatever is evicted: in any span of t seconds a key is allowed no more than
burst + t x per_minute / 60 events (the clock is read in microseconds), and no more than `remembered` keys are kept.

Each new key scans a few of the kept ones in turn and drops the full buckets among them. With more than `remembered`
busy keys the fullest of those scanned, the new one among them, is evicted. Its state goes to one of `remembered` slots,
chosen by a hash that is secret, and a key that is not kept begins with a bucket as empty as the emptiest one evicted to
its slot. So an attacker gains nothing by pushing an exhausted bucket out of memory. New senders pay for that, and only
while memory is full: those of one slot share one bucket. To leave them nothing an attacker must spend the burst of
twice `remembered` keys while a bucket fills.

A kept key costs about 300 bytes, its slot included.

Tokens that were taken for events which turn out not to count are given back; they were not used.

Rejected: forgetting the bucket that was used least recently (a thousand fresh keys make an exhausted one fresh again),
counts per fixed minute (twice the limit passes around the change of the minute), and a heap by the moment of being
full (exact, and four times the work: a reader's bucket is full again after a tenth of a second).
"""

from collections import deque
from fractions import Fraction
from typing import Final

Key = bytes | str

CLOCK_STEP_S: Final = 10.0
"""A clock that goes back by less than this jitters: its latest time counts. By more it was set: time goes on."""

SCANNED: Final = 4
"""Buckets scanned for each new one: it bounds the cost of a call, and the fullest of four is full enough."""

SCANS = range(SCANNED)
_TICKS = 1_000_000  # a second, for the arithmetic


class Limiter:
    """Token buckets by key, for one thread.

    Raises:
        ValueError: a rate, burst or memory that allows nothing.
    """

    def __init__(self, per_minute: float | Fraction, burst: float | Fraction, remembered: int) -> None:
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
        self._turn: deque[Key] = deque()  # the kept keys, in the order of scanning
        self._slots = [0] * remembered  # when the buckets evicted there will all be full
        self._clock, self._now = 0.0, 0  # the latest call's clock, and what time that was
        self._shift = 0  # ticks by which our time is ahead of the caller's clock

    def __len__(self) -> int:
        """The number of kept keys."""
        return len(self._full_at)

    def take(self, key: Key, count: int, now: float) -> int:
        """Take tokens for `count` events of `key` at `now` (seconds). How many are allowed."""
        time = self._now if now == self._clock else self._time(now)
        known = self._full_at.get(key)
        full_at = self._slots[hash(key) % self._remembered] if known is None else known
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

    def take_all(self, key: Key, count: int, now: float) -> bool:
        """Take tokens for all of `count` events of `key` at `now` (seconds), or for none. Whether they are allowed."""
        allowed = self.take(key, count, now)
        if allowed < count:
            self.give_back(key, allowed)
        return allowed == count

    def charge(self, key: Key, count: int, now: float) -> None:
        """Take tokens for `count` events of `key` that happened already: up to another burst on credit."""
        left = count - self.take(key, count, now)
        full_at = self._full_at.get(key)
        if left > 0 and full_at is not None:
            self._full_at[key] = min(full_at + left * self._token, self._time(now) + 2 * self._burst)

    def give_back(self, key: Key, count: int) -> None:
        """Give back tokens for `count` events that were taken and not used."""
        full_at = self._full_at.get(key)
        if full_at is not None:  # else it was full by now, or its emptiness is with others
            self._full_at[key] = full_at - count * self._token

    def wait_s(self, key: Key, now: float) -> float:
        """Seconds from `now` until `key` is allowed one event; 0 where it is now."""
        known = self._full_at.get(key)
        full_at = self._slots[hash(key) % self._remembered] if known is None else known
        if full_at <= self._now:  # time does not go back
            return 0.0
        time = self._time(now)
        missing = max(time, full_at) - time + self._token - self._burst
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
        """Scan some buckets: drop the full ones, and evict the fullest where there is no room."""
        held, turn = self._full_at, self._turn
        turn.append(newcomer)
        for _ in SCANS:
            key = turn.popleft()
            if held[key] > time:
                turn.append(key)
                break
            del held[key]
        if len(held) > self._remembered:
            scanned = [turn.pop() for _ in range(min(SCANNED, len(turn)))]
            fullest = min(scanned, key=held.__getitem__)
            scanned.remove(fullest)
            slot = hash(fullest) % self._remembered
            self._slots[slot] = max(self._slots[slot], held.pop(fullest))
            turn.extend(scanned)
