"""An explanation is the ranking's own arithmetic: its numbers add up to the score, to the last bit."""

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore

from ranking.intake.items import Item
from ranking.lists.explain import explain
from ranking.lists.explanation import Explanation
from ranking.lists.ranker import Ranker
from ranking.published.snapshot import WHOLE_SITE
from ranking.refreshing.site_view import SiteView
from ranking.scoring.describe import described
from ranking.scoring.sums import Moment
from ranking.settings.lists import ListSettings
from ranking.settings.presets import PRESETS

NOW = 1_764_532_200.0
HOUR_S = 3600.0
CHANNELS = ["view", "click", "click@list:populer", "click@list:populer#1", "view@amp"]


def of_list(**table: Any) -> ListSettings:
    return ListSettings.model_validate(table)


def ranker_of(store: MemoryStore, at: float = NOW) -> Ranker:
    view = SiteView("s")
    asyncio.run(view.update(store, NOW - 30 * 86_400))
    return Ranker(view, Moment(at, NOW))


def explained(store: MemoryStore, item: str, section: str = WHOLE_SITE, **table: Any) -> Explanation:
    found = explain(ranker_of(store), item, "populer", of_list(**table), section, {})
    assert found is not None
    return found


def sums_up(found: Explanation) -> float:
    """The score, from nothing but what the explanation says."""
    counted = 0.0
    for channel in found.channels:
        decayed = 0.0
        for bucket in channel.buckets:
            assert bucket.part == bucket.events * bucket.weight
            decayed += bucket.part
        assert channel.decayed == decayed
        assert channel.part == decayed * channel.weight
        counted += channel.part
    assert counted == found.counted
    return found.shaped * found.aging


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.floats(0, 10 * 86_400), st.integers(1, 40), st.sampled_from(CHANNELS)
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip
SETTINGS = st.sampled_from(
    [
        {},
        {"half_life": "none"},
        {"half_life": "6h", "weights": {"view": 1, "click": 3, "view@amp": 0.3}, "self_click_weight": 0.2},
        {"position_bias": 1, "self_click_weight": 0.5},
        {"decay": "window", "window": "1d", "aging": "gravity"},
        {"decay": "power", "shape": "log", "aging": "half-life"},
        {"decay": "linear", "window": "2d", "shape": "minus-one", "exponent": 2},
    ]
)


@settings(max_examples=150, deadline=None)
@given(events=EVENTS, table=SETTINGS)
def test_explain_parts_add_up_to_the_ranked_score_exactly(
    events: list[tuple[str, float, int, str]], table: dict[str, Any]
) -> None:
    store = MemoryStore(shards=3)
    for item, age_s, n, channel in events:
        store.see(item, NOW - age_s, n, channel)
    ranker = ranker_of(store)
    ranking = ranker.rank(of_list(**table), WHOLE_SITE)
    assert ranking.score is not None
    for rank, row in enumerate(ranking.rows.tolist(), 1):
        found = explain(ranker, ranker.pool.names[row], "populer", of_list(**table), WHOLE_SITE, {})
        assert found is not None
        assert (found.rank, found.score) == (rank, ranking.score[row])
        assert sums_up(found) == found.score
        assert found.place is not None
        assert found.place <= rank


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_explain_works_for_every_preset(preset: str) -> None:
    store = MemoryStore()
    store.put(Item(id="a", title="A", published_at=NOW - 5 * HOUR_S, section="Politik", first_seen=NOW - 5 * HOUR_S))
    for hours in range(5):
        store.see("a", NOW - hours * HOUR_S, 20)
        store.see("b", NOW - hours * HOUR_S, 9)
    found = explained(store, "a", preset=preset)
    assert found.formula
    assert found.score is None or math.isfinite(found.score)


def test_explain_has_the_neighbours_and_margins_of_the_list() -> None:
    store = MemoryStore()
    for item, views in {"a": 30, "b": 20, "c": 5}.items():
        store.see(item, NOW - 1, views)
    found = explained(store, "b", half_life="none")
    assert found.above is not None
    assert found.below is not None
    assert (found.above.item, found.above.rank, found.above.margin) == ("a", 1, 10.0)
    assert (found.below.item, found.below.rank, found.below.margin) == ("c", 3, 15.0)
    assert explained(store, "a", half_life="none").above is None
    assert explained(store, "c", half_life="none").below is None


def test_explain_says_what_keeps_an_item_out() -> None:
    store = MemoryStore()
    old = NOW - 40 * HOUR_S
    store.put(Item(id="old", published_at=old, first_seen=old), Item(id="unread", first_seen=NOW))
    for item in ("old", "gone", "fresh"):
        store.see(item, NOW - HOUR_S, 3)
    asyncio.run(store.items.remove_item("s", "gone", NOW))
    rules = {item: explained(store, item, max_age="1d").rule for item in ("old", "gone", "fresh", "unread")}
    assert rules == {"old": "too_old", "gone": "taken_down", "fresh": "listed", "unread": "no_score"}
    assert "max_age" in explained(store, "old", max_age="1d").why
    assert explained(store, "old", max_age="1d").rank is None
    assert explained(store, "fresh", kind="latest").rule == "not_described"


def test_explain_names_a_cap_that_moved_the_item() -> None:
    store = MemoryStore()
    store.put(*(Item(id=item, section="Politik", first_seen=NOW) for item in "ab"), Item(id="c", section="Dunia"))
    for item, views in {"a": 30, "b": 20, "c": 5}.items():
        store.see(item, NOW - 1, views)
    found = explained(store, "b", max_per_section=1)
    assert (found.rank, found.place, found.rule) == (None, 2, "over_section_cap")
    assert explained(store, "c", max_per_section=1).rank == 2
    assert explained(store, "c", "Politik").rule == "other_section"


def test_explain_has_nothing_for_an_unknown_item() -> None:
    assert explain(ranker_of(MemoryStore()), "a", "populer", of_list(), WHOLE_SITE, {}) is None


def test_explain_words_what_a_formula_adds_divides_by_or_holds() -> None:
    assert described(of_list(preset="lemmy-scaled")).endswith("/ log10(2 + events of its section in 30 days)")
    assert "+ (events of the last 7d - 1) x gravity" in described(of_list(preset="discourse-hot"))
    assert "the highest of the last 2d, fading since with a half-life of 8h" in described(of_list(preset="mastodon"))
