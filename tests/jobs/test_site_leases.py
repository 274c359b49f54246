"""Jobs processes share the sites, and none works for a site that another has."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest
import servers

from jobs.scheduler import Job, Scheduler, lasting
from jobs.site_leases import RENEWALS, SiteLeases
from ranking.errors import OvertakenError, StoreUnavailableError
from ranking.store.lease import OF_NO_SITE
from ranking.store.redis.store import RedisStore

LEASE_S = 30.0
SITES = {f"site-{number}": "" for number in range(20)}
NAMES = {*SITES, OF_NO_SITE}
NOW = 1_700_000_100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Team:
    """Processes on one store, by a clock that the test turns; the store has its own."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.clock = Clock()

    def member(self, name: str = "", sites: dict[str, str] | None = None, lease_s: float = LEASE_S) -> SiteLeases:
        found = SiteLeases(self.store.lease, sites or SITES, lease_s, name=name, clock=self.clock)
        if name:
            found.holder = f"{name}:1:0"  # or chance says who gets what
        return found


def led(leases: SiteLeases) -> set[str]:
    return {site for site in NAMES if leases.epoch(site)}


async def cancelled(task: asyncio.Task[None]) -> None:
    while not task.done():  # redis-py swallows a cancellation that comes together with a reply
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


@asynccontextmanager
async def opened(server: servers.Valkey) -> AsyncIterator[Team]:
    async with servers.opened(server.unix_url) as store:
        yield Team(store)


async def test_one_alone_works_for_all_and_goes_on_with_its_terms(server: servers.Valkey) -> None:
    async with opened(server) as team:
        one = team.member()
        assert led(one) == set()
        assert await one.renew() == LEASE_S / RENEWALS
        terms = {site: one.epoch(site) for site in NAMES}
        assert sorted(terms.values()) == list(range(1, len(NAMES) + 1))
        await one.renew()
        assert {site: one.epoch(site) for site in NAMES} == terms


async def test_one_that_joins_gets_its_share_once_the_others_have_given_it_up(server: servers.Valkey) -> None:
    async with opened(server) as team:
        one, two = team.member("satu"), team.member("dua")
        await one.renew()
        assert await two.renew() < LEASE_S / RENEWALS, "it asks again soon, as a site is to change hands"
        assert led(two) == set()
        assert [each.name for each in two.processes] == ["dua", "satu"]
        await one.renew()
        await two.renew()
        assert led(one) | led(two) == NAMES
        assert not led(one) & led(two)
        assert min(len(led(one)), len(led(two))) > 3
        before = led(one)
        three = team.member("tiga")
        for each in (three, one, two, three):
            await each.renew()
        assert led(one) | led(two) | led(three) == NAMES
        assert led(one) < before, "the sites that move are those of the one that joins"


async def test_a_site_is_given_up_once_the_refresh_under_way_has_ended(server: servers.Valkey) -> None:
    class Work:
        publishing = True

        def __init__(self) -> None:
            self.ended: list[str] = []

        def begin(self, sites: Collection[str]) -> None:
            pass

        def end(self, sites: Collection[str]) -> None:
            self.ended += sites

        def is_publishing(self, site: str) -> bool:
            return self.publishing

    async with opened(server) as team:
        one, two, work = team.member(), team.member(), Work()
        following = asyncio.create_task(one.follow(work))
        await servers.eventually(lambda: asyncio.sleep(0, led(one) == NAMES), "all sites")
        await cancelled(following)
        await two.renew()
        await one.renew()
        kept = led(one)
        assert kept < NAMES, "nothing more begins of what is another's"
        await two.renew()
        assert led(two) == set()
        work.publishing = False
        await one.renew()
        await two.renew()
        assert led(two) == NAMES - kept
        assert set(work.ended) == NAMES - kept


async def test_the_sites_of_one_that_leaves_are_taken_at_once_and_of_one_that_is_lost_after_its_lease(
    server: servers.Valkey,
) -> None:
    async with opened(server) as team:
        one, two, lost = team.member(), team.member(), team.member(lease_s=0.2)
        await one.renew()
        await one.leave()
        assert led(one) == set()
        await lost.renew()
        assert led(lost) == NAMES

        async def taken() -> bool:
            assert await two.renew() <= LEASE_S / RENEWALS
            return led(two) == NAMES

        await servers.eventually(taken, "the lease of the one that was lost to run out")
        assert min(two.epoch(site) for site in NAMES) > 2 * len(NAMES)


async def test_one_that_was_paused_knows_by_its_own_clock_that_it_works_for_none(server: servers.Valkey) -> None:
    async with opened(server) as team:
        one = team.member()
        await one.renew()
        team.clock.now += LEASE_S
        assert led(one) == set()
        one.use(SITES, 3 * LEASE_S)
        await one.renew()
        team.clock.now += 2.9 * LEASE_S
        assert led(one) == NAMES


async def test_a_pinned_site_is_of_its_process_and_of_others_while_that_is_away(server: servers.Valkey) -> None:
    async with opened(server) as team:
        pinned = dict.fromkeys(SITES, "dua")
        one, two = team.member("satu", pinned), team.member("dua", pinned)
        await one.renew()
        assert led(one) == NAMES
        for each in (two, one, two):
            await each.renew()
        assert led(two) >= set(SITES)
        await two.leave()
        await one.renew()
        assert led(one) == NAMES


async def test_processes_of_other_settings_do_not_wait_for_each_other(server: servers.Valkey) -> None:
    async with opened(server) as team:
        old, new = team.member(), team.member(sites={**SITES, "baru": ""})
        for each in (old, new, old, new):
            await each.renew()
        assert led(old) == NAMES
        assert new.epoch("baru")
        old.use({**SITES, "baru": ""}, LEASE_S)
        for each in (old, new):
            await each.renew()
        assert led(new) > {"baru"} & NAMES
        assert led(old) | led(new) == NAMES


async def test_one_that_was_overtaken_works_for_the_site_again_only_in_a_later_term(server: servers.Valkey) -> None:
    async with opened(server) as team:
        one = team.member()
        await one.renew()
        one.overtaken("site-3", 700)
        assert led(one) == NAMES - {"site-3"}
        await one.renew()
        assert one.epoch("site-3") == 701


async def test_a_store_that_is_away_ends_the_terms_when_their_time_is_over(
    server: servers.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server) as team:
        one = team.member()
        await one.renew()

        async def down(*_: Any) -> None:
            raise StoreUnavailableError("down")

        with monkeypatch.context() as patch:
            patch.setattr(team.store.lease, "hold", down)
            await one.renew()
            assert led(one) == NAMES
            team.clock.now += LEASE_S
            await one.renew()
            assert led(one) == set()
        await one.renew()
        assert led(one) == NAMES


async def test_a_process_forgets_the_history_of_a_site_that_another_works_for(server: servers.Valkey) -> None:
    settings = servers.settings(sites=[{"id": site} for site in SITES])
    async with opened(server) as team:
        one, two = team.member(), team.member()
        kept = lasting(team.store, settings)
        jobs = [Job("lists", kept.refresh, 3600.0, at_once=True)]
        scheduler = Scheduler(jobs, list(SITES), one, clock=lambda: NOW, forget=kept.forget)
        scheduler.start()
        following = asyncio.create_task(one.follow(scheduler))

        def known() -> set[str]:
            return {site for site in SITES if kept.refresh.site(site)}

        await servers.eventually(lambda: asyncio.sleep(0, known() == set(SITES)), "all sites to be ranked")
        await two.renew()

        async def shared() -> bool:
            one.use(SITES, LEASE_S)  # renews soon
            await two.renew()
            return led(one) | led(two) == NAMES

        await servers.eventually(shared, "the other to have its share")
        assert known() == led(one) - {OF_NO_SITE}
        await cancelled(following)
        await scheduler.stop()


async def test_a_scheduler_runs_what_is_of_its_sites_once_they_are_its_own(server: servers.Valkey) -> None:
    runs = asyncio.Queue[tuple[str, str, int]]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        await runs.put(("of sites", site, epoch))
        if epoch < 9:
            raise OvertakenError(40)
        return {}

    async def once(site: str, now: float, epoch: int) -> dict[str, int]:
        await runs.put(("of none", site, 0))
        return {}

    async with opened(server) as team:
        leases = team.member(sites={"koran": ""})
        jobs = [Job("job", run, 3600.0), Job("once", once, 3600.0, of_no_site=True)]
        scheduler = Scheduler(jobs, ["koran", "radio"], leases, clock=lambda: NOW)
        scheduler.start()
        scheduler.hurry()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert runs.empty()
        following = asyncio.create_task(leases.follow(scheduler))
        heard = [await asyncio.wait_for(runs.get(), 20) for _ in range(3)]
        assert sorted((job, site) for job, site, _ in heard) == [
            ("of none", OF_NO_SITE), ("of sites", "koran"), ("of sites", "koran"),
        ]  # fmt: skip
        assert max(epoch for *_, epoch in heard) == 41
        await cancelled(following)
        await scheduler.stop()
