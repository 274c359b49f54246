"""Traffic alone says how long a list has to remember: the fewer reads, the longer."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.counts.buckets import Bucket
from ranking.counts.history import History
from ranking.scoring.traffic_rule import GRID_S, NEAR, half_life_s, look, reads_by_hour, rule_s

HOUR_S, DAY_S = 3600, 86_400
START = 1_764_522_000
BOUNDS = (900.0, 86_400.0)


def reads(hours: dict[int, dict[str, int]], at: float, **more: object) -> float:
    """R of reads by hour and item."""
    history = History()
    for hour, items in hours.items():
        names = [f"view|{item}".encode() for item in items]
        history.replace(Bucket(300, START + hour * HOUR_S), 0, names, items.values())
    takes = np.ones(len(history.items), dtype=np.bool_)
    return reads_by_hour(history.columns(), np.ones(1), takes, at).of_site


def test_reads_are_the_mean_over_all_hours_of_what_the_ten_most_read_had() -> None:
    many = {f"item-{n}": n for n in range(1, 13)}  # the ten best of 12 have 3 + … + 12
    assert reads({0: many}, START + HOUR_S) == 75.0
    assert reads({0: many}, START + 3 * HOUR_S) == 25.0, "hours without a read are hours, too"
    assert reads({0: many, 1: {"item-1": 15}}, START + 2 * HOUR_S) == 45.0


def test_reads_are_those_of_the_last_seven_days() -> None:
    seen = {0: {"a": 1_000}, 24 * 8: {"a": 168}}
    assert reads(seen, START + 24 * 8 * HOUR_S + HOUR_S) == 1.0


def test_reads_are_an_hour_s_from_the_first_minutes_on() -> None:
    assert reads({0: {"a": 10}}, START + 300) == 120.0
    assert reads({0: {"a": 10}}, START + 299) == 0.0, "of a bucket that is not over nothing is known"
    assert reads({}, START) == 0.0


def test_reads_of_sections_are_each_section_s_own() -> None:
    history = History()
    history.replace(Bucket(300, START), 0, [b"view|a", b"view|b", b"view|c"], [6, 3, 1])
    columns, takes = history.columns(), np.array([True, True, True])
    section = np.array([0, 1, -1], dtype=np.int32)
    assert reads_by_hour(columns, np.ones(1), takes, START + HOUR_S).of_sections(section).tolist() == [6.0, 3.0]
    assert reads_by_hour(columns, np.ones(1), ~takes, START + HOUR_S).of_sections(section).tolist() == [0.0, 0.0]


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6))
def test_a_half_life_is_never_longer_with_more_reads_and_within_bounds(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert half_life_s(high, BOUNDS) <= half_life_s(low, BOUNDS)
    assert half_life_s(one, BOUNDS) in GRID_S
    assert BOUNDS[0] <= half_life_s(one, BOUNDS) <= BOUNDS[1]
    steps = [math.log2(longer / shorter) for shorter, longer in pairwise(GRID_S)]
    off = abs(math.log2(half_life_s(one, (60.0, 2_592_000.0)) / min(max(rule_s(one), 60.0), 2_592_000.0)))
    assert off <= max(steps) / 2 + 1e-9


def test_a_half_life_stays_while_the_rule_is_near() -> None:
    for reads_an_hour in (35.0, 40.0, 45.0):
        assert half_life_s(reads_an_hour, BOUNDS, 14_400.0) == 14_400.0
    far = 40.0 / (1.1 * NEAR) ** (1 / 0.75)
    assert half_life_s(far, BOUNDS, 14_400.0) > 14_400.0
    assert half_life_s(40.0, (900.0, 7_200.0), 14_400.0) == 7_200.0, "but not out of bounds"


@pytest.mark.parametrize("after_s", [300, 599, 600, 3_600, 7 * DAY_S])
def test_traffic_is_looked_at_when_as_long_again_has_passed(after_s: float) -> None:
    found = look(START, START + after_s)
    assert found is not None
    assert after_s / 2 < found - START <= after_s
    assert look(math.inf, START) is None
