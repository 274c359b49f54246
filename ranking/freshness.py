"""How old a published list is, and when it is stale. The one place that says so.

A list is dated by the clock of the process that ranked it. One that is dated ahead of the clock it is read by was
ranked under a wrong clock, or is read under one: nobody knows how old it is, so it is not fresh.
"""

#: Clocks of hosts, and of a store, may differ by this much (seconds).
MAY_DIFFER_S = 5.0


def age_s(ranked_at: float, now: float) -> float:
    """Seconds between the moment that a list was ranked for and `now`, whichever is later; both epoch seconds.

    >>> age_s(100.0, 107.0), age_s(104.0, 100.0), age_s(3700.0, 100.0)
    (7.0, 0.0, 3600.0)
    """
    return max(0.0, now - ranked_at) if is_past(ranked_at, now) else ranked_at - now


def is_past(ranked_at: float, now: float) -> bool:
    """Whether a moment is not ahead of `now` by more than clocks may differ."""
    return ranked_at <= now + MAY_DIFFER_S


def is_stale(ranked_at: float, now: float, limit_s: float) -> bool:
    """Whether a list is older than `limit_s`, or dated ahead.

    >>> is_stale(100.0, 160.0, 60.0), is_stale(100.0, 161.0, 60.0), is_stale(100.0, 90.0, 60.0)
    (False, True, True)
    """
    return now - ranked_at > limit_s or not is_past(ranked_at, now)
