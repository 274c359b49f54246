"""Stopping the scheduler returns once every run has ended, and not before.

A stop that never lets the event loop run cannot be bounded from within it: here a signal interrupts it.
"""

import asyncio

import pytest
from test_jobs_under_other_settings import NEVER_S, Leading, settled

from jobs.scheduler import Job, Scheduler
from ranking.store.logbook import JobRun

pytestmark = pytest.mark.timeout(30, method="signal")


async def test_stop_returns_when_a_run_ended_in_the_same_turn_of_the_loop() -> None:
    ended = asyncio.Event()

    async def run(*_: object) -> dict[str, int]:
        ended.set()
        return {}

    scheduler = Scheduler([Job("job", run, NEVER_S)], ["s"], Leading())
    scheduler.start()
    scheduler.hurry()
    await ended.wait()
    await asyncio.wait_for(scheduler.stop(), 10)


async def test_stop_awaits_the_other_runs_when_one_raises() -> None:
    go, ends = asyncio.Event(), list[str]()

    async def run(site: str, *_: object) -> dict[str, int]:
        await go.wait()
        if site == "slow":
            await settled()
        ends.append(site)
        return {}

    async def note(run: JobRun) -> None:
        if run.site == "broken":
            raise ValueError(run.site)

    scheduler = Scheduler([Job("job", run, NEVER_S)], ["broken", "slow"], Leading(), note=note)
    scheduler.start()
    scheduler.hurry()
    stopping = asyncio.create_task(scheduler.stop())
    await settled()
    assert not stopping.done()
    go.set()
    await asyncio.wait_for(stopping, 10)
    assert ends == ["broken", "slow"]
