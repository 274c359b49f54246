"""A store that has gone back is noticed, also when its change numbers have overtaken what was read."""

import pytest
from memory_store import MemoryStore

from ranking.errors import StoreUnavailableError
from ranking.intake.items import Item
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import Settings
from ranking.store.items import ChangedItems

NOW = 1_700_000_100.0
LATE = NOW - 7200


def item(name: str) -> Item:
    return Item(id=name, title=name, published_at=NOW - 600, first_seen=NOW - 600)


def overtake(store: MemoryStore) -> None:
    """As many changes as were lost, and more."""
    for _ in range(20):
        store.see("busy", NOW - 60)


@pytest.fixture(params=[1, 3])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    store = MemoryStore(request.param)
    store.put(*map(item, ("old", "lost", "late", "busy")))
    store.see("old", LATE, n=5)
    return store


async def test_lists_are_those_of_a_store_that_has_gone_back_once_numbers_have_overtaken(store: MemoryStore) -> None:
    refresher = Refresher(RankedSite(store, Settings(), "s"))
    await refresher.refresh(NOW)
    go_back = store.backup()
    store.see("lost", LATE, n=50)
    store.put(item("lost-item"))
    await refresher.refresh(NOW + 5)
    assert "lost-item" in store.listed("update")
    go_back()
    store.see("late", LATE, n=70)
    store.put(item("new-item"))
    overtake(store)
    await refresher.refresh(NOW + 10)
    assert refresher.site.view.times_lost == 1
    assert "new-item" in store.listed("update")
    assert "lost-item" not in store.listed("update")
    assert store.listed("populer")[0] == "late"
    followed = {name: store.listed(name) for name in Settings().lists}
    await Refresher(RankedSite(store, Settings(), "s")).refresh(NOW + 15)
    assert {name: store.listed(name) for name in Settings().lists} == followed


async def test_a_store_that_went_back_in_the_middle_of_an_update_is_read_anew(store: MemoryStore) -> None:
    view = SiteView("s", marks=True)
    await view.update(store, 0)
    go_back = store.backup()
    store.see("lost", LATE, n=50)
    whole_items, store.items = store.items, Away()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailableError):
        await view.update(store, 0)  # the counts were read by then
    store.items = whole_items
    go_back()
    overtake(store)
    await view.update(store, 0)
    assert "lost" not in {view.history.items[row] for row in view.history.rows_with_counts().nonzero()[0]}


async def test_a_view_without_marks_leaves_none_and_does_not_disturb_the_one_that_does(store: MemoryStore) -> None:
    followed, looks = SiteView("s", marks=True), SiteView("s")
    await followed.update(store, 0)
    await looks.update(store, 0)
    store.read.clear()
    await followed.update(store, 0)
    assert store.read == []
    assert followed.times_lost == 0


class Away:
    """Items of a store that went away after it had given its counts."""

    async def read_dates(self, *_: object) -> ChangedItems:
        raise StoreUnavailableError("away")

    changed_items = read_dates
