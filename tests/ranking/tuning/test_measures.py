"""What a list caught, how well it was ordered, and how sure one can be of a mean over days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.tuning.measures import MIN_DAYS, capture, draws_of_days, highest, interval, ndcg

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@given(counts, st.integers(1, 12), st.integers(0, 99))
def test_no_list_is_better_than_the_best_and_the_best_is_one(reads: list[int], k: int, seed: int) -> None:
    every = np.array([1.0, *reads])
    best = highest(every, k)
    listed = np.random.default_rng(seed).permutation(every)[:k]
    assert 0.0 <= capture(listed, best) <= 1.0
    assert 0.0 <= ndcg(listed, best) <= 1.0 + 1e-12
    assert (capture(best, best), ndcg(best, best)) == (1.0, 1.0)


def test_capture_asks_who_is_listed_and_ndcg_in_which_order() -> None:
    best = np.array([8.0, 2.0])
    assert capture(best[::-1], best) == 1.0
    assert ndcg(best[::-1], best) < 1.0


def test_places_that_nobody_fills_catch_nothing() -> None:
    best = np.array([3.0, 1.0])
    assert capture(np.array([3.0]), best) == 0.75
    assert capture(np.array([]), best) == ndcg(np.array([]), best) == 0.0


def test_an_interval_holds_the_mean_and_is_the_same_every_time() -> None:
    values, day = np.tile([0.2, 0.4, 0.9], 8), np.repeat(np.arange(8), 3)
    values = values + 0.01 * day
    found = interval(values, day, draws_of_days(8))
    assert found is not None
    assert found.low < values.mean() < found.high
    assert found == interval(values, day, draws_of_days(8))


def test_days_that_differ_make_it_wider_and_hours_of_one_day_do_not_make_it_surer() -> None:
    day = np.repeat(np.arange(8), 24)
    alike = interval(np.tile(np.arange(24.0), 8), day, draws_of_days(8))
    unlike = interval(np.repeat([0.0, 23.0] * 4, 24), day, draws_of_days(8))
    assert alike is not None
    assert unlike is not None
    assert alike == pytest.approx((11.5, 11.5)), "every draw of equal days has the same mean"
    assert unlike.high - unlike.low > 10


def test_what_was_not_measured_is_left_out() -> None:
    day = np.repeat(np.arange(4), 2)
    values = np.array([1.0, np.nan] * 4)
    assert interval(values, day, draws_of_days(4)) == (1.0, 1.0)


def test_a_few_days_have_no_interval() -> None:
    day = np.repeat(np.arange(MIN_DAYS - 1), 50)
    assert interval(np.ones(len(day)), day, draws_of_days(MIN_DAYS - 1)) is None
    whole = np.repeat(np.arange(MIN_DAYS), 2)
    only_two = np.array([1.0, 1.0, 1.0, 1.0, np.nan, np.nan])
    assert interval(only_two, whole, draws_of_days(MIN_DAYS)) is None
