"""What a click should weigh is found where clicks foretell reads, low where they are noise, and not said of a few."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from views import Site

from populer.config import load
from populer.tuning.candidates import based
from populer.tuning.run import TuneRequest, Tuning, tune
from populer.tuning.weights import LEAST_CLICKS, BestWeight
from ranking.errors import NotEnoughError
from ranking.times import DAY_S, HOUR_S
from ranking.tuning.walk_forward import Wanted

START, ZONE = 1_764_522_000, ZoneInfo("Asia/Jakarta")  # 2025-12-01 there
ITEMS, DAYS = 20, 6


def planted(*, foretold: bool, share: float = 1.0, days: int = DAYS) -> Site:
    """Items by turns the best of an hour, clicked an hour before; not `foretold`: each at its rate, clicked at random.

    `share` of the clicks are there.
    """
    site, draw = Site(), np.random.default_rng(3)
    hours = days * 24
    best = draw.integers(0, ITEMS, (hours + 1, 3))
    for hour in range(hours):
        at = float(START + hour * HOUR_S + 60)
        for item in range(ITEMS):
            site.see(f"item {item}", at, int(draw.poisson(8 if foretold else 4 * item)) + 1)
        for item in best[hour].tolist() if foretold else ():
            site.see(f"item {item}", at, 40)
        clicked = best[hour + 1] if foretold else draw.integers(0, ITEMS, 3)
        for item in clicked.tolist():
            if draw.random() < share:
                site.see(f"item {item}", at, 6, "click")
    return site


def tuned(site: Site, days: int = DAYS) -> Tuning:
    loaded = load(None, {})
    base = based(loaded.settings, loaded.raw, "populer", ["half_life=30m"], ["view", "click"])
    request = TuneRequest(base, Wanted(warmup_s=DAY_S), k=3, weights=True)
    return tune(site, request, ZONE, START + days * float(DAY_S), lambda _: lambda: None)


def weight_of(site: Site) -> BestWeight:
    found = tuned(site).weight
    assert found is not None
    return found


def test_a_click_weighs_much_where_clicks_come_before_reads() -> None:
    found = weight_of(planted(foretold=True))
    assert found.weight >= 8
    assert found.interval is not None
    assert found.interval.low >= 5
    assert found.sentence.startswith(f"A click served best at the weight of {found.weight:g} views, between ")


def test_a_click_weighs_little_where_clicks_are_at_random() -> None:
    found = weight_of(planted(foretold=False))
    assert found.weight <= 1
    assert found.interval is not None
    assert found.interval.low == 0
    assert found.interval.high <= 1


def test_the_document_has_the_list_as_it_is_among_the_weights_that_were_tried() -> None:
    evidence = tuned(planted(foretold=True)).evidence
    weights = [each.candidate.settings.weights["click"] for each in evidence.measured]
    assert weights == sorted({0, 0.5, 1, 2, 3, 5, 8, 13, 20})
    assert evidence.current is not None
    assert evidence.current.candidate.settings.weights["click"] == 3


def test_nothing_is_said_of_few_clicks_and_no_clicks_are_refused() -> None:
    few = weight_of(planted(foretold=True, share=0.02))
    assert 0 < few.clicks < LEAST_CLICKS
    assert few.interval is None
    assert few.sentence == f"Of the weight of a click nothing can be said: {few.clicks} clicks are too few (500)."
    with pytest.raises(NotEnoughError, match="--weights: expected clicks"):
        tuned(planted(foretold=True, share=0.0))
