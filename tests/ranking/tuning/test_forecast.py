"""A forecast learns how readers part from its half-life, ranks by it, and can be explained by it."""

import math
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from planted import START, rising, steady
from views import Site, list_of

from ranking.lists.explain import amount, explain
from ranking.scoring.correction import FEATURES, MOST
from ranking.settings.learned import Correction, LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.times import parse_duration
from ranking.tuning.backtest import Backtest, backtest
from ranking.tuning.outcome import Judging
from ranking.tuning.softmax import fitted
from ranking.tuning.walk_forward import Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
ITEMS = "abcdef"
AGINGS = ("none", "gravity")
seen = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.floats(0, 3 * DAY_S), st.integers(1, 9), st.sampled_from(["view", "click"])),
    min_size=1, max_size=30,
)  # fmt: skip
weights = st.dictionaries(st.sampled_from(FEATURES), st.floats(-0.4, 0.4), min_size=1, max_size=6)


def site_of(events: list[tuple[str, float, int, str]]) -> Site:
    site = Site()
    for number, item in enumerate(ITEMS):
        site.put(item, START + number * 10 * HOUR_S if number % 2 else None)
    for item, after_s, n, channel in events:
        site.see(item, START + after_s, n, channel)
    return site


def corrected(found: dict[str, float], half_life: str = "2h", **settings: object) -> ListSettings:
    chosen = list_of(decay="forecast", half_life=half_life, **settings)
    return chosen.corrected(Correction(chosen.half_life_s, HOUR_S, found))


# Learned


def test_softmax_finds_the_weights_that_reads_follow() -> None:
    draw, planted = np.random.default_rng(3), np.array([0.8, 0.0, -0.5])
    x, offset = draw.normal(0, 1, (200 * 30, 3)), draw.normal(0, 1, 200 * 30)
    starts = np.arange(0, 200 * 30, 30)
    share = np.exp(offset + x @ planted)
    share /= np.add.reduceat(share, starts).repeat(30)
    found = fitted(x, offset, draw.poisson(share * 300).astype(np.float64), starts)
    assert found == pytest.approx(planted, abs=0.04)


def test_softmax_takes_no_weight_from_reads_that_follow_the_offset() -> None:
    draw, starts = np.random.default_rng(3), np.arange(0, 6000, 30)
    x, offset = draw.normal(0, 1, (6000, 3)), draw.normal(0, 1, 6000)
    share = np.exp(offset) / np.add.reduceat(np.exp(offset), starts).repeat(30)
    found = fitted(x, offset, draw.poisson(share * 300).astype(np.float64), starts)
    assert found == pytest.approx(np.zeros(3), abs=0.02)


def test_softmax_ends_where_all_rows_are_alike() -> None:
    assert fitted(np.ones((4, 2)), np.zeros(4), np.array([1.0, 0, 0, 5]), np.array([0, 2])).tolist() == [0, 0]


def walked(site: Site, *lists: ListSettings) -> Backtest:
    plan = plan_walk(site.history.columns(), Wanted(warmup_s=5 * DAY_S), math.inf)
    return backtest(site, lists, plan, Judging(10), JAKARTA)


def test_forecast_catches_more_where_what_rises_goes_on_to_rise() -> None:
    for half_life in ("30m", "2h"):
        found = walked(rising(300), list_of(decay="forecast", half_life=half_life), list_of(half_life=half_life))
        ours, alone = (float(np.nanmean(trace.capture)) for trace in found.traces)
        assert ours > alone + 0.01
        assert found.corrections[0] is not None
        assert found.corrections[0].half_life_s == parse_duration(half_life)


def test_forecast_does_about_as_well_as_the_half_life_where_there_is_nothing_to_learn() -> None:
    found = walked(steady(), list_of(decay="forecast", half_life="7d"), list_of(half_life="7d"))
    ours, alone = (float(np.nanmean(trace.capture)) for trace in found.traces)
    assert ours > alone - 0.01


# As a list


@runs(deadline=None)
@given(
    seen, weights, st.sampled_from([3.2, 3.6]), st.sampled_from(["plain", "log"]), st.sampled_from(["none", "gravity"])
)
def test_explain_adds_up_to_the_score_under_a_forecast(
    events: list[tuple[str, float, int, str]], found: dict[str, float], days: float, shape: str, aging: str
) -> None:
    site, chosen, at = site_of(events), corrected(found, shape=shape, aging=aging), START + days * DAY_S
    alone = site.ranker(at, zone=JAKARTA).rank(chosen.corrected(None), "").score
    assert alone is not None
    for item, score in site.scores(chosen, at).items():
        why = explain(site.ranker(at, zone=JAKARTA), item, "populer", chosen, "", {})
        assert why is not None
        assert sum(channel.part for channel in why.channels) == why.counted
        assert amount(why.terms) == why.score == score
        assert {term.name for term in why.terms if term.name.startswith("forecast: ")} - {"forecast: bound"} == {
            f"forecast: {name}" for name, weight in found.items() if weight
        }
        plain = float(alone[site.history.items.index(item)])
        assert plain / MOST <= score <= plain * MOST


@runs(deadline=None)
@given(seen)
def test_formula_takes_the_half_life_when_a_forecast_has_learned_nothing(
    events: list[tuple[str, float, int, str]],
) -> None:
    site, at = site_of(events), START + 3.2 * DAY_S
    assert site.scores(list_of(decay="forecast", half_life="3h"), at) == site.scores(list_of(half_life="3h"), at)


def test_formula_multiplies_a_sum_by_what_each_feature_says() -> None:
    site, at = Site(), START + 50 * HOUR_S
    site.put("x", at - 7 * HOUR_S)
    site.see("x", at - 2 * HOUR_S, 4)
    site.see("x", at - 150, 2)
    score = site.scores(corrected({"age": 0.1, "last 1h": -0.2}, weights={"view": 1}), at)["x"]
    alone = site.scores(list_of(half_life="2h", weights={"view": 1}), at)["x"]
    reads = math.log(alone * math.log(2) / 2 + 1)
    assert score == pytest.approx(alone * 8**0.1 * math.exp(-0.2 * (math.log(2 + 1) - reads)))


def test_list_is_ranked_by_what_was_learned_of_its_own_half_life_alone() -> None:
    found = Correction(7200.0, HOUR_S, {"age": 0.1})
    learned = LearnedSetting(7200.0, 1.0, found, sections={"Politik": 28_800.0})
    chosen = list_of(decay="forecast").under(learned)
    assert chosen.correction == found
    assert chosen.in_section("Politik").correction is None, "a section with a half-life of its own goes by that alone"
    assert list_of(decay="forecast", half_life="3h").under(learned).correction is None
    assert list_of().under(learned).correction is None
