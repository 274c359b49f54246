"""A batch is said to be as safe as the server has proved, and no safer."""

import contextlib
import signal
from collections.abc import Callable

import pytest
import servers
from whole_counts import read_buckets

from ranking.counts.buckets import Bucket
from ranking.intake.items import Item
from ranking.store.counts import Ack, Batch, Committed
from ranking.store.redis import durability, keys

KEEP_S = 50 * 365 * 86_400.0
NOON = Bucket(300, 1_764_565_200)
OwnServer = Callable[..., servers.Valkey]


def batch(number: int, once: str | None = None) -> Batch:
    return Batch("koran", 0, "one", number, {NOON: {"view|a": 1}}, once)


async def levels(url: str, ack: Ack, *numbers: int, once: str | None = None) -> list[str]:
    async with servers.opened(url, ack=ack, shards=1) as store:
        return [(await store.counts.record(batch(number, once), KEEP_S)).level for number in numbers]


async def counted(url: str) -> int:
    async with servers.opened(url, shards=1) as store:
        (cells,) = await read_buckets(store.counts, "koran", 0, [NOON])
        return sum(cells.counts)


async def test_a_batch_that_a_replica_has_says_so(own_server: OwnServer) -> None:
    primary = own_server()
    own_server(replicaof=f"{servers.HOST} {primary.port}")
    servers.wait_until(lambda: primary.admin.info("replication")["connected_slaves"] == 1, "a replica")
    assert await levels(primary.url, "replica", 1, 2, 2) == ["replica"] * 3
    assert await levels(primary.unix_url, "replica", 3) == ["replica"]
    assert await counted(primary.url) == 3


async def test_a_replica_that_stalls_is_not_claimed_whichever_call_asks(own_server: OwnServer) -> None:
    primary = own_server()
    replica = own_server(replicaof=f"{servers.HOST} {primary.port}")
    servers.wait_until(lambda: replica.admin.info("replication")["master_link_status"] == "up", "a replica in step")
    assert await levels(primary.url, "replica", 1, once="key") == ["replica"]
    replica.send(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        stack.callback(replica.send, signal.SIGCONT)
        # The second is a repeat over a new connection, which itself has written nothing.
        assert await levels(primary.url, "replica", 2) == ["commit"]
        assert await levels(primary.url, "replica", 2) == ["commit"]
        assert await levels(primary.url, "replica", 3, once="key") == ["commit"]
    assert await levels(primary.url, "replica", 2) == ["replica"]
    assert await counted(primary.url) == 2


async def test_a_batch_on_disk_says_so(own_server: OwnServer) -> None:
    server = own_server(appendonly="yes", appendfsync="always")
    assert await levels(server.url, "disk", 1, 2) == ["disk", "disk"]


async def test_another_safety_holds_from_the_next_batch_on(own_server: OwnServer) -> None:
    server = own_server(appendonly="yes", appendfsync="always")
    async with servers.opened(server.url, shards=1) as store:
        found = []
        for number, ack in enumerate(("commit", "disk", "replica", "commit"), 1):
            store.promise(ack)
            found.append((await store.counts.record(batch(number), KEEP_S)).level)
    assert found == ["commit", "disk", "commit", "commit"]


async def test_without_an_append_only_file_nothing_is_said_of_the_disk(own_server: OwnServer) -> None:
    server = own_server()
    assert await levels(server.url, "disk", 1) == ["commit"]
    assert await levels(server.url, "replica", 2) == ["commit"]
    assert await counted(server.url) == 2


async def test_a_server_that_does_not_know_the_command_commits_all_the_same(own_server: OwnServer) -> None:
    server = own_server(appendonly="yes")
    server.admin.acl_setuser(
        "default", enabled=True, nopass=True, commands=["+@all", "-waitaof"], keys="*", channels="*"
    )
    assert await levels(server.url, "disk", 1, 2) == ["commit", "commit"]
    assert await counted(server.url) == 2


def waits_of(server: servers.Valkey) -> int:
    """How often a server has been asked to wait."""
    return int(server.admin.info("commandstats").get("cmdstat_wait", {"calls": 0})["calls"])


async def test_a_server_is_not_waited_for_again_soon_after_a_wait_in_vain(
    own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "LONGEST_WAIT_S", 0.05)
    server = own_server()
    async with servers.opened(server.url, ack="replica", shards=1) as store:
        await store.counts.record(batch(1), KEEP_S, wait=False)  # the server knows the script from here on
        for number in range(2, 21):
            assert (await store.counts.record(batch(number), KEEP_S)).level == "commit"
        assert waits_of(server) == 1
        monkeypatch.setattr(durability, "WAITS_AGAIN_S", 0.0)
        store.promise("replica")
        for number in range(21, 24):
            await store.counts.record(batch(number), KEEP_S)
        assert waits_of(server) == 4, "each is waited for once it may be again"
    assert await counted(server.url) == 23


async def test_a_batch_whose_events_are_answered_waits_for_nothing(own_server: OwnServer) -> None:
    server = own_server()
    async with servers.opened(server.url, ack="replica", shards=1) as store:
        assert await store.counts.record(batch(1), KEEP_S, wait=False) == Committed(level="commit")
    assert waits_of(server) == 0


async def test_all_that_was_written_before_is_waited_for(own_server: OwnServer) -> None:
    """By whatever connection it was."""
    primary = own_server()
    replica = own_server(replicaof=f"{servers.HOST} {primary.port}")
    servers.wait_until(lambda: servers.in_step(replica), "a replica in step")
    async with servers.opened(primary.url, ack="replica", shards=1) as store:
        await store.items.put_items("koran", [Item("a", "A")])
        assert await store.server.secured("koran", ["a"]) == "replica"
        assert replica.admin.hexists("populer:{koran.0}:items", "a")
        replica.send(signal.SIGSTOP)
        try:
            assert await store.server.secured("koran", ["a"]) == "commit"
        finally:
            replica.send(signal.SIGCONT)
        store.promise("commit")
        assert await store.server.secured("koran") == "commit"


async def test_every_topology_says_how_safe_a_change_is(topology: servers.Topology) -> None:
    async with servers.opened(topology.url, ack="replica", timeout_s=2.0) as store:
        items = [f"item {n}" for n in range(20)]
        await store.items.put_items("koran", [Item(item, item) for item in items])
        level = await store.server.secured("koran", items)
        assert level == ("replica" if topology.name == "sentinel" else "commit")
    living = {name: life for name, life in topology.every_key().items() if name.endswith("secured")}
    assert living
    assert all(0 < life <= keys.SECURED_TTL_S for life in living.values())


async def test_every_topology_takes_a_batch_with_a_wait(topology: servers.Topology) -> None:
    async with servers.opened(topology.url, ack="replica", timeout_s=0.5) as store:
        shard = store.shards - 1
        sent = batch(1)._replace(shard=shard)
        first = await store.counts.record(sent, KEEP_S)
        assert first.level == ("replica" if topology.name == "sentinel" else "commit")
        topology.servers[0].admin.script_flush()
        assert await store.counts.record(sent, KEEP_S) == Committed(level=first.level)
        assert await store.counts.record(sent._replace(number=2), KEEP_S) == Committed(level=first.level)
