"""A process holds some shards of a site, where each name is an item of its own, and all of it once it is alone."""

from typing import Any

from memory_store import MemoryStore

from ranking.intake.items import Item
from ranking.lists.incremental import IncrementalRanker
from ranking.refreshing.filtered_lists import FilteredLists
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.site_parts import PartAnswer, PartQuestion, SitePart
from ranking.settings.service import Settings
from ranking.store.shards import shard_of, shared_out

NOW = 1_700_000_100.0
ITEMS = [f"berita-{number}" for number in range(20)]
ADDRESS = "koran.example/berita/1"


def settings_of(processes: int) -> Settings:
    return Settings.model_validate(
        {
            "sites": [{"id": "s", "jobs_processes": processes, "discover": False}],
            "lists": {"populer": {"half_life": "2h"}},
        }
    )


async def filled() -> MemoryStore:
    store = MemoryStore()
    for item in (*ITEMS, ADDRESS):
        store.see(item, NOW - 600)
    await store.put_items("s", [Item(id=item, title=item, url=f"https://{ADDRESS}/{item}") for item in ITEMS[1:]])
    await store.put_items("s", [Item(id=ITEMS[0], title="Satu", url=f"https://{ADDRESS}")])
    return store


def names_of(site: RankedSite) -> set[str]:
    return {site.view.history.items[row] for row in site.view.history.rows_with_counts().nonzero()[0].tolist()}


async def test_part_has_the_items_of_its_shards_and_each_name_is_one() -> None:
    store = await filled()
    site, every = RankedSite(store, settings_of(2), "s"), set(ITEMS) | {ADDRESS}
    for shard in range(store.shards):
        await site.follow_part([shard], NOW)
        assert names_of(site) == {item for item in every if shard_of(item, store.shards) == shard}


async def test_process_follows_all_shards_once_it_is_alone() -> None:
    store = await filled()
    site = RankedSite(store, settings_of(2), "s")
    await site.follow_part([1], NOW)
    site.use(settings_of(1), since=NOW)
    async with site.updated(NOW):
        assert names_of(site) == set(ITEMS)  # an event that names an item by its address is counted with it again


async def test_leader_sees_a_new_title_of_an_item_that_lies_with_another() -> None:
    store = await filled()
    site = RankedSite(store, settings_of(2), "s")
    await site.follow_part([0], NOW)
    for title in ("before", "after"):
        await store.put_items("s", [Item(id=item, title=title, url="https://koran.example/x") for item in ITEMS])
        await site.follow_part([0], NOW)
        assert {item.title for item in (await site.view.details_of(store, ITEMS)).values()} == {title}


async def asked(settings: Settings, **changes: Any) -> PartAnswer:
    site = RankedSite(await filled(), settings_of(2), "s")
    part = SitePart(site, IncrementalRanker(), FilteredLists(), "b")
    question = PartQuestion("counts", "a", {"a": [0], "b": [1]}, NOW, settings.config_version, [])
    for name, value in changes.items():
        setattr(question, name, value)
    return await part.answer(question)


async def test_part_answers_nothing_under_other_settings_or_for_a_moment_that_it_has_not_read() -> None:
    settings = settings_of(2)
    assert (await asked(settings)).error == ""
    assert (await asked(settings, config_version="other")).error == "it has other settings"
    assert (await asked(settings, wanted="front", start=NOW)).error == "it has begun anew"


def test_shards_are_shared_out_evenly_and_most_stay_when_a_process_goes() -> None:
    before, after = shared_out(16, ["a", "b", "c", "d"]), shared_out(16, ["a", "b", "c"])
    assert sorted(shard for held in before.values() for shard in held) == [*range(16)]
    assert {len(held) for held in before.values()} == {4}
    assert sorted(shard for held in after.values() for shard in held) == [*range(16)]
    assert {len(held) for held in after.values()} <= {4, 5, 6}
