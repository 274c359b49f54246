"""Every ranking is one expression: what its parts are, each by itself, is what their product is."""

import math
from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from views import Site, in_use, list_of

from ranking.scoring import aging, shapes
from ranking.scoring.decay import Alike, Daily, Decay, HalfLife, Linear, Power
from ranking.settings.lists import ListSettings

NOW = 1_700_000_100.0  # a multiple of 300 s
HOUR_S, DAY_S = 3600.0, 86_400.0
CHANNELS = ["view", "click", "click@list:populer#3", "click@list:populer#40", "view@newsletter", "like"]

DECAYS: list[dict[str, Any]] = [
    {"decay": "half-life", "half_life": "2h"},
    {"decay": "half-life", "half_life": "none"},
    {"decay": "window", "window": "1d"},
    {"decay": "linear", "window": "6h"},
    {"decay": "power", "power": 1.5, "power_scale": "30m"},
    {"decay": "daily", "daily": 0.7, "window": "3d"},
]
SHAPES: list[dict[str, Any]] = [
    {},
    {"exponent": 0.5},
    {"shape": "minus-one"},
    {"shape": "minus-one", "exponent": 2},
    {"shape": "plus-one"},
    {"shape": "log"},
]
AGINGS: list[dict[str, Any]] = [
    {},
    {"aging": "half-life", "aging_half_life": "4h"},
    {"aging": "half-life", "aging_half_life": "none"},
    {"aging": "gravity"},
    {"aging": "gravity", "gravity": 1.1, "gravity_offset": "8h"},
]
WEIGHTS: list[dict[str, Any]] = [
    {},
    {"weights": {"view": 2, "view@newsletter": 0.5}, "self_click_weight": 0.25},
    {"weights": {"view": 1, "click": 3, "like": 1}, "position_bias": 1, "position_cap": 7},
    {"weights": {"view": 1, "like": 5}, "bonus_kinds": ["like"]},
]
FORMULAS = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    *(st.sampled_from(each) for each in (DECAYS, SHAPES, AGINGS, WEIGHTS)),
)
SEEN = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.integers(0, 400_000), st.integers(1, 10**5), st.sampled_from(CHANNELS)
    ),
    max_size=20,
)
PUBLISHED = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(-7200, 2_000_000))


def site_with(seen: list[tuple[str, int, int, str]], published: Mapping[str, int]) -> Site:
    site = Site()
    for item, age_s, n, channel in seen:
        site.see(item, NOW - age_s, n, channel)
    for item, age_s in published.items():
        site.put(item, NOW - age_s)
    return site


def naive_weight(chosen: ListSettings, channel: str) -> float:
    kind, _, origin = channel.partition("@")
    source, _, position = origin.partition("#")
    weight = chosen.weights.get(f"{kind}@{source}")
    if weight is None:
        weight = chosen.weights.get(kind, 0.0)
        weight *= chosen.self_click_weight if source.startswith("list:") else 1
    if position:
        weight *= (min(int(position), chosen.position_cap) / chosen.position_cap) ** chosen.position_bias
    return weight


def naive_decay(chosen: ListSettings, age_s: float) -> float:
    match chosen.decay:
        case "half-life":
            return 2 ** (-age_s / chosen.half_life_s)
        case "linear":
            return max(0.0, 1 - age_s / chosen.window_s)
        case "power":
            return (1 + age_s / chosen.power_scale_s) ** -chosen.power
        case "daily":
            return chosen.daily ** (age_s // DAY_S)
    return 1


def naive_score(chosen: ListSettings, item: str, seen: list[tuple[str, int, int, str]], age_s: float) -> float:
    """The expression, one event at a time: as old as the middle of the bucket's past."""
    n = bonus = 0.0
    for of, event_age_s, count, channel in seen:
        start_s = (NOW - event_age_s) // 300 * 300
        if of != item or start_s >= NOW or start_s < NOW - chosen.window_s:
            continue
        value = count * naive_weight(chosen, channel) * naive_decay(chosen, NOW - start_s - 150)
        if channel.partition("@")[0] in chosen.bonus_kinds:
            bonus += value
        else:
            n += value
    n += min(bonus, n)
    if n == 0:
        return 0
    shaped = {
        "plain": lambda: n**chosen.exponent,
        "minus-one": lambda: max(n - 1, 0) ** chosen.exponent,
        "plus-one": lambda: n + 1,
        "log": lambda: math.log10(n + 2),
    }[chosen.shape]()
    if chosen.aging == "half-life":
        shaped *= 2 ** -min(age_s / chosen.aging_half_life_s, 1000)
    if chosen.aging == "gravity":
        shaped *= ((age_s + chosen.gravity_offset_s) / 3600) ** -chosen.gravity
    return shaped


@settings(deadline=None, max_examples=300)
@given(FORMULAS, SEEN, PUBLISHED)
def test_a_score_is_what_the_expression_says_for_any_mixture_of_its_parts(
    table: dict[str, Any], seen: list[tuple[str, int, int, str]], published: dict[str, int]
) -> None:
    chosen = list_of(**table)
    site = site_with(seen, published)
    found = site.scores(chosen, NOW)
    for item in site.history.items:
        first = min((age_s // 300 * 300 for of, age_s, _, _ in seen if of == item), default=0)
        first = max((NOW - (NOW - age_s) // 300 * 300 for of, age_s, _, _ in seen if of == item), default=first)
        age_s = published.get(item, first)
        score = naive_score(chosen, item, seen, age_s) if age_s >= 0 else 0.0
        assert found.get(item, 0.0) == pytest.approx(score, rel=1e-11, abs=1e-290)


@settings(deadline=None, max_examples=100)
@given(FORMULAS, SEEN, PUBLISHED, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_show_in_one_bit_of_any_ranking(
    table: dict[str, Any], seen: list[tuple[str, int, int, str]], published: dict[str, int], random: Random
) -> None:
    results = []
    for _ in range(2):
        random.shuffle(seen)
        results.append(list(site_with(seen, published).scores(list_of(**table), NOW).items()))
    assert results[0] == results[1]


@settings(deadline=None, max_examples=100)
@given(FORMULAS, SEEN, PUBLISHED)
def test_an_event_more_never_lowers_a_score(
    table: dict[str, Any], seen: list[tuple[str, int, int, str]], published: dict[str, int]
) -> None:
    chosen = list_of(**table)
    before = site_with([*seen, ("a", 60, 1, "view")], published).scores(chosen, NOW)
    after = site_with([*seen, ("a", 60, 2, "view")], published).scores(chosen, NOW)
    assert after.get("a", 0) >= before.get("a", 0) * (1 - 1e-12)


# Decays


@pytest.mark.parametrize("decay", [HalfLife(HOUR_S), Alike(), Linear(DAY_S), Power(1.5, HOUR_S), Daily(0.8)], ids=repr)
def test_a_new_event_counts_one_and_an_older_one_never_more(decay: Decay) -> None:
    weights = decay(np.linspace(0, 40 * DAY_S, 10_001))
    assert weights[0] == 1
    assert (np.diff(weights) <= 0).all()
    assert (weights >= 0).all()


def test_lists_of_one_decay_share_its_sums_and_lists_of_another_do_not() -> None:
    assert HalfLife(60) == HalfLife(60)
    assert HalfLife(60) != Linear(60)
    assert len({HalfLife(60), HalfLife(60), Linear(60), Daily(0.5)}) == 3


def test_a_window_counts_the_bucket_at_its_edge_in_proportion() -> None:
    site = Site()
    site.see("a", NOW - 3600, 100)
    window = list_of(decay="window", window="1h")
    assert [site.scores(window, NOW + s).get("a") for s in (0, 75, 150, 299, 300)] == [
        100,
        75,
        50,
        pytest.approx(1 / 3),
        None,
    ]


# The age of the item


@settings(deadline=None)
@given(st.floats(60, 1e9), st.floats(0, 1e10), st.floats(0, 1e10))
def test_an_older_item_never_counts_more_and_none_counts_nothing(scale_s: float, one: float, other: float) -> None:
    ages = np.array(sorted((one, other)))
    for of_age in (aging.half_life(ages, scale_s), aging.gravity(ages, 10.0, scale_s)):
        assert of_age[0] >= of_age[1] > 0


def test_an_item_that_is_read_before_its_publish_time_counts_as_just_published() -> None:
    early = np.array([-1e9, -1.0, 0.0])
    assert len(set(aging.half_life(early, HOUR_S).tolist())) == 1
    assert len(set(aging.gravity(early, 1.8, HOUR_S).tolist())) == 1


@pytest.mark.parametrize(
    ("gravity", "age_h", "halves_after_h"),
    [(1.8, 0, 0.94), (1.8, 6, 3.76), (1.8, 24, 12.2), (1.2, 0, 1.56), (1.2, 6, 6.25), (1.2, 24, 20.3)],
)
def test_gravity_is_not_one_half_life(gravity: float, age_h: float, halves_after_h: float) -> None:
    of_age = aging.gravity(np.array([age_h, age_h + halves_after_h]) * HOUR_S, gravity, 2 * HOUR_S)
    assert of_age[1] / of_age[0] == pytest.approx(0.5, rel=0.01)


def test_an_article_that_is_read_again_rises_as_a_new_one_would() -> None:
    site = Site()
    for item in ("old", "revived"):
        site.put(item, NOW - 60 * DAY_S)
        site.see(item, NOW - 20 * DAY_S, 500)
    site.see("revived", NOW - HOUR_S, 30)
    forgotten = list_of(decay="window", aging="gravity")
    scores = site.scores(forgotten, NOW)
    again = site.scores(forgotten.model_copy(update={"revival_s": 7 * DAY_S}), NOW)
    assert again["old"] == scores["old"]
    assert again["revived"] == pytest.approx(scores["revived"] + 29 * 3**-1.8, rel=1e-12)


# Shapes


@pytest.mark.parametrize("shape", [shapes.plain, shapes.minus_one, shapes.plus_one, shapes.log])
def test_a_shape_keeps_the_order_and_makes_nothing_of_nothing(shape: Any) -> None:
    found = shape(np.array([0.0, 0.5, 1.0, 3.0, 1e3, 1e28]))
    assert found[0] == 0
    assert (np.diff(found) >= 0).all()


# Bad settings


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"decay": "linear"}, 'window: a duration such as 1d, over which decay = "linear" falls to nothing'),
        ({"shape": "log", "exponent": 2}, 'exponent: 1, or shape = "plain" or "minus-one"'),
        ({"exponent": 4.1}, "less than or equal to 4"),
        ({"gravity": 11}, "less than or equal to 10"),
        ({"gravity_offset": "1s"}, "greater than or equal to 60"),
        ({"power": math.nan}, "less than or equal to 10"),
        ({"aging_half_life": "0s"}, "greater than or equal to 1"),
        ({"daily": 1.01}, "less than or equal to 1"),
        ({"weights": {"view": math.inf}}, "less than or equal to 1000000"),
        ({"weights": {"view": -1}}, "greater than or equal to 0"),
        ({"weights": {"view@": 1}}, "should match pattern"),
        ({"self_click_weight": -1}, "greater than or equal to 0"),
        ({"position_cap": 0}, "greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_what_was_expected(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        list_of(**table)
    assert sentence in str(raised.value)


@settings(deadline=None, max_examples=200)
@given(
    FORMULAS,
    st.fixed_dictionaries(
        {
            "exponent": st.sampled_from([0.01, 1, 4]),
            "gravity": st.sampled_from([0.01, 10]),
            "gravity_offset": st.sampled_from(["60s", "100w"]),
            "self_click_weight": st.sampled_from([0, 1000]),
            "power": st.sampled_from([0.01, 10]),
            "half_life": st.sampled_from(["1s", "none"]),
            "weights": st.sampled_from([{"view": 1e6, "click": 1e6, "like": 1e6}, {"view": 5e-324, "click": 1e-300}]),
            "revival": st.sampled_from(["0s", "30d"]),
        }
    ),
    st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from(CHANNELS)), min_size=1, max_size=6),
    st.sampled_from([NOW, 0.0, NOW - 3e9, NOW + 3e9]),
)
def test_no_allowed_setting_makes_a_score_infinite(
    table: dict[str, Any], extremes: dict[str, Any], seen: list[tuple[int, str]], published: float
) -> None:
    site = Site()
    site.put("a", published)
    for age_s, channel in seen:
        site.see("a", NOW - age_s, 2**52, channel)
    both = {**table, **extremes}
    if both.get("shape") in ("plus-one", "log"):
        both["exponent"] = 1
    for score in site.scores(list_of(**in_use(**both)), NOW).values():
        assert 0 < score < math.inf


# What has no digits left

QUIET = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(300, 59 * 86_400), st.integers(1, 50)), min_size=1, max_size=30
)


def exact_log2(seen: list[tuple[str, int, int]], item: str, half_life_s: float) -> float:
    """log2 of an item's sum, in whole numbers: the youngest event's weight taken out first."""
    ages = [(NOW - (NOW - age_s) // 300 * 300 - 150, n) for of, age_s, n in seen if of == item]
    youngest = min(age_s for age_s, _ in ages)
    return math.log2(sum(n * 2.0 ** (-(age_s - youngest) / half_life_s) for age_s, n in ages)) - youngest / half_life_s


@settings(deadline=None, max_examples=100)
@given(QUIET, st.sampled_from(["15m", "5m", "1h"]), st.sampled_from([0.5, 1.0, 3.0]))
def test_quiet_items_stay_listed_in_the_order_of_their_scores(
    seen: list[tuple[str, int, int]], half_life: str, exponent: float
) -> None:
    chosen = list_of(half_life=half_life, exponent=exponent, weights={"view": 1})
    found = site_with([(item, age_s, n, "view") for item, age_s, n in seen], {}).scores(chosen, NOW)
    logs = {item: exact_log2(seen, item, chosen.half_life_s) for item in found}
    assert found.keys() == {item for item, _, _ in seen}
    for above, below in pairwise(found):
        assert logs[above] >= logs[below] - 1e-6
    for item, score in found.items():
        if exponent * logs[item] > -990:
            assert score == pytest.approx(2.0 ** (exponent * logs[item]), rel=1e-9), "as it was"
        else:
            assert 0 < score < 2.0**-980


@pytest.mark.parametrize(
    "table", [{"half_life": "15m"}, {"half_life": "15m", "aging": "half-life", "aging_half_life": "30m"}]
)
def test_a_list_that_nobody_has_read_for_weeks_is_not_empty(table: dict[str, Any]) -> None:
    seen = [("a", 40 * 86_400, 9, "view"), ("b", 12 * 86_400, 1, "view"), ("c", 30 * 86_400, 5, "click")]
    site = site_with(seen, {"a": 41 * 86_400, "b": 13 * 86_400, "c": 31 * 86_400})
    assert site.listed(list_of(**table), NOW) == ["b", "c", "a"]
    assert site.listed(list_of(**table, max_age="35d"), NOW) == ["b", "c"]
    assert site.listed(list_of(**table, min_count=1), NOW) == []
