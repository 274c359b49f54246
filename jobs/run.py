"""The jobs process: the scheduler until a stop is asked for."""

import asyncio
import contextlib

from jobs.lease import Leadership
from jobs.scheduler import Scheduler, table
from ranking.settings import Settings
from ranking.store.store import Store


async def run_jobs(store: Store, settings: Settings, stop: asyncio.Event) -> None:
    """Run the table of jobs on an open `store` until `stop` is set, then let what is running end.

    Where several processes do this on one store, one of them works and the others stand by.
    """
    leadership = Leadership(store, settings.refresh.lease_s)
    scheduler = Scheduler(table(store, settings), [site.id for site in settings.sites], leadership)
    scheduler.start()
    following = asyncio.create_task(leadership.follow(scheduler.hurry))
    await stop.wait()
    await scheduler.stop()
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await leadership.end()
