"""When a store must not be used, when it is away, and when it is full: our errors, nothing of the driver's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
import servers
import uvloop
from ports import free_ports
from redis.asyncio.connection import AbstractConnection
from whole_counts import read_buckets

from ranking.counts.buckets import Bucket
from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.intake.items import Item
from ranking.published.snapshot import Snapshot, Stamp, digest
from ranking.store.counts import Batch
from ranking.store.lists import PublishedBase
from ranking.store.redis.connection import translated
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "koran"
KEEP_S = 50 * 365 * 86400.0
NOON = Bucket(300, 1_764_565_200)
OwnServer = Callable[..., servers.Valkey]


def batch(number: int, **counts: int) -> Batch:
    return Batch(SITE, 0, "one", number, {NOON: {f"view|{item}": count for item, count in counts.items()}})


async def opening(url: str, **options: Any) -> None:
    async with servers.opened(url, **options):
        pass


@pytest.fixture
def full(own_server: OwnServer) -> servers.Valkey:
    """A server that takes no more writes once `fill` is called."""
    return own_server(maxmemory="0")


def fill(server: servers.Valkey) -> None:
    server.admin.config_set("maxmemory", "1mb")


@pytest.mark.parametrize(
    "policy",
    [*(f"{whose}-{how}" for whose in ("allkeys", "volatile") for how in ("lru", "lfu", "random")), "volatile-ttl"],
)
async def test_a_server_that_drops_keys_is_refused(own_server: OwnServer, policy: str) -> None:
    server = own_server(**{"maxmemory-policy": policy})
    url = server.url
    with pytest.raises(StoreRefusedError, match=policy) as refused:
        await opening(url)
    assert "noeviction" in str(refused.value)
    assert server.admin.dbsize() == 0
    await opening(url, allow_eviction=True)


async def test_another_number_of_shards_is_refused(server: servers.Valkey) -> None:
    await opening(server.url, shards=4)
    with pytest.raises(StoreRefusedError, match="shards = 4"):
        await opening(server.url, shards=8)
    await opening(server.url, shards=4)


@pytest.mark.parametrize("schema", [0, 3, 99])
async def test_a_store_of_another_schema_is_refused_and_left_as_it_is(server: servers.Valkey, schema: int) -> None:
    server.admin.hset("populer:layout", mapping={"schema": schema, "shards": 1})
    with pytest.raises(StoreRefusedError, match=f"schema {schema}"):
        await opening(server.url)
    assert server.admin.hmget("populer:layout", "schema", "shards") == [str(schema).encode(), b"1"]


async def test_a_store_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        _ = RedisStore("redis://127.0.0.1:1").shards


async def test_a_closed_store_can_be_closed_again(server: servers.Valkey) -> None:
    store = RedisStore(server.url)
    await store.open()
    await store.close()
    await store.close()


async def test_a_wrong_password_is_refused_and_the_right_one_taken(own_server: OwnServer) -> None:
    server = own_server(requirepass="right")
    for login in ("", ":wrong@", "nobody:right@"):
        with pytest.raises(StoreRefusedError, match="password") as refused:
            await opening(f"redis://{login}{servers.HOST}:{server.port}")
        assert isinstance(refused.value.__cause__, redis.RedisError)
    await opening(f"redis://:right@{servers.HOST}:{server.port}")
    await opening(f"unix://:right@{server.folder}/socket")


async def test_a_user_who_loses_the_right_to_a_command_is_refused(own_server: OwnServer) -> None:
    server = own_server()
    server.admin.execute_command("ACL", "SETUSER", "reader", "on", ">pass", "~*", "&*", "+@all")
    async with servers.opened(f"redis://reader:pass@{servers.HOST}:{server.port}") as store:
        server.admin.execute_command("ACL", "SETUSER", "reader", "-evalsha")
        with pytest.raises(StoreRefusedError):
            await store.counts.record(batch(1, a=1), KEEP_S)


@pytest.mark.parametrize(
    "address",
    ["redis://127.0.0.1:{port}", "unix:///tmp/nobody-{port}", "redis+sentinel://127.0.0.1:{port}/mymaster"],
)
async def test_nobody_listening_is_unavailable(address: str) -> None:
    (port,) = free_ports(1)
    with pytest.raises(StoreUnavailableError) as away:
        await opening(address.format(port=port), timeout_s=1.0)
    assert away.value.__cause__ is not None


async def test_a_server_that_does_not_answer_in_time_is_unavailable() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, servers.HOST, 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(StoreUnavailableError):
        await opening(f"redis://{servers.HOST}:{port}", timeout_s=0.1)
    silent.close()
    await silent.wait_closed()


async def test_a_connection_that_the_driver_closes_while_it_is_used_is_unavailable(
    server: servers.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py's cluster client does so to all others when one command is told CLUSTERDOWN."""
    send = AbstractConnection._send_packed_command

    async def closed_meanwhile(self: AbstractConnection, command: Any) -> None:
        await self.disconnect()
        await send(self, command)

    async with servers.opened(server.url) as store:
        monkeypatch.setattr(AbstractConnection, "_send_packed_command", closed_meanwhile)
        with pytest.raises(StoreUnavailableError) as away:
            await store.counts.record(batch(1, **dict.fromkeys(map(str, range(20_000)), 1)), KEEP_S)
    assert isinstance(away.value.__cause__, AttributeError)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_connections_that_are_cut_just_before_their_use_are_unavailable_or_made_anew(
    server: servers.Valkey, run: Callable[[Any], None]
) -> None:
    async def cut_and_used() -> None:
        async with servers.opened(server.url) as store:
            for turns in range(4):
                await store.counts.record(batch(2 * turns + 1, a=1), KEEP_S)
                for connection in store._link.client.connection_pool._available_connections:
                    connection._writer.transport.abort()
                for _ in range(turns):
                    await asyncio.sleep(0)
                with contextlib.suppress(StoreUnavailableError):
                    await store.counts.record(batch(2 * turns + 2, a=1), KEEP_S)
                await store.counts.record(batch(2 * turns + 2, a=1), KEEP_S)
            assert await servers.counts_by_bucket(store, SITE) == {(NOON.start_s, "view|a"): 8}

    run(cut_and_used())


async def test_connections_that_are_being_closed_are_made_anew(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        await store.counts.record(batch(1, a=1), KEEP_S)
        for connection in store._link.client.connection_pool._available_connections:
            connection._parser.on_disconnect()
        await store.counts.record(batch(2, a=1), KEEP_S)
        assert await servers.counts_by_bucket(store, SITE) == {(NOON.start_s, "view|a"): 2}


def test_an_error_of_our_own_is_not_taken_for_the_drivers() -> None:
    with pytest.raises(AttributeError), translated():
        raise AttributeError


@pytest.fixture
async def lost(own_server: OwnServer) -> AsyncIterator[tuple[RedisStore, servers.Valkey]]:
    """An open store whose server is gone."""
    server = own_server()
    async with servers.opened(server.url, timeout_s=1.0) as store:
        await store.counts.record(batch(1, a=1), KEEP_S)
        server.kill()
        yield store, server


CALLS: dict[str, Callable[[RedisStore], Any]] = {
    "ping": lambda store: store.server.ping(),
    "record": lambda store: store.counts.record(batch(2, a=1), KEEP_S),
    "touched_buckets": lambda store: store.counts.touched_buckets(SITE, 0, 0),
    "read_counts": lambda store: store.counts.read_counts(SITE, 0, [NOON]),
    "drop_buckets": lambda store: store.counts.drop_buckets(SITE, 0, [NOON]),
    "put_items": lambda store: store.items.put_items(SITE, [Item(id="a")]),
    "get_items": lambda store: store.items.get_items(SITE, ["a"]),
    "changed_items": lambda store: store.items.changed_items(SITE, 0, 0),
    "remove_item": lambda store: store.items.remove_item(SITE, "a", 1.0),
    "removed_items": lambda store: store.items.removed_items(SITE),
    "generations": lambda store: store.lists.generations(SITE),
    "published": lambda store: store.lists.published(SITE, "populer", {}),
    "news": lambda store: anext(store.lists.news([SITE])),
    "server_info": lambda store: store.server.server_info(),
}


async def test_every_call_says_that_the_server_is_away(lost: tuple[RedisStore, servers.Valkey]) -> None:
    store, _ = lost
    for name, call in CALLS.items():
        with pytest.raises(StoreUnavailableError) as away:
            await call(store)
        assert isinstance(away.value.__cause__, redis.RedisError | OSError), name


async def test_a_server_that_comes_back_is_used_again(lost: tuple[RedisStore, servers.Valkey]) -> None:
    store, server = lost
    with pytest.raises(StoreUnavailableError):
        await store.counts.record(batch(2, a=5), KEEP_S)
    server.start()
    await store.counts.record(batch(2, a=5), KEEP_S)
    assert await servers.counts_by_bucket(store, SITE) == {(NOON.start_s, "view|a"): 5}


async def test_news_ends_with_the_server(own_server: OwnServer) -> None:
    server = own_server()
    async with servers.opened(server.url) as store:
        listener = asyncio.ensure_future(anext(store.lists.news([SITE])))

        async def heard() -> bool:
            return bool(server.admin.pubsub_numsub(f"populer:{SITE}:news")[0][1])

        await servers.eventually(heard, "the listener")
        server.kill()
        with pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(listener, 5)


async def test_dropped_buckets_are_gone_from_counts_and_index(server: servers.Valkey) -> None:
    later = Bucket(300, NOON.end_s)
    async with servers.opened(server.url) as store:
        await store.counts.record(Batch(SITE, 0, "one", 1, {NOON: {"view|a": 1}, later: {"view|a": 1}}), KEEP_S)
        await store.counts.drop_buckets(SITE, 0, [NOON])
        await store.counts.drop_buckets(SITE, 0, [])
        assert (await store.counts.touched_buckets(SITE, 0, 0)).buckets == [later]
        assert [cells.counts for cells in await read_buckets(store.counts, SITE, 0, [NOON, later])] == [[], [1]]
        assert not server.admin.exists(f"populer:{{{SITE}.0}}:counts:300:{NOON.start_s}")


async def test_shadows_adds_up_what_was_left_out_of_several_names(server: servers.Valkey) -> None:
    later = Bucket(300, NOON.end_s)
    async with servers.opened(server.url, shards=4) as store:
        for number, name in enumerate("abcde", 1):
            fields = {f"!robot|{name}": number, f"!duplicate|{name}": 1, f"view|{name}": 7}
            counts = {NOON: fields, later: {f"!robot|{name}": 10}}
            await store.counts.record(Batch(SITE, shard_of(name, 4), name, 1, counts), KEEP_S)
        assert await store.counts.shadows(SITE, ["b", "a", "d"]) == {"robot": 37, "duplicate": 3}
        assert await store.counts.shadows(SITE, ["nobody"]) == await store.counts.shadows(SITE, []) == {}


async def test_a_full_server_refuses_a_batch_whole_and_takes_it_once_there_is_room(full: servers.Valkey) -> None:
    async with servers.opened(full.url) as store:
        await store.counts.record(batch(1, a=1), KEEP_S)
        before = {key: full.admin.dump(key) for key in full.admin.scan_iter()}
        fill(full)
        with_key = batch(2, a=1, b=2)._replace(once="k")
        for _ in range(2):
            with pytest.raises(StoreRefusedError, match="memory limit"):
                await store.counts.record(with_key, KEEP_S)
        assert {key: full.admin.dump(key) for key in full.admin.scan_iter()} == before
        full.admin.config_set("maxmemory", "0")
        assert not (await store.counts.record(with_key, KEEP_S)).repeated
        assert await servers.counts_by_bucket(store, SITE) == {
            (NOON.start_s, "view|a"): 2,
            (NOON.start_s, "view|b"): 2,
        }


async def test_a_full_server_refuses_items_whole(full: servers.Valkey) -> None:
    async with servers.opened(full.url) as store:
        await store.items.put_items(SITE, [Item(id="a", title="Old")])
        cursor = (await store.items.changed_items(SITE, 0, 0)).cursor
        fill(full)
        with pytest.raises(StoreRefusedError, match="memory limit"):
            await store.items.put_items(SITE, [Item(id="a", title="New"), Item(id="b")])
        assert await store.items.get_items(SITE, ["a", "b"]) == [Item(id="a", title="Old"), None]
        assert (await store.items.changed_items(SITE, 0, cursor)).dates == {}


async def test_a_full_server_is_still_read(full: servers.Valkey) -> None:
    async with servers.opened(full.url) as store:
        await store.counts.record(batch(1, a=1), KEEP_S)
        await store.items.put_items(SITE, [Item(id="a")])
        fill(full)
        assert await servers.counts_by_bucket(store, SITE) == {(NOON.start_s, "view|a"): 1}
        assert await store.items.get_items(SITE, ["a"]) == [Item(id="a")]
        assert await store.lists.generations(SITE) == {}


@pytest.mark.parametrize("whole", [True, False], ids=["whole list", "change to the list"])
async def test_a_full_server_leaves_a_list_whole_old_or_new(full: servers.Valkey, whole: bool) -> None:
    old, new = snapshot(100.0, b"old", b"old section"), snapshot(105.0, b"new", b"new section")
    async with servers.opened(full.url) as store:
        assert await store.lists.publish(SITE, old, None) == 1
        fill(full)
        with contextlib.suppress(StoreRefusedError):
            await store.lists.publish(SITE, new, None if whole else PublishedBase(1, old.stamp.digests))
        found = await store.lists.published(SITE, "populer", {})
        assert found is not None
        assert (found.generation, found.bodies) in [(1, old.bodies), (2, new.bodies)]
        assert await store.lists.generations(SITE) == {"populer": found.generation}
        full.admin.config_set("maxmemory", "0")
        assert await store.lists.publish(SITE, snapshot(110.0, b"newest"), None) == found.generation + 1


def snapshot(slot: float, *bodies: bytes) -> Snapshot:
    sections = dict(zip(("", "Ekonomi"), bodies, strict=False))
    return Snapshot(
        Stamp("populer", "Populer", 7, slot, "v1", {name: digest(each) for name, each in sections.items()}), sections
    )
