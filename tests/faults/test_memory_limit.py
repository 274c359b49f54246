"""A store at its memory limit is loud and never wrong; one that would drop counts to make room is refused (P11).

What such a store does not take waits on disk, as if the store were away; once that is full it is refused.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import servers
from ledger import Ledger, Sender, await_counted, counted
from service import run, serving, wait_until
from soak import either
from stage import settings_file, shards_on

from ranking.errors import StoreRefusedError
from ranking.intake.events import Event
from ranking.recording.recorder import Recorder
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

#: What is left of the memory when the test begins. A batch needs a few hundred bytes.
ROOM_BYTES = either(200_000, 5_000_000)
KEEP_S = 50 * 365 * 86400.0
NOON_S = 1_764_565_200.0


def make_tight(server: servers.Valkey, room_bytes: int) -> None:
    """Leave a server's keys so much memory; `make_room` gives it back."""
    server.admin.setrange("filler", 4_000_000, "x")
    leave(server, room_bytes)


def leave(server: servers.Valkey, room_bytes: int) -> None:
    """Let a server take so much more memory than it does now."""
    server.admin.config_set("maxmemory", server.admin.info("memory")["used_memory"] + room_bytes)


def make_room(server: servers.Valkey) -> None:
    server.admin.delete("filler")


@pytest.mark.soak
def test_a_full_store_is_told_and_counts_what_was_acknowledged(
    tmp_path: Path, own_server: Callable[..., servers.Valkey]
) -> None:
    server, ledger = own_server(), Ledger()
    file = settings_file(tmp_path, server.url, spool="256KiB")
    with ExitStack() as stack:
        service = stack.enter_context(serving(tmp_path / "data", "--config", file))
        client = stack.enter_context(service.client())
        assert client.put("/v1/items", content='[{"id":"taken down"}]').status_code == 200
        make_tight(server, ROOM_BYTES)
        senders = [stack.enter_context(Sender(service, ledger, events=200, keyed=keyed)) for keyed in (False, True)]
        wait_until(lambda: all(sender.refused > 20 for sender in senders), 100)
        leave(server, -1_000_000)  # what a buffer of a connection gives back would do for one event
        answer = client.post("/v1/events", content='[{"item":"one more"}]')
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "spool" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert client.get("/v1/lists/populer").status_code == 200
        assert client.delete("/v1/items/taken down").status_code == 204
        full = ledger.acked
        make_room(server)
        wait_until(lambda: ledger.acked > full + 20_000)
        for sender in senders:
            sender.finish()
        await_counted(ledger, server.url)
        found = counted(server.url)
        ledger.check(found)
        assert sum(found.values()) == ledger.acked, "what was refused was not counted"
        assert all("spool" in sender.acks for sender in senders)


async def test_one_full_node_of_a_cluster_refuses_its_shards_alone(_cluster: servers.Topology) -> None:
    _cluster.empty()
    full = _cluster.servers[1]
    async with servers.opened(_cluster.url) as store:
        record = Recorder(
            store.counts, writer="w", bucket_s=300, keep_s=KEEP_S, deadline_s=5.0, max_pending=10**6
        ).record
        here = shards_on(full, "s")
        full.admin.config_set("maxmemory", "1mb")
        try:
            requests = [[Event(f"request {n}, item {i}", "view", NOON_S) for i in range(3)] for n in range(200)]
            outcomes = await asyncio.gather(*(record("s", events) for events in requests), return_exceptions=True)
        finally:
            full.admin.config_set("maxmemory", "0")
        found = {name.partition("|")[2] for _, name in await servers.counts_by_bucket(store, "s")}
        for events, outcome in zip(requests, outcomes, strict=True):
            on_full = {event.item for event in events if shard_of(event.item, store.shards) in here}
            assert isinstance(outcome, StoreRefusedError) == bool(on_full)
            assert {event.item for event in events} & found == {event.item for event in events} - on_full
        await asyncio.gather(*(record("s", events) for events in requests))
        assert sum((await servers.counts_by_bucket(store, "s")).values()) == sum(map(len, requests)) + len(found)


async def test_one_evicting_node_of_a_cluster_is_enough_to_refuse_it(_cluster: servers.Topology) -> None:
    node = _cluster.servers[2]
    node.admin.config_set("maxmemory-policy", "volatile-ttl")
    store = RedisStore(_cluster.url)
    try:
        with pytest.raises(StoreRefusedError, match="volatile-ttl"):
            await store.open()
    finally:
        node.admin.config_set("maxmemory-policy", "noeviction")
        await store.close()


def test_a_service_does_not_start_on_an_evicting_store(
    tmp_path: Path, own_server: Callable[..., servers.Valkey]
) -> None:
    file = settings_file(tmp_path, own_server(**{"maxmemory-policy": "allkeys-lru"}).url)
    done = run("serve", "--config", file, "--data", str(tmp_path / "data"), "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("populer: Redis has maxmemory-policy allkeys-lru")
    assert done.stderr.count("\n") == 1
