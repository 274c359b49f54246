"""A reply that is lost counts nothing twice and loses nothing (P2)."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest
import servers
from ledger import Ledger
from proxy import Behind, behind_proxies, behind_proxies_and_sentinel, in_place_of, told_of
from recording import SITE, compare, record, recorder
from soak import either

import ranking.recording.lanes
from ranking.errors import StoreUnavailableError

CUTS = either(60, 1_000)

#: Puts proxies before a topology that lose every n-th script's reply.
Lose = Callable[[int], AbstractAsyncContextManager[Behind]]


@pytest.fixture(scope="module")
def _told_ports(_cluster: servers.Topology) -> Iterator[list[int]]:
    with told_of(_cluster) as ports:
        yield ports


@pytest.fixture(params=["standalone", "sentinel", "cluster"])
def lose(request: pytest.FixtureRequest) -> Lose:
    if request.param == "cluster":
        cluster: servers.Topology = request.getfixturevalue("_cluster")
        ports: list[int] = request.getfixturevalue("_told_ports")
        cluster.empty()
        return lambda nth: in_place_of(cluster, ports, nth)
    server: servers.Valkey = request.getfixturevalue("server")
    behind = behind_proxies if request.param == "standalone" else behind_proxies_and_sentinel
    return lambda nth: behind(server, nth)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once: here the store is never away."""
    monkeypatch.setattr(ranking.recording.lanes, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(ranking.recording.lanes, "LONGEST_PAUSE_S", 0.005)


@pytest.mark.soak
async def test_commits_with_every_third_reply_lost_count_exactly(lose: Lose) -> None:
    ledger = Ledger()
    async with lose(3) as between:
        async with servers.opened(between.url) as store:
            to = recorder(store.counts)
            while between.cut < CUTS:
                sent = ledger.write(5, len(ledger.batches) % store.shards, store.shards)
                assert await record(to, sent) == 0
                ledger.acknowledge(sent)
        await compare(ledger, between.direct)


async def test_many_requests_at_once_with_every_other_reply_lost_count_exactly(lose: Lose) -> None:
    ledger = Ledger()
    async with lose(2) as between:
        async with servers.opened(between.url) as store:
            writers = [recorder(store.counts, f"writer {n}") for n in range(4)]
            for _ in range(5):
                batches = [ledger.write(5, n % store.shards, store.shards) for n in range(50 * len(writers))]
                await asyncio.gather(*(record(writers[n % 4], sent) for n, sent in enumerate(batches)))
                for sent in batches:
                    ledger.acknowledge(sent)
        assert between.cut >= 5
        await compare(ledger, between.direct)


@pytest.mark.soak
async def test_resends_with_every_other_reply_lost_count_once(lose: Lose) -> None:
    ledger = Ledger()
    async with lose(2) as between:
        async with servers.opened(between.url) as store:
            writers = [recorder(store.counts, f"writer {n}") for n in range(4)]
            for number in range(either(20, 2_000)):
                sent = ledger.write(5, number % store.shards, store.shards)
                repeated = await asyncio.gather(*(record(to, sent, f"key-{number}") for to in writers))
                assert sorted(repeated) == [0, 5, 5, 5]
                ledger.acknowledge(sent)
        assert between.cut >= 10
        await compare(ledger, between.direct)


async def test_items_and_take_downs_survive_lost_replies(server: servers.Valkey) -> None:
    async with behind_proxies(server, 1) as between:
        async with servers.opened(between.url) as store:
            with pytest.raises(StoreUnavailableError):
                await store.items.remove_item(SITE, "a", 5.0)
        async with servers.opened(between.direct) as store:
            assert await store.items.removed_items(SITE) == {"a": 5.0}
            assert not await store.items.remove_item(SITE, "a", 5.0)
