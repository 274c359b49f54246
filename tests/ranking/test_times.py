"""Durations and moments read as people write them, and nothing else is read as one."""

import math
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.times import LATEST_EPOCH_S, format_duration, parse_duration, parse_moment

WIB = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0), ("90s", 90), ("15m", 900), ("6h", 21_600), ("7d", 604_800), ("2w", 1_209_600), ("250ms", 0.25),
        ("1.5h", 5_400), ("1h30m", 5_400), ("1d1d", 172_800), ("  5m  ", 300), ("1m1ms", 60.001),
    ],
)  # fmt: skip
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "5", "h", "-5m", "5 m", "1h 30m", "5M", "5min", "1e3s", "inf", "none", "5m,"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="90s, 15m, 6h or 7d"):
        parse_duration(text)


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_a_written_duration_reads_back_as_itself_to_the_millisecond(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.001, "1ms"), (59, "59s"), (3_600, "1h"), (90_061.5, "1d1h1m1s500ms"), (math.inf, "none")],
)
def test_a_duration_is_written_in_its_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0), ("1542423600", 1_542_423_600), ("1542423600.25", 1_542_423_600.25),
        ("2018-11-17T12:00:00+09:00", 1_542_423_600), ("2018-11-17T03:00:00Z", 1_542_423_600),
        (" 2018-11-17 03:00 ", 1_542_423_600), ("2018-11-17", 1_542_412_800), ("1970-01-01T07:00:00+07:00", 0),
        ("9999-12-30T23:59:59Z", LATEST_EPOCH_S),
    ],
)  # fmt: skip
def test_a_moment_is_epoch_seconds_or_iso_8601(text: str, moment: float) -> None:
    assert parse_moment(text) == moment


def test_an_iso_time_without_an_offset_is_in_the_zone_given() -> None:
    assert parse_moment("2025-12-01T02:29:00", WIB) == parse_moment("2025-12-01T02:29:00+07:00")
    assert parse_moment("2025-12-01T02:29:00+00:00", WIB) == parse_moment("2025-12-01T02:29:00")


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "nan", "inf", "-inf", "-1", "1542423600000", "1e300", "2018-13-01", "2018-11-17T25:00:00",
        "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "10000-01-01", "253402300800",
    ],
)  # fmt: skip
def test_what_is_no_moment_between_1970_and_9999_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="epoch seconds or ISO 8601 such as 2025"):
        parse_moment(text)
