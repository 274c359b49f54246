"""What editors say is part of the next ranking, and every list that is published can be walked later."""

import pytest
from memory_store import MemoryStore

from ranking.lists.explain import explain
from ranking.lists.ranker import Ranker
from ranking.published.edits import Block, Boost, Edit, Subject
from ranking.published.orders import order_name
from ranking.published.snapshot import decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.site_view import SiteView
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings

NOW = 1_700_000_100.0
BLOCKED = Subject("block", "", "", "a")


def boost(item: str, name: str = "populer") -> Subject:
    return Subject("boost", name, "", item)


async def make(store: MemoryStore, subject: Subject, edit: Edit) -> None:
    await store.edits.change("s", {subject: edit}, "admin")


def scores(store: MemoryStore, name: str = "populer") -> dict[str, float]:
    return {entry.id: entry.score or 0.0 for entry in decode_entries(store.bodies(name)[""])}


@pytest.fixture
def store() -> MemoryStore:
    """Ten items in their order."""
    store = MemoryStore()
    for n, item in enumerate("abcdefghij"):
        store.see(item, NOW - 30, 20 - n)
    return store


async def test_refresh_gives_no_place_to_a_blocked_item(store: MemoryStore) -> None:
    settings = Settings.model_validate({"lists": {"populer": {"depth": 5, "size": 5}}})
    await make(store, BLOCKED, Block())
    await Refresher(RankedSite(store, settings, "s")).refresh(NOW)
    assert store.listed("populer") == list("bcdef")


async def test_refresh_ignores_an_edit_that_is_over(store: MemoryStore) -> None:
    await make(store, BLOCKED, Block(until=NOW))
    await make(store, boost("j"), Boost(10.0, until=NOW))
    await Refresher(RankedSite(store, Settings(), "s")).refresh(NOW)
    assert store.listed("populer") == list("abcdefghij")


async def test_refresh_multiplies_the_score_of_a_boosted_item_and_stamps_the_boost(store: MemoryStore) -> None:
    await Refresher(RankedSite(store, Settings(), "s")).refresh(NOW)
    before = scores(store)
    await make(store, boost("j"), Boost(10.0))
    await make(store, boost("nobody"), Boost(2.0))
    await make(store, boost("b", "trending"), Boost(0.5))
    refresher = Refresher(RankedSite(store, Settings(), "s"))
    await refresher.refresh(NOW + 5)
    fade = scores(store)["a"] / before["a"]
    assert scores(store) == pytest.approx(
        {name: score * fade * (10 if name == "j" else 1) for name, score in before.items()}
    )
    assert store.listed("populer")[0] == "j"
    found = await store.lists.published("s", "populer", {})
    assert found is not None
    assert found.stamp.boosts == {"j": 10.0, "nobody": 2.0}


async def test_refresh_applies_a_boost_to_previous_ranks_too(store: MemoryStore) -> None:
    for n, item in enumerate("abcdefghij"):
        store.see(item, NOW - 7000, 20 - n)
    await make(store, boost("j"), Boost(10.0))
    await Refresher(RankedSite(store, Settings(), "s")).refresh(NOW)
    first = decode_entries(store.bodies("populer")[""])[0]
    assert (first.id, first.previous_rank, first.is_new) == ("j", 1, False)


async def test_refresh_keeps_the_order_when_all_have_the_same_boost(store: MemoryStore) -> None:
    view = SiteView("s")
    await view.update(store, 0.0)
    ranker, settings = Ranker(view, Moment(NOW, NOW)), Settings().lists["populer"]
    plain = ranker.rank(settings, "")
    boosted = ranker.rank(settings, "", dict.fromkeys("abcdefghij", 2.0))
    assert plain.rows.tolist() == boosted.rows.tolist()
    assert ranker.rank_sections(settings)[""].rows.tolist() == plain.rows.tolist()


async def test_explain_names_the_boost_and_the_block(store: MemoryStore) -> None:
    await make(store, boost("j"), Boost(10.0))
    await make(store, BLOCKED, Block())
    view = SiteView("s")
    await view.update(store, 0.0)
    ranker, settings = Ranker(view, Moment(NOW, NOW)), Settings().lists["populer"]
    first = explain(ranker, "j", "populer", settings, "", {})
    assert first is not None
    assert (first.rank, first.place, first.boost) == (1, 1, 10.0)
    assert first.score == first.shaped * first.aging * first.boost
    blocked = explain(ranker, "a", "populer", settings, "", {})
    assert blocked is not None
    assert (blocked.rank, blocked.rule, blocked.boost) == (None, "blocked", 1.0)


@pytest.mark.parametrize("rule", [{"hysteresis": 0.1}, {"max_tenure": "2h"}, {"scale": "section-best"}])
async def test_refresh_applies_a_boost_before_the_other_rules_of_a_list(
    store: MemoryStore, rule: dict[str, object]
) -> None:
    settings = Settings.model_validate({"lists": {"populer": {"size": 3, **rule}}})
    await make(store, boost("j"), Boost(10.0))
    await Refresher(RankedSite(store, settings, "s")).refresh(NOW)
    assert store.listed("populer") == list("jabcdefghi")


async def test_refresh_publishes_orders_that_can_be_read_by_name(store: MemoryStore) -> None:
    refresher, published = Refresher(RankedSite(store, Settings(), "s")), []
    for n in range(10):
        await refresher.refresh(NOW + 5 * n)
        published.append(store.listed("populer"))
        store.see("hijab"[n % 5], NOW + 5 * n, 7)
    for ids in published:
        assert await store.lists.order("s", "populer", order_name("populer", "", ids)) == ids
    assert len({tuple(ids) for ids in published}) > 3


async def test_refresh_publishes_no_orders_without_paging(store: MemoryStore) -> None:
    await Refresher(RankedSite(store, Settings.model_validate({"refresh": {"paging": "0s"}}), "s")).refresh(NOW)
    assert store.orders == {}
