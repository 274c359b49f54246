"""What an editor asks of a list beside its formula: floors, caps, tenure, hysteresis and what fills it up."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from views import Site, in_use, list_of

from ranking.errors import NotFoundError
from ranking.intake.items import Item
from ranking.lists import hysteresis, ordering
from ranking.lists.ordering import best, best_capped, percentile
from ranking.lists.ranker import entries
from ranking.lists.rules import Rule
from ranking.published.snapshot import WHOLE_SITE
from ranking.settings.lists import with_changes

AT = 1_700_000_100.0  # a multiple of 300 s
HOUR_S, DAY_S = 3600.0, 86_400.0
PLAIN: dict[str, Any] = {"decay": "window"}


def site_with(reads: dict[str, int], section: dict[str, str] | None = None, age_s: float = 60) -> Site:
    site = Site()
    for item, n in reads.items():
        site.put(item, AT - 2 * HOUR_S, (section or {}).get(item))
        site.see(item, AT - age_s, n)
    return site


# Floors


def test_floor_bounds_the_score_and_min_count_the_sum_before_its_shape() -> None:
    site = site_with({"a": 10, "b": 5, "c": 4})
    assert site.listed(list_of(**PLAIN, floor=5), AT) == ["a", "b"]
    assert site.listed(list_of(**PLAIN, floor=5.1), AT) == ["a"]
    assert site.listed(list_of(**PLAIN, shape="minus-one", exponent=2, min_count=5), AT) == ["a", "b"]
    assert site.listed(list_of(**PLAIN, shape="minus-one", exponent=2, floor=9), AT) == ["a", "b", "c"]


def test_rules_come_before_the_limit() -> None:
    site = site_with({f"item-{number:02}": 100 - number for number in range(20)})
    site.removed = frozenset(f"item-{number:02}" for number in range(5))
    assert len(site.listed(list_of(**PLAIN, size=7, depth=7), AT)) == 7


def test_section_floor_keeps_rows_above_its_percentile_and_the_minimum() -> None:
    reads = {f"big-{n}": n for n in range(1, 101)} | {"small-1": 4, "small-2": 5, "small-3": 9}
    site = site_with(reads, {item: item.split("-")[0] for item in reads})
    chosen = list_of(**PLAIN, section_floor=80)
    assert site.listed(chosen, AT, "big") == [f"big-{n}" for n in range(100, 79, -1)]
    assert site.listed(chosen, AT, "small") == ["small-3"]
    assert site.listed(list_of(**PLAIN, section_floor=1), AT, "small") == ["small-3", "small-2"]
    assert site.listed(list_of(**PLAIN, section_floor=1, section_minimum=0), AT, "small")[-1] == "small-1"
    assert len(site.listed(chosen, AT)) == 103, "the list over all sections has no such floor"


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 99.9))
def test_percentile_is_the_least_value_that_the_share_does_not_exceed(values: list[float], percent: float) -> None:
    found = percentile(np.array(values), percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) * (1 - 1e-12)
    assert sum(value < found for value in values) <= percent / 100 * len(values) + 1e-9


# The cap per section


def test_max_per_section_caps_sections_and_no_items_without_one() -> None:
    reads = {"a1": 9, "a2": 8, "a3": 7, "b1": 6, "x1": 5, "x2": 4, "x3": 3, "a4": 2, "b2": 1}
    section = {item: item[0] for item in reads if item[0] != "x"}
    site = site_with(reads, section)
    chosen = list_of(**PLAIN, max_per_section=1)
    assert site.listed(chosen, AT) == ["a1", "b1", "x1", "x2", "x3"]
    assert site.listed(chosen, AT, "a") == ["a1", "a2", "a3", "a4"], "in a section's own list it means nothing"
    assert site.listed(list_of(**PLAIN, max_per_section=2), AT)[:4] == ["a1", "a2", "b1", "x1"]
    assert len(site.listed(list_of(**PLAIN, max_per_section="none"), AT)) == 9


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 12),
    st.dictionaries(st.integers(0, 3), st.integers(0, 3)),
)
def test_max_per_section_equals_going_down_the_whole_list(
    table: list[tuple[int, float]], cap: int, limit: int, before: dict[int, int]
) -> None:
    section = np.array([number for number, _ in table], dtype=np.int32)
    score = np.array([value for _, value in table])
    published, names = np.zeros(len(table)), [f"item-{number:02}" for number in range(len(table))]
    rows = np.arange(len(table))
    expected, counts = [], Counter(before)
    for row in best(rows, score=score, published=published, names=names, limit=len(table)).tolist():
        if section[row] == -1 or counts[section[row]] < cap:
            counts[section[row]] += 1
            expected.append(row)
    taken = Counter(before)
    found = best_capped(
        rows, score=score, published=published, names=names, limit=limit, section=section, cap=cap, taken=taken
    )
    assert found.tolist() == expected[:limit]
    assert taken == Counter(before) + Counter(section[found].tolist())


# What fills a list up


def sources(site: Site, at: float = AT, section: str = WHOLE_SITE, **table: Any) -> list[tuple[str, str]]:
    """The entries of a list: which item, and where it comes from."""
    ranker = site.ranker(at)
    chosen = list_of(**table)
    ranking = ranker.rank(chosen, section)
    details = {row: Item(id=site.history.items[row]) for row in ranking.rows.tolist()}
    return [(entry.id, entry.source) for entry in entries(ranking, chosen, ranker.views, ranker.published, details)]


def test_fill_widens_a_short_list_and_counts_the_fillers() -> None:
    site = site_with({"much": 50, "little": 3, "less": 2})
    site.put("old", AT - 9 * DAY_S)
    site.see("old", AT - 60, 40)
    site.put("last week's", AT - 9 * DAY_S)
    site.see("last week's", AT - 8 * DAY_S, 900)
    site.put("yesterday's", AT - 2 * DAY_S)
    site.see("yesterday's", AT - 1.5 * DAY_S, 400)
    table = {"decay": "window", "window": "1d", "floor": 5, "max_age": "7d"}
    assert sources(site, **table) == [("much", "ranked")]
    assert sources(site, **table, fill="widen") == [
        ("much", "ranked"),
        # under the same formula, but for floor and age
        ("old", "fill"), ("little", "fill"), ("less", "fill"),
        # and by all that is kept, halved in every window
        ("yesterday's", "fill"), ("last week's", "fill"),
    ]  # fmt: skip


def test_fill_takes_the_latest_described_items() -> None:
    site = site_with({"read": 50})
    site.see("unknown", AT - 60, 2)
    for item, age_s in (("new", 60), ("newer", 30), ("of tomorrow", -DAY_S), ("down", 10)):
        site.put(item, AT - age_s)
    site.removed = frozenset(["down"])
    assert sources(site, **PLAIN, floor=5, fill="latest") == [("read", "ranked"), ("newer", "fill"), ("new", "fill")]


def test_fill_gives_a_section_without_readers_a_list() -> None:
    site = site_with({"a": 50}, {"a": "Politik"})
    site.put("b", AT - HOUR_S, "Kuliner")
    names = {fill: set(site.ranker(AT).rank_sections(list_of(fill=fill))) for fill in ("none", "latest")}
    assert names == {"none": {WHOLE_SITE, "Politik"}, "latest": {WHOLE_SITE, "Politik", "Kuliner"}}
    assert sources(site, section="Kuliner", fill="latest") == [("b", "fill")]


def test_fill_keeps_to_the_cap_and_to_the_depth() -> None:
    reads = {f"{section}{n}": n for section in "abc" for n in range(1, 6)}
    site = site_with(reads, {item: item[0] for item in reads})
    found = sources(site, **PLAIN, floor=5, fill="widen", max_per_section=2)
    assert found == [(f"{s}5", "ranked") for s in "abc"] + [(f"{s}4", "fill") for s in "abc"]
    assert len(sources(site, **PLAIN, floor=5, fill="widen", size=4, depth=4)) == 4


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 200_000), st.integers(1, 30)), max_size=30),
    st.sampled_from(["widen", "latest"]),
    st.sampled_from([{"decay": "window", "window": "6h"}, {}, {"kind": "burst"}, {"kind": "latest", "max_age": "1d"}]),
    st.sampled_from([{}, {"floor": 3}, {"max_per_section": 1}, {"section_floor": 50}]),
)
def test_fill_changes_no_ranked_row_and_repeats_none(
    seen: list[tuple[str, int, int]], fill: str, table: dict[str, Any], rule: dict[str, Any]
) -> None:
    site = Site()
    for item, age_s, n in seen:
        site.see(item, AT - age_s, n)
        site.put(item, AT - age_s - 60, item if item < "d" else "z")
    plain = site.ranker(AT).rank_sections(list_of(**in_use(**table, **rule)))
    filled = site.ranker(AT).rank_sections(list_of(**in_use(**table, **rule, fill=fill)))
    assert plain.keys() <= filled.keys()
    for section, ranking in filled.items():
        rows = ranking.rows.tolist()
        ranked = rows[: len(rows) - ranking.filled]
        assert ranked == (plain[section].rows.tolist() if section in plain else [])
        assert len(set(rows)) == len(rows)
        alone = site.ranker(AT).rank(list_of(**in_use(**table, **rule, fill=fill)), section)
        assert (alone.rows.tolist(), alone.filled, alone.previous) == (rows, ranking.filled, ranking.previous)


# Tenure


def test_max_tenure_drops_an_item_until_its_readers_let_go_of_it() -> None:
    site = Site()
    for hour in range(30):
        at = AT + hour * HOUR_S
        site.see("giant", at, 1000 if hour < 14 or hour > 22 else 1)
        for number in range(3):
            site.see(f"other-{number}", at, 100 + number)
    chosen = list_of(size=2, half_life="1h", max_tenure="8h")
    listed = {hour: "giant" in site.listed(chosen, AT + hour * HOUR_S + 300)[:2] for hour in range(1, 30)}
    assert [hour for hour, is_in in listed.items() if is_in] == [*range(1, 9), *range(23, 30)]
    assert "giant" in site.listed(list_of(size=2, half_life="1h"), AT + 12 * HOUR_S)[:2]


def test_max_tenure_keeps_an_item_out_of_the_fillers() -> None:
    site = Site()
    for hour in range(12):
        for item, n in (("giant", 1000), ("a", 6), ("b", 1)):
            site.see(item, AT + hour * HOUR_S, n)
    table: dict[str, Any] = {"size": 1, "half_life": "1h", "floor": 5, "fill": "widen"}
    assert sources(site, AT + 12 * HOUR_S, **table) == [("giant", "ranked"), ("a", "ranked"), ("b", "fill")]
    assert sources(site, AT + 12 * HOUR_S, **table, max_tenure="4h") == [("a", "ranked"), ("b", "fill")]


# Hysteresis


def test_hysteresis_ends_the_flicker_at_the_cut_and_a_clear_lead_wins() -> None:
    """Reads come in turns, so the lead changes every quarter of an hour; after ten hours one is clearly ahead."""
    site = Site()
    for quarter in range(80):
        at = AT + 900 * quarter
        site.see("first", at, 300)
        site.see("a", at, 60 + 8 * (quarter % 2))
        site.see("b", at, 60 + 8 * ((quarter + 1) % 2) + (40 if quarter > 40 else 0))
    plain, calm = (list_of(size=2, half_life="1h", hysteresis=margin) for margin in (0, 0.15))

    def changes(chosen: Any, quarters: Iterable[int]) -> int:
        seconds = [site.listed(chosen, AT + 900 * quarter + 300)[1] for quarter in quarters]
        return sum(one != other for one, other in pairwise(seconds))

    assert changes(plain, range(8, 40)) > 20
    assert changes(calm, range(8, 40)) <= 2
    assert {site.listed(chosen, AT + 900 * 60)[1] for chosen in (plain, calm)} == {"b"}
    assert changes(calm, range(50, 80)) == 0


def test_hysteresis_orders_incumbents_by_score_and_waiters_first_below() -> None:
    site = Site()
    site.see("first", AT - 2 * HOUR_S, 300)
    site.see("incumbent", AT - 2 * HOUR_S, 100)
    site.see("challenger", AT - 60, 105)
    site.see("also", AT - 60, 20)
    table: dict[str, Any] = {**PLAIN, "size": 2}
    assert site.listed(list_of(**table), AT) == ["first", "challenger", "incumbent", "also"]
    assert site.listed(list_of(**table, hysteresis=0.1), AT) == ["first", "incumbent", "challenger", "also"]
    assert site.listed(list_of(**table, hysteresis=0.04), AT) == ["first", "challenger", "incumbent", "also"]


SCORES = st.integers(2, 9).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 1.05, 1.2, 2.0, 5.0]), min_size=width, max_size=width),
        min_size=1,
        max_size=6,
    )
)


@settings(deadline=None, max_examples=300)
@given(SCORES, st.integers(1, 5), st.sampled_from([0.0, 0.1, 1.0]))
def test_hysteresis_fills_the_visible_part_and_nobody_outside_beats_it_by_the_margin(
    scores: list[list[float]], size: int, margin: float
) -> None:
    inside = hysteresis.members([np.array(step) for step in scores], size, margin)
    last = scores[-1]
    assert inside.sum() == min(size, sum(score > 0 for score in last))
    worst = min((last[row] for row in np.flatnonzero(inside)), default=math.inf)
    outside = [last[row] for row in np.flatnonzero(~inside)]
    assert all(score <= worst * (1 + margin) for score in outside)
    if margin == 0:
        plain = sorted(last, reverse=True)[:size]
        assert sorted((last[row] for row in np.flatnonzero(inside)), reverse=True) == [s for s in plain if s > 0]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 20_000), st.integers(1, 9)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
    st.sampled_from([{}, {"kind": "burst", "minimum": 1}, {"aging": "gravity"}]),
)
def test_list_with_every_rule_is_the_same_in_any_order_of_arrival(
    seen: list[tuple[str, int, int]], random: Random, table: dict[str, Any]
) -> None:
    chosen = list_of(
        **table,
        size=2,
        hysteresis=0.2,
        max_tenure="1h",
        max_per_section=2,
        fill="widen",
        section_floor=20,
        movement="1h",
    )
    results = []
    for _ in range(2):
        random.shuffle(seen)
        site = Site()
        for item, age_s, n in seen:
            site.see(item, AT - age_s, n)
            site.put(item, AT - 30_000, "s" if item < "c" else "t")
        lists = site.ranker(AT).rank_sections(chosen)
        names = site.history.items
        results.append(
            {
                section: (
                    [names[row] for row in found.rows],
                    found.filled,
                    found.previous and {names[row]: rank for row, rank in found.previous.items()},
                )
                for section, found in lists.items()
            }
        )
    assert results[0] == results[1]


def test_hysteresis_replay_begins_on_the_clock_and_moves_every_three_hours() -> None:
    for minutes in range(0, 24 * 60, 7):
        found = hysteresis.steps(minutes * 60.0)
        assert found[0] % hysteresis.SPAN_S == 0
        assert 3 * HOUR_S <= minutes * 60 - found[0] < 6 * HOUR_S
        assert found[-1] < minutes * 60 <= found[-1] + hysteresis.STEP_S


def test_hysteresis_replay_equals_a_list_that_remembers() -> None:
    """Nine hours of reads that wander; compared at every five minutes of the last three with a list that was kept."""
    random = Random(4)
    site, appeal = Site(), {f"item-{number:02}": 8.0 for number in range(16)}
    for step in range(108):
        for item, before in appeal.items():
            appeal[item] = max(1.0, before + random.gauss(0, 1))
            site.see(item, AT + 300 * step, round(appeal[item]))
    chosen = list_of(size=4, depth=16, half_life="30m", hysteresis=0.1)
    plain = chosen.model_copy(update={"hysteresis": 0.0})
    scores = []
    agree = []
    for step in range(1, 108):
        at = AT + 300 * step
        by_item = site.scores(plain, at)
        scores.append(np.array([by_item[item] for item in sorted(appeal)]))
        if step >= 72:
            kept = {sorted(appeal)[row] for row in np.flatnonzero(hysteresis.members(scores, 4, 0.1))}
            agree.append(set(site.listed(chosen, at)[:4]) == kept)
    assert sum(agree) >= 0.9 * len(agree)
    assert len(agree) == 36


# Why an item is not there


def rule_of(site: Site, item: str, number: int | None = None, **table: Any) -> Rule:
    row = site.history.known_row(item)
    assert row is not None
    (rule,) = site.ranker(AT).selector(list_of(**table)).rules_of([row], number)
    return rule


def test_rules_of_names_what_keeps_an_item_out() -> None:
    reads = {"a": 50, "b": 9, "c": 3, "down": 70, "other": 40}
    site = site_with(reads, dict.fromkeys("abc", "x") | {"other": "y"})
    site.see("old", AT - 10 * DAY_S, 5)
    site.put("old", AT - 10 * DAY_S)
    site.put("never read", AT - 60)
    site.put("of tomorrow", AT + DAY_S)
    site.put("named alone")
    site.see("unknown", AT - 60, 1)
    site.removed = frozenset(["down"])
    assert rule_of(site, "a", **PLAIN) == Rule.LISTED
    assert rule_of(site, "down", **PLAIN) == Rule.TAKEN_DOWN
    assert rule_of(site, "old", **PLAIN, max_age="7d") == Rule.TOO_OLD
    assert rule_of(site, "a", **PLAIN, min_age="3h") == Rule.TOO_NEW
    assert rule_of(site, "b", **PLAIN, min_count=10) == Rule.BELOW_MINIMUM
    assert rule_of(site, "b", **PLAIN, floor=10) == Rule.BELOW_FLOOR
    assert rule_of(site, "never read", **PLAIN) == Rule.NO_SCORE
    assert rule_of(site, "c", kind="burst", minimum=5) == Rule.BELOW_MINIMUM
    assert rule_of(site, "unknown", kind="latest") == Rule.NOT_DESCRIBED
    assert rule_of(site, "of tomorrow", kind="latest") == Rule.NOT_YET_PUBLISHED
    assert rule_of(site, "of tomorrow", **PLAIN) == Rule.NOT_YET_PUBLISHED
    assert rule_of(site, "named alone", **PLAIN) == Rule.NO_SCORE
    assert rule_of(site, "b", **PLAIN, max_per_section=1) == Rule.OVER_SECTION_CAP
    assert rule_of(site, "b", 0, **PLAIN, max_per_section=1) == Rule.LISTED
    assert rule_of(site, "c", 0, **PLAIN, section_floor=50) == Rule.BELOW_SECTION_FLOOR
    assert rule_of(site, "other", 0, **PLAIN) == Rule.OTHER_SECTION


@pytest.mark.parametrize(
    "table",
    [
        PLAIN,
        {"preset": "hacker-news"},
        {"preset": "discourse-hot"},
        {"kind": "burst", "minimum": 1},
        {"kind": "latest"},
        {"fill": "latest"},
        {"fill": "widen"},
        {"fill": "widen", "half_life": "1s"},
        {"hysteresis": 0.2, "size": 1},
        {"max_age": "7d"},
    ],
)
@pytest.mark.parametrize("ahead_s", [60, 10 * 365 * DAY_S])
def test_an_item_is_in_no_list_before_it_is_published_and_then_in_all(table: dict[str, Any], ahead_s: float) -> None:
    site = site_with({"out": 5, "scheduled": 9}, {"scheduled": "Rahasia", "out": "Politik"}, age_s=30)
    site.put("scheduled", AT + ahead_s, "Rahasia")
    chosen = list_of(**table)
    assert "scheduled" not in site.listed(chosen, AT)
    assert site.listed(chosen, AT, "Rahasia") == []
    assert "Rahasia" not in site.ranker(AT).rank_sections(chosen)
    if ahead_s == 60:
        assert "scheduled" in site.listed(chosen, AT + 60)
        assert site.listed(chosen, AT + 60, "Rahasia") == ["scheduled"]


def test_rules_of_names_the_tenure() -> None:
    site = Site()
    for quarter in range(20):
        site.see("giant", AT - 900 * quarter - 60, 100)
    assert rule_of(site, "giant", size=1, max_tenure="2h") == Rule.LISTED_LONG


# Bad settings


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"hysteresis": 1.1}, "less than or equal to 1"),
        ({"hysteresis": 0.1, "kind": "latest"}, "hysteresis: 0 in a latest list"),
        ({"hysteresis": 0.1, "kind": "burst", "hold": "1d"}, 'hysteresis: 0, or hold = "0s"'),
        ({"hysteresis": 0.1, "scale": "section-best"}, 'hysteresis: 0, or scale = "none"'),
        ({"section_floor": 100}, "less than 100"),
        ({"max_per_section": -1}, "greater than or equal to 0"),
        ({"max_tenure": "1m"}, "greater than or equal to 600"),
        ({"fill": "wider"}, "'none', 'widen' or 'latest'"),
        ({"floor": math.nan}, "less than or equal to 1000000000000"),
    ],
)
def test_settings_refuse_a_rule_that_cannot_be_kept(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        list_of(**table)
    assert sentence in str(raised.value)


def test_by_section_parts_alike_with_few_and_with_very_many_sections() -> None:
    section = np.array([3, -1, 40_000, 3, 0], dtype=np.int32)
    parted = ordering.by_section(np.arange(5), section)
    assert {number: rows.tolist() for number, rows in parted.items()} == {0: [4], 3: [0, 3], 40_000: [2]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"half_life": "0s"}, "half_life: expected a duration of at least 1s, found 0s"),
        ({"half_life": float("nan")}, "half_life: expected a duration such as 90s, 15m, 6h or 7d, found nan"),
        ({"aging": "gravity", "gravity_offset": "5s"}, "gravity_offset: expected a duration of at least 1m, found 5s"),
        ({"window": "0s"}, "window: expected a duration over 0s, found 0s"),
        ({"hold": "31d"}, "hold: expected a duration of at most 30d, found 31d"),
        ({"half_life": "soon"}, "half_life: expected a duration such as 90s, 15m, 6h or 7d, found 'soon'"),
        ({"exponent": 99}, "exponent: expected a value less than or equal to 4, found 99"),
        ({"weights": {"view": 1e300}}, "weights.view: expected a value less than or equal to 1000000, found 1e+300"),
        ({"decay": "linear"}, 'window: expected a duration such as 1d, over which decay = "linear" falls to nothing'),
        ({"kind": "burst", "short": "9d"}, "baseline: expected longer than short"),
        ({"lifetime": 3}, "lifetime: is not a setting of a list"),
    ],
)
def test_settings_refuse_an_impossible_value_in_the_words_of_the_file(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        with_changes("it", {}, changes)
    assert str(refused.value) == sentence


def test_unknown_section_is_refused_with_the_known_ones() -> None:
    site = Site()
    site.see("a", AT - 60)
    with pytest.raises(NotFoundError, match=r"called 'Politik'; no item has a section: say it as `section` where"):
        site.ranker(AT).rank(list_of(), "Politik")
    for item, section in (("a", "Politik"), ("b", "Olahraga")):
        site.put(item, AT - 60, section)
    for asked, told in (("Wisata", "there are Olahraga, Politik"), ("politik", "did you mean 'Politik'?"),
                        ("OLAHRAGA", "did you mean 'Olahraga'?")):  # fmt: skip
        with pytest.raises(NotFoundError, match=re.escape(f"called {asked!r}; {told}")):
            site.ranker(AT).rank(list_of(), asked)
