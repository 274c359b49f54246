"""A store that goes back under a leader that stands: a backup is restored, a replica that lagged takes over.

As many changes as were lost have come in before the leader looks again, so no number shows that it is another past.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest
import servers
from servers import SITE

from ranking.counts.buckets import Bucket, bucket_start
from ranking.errors import PopulerError, StoreHeldError
from ranking.intake.items import Item
from ranking.published.snapshot import WHOLE_SITE, decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore

NOW = servers.NOW
LATE = NOW - 7200
KEEP_S = 1e9
SETTINGS = servers.settings()
OwnServer = Callable[..., servers.Valkey]
OUTAGE_S = 60.0
#: More than the buffers of two sockets: what follows does not reach a replica that reads nothing.
MUCH = b"x" * 60_000_000


class Newsroom:
    """Items and events straight into a store, and its lists by one leader."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.leader = Refresher(RankedSite(store, SETTINGS, SITE))
        self.sealer = Sealer(store, SETTINGS.retention, SITE)
        self._number = 0
        self._now = NOW

    async def put(self, *ids: str) -> None:
        items = [Item(id=item, title=item, published_at=NOW - 600, first_seen=NOW - 600) for item in ids]
        await again(lambda: self.store.items.put_items(SITE, items))

    async def see(self, at: float = LATE, **events: int) -> None:
        self._number += 1
        cells = {f"view|{item}": count for item, count in events.items()}
        batch = Batch(SITE, 0, f"writer {self._number}", 1, {Bucket(300, bucket_start(at, 300)): cells})
        await again(lambda: self.store.counts.record(batch, KEEP_S))

    async def overtake(self) -> None:
        """More changes than were lost."""
        for _ in range(60):
            await self.see(NOW - 60, busy=1)

    async def refresh(self, leader: Refresher | None = None) -> dict[str, list[str]]:
        self._now += 5
        await again(lambda: (leader or self.leader).refresh(self._now, 1 if leader is None else 2))
        found = {}
        for name in ("populer", "update"):
            published = await self.store.lists.published(SITE, name, {})
            assert published is not None
            found[name] = sorted(entry.id for entry in decode_entries(published.bodies[WHOLE_SITE]))
        return found

    async def generation(self) -> int:
        return (await self.store.lists.generations(SITE))["populer"]


async def again(call: Callable[[], Awaitable[object]]) -> None:
    """Call until the store answers: whoever held connections to the server that was lost finds out at each of them."""

    async def answered() -> bool:
        try:
            await call()
        except PopulerError:
            await asyncio.sleep(0.05)
            return False
        return True

    await servers.eventually(answered, "the store to be there again", OUTAGE_S)


async def lists_are_those_of_the_store(newsroom: Newsroom, go_back: Callable[[], Awaitable[None]]) -> None:
    """Go back while the leader stands, to what was there before `lost` and `lost-item`."""
    await newsroom.see(lost=50)
    await newsroom.put("lost-item")
    assert "lost-item" in (await newsroom.refresh())["update"]
    generation = await newsroom.generation()
    await go_back()
    await newsroom.see(late=70)
    await newsroom.put("new-item")
    await newsroom.overtake()
    followed = await newsroom.refresh()
    assert followed == {
        "populer": ["busy", "late", "old"],
        "update": sorted(["busy", "late", "lost", "new-item", "old"]),
    }
    assert await newsroom.generation() > generation
    assert await newsroom.refresh(Refresher(RankedSite(newsroom.store, SETTINGS, SITE))) == followed


async def begun(newsroom: Newsroom) -> None:
    await newsroom.put("old", "lost", "late", "busy")
    await newsroom.see(old=5)
    await newsroom.refresh()


async def test_lists_are_those_of_a_backup_that_was_restored(own_server: OwnServer) -> None:
    server = own_server()
    async with servers.opened(server.url) as store:
        newsroom = Newsroom(store)
        await begun(newsroom)
        server.admin.save()

        async def restored() -> None:
            server.kill()
            server.start()

        await lists_are_those_of_the_store(newsroom, restored)


async def test_sealed_counts_stay_with_their_stories_when_a_backup_lacks_a_seal(own_server: OwnServer) -> None:
    server = own_server()
    async with servers.opened(server.url) as store:
        newsroom = Newsroom(store)
        await begun(newsroom)
        server.admin.save()
        await newsroom.see(lost=7)
        await again(lambda: newsroom.sealer.seal(NOW))
        await newsroom.refresh()
        server.kill()
        server.start()
        await newsroom.see(late=9)
        await newsroom.overtake()
        other = Sealer(store, SETTINGS.retention, SITE)
        await again(lambda: other.seal(NOW))  # of another process: as many names again
        await newsroom.see(lost=1)
        await newsroom.see(late=1)
        await again(lambda: newsroom.sealer.seal(NOW))
        await newsroom.refresh()
        published = await store.lists.published(SITE, "populer", {})
        assert published is not None
        views = {entry.id: entry.views for entry in decode_entries(published.bodies[WHOLE_SITE])}
        assert views == {"old": 5, "late": 10, "lost": 1, "busy": 60}


@pytest.fixture
def pair() -> Iterator[servers.Topology]:
    with servers.watched_pair(3, **{"down-after-milliseconds": "1000", "failover-timeout": "5000"}) as topology:
        yield topology


async def test_lists_are_those_of_a_replica_that_lagged_and_was_promoted(pair: servers.Topology) -> None:
    primary, replica = pair.servers[0], pair.replicas[0]
    async with servers.opened(pair.url, timeout_s=1.0) as store:
        newsroom = Newsroom(store)
        await begun(newsroom)
        assert primary.admin.wait(1, 10_000) == 1
        replica.send(signal.SIGSTOP)
        primary.admin.set("junk", MUCH)

        async def promoted() -> None:
            primary.kill()
            replica.send(signal.SIGCONT)

        await lists_are_those_of_the_store(newsroom, promoted)


async def test_lists_stay_when_one_server_of_a_cluster_was_emptied_until_that_is_accepted() -> None:
    with servers.cluster() as topology:
        async with servers.opened(topology.url) as store:
            newsroom = Newsroom(store)
            ids = [f"item-{number}" for number in range(40)]
            await newsroom.put(*ids)
            before = (await newsroom.refresh())["update"]
            generation = await newsroom.generation()
            counts_only = next(
                server
                for server in topology.servers
                if all(b"%b." % SITE.encode() in key for key in server.admin.scan_iter())
            )
            counts_only.admin.flushall()
            with pytest.raises(StoreHeldError):
                await newsroom.leader.refresh(NOW + 60, 1)
            with pytest.raises(StoreHeldError):
                await newsroom.leader.refresh(NOW + 65, 1)
            assert await store.server.accept()
            after = (await newsroom.refresh())["update"]
            assert set(after) < set(before)
            assert await newsroom.generation() > generation
            await newsroom.refresh()
