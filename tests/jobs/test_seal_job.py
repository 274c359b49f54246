"""The jobs process seals what is over, beside keeping the lists up to date."""

import asyncio
from collections.abc import Callable

import servers
from whole_counts import read_buckets

from jobs.run import run_jobs
from ranking.counts.buckets import Bucket
from ranking.settings.service import Settings
from ranking.store.counts import Batch


async def unchanged(_: Callable[[Settings], None]) -> None:
    """The settings stay as they are."""


async def test_the_jobs_seal_what_is_over_and_publish_lists_of_it(server: servers.Valkey) -> None:
    settings = servers.settings(refresh={"every": "0.25s"})
    over = Bucket(300, 1_764_565_200)
    async with servers.opened(server.unix_url) as store:
        counts = {over: {"view|a": 3, "!robot|a": 2}}
        await store.counts.record(Batch(servers.SITE, 0, "one", 1, counts), settings.retention.keep_s)
        stop = asyncio.Event()
        jobs = asyncio.create_task(run_jobs(store, settings, stop, unchanged))

        async def sealed() -> bool:
            return await store.counts.open_cells(servers.SITE, 0, [over]) == [0]

        async def published() -> bool:
            return "populer" in await store.lists.generations(servers.SITE)

        await servers.eventually(sealed, "the bucket to be sealed")
        await servers.eventually(published, "a list")
        stop.set()
        await jobs
        everything = list((await store.counts.all_touched(servers.SITE, 0)).buckets)
        [cells] = await read_buckets(store.counts, servers.SITE, 0, everything)
        assert dict(zip(cells.fields, cells.counts, strict=True)) == {b"view|a": 3, b"!robot|a": 2}
        assert not (await store.lease.leases()).sites, "the leases were not given up"
