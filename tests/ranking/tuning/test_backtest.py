"""A back-test ranks at every step with what was known then, as the engine does, and judges by what came after."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from views import Site, list_of

from ranking.errors import NotEnoughError, PopulerError
from ranking.intake.items import ItemDates
from ranking.published.edits import Block, Edits, Subject
from ranking.published.snapshot import WHOLE_SITE
from ranking.scoring.sums import Moment
from ranking.settings.learned import Correction
from ranking.settings.lists import ListSettings
from ranking.settings.presets import PRESETS
from ranking.tuning.backtest import Backtest, backtest
from ranking.tuning.list_makers import UNDERSTOOD
from ranking.tuning.outcome import NOBODY, Judging
from ranking.tuning.walk_forward import MIN_STEPS, Plan, Wanted, plan_walk

HOUR_S, DAY_S = 3600.0, 86_400.0
START = 1_764_536_400.0  # a full hour, in Jakarta the fourth of a day
WARMUP_H, HOURS, K = 5, 24, 4
ITEMS = "abcdefgh"
CHANNELS = ("view", "click", "view@list:populer#2", "click@newsletter")
PLAN = Plan(START + WARMUP_H * HOUR_S, HOURS - WARMUP_H, HOUR_S, HOUR_S)
JAKARTA = ZoneInfo("Asia/Jakarta")
Reads = Sequence[tuple[str, int, int, str]]  # item, minute after the start, how many, channel

SETTINGS: dict[str, dict[str, Any]] = {
    "half-life": {"half_life": "1h"},
    "no decay": {"half_life": "none"},
    "a half-life within a window": {"half_life": "2h", "window": "6h"},
    "window": {"decay": "window", "window": "90m"},
    "a window between buckets": {"decay": "window", "window": "100m"},
    "linear": {"decay": "linear", "window": "8h"},
    "power": {"decay": "power"},
    "today": {"period": "today"},
    "day-blend": {"decay": "day-blend"},
    "gravity": {"preset": "hacker-news"},
    "revival": {"preset": "discourse-hot"},
    "bonus": {"preset": "lobsters"},
    "weights": {"weights": {"view": 1, "click@newsletter": 9}, "self_click_weight": 0.25, "position_bias": 1},
    "ages": {"half_life": "3h", "max_age": "12h", "min_age": "31m"},
    "least": {"half_life": "3h", "min_count": 2, "floor": 3},
    "hysteresis": {"half_life": "2h", "hysteresis": 0.2},
    "tenure": {"half_life": "6h", "max_tenure": "2h"},
    "cap": {"half_life": "2h", "max_per_section": 1},
    "widened": {"decay": "window", "window": "30m", "fill": "widen"},
    "filled": {"decay": "window", "window": "30m", "fill": "latest"},
    "burst": {"kind": "burst", "minimum": 1, "baseline": "6h"},
    "ewma": {"kind": "burst", "method": "ewma", "minimum": 1, "baseline": "6h", "half_life": "2h"},
    "ratio": {"kind": "burst", "method": "ratio", "minimum": 1, "short": "2h", "baseline": "4h"},
    "held": {"kind": "burst", "minimum": 1, "baseline": "3h", "hold": "2h", "peak_half_life": "1h"},
    "latest": {"kind": "latest"},
}

CORRECTION = Correction(7200.0, HOUR_S, {"level": -0.1, "30m": 0.9, "last 3h": 0.4, "age": -0.3, "1d x reads": 0.1})
CORRECTED = list_of(decay="forecast", half_life="2h").corrected(CORRECTION)

reads = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.integers(0, HOURS * 60 - 1),
        st.integers(1, 5),
        st.sampled_from(CHANNELS),
    ),
    min_size=1,
    max_size=40,
)
#: Enough to turn any list round, in the minutes after a step.
soon = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.integers(0, 59), st.integers(1, 100), st.sampled_from(CHANNELS)), min_size=1
)


def site_of(seen: Reads) -> Site:
    """Every second item is described; all but the last of them with a date."""
    site = Site()
    for number, item in enumerate(ITEMS):
        if number % 2 == 0:
            published = None if number == 6 else START + number * HOUR_S
            site.put(item, published, f"section {number % 4}")
    for item, minute, n, channel in seen:
        site.see(item, START + minute * 60, n, channel)
    return site


def listed(site: Site, lists: Iterable[ListSettings], plan: Plan = PLAN, k: int = K) -> list[list[list[str]]]:
    """Per list and step, the items in their order."""
    found = backtest(site, list(lists), plan, Judging(k=k), JAKARTA)
    names = site.history.items
    return [[[names[row] for row in step if row != NOBODY] for step in trace.rows.tolist()] for trace in found.traces]


@settings(deadline=None, max_examples=60)
@given(reads, soon, soon, st.integers(0, PLAN.steps - 2), st.sampled_from([*sorted(SETTINGS), "forecast"]))
def test_backtest_ignores_what_comes_after_a_step_in_its_list(
    seen: Reads, one: Reads, other: Reads, step: int, name: str
) -> None:
    minute = (WARMUP_H + step) * 60
    past = [read for read in seen if read[1] < minute]
    futures = ([*past, *((item, minute + after, n, channel) for item, after, n, channel in of)] for of in (one, other))
    settings_of = SETTINGS.get(name, {"decay": "forecast"})  # which learns as it goes
    first, second = (listed(site_of(reads), [list_of(**settings_of)])[0] for reads in futures)
    assert first[: step + 1] == second[: step + 1]


@settings(deadline=None, max_examples=60)
@example([("e", 180, 4, "click")], "tenure")  # published at the very moment of a look back
@given(reads, st.sampled_from([*sorted(SETTINGS), "corrected"]))
def test_backtest_makes_the_list_that_the_engine_makes_of_the_counts_of_then(seen: Reads, name: str) -> None:
    chosen = CORRECTED if name == "corrected" else list_of(**SETTINGS[name])
    shown = chosen.model_copy(update={"size": K})
    for step, found in enumerate(listed(site_of(seen), [chosen])[0]):
        at = PLAN.moments[step]
        then = site_of([read for read in seen if START + read[1] * 60 < at])
        ranking = then.ranker(at, zone=JAKARTA).rank(shown, WHOLE_SITE)
        engines = [then.history.items[row] for row in ranking.rows[:K].tolist()]
        assert_alike(found, engines, dict(zip(then.history.items, _scores(then, shown, at), strict=True)))


def _scores(then: Site, chosen: ListSettings, at: float) -> list[float]:
    score = then.ranker(at, zone=JAKARTA).rank(chosen, WHOLE_SITE).score
    return [0.0] * len(then.history.items) if score is None else score.tolist()


def assert_alike(found: list[str], engines: list[str], score: dict[str, float]) -> None:
    """The same lists, but for scores that are equal to the last digits: sums that are carried are rounded otherwise."""
    assert len(found) == len(engines)
    for one, other in zip(found, engines, strict=True):
        assert one == other or math.isclose(score[one], score[other], rel_tol=1e-9)


@settings(deadline=None, max_examples=100)
@given(reads, st.sampled_from([0.05, 0.5, 1, 6, 1000, math.inf]))
def test_walk_carries_the_sums_that_are_computed(seen: Reads, half_life_h: float) -> None:
    from ranking.scoring.decay import HalfLife
    from ranking.scoring.sums import Horizon
    from ranking.tuning.walk_forward import WalkForward

    site = site_of(seen)
    pool = site.ranker(PLAN.moments[-1]).pool
    walk = WalkForward(pool, site.catalogue.undated, site.history.start(), UTC)
    horizon, channel_weights = Horizon(HalfLife(half_life_h * HOUR_S)), np.arange(1.0, len(pool.counts.channels) + 1)
    for at in PLAN.moments:
        carried = walk.sums(walk.go(at)).total(horizon, channel_weights)
        computed = pool.sums(Moment(at, at)).total(horizon, channel_weights)
        np.testing.assert_allclose(carried, computed, rtol=1e-12, atol=1e-300)


def test_list_maker_knows_for_every_setting_whether_the_short_way_holds() -> None:
    takes_the_long_one = {
        "kind", "section_floor", "max_per_section", "max_tenure_s", "hysteresis", "fill", "scale", "allow", "deny",
    }  # fmt: skip
    assert UNDERSTOOD | takes_the_long_one == set(ListSettings.model_fields), "the back-test must know every setting"


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_backtest_walks_every_preset(name: str) -> None:
    seen = [(item, minute, 1 + minute % 3, "view") for minute in range(0, HOURS * 60, 50) for item in ITEMS[:5]]
    found = listed(site_of(seen), [list_of(preset=name)], PLAN._replace(steps=3))
    assert len(found[0]) == 3


# How a list is judged


def two_items(later: Reads) -> Backtest:
    """`a` is read more than `b` until the first step; a list of one place."""
    site = site_of([("a", 10, 3, "view"), ("b", 10, 1, "view"), *later])
    return backtest(site, [list_of(half_life="none")], PLAN, Judging(k=1), JAKARTA)


def test_backtest_capture_is_the_share_of_the_best_lists_reads() -> None:
    found = two_items([("a", WARMUP_H * 60 + 5, 2, "view"), ("b", WARMUP_H * 60 + 20, 8, "view")])
    assert found.traces[0].capture[0] == 0.25
    assert found.traces[0].caught[0] == 2.0
    assert found.reads[0] == 10.0


def test_backtest_does_not_judge_a_step_without_readers() -> None:
    found = two_items([])
    assert np.isnan(found.traces[0].capture).all()
    assert found.reads.sum() == 0


def test_backtest_has_the_best_list_with_its_reads() -> None:
    minute = WARMUP_H * 60
    found = two_items([("a", minute, 3, "view"), ("b", minute, 7, "view")])
    assert (found.best_reads[0].tolist(), found.traces[0].reads[0].tolist()) == ([7.0], [3.0])
    assert found.best_rows[0, 0] != found.traces[0].rows[0, 0]


def test_backtest_keeps_clicks_of_the_list_itself_apart() -> None:
    minute = WARMUP_H * 60
    found = two_items(
        [("a", minute, 3, "view@list:populer#1"), ("a", minute, 1, "view"), ("b", minute, 2, "view@list:x")]
    )
    assert (found.traces[0].caught[0], found.traces[0].own[0]) == (4.0, 3.0)
    assert (found.reads[0], found.own_reads[0]) == (6.0, 5.0)


def test_backtest_counts_only_reads_as_reads() -> None:
    minute = WARMUP_H * 60
    found = two_items([("a", minute, 3, "click"), ("b", minute, 1, "view")])
    assert found.traces[0].capture[0] == 0.0


def test_backtest_kept_counts_those_that_stay_for_the_next_step() -> None:
    minute = WARMUP_H * 60
    site = site_of(
        [("a", 0, 3, "view"), ("b", 0, 2, "view"), ("c", minute + 5, 9, "view"), ("d", minute + 65, 99, "view")]
    )
    kept = backtest(site, [list_of(half_life="none")], PLAN, Judging(k=2), JAKARTA).traces[0].kept
    assert kept[:4].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert np.isnan(kept[-1]), "nobody knows what the list after the last one would be"


@pytest.mark.parametrize("how", ["taken down", "blocked", "hidden"])
@pytest.mark.parametrize("name", ["half-life", "hysteresis"])
def test_backtest_neither_lists_nor_misses_what_is_in_no_list(how: str, name: str) -> None:
    minute = WARMUP_H * 60
    site = site_of([("a", 0, 9, "view"), ("b", 0, 1, "view"), ("a", minute, 50, "view"), ("b", minute, 2, "view")])
    if how == "blocked":
        site.edits = Edits(1, {Subject("block", "", "", "a"): Block()})
    elif how == "hidden":
        site.catalogue.set("a", ItemDates(published_at=START, hidden=True))
    else:
        site.removed = frozenset({"a"})
    found = backtest(site, [list_of(**SETTINGS[name])], PLAN, Judging(k=1), JAKARTA)
    assert (found.traces[0].capture[0], found.reads[0]) == (1.0, 2.0)


def test_backtest_judges_a_section_by_its_own_reads() -> None:
    minute = WARMUP_H * 60
    site = site_of([("a", 0, 1, "view"), ("c", 0, 9, "view"), ("a", minute, 1, "view"), ("c", minute, 9, "view")])
    number = site.catalogue.section_number("section 0")
    found = backtest(site, [list_of(), list_of(hysteresis=0.1)], PLAN, Judging(k=1, section=number), JAKARTA)
    for trace in found.traces:
        assert (trace.capture[0], trace.caught[0]) == (1.0, 1.0)


# The steps


def plan_of(site: Site, **wanted: float) -> Plan:
    return plan_walk(site.history.columns(), Wanted(**wanted), START + HOURS * HOUR_S)


def hourly(hours: Iterable[int], width_s: int = 300) -> Site:
    site = Site()
    for hour in hours:
        site.see("a", START + hour * HOUR_S, width_s=width_s)
    return site


def test_plan_begins_after_the_warmup_and_ends_with_the_last_known_horizon() -> None:
    site = hourly(range(24))
    found = plan_of(site, warmup_s=5 * HOUR_S, horizon_s=2 * HOUR_S)
    last = START + 23 * HOUR_S + 300  # the end of the last bucket
    assert found.first == START + 5 * HOUR_S
    assert found.moments[-1] + 2 * HOUR_S <= last < found.moments[-1] + 3 * HOUR_S


def test_plan_ignores_a_bucket_that_is_not_over() -> None:
    site = hourly(range(24))
    now = START + 20 * HOUR_S + 100
    assert plan_walk(site.history.columns(), Wanted(warmup_s=HOUR_S), now).moments[-1] + HOUR_S <= now


def test_plan_begins_where_the_counts_are_fine_enough() -> None:
    site = hourly(range(24))
    site.see("old", START - 3 * DAY_S, width_s=86_400)
    found = plan_of(site, warmup_s=HOUR_S)
    day_end = (START - 3 * DAY_S) // DAY_S * DAY_S + DAY_S
    assert found.first == day_end


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"warmup_s": 30 * DAY_S}, "the history is 23h5m long, and that is too short: a warmup of 30d"),
        ({"horizon_s": 40 * HOUR_S}, "the horizon of 1d16h is longer than the history of 23h5m"),
        ({"warmup_s": 0, "step_s": 400}, "step: expected a multiple of 5m"),
        ({"warmup_s": 0, "horizon_s": 0}, "horizon: expected a multiple of 5m"),
    ],
)
def test_plan_refuses_too_little_history_and_a_step_that_does_not_fit(wanted: dict[str, float], sentence: str) -> None:
    with pytest.raises(PopulerError, match=sentence):
        plan_of(hourly(range(24)), **wanted)


def test_plan_refuses_too_coarse_counts_and_names_the_width() -> None:
    site = hourly(range(24), width_s=3600)
    site.see("a", START + 23.5 * HOUR_S, width_s=300)
    with pytest.raises(NotEnoughError, match=r"only the last .* fit such steps: .* take"):
        plan_of(site, warmup_s=HOUR_S, step_s=900, horizon_s=900)


def test_plan_refuses_no_history_and_says_how_much_it_takes() -> None:
    with pytest.raises(
        NotEnoughError, match=f"there is no history: a warmup of 7d, {MIN_STEPS} steps of 1h .* take 7d12h"
    ):
        plan_of(Site())
