"""What a list caught, how well it was ordered, and how sure one can be of a mean over days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.tuning.measures import MIN_DAYS, capture, draws_of_days, highest, interval, ndcg

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@given(counts, st.integers(1, 12), st.integers(0, 99))
def test_measures_are_at_most_one_and_one_for_the_best(reads: list[int], k: int, seed: int) -> None:
    every = np.array([1.0, *reads])
    best = highest(every, k)
    listed = np.random.default_rng(seed).permutation(every)[:k]
    assert 0.0 <= capture(listed, best) <= 1.0
    assert 0.0 <= ndcg(listed, best) <= 1.0 + 1e-12
    assert (capture(best, best), ndcg(best, best)) == (1.0, 1.0)


def test_capture_ignores_the_order_and_ndcg_does_not() -> None:
    best = np.array([8.0, 2.0])
    assert capture(best[::-1], best) == 1.0
    assert ndcg(best[::-1], best) < 1.0


def test_measures_count_nothing_for_places_that_nobody_fills() -> None:
    best = np.array([3.0, 1.0])
    assert capture(np.array([3.0]), best) == 0.75
    assert capture(np.array([]), best) == ndcg(np.array([]), best) == 0.0


def test_interval_holds_the_mean_and_is_the_same_every_time() -> None:
    values, day = np.tile([0.2, 0.4, 0.9], 8), np.repeat(np.arange(8), 3)
    values = values + 0.01 * day
    found = interval(values, day, draws_of_days(8))
    assert found is not None
    assert found.low < values.mean() < found.high
    assert found == interval(values, day, draws_of_days(8))


def test_interval_widens_with_days_that_differ_and_not_with_hours_of_one_day() -> None:
    day = np.repeat(np.arange(8), 24)
    alike = interval(np.tile(np.arange(24.0), 8), day, draws_of_days(8))
    unlike = interval(np.repeat([0.0, 23.0] * 4, 24), day, draws_of_days(8))
    assert alike is not None
    assert unlike is not None
    assert alike == pytest.approx((11.5, 11.5)), "every draw of equal days has the same mean"
    assert unlike.high - unlike.low > 10


def test_interval_leaves_out_what_was_not_measured() -> None:
    day = np.repeat(np.arange(4), 2)
    values = np.array([1.0, np.nan] * 4)
    assert interval(values, day, draws_of_days(4)) == (1.0, 1.0)


def test_interval_is_none_for_a_few_days() -> None:
    day = np.repeat(np.arange(MIN_DAYS - 1), 50)
    assert interval(np.ones(len(day)), day, draws_of_days(MIN_DAYS - 1)) is None
    whole = np.repeat(np.arange(MIN_DAYS), 2)
    only_two = np.array([1.0, 1.0, 1.0, 1.0, np.nan, np.nan])
    assert interval(only_two, whole, draws_of_days(MIN_DAYS)) is None
