"""Salts: one a day, the same for all workers, never without one, and none kept past its promise."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_store import MemoryStore

from jobs.salts import ForgetSalts
from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.recording.salts import (
    AHEAD_S,
    DAY_S,
    LIFETIME_S,
    LONGEST_OVERLAP_S,
    SALT_BYTES,
    Salts,
    day_of,
    is_over,
    overlap_s,
)

MIDNIGHT = 20_423 * DAY_S  # of 01 December 2025, UTC
HOUR_S = 3600
AWAY = StoreUnavailableError("gone")
TWO_DAYS_S = 2 * DAY_S


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(MIDNIGHT + 12 * HOUR_S)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def salts(store: MemoryStore, clock: Clock) -> AsyncIterator[Salts]:
    salts = worker(store, clock)
    await salts.start()
    yield salts
    await salts.stop()


def worker(store: MemoryStore, clock: Clock, overlap: float = HOUR_S) -> Salts:
    return Salts(store, overlap_s=overlap, clock=clock)


async def moved(salts: Salts, clock: Clock, now: float) -> tuple[bytes, bytes]:
    clock.now = now
    await salts.refresh()
    return salts.current(now)


async def test_all_workers_have_the_salt_of_whoever_came_first(store: MemoryStore, clock: Clock) -> None:
    workers = [worker(store, clock) for _ in range(4)]
    await asyncio.gather(*(each.refresh() for each in workers))
    pairs = {each.current(clock.now) for each in workers}
    assert pairs == {(store.kept_salts[day_of(clock.now)], b"")}
    assert len(store.kept_salts[day_of(clock.now)]) == SALT_BYTES


async def test_each_day_has_another_one(salts: Salts, clock: Clock) -> None:
    found = {(await moved(salts, clock, MIDNIGHT + day * DAY_S + 12 * HOUR_S))[0] for day in range(10)}
    assert len(found) == 10


async def test_the_next_days_is_there_a_minute_before_it_begins(salts: Salts, store: MemoryStore, clock: Clock) -> None:
    await moved(salts, clock, MIDNIGHT + DAY_S - AHEAD_S - 1)
    assert day_of(MIDNIGHT) + 1 not in store.kept_salts
    today, _ = await moved(salts, clock, MIDNIGHT + DAY_S - AHEAD_S)
    store.away = AWAY
    now, before = salts.current(MIDNIGHT + DAY_S)
    assert now == store.kept_salts[day_of(MIDNIGHT) + 1] != today
    assert before == today


async def test_the_next_days_is_not_used_before_its_day(salts: Salts, clock: Clock) -> None:
    today = salts.current(clock.now)
    assert await moved(salts, clock, MIDNIGHT + DAY_S - 0.001) == today


@pytest.mark.parametrize("overlap", [HOUR_S, 6 * HOUR_S, LONGEST_OVERLAP_S])
async def test_yesterdays_is_in_use_for_the_overlap(store: MemoryStore, clock: Clock, overlap: float) -> None:
    salts = worker(store, clock, overlap)
    await moved(salts, clock, MIDNIGHT + 20)
    yesterday = store.kept_salts[day_of(MIDNIGHT) - 1]
    assert salts.current(MIDNIGHT + overlap - 0.001)[1] == yesterday
    assert salts.current(MIDNIGHT + overlap)[1] == b""


async def test_another_overlap_holds_at_once(store: MemoryStore, clock: Clock) -> None:
    salts = worker(store, clock)
    await moved(salts, clock, MIDNIGHT + 20)
    yesterday = store.kept_salts[day_of(MIDNIGHT) - 1]
    for overlap, before in ((6 * HOUR_S, yesterday), (HOUR_S, b""), (3 * HOUR_S, yesterday)):
        salts.use(overlap)
        assert salts.current(MIDNIGHT + 2 * HOUR_S)[1] == before


async def test_a_worker_that_starts_in_the_overlap_knows_yesterdays(store: MemoryStore, clock: Clock) -> None:
    early = worker(store, clock)
    yesterday, _ = await moved(early, clock, MIDNIGHT - 5)
    late = worker(store, clock)
    assert (await moved(late, clock, MIDNIGHT + 30))[1] == yesterday


async def test_no_more_is_asked_for_than_is_in_use(salts: Salts, store: MemoryStore, clock: Clock) -> None:
    assert set(store.kept_salts) == {day_of(clock.now)}


async def test_while_the_store_is_away_the_newest_salt_stays(salts: Salts, store: MemoryStore, clock: Clock) -> None:
    today, _ = salts.current(clock.now)
    store.away = AWAY
    assert await moved(salts, clock, MIDNIGHT + DAY_S + 2 * HOUR_S) == (today, b"")
    store.away = None
    tomorrow, _ = await moved(salts, clock, MIDNIGHT + DAY_S + 2 * HOUR_S)
    assert tomorrow == store.kept_salts[day_of(MIDNIGHT) + 1] != today


async def test_without_a_store_a_worker_has_one_of_its_own_each_day(store: MemoryStore, clock: Clock) -> None:
    store.away = StoreRefusedError("full")
    one, other = worker(store, clock), worker(store, clock)
    await one.start()
    await one.stop()
    first, before = one.current(clock.now)
    assert len(first) == SALT_BYTES
    assert before == b""
    assert one.current(clock.now + HOUR_S) == (first, b"")
    assert other.current(clock.now)[0] != first
    assert one.current(clock.now + DAY_S)[0] != first
    store.away = None
    await one.refresh()
    assert one.current(clock.now)[0] == store.kept_salts[day_of(clock.now)]


async def test_a_worker_that_was_never_started_has_a_salt(store: MemoryStore, clock: Clock) -> None:
    assert len(worker(store, clock).current(clock.now)[0]) == SALT_BYTES


async def test_no_salt_is_used_past_two_days(salts: Salts, store: MemoryStore, clock: Clock) -> None:
    today, _ = salts.current(clock.now)
    store.away = AWAY
    assert salts.current(MIDNIGHT + LIFETIME_S - 1)[0] == today
    found, _ = await moved(salts, clock, MIDNIGHT + LIFETIME_S)
    assert len(found) == SALT_BYTES
    assert found != today


@given(st.integers(0, TWO_DAYS_S - 1), st.floats(0, 86400))
def test_no_salt_outlives_two_days_from_the_beginning_of_its_day(asked_s: int, window_s: float) -> None:
    async def lifetimes() -> dict[int, float]:
        store, clock = MemoryStore(), Clock(MIDNIGHT + asked_s)
        await worker(store, clock, overlap_s(window_s)).refresh()
        return store.lifetimes

    for day, lifetime_s in asyncio.run(lifetimes()).items():
        gone_at = MIDNIGHT + asked_s + lifetime_s
        assert gone_at <= day * DAY_S + TWO_DAYS_S
        assert lifetime_s > 0
        assert is_over(day, gone_at, overlap_s(window_s))


async def test_a_store_that_lost_the_salt_gets_it_back(salts: Salts, store: MemoryStore, clock: Clock) -> None:
    today, _ = salts.current(clock.now)
    store.kept_salts.clear()
    await salts.refresh()
    assert store.kept_salts == {day_of(clock.now): today}


async def test_a_worker_takes_over_what_the_others_have_made_since(
    salts: Salts, store: MemoryStore, clock: Clock
) -> None:
    store.kept_salts[day_of(clock.now)] = b"another" * 4
    await salts.refresh()
    assert salts.current(clock.now)[0] == b"another" * 4


@pytest.mark.parametrize("overlap", [0, HOUR_S - 1, DAY_S])
def test_an_overlap_that_breaks_a_promise_is_refused(store: MemoryStore, clock: Clock, overlap: float) -> None:
    with pytest.raises(ValueError, match="overlap_s"):
        worker(store, clock, overlap)


# --- the job --------------------------------------------------------------------------------------------------------


@pytest.fixture
def job(store: MemoryStore) -> ForgetSalts:
    return ForgetSalts(store, overlap_s=HOUR_S)


def ended(store: MemoryStore, *, failed: bool = False) -> None:
    store.log = store.log._replace(rewriting=False, failed=failed)


OVER = MIDNIGHT + HOUR_S
TODAY = day_of(MIDNIGHT)


async def test_a_salt_is_deleted_when_its_use_is_over_and_not_before(store: MemoryStore, job: ForgetSalts) -> None:
    store.kept_salts = {TODAY - 2: b"x", TODAY - 1: b"y", TODAY: b"z", TODAY + 1: b"w"}
    await job("s", OVER - 1, 1)
    assert set(store.kept_salts) == {TODAY - 1, TODAY, TODAY + 1}
    assert await job("s", OVER, 1) == {"salts": 1, "rewrites": 0}
    assert set(store.kept_salts) == {TODAY, TODAY + 1}


async def test_the_log_is_rewritten_once_a_day(store: MemoryStore, job: ForgetSalts) -> None:
    store.kept_salts[TODAY - 1] = b"y"
    for run in range(100):
        await job("s", OVER + run * 300, 1)
        ended(store)
    assert store.rewrites == 1
    for run in range(100):
        await job("s", OVER + DAY_S + run * 300, 1)
        ended(store)
    assert store.rewrites == 2


async def test_it_is_rewritten_though_the_salt_has_expired_by_itself(store: MemoryStore, job: ForgetSalts) -> None:
    await job("s", OVER, 1)
    assert store.rewrites == 1


async def test_a_rewrite_that_began_before_the_deletion_is_not_enough(store: MemoryStore, job: ForgetSalts) -> None:
    store.kept_salts[TODAY - 1] = b"y"
    store.log = store.log._replace(rewriting=True)
    await job("s", OVER, 1)
    assert store.rewrites == 0
    ended(store)
    await job("s", OVER + 300, 1)
    assert store.rewrites == 1


@pytest.mark.parametrize("servers", ["memory", "another start"])
async def test_a_rewrite_that_came_to_nothing_is_asked_for_again(
    store: MemoryStore, job: ForgetSalts, servers: str
) -> None:
    await job("s", OVER, 1)
    ended(store, failed=servers == "memory")
    store.log = store.log._replace(servers=servers)
    await job("s", OVER + 300, 1)
    ended(store)
    await job("s", OVER + 600, 1)
    assert store.rewrites == 2


async def test_a_salt_that_somebody_brought_back_goes_again(store: MemoryStore, job: ForgetSalts) -> None:
    for run in range(3):
        await job("s", OVER + run * 300, 1)
        ended(store)
    store.kept_salts[TODAY - 1] = b"y"
    assert await job("s", OVER + 900, 1) == {"salts": 1, "rewrites": 1}
    assert store.rewrites == 2


async def test_a_server_that_refuses_is_asked_again_and_named_once(
    store: MemoryStore, job: ForgetSalts, capsys: pytest.CaptureFixture[str]
) -> None:
    store.away = StoreRefusedError("NOPERM BGREWRITEAOF")
    for run in range(5):
        assert await job("s", OVER + run * 300, 1) == {"salts": 0, "rewrites": 0}
    assert capsys.readouterr().out.count("NOPERM") == 1
    store.away = None
    assert await job("s", OVER + 1500, 1) == {"salts": 0, "rewrites": 1}


async def test_a_server_without_a_log_is_left_alone(store: MemoryStore, job: ForgetSalts) -> None:
    store.log = store.log._replace(kept=False)
    await job("s", OVER, 1)
    assert store.rewrites == 0
