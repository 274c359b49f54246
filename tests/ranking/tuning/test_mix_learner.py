"""A forecast learns the mix of half-lives that its site's past speaks for, ranks by it, and can be explained by it."""

import math
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from planted import START, steady, wandering
from views import Site, list_of

from ranking.lists.explain import explain
from ranking.scoring.decay import Mix
from ranking.settings.learned import LearnedSetting, MixPart
from ranking.times import format_duration, parse_duration
from ranking.tuning.backtest import backtest
from ranking.tuning.mix_learner import AGES_S, HALF_LIVES_S, HOURS, Learner, nonnegative
from ranking.tuning.outcome import Judging
from ranking.tuning.walk_forward import Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
JAKARTA = ZoneInfo("Asia/Jakarta")
SIZE = len(HALF_LIVES_S)


def as_rates(part: MixPart) -> dict[str, float]:
    """The weights of a part as those of rates, their largest 1."""
    found = {name: weight * parse_duration(name) for name, weight in part.weights.items()}
    return {name: weight / max(found.values()) for name, weight in found.items()}


@given(st.integers(0, 10_000), st.integers(1, SIZE))
def test_nonnegative_finds_weights_that_cannot_be_bettered(seed: int, size: int) -> None:
    draw = np.random.default_rng(seed)
    rates, reads = draw.normal(size=(40, size)), draw.normal(size=40)
    products, both = rates.T @ rates + 1e-6 * np.eye(size), rates.T @ reads
    found = nonnegative(products, both)
    slope = products @ found - both
    assert (found >= 0).all()
    assert np.allclose(slope[found > 0], 0, atol=1e-6), "what is in is as good as can be"
    assert (slope[found == 0] >= -1e-6).all(), "what is out would make it worse"


def learned(hours: int = 240, weight_of: dict[str, float] | None = None, seed: int = 3) -> tuple[MixPart, ...]:
    """From reads that follow given weights of rates, by chance of Poisson."""
    draw, learner = np.random.default_rng(seed), Learner()
    names = [format_duration(half_life_s) for half_life_s in HALF_LIVES_S]
    weights = np.array([(weight_of or {"30m": 0.6, "1d": 0.4}).get(name, 0.0) for name in names])
    for hour in range(hours):
        rates = draw.gamma(1.0, 40.0, (120, SIZE))
        learner.observe(hour // 24, hour % 24, rates, draw.uniform(0, 10 * DAY_S, 120), draw.poisson(rates @ weights))
    return learner.mix()


def test_learner_finds_the_mix_that_reads_follow() -> None:
    (part,) = learned()
    found = as_rates(part)
    assert found["30m"] == 1.0
    assert found["1d"] == pytest.approx(0.4 / 0.6, rel=0.05)
    assert sum(found.values()) == pytest.approx(1 + 0.4 / 0.6, rel=0.1), "and hardly anything else"


def test_learner_parts_ages_only_when_days_speak_for_it() -> None:
    def of(young: dict[int, float], old: dict[int, float]) -> tuple[MixPart, ...]:
        draw, learner = np.random.default_rng(1), Learner()
        for hour in range(240):
            rates = draw.gamma(1.0, 40.0, (120, SIZE))
            age_s = draw.uniform(0, 10 * DAY_S, 120)
            weights = np.zeros((2, SIZE))
            for number, each in enumerate((young, old)):
                weights[number, list(each)] = list(each.values())
            expected = np.where(age_s < AGES_S[1], rates @ weights[0], rates @ weights[1])
            learner.observe(hour // 24, hour % 24, rates, age_s, draw.poisson(expected))
        return learner.mix()

    assert len(of({1: 1.0}, {1: 1.0})) == 1
    apart = of({1: 1.5}, {7: 0.8})
    assert [part.from_age_s for part in apart] == list(AGES_S)
    assert max(as_rates(apart[0]), key=as_rates(apart[0]).__getitem__) == "15m"
    assert max(as_rates(apart[-1]), key=as_rates(apart[-1]).__getitem__) == "1d"


def test_learner_parts_hours_only_when_days_speak_for_it() -> None:
    draw, learner = np.random.default_rng(1), Learner()
    for hour in range(240):
        rates = draw.gamma(1.0, 40.0, (120, SIZE))
        by = 0 if hour % 24 < 6 else 6
        learner.observe(hour // 24, hour % 24, rates, np.zeros(120), draw.poisson(rates[:, by]))
    assert sorted({part.from_hour for part in learner.mix()}) == list(HOURS)


def test_learner_learns_nothing_from_nothing() -> None:
    assert Learner().mix() == ()
    learner = Learner()
    learner.observe(1, 0, np.zeros((3, SIZE)), np.zeros(3), np.zeros(3))
    learner.observe(1, 1, np.zeros((0, SIZE)), np.zeros(0), np.zeros(0))
    assert learner.mix() == ()


@given(st.lists(st.tuples(st.floats(60, 1e7), st.floats(0, 10)), min_size=1, max_size=5), st.floats(0, 1e7))
def test_mix_never_counts_an_older_event_for_more(parts: list[tuple[float, float]], age_s: float) -> None:
    at, later = Mix(tuple(parts))(np.array([age_s, age_s * 1.5 + 1]))
    assert later <= at <= sum(weight for _, weight in parts) * (1 + 1e-9)


# As a list

MIX = [
    {"weights": {"30m": 0.5, "8h": 0.2}},
    {"weights": {"2h": 1.0}, "from_age": "12h"},
    {"weights": {"1h": 0.7, "7d": 0.1}, "from_hour": 12},
]
ITEMS = "abcdef"
seen = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.floats(0, 3 * DAY_S), st.integers(1, 9), st.sampled_from(["view", "click"])),
    min_size=1, max_size=30,
)  # fmt: skip


def site_of(events: list[tuple[str, float, int, str]]) -> Site:
    site = Site()
    for number, item in enumerate(ITEMS):
        site.put(item, START + number * 10 * HOUR_S if number % 2 else None)
    for item, after_s, n, channel in events:
        site.see(item, START + after_s, n, channel)
    return site


@runs(deadline=None)
@given(seen, st.sampled_from([3.2, 3.6]))
def test_explain_adds_up_to_the_score_under_a_mix(events: list[tuple[str, float, int, str]], days: float) -> None:
    site, chosen, at = site_of(events), list_of(decay="forecast", mix=MIX), START + days * DAY_S
    scores = site.scores(chosen, at)
    for item in scores:
        found = explain(site.ranker(at, zone=JAKARTA), item, "populer", chosen, "", {})
        assert found is not None
        assert sum(channel.part for channel in found.channels) == found.counted == found.score
        for channel in found.channels:
            assert channel.decayed == pytest.approx(sum(bucket.part for bucket in channel.buckets))
            assert channel.part == channel.weight * channel.decayed
        assert "x 2^-(age / " in found.formula


def test_formula_takes_the_mix_of_an_items_age_and_hour() -> None:
    site, chosen = Site(), list_of(decay="forecast", mix=MIX, weights={"view": 1})
    noon = START + 36 * HOUR_S  # 12:00 in Jakarta
    for item, age_h in (("new", 1), ("old", 20)):
        site.put(item, noon - HOUR_S - age_h * HOUR_S)
        site.see(item, noon - HOUR_S - 150)
    age_s = 300.0
    at = noon - HOUR_S  # 11:00, the mixes of the night and morning
    found = {item: site.ranker(at, zone=JAKARTA).rank(chosen, "").score for item in ("new", "old")}["new"]
    assert found is not None
    score = dict(zip(site.history.items, found.tolist(), strict=True))
    middle_s = age_s / 2
    assert score["new"] == pytest.approx(0.5 * 2 ** (-middle_s / 1800) + 0.2 * 2 ** (-middle_s / 28_800))
    assert score["old"] == pytest.approx(2 ** (-middle_s / 7200))
    later = site.ranker(noon, zone=JAKARTA).rank(chosen, "").score
    assert later is not None
    middle_s += HOUR_S
    by_noon = 0.7 * 2 ** (-middle_s / 3600) + 0.1 * 2 ** (-middle_s / 604_800)
    assert later.tolist() == pytest.approx([by_noon, by_noon]), "of the hour there is one part, for every age"


@runs(deadline=None)
@given(seen)
def test_formula_takes_the_half_life_when_a_forecast_has_learned_nothing(
    events: list[tuple[str, float, int, str]],
) -> None:
    site, at = site_of(events), START + 3.2 * DAY_S
    assert site.scores(list_of(decay="forecast", half_life="3h"), at) == site.scores(list_of(half_life="3h"), at)


def test_backtest_lists_by_what_was_learned() -> None:
    chosen = list_of(decay="forecast")
    part = MixPart({"30m": 0.7, "4h": 0.3}, 43_200.0, 6)
    found = chosen.under(LearnedSetting(7200.0, 1.0, (part,)))
    assert [(each.weights, each.from_age_s, each.from_hour) for each in found.mix] == [
        ({"30m": 0.7, "4h": 0.3}, 43_200.0, 6)
    ]
    assert found.by_calendar
    assert (
        list_of(decay="forecast", mix=MIX).under(LearnedSetting(7200.0, 1.0, (part,))).mix
        == list_of(decay="forecast", mix=MIX).mix
    )


def test_forecast_does_about_as_well_as_the_planted_half_life() -> None:
    for site, half_life in ((wandering(2, hours=300), "2h"), (steady(), "7d")):
        plan = plan_walk(site.history.columns(), Wanted(warmup_s=5 * DAY_S), math.inf)
        lists = [list_of(decay="forecast"), list_of(half_life=half_life), list_of(half_life="1h")]
        ours, best, short = (
            float(np.nanmean(trace.capture)) for trace in backtest(site, lists, plan, Judging(10), JAKARTA).traces
        )
        assert ours > best - 0.015
        assert ours >= short
