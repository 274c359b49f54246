"""The days, weeks and months of a site's own calendar, as spans of epoch seconds.

A local day begins at local midnight and may have 23 or 25 hours; where the clocks skip midnight it begins when they do.
Weeks begin on Monday, or where a list says so on Sunday or Saturday.
"""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Literal

NO_PERIOD: Final = "none"
Period = Literal["none", "today", "yesterday", "this week", "this month"]


WeekStart = Literal["monday", "sunday", "saturday"]
#: How many days before a Monday a week begins.
DAYS_BEFORE_MONDAY: Final[Mapping[WeekStart, int]] = {"monday": 0, "sunday": 1, "saturday": 2}


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


def period_span(period: Period, at: float, zone: tzinfo, week_start: WeekStart = "monday") -> tuple[float, float]:
    """`[since, until)` of the period that `at` lies in; for `yesterday` of the day before it. Epoch seconds."""
    today = _day(at, zone)
    match period:
        case "yesterday":
            return _start(today - timedelta(days=1), zone), _start(today, zone)
        case "this week":
            first = today - timedelta(days=(today.weekday() + DAYS_BEFORE_MONDAY[week_start]) % 7)
            return _start(first, zone), _start(first + timedelta(days=7), zone)
        case "this month":
            first = today.replace(day=1)
            return _start(first, zone), _start((first + timedelta(days=31)).replace(day=1), zone)
        case _:
            return _start(today, zone), _start(today + timedelta(days=1), zone)


@lru_cache
def offset_step_s(zone: tzinfo) -> int:
    """The seconds that all of a zone's offsets from 2000 to 2040 are a multiple of; 0 for UTC.

    Local days begin at multiples of it, as long as it divides a day.

    >>> from zoneinfo import ZoneInfo
    >>> [offset_step_s(ZoneInfo(name)) for name in ("Asia/Jakarta", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")]
    [25200, 20700, 1800, 0]
    """
    looks = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=10 * number) for number in range(1461))
    offsets = (look.astimezone(zone).utcoffset() or timedelta() for look in looks)
    return math.gcd(*{round(offset.total_seconds()) for offset in offsets})


def _day(at: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _start(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
