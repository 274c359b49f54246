"""The days of a site's own calendar, as spans of epoch seconds.

A local day begins at local midnight and may have 23 or 25 hours; where the clocks skip midnight it begins when they do.
"""

from datetime import datetime, timedelta, tzinfo


def midnight(at: float, zone: tzinfo, days: int = 0) -> float:
    """When the local day of the moment `at` began, or the day that is `days` later. Epoch seconds.

    >>> from zoneinfo import ZoneInfo
    >>> midnight(1_764_530_940, ZoneInfo("Asia/Jakarta"))  # 2025-12-01T02:29:00+07:00
    1764522000.0
    """
    day = datetime.fromtimestamp(at, zone).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def day_share(at: float, zone: tzinfo) -> float:
    """How much of its local day has passed at the moment `at`, from 0 to 1."""
    start, end = midnight(at, zone), midnight(at, zone, 1)
    return (at - start) / (end - start)
