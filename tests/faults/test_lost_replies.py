"""A reply that is lost, or comes too late, counts nothing twice and loses nothing (P2, P3)."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import servers

from ranking.errors import StoreUnavailableError
from ranking.events import Event
from ranking.record import Recorded, Recorder
from ranking.store.redis_store import RedisStore

SITE = "koran"
KEEP_S = 50 * 365 * 86400.0
NOON_S = 1_764_565_200
TIMEOUT_S = 0.1
STALL_S = 0.3


@dataclass
class Proxy:
    """Stands between a client and its server; cuts the connection in place of every `nth` script's reply."""

    target_port: int
    nth: int
    port: int = 0
    scripts: int = 0
    cut: int = 0
    _turn: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(servers.HOST, self.target_port)
        try:
            while request := await reader.read(1 << 20):
                there_writer.write(request)
                reply = await there_reader.read(1 << 20)
                if b"\r\nEVAL" in request and not reply.startswith(b"-"):
                    self.scripts += 1
                    if self.scripts % self.nth == 0:
                        self.cut += 1
                        break
                writer.write(reply)
        finally:
            for each in (writer, there_writer):
                each.close()


@pytest.fixture
async def proxy(server: servers.Valkey) -> AsyncIterator[Callable[[int], Any]]:
    """Puts a proxy before the server that loses every n-th reply."""
    listening = []

    async def start(nth: int) -> Proxy:
        made = Proxy(server.port, nth)
        listener = await asyncio.start_server(made.accept, servers.HOST, 0)
        made.port = listener.sockets[0].getsockname()[1]
        listening.append(listener)
        return made

    yield start
    for listener in listening:
        listener.close()
        await listener.wait_closed()


def recorder(store: RedisStore, *, writer: str = "one", deadline_s: float = 10.0) -> Recorder:
    return Recorder(store, writer=writer, bucket_s=300, keep_s=KEEP_S, deadline_s=deadline_s, max_pending=100_000)


def views(item: str, count: int = 1) -> list[Event]:
    return [Event(item, "view", NOON_S + 1.0)] * count


async def counted(store: RedisStore) -> dict[str, int]:
    return {name: count for (_, name), count in (await servers.counts_by_bucket(store, SITE)).items()}


async def test_two_hundred_commits_with_every_third_reply_lost_count_exactly(
    proxy: Callable[[int], Any], server: servers.Valkey
) -> None:
    between = await proxy(3)
    sent: dict[str, int] = {}
    async with servers.opened(f"redis://{servers.HOST}:{between.port}") as store:
        record = recorder(store).record
        for number in range(200):
            item, count = f"item {number % 7}", number % 5 + 1
            assert await record(SITE, views(item, count)) == Recorded(b"1" * count)
            sent[f"view|{item}"] = sent.get(f"view|{item}", 0) + count
    assert between.cut >= 60
    async with servers.opened(server.url) as store:
        assert await counted(store) == sent


async def test_many_requests_at_once_with_every_other_reply_lost_count_exactly(
    proxy: Callable[[int], Any], server: servers.Valkey
) -> None:
    between = await proxy(2)
    async with servers.opened(f"redis://{servers.HOST}:{between.port}") as store:
        writers = [recorder(store, writer=f"writer {n}") for n in range(4)]
        for _ in range(5):
            await asyncio.gather(*(each.record(SITE, views(f"item {n}")) for each in writers for n in range(50)))
    assert between.cut >= 5
    async with servers.opened(server.url) as store:
        assert await counted(store) == {f"view|item {n}": 20 for n in range(50)}


async def test_a_lost_reply_to_an_idempotent_request_is_no_duplicate(
    proxy: Callable[[int], Any], server: servers.Valkey
) -> None:
    between = await proxy(2)
    async with servers.opened(f"redis://{servers.HOST}:{between.port}") as store:
        writer = recorder(store)
        assert [await writer.record(SITE, views("a", 3), once=f"key {n}") for n in range(20)] == [Recorded(b"111")] * 20
        assert between.cut >= 10
        assert [await writer.record(SITE, views("a", 3), once=f"key {n}") for n in range(20)] == [Recorded(b"000")] * 20
    async with servers.opened(server.url) as store:
        assert await counted(store) == {"view|a": 60}


async def test_items_and_take_downs_survive_lost_replies(proxy: Callable[[int], Any], server: servers.Valkey) -> None:
    between = await proxy(1)
    async with servers.opened(f"redis://{servers.HOST}:{between.port}") as store:
        with pytest.raises(StoreUnavailableError):
            await store.remove_item(SITE, "a", 5.0)
    async with servers.opened(server.url) as store:
        assert await store.removed_items(SITE) == {"a": 5.0}
        assert not await store.remove_item(SITE, "a", 5.0)


async def test_a_stalled_server_counts_exactly(own_server: Callable[..., servers.Valkey]) -> None:
    server = own_server()
    sent = 0
    async with servers.opened(server.url, timeout_s=TIMEOUT_S) as store:
        writer = recorder(store)
        for number in range(3):
            await writer.record(SITE, views("a", number + 1))
            server.send(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(STALL_S, server.send, signal.SIGCONT)
            answers = await asyncio.gather(*(writer.record(SITE, views("a")) for _ in range(20)))
            assert answers == [Recorded(b"1")] * 20
            sent += number + 1 + 20
        await writer.drain()
    async with servers.opened(server.url) as store:
        assert await counted(store) == {"view|a": sent}


async def test_what_was_given_up_during_a_stall_counts_once_or_not_at_all(
    own_server: Callable[..., servers.Valkey],
) -> None:
    server = own_server()
    async with servers.opened(server.url, timeout_s=TIMEOUT_S) as store:
        writer = recorder(store, deadline_s=0.15)
        await writer.record(SITE, views("a"))
        server.send(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError):
                await writer.record(SITE, views("given up", 5))
        finally:
            server.send(signal.SIGCONT)

        async def recorded() -> bool:
            try:
                return await writer.record(SITE, views("a")) == Recorded(b"1")
            except StoreUnavailableError:
                return False

        await servers.eventually(recorded, "the server to go on")
    async with servers.opened(server.url) as store:
        found = await counted(store)
    assert found["view|a"] >= 2
    assert found.get("view|given up", 0) in (0, 5)
