"""The days, weeks and months of a site's own calendar, as spans of epoch seconds.

A local day begins at local midnight and may have 23 or 25 hours; where the clocks skip midnight it begins when they do.
Weeks begin on Monday.
"""

from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal

NO_PERIOD: Final = "none"
Period = Literal["none", "today", "yesterday", "this week", "this month"]


def midnight(at: float, zone: tzinfo, days: int = 0) -> float:
    """When the local day of the moment `at` began, or the day that is `days` later. Epoch seconds.

    >>> from zoneinfo import ZoneInfo
    >>> midnight(1_764_530_940, ZoneInfo("Asia/Jakarta"))  # 2025-12-01T02:29:00+07:00
    1764522000.0
    """
    return _start(_day(at, zone) + timedelta(days=days), zone)


def day_share(at: float, zone: tzinfo) -> float:
    """How much of its local day has passed at the moment `at`, from 0 to 1."""
    start, end = midnight(at, zone), midnight(at, zone, 1)
    return (at - start) / (end - start)


def period_span(period: Period, at: float, zone: tzinfo) -> tuple[float, float]:
    """`[since, until)` of the period that `at` lies in; for `yesterday` of the day before it. Epoch seconds."""
    today = _day(at, zone)
    match period:
        case "yesterday":
            return _start(today - timedelta(days=1), zone), _start(today, zone)
        case "this week":
            monday = today - timedelta(days=today.weekday())
            return _start(monday, zone), _start(monday + timedelta(days=7), zone)
        case "this month":
            first = today.replace(day=1)
            return _start(first, zone), _start((first + timedelta(days=31)).replace(day=1), zone)
        case _:
            return _start(today, zone), _start(today + timedelta(days=1), zone)


def _day(at: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _start(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
