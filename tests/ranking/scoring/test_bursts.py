"""A burst is measured on an item's own past; a held peak is found again in the counts and never remembered."""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from views import Site, list_of

from ranking.scoring import bursts
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.decay import HalfLife
from ranking.scoring.sums import Horizon, Moment, Span, counts_of
from ranking.settings.lists import ListSettings

AT = 1_700_000_100.0  # a multiple of 300 s, 22:15 UTC
HOUR_S, DAY_S = 3600.0, 86_400.0
MIDNIGHT = AT // DAY_S * DAY_S
Seen = list[tuple[str, int, int]]  # item, seconds before, views
SEEN = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 200_000), st.integers(1, 60)), min_size=1, max_size=25
)


def site_with(seen: Seen) -> Site:
    site = Site()
    for item, age_s, n in seen:
        site.see(item, AT - age_s, n)
    return site


def burst(**table: Any) -> ListSettings:
    return list_of(kind="burst", **table)


def views_in(seen: Seen, item: str, since: float, until: float) -> int:
    """What lies in whole buckets between two multiples of 300 s."""
    return sum(n for of, age_s, n in seen if of == item and since <= (AT - age_s) // 300 * 300 < until)


# Against the spans before


def test_the_vector_of_the_z_score_holds_in_a_list() -> None:
    past = [(1 + number, n) for number, n in enumerate([2, 4, 4, 4, 5, 5, 7, 9], 1)]
    site = site_with([("a", int(hours * HOUR_S), n) for hours, n in past] + [("a", 60, 12)])
    found = site.scores(list_of(preset="z-score", baseline="9h"), AT)
    assert found == {"a": pytest.approx(3.5, rel=1e-12)}


@settings(deadline=None, max_examples=60)
@given(SEEN, st.sampled_from(["z-score", "ewma"]), st.booleans(), st.sampled_from(["1h", "6h"]))
def test_an_item_is_measured_by_the_mean_and_deviation_of_its_past_spans(
    seen: Seen, method: str, poisson: bool, short: str
) -> None:
    smoothing = {"half_life": "8h"} if method == "ewma" else {}
    chosen = burst(method=method, poisson_floor=poisson, short=short, baseline="2d", minimum=1, **smoothing)
    site = site_with([*seen, ("x", 2 * 86_400 - 60, 1)])
    found = site.scores(chosen, AT)
    spans = round(2 * DAY_S / chosen.short_s) - 1
    for item in site.history.items:
        since = [AT - chosen.short_s * number for number in range(spans + 1, 0, -1)]
        counts = [views_in([*seen, ("x", 2 * 86_400 - 60, 1)], item, start, start + chosen.short_s) for start in since]
        *past, now = counts
        mean, variance = float(np.mean(past)), float(np.var(past))
        if method == "ewma":
            mean = variance = 0.0
            alpha = 1 - 2 ** (-chosen.short_s / chosen.half_life_s)
            for n in past:
                off = n - mean
                mean, variance = mean + alpha * off, (1 - alpha) * (variance + alpha * off * off)
        chance = math.sqrt(max(mean, 1))
        deviation = max(math.sqrt(variance), chance) if poisson else (math.sqrt(variance) or chance)
        score = (now - mean) / deviation if now >= max(mean, 1) else 0
        assert found.get(item, 0.0) == pytest.approx(score, rel=1e-9, abs=1e-9)


# Two horizons


@settings(deadline=None, max_examples=60)
@given(SEEN, st.integers(0, 30))
def test_the_ratio_of_two_decays_is_that_of_forgetsy_and_the_minimum_comes_before_the_order(
    seen: Seen, minimum: int
) -> None:
    site = site_with(seen)
    chosen = list_of(preset="forgetsy", minimum=minimum)
    week_s = 7 * DAY_S
    expected = {}
    for item in site.history.items:
        ages = [(AT - (AT - age_s) // 300 * 300 - 150, n) for of, age_s, n in seen if of == item]
        shorter = math.fsum(n * math.exp(-age_s / week_s) for age_s, n in ages)
        longer = math.fsum(n * math.exp(-age_s / (2 * week_s)) for age_s, n in ages)
        if shorter >= minimum:
            expected[item] = shorter / longer
    assert site.scores(chosen, AT) == {item: pytest.approx(score, rel=1e-9) for item, score in expected.items()}


def test_a_share_asks_for_enough_of_the_whole_and_for_an_age() -> None:
    site = Site()
    for item, older, newer in (("rising", 20, 25), ("falling", 25, 20), ("few", 2, 12)):
        site.put(item, AT - HOUR_S)
        site.see(item, AT - 2400, older)
        site.see(item, AT - 600, newer)
    site.put("young", AT - 1700)
    site.see("young", AT - 600, 99)
    assert site.scores(list_of(preset="daily-dev-trending"), AT) == {"rising": pytest.approx(25 / 45)}


def test_an_excess_is_what_the_newer_half_has_more_and_an_item_without_an_older_half_counts_in_full() -> None:
    site = site_with([("new", 60, 9), ("more", 60, 30), ("more", 50_000, 25), ("less", 60, 3), ("less", 50_000, 25)])
    assert site.scores(list_of(preset="universal-recommender"), AT) == {"new": 9, "more": 5}


def test_what_is_hot_is_what_speeds_up() -> None:
    day_s = int(DAY_S)
    site = Site()
    for item, thirds in (("faster", (1, 2, 9)), ("steady", (2, 6, 10)), ("new", (0, 0, 4))):
        for number, n in enumerate(thirds):
            site.see(item, AT - day_s + 8 * HOUR_S * number, n)
    assert site.scores(list_of(preset="universal-recommender-hot"), AT) == {"faster": 6, "new": 4}


# Held peaks


def test_the_vector_of_mastodon_holds_and_a_peak_fades_from_when_it_was() -> None:
    site = Site()
    site.see("a", MIDNIGHT - 6 * HOUR_S, 10)
    site.see("a", MIDNIGHT + HOUR_S - 60, 40)
    mastodon = list_of(preset="mastodon", minimum=5)
    scores = {hours: site.scores(mastodon, MIDNIGHT + hours * HOUR_S).get("a") for hours in (1, 9, 17, 23, 31)}
    assert scores == {1: 90, 9: 45, 17: 22.5, 23: pytest.approx(90 * 2 ** (-22 / 8)), 31: pytest.approx(90 * 2**-3.75)}
    assert site.scores(list_of(preset="mastodon-tags"), MIDNIGHT + 9 * HOUR_S)["a"] == 22.5


def test_a_peak_is_dropped_below_the_floor_and_forgotten_after_its_time() -> None:
    site = Site()
    site.see("small", MIDNIGHT + HOUR_S - 60, 5)
    site.see("great", MIDNIGHT + HOUR_S - 60, 5_000)
    mastodon = list_of(preset="mastodon")
    assert site.listed(mastodon, MIDNIGHT + 33 * HOUR_S) == ["great", "small"], "16 * 2^-4"
    assert site.listed(mastodon, MIDNIGHT + 33.5 * HOUR_S) == ["great"]
    held = (1 + 48) * HOUR_S
    assert site.listed(mastodon, MIDNIGHT + 47.5 * HOUR_S) == ["great"]
    assert site.listed(mastodon, MIDNIGHT + held + 24 * HOUR_S) == []


def naive_held(chosen: ListSettings, seen: Seen, item: str, at: float) -> float:
    """The highest burst at now and at every half hour of the two days before, the first of equals, faded."""
    start = min((AT - age_s) // 300 * 300 for _, age_s, _ in seen)
    moments = [1800 * n for n in range(int((at - 2 * DAY_S) // 1800) + 1, math.ceil(at / 1800))]
    best, when = 0.0, at
    for moment in [*moments, at]:
        since = moment - HOUR_S
        before = max(moment - DAY_S, min(start, since))
        observed = views_in(seen, item, since, moment)
        expected = max(1.0, views_in(seen, item, before, since) / max(since - before, HOUR_S) * HOUR_S)
        if observed >= max(expected, 5) and (observed - expected) ** 2 / expected > best:
            best, when = (observed - expected) ** 2 / expected, moment
    return float(best * 0.5 ** ((at - when) / (6 * HOUR_S)))


HELD: dict[str, Any] = {
    "method": "chi-square",
    "hold": "2d",
    "peak_half_life": "6h",
    "baseline": "1d",
    "movement": "100h",
}


@settings(deadline=None, max_examples=40)
@given(SEEN, st.sampled_from([AT, AT + 900, AT + HOUR_S]))
def test_a_held_peak_is_the_highest_burst_at_any_half_hour(seen: Seen, at: float) -> None:
    site = site_with(seen)
    found = site.scores(burst(**HELD), at)
    for item in site.history.items:
        assert found.get(item, 0.0) == pytest.approx(naive_held(burst(**HELD), seen, item, at), rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    SEEN,
    st.randoms(use_true_random=False),
    st.sampled_from([{"hold": "2d"}, {"method": "z-score"}, {"preset": "mastodon"}]),
)
def test_neither_the_order_of_arrival_nor_the_size_of_a_table_shows_in_one_bit(
    seen: Seen, random: Random, table: Mapping[str, Any]
) -> None:
    results = []
    for numbers in (bursts.MOST_NUMBERS, 300):
        random.shuffle(seen)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bursts, "MOST_NUMBERS", numbers)
            results.append(list(site_with(seen).scores(burst(minimum=1, **table), AT).items()))
    assert results[0] == results[1]


def test_a_late_event_makes_the_peak_that_it_was_part_of() -> None:
    site = Site()
    site.see("a", AT - 5 * HOUR_S - 60, 10)
    site.see("old", AT - DAY_S, 1)
    before = site.scores(burst(**HELD), AT)["a"]
    site.see("a", AT - 5 * HOUR_S - 60, 30)
    assert site.scores(burst(**HELD), AT)["a"] > 10 * before


@settings(deadline=None)
@given(SEEN, st.sets(st.sampled_from(["a", "b", "c"])))
def test_the_counts_of_some_items_alone_have_sums_of_the_same_bits(seen: Seen, some: set[str]) -> None:
    site = site_with(seen)
    for item in "abc":
        site.see(item, AT - 700, 3, "click@list:populer#2")
        site.see(item, AT - 700, 7, "click")
    counts, moment = counts_of(site.history), Moment(AT - 100, AT)
    rows = np.array(sorted(row for item in some if (row := site.history.known_row(item)) is not None), dtype=np.int64)
    bucket_weights = Horizon(HalfLife(5000.0), (Span(AT - DAY_S),)).weights(counts.columns, moment)
    channel_weights = ChannelWeights({"view": 0.1, "click": 0.3}).per_channel(counts.channels)
    every = counts.item_sums(counts.cell_sums(bucket_weights), channel_weights)
    alone = counts.only(rows)
    assert alone.item_sums(alone.cell_sums(bucket_weights), channel_weights).tolist() == every[rows].tolist()


# Bad settings


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"short": "1h", "baseline": "1h"}, "baseline: longer than short"),
        ({"method": "z-score", "short": "1m", "baseline": "7d"}, "baseline: at most 1,000 times short"),
        ({"method": "ratio", "hold": "1d"}, 'hold: 0s, or method = "chi-square"'),
        ({"period": "yesterday"}, "period: none, or today, this week or this month"),
        ({"period": "today", "method": "ewma"}, "period: none, or today"),
        ({"hold": "31d"}, "less than or equal to 2592000"),
        ({"peak_half_life": "0s"}, "greater than or equal to 1"),
        ({"method": "chi"}, "'chi-square', 'z-score'"),
    ],
)
def test_a_burst_that_cannot_be_measured_is_refused(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        burst(**table)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("method", ["chi-square", "z-score", "ewma", "ratio", "share", "excess", "acceleration"])
def test_no_burst_of_any_count_is_infinite(method: str) -> None:
    site = site_with([("a", 60, 2**52), ("a", 9000, 2**52), ("b", 60, 2**52), ("c", 90_000, 1)])
    scores = site.scores(burst(method=method, minimum=0), AT)
    assert all(0 < score < math.inf for score in scores.values())
    assert "b" in scores


# What counts


def test_a_burst_list_counts_views_alone_where_it_names_no_weights() -> None:
    site = site_with([("a", 60, 9), ("b", 60, 8)])
    site.see("b", AT - 60, 50, "click")
    assert burst().weights == {"view": 1.0}
    assert "weights" not in burst().model_fields_set
    assert list_of(kind="ranked").weights == {"view": 1.0, "click": 3.0}
    assert list(site.scores(burst(minimum=1), AT)) == ["a", "b"]


@pytest.mark.parametrize("method", ["chi-square", "z-score", "ewma", "ratio", "share", "excess", "acceleration"])
def test_a_burst_list_counts_kinds_and_sources_by_its_weights(method: str) -> None:
    table = {"method": method, "minimum": 1, "hold": "0s"} | ({} if method == "acceleration" else {"baseline": "1d"})
    weighed = burst(**table, weights={"click": 2, "view": 1, "view@amp": 0}, self_click_weight=0.5)
    site, alike = Site(), Site()
    for age_s, n in ((60, 6), (2 * HOUR_S, 1), (9 * HOUR_S, 2)):
        for channel, times in (("click", 2), ("view", 1), ("view@amp", 0), ("click@list:populer", 1), ("like", 0)):
            site.see("a", AT - age_s, n, channel)
            if times:
                alike.see("a", AT - age_s, n * times)
    (score,), (same,) = (each.scores(of, AT).values() for each, of in ((site, weighed), (alike, burst(**table))))
    assert score == pytest.approx(same, rel=1e-12)


def test_a_held_burst_is_found_again_under_its_weights() -> None:
    site = Site()
    site.see("a", AT - 5 * HOUR_S, 40, "click")
    assert site.scores(burst(hold="12h", weights={"click": 1}), AT)["a"] > 1
    assert site.scores(burst(hold="12h"), AT) == {}


# What is usual


def excesses(site: Site, **table: Any) -> dict[str, tuple[float, float]]:
    """Of each item of the list its score and how many times its usual it was read."""
    ranker = site.ranker(AT)
    ranking = ranker.rank(burst(method="excess", **table), "")
    assert ranking.score is not None
    assert ranking.times_usual is not None
    return {
        ranker.pool.names[row]: (float(ranking.score[row]), float(ranking.times_usual[row]))
        for row in ranking.rows.tolist()
    }


def read_daily(site: Site, item: str, n: int, section: str | None = None) -> None:
    """An old item that is read `n` times on each of the seven days before the last hour."""
    site.put(item, AT - 30 * DAY_S, section)
    site.see(item, AT - 9 * DAY_S)  # the site's counts go back further than the baseline
    for day in range(7):
        site.see(item, AT - HOUR_S - day * DAY_S - 300, n)


def test_an_excess_is_the_events_beyond_the_usual_hour_of_an_item_and_one_is_always_usual() -> None:
    site = Site()
    read_daily(site, "busy", 167)  # seven times in 167 hours: 7 an hour
    read_daily(site, "quiet", 1)
    for item, n in (("busy", 28), ("quiet", 12)):
        site.see(item, AT - 60, n)
    assert excesses(site) == {"busy": (pytest.approx(21), 4.0), "quiet": (11.0, 12.0)}
    assert excesses(site, poisson_floor=False)["quiet"] == (pytest.approx(12 - 7 / 167), 12.0)


def middle(*usual: float) -> float:
    """The number whose 1 + n has the mean logarithm of these."""
    return math.exp(math.fsum(math.log1p(n) for n in usual) / len(usual)) - 1


def test_an_item_without_a_past_has_what_its_section_usually_has() -> None:
    site = Site()
    read_daily(site, "busy", 835, "Politik")  # 35 an hour
    read_daily(site, "quiet", 1, "Olahraga")
    for item, section in (("satu", "Politik"), ("dua", "Olahraga")):
        site.put(item, AT - 1800, section)
    for item, n in (("busy", 35), ("quiet", 2), ("satu", 20), ("dua", 20)):
        site.see(item, AT - 60, n)
    of_site = middle(35, 7 / 167, 0, 0)
    politik, olahraga = middle(35, 0, of_site), middle(7 / 167, 0, of_site)
    assert olahraga < 1 < politik
    found = excesses(site)
    assert found["satu"] == (pytest.approx(20 - politik, abs=1e-3), pytest.approx(20 / politik, abs=0.01))
    assert found["dua"] == (
        pytest.approx(20 - max(1, olahraga), abs=1e-3),
        pytest.approx(20 / max(1, olahraga), abs=0.01),
    )


def test_an_item_of_half_the_baseline_has_half_of_what_its_section_usually_has() -> None:
    site = Site()
    read_daily(site, "busy", 835)
    site.put("half", AT - HOUR_S - 83.5 * HOUR_S)
    for item, n in (("busy", 7), ("half", 30)):
        site.see(item, AT - 60, n)
    site.see("half", AT - 2 * HOUR_S, 334)
    usual = 334 / 167 + middle(35, 334 / 83.5) / 2
    assert excesses(site)["half"] == (pytest.approx(30 - usual, abs=1e-3), pytest.approx(30 / usual, abs=0.01))


def test_only_what_compares_with_the_usual_says_how_many_times_it_is() -> None:
    site = site_with([("a", 60, 30), ("a", 50_000, 3)])
    for table, known in (
        ({}, True),
        ({"method": "chi-square"}, True),
        ({"hold": "1d"}, False),
        ({"method": "ratio"}, False),
    ):
        ranking = site.ranker(AT).rank(burst(**table), "")
        assert ranking.rows.tolist()
        assert (ranking.times_usual is not None) == known
