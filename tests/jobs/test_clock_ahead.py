"""A clock that is wrong: nothing is destroyed by it, and lists are right again once it is put right."""

from typing import Any

import pytest
import servers
from servers import SITE

from jobs.scheduler import Lasting, lasting, table
from ranking.counts.buckets import Bucket, bucket_start
from ranking.errors import ClocksDifferError
from ranking.published.snapshot import WHOLE_SITE, decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.times import DAY_S, HOUR_S

KEEP_S = 30.0 * DAY_S
SETTINGS = servers.settings(retention={"keep": "30d"}, refresh={"every": "5s"})


async def see(store: RedisStore, number: int, at: float, item: str, events: int) -> None:
    bucket = Bucket(300, bucket_start(at, 300))
    await store.counts.record(Batch(SITE, 0, "writer", number, {bucket: {f"view|{item}": events}}), KEEP_S)


async def listed(store: RedisStore) -> list[str]:
    found = await store.lists.published(SITE, "populer", {})
    assert found is not None
    return [entry.id for entry in decode_entries(found.bodies[WHOLE_SITE])]


async def seen(store: RedisStore) -> dict[tuple[int, str], int]:
    return await servers.counts_by_bucket(store, SITE)


@pytest.mark.parametrize("ahead_s", [HOUR_S, 40 * DAY_S, -HOUR_S])
@pytest.mark.parametrize("name", ["seal", "prune", "salts"])
async def test_what_destroys_does_nothing_under_a_clock_that_differs(
    server: servers.Valkey, name: str, ahead_s: float
) -> None:
    async with servers.opened(server.unix_url) as store:
        now = await store.server.time()
        await see(store, 1, now - 7200, "a", 3)
        before = {key: server.admin.dump(key) for key in server.admin.scan_iter() if b":counts:" in key}
        kept: Lasting = lasting(store, SETTINGS)
        job = next(each for each in table(store, SETTINGS, kept) if each.name == name)
        with pytest.raises(ClocksDifferError):
            await job.run(SITE, now + ahead_s, 1)
        assert {key: server.admin.dump(key) for key in before} == before
        await job.run(SITE, await store.server.time(), 1)  # as it is right


@pytest.mark.parametrize("ahead_s", [30.0, HOUR_S, 40.0 * DAY_S, -HOUR_S])
async def test_lists_are_right_within_two_beats_after_a_step_forth_and_back(
    server: servers.Valkey, ahead_s: float
) -> None:
    async with servers.opened(server.unix_url) as store:
        now = await store.server.time()
        refresher = Refresher(RankedSite(store, SETTINGS, SITE))
        await see(store, 1, now - 7200, "old", 3)
        await refresher.refresh(now, 1)
        assert await listed(store) == ["old"]
        for number in range(2):
            await refresher.refresh(now + ahead_s + 5 * number, 1)
        await see(store, 2, now - 60, "breaking", 50)
        generation = (await store.lists.generations(SITE))["populer"]
        await refresher.refresh(now + 5, 1)
        assert await listed(store) == ["breaking", "old"], "all that is kept, and not what the wrong clock had left"
        assert (await store.lists.generations(SITE))["populer"] > generation


async def test_another_leader_goes_over_a_list_that_is_dated_ahead(server: servers.Valkey) -> None:
    async with servers.opened(server.unix_url) as store:
        now = await store.server.time()
        await see(store, 1, now - 60, "a", 3)
        await Refresher(RankedSite(store, SETTINGS, SITE)).refresh(now + HOUR_S, 1)
        await see(store, 2, now - 60, "b", 5)
        await Refresher(RankedSite(store, SETTINGS, SITE)).refresh(now, 2)
        assert await listed(store) == ["b", "a"]


async def test_a_worker_takes_over_a_newer_list_whatever_its_time(serve: Any) -> None:
    service: servers.Service = await serve()
    settings: Settings = service.settings
    await service.view(a=1)
    refresher = Refresher(RankedSite(service.store, settings, SITE))
    right = service.clock.now

    async def shown() -> Any:
        return (await service.http.get("/v1/lists/populer")).json().get("generated_at")

    await refresher.refresh(right + HOUR_S, 1)
    await servers.eventually(shown, "the list of the clock that is ahead")
    assert await shown() == right + HOUR_S
    await refresher.refresh(right, 1)

    async def is_right() -> bool:
        return bool(await shown() == right)

    await servers.eventually(is_right, "the list of the clock that was put right")
