"""The jobs process: the scheduler until a stop is asked for."""

import asyncio

from jobs.scheduler import Scheduler, table
from ranking.settings import Settings
from ranking.store.store import Store


async def run_jobs(store: Store, settings: Settings, stop: asyncio.Event) -> None:
    """Run the table of jobs on an open `store` until `stop` is set, then let what is running end."""
    scheduler = Scheduler(table(store, settings), [site.id for site in settings.sites])
    scheduler.start()
    await stop.wait()
    await scheduler.stop()
