"""The table of jobs, and the loop that runs it. The only importer of APScheduler.

Each row is a job that is run for every site on its own beat, in the process that works for the site (see
`jobs.site_leases`); a job that is of no site has one row. A run that fails is logged and leaves the others and the next
beat alone; a run that takes longer than its beat is not overtaken by itself. At stop the runs under way are awaited:
APScheduler's own asyncio shutdown would cancel them in the middle of a publish.

APScheduler waits for the wall clock: after one that was ahead for an hour was put right it would start nothing for an
hour. So the wall clock is compared with the monotonic one all the time, and once it has stepped, all rows are planned
anew.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from jobs import metrics
from jobs.agreed_clock import OnAgreedClock
from jobs.clear import ClearSites
from jobs.concentration import TakeConcentration
from jobs.discover import DiscoverItems
from jobs.feeds import ReadFeeds
from jobs.prune import Prune
from jobs.pulse import TakePulse
from jobs.refresh import RefreshLists
from jobs.salts import ForgetSalts
from jobs.seal import SealBuckets
from jobs.site_leases import SiteLeases
from jobs.tune import SuggestHalfLives
from ranking.backoff import Backoff
from ranking.errors import OvertakenError, PopulerError, StoreMovingError, StoreUnavailableError
from ranking.recording.salts import overlap_s
from ranking.refreshing.site_parts import Peers
from ranking.settings.service import Settings
from ranking.store.lease import OF_NO_SITE
from ranking.store.logbook import JobRun
from ranking.store.protocol import Store
from ranking.times import HOUR_S

log = structlog.get_logger("jobs")

#: A site, now (epoch seconds) and the epoch of the term that this is done in; what was done, to be logged.
Run = Callable[[str, float, int], Awaitable[dict[str, int]]]
#: Writes a run down for those who look after the service.
Note = Callable[[JobRun], Awaitable[None]]
SEAL_EVERY_S = 300.0
PRUNE_EVERY_S = float(HOUR_S)
SALTS_EVERY_S = 300.0
SUGGEST_EVERY_S = 600.0
PULSE_EVERY_S = 10.0
FEEDS_EVERY_S = 10.0
DISCOVER_EVERY_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
CLOCK_STEP_S, CLOCK_LOOK_S = 2.0, 0.5
"""The clock was set when it moves so far more or less than the monotonic one from one look to the next."""
MOST_AT_ONCE = 8
"""Runs under way of the jobs whose work readers see, and as many of all others. What is due beyond that waits."""


class Job(NamedTuple):
    """A row of the table: what runs for each site, and how often (seconds).

    `at_once`: also as soon as the settings have changed, for readers see what it does. `of_no_site`: it runs once for
    the whole store, as the site `OF_NO_SITE`.
    """

    name: str
    run: Run
    every_s: float
    at_once: bool = False
    of_no_site: bool = False


class Lasting(NamedTuple):
    """What lives on when the settings change, as it is dear to make anew: the views of the sites, above all."""

    refresh: RefreshLists
    salts: ForgetSalts
    discover: DiscoverItems

    def forget(self, sites: Collection[str]) -> None:
        """Forget what is known of sites that other processes work for now."""
        self.refresh.forget(sites)
        self.discover.forget(sites)


def lasting(store: Store, settings: Settings, peers: Peers | None = None) -> Lasting:
    """To be handed to every table of this process; `peers`: those that share its sites."""
    overlap = overlap_s(settings.ingest.dedupe_window_s)
    refresh = RefreshLists(store, settings, peers)
    salts = ForgetSalts(store, overlap_s=overlap)
    return Lasting(refresh, salts, DiscoverItems(store, settings, refresh))


def table(store: Store, settings: Settings, lasting: Lasting) -> list[Job]:
    """All scheduled work under `settings`; another table with every change of them, so that no row keeps old ones."""
    lasting.refresh.use(settings)
    lasting.salts.use(overlap_s=overlap_s(settings.ingest.dedupe_window_s))
    lasting.discover.use(settings)
    return [
        Job("refresh", lasting.refresh, settings.refresh.every_s, at_once=True),
        Job("seal", OnAgreedClock(store.server, SealBuckets(store, settings, lasting.refresh)), SEAL_EVERY_S),
        Job("prune", OnAgreedClock(store.server, Prune(store, settings)), PRUNE_EVERY_S),
        Job("clear", OnAgreedClock(store.server, ClearSites(store, settings)), PRUNE_EVERY_S, of_no_site=True),
        Job("salts", OnAgreedClock(store.server, lasting.salts), SALTS_EVERY_S, of_no_site=True),
        Job("suggest", SuggestHalfLives(store, settings), SUGGEST_EVERY_S),
        Job("pulse", TakePulse(store, settings, lasting.refresh), PULSE_EVERY_S),
        Job("concentration", TakeConcentration(store), PULSE_EVERY_S),
        Job("feeds", ReadFeeds(store, settings), FEEDS_EVERY_S),
        Job("discover", lasting.discover, DISCOVER_EVERY_S),
    ]


class Row(NamedTuple):
    """`share`: how far into a beat the site's turn is, from 0 to less than 1. What readers see is done at the beat."""

    job: Job
    site: str
    share: float

    def beat(self, now: float) -> float:
        """A moment of the present beat at which this row is to run; both epoch seconds."""
        every_s = self.job.every_s
        return now // every_s * every_s + (0.0 if self.job.at_once else every_s * self.share)


def rows_of(jobs: list[Job], sites: list[str]) -> dict[str, Row]:
    """The rows of the table by name, each job for each site, or once."""
    shares = {site: number / len(sites) for number, site in enumerate(sites)}
    once = {OF_NO_SITE: 0.0}
    rows = [Row(job, *each) for job in jobs for each in (once if job.of_no_site else shares).items()]
    return {f"{row.job.name} {row.site}": row for row in rows}


async def _unnoted(_: JobRun) -> None:
    pass


def _kept(_: Collection[str]) -> None:
    pass


class Scheduler:
    """Runs the table until it is stopped, for the sites of this process.

    `note` gets each run once it has ended, `forget` the sites that this process works for no longer.
    """

    def __init__(
        self,
        jobs: list[Job],
        sites: list[str],
        leases: SiteLeases,
        *,
        clock: Callable[[], float] = time.time,
        note: Note = _unnoted,
        forget: Callable[[Collection[str]], None] = _kept,
    ) -> None:
        self._note = note
        self._forget = forget
        self._rows = rows_of(jobs, sites)
        self._leases = leases
        self._clock = clock
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._places = {at_once: asyncio.Semaphore(MOST_AT_ONCE) for at_once in (True, False)}
        self._waiting: set[str] = set()
        self._publishing: Counter[str] = Counter()
        self._failing: dict[tuple[str, str], tuple[float, Backoff]] = {}  # -> (not before, monotonic; backoff)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run every job on beats that are whole multiples of its interval since the epoch; see `Row.beat`."""
        for name, row in self._rows.items():
            self._add(name, row)
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_clock_loop())

    def hurry(self) -> None:
        """Run every job once now."""
        for name in self._rows:
            self._begin(name)

    def begin(self, sites: Collection[str]) -> None:
        """Run every job of some sites once now: this process has just begun to work for them."""
        for name, row in self._rows.items():
            if row.site in sites:
                self._begin(name)

    def end(self, sites: Collection[str]) -> None:
        """Drop what is known of some sites: other processes work for them now."""
        self._forget(sites)

    def is_publishing(self, site: str) -> bool:
        """Whether a job whose work readers see runs for a site."""
        return self._publishing[site] > 0

    def use(self, jobs: list[Job], sites: list[str]) -> None:
        """Go on with another table. A row keeps its beat where that is the same; a run under way ends as it began."""
        before, self._rows = self._rows, rows_of(jobs, sites)
        for name in before.keys() - self._rows.keys():
            self._scheduler.remove_job(name)
        for name, (job, site, _) in self._rows.items():
            known = before.get(name)
            if known is None or known.job.every_s != job.every_s:
                self._add(name, self._rows[name])
            if known is None or job.at_once:
                self._failing.pop((job.name, site), None)
                self._begin(name)

    async def stop(self) -> None:
        """Start nothing more and return when what is running has ended."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
        self._scheduler.pause()
        while self._running:
            # `wait` lets the event loop run even where all tasks are done; `gather` does not on Python 3.12 and newer,
            # and the callbacks that empty `_running` would never be called.
            await asyncio.wait(self._running)
        self._scheduler.shutdown(wait=False)

    async def _watch_clock_loop(self) -> None:
        """Plan all rows anew, and run them once, whenever the wall clock was set."""
        ahead_s = self._clock() - time.monotonic()
        while True:
            await asyncio.sleep(CLOCK_LOOK_S)
            before_s, ahead_s = ahead_s, self._clock() - time.monotonic()
            if abs(ahead_s - before_s) > CLOCK_STEP_S:
                log.warning("The clock was set. All jobs are planned anew.", by_s=round(ahead_s - before_s, 1))
                for name, row in self._rows.items():
                    self._add(name, row)
                self.hurry()

    def _add(self, name: str, row: Row) -> None:
        """Run a row on its beat."""
        job, aligned = row.job, datetime.fromtimestamp(row.beat(self._clock()), UTC)
        self._scheduler.add_job(
            self._tracked,
            IntervalTrigger(seconds=job.every_s, start_date=aligned, timezone=UTC),
            args=[name],
            id=name,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    async def _tracked(self, name: str) -> None:
        if name in self._rows:
            self._begin(name)

    def _begin(self, name: str) -> None:
        if not self._leases.epoch(self._rows[name].site):
            return
        task = asyncio.create_task(self._in_turn(name))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _in_turn(self, name: str) -> None:
        """Run a row as it is once the run of it that is under way has ended, and it is its turn among all rows.

        One that waits is enough.
        """
        row = self._rows.get(name)
        if row is None or name in self._waiting:
            return
        self._waiting.add(name)
        async with self._turns[name], self._places[row.job.at_once]:
            self._waiting.discard(name)
            row = self._rows.get(name)
            if row is not None and not self._stopping:
                await self._run(row.job, row.site)

    async def _run(self, job: Job, site: str) -> None:
        now, epoch = self._clock(), self._leases.epoch(site)
        if not epoch:
            return
        not_before, backoff = self._failing.get((job.name, site)) or (0.0, Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S))
        started = time.monotonic()
        if started < not_before:
            return
        self._publishing[site] += job.at_once
        try:
            done = await job.run(site, now, epoch)
        except OvertakenError as error:
            metrics.overtaken(job.name)
            self._leases.overtaken(site, error.epoch)
            log.warning(
                "Another process has published since. This one works for the site no more.",
                job=job.name,
                site=site,
                epoch=error.epoch,
            )
            return
        except Exception as error:  # one bad run must not end the loop
            if isinstance(error, StoreMovingError):  # it is over soon, and nobody is spared by longer pauses
                backoff.reset()
            pause_s = backoff.next_s()
            self._failing[job.name, site] = (time.monotonic() + pause_s, backoff)
            expected = isinstance(error, PopulerError)
            level = log.warning if isinstance(error, StoreUnavailableError) else log.error
            level(
                "job failed",
                job=job.name,
                site=site,
                error=str(error),
                retry_s=pause_s,
                exc_info=not expected,
            )
            await self._noted(JobRun(job.name, site, now, time.monotonic() - started, job.every_s, epoch, str(error)))
            return
        finally:
            self._publishing[site] -= job.at_once
        if self._failing.pop((job.name, site), None):
            log.info("A job works again.", job=job.name, site=site)
        took_s = time.monotonic() - started
        log.debug("job done", job=job.name, site=site, seconds=round(took_s, 4), **done)
        await self._noted(JobRun(job.name, site, now, took_s, job.every_s, epoch, done=done))

    async def _noted(self, run: JobRun) -> None:
        metrics.ran(run)
        with contextlib.suppress(PopulerError):  # the store is away: the work itself says so
            await self._note(run)
