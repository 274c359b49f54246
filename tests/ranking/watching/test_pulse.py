"""What is usual at a time of day follows from a site's own past; where there is too little of it, nothing is usual."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import WIDTH_S, Site

from ranking.watching.pulse import LEAST_SPANS, Pulse, Usual, pulse_of

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
HOUR_S, DAY_S = 3600.0, 86_400.0
SPAN_S = 900.0
#: 01 December 2025, 02:30 in Jakarta: a Monday.
NOW = 1_764_531_000.0


def pulse(site: Site, at: float = NOW, zone: ZoneInfo = JAKARTA) -> Pulse:
    return pulse_of(site.history, at, zone, SPAN_S)


def read_daily(days: int, events: int = 30, *, except_on: tuple[int, ...] = ()) -> Site:
    """A site with so many events in the ten minutes before this time of each of the last `days` days."""
    site = Site()
    site.see("first", NOW - (days + 1) * DAY_S)
    for day in range(1, days + 1):
        if day not in except_on:
            site.see("a", NOW - day * DAY_S - 600, events)
    return site


def test_pulse_expects_nothing_without_history() -> None:
    assert pulse(Site()) == Pulse(NOW, None, SPAN_S, None)


@pytest.mark.parametrize("days", range(1, 8))
def test_pulse_says_what_is_usual_from_three_days_on(days: int) -> None:
    site = Site()
    for day in range(1, days + 1):
        site.see("a", NOW - day * DAY_S - SPAN_S, 12)
    found = pulse(site).usual
    assert found == (None if days < LEAST_SPANS else Usual(12.0, days, days, weekly=False))


def test_pulse_compares_days_of_the_week_after_three_weeks() -> None:
    site = Site()
    site.see("first", NOW - 22 * DAY_S)
    for day in range(1, 22):
        site.see("a", NOW - day * DAY_S - 600, 5 if day % 7 else 80)
    assert pulse(site).usual == Usual(80.0, 3, 3, weekly=True)
    assert pulse(site, NOW + DAY_S).usual == Usual(5.0, 3, 3, weekly=True)


def test_pulse_does_not_take_an_outage_of_one_day_for_usual() -> None:
    assert pulse(read_daily(7, except_on=(2,))).usual == Usual(30.0, 7, 6, weekly=False)


def test_pulse_does_not_expect_a_sleeping_site_to_be_awake() -> None:
    site = Site()
    for day in range(1, 8):
        site.see("a", NOW - day * DAY_S - 5 * HOUR_S, 500)
    usual = pulse(site).usual
    assert usual is not None
    assert (usual.events, usual.read) == (0, 0)


def test_pulse_silence_begins_when_the_last_bucket_with_events_ends() -> None:
    site = read_daily(4)
    site.see("a", NOW - 1200)
    assert pulse(site).silent_since == NOW - 1200 + WIDTH_S
    site.see("a", NOW - 1)
    assert pulse(site, NOW).silent_since == NOW
    assert pulse(site, NOW + 60).silent_since == NOW


def test_pulse_silence_does_not_end_with_a_shadow() -> None:
    site = read_daily(4)
    site.see("a", NOW - 1200)
    site.see("a", NOW - 10, 50, channel="!robot")
    assert pulse(site).silent_since == NOW - 1200 + WIDTH_S


def test_pulse_compares_the_local_time_across_clock_changes() -> None:
    """Of 26 October 2025, when an hour came twice in Berlin, 09:00 is 25 hours after the 09:00 before."""
    nine = [datetime(2025, 10, day, 9, tzinfo=BERLIN).timestamp() for day in range(22, 29)]
    site = Site()
    site.see("first", nine[0] - DAY_S)
    for moment in nine[:-1]:
        site.see("a", moment - 600, 40)
    usual = pulse(site, nine[-1], BERLIN).usual
    assert usual is not None
    assert (usual.events, usual.read, usual.spans) == (40, 6, 6)


@given(st.lists(st.tuples(st.integers(0, 20 * 288), st.integers(1, 50)), max_size=40))
def test_pulse_is_a_function_of_the_counts(seen: list[tuple[int, int]]) -> None:
    forwards, backwards = Site(), Site()
    for bucket, events in seen:
        forwards.see("a", NOW - 20 * DAY_S + bucket * WIDTH_S, events)
    for bucket, events in reversed(seen):
        backwards.see("a", NOW - 20 * DAY_S + bucket * WIDTH_S, events)
    assert pulse(forwards) == pulse(backwards)
    found = pulse(forwards)
    assert found.silent_since is None or found.silent_since <= NOW
    assert found.usual is None or 0 <= found.usual.read <= found.usual.spans
