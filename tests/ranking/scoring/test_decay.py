"""One half-life halves, however long and wherever it starts; without a half-life all events weigh alike."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.scoring.decay import half_life

HALF_LIVES = st.floats(1, 1e7)
AGES = st.floats(0, 1e8)


def weight(age_s: float, half_life_s: float) -> float:
    return float(half_life(np.array([age_s]), half_life_s)[0])


@settings(deadline=None)
@given(HALF_LIVES, st.floats(0, 900))
def test_one_half_life_halves(half_life_s: float, half_lives: float) -> None:
    age_s = half_lives * half_life_s
    assert weight(age_s + half_life_s, half_life_s) == pytest.approx(weight(age_s, half_life_s) / 2, rel=1e-9)


@settings(deadline=None)
@given(HALF_LIVES, AGES, AGES)
def test_an_older_event_never_weighs_more_and_a_new_one_weighs_one(
    half_life_s: float, one: float, other: float
) -> None:
    younger, older = sorted((one, other))
    assert 0 <= weight(older, half_life_s) <= weight(younger, half_life_s) <= 1
    assert weight(0, half_life_s) == 1


@settings(deadline=None)
@given(st.lists(AGES))
def test_an_infinite_half_life_weighs_all_events_alike(ages_s: list[float]) -> None:
    assert half_life(np.array(ages_s), math.inf).tolist() == [1.0] * len(ages_s)


@pytest.mark.parametrize(
    ("amount", "age_h", "half_life_h", "left"),
    [(100, 12, 6, 25), (90, 8, 8, 45), (1600, 2, 1, 400)],
    ids=["exp_halflife", "mastodon_chi2's peak", "mastodon_status"],
)
def test_the_vectors_of_other_rankings_hold(amount: float, age_h: float, half_life_h: float, left: float) -> None:
    assert amount * weight(age_h * 3600, half_life_h * 3600) == left


@pytest.mark.parametrize(
    ("scale_s", "half_life_h"), [(45_000, 3.76), (79_200, 6.62), (10_000, 0.84), (240_000, 20.1), (200_000, 16.7)]
)
def test_a_log_and_time_formula_is_a_half_life_in_disguise(scale_s: float, half_life_h: float) -> None:
    half_life_s = scale_s * math.log10(2)
    assert half_life_s / 3600 == pytest.approx(half_life_h, rel=0.01)
    assert math.log10(weight(scale_s, half_life_s)) == pytest.approx(-1)
