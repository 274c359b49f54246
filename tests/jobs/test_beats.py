"""Jobs go on by their beat whatever the wall clock does."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo

import pytest
from apscheduler.schedulers import base
from test_jobs_under_other_settings import Leading

from jobs import scheduler as beats
from jobs.scheduler import Job, Scheduler
from ranking.errors import StoreUnavailableError

EVERY_S = 0.1


class WallClock(datetime):
    """A clock that may be set, also as APScheduler reads it."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Sets the clock so many seconds ahead."""
    monkeypatch.setattr(base, "datetime", WallClock)
    monkeypatch.setattr(beats, "CLOCK_LOOK_S", 0.02)

    def put(ahead_s: float) -> None:
        WallClock.ahead = timedelta(seconds=ahead_s)

    yield put
    put(0)


def now() -> float:
    return WallClock.now().timestamp()


@pytest.mark.parametrize("ahead_s", [30.0, 3600.0, 40 * 86_400.0, -3600.0])
async def test_jobs_go_on_when_the_clock_is_put_right(clock: Callable[[float], None], ahead_s: float) -> None:
    moments = list[float]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        moments.append(now)
        return {}

    clock(ahead_s)
    real = time.time()
    scheduler = Scheduler([Job("job", run, EVERY_S, at_once=True)], ["s"], Leading(), clock=now)
    scheduler.start()
    await until(lambda: len(moments) > 2)
    assert all(abs(moment - ahead_s - real) < 60 for moment in moments)
    clock(0)
    del moments[:]
    await until(lambda: sum(abs(moment - real) < 60 for moment in moments) > 5)  # by its beat: once would be no beat
    await scheduler.stop()


async def test_a_job_that_failed_under_a_clock_ahead_is_tried_again_when_it_is_put_right(
    clock: Callable[[float], None],
) -> None:
    moments = list[float]()

    async def run(site: str, now: float, epoch: int) -> dict[str, int]:
        moments.append(now)
        if WallClock.ahead:
            raise StoreUnavailableError("away")
        return {}

    clock(3600)
    scheduler = Scheduler([Job("job", run, EVERY_S)], ["s"], Leading(), clock=now)
    scheduler.start()
    await until(lambda: bool(moments))
    clock(0)
    before = len(moments)
    await until(lambda: len(moments) > before + 2)
    await scheduler.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what a list holds tells nobody
            await asyncio.sleep(0.005)
