"""Jobs go on under other settings: from the next run on, at once where readers see it, and never two runs at a time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import servers

from jobs.run import run_jobs
from jobs.scheduler import Job, Scheduler
from jobs.site_leases import SiteLeases
from ranking.settings.service import Settings

NEVER_S = 1e6


class Work:
    """A job that begins when it is called and ends when it is let go; `wide`: how many runs of one site overlapped."""

    def __init__(self, *, held: bool = False) -> None:
        self.begun: list[str] = []
        self.wide = 0
        self._running: Counter[str] = Counter()
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def __call__(self, site: str, now: float, *_: int) -> dict[str, int]:
        self.begun.append(site)
        self._running[site] += 1
        self.wide = max(self.wide, self._running[site])
        await self.go.wait()
        self._running[site] -= 1
        return {}


class Leading(SiteLeases):
    """This process works for all sites, for good."""

    def __init__(self) -> None:
        pass

    def epoch(self, site: str) -> int:
        return 1


def scheduled(jobs: list[Job], sites: list[str]) -> Scheduler:
    return Scheduler(jobs, sites, Leading())


async def settled() -> None:
    """Let everything that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_row_that_readers_see_runs_at_once_and_the_others_on_their_beat() -> None:
    old, lists, rest = Work(), Work(), Work()
    scheduler = scheduled([Job("lists", old, NEVER_S, at_once=True), Job("rest", old, NEVER_S)], ["s"])
    scheduler.start()
    scheduler.hurry()
    await settled()
    scheduler.use([Job("lists", lists, NEVER_S, at_once=True), Job("rest", rest, NEVER_S)], ["s"])
    await settled()
    assert (old.begun, lists.begun, rest.begun) == (["s", "s"], ["s"], [])
    await scheduler.stop()


async def test_a_run_under_way_is_awaited_and_of_those_that_wait_behind_it_one_is_enough() -> None:
    work = Work(held=True)
    scheduler = scheduled([Job("lists", work, NEVER_S, at_once=True)], ["s"])
    scheduler.start()
    scheduler.hurry()
    await settled()
    for _ in range(5):
        scheduler.use([Job("lists", work, NEVER_S, at_once=True)], ["s"])
        await settled()
    assert work.begun == ["s"]
    work.go.set()
    await settled()
    assert (work.begun, work.wide) == (["s", "s"], 1)
    await scheduler.stop()


async def test_a_site_that_comes_begins_and_one_that_goes_ends() -> None:
    first, second = Work(held=True), Work()
    scheduler = scheduled([Job("rest", first, NEVER_S)], ["a", "b"])
    scheduler.start()
    scheduler.hurry()
    await settled()
    scheduler.use([Job("rest", second, NEVER_S)], ["b", "c"])
    await settled()
    assert (sorted(first.begun), second.begun) == (["a", "b"], ["c"])
    first.go.set()
    await scheduler.stop()


async def test_what_waits_for_its_turn_when_the_scheduler_stops_does_not_begin() -> None:
    work = Work(held=True)
    rows = [Job("lists", work, NEVER_S, at_once=True)]
    scheduler = scheduled(rows, ["s"])
    scheduler.start()
    scheduler.hurry()
    await settled()
    scheduler.use(rows, ["s"])
    stopping = asyncio.create_task(scheduler.stop())
    await settled()
    work.go.set()
    await stopping
    assert work.begun == ["s"]


async def test_a_row_whose_beat_changes_goes_by_the_new_one() -> None:
    work = Work()
    scheduler = scheduled([Job("rest", Work(), NEVER_S)], ["s"])
    scheduler.start()
    scheduler.hurry()
    await settled()
    scheduler.use([Job("rest", work, 0.01)], ["s"])
    async with asyncio.timeout(10):
        while len(work.begun) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await scheduler.stop()


async def test_lists_of_every_site_are_ranked_under_other_settings_at_once(server: servers.Valkey) -> None:
    stop = asyncio.Event()
    old = Settings.model_validate({"refresh": {"every": "30m"}})
    sites = [{"id": "default"}, {"id": "kedua"}]
    new = Settings.model_validate({"sites": sites, "lists": {"populer": {"title": "Lain"}}, "refresh": {"every": "1h"}})
    async with servers.opened(server.unix_url) as store:

        def titled(site: str, title: str) -> Callable[[], Awaitable[bool]]:
            async def is_titled() -> bool:
                found = await store.lists.published(site, "populer", {})
                return found is not None and found.stamp.title == title

            return is_titled

        async def follow(use: Callable[[Settings], None]) -> None:
            await servers.eventually(titled("default", "Populer"), "the first lists")
            use(new)
            for site in ("default", "kedua"):
                await servers.eventually(titled(site, "Lain"), f"lists of {site} under the new settings")
            use(old)
            await servers.eventually(titled("default", "Populer"), "lists under the old settings again")
            stop.set()

        await run_jobs(store, old, stop, follow)
        found = await store.lists.published("default", "populer", {})
        assert found is not None
        assert found.stamp.config_version == old.config_version != new.config_version
