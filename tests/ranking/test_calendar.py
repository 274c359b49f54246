"""A site's days are its own, and have as many hours as they have there."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import Site, list_of

from ranking.calendar import Period, WeekStart, day_share, midnight, period_span

JAKARTA, BERLIN, SAO_PAULO = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")
HOUR_S = 3600.0
ZONES = st.sampled_from(["Asia/Jakarta", "Asia/Jayapura", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "UTC"])
MOMENTS = st.integers(1_500_000_000, 1_900_000_000).map(float)
PERIODS: list[Period] = ["today", "yesterday", "this week", "this month"]


def at(text: str, zone: ZoneInfo = JAKARTA) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("today", "2025-12-01T00:00", "2025-12-02T00:00"),
        ("yesterday", "2025-11-30T00:00", "2025-12-01T00:00"),
        ("this week", "2025-12-01T00:00", "2025-12-08T00:00"),
        ("this month", "2025-12-01T00:00", "2026-01-01T00:00"),
    ],
)
def test_a_period_begins_at_local_midnight(period: Period, since: str, until: str) -> None:
    assert period_span(period, at("2025-12-01T02:29"), JAKARTA) == (at(since), at(until))


def test_a_week_begins_on_monday_and_a_month_on_its_first() -> None:
    sunday = at("2026-03-01T23:59:59")
    assert period_span("this week", sunday, JAKARTA) == (at("2026-02-23T00:00"), at("2026-03-02T00:00"))
    assert period_span("this month", sunday, JAKARTA) == (at("2026-03-01T00:00"), at("2026-04-01T00:00"))


@pytest.mark.parametrize(
    ("week_start", "day", "since"),
    [
        ("sunday", "2026-02-28", "2026-02-22"),
        ("sunday", "2026-03-01", "2026-03-01"),
        ("saturday", "2026-02-27", "2026-02-21"),
        ("saturday", "2026-03-01", "2026-02-28"),
        ("monday", "2026-03-01", "2026-02-23"),
    ],
)
def test_a_week_begins_where_the_list_says(week_start: WeekStart, day: str, since: str) -> None:
    first, end = period_span("this week", at(f"{day}T12:00"), JAKARTA, week_start)
    assert first == at(f"{since}T00:00")
    assert end - first == 7 * 24 * HOUR_S


def test_lists_of_the_week_count_from_its_start_on() -> None:
    site = Site()
    for item, day in (("sabtu", "2026-02-28"), ("minggu", "2026-03-01"), ("senin", "2026-03-02")):
        site.see(item, at(f"{day}T12:00"), 9)
    now = at("2026-03-02T20:00")
    for more in ({}, {"kind": "burst", "minimum": 1}):
        listed = {
            start: set(site.listed(list_of(period="this week", week_start=start, **more), now, zone=JAKARTA))
            for start in ("monday", "sunday", "saturday")
        }
        assert listed == {
            "monday": {"senin"}, "sunday": {"senin", "minggu"}, "saturday": {"senin", "minggu", "sabtu"}
        }, more  # fmt: skip


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-10-27", 24)])
def test_a_day_on_which_the_clocks_change_has_the_hours_that_it_has(day: str, hours: int) -> None:
    since, until = period_span("today", at(f"{day}T12:00", BERLIN), BERLIN)
    assert until - since == hours * HOUR_S
    assert day_share((since + until) / 2, BERLIN) == 0.5


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_do() -> None:
    noon = at("2018-11-04T12:00", SAO_PAULO)
    assert datetime.fromtimestamp(midnight(noon, SAO_PAULO), SAO_PAULO).hour == 1
    assert noon - midnight(noon, SAO_PAULO) == 11 * HOUR_S


@given(MOMENTS, ZONES, st.sampled_from(PERIODS))
def test_every_moment_lies_in_its_period_and_periods_adjoin(moment: float, zone_name: str, period: Period) -> None:
    zone = ZoneInfo(zone_name)
    since, until = period_span(period, moment, zone)
    if period == "yesterday":
        assert until == midnight(moment, zone) <= moment
    else:
        assert since <= moment < until
        assert period_span(period, until, zone)[0] == until
    assert period_span(period, since - 1, zone)[1] <= since


# Lists


def test_todays_list_counts_what_is_read_today_where_the_site_is() -> None:
    site = Site()
    site.see("yesterday", at("2025-11-30T23:59"), 50)
    site.see("today", at("2025-12-01T00:00"), 20)
    site.see("this morning", at("2025-12-01T02:15"), 10)
    now = at("2025-12-01T02:29")
    today, yesterday = list_of(period="today"), list_of(period="yesterday")
    assert site.scores(today, now, zone=JAKARTA) == {"today": 20, "this morning": 10}
    assert site.scores(yesterday, now, zone=JAKARTA) == {"yesterday": 50}
    assert set(site.scores(today, now)) == {"yesterday", "today", "this morning"}, "in London it is still yesterday"


def test_a_period_counts_alike_unless_a_decay_is_named() -> None:
    assert list_of(period="today").decay == "window"
    assert list_of(period="today", decay="half-life").decay == "half-life"
    site = Site()
    site.see("a", at("2025-12-01T00:00"), 20)
    now = at("2025-12-01T02:02:30")
    assert site.scores(list_of(period="today", decay="half-life", half_life="1h"), now, zone=JAKARTA) == {"a": 5}


def test_a_bucket_that_straddles_midnight_counts_in_proportion() -> None:
    site = Site()
    kathmandu = ZoneInfo("Asia/Kathmandu")  # midnight is at a quarter past the hour of UTC
    site.see("a", at("2025-12-01T00:10", kathmandu), 60, width_s=3600)
    assert site.scores(list_of(period="today"), at("2025-12-01T09:00", kathmandu), zone=kathmandu) == {"a": 45}


def test_a_burst_of_today_is_measured_against_all_of_yesterday() -> None:
    site = Site()
    site.see("a", at("2025-11-30T18:00"), 10)
    site.see("a", at("2025-12-01T01:00"), 40)
    site.see("b", at("2025-11-29T18:00"), 999)
    now = at("2025-12-01T02:29")
    of_today = list_of(kind="burst", period="today", method="chi-square")
    assert site.scores(of_today, now, zone=JAKARTA) == {"a": 90}
    assert site.scores(list_of(kind="burst", period="today"), now, zone=JAKARTA) == {"a": 30}
