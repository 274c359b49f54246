"""A primary is lost: its replica takes over, writing goes on, and nothing counts twice (P9, P10).

Replication is asynchronous: what the old primary acknowledged in its last moment may be lost with it, and is not
promised below `ack = "replica"`. All that the replica had by then, and all that came later, is.
"""

import asyncio
import signal
import statistics
import time
from collections.abc import Iterator

import pytest
import servers
from ledger import Ledger, Sent
from recording import FORGETS_CONNECTIONS, OUTAGE_S, SITE, compare, reach, recorder, recording
from soak import LONG, either
from stage import shards_on

from ranking.recording.lanes import LONGEST_PAUSE_S
from ranking.settings.service import IngestSettings
from ranking.store.shards import shard_of

pytestmark = FORGETS_CONNECTIONS

DOWN_AFTER_S = 2.0
TIMEOUT_S = 0.5
#: From the sentinels' word to the first acknowledged batch: a pause between two tries, and one that times out.
OURS_S = LONGEST_PAUSE_S + TIMEOUT_S + 0.2
ROUNDS = either(1, 10)
CLIENTS = 4


class Watch:
    """What was acknowledged when, around the loss of a primary."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._safe: set[str] = set()
        self._first = 0
        self._lost_at = 0.0

    def before_the_loss(self, primary: servers.Valkey) -> None:
        """Wait until the replica has all that is acknowledged now. To be followed by the loss at once."""
        self._safe = {each.name for each in self._ledger.batches if each.acked}
        assert primary.admin.wait(1, 5000) == 1
        self._first = len(self._ledger.batches)
        self._lost_at = time.monotonic()

    @property
    def since(self) -> list[Sent]:
        """Batches that were written after the loss."""
        return self._ledger.batches[self._first :]

    @property
    def may_be_lost(self) -> set[str]:
        """Acknowledged, and perhaps by the old primary alone. Each client may have had one on its way at the loss."""
        return {each.name for each in self._ledger.batches[: self._first] if each.acked} - self._safe

    async def writing_goes_on(self) -> float:
        """Return when one is acknowledged that was written after the loss; the seconds it took."""

        async def acked() -> bool:
            return any(each.acked for each in self.since)

        await servers.eventually(acked, "writing to go on", OUTAGE_S)
        return time.monotonic() - self._lost_at

    async def announced(self, sentinels: servers.Topology, replica: servers.Valkey) -> float:
        """Return when every sentinel names the replica as the primary; the seconds it took."""

        async def named() -> bool:
            names = (each.admin.sentinel_get_master_addr_by_name("mymaster") for each in sentinels.sentinels)
            return all(name[1] == replica.port for name in names)

        await servers.eventually(named, "the sentinels to agree", OUTAGE_S)
        return time.monotonic() - self._lost_at


@pytest.fixture(scope="module")
def sentinels() -> Iterator[servers.Topology]:
    settings = {"down-after-milliseconds": str(int(DOWN_AFTER_S * 1000)), "failover-timeout": "5000"}
    with servers.watched_pair(3, **settings) as topology:
        yield topology


@pytest.mark.soak
@pytest.mark.parametrize("loss", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_sentinel_failover_counts_nothing_twice(sentinels: servers.Topology, loss: signal.Signals) -> None:
    """What was the primary comes back as the new one's replica, and may be the next to take over."""
    pair = [*sentinels.servers, *sentinels.replicas]
    outages_s = []
    for _ in range(ROUNDS):
        primary = next(each for each in pair if each.admin.role()[0] == b"master")
        replica = next(each for each in pair if each is not primary)
        servers.wait_until(lambda replica=replica: servers.in_step(replica), "a replica in step", OUTAGE_S)
        sentinels.empty()
        outages_s.append(await lose(sentinels, primary, replica, loss))
    assert not LONG or statistics.median(outages_s) <= DOWN_AFTER_S + 2.0


async def lose(
    sentinels: servers.Topology, primary: servers.Valkey, replica: servers.Valkey, loss: signal.Signals
) -> float:
    """Lose the primary under load, let it come back, and compare; for how many seconds nothing was acknowledged."""
    ledger = Ledger()
    watch = Watch(ledger)
    async with servers.opened(sentinels.url, timeout_s=TIMEOUT_S) as store:
        writers = [recorder(store.counts, f"writer {n}", deadline_s=60.0) for n in range(2)]
        async with recording(writers, ledger, CLIENTS):
            await reach(ledger, 1_000)
            watch.before_the_loss(primary)
            primary.send(loss)
            announced_s = await watch.announced(sentinels, replica)
            outage_s = await watch.writing_goes_on()
            if loss is signal.SIGKILL:
                primary.kill()
                primary.start()
            else:
                primary.send(signal.SIGCONT)
            await reach(ledger, ledger.acked + 1_000)  # it still believes to be what it was, and nobody else does
            primary.admin.replicaof(servers.HOST, replica.port)  # as the sentinels would, in ten seconds
            await asyncio.to_thread(
                servers.wait_until, lambda: is_replica(primary), "the old primary to follow", OUTAGE_S
            )
            await reach(ledger, ledger.acked + 1_000)
    assert ledger.acked == ledger.sent, "nothing was given up"
    await compare(ledger, sentinels.url, watch.may_be_lost)
    assert not LONG or outage_s - announced_s <= OURS_S
    return outage_s


def is_replica(server: servers.Valkey) -> bool:
    return bool(server.admin.role()[0] == b"slave") and servers.in_step(server)


@pytest.mark.soak
async def test_one_lost_primary_of_a_cluster_holds_up_its_own_shards_alone() -> None:
    with servers.cluster(replicas=either(1, 3), node_timeout_ms=2000) as cluster:
        for primary, replica in zip(cluster.servers, cluster.replicas, strict=False):
            cluster.empty()
            await lose_one_of(cluster, primary, replica)
            primary.start()
            servers.wait_until(lambda primary=primary: is_replica(primary), "the old primary to follow", OUTAGE_S)


async def lose_one_of(cluster: servers.Topology, primary: servers.Valkey, replica: servers.Valkey) -> None:
    ledger = Ledger()
    watch = Watch(ledger)
    struck = shards_on(primary, SITE)
    async with servers.opened(cluster.url, timeout_s=TIMEOUT_S) as store:
        to = recorder(store.counts, deadline_s=IngestSettings().deadline_s)
        async with recording([to], ledger, store.shards, store.shards):
            await reach(ledger, 1_000)
            watch.before_the_loss(primary)
            primary.kill()

            async def taken_over() -> bool:
                return bool(replica.admin.role()[0] == b"master")

            await servers.eventually(taken_over, "the replica to take over", OUTAGE_S)
            meanwhile = watch.since
            answered = {shard_of(next(iter(each.items)), store.shards) for each in meanwhile if each.acked}
            await reach(ledger, ledger.acked + 1_000)
        others = set(range(store.shards)) - struck
        of_others = [each for each in meanwhile if shard_of(next(iter(each.items)), store.shards) in others]
    assert answered == others, "while its own shards waited, all others were recorded"
    assert sum(each.acked for each in of_others) >= 0.999 * len(of_others)
    await compare(ledger, cluster.url, watch.may_be_lost)
