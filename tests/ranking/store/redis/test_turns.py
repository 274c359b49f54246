"""Calls at once: none fails for want of a connection, and a process has a bounded number of them."""

import asyncio

import pytest
import servers
from redis.exceptions import ConnectionError

from ranking.store.redis.store import RedisStore
from ranking.store.redis.turns import MOST_CONNECTIONS, Turns

SITES = [f"site-{number}" for number in range(400)]
FEW = 5  # connections that are no callers': the test's own, replication, one node's of a cluster


async def test_calls_at_once_wait_for_a_connection(store: RedisStore, topology: servers.Topology) -> None:
    before = [len(server.admin.client_list()) for server in topology.servers]
    await asyncio.gather(*(store.lists.generations(site) for site in SITES))
    await asyncio.gather(*(store.counts.touched_buckets(site, 0, 0) for site in SITES))
    after = [len(server.admin.client_list()) for server in topology.servers]
    more = [now - was for was, now in zip(before, after, strict=True)]
    assert max(more) <= MOST_CONNECTIONS + FEW


async def test_cancelled_calls_give_their_turns_back(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        for _ in range(3):
            calls = [asyncio.create_task(store.lists.generations(site)) for site in SITES]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        assert await asyncio.gather(*(store.lists.generations(site) for site in SITES)) == [{}] * len(SITES)


async def test_a_call_gives_up_when_no_connection_becomes_free() -> None:
    turns = Turns(1, 0.01)
    async with turns:
        with pytest.raises(ConnectionError):
            await turns.__aenter__()
    async with turns:  # the one that gave up holds none
        pass


async def test_turns_are_taken_in_order() -> None:
    turns, order = Turns(1, 60.0), list[int]()

    async def take(number: int) -> None:
        async with turns:
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(take(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_news_of_all_sites_comes_over_one_connection(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        listener = asyncio.ensure_future(anext(store.lists.news(SITES)))
        last = f"populer:{SITES[-1]}:news"

        async def heard() -> bool:
            return bool(server.admin.pubsub_numsub(last)[0][1])

        await servers.eventually(heard, "the listener")
        assert len(server.admin.client_list(_type="pubsub")) == 1
        server.admin.publish(last, "list populer 1")
        assert await asyncio.wait_for(listener, 60) == (SITES[-1], "list populer 1")
