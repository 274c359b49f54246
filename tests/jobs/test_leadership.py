"""Of several jobs processes one leads, and none that has been overtaken changes anything."""

import asyncio
from typing import Any

import pytest
import servers

from jobs.leadership import RENEWALS, Leadership
from jobs.scheduler import Job, Scheduler
from ranking.errors import OvertakenError, StoreUnavailableError
from ranking.store.lease import Lease

LEASE_S = 30.0
NOW = 1_700_000_100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class LeaseStore:
    """The lease of a store, by a clock that the test turns. `down`: it does not answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holder, self._until, self._epoch = "", 0.0, 0
        self.down = False

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        if self.down:
            raise StoreUnavailableError("down")
        now = self._clock()
        if self._until > now and self._holder != holder:
            return Lease(0, self._until - now)
        if self._until <= now or above is not None:
            self._epoch = max(self._epoch, above or 0) + 1
        self._holder, self._until = holder, now + lease_s
        return Lease(self._epoch, 0)

    async def end_lease(self, holder: str) -> None:
        if self.down:
            raise StoreUnavailableError("down")
        self._until = self._clock() if holder == self._holder else self._until


class Two:
    """Two processes on one store."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = LeaseStore(self.clock)
        store: Any = self.store
        self.first, self.second = (Leadership(store, LEASE_S, clock=self.clock) for _ in range(2))

    @property
    def epochs(self) -> tuple[int, int]:
        return self.first.epoch, self.second.epoch


async def test_nobody_leads_before_asking_and_then_the_first_who_asked() -> None:
    two = Two()
    assert two.epochs == (0, 0)
    await two.second.renew()
    await two.first.renew()
    assert two.epochs == (0, 1)


async def test_a_leader_that_renews_goes_on_with_its_term() -> None:
    two = Two()
    for _ in range(5):
        pause_s = await two.first.renew()
        assert pause_s == LEASE_S / RENEWALS
        await two.second.renew()
        two.clock.now += pause_s
    assert two.epochs == (1, 0)


async def test_a_lease_of_another_length_holds_from_the_next_renewal_on() -> None:
    two = Two()
    await two.first.renew()
    for lease_s in (3 * LEASE_S, LEASE_S / 3):
        two.first.use(lease_s)
        assert await two.first.renew() == lease_s / RENEWALS
        two.clock.now += lease_s - 0.01
        assert two.epochs == (1, 0)
        await two.first.renew()
    two.clock.now += LEASE_S / 3
    assert two.epochs == (0, 0)


async def test_a_leader_that_was_paused_knows_by_its_own_clock_that_it_leads_no_more() -> None:
    two = Two()
    await two.first.renew()
    two.clock.now += LEASE_S
    assert two.epochs == (0, 0)


async def test_the_next_asks_again_no_later_than_the_lease_may_have_run_out() -> None:
    two = Two()
    await two.first.renew()
    left_s = LEASE_S
    while not two.second.epoch:
        pause_s = await two.second.renew()
        two.clock.now += 0 if two.second.epoch else pause_s
    assert two.clock.now - 1000.0 <= left_s + LEASE_S / RENEWALS
    assert two.epochs == (0, 2)
    await two.first.renew()
    assert two.epochs == (0, 2)


async def test_a_store_that_is_away_ends_the_term_when_its_time_is_over_and_a_new_one_begins_when_it_is_back() -> None:
    two = Two()
    await two.first.renew()
    two.store.down = True
    await two.first.renew()
    assert two.first.epoch == 1
    two.clock.now += LEASE_S
    await two.first.renew()
    assert two.first.epoch == 0
    two.store.down = False
    await two.first.renew()
    assert two.first.epoch == 2


async def test_one_that_lets_go_is_followed_at_once() -> None:
    two = Two()
    await two.first.renew()
    await two.first.end()
    await two.second.renew()
    assert two.epochs == (0, 2)
    two.store.down = True
    await two.second.end()
    assert two.epochs == (0, 0)


async def test_one_that_was_overtaken_leads_again_only_in_a_term_after_the_one_that_overtook_it() -> None:
    two = Two()
    await two.first.renew()
    two.first.overtaken(7)
    assert two.first.epoch == 0
    await two.first.renew()
    assert two.first.epoch == 8


async def test_following_tells_of_every_term_once() -> None:
    two = Two()
    begun = asyncio.Queue[int]()
    following = asyncio.create_task(two.first.follow(lambda: begun.put_nowait(two.first.epoch)))
    assert await asyncio.wait_for(begun.get(), 5) == 1
    two.first.overtaken(4)
    assert await asyncio.wait_for(begun.get(), 5) == 5
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert begun.empty()


async def test_a_scheduler_runs_nothing_unless_it_leads_and_everything_once_it_does() -> None:
    two, runs = Two(), asyncio.Queue[tuple[str, int]]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        await runs.put((site, epoch))
        if epoch == 1:
            raise OvertakenError(4)
        return {}

    scheduler = Scheduler([Job("job", run, 3600.0)], ["koran"], two.first, clock=lambda: NOW)
    scheduler.start()
    scheduler.hurry()
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert runs.empty()
    await two.first.renew()
    scheduler.hurry()
    assert await asyncio.wait_for(runs.get(), 5) == ("koran", 1)
    await servers.eventually(lambda: asyncio.sleep(0, not two.first.epoch), "the run to have ended")
    await two.first.renew()
    scheduler.hurry()
    assert await asyncio.wait_for(runs.get(), 5) == ("koran", 5)
    await scheduler.stop()
