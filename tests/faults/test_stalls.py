"""A store that stalls counts nothing twice and loses nothing (P3)."""

import asyncio
import signal
from collections.abc import Callable

import pytest
import servers
from ledger import Ledger
from recording import FORGETS_CONNECTIONS, compare, reach, record, recorder, recording
from soak import either

from ranking.errors import StoreUnavailableError

pytestmark = FORGETS_CONNECTIONS

TIMEOUT_S = 0.1
STALLS_S = either((0.3, 0.2), (0.1, 0.5, 1.0, 2.5, 5.0, 10.0) * 3)


@pytest.mark.soak
async def test_a_stalled_server_counts_exactly(own_server: Callable[..., servers.Valkey]) -> None:
    await stall(own_server(), None)


@pytest.mark.soak
async def test_a_stalled_node_of_a_cluster_counts_exactly(_cluster: servers.Topology) -> None:
    _cluster.empty()
    await stall(_cluster.servers[1], _cluster)


async def stall(server: servers.Valkey, cluster: servers.Topology | None) -> None:
    """Stop a server again and again while eight clients record, for longer than the timeout, and compare."""
    ledger = Ledger()
    url = server.url if cluster is None else cluster.url
    async with servers.opened(url, timeout_s=TIMEOUT_S) as store:
        writers = [recorder(store.counts, f"writer {n}", deadline_s=30.0) for n in range(2)]
        async with recording(writers, ledger, 8, store.shards):
            for stall_s in STALLS_S:
                await reach(ledger, ledger.acked + 200)
                server.send(signal.SIGSTOP)
                try:
                    await asyncio.sleep(stall_s)
                finally:
                    server.send(signal.SIGCONT)
            await reach(ledger, ledger.acked + 200)
    assert ledger.acked == ledger.sent, "nothing was given up"
    await compare(ledger, url)


async def test_what_was_given_up_during_a_stall_counts_once_or_not_at_all(
    own_server: Callable[..., servers.Valkey],
) -> None:
    server, ledger = own_server(), Ledger()
    async with servers.opened(server.url, timeout_s=TIMEOUT_S) as store:
        to = recorder(store.counts, deadline_s=0.15)

        async def recorded() -> bool:
            sent = ledger.write(5)
            try:
                await record(to, sent)
            except StoreUnavailableError:
                return False
            ledger.acknowledge(sent)
            return True

        assert await recorded()
        server.send(signal.SIGSTOP)
        try:
            assert not await recorded()
        finally:
            server.send(signal.SIGCONT)
        await servers.eventually(recorded, "the server to go on")
    await compare(ledger, server.url)
