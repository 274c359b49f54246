"""The last lists on disk: written when they have changed and not on every beat, edits at once; read only if whole."""

import contextlib
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import servers
from servers import SITE, eventually

from api.serving import kept_lists
from api.serving.followed_site import FollowedSite
from api.serving.kept_lists import KeptLists, KeptSite
from ranking.intake.items import Item
from ranking.published.edits import Block, Boost, Edits, Pin, Subject, Void
from ranking.published.snapshot import Published, Stamp
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.store.protocol import Store

EDITS = Edits(
    7,
    {
        Subject("pin", "populer", "", "a"): Pin(1, None, 5.0),
        Subject("block", "", "", "b"): Block("why", 9.0, 5.0),
        Subject("boost", "populer", "", "c"): Boost(2.0),
        Subject("void", "", "1", "d"): Void(1.0, 2.0, ("view",)),
    },
)
LISTS = {"populer": Published(3, Stamp("populer", "Populer", 7, 5.0, "v", {"": "digest"}), {"": b"body"})}


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    kept = KeptLists(tmp_path / "lists")
    assert kept.read("koran") is None
    assert kept.age_s("koran") == float("inf")
    written = KeptSite.of(LISTS, EDITS, {"gone": 1_764_532_140.0}, {"a": Item("a", "A")})
    assert kept.write("koran", written)
    found = kept.read("koran")
    assert found == written
    assert found.all_edits() == EDITS
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["koran.lists"]
    assert (tmp_path / "lists" / "koran.lists").stat().st_mode & 0o777 == 0o600
    kept.forget("koran")
    kept.forget("koran")
    assert kept.read("koran") is None


def test_a_file_that_is_damaged_or_of_another_form_is_not_served(tmp_path: Path) -> None:
    kept = KeptLists(tmp_path)
    file = tmp_path / "koran.lists"
    content = KeptSite.of(LISTS, EDITS, {}, {})
    kept.write("koran", content)
    whole = file.read_bytes()
    strange = msgspec.structs.replace(content, edits=[("kind of a later version", "", "", "a", b"\x80")])
    for damaged in (
        msgspec.msgpack.encode(strange),
        whole[:-1],
        b"",
        b"\x00" + whole,
        msgspec.msgpack.encode(msgspec.structs.replace(content, form=2)),
    ):
        file.write_bytes(damaged)
        assert kept.read("koran") is None


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "lists").touch()
    assert not KeptLists(tmp_path / "lists").write("koran", KeptSite.of(LISTS, EDITS, {}, {}))


@contextlib.asynccontextmanager
async def following(store: Store, folder: Path, clock: servers.Clock) -> AsyncIterator[FollowedSite]:
    site = FollowedSite(store, servers.settings().sites[0], "worker", lambda: None, clock, KeptLists(folder))
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


async def test_lists_are_written_when_they_have_changed_and_not_on_every_beat(
    server: servers.Valkey, tmp_path: Path
) -> None:
    clock, file = servers.Clock(), tmp_path / f"{SITE}.lists"
    async with servers.opened(server.unix_url) as store, following(store, tmp_path, clock) as site:
        refresher = Refresher(RankedSite(store, servers.settings(), SITE))

        async def published(*items: str) -> None:
            await store.items.put_items(SITE, [Item(item, item, published_at=clock.now) for item in items])
            clock.now += 5
            generations = await refresher.refresh(clock.now)

            async def loaded() -> bool:
                return {name: each.generation for name, each in site.lists.items()} == generations

            await eventually(loaded, "the lists to be loaded", 60)
            await site.keep()

        def entries() -> bytes:
            found = KeptLists(tmp_path).read(SITE)
            return b"" if found is None else found.lists["update"].bodies[""]

        def grow_older(by_s: float) -> int:
            moment = time.time() - by_s
            os.utime(file, (moment, moment))
            site._copy._written_at = -math.inf  # as of a file that another worker writes
            return file.stat().st_mtime_ns

        await published("a")
        assert b"a" in entries()
        written = grow_older(kept_lists.KEEP_EVERY_S + 1)
        await published()
        assert file.stat().st_mtime_ns == written, "the same lists, ranked anew"
        written = grow_older(kept_lists.KEEP_EVERY_S - 5)
        await published("the other one")
        assert file.stat().st_mtime_ns == written, "another worker has just written it"
        grow_older(kept_lists.KEEP_EVERY_S + 1)
        await site.keep()
        assert b"the other one" in entries()
        written = grow_older(kept_lists.RENEW_EVERY_S + 1)
        await published()
        assert file.stat().st_mtime_ns != written, "their time has changed"
        await store.items.remove_item(SITE, "a", clock.now)
        await site.edits.poll()
        await site.keep()
        found = KeptLists(tmp_path).read(SITE)
        assert found is not None
        assert list(found.removed) == ["a"], "a take-down is written at once"


async def test_lists_of_the_disk_give_way_to_those_of_another_store(server: servers.Valkey, tmp_path: Path) -> None:
    """Whatever their generations and editions: a start with an empty store is one with an empty store."""
    clock = servers.Clock()

    async def publish(store: Store, item: str, times: int) -> None:
        refresher = Refresher(RankedSite(store, servers.settings(), SITE))
        await store.items.put_items(SITE, [Item(item, item, published_at=clock.now)])
        for _ in range(times):
            clock.now += 5
            await refresher.refresh(clock.now)

    async with servers.opened(server.unix_url) as store:
        await publish(store, "a", 3)
        await store.items.remove_item(SITE, "b", clock.now)
        async with following(store, tmp_path, clock) as site:
            await site.keep()
            assert site.edits.shown[0].edition > 0
    server.admin.flushall()
    async with servers.opened(server.unix_url) as store:
        await publish(store, "c", 1)
        async with following(store, tmp_path, clock) as site:
            assert site.lists["update"].generation == 1
            assert b"c" in site.lists["update"].bodies[""]
            assert site.edits.shown[0].edition == 0
        assert await store.items.removed_items(SITE) == {}


async def test_what_a_reader_had_on_the_screen_is_known_from_the_disk(
    own_server: Callable[..., servers.Valkey], tmp_path: Path
) -> None:
    """A worker that starts while the store is away shows the lists that it finds, and believes clicks in them."""
    server, clock = own_server(), servers.Clock()
    async with servers.opened(server.unix_url) as store:
        await store.items.put_items(SITE, [Item("a", "A", published_at=clock.now)])
        clock.now += 5
        await Refresher(RankedSite(store, servers.settings(), SITE)).refresh(clock.now)
        async with following(store, tmp_path, clock) as site:
            await site.keep()
        server.kill()
        async with following(store, tmp_path, clock) as site:
            assert site.was_shown("update", "a", 1)
            assert not site.was_shown("update", "b", None)
