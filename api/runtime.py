"""The parts of one worker, and their change to new settings without dropping a request.

Parts without state (the event filter, the context of a request) are built anew and replace the old ones in one
assignment. Parts with state (connections, open batches, the spool, the lists in memory, salts, rate limits) stay and
take the new settings.

Invariant: a request ends under the settings that it began under.

Rejected: changing settings in place; a request would see half of the old ones and half of the new.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from api.context import Context
from api.endpoints.streams import Streams
from api.filtering.callers import Callers
from api.filtering.event_filter import EventFilter
from api.filtering.visitors import Visitors
from api.monitoring import metrics
from api.monitoring.alarm_facts import AlarmFacts
from api.monitoring.attempts import Attempts
from api.monitoring.config_state import ConfigState
from api.monitoring.flushing import flush_loop
from api.monitoring.page_addresses import PageAddresses
from api.monitoring.traffic import Traffic
from api.serving.followed_site import cancel_all
from api.serving.kept_lists import KeptLists
from api.serving.published_lists import PublishedLists
from api.serving.templating import Templates
from ranking.errors import PopulerError
from ranking.recording.overflow import Spooling
from ranking.recording.recorder import Recorder
from ranking.recording.salts import Salts, overlap_s
from ranking.recording.terms import terms_of
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.store.spool.marks_secret import keep_secret, kept_secret
from ranking.store.spool.spool import Spool, orphans

log = structlog.get_logger("api")

PATIENCE_S = 2.0
"""How long a start waits for the store; what it has not answered by then is loaded later."""

SAID_WITHIN_S = 0.5
"""How long a stop waits for the last minute's traffic to be stored."""


class WorkerRuntime:
    """One worker's parts on an open `store`. `context` serves the requests that begin now."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], float],
        spool_dir: Path | None,
        config: ConfigState,
        lists_dir: Path | None,
    ) -> None:
        self._writer = writer = secrets.token_hex(8)
        spooling = _spooling(settings, store, spool_dir, writer) if spool_dir and settings.ingest.spool else None
        terms = terms_of(settings, store.shards)
        recorder = Recorder(
            store.counts,
            writer=writer,
            on_commit=metrics.committed,
            overflow=spooling,
            on_lost=metrics.lost,
            **terms._asdict(),
        )
        self._salts = Salts(
            store.salts,
            clock=clock,
            overlap_s=overlap_s(settings.ingest.dedupe_window_s),
            secret=kept_secret(spool_dir) if spool_dir else b"",
            keep_secret=partial(keep_secret, spool_dir) if spool_dir else lambda _: None,
        )
        self._visitors = Visitors(lambda: self._salts.current(clock()))
        event_filter = EventFilter(settings, self._visitors_under(settings))
        callers = Callers(settings, event_filter.client, clock)
        kept = KeptLists(lists_dir) if lists_dir else None
        published_lists = PublishedLists(store, settings, clock, kept)
        alarm_facts = AlarmFacts(
            store, published_lists.listed, clock, lambda: 0 if spooling is None else spooling.events
        )
        traffic = Traffic(store.logbook.note_traffic)
        attempts = Attempts(store.logbook.note_attempts)
        page_addresses = PageAddresses(store.logbook, clock)
        templates = Templates(settings.service.templates)
        self.context = Context(
            settings,
            store,
            recorder,
            published_lists,
            clock,
            event_filter,
            callers,
            config,
            alarm_facts,
            traffic,
            attempts,
            page_addresses,
            templates,
            spooling,
            lambda: self._salts.secret,
        )
        self._beside: list[asyncio.Task[None]] = []
        self._starting: list[asyncio.Task[None]] = []
        self.streams = Streams(self.now)

    def now(self) -> Context:
        """The context of a request that begins now."""
        return self.context

    async def start(self) -> None:
        """Load the published lists, and adopt the spools of dead workers. A store that hangs is not waited for."""
        self._starting = [
            asyncio.create_task(each) for each in (self.context.published_lists.start(), self._salts.start())
        ]
        done, _ = await asyncio.wait(self._starting, timeout=PATIENCE_S)
        for task in done:
            task.result()
        self.streams.start()
        if self.context.spooling is not None:
            self.context.spooling.start()
        alarm_facts, traffic, attempts = self.context.alarm_facts, self.context.traffic, self.context.attempts
        looking = alarm_facts.poll_loop(lambda: (self.context.settings, self.context.config), self._writer)
        self._beside = [
            asyncio.create_task(each)
            for each in (
                looking,
                self._report_loop(),
                flush_loop(traffic.flush),
                flush_loop(attempts.flush),
                flush_loop(self.context.page_addresses.flush),
                self.context.published_lists.keep_loop(),
            )
        ]

    async def _report_loop(self) -> None:
        """Report the open streams and what waits in the spool every second, until cancelled."""
        while True:
            metrics.streaming(self.streams.open)
            if (spooling := self.context.spooling) is not None:
                metrics.spooled(spooling.events)
                metrics.spool_on_disk(spooling.size, spooling.in_use_s)
            await asyncio.sleep(metrics.EXPORT_EVERY_S)

    async def stop(self) -> None:
        """Record the accepted events, then stop every part."""
        await self.streams.stop()
        await self.context.recorder.drain()
        await cancel_all([*self._starting, *self._beside])
        with contextlib.suppress(PopulerError, TimeoutError):
            await asyncio.wait_for(self.context.traffic.flush(), SAID_WITHIN_S)
            await asyncio.wait_for(self.context.attempts.flush(), SAID_WITHIN_S)
        if self.context.spooling is not None:
            await self.context.spooling.stop()
        await self.context.published_lists.stop()
        await self._salts.stop()

    async def use(self, settings: Settings, config: ConfigState) -> None:
        """Serve new requests under `settings`; those that take a restart keep their value."""
        before = self.context
        event_filter = EventFilter(settings, self._visitors_under(settings), before.event_filter)
        callers = Callers(settings, event_filter.client, before.clock, before.callers)
        self._salts.use(overlap_s(settings.ingest.dedupe_window_s))
        if before.spooling is not None:
            await before.spooling.use(keep_s=settings.retention.keep_s, max_bytes=settings.ingest.spool)
        before.recorder.use(terms_of(settings, before.store.shards))
        before.published_lists.use(settings)
        templates = Templates(settings.service.templates)  # read anew, as they may be why the file was touched
        self.context = self.context._replace(
            settings=settings, event_filter=event_filter, callers=callers, config=config, templates=templates
        )

    def drain(self) -> None:
        """Say that this worker is not ready, and serve on."""
        self.context = self.context._replace(draining=True)

    def set_config_state(self, state: ConfigState) -> None:
        """Report `state`; keep the settings."""
        self.context = self.context._replace(config=state)

    def _visitors_under(self, settings: Settings) -> Visitors | None:
        ingest = settings.ingest
        return self._visitors if ingest.dedupe_window_s > 0 or ingest.network_allowance else None


def _spooling(settings: Settings, store: Store, folder: Path, writer: str) -> Spooling:
    def in_use(used: bool) -> None:
        log.warning(
            "Events wait in the spool for the store." if used else "The spool is empty: all its events are counted."
        )

    return Spooling(
        Spool(folder, writer, max_bytes=settings.ingest.spool),
        store.counts,
        keep_s=settings.retention.keep_s,
        find_orphans=partial(orphans, folder, writer),
        on_change=in_use,
    )
