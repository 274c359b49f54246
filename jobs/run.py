"""The jobs process: the scheduler until a stop is asked for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from jobs import metrics
from jobs.alarm_sender import AlarmSender
from jobs.questions import answer_loop
from jobs.scheduler import Scheduler, lasting, table
from jobs.site_leases import SiteLeases
from jobs.site_parts import part_loop
from ranking.settings.service import Settings
from ranking.store.protocol import Store

REPORT_EVERY_S = 1.0
CANCEL_AGAIN_S = 0.1

#: Calls what it is given with the settings whenever they have changed, until it is cancelled.
Follow = Callable[[Callable[[Settings], None]], Awaitable[None]]


async def run_jobs(store: Store, settings: Settings, stop: asyncio.Event, follow: Follow) -> None:
    """Run the table of jobs on an open `store` until `stop` is set, then let what is running end.

    Where several processes do this on one store, they share its sites.
    """
    leases = SiteLeases(store.lease, _pinned(settings), settings.refresh.lease_s, name=settings.service.jobs_name)
    kept = lasting(store, settings, leases)
    sites = [site.id for site in settings.sites]
    scheduler = Scheduler(table(store, settings, kept), sites, leases, note=store.logbook.note_run, forget=kept.forget)
    scheduler.start()
    sender = AlarmSender(store, settings, leases)

    def use(settings: Settings) -> None:
        sender.use(settings)
        scheduler.use(table(store, settings, kept), [site.id for site in settings.sites])
        leases.use(_pinned(settings), settings.refresh.lease_s, settings.service.jobs_name)

    async def report_loop() -> None:
        while True:
            metrics.leads(leases.sites_led())
            await asyncio.sleep(REPORT_EVERY_S)

    answering = answer_loop(store.questions, kept.refresh, leases)
    parts = part_loop(store.rounds, kept.refresh)
    following = asyncio.gather(
        leases.follow(scheduler), follow(use), answering, sender.send_loop(), report_loop(), parts
    )
    await stop.wait()
    await scheduler.stop()
    while not following.done():  # redis-py swallows a cancellation that comes together with a reply
        following.cancel()
        await asyncio.wait({following}, timeout=CANCEL_AGAIN_S)
    await leases.leave()
    with contextlib.suppress(asyncio.CancelledError):
        following.result()  # a loop that failed says why


def _pinned(settings: Settings) -> dict[str, str]:
    """The sites, with the name of the process that each is pinned to, or nothing."""
    return {site.id: site.jobs for site in settings.sites}
