"""Every preset gives the number that its original gives, or the same order where it says so."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import Site, in_use, list_of

from ranking.settings.presets import PRESETS, log_and_time, preset_settings

AT = 1_700_000_100.0  # a multiple of 300 s
HOUR_S, DAY_S = 3600.0, 86_400.0
SOON_S = 450  # events of a bucket that is over


def scored(preset: str, published_age_s: float, *events: tuple[float, int, str], **more: Any) -> float:
    """The score of an item of that age with events `(age in seconds, how many, channel)`."""
    site = Site()
    site.put("it", AT - published_age_s)
    for age_s, n, channel in events:
        site.see("it", AT - age_s, n, channel)
    return site.scores(list_of(preset=preset, **more), AT).get("it", 0.0)


@pytest.mark.parametrize(
    ("preset", "n", "age_h", "score"),
    [
        ("hacker-news", 100, 4, 3.9351649730),
        ("hacker-news-arc", 100, 4, 1.5697695662),
        ("lemmy", 100, 4, 0.0798401317),
        ("mastodon-status", 41, 2, 400),
    ],
)
def test_the_rankings_of_aging_items_print_the_numbers_of_their_originals(
    preset: str, n: int, age_h: float, score: float
) -> None:
    assert scored(preset, age_h * HOUR_S, (SOON_S, n, "view")) == pytest.approx(score, rel=1e-9)


def test_lamer_news_prints_its_number_up_to_a_factor() -> None:
    times = 1e6 / 3600**1.1
    assert round(times, 2) == 122.48
    assert scored("lamernews", 4 * HOUR_S, (SOON_S, 100, "view")) * times == pytest.approx(796.1004666759, rel=1e-9)


@pytest.mark.parametrize(
    ("preset", "scale_s", "events", "original"),
    [
        # Reddit counts time from 1134028003, Lobsters from 0; what we print is ten to the power of what they print.
        ("reddit", 45_000, [(SOON_S, 100, "view")], 12579.1554889 + 1_134_028_003 / 45_000),
        ("lobsters", 79_200, [(SOON_S, 50, "view"), (SOON_S, 20, "comment")], 21466.4317945),
    ],
)
def test_the_log_and_time_rankings_print_the_power_of_what_their_originals_print(
    preset: str, scale_s: float, events: list[tuple[float, int, str]], original: float
) -> None:
    score = scored(preset, AT - 1_700_000_000, *events)
    assert math.log10(score) + AT / scale_s == pytest.approx(original, abs=5e-7)


def reddit(n: int, published: float) -> float:
    return round(math.log10(max(n, 1)) + (published - 1_134_028_003) / 45_000, 7)


def lobsters(n: int, published: float) -> float:
    return round(math.log10(max(n + 1, 1)) + published / 79_200, 7)


def hive(scale_s: float) -> Callable[[int, float], float]:
    return lambda n, published: math.log10(max(n, 1)) + published / scale_s


@pytest.mark.parametrize(
    ("preset", "original"),
    [
        ("reddit", reddit),
        ("lobsters", lobsters),
        ("hive-hot", hive(10_000)),
        ("hive-trending", hive(240_000)),
        ("daily-dev", hive(200_000)),
    ],
    ids=["reddit", "lobsters", "hive-hot", "hive-trending", "daily-dev"],
)
@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False))
def test_the_log_and_time_rankings_have_the_order_of_their_originals(
    preset: str, original: Callable[[int, float], float], random: Random
) -> None:
    site = Site()
    expected = {}
    for number in range(30):
        n, published = random.randint(1, 10**5), AT - random.randint(0, 400_000)
        site.put(f"item-{number}", published)
        site.see(f"item-{number}", AT - SOON_S, n)
        expected[f"item-{number}"] = original(n, published)
    listed = site.listed(list_of(preset=preset), AT)
    found = [expected[item] for item in listed]
    assert len(listed) == 30
    assert found == pytest.approx(sorted(expected.values(), reverse=True), rel=0, abs=2e-7)


def test_lemmy_scales_by_how_active_a_section_is() -> None:
    site = Site()
    for item, section, n in (("great", "big", 500), ("small", "little", 20), ("also", "big", 480)):
        site.put(item, AT - 4 * HOUR_S, section)
        site.see(item, AT - SOON_S, n)
    site.put("old", AT - 40 * DAY_S, "little")
    site.see("old", AT - 31 * DAY_S, 1000)  # which are no interactions of the last month
    hot = site.scores(list_of(preset="lemmy"), AT)
    scaled = site.scores(list_of(preset="lemmy-scaled"), AT)
    assert scaled["great"] == pytest.approx(hot["great"] / math.log10(2 + 980), rel=1e-12)
    assert scaled["small"] == pytest.approx(hot["small"] / math.log10(2 + 20), rel=1e-12)
    assert (next(iter(hot)), next(iter(scaled))) == ("great", "small")


def test_a_score_relative_to_the_best_of_its_section_is_at_most_one() -> None:
    site = Site()
    for item, section, n in (("a", "x", 50), ("b", "x", 10), ("c", "y", 4), ("d", None, 8)):
        site.put(item, AT - HOUR_S, section)
        site.see(item, AT - SOON_S, n)
    found = site.scores(list_of(decay="window", scale="section-best"), AT)
    assert found == {"a": 1, "c": 1, "d": 1, "b": 0.2}


def test_a_status_needs_five_and_fades_out() -> None:
    assert scored("mastodon-status", 0, (SOON_S, 4, "view")) == 0
    assert scored("mastodon-status", 0, (SOON_S, 5, "view")) == 16
    assert scored("mastodon-status", 5.7 * HOUR_S, (SOON_S, 5, "view")) == pytest.approx(16 * 2**-5.7)
    assert scored("mastodon-status", 5.8 * HOUR_S, (SOON_S, 5, "view")) == 0, "below 0.3"


@pytest.mark.parametrize(("preset", "days"), [("lemmy", 7), ("lamernews", 30)])
def test_what_is_too_old_for_the_original_is_not_listed(preset: str, days: int) -> None:
    assert scored(preset, days * DAY_S, (SOON_S, 100, "view")) > 0
    assert scored(preset, days * DAY_S + 1, (SOON_S, 100, "view")) == 0


def test_a_comment_counts_on_lobsters_until_comments_are_as_many_as_votes() -> None:
    fresh = [scored("lobsters", 0, (SOON_S, 10, "view"), (SOON_S, n, "comment")) for n in (2, 20, 2000)]
    assert fresh == [10 + 1 + 1, 10 + 10 + 1, 10 + 10 + 1]


def test_the_vector_of_discourses_hot_topics_holds() -> None:
    """100 likes at 4 h, of which 20 are recent, five posters, the first of them an hour ago."""
    events = [(10 * DAY_S, 80, "like"), (HOUR_S, 20, "like"), (HOUR_S, 5, "reply")]
    weights: dict[str, Any] = {"weights": {"like": 1}, "revival_weights": {"like": 1, "reply": 1}}
    assert scored("discourse-hot", 4 * HOUR_S, *events, **weights) == pytest.approx(18.0690511403, rel=1e-9)


def test_the_vector_of_discourses_top_topics_holds() -> None:
    counts = {"view": 1000, "first-like": 14, "like": 30, "reply": 10}
    events = [(SOON_S, n, kind) for kind, n in counts.items()]
    assert scored("discourse-top", DAY_S, *events) == pytest.approx(27, rel=1e-12)


def test_replies_before_the_period_make_a_topic_long_and_count_nothing_else() -> None:
    short = [(SOON_S, 100, "view"), (SOON_S, 1, "reply")]
    assert scored("discourse-top", DAY_S, *short) == pytest.approx(4, rel=1e-12)
    assert scored("discourse-top", DAY_S, *short, (3 * DAY_S, 9, "reply")) == pytest.approx(14, rel=1e-12)


def test_the_vector_of_radioactivity_holds() -> None:
    assert scored("drupal-radioactivity", 0, (12 * HOUR_S, 100, "view")) == pytest.approx(
        25 * 2 ** (150 / (6 * HOUR_S))
    )
    assert scored("drupal-radioactivity", 0, (36 * HOUR_S, 30, "view")) == 0, "below 0.5"


def test_the_vector_of_metarank_holds() -> None:
    events = [(0.5 * DAY_S, 10, "view"), (1.5 * DAY_S, 5, "view"), (2.5 * DAY_S, 2, "view"), (30.5 * DAY_S, 99, "view")]
    assert scored("metarank", 0, *events) == 17, "its decay is 1 unless told"
    assert scored("metarank", 0, *events, daily=0.8) == pytest.approx(15.28, rel=1e-12)


@pytest.mark.parametrize(("preset", "hours"), [("wordpress-popular-posts", 24), ("jetpack", 48), ("guardian", 3)])
def test_a_window_counts_what_is_inside_and_nothing_else(preset: str, hours: float) -> None:
    edge_s = hours * HOUR_S
    assert scored(preset, 0, (edge_s, 7, "view"), (edge_s + 300, 99, "view")) == 7


def test_inn_weighs_today_and_yesterday_by_how_much_of_today_has_passed() -> None:
    """1,335 of 1,440 minutes. Eight of today, four of yesterday, one of the day before, an age of 25 h."""
    today = (AT % DAY_S) - 600
    passed = AT % DAY_S / DAY_S
    events = [(today, 8, "view"), (today + DAY_S, 4, "view"), (today + 2 * DAY_S, 1, "view")]
    original = (8 * passed + 4 * (1 - passed)) * 0.5 ** ((25 - 1) / (24 * 14))
    assert scored("inn", 25 * HOUR_S, *events) * 2 ** (1 / (24 * 14)) == pytest.approx(original, rel=1e-12)


def test_kitsu_halves_in_a_week() -> None:
    one, other = (scored("kitsu", 0, (age_s, 100, "view")) for age_s in (HOUR_S, 7 * DAY_S + HOUR_S))
    assert one == pytest.approx(2 * other)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_lists_what_is_read(name: str) -> None:
    site = Site()
    for item, n in (("much", 500), ("some", 50)):
        site.put(item, AT - 2 * HOUR_S)
        site.see(item, AT - SOON_S, n)
    assert site.listed(list_of(preset=name), AT) == ["much", "some"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_where_it_comes_from_and_leaves_nothing_of_the_formula_open(name: str) -> None:
    preset = PRESETS[name]
    assert preset.source
    named = {"ranked": {"decay", "shape", "aging"}, "burst": {"method", "hold"}}[preset.settings["kind"]]
    assert preset.settings.keys() >= named | {"period", "floor"}
    assert list_of(preset=name, size=3).size == 3
    stubborn = in_use(preset=name, half_life="17m")
    assert list_of(**stubborn).half_life_s == 1020 or "half_life" not in stubborn


def test_half_lives_are_those_of_the_originals_scales() -> None:
    assert log_and_time(45_000) == pytest.approx(45_000 * 0.30103, rel=1e-5)
    assert preset_settings("no such") == preset_settings(None) == preset_settings(["reddit"]) == {}
