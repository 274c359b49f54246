"""Jobs go on by their beat whatever the wall clock does."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_jobs_under_other_settings import Leading

from jobs.scheduler import LATE_S, Job, Row, Scheduler
from ranking.errors import StoreUnavailableError

NOW = 1_764_532_140.0
EVERY_S = 0.02
MOMENTS = st.floats(0, 4e9)


async def nothing(site: str, now: float, epoch: int) -> dict[str, int]:
    return {}


@given(MOMENTS, st.sampled_from([1.0, 5.0, 300.0, 3600.0]), st.floats(0, 0.99))
def test_the_next_beat_is_never_further_than_one_and_a_half_of_the_interval(
    now: float, every_s: float, share: float
) -> None:
    row = Row(Job("job", nothing, every_s), "s", share)
    assert 0 < row.pause_s(now, least=0.0) <= every_s + LATE_S + 1e-6
    assert every_s / 2 <= row.pause_s(now) <= 1.5 * every_s + LATE_S + 1e-6


@pytest.mark.parametrize("ahead_s", [30.0, 3600.0, 40 * 86_400.0, -3600.0])
async def test_jobs_go_on_when_the_clock_is_put_right(ahead_s: float) -> None:
    now, moments = [NOW + ahead_s], list[float]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        moments.append(now)
        return {}

    scheduler = Scheduler([Job("job", run, EVERY_S, at_once=True)], ["s"], Leading(), clock=lambda: now[0])
    scheduler.start()
    await until(lambda: NOW + ahead_s in moments)
    now[0] = NOW
    await until(lambda: NOW in moments)
    await scheduler.stop()


async def test_a_job_that_failed_under_a_clock_ahead_is_tried_again_when_it_is_put_right() -> None:
    now, moments = [NOW + 3600.0], list[float]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        moments.append(now)
        if now > NOW:
            raise StoreUnavailableError("away")
        return {}

    scheduler = Scheduler([Job("job", run, EVERY_S)], ["s"], Leading(), clock=lambda: now[0])
    scheduler.start()
    await until(lambda: bool(moments))
    now[0] = NOW
    await until(lambda: NOW in moments)
    await scheduler.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what a list holds tells nobody
            await asyncio.sleep(0.005)
