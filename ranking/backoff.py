"""Backoff: how long a loop pauses after each failure in a row.

Pure: the caller sleeps, and decides what a failure is.

Rejected: jitter. The loops here are a handful of processes
beside one store, whose failures are seconds long.
"""


class Backoff:
    """Pauses that double from `first_s` up to `longest_s` (seconds).

    >>> backoff = Backoff(0.5, 1.5)
    >>> [backoff.next_s() for _ in range(4)]
    [0.5, 1.0, 1.5, 1.5]
    >>> backoff.reset()
    >>> backoff.next_s()
    0.5
    """

    __slots__ = ("_first_s", "_longest_s", "_next_s")

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Seconds to pause now; the next pause is twice as long."""
        pause_s = min(self._next_s, self._longest_s)
        self._next_s = min(2 * pause_s, self._longest_s)
        return pause_s

    def reset(self) -> None:
        """Begin again with the first pause, after a success."""
        self._next_s = self._first_s
