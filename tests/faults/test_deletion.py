"""What is deleted is gone: an item's counts, open and sealed, on every kind of store; a site, and a removed one."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import servers
from test_backup import SITE, going_on, of_koran, store_at, totals
from test_same_bytes import NOW, lists_of

from jobs.clear import ClearSites
from populer.commands.delete import item_deleted, site_deleted
from ranking.counts.buckets import Bucket
from ranking.counts.sealed import unpack_names, volume_of
from ranking.intake.items import Item
from ranking.published.edits import Pin, Subject
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

GONE, OTHER = "berita/2 ☕", "berita/12 ☕"
DAY_S = 86_400


async def names_of_volumes(store: RedisStore, item: str) -> bool:
    """Whether any volume still has a name."""
    shard = shard_of(item, store.shards)
    volumes = {volume_of(each) for each in (await store.counts.all_touched(SITE, shard)).buckets}
    found = [unpack_names(await store.counts.read_names(SITE, shard, volume, 0)) for volume in volumes]
    return any(item.encode() in names for names in found)


async def viewed(store: RedisStore, view: SiteView) -> set[str]:
    """The items that have counts, in a view that follows."""
    await view.update(store, 0)
    items = view.history.items
    return {items[row] for row in view.history.rows_with_counts().nonzero()[0].tolist()}


async def test_an_item_goes_with_its_counts_while_events_are_counted(topology: servers.Topology) -> None:
    settings = of_koran()
    async with store_at(topology.url) as store, store_at(topology.url) as other:
        await lists_of(store, settings, 1, seal_at=[NOW - 4 * DAY_S, NOW, None], follow=False)
        await store.edits.change(SITE, {Subject("pin", "populer", "", GONE): Pin(1)}, "siti")
        await store.edits.change_aliases(SITE, {OTHER: GONE}, GONE, "siti")
        view = SiteView(SITE)
        assert GONE in await viewed(store, view)
        before = totals(await servers.counts_by_bucket(store, SITE))
        number = 0

        async def count() -> None:
            nonlocal number
            number += 1
            cells = {Bucket(300, int(NOW) // 300 * 300): {"view|lain": 1}}
            await other.counts.record(Batch(SITE, shard_of("lain", other.shards), "writer", number, cells), 1e9)

        async with going_on(count):
            said = await item_deleted(settings, topology.url, SITE, GONE, NOW)
        after = totals(await servers.counts_by_bucket(store, SITE))
        assert after.pop("view|lain") == number
        own = {name: n for name, n in before.items() if name.partition("|")[2] in (GONE, OTHER)}
        assert after == {name: n for name, n in before.items() if name not in own}
        assert f"{sum(own.values()):,} events" in said
        assert "a description" in said and "1 edits, 1 other names" in said, said
        assert not await names_of_volumes(store, GONE) and not await names_of_volumes(store, OTHER)
        assert not (await store.edits.read(SITE)).edits and not await store.edits.aliases(SITE)
        assert GONE in await store.items.removed_items(SITE)
        assert "Berita 2" not in str(await store.edits.audit(SITE, 100))
        assert not {GONE, OTHER} & await viewed(store, view)
        await Sealer(store, settings.retention, SITE).seal(NOW)
        assert not {GONE, OTHER} & await viewed(store, SiteView(SITE))


async def test_a_site_goes_under_a_leader_that_follows_it_and_is_not_taken_for_a_lost_store(
    topology: servers.Topology,
) -> None:
    settings = of_koran()
    async with store_at(topology.url) as store:
        await lists_of(store, settings, 1, seal_at=[NOW], follow=False)
        leader = Refresher(RankedSite(store, settings, SITE))
        await leader.refresh(NOW + 5, 3)
        await store.edits.change(SITE, {Subject("pin", "populer", "", GONE): Pin(1)}, "siti")
        edition = (await store.edits.read(SITE)).edition
        said = await site_deleted(settings, topology.url, SITE, NOW, followed=True)
        assert "299 items" in said and "1 edits" in said
        edits = await store.edits.read(SITE)
        assert not edits.edits and edits.edition > edition, "workers must see it"
        assert [line["action"] for line in await store.edits.audit(SITE, 10)] == ["delete_site", "pin"]
        await leader.refresh(NOW + 10, 3)
        assert (await store.server.life()).held_since is None
        published = await store.lists.published(SITE, "populer", {})
        assert published is not None and published.bodies[""] == b"\x90"
        await store.items.put_items(SITE, [Item("baru", title="Baru", first_seen=NOW)])
        cells = {Bucket(300, int(NOW) // 300 * 300): {"view|baru": 1}}
        await store.counts.record(Batch(SITE, shard_of("baru", store.shards), "writer", 1, cells), 1e9)
        await leader.refresh(NOW + 15, 3)
        published = await store.lists.published(SITE, "populer", {})
        assert published is not None and b"baru" in published.bodies[""]


async def test_a_site_that_was_removed_from_the_settings_goes_after_its_grace(
    topology: servers.Topology, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = of_koran()
    others = settings.model_copy(update={"sites": Settings.model_validate({"sites": [{"id": "lain"}]}).sites})
    async with store_at(topology.url) as store:
        await lists_of(store, settings, 1, seal_at=[NOW], follow=False)
        await store.edits.change(SITE, {Subject("pin", "populer", "", GONE): Pin(1)}, "siti")
        await ClearSites(store, settings)(SITE, NOW, 1)
        removed = ClearSites(store, others)
        for days in (1, 2, 30):
            await removed("lain", NOW + days * DAY_S, 1)
            assert any(f"{{{SITE}.0}}" in key for key in topology.every_key())
        said = capsys.readouterr().out
        assert said.count("is not in the settings") == 1 and "2025-12-31 19:48" in said
        await ClearSites(store, settings)(SITE, NOW + 31 * DAY_S, 1)  # it was put back, and removed again
        for days in (31, 60):
            await removed("lain", NOW + days * DAY_S, 1)
            assert await store.items.get_items(SITE, [GONE]) != [None]
        await removed("lain", NOW + 61 * DAY_S, 1)
        left = {key: ttl for key, ttl in topology.every_key().items() if f"{{{SITE}" in key}
        assert all(0 < ttl <= 8 * DAY_S or key.endswith(":audit") for key, ttl in left.items()), left
        assert [line["action"] for line in await store.edits.audit(SITE, 10)] == ["pin"]
        await removed("lain", NOW + 62 * DAY_S, 1)


def test_nothing_is_deleted_unless_somebody_agrees(tmp_path: Path, own_server: Any) -> None:
    server, file = own_server(), tmp_path / "populer.toml"
    file.write_text(f'[redis]\nurl = "{server.url}"\n[[sites]]\nid = "{SITE}"\n')

    def deleted(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "populer", "delete", *arguments, "--config", str(file)]
        options = "--data", str(tmp_path / "data")
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )

    for arguments in (("item", "a"), ("site", SITE)):
        refused = deleted(*arguments)
        assert (refused.returncode, "nothing was deleted: confirm with --yes" in refused.stderr) == (1, True)
    assert not server.admin.keys("*removed")
    done = deleted("item", "a", "--yes")
    assert (done.returncode, "no description, 0 events" in done.stdout) == (0, True), done.stderr
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "keys.json").write_text('{"lama": {"write": "w"}, "koran": {"write": "k"}}')
    done = deleted("site", "lama", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Its keys in the data directory are gone" in done.stdout
    with contextlib.suppress(FileNotFoundError):
        assert "lama" not in (tmp_path / "data" / "keys.json").read_text()
    assert "it goes on, empty" in deleted("site", SITE, "--yes").stdout
