"""A burst is measured against an item's own baseline: surprise, not size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.scoring.burst_measures import chi_square

COUNTS = st.floats(0, 1e6)


def burst(observed: float, expected: float, minimum: float = 5) -> float:
    return float(chi_square(np.array([observed]), np.array([expected]), minimum)[0])


def test_forty_where_ten_were_expected_is_ninety() -> None:
    assert burst(40, 10) == 90


def test_a_quiet_item_that_bursts_comes_before_a_giant_having_its_usual_hour() -> None:
    assert burst(15, 1) > burst(10_500, 10_000)


def test_as_much_as_expected_or_less_is_no_burst() -> None:
    assert burst(10, 10) == 0
    assert burst(9, 10) == 0


def test_a_burst_needs_its_minimum() -> None:
    assert burst(4, 0) == 0
    assert burst(5, 0) == 16
    assert burst(0, 0, minimum=0) == 0


def test_an_item_without_a_past_is_measured_against_one_event() -> None:
    assert burst(10, 0) == burst(10, 0.5) == burst(10, 1) == 81


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS, st.floats(0, 100))
def test_more_events_never_mean_less_of_a_burst(one: float, other: float, expected: float, minimum: float) -> None:
    fewer, more = sorted((one, other))
    assert 0 <= burst(fewer, expected, minimum) <= burst(more, expected, minimum)


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS)
def test_a_higher_baseline_never_means_more_of_a_burst(observed: float, one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    assert burst(observed, lower) >= burst(observed, higher) * (1 - 1e-12)


def test_each_item_is_measured_on_its_own() -> None:
    observed, expected = np.array([40.0, 4.0, 15.0]), np.array([10.0, 0.0, 1.0])
    assert chi_square(observed, expected, 5).tolist() == [90.0, 0.0, 196.0]


@pytest.mark.parametrize("minimum", [0, 5, 1e9])
def test_no_items_are_no_bursts(minimum: float) -> None:
    assert chi_square(np.array([]), np.array([]), minimum).tolist() == []
