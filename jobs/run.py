"""The jobs process: the scheduler until a stop is asked for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from jobs.alarm_sender import AlarmSender
from jobs.leadership import Leadership
from jobs.questions import answer_loop
from jobs.scheduler import Scheduler, lasting, table
from jobs.site_parts import member_loop, part_loop
from ranking.settings.service import Settings
from ranking.store.protocol import Store

#: Calls what it is given with the settings whenever they have changed, until it is cancelled.
Follow = Callable[[Callable[[Settings], None]], Awaitable[None]]


async def run_jobs(store: Store, settings: Settings, stop: asyncio.Event, follow: Follow) -> None:
    """Run the table of jobs on an open `store` until `stop` is set, then let what is running end.

    Where several processes do this on one store, one of them works and the others stand by.
    """
    kept = lasting(store, settings)
    leadership = Leadership(store.lease, settings.refresh.lease_s)
    sites = [site.id for site in settings.sites]
    scheduler = Scheduler(table(store, settings, kept), sites, leadership, note=store.logbook.note_run)
    scheduler.start()
    sender = AlarmSender(store, settings, leadership)

    def use(settings: Settings) -> None:
        leadership.use(settings.refresh.lease_s)
        sender.use(settings)
        scheduler.use(table(store, settings, kept), [site.id for site in settings.sites])

    answering = answer_loop(store.questions, kept.refresh, leadership)
    parts = member_loop(store.rounds, kept.refresh), part_loop(store.rounds, kept.refresh)
    following = asyncio.gather(leadership.follow(scheduler.hurry), follow(use), answering, sender.send_loop(), *parts)
    await stop.wait()
    await scheduler.stop()
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await leadership.end()
