"""A backup is whole: from every kind of store into every other, while events are counted, and under a running service.

Lists of what was restored are those of the store that was backed up, byte for byte at the same moment.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import servers
from test_same_bytes import DEFAULT, another_make, items, lists_of, settings_with, store_at

from populer.commands.backup import written
from populer.commands.backup_file import BackupReader, BackupWriter, Index
from populer.commands.restore import restored
from ranking.counts.buckets import Bucket
from ranking.errors import PopulerError
from ranking.published.edits import Pin, Subject, Void
from ranking.published.snapshot import encode_stamp
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "koran"
NOW = 1_764_532_100.0
LATER = NOW + 5
BUCKET_S = 300
OwnServer = Callable[..., servers.Valkey]


def of_koran(**tables: object) -> Settings:
    site = {"id": SITE, "keys": {"write": servers.WRITE_KEY, "admin": servers.ADMIN_KEY}}
    given = Settings.model_validate({"sites": [site], **tables})
    own = {name: getattr(given, name) for name in ("sites", *tables)}
    return settings_with(dict(DEFAULT)).model_copy(update=own)


def ignored(*_: int) -> None:
    """Nobody looks at the progress."""


async def back_up(url: str, file: Path, settings: Settings, *, with_keys: bool = False, now: float = NOW) -> Index:
    with BackupWriter(file) as writer:
        index, _ = await written(settings, url, writer, [SITE], now, ignored, with_keys=with_keys)
    return index


async def restore(url: str, path: Path, settings: Settings, *, replace: bool = False, now: float = NOW) -> list[str]:
    with path.open("rb") as file:
        return await restored(settings, url, BackupReader(path, file, ignored), [SITE], now, replace=replace)


async def refreshed(store: RedisStore, settings: Settings, at: float) -> dict[str, bytes]:
    """Every list as it is published at a moment: list and section -> bytes."""
    await Refresher(RankedSite(store, settings, SITE)).refresh(at, 9)
    found = {}
    for name in settings.lists:
        published = await store.lists.published(SITE, name, {})
        assert published is not None
        found[name] = encode_stamp(published.stamp)
        found.update({f"{name}/{section}": body for section, body in published.bodies.items()})
    return found


async def edited(store: RedisStore) -> None:
    """Edits of every kind."""
    pinned, voided = Subject("pin", "populer", "", "berita/5 ☕"), Subject("void", "", "1", "berita/2 ☕")
    assert await store.edits.next_void(SITE) == 1
    await store.edits.change(SITE, {pinned: Pin(2), voided: Void(NOW - 86_400, NOW - 3600)}, "siti")
    await store.edits.change_aliases(SITE, {"lama/3": "berita/3 ☕"}, "berita/3 ☕", "siti")
    await store.items.remove_item(SITE, "berita/9 ☕", NOW, "siti")


def learned(server: servers.Valkey) -> None:
    """A night's tuning, as it is stored."""
    setting = msgspec.json.encode(LearnedSetting(half_life_s=5400.0, since=NOW - 90_000))
    server.admin.hset(f"populer:{{{SITE}}}:learned", "populer", setting)
    server.admin.rpush(f"populer:{{{SITE}}}:nights:populer", "later", "earlier")


async def desk_of(store: RedisStore) -> object:
    """What editors said, without the edition."""
    edits = (await store.edits.read(SITE)).edits
    trail = await store.edits.audit(SITE, 1000)
    own = [line for line in trail if line["action"] != "restore_backup"]
    nights = [each async for each in _nights(store)]
    said = await store.edits.aliases(SITE), await store.items.removed_items(SITE), await store.findings.in_effect(SITE)
    former = (await store.edits.former_addresses(SITE)).items
    return edits, own, nights, former, *said


async def _nights(store: RedisStore) -> AsyncIterator[bytes]:
    for night in (await store.archive.desk(SITE, ["populer"])).nights.get("populer", ()):
        yield night


async def test_lists_are_the_same_to_the_last_bit_from_store_to_store(tmp_path: Path, own_server: OwnServer) -> None:
    settings = of_koran()
    bundled, last = own_server(), own_server()
    with another_make() as redis, servers.cluster() as cluster:
        first, second, third = (tmp_path / name for name in ("1.backup", "2.backup", "3.backup"))
        async with store_at(bundled.url) as store:
            await lists_of(store, settings, 1, seal_at=[NOW - 4 * 86_400, NOW, None], follow=False)
            await edited(store)
            learned(bundled)
            index = await back_up(bundled.url, first, settings)
            lists, desk = await refreshed(store, settings, LATER), await desk_of(store)
            counts = await servers.counts_by_bucket(store, SITE)
        assert index.sites[SITE].items == 298 and index.sites[SITE].edits == 4
        for source, url, target in ((first, redis, second), (second, cluster.url, third), (third, last.url, None)):
            async with store_at(url) as store:
                await restore(url, source, settings)
                assert (await store.server.life()).held_since is None
                assert await servers.counts_by_bucket(store, SITE) == counts
                assert await desk_of(store) == desk
                if target is not None:
                    await back_up(url, target, settings)
                assert await refreshed(store, settings, LATER) == lists
                await Sealer(store, settings.retention, SITE).seal(NOW)  # it goes on like any other
                assert await refreshed(store, settings, LATER + 5)


async def test_what_was_sealed_is_sealed_again(tmp_path: Path, own_server: OwnServer) -> None:
    settings, file = of_koran(), tmp_path / "file"
    one, other = own_server(), own_server()
    async with store_at(one.url) as store:
        await lists_of(store, settings, 1, seal_at=[NOW], follow=False)
        await back_up(one.url, file, settings)
        opened = await open_cells(store)
        assert 0 < sum(map(bool, opened.values())) < len(opened)
    await restore(other.url, file, settings)
    async with store_at(other.url) as store:
        assert await open_cells(store) == opened


async def open_cells(store: RedisStore) -> dict[Bucket, int]:
    """How many open cells each bucket has."""
    buckets = sorted((await store.counts.all_touched(SITE, 0)).buckets)
    return dict(zip(buckets, await store.counts.open_cells(SITE, 0, buckets), strict=True))


class Ingest:
    """Counts batches as fast as the store takes them: each adds one to a cell in each of many buckets."""

    def __init__(self, store: RedisStore, shard: int) -> None:
        self._store, self._shard = store, shard
        self.item = next(f"item-{n}" for n in range(1000) if shard_of(f"item-{n}", store.shards) == shard)
        self.counted = 0
        self.ages = range(0, 120 * BUCKET_S, BUCKET_S)  # more than are read at once

    def cells(self) -> list[tuple[int, str]]:
        return [(int(NOW - age) // BUCKET_S * BUCKET_S, f"view|{self.item}") for age in self.ages]

    async def count(self) -> None:
        counts = {Bucket(300, start): {name: 1} for start, name in self.cells()}
        batch = Batch(SITE, self._shard, f"ingest {self._shard}", self.counted + 1, counts)
        await self._store.counts.record(batch, 1e9)
        self.counted += 1


@contextlib.asynccontextmanager
async def going_on(*calls: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Each call is made over and over meanwhile; none is cancelled on its way."""
    stopped = asyncio.Event()

    async def over_and_over(call: Callable[[], Awaitable[object]]) -> None:
        while not stopped.is_set():
            await call()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(over_and_over(call))
        try:
            yield
        finally:
            stopped.set()


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
async def test_every_batch_is_wholly_in_or_out_while_events_are_counted_and_sealed(
    tmp_path: Path, own_server: OwnServer, kind: str
) -> None:
    settings, target, file = of_koran(), own_server(), tmp_path / "file"
    with contextlib.ExitStack() as stack:
        topology = stack.enter_context(servers.cluster()) if kind == "cluster" else None
        url = topology.url if topology else own_server().url
        async with store_at(url) as store, store_at(url) as other:
            await lists_of(store, settings, 1, seal_at=[NOW - 4 * 86_400, None], follow=False)
            before = await servers.counts_by_bucket(store, SITE)
            ingests = [Ingest(other, shard) for shard in range(store.shards)[:3]]
            sealer = Sealer(other, settings.retention, SITE)
            for ingest in ingests:
                await ingest.count()
            async with going_on(*(each.count for each in ingests), lambda: sealer.seal(NOW)):
                began, least = time.time(), [each.counted for each in ingests]
                index = await back_up(url, file, settings)
                index = await back_up(url, file, settings)
                most, ended = [each.counted for each in ingests], time.time()
        assert all(began - 1 <= shard.at <= ended + 1 for shard in index.sites[SITE].shards)
        assert sum(most) > sum(least), "nothing was counted meanwhile"
        await restore(target.url, file, settings)
        async with store_at(target.url) as store:
            found = totals(await servers.counts_by_bucket(store, SITE))
        expected = totals(before)
        for ingest, low, high in zip(ingests, least, most, strict=True):
            name = f"view|{ingest.item}"
            new = found.pop(name) - expected.pop(name, 0)
            assert new % len(ingest.ages) == 0, "half of a batch"
            assert low <= new // len(ingest.ages) <= high + 1  # one was on its way
        assert found == expected


def totals(counts: Mapping[tuple[int, str], int]) -> dict[str, int]:
    """Counts of each cell over all buckets, whose widths differ once they were rolled up."""
    found: dict[str, int] = {}
    for (_, name), count in counts.items():
        found[name] = found.get(name, 0) + count
    return found


async def test_a_flipped_byte_is_found_before_anything_is_written(tmp_path: Path, own_server: OwnServer) -> None:
    settings, file, target = of_koran(), tmp_path / "file", own_server()
    one = own_server()
    async with store_at(one.url) as store:
        await lists_of(store, settings, 1, seal_at=[None], follow=False)
        await back_up(one.url, file, settings)
    whole = file.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (0, 20, len(whole) // 2, len(whole) - 1)]
    for content in (*damaged, whole[:-1], whole[: len(whole) // 2], b"", whole + b"x"):
        file.write_bytes(content)
        with pytest.raises(PopulerError, match=r"damaged|no backup"):
            await restore(target.url, file, settings)
    assert target.admin.dbsize() == 0


async def test_a_site_that_is_not_empty_is_refused_unless_it_is_replaced(tmp_path: Path, own_server: OwnServer) -> None:
    settings, file = of_koran(), tmp_path / "file"
    one, other = own_server(), own_server()
    async with store_at(one.url) as store:
        await lists_of(store, settings, 1, seal_at=[NOW], follow=False)
        await edited(store)
        counts, desk = await servers.counts_by_bucket(store, SITE), await desk_of(store)
        await back_up(one.url, file, settings)
    async with store_at(other.url) as store:
        cells = {"view|lain": 7}
        await store.counts.record(
            Batch(SITE, 0, "writer", 1, {Bucket(300, int(NOW) // BUCKET_S * BUCKET_S): cells}), 1e9
        )
        await store.items.put_items(SITE, items()[:3])
        await store.edits.change(SITE, {Subject("block", "", "", "lain"): None}, "siti")
        edition = (await store.edits.read(SITE)).edition
        with pytest.raises(PopulerError, match="not empty"):
            await restore(other.url, file, settings)
        assert totals(await servers.counts_by_bucket(store, SITE)) == cells
        await restore(other.url, file, settings, replace=True)
        assert await servers.counts_by_bucket(store, SITE) == counts
        assert await desk_of(store) == desk
        assert (await store.edits.read(SITE)).edition > edition


async def test_a_restore_that_died_leaves_the_store_held_and_is_done_again(
    tmp_path: Path, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, file = of_koran(), tmp_path / "file"
    one, other = own_server(), own_server()
    async with store_at(one.url) as store:
        await lists_of(store, settings, 1, seal_at=[NOW], follow=False)
        counts = await servers.counts_by_bucket(store, SITE)
        await back_up(one.url, file, settings)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("ranking.store.redis.counts.RedisCounts.seal", _die)
        await restore(other.url, file, settings)
    async with store_at(other.url) as store:
        assert (await store.server.life()).held_since is not None
        await restore(other.url, file, settings, replace=True)
        assert (await store.server.life()).held_since is None
        assert await servers.counts_by_bucket(store, SITE) == counts


async def _die(*_: object) -> None:
    raise KeyboardInterrupt


async def test_keys_go_along_only_where_they_are_asked_for(tmp_path: Path, own_server: OwnServer) -> None:
    one, other = own_server(), own_server()
    files = tmp_path / "without", tmp_path / "with"
    for folder in ("data", "elsewhere"):
        (tmp_path / folder).mkdir()
    settings = of_koran(service={"data_dir": str(tmp_path / "data")}, ingest={"dedupe_window": "30m"})
    (tmp_path / "data" / "keys.json").write_text('{"koran": {"write": "write-of-old"}}')
    day = int(NOW) // 86_400
    async with store_at(one.url) as store:
        await store.salts.salt(day, b"s" * 32, 3600)
        await store.salts.secret(b"t" * 32)
        one.admin.sadd(f"populer:{{koran.0}}:ids:{day}", b"id-event")
        one.admin.expire(f"populer:{{koran.0}}:ids:{day}", 1000)
        one.admin.hset(f"populer:{{koran.0}}:seen:1800:{int(NOW) // 1800}", b"pair-one", 17)
        one.admin.expire(f"populer:{{koran.0}}:seen:1800:{int(NOW) // 1800}", 1000)
        for file, with_keys in zip(files, (False, True), strict=True):
            await back_up(one.url, file, settings, with_keys=with_keys)
    moved = of_koran(service={"data_dir": str(tmp_path / "elsewhere")}, ingest={"dedupe_window": "30m"})
    now = time.time()
    await restore(other.url, files[0], moved, now=now)
    assert not (tmp_path / "elsewhere" / "keys.json").exists()
    assert not other.admin.exists(f"populer:salt:{day}", "populer:secret", f"populer:{{koran.0}}:ids:{day}")
    await restore(other.url, files[1], moved, now=now)
    assert "write-of-old" in (tmp_path / "elsewhere" / "keys.json").read_text()
    assert other.admin.get("populer:secret") == b"t" * 32
    assert 3000 < other.admin.ttl(f"populer:salt:{day}") <= 3600
    assert other.admin.smembers(f"populer:{{koran.0}}:ids:{day}") == {b"id-event"}
    assert other.admin.hgetall(f"populer:{{koran.0}}:seen:1800:{int(NOW) // 1800}") == {b"pair-one": b"17"}
