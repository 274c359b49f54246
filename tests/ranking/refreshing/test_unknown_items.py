"""What only strangers have named goes after a day: its counts, its names and its rows; all else stays as it was."""

import random

from memory_store import MemoryStore

from ranking.counts.sealed import unpack_names, volume_of
from ranking.intake.items import Item
from ranking.published.edits import Subject, Void
from ranking.refreshing import site_view
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.refreshing.unknown_items import UnknownItems
from ranking.settings.service import RetentionSettings

HOUR_S, DAY_S = 3600, 86_400
NOW = 19_811 * DAY_S
RETENTION = RetentionSettings.model_validate({"keep": "100d", "unknown": "1d"})


class Jobs:
    """The job that seals and drops, without its schedule."""

    def __init__(self, store: MemoryStore, retention: RetentionSettings = RETENTION) -> None:
        self.sealer = Sealer(store, retention, "s")
        self.unknown = UnknownItems(store, retention, "s", self.sealer)
        self.aliases: set[str] = set()

    async def run(self, now: float) -> int:
        await self.sealer.seal(now)
        return await self.unknown.drop(now, lambda name: name in self.aliases)


async def view_of(store: MemoryStore) -> SiteView:
    view = SiteView("s")
    await view.update(store, 0)
    return view


def named(totals: dict[str, int]) -> set[str]:
    return {name.partition("|")[2] for name in totals}


def strangers(store: MemoryStore, count: int, at: float, prefix: str = "junk") -> None:
    for number in range(count):
        store.see(f"{prefix}-{number}", at)
        store.public.add(f"{prefix}-{number}")


async def test_counts_of_unknown_items_go_after_a_day_and_no_others() -> None:
    store = MemoryStore(1)
    jobs = Jobs(store)
    for number in range(20):
        store.see(f"article-{number}", NOW, 3)
        store.put(Item(id=f"article-{number}"))
        store.see(f"named by a server {number}", NOW, 2)
    strangers(store, 50, NOW)
    before = store.totals()
    assert await jobs.run(NOW + DAY_S) == 0
    assert store.totals() == before
    assert await jobs.run(NOW + DAY_S + 2 * HOUR_S) == 50
    assert store.totals() == {name: n for name, n in before.items() if "junk" not in name}
    assert await jobs.run(NOW + DAY_S + 3 * HOUR_S) == 0


async def test_drop_keeps_the_finer_buckets_of_an_hour_that_a_void_begins_in() -> None:
    store = MemoryStore(1)
    jobs = Jobs(store, RetentionSettings.model_validate({"keep": "100d", "unknown": "1d", "roll_up": {"hour": "2h"}}))
    store.put(Item(id="article"))
    for at in (NOW, NOW + 300, NOW + HOUR_S, NOW + HOUR_S + 300):
        store.see("article", at)
        strangers(store, 3, at)
    await store.edits.change("s", {Subject("void", "", "1", "article"): Void(float(NOW + 300))}, "test")
    assert await jobs.run(NOW + 2 * DAY_S) > 0
    left = (await store.all_touched("s", 0)).buckets
    assert {(each.start_s, each.width_s) for each in left} == {(NOW, 300), (NOW + 300, 300), (NOW + HOUR_S, HOUR_S)}


async def test_an_item_that_is_described_in_time_keeps_its_counts() -> None:
    store = MemoryStore(1)
    jobs = Jobs(store)
    strangers(store, 10, NOW)
    await jobs.run(NOW + HOUR_S)
    store.put(Item(id="junk-3"))
    await jobs.run(NOW + 2 * DAY_S)
    assert named(store.totals()) == {"junk-3"}


async def test_names_that_no_counts_refer_to_are_emptied_and_numbers_never_change() -> None:
    store = MemoryStore(1)
    jobs = Jobs(store)
    strangers(store, 40, NOW)
    store.see("article", NOW)
    store.put(Item(id="article"))
    await jobs.run(NOW + HOUR_S)
    store.see("junk-1", NOW + DAY_S)  # still read a day later
    await jobs.run(NOW + DAY_S + HOUR_S)
    await jobs.run(NOW + DAY_S + 2 * HOUR_S)
    (bucket,) = [each for each in (await store.all_touched("s", 0)).buckets if each.start_s == NOW]
    _, chunks = store._shard("s", 0).names[volume_of(bucket)]
    assert {name for name in unpack_names(chunks) if name} == {b"article", b"junk-1"}
    assert store.totals() == {"view|article": 1, "view|junk-1": 1}
    strangers(store, 5, NOW + DAY_S + 600)  # come again: they are numbered anew
    await jobs.run(NOW + DAY_S + 3 * HOUR_S)
    assert store.totals() == {"view|article": 1, "view|junk-1": 2, **{f"view|junk-{n}": 1 for n in (0, 2, 3, 4)}}


async def test_a_follower_has_what_a_new_reader_has_and_rows_of_what_is_gone_leave(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Days of made-up ids: at every hour the rows are bounded by what has counts, and the counts are the store's."""
    monkeypatch.setattr(site_view, "MANY_ROWS", 100)
    rng = random.Random(3)
    store = MemoryStore(2)
    jobs = Jobs(store)
    for number in range(30):
        store.put(Item(id=f"article-{number}"))
    follower = await view_of(store)
    most = 0
    for hour in range(4 * 24):
        now = NOW + hour * HOUR_S
        for _ in range(20):
            store.see(f"article-{rng.randrange(30)}", now)
        strangers(store, 40, now, f"junk-{hour}")
        if rng.random() < 0.1:
            store.see(f"junk-{rng.randrange(max(1, hour))}-3", now)
        await jobs.run(now + HOUR_S - 1)
        await follower.update(store, 0)
        fresh = await view_of(store)
        assert totals(follower) == totals(fresh) == rounded(store.totals())
        living = len(named(store.totals())) + 30
        most = max(most, len(follower.history.items))
        assert len(follower.history.items) <= 2 * living + 100
        assert follower.catalogue.stored.sum() == 30
    assert most < 40 * 24 * 2 + 400
    last = [name for name in follower.history.items if name.startswith("article")]
    assert [follower.history.known_row(name) for name in last] == [follower.history.items.index(name) for name in last]


def totals(view: SiteView) -> dict[str, int]:
    columns, history = view.history.columns(), view.history
    found: dict[str, int] = {}
    for cell, count in zip(columns.cell.tolist(), columns.counts.tolist(), strict=True):
        name = f"{history.channels[columns.cell_channel[cell]]}|{history.items[columns.cell_item[cell]]}"
        found[name] = found.get(name, 0) + round(count)
    return found


def rounded(found: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in found.items() if count}


async def test_counts_under_another_name_of_an_item_stay() -> None:
    store = MemoryStore(1)
    jobs = Jobs(store)
    strangers(store, 3, NOW)
    jobs.aliases = {"junk-1"}
    assert await jobs.run(NOW + DAY_S + 2 * HOUR_S) == 2
    assert named(store.totals()) == {"junk-1"}
