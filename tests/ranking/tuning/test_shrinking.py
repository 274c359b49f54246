"""What half-lives have shown is believed as far as it is sure, with all that was tried in mind."""

import numpy as np
import pytest

from ranking.tuning.shrinking import Judged, choice, gains

HALF_LIVES = np.array([1.0, 2.0, 4.0, 8.0, 16.0]) * 3600
ALL = np.ones(5, dtype=np.bool_)


def judged(gain: dict[int, float], noise: float, days: int = 14, seed: int = 1) -> Judged:
    """Hourly captures: half-lives are alike but for a gain, chance of each day, and of each hour."""
    draw = np.random.default_rng(seed)
    capture = 0.5 + draw.normal(0, 0.05, days * 24)
    of_days = np.repeat(draw.normal(0, noise, (5, days)), 24, axis=1)
    each = capture + of_days + np.array([[gain.get(place, 0.0)] for place in range(5)])
    return Judged(HALF_LIVES, each, np.zeros_like(each), np.repeat(np.arange(days), 24))


def chosen(past: Judged, before: int | None = None, accepted: np.ndarray = ALL, rule: int = 2) -> int:
    return choice(past, gains(past, rule), rule, before, accepted).place


def test_what_is_surely_better_is_chosen() -> None:
    assert chosen(judged({0: 0.05}, noise=0.01)) == 0


def test_the_rule_stays_where_only_the_luckiest_is_better() -> None:
    lucky = [seed for seed in range(60) if chosen(judged({}, noise=0.02, seed=seed)) != 2]
    assert len(lucky) <= 6, "nothing is better, and in 97.5 of 100 draws nothing is taken to be"
    alone = [seed for seed in range(60) if gains(judged({}, noise=0.02, seed=seed), 2).mean.argmax() != 2]
    assert len(alone) > 40, "though the best of five is another nearly always"


@pytest.mark.parametrize("days", [3, 6])
def test_few_days_say_nothing_but_what_changes_too_much(days: int) -> None:
    past = judged({0: 0.2}, noise=0.001, days=days)
    assert chosen(past) == 2
    calm = ALL.copy()
    calm[:3] = False
    assert chosen(past, accepted=calm) == 3, "the nearest that changes no more than it may"


def test_what_there_was_stays_where_nothing_is_surely_better_than_it() -> None:
    past = judged({0: 0.05, 1: 0.0505}, noise=0.0005)
    assert chosen(past) == 1
    assert chosen(past, before=0) == 0


def test_the_calmest_is_chosen_where_nothing_is_accepted() -> None:
    past = judged({}, noise=0.01)
    past = past._replace(changed=np.tile(np.arange(5.0, 0.0, -1.0)[:, np.newaxis], past.capture.shape[1]))
    assert choice(past, gains(past, 2), 2, None, ~ALL) == (4, True)
