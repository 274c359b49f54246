"""Live: what one worker has for its requests, and how it goes over to other settings without dropping one.

What stands on settings alone (the gate, the context of a request) is made anew and takes the old one's place in a
single assignment; what remembers something (connections, open batches, the spool, the lists in memory, salts, who sent
how much) lives on and is told. A request that has begun ends under the settings that it began under. Rejected: settings
that are changed in place, as a request would see half of the old ones and half of the new.
"""

import asyncio
import contextlib
import math
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
from api.monitoring.config_state import ConfigState
from api.monitoring.traffic import Traffic
from api.serving.followed_site import ended
from api.serving.published_lists import PublishedLists
from api.serving.templating import Templates
from ranking.errors import PopulerError
from ranking.recording.batches import Admission, Terms
from ranking.recording.overflow import Spooling
from ranking.recording.recorder import Recorder
from ranking.recording.salts import Salts, overlap_s
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.store.spool.spool import Spool, orphans

log = structlog.get_logger("api")

SALTS_WITHIN_S = 1.0
"""A reload waits so long for salts; then visitors are told apart under one of the worker's own until they are there."""

SAID_WITHIN_S = 0.5
"""So long a stop waits for the last minute's traffic to be written down."""


class WorkerRuntime:
    """One worker's parts on an open `store`. `context` is what requests that begin now are served from."""

    def __init__(
        self, settings: Settings, store: Store, clock: Callable[[], float], spool_dir: Path | None, config: ConfigState
    ) -> None:
        writer = secrets.token_hex(8)
        spooling = _spooling(settings, store, spool_dir, writer) if spool_dir and settings.ingest.spool else None
        terms = _terms(settings, store.shards)
        recorder = Recorder(
            store,
            writer=writer,
            on_commit=metrics.committed,
            overflow=spooling,
            on_lost=metrics.lost,
            **terms._asdict(),
        )
        self._salts = Salts(store, clock=clock, overlap_s=overlap_s(settings.ingest.dedupe_window_s))
        self._visitors = Visitors(lambda: self._salts.current(clock()))
        self._salting: asyncio.Task[None] | None = None
        gate = EventFilter(settings, self._visitors_under(settings))
        callers = Callers(settings, gate.client, clock)
        board = PublishedLists(store, settings)
        lookout = AlarmFacts(store, board.listed, clock, lambda: 0 if spooling is None else spooling.events)
        traffic = Traffic(store.logbook.note_traffic)
        templates = Templates(settings.service.templates)
        self.context = Context(
            settings, store, recorder, board, clock, gate, callers, config, lookout, traffic, templates, spooling
        )
        self._beside: list[asyncio.Task[None]] = []
        self.streams = Streams(self.now)

    def now(self) -> Context:
        """The context of a request that begins now."""
        return self.context

    async def start(self) -> None:
        """Take over what is published, and whatever dead workers have left."""
        await self.context.board.start()
        self.streams.start()
        if self._visitors_under(self.context.settings):
            await self._salted(None)
        if self.context.spooling is not None:
            self.context.spooling.start()
        lookout, traffic = self.context.lookout, self.context.traffic
        looking = lookout.poll_loop(lambda: self.context.settings)
        self._beside = [asyncio.create_task(each) for each in (looking, lookout.report_loop(), traffic.announce_loop())]

    async def stop(self) -> None:
        """Count what has been taken, then end."""
        await self.streams.stop()
        await self.context.recorder.drain()
        await ended(self._beside)
        with contextlib.suppress(PopulerError, TimeoutError):
            await asyncio.wait_for(self.context.traffic.say(), SAID_WITHIN_S)
        if self.context.spooling is not None:
            await self.context.spooling.stop()
        await self.context.board.stop()
        if self._salting is not None:
            self._salting.cancel()
            await asyncio.wait({self._salting})
        await self._salts.stop()

    async def use(self, settings: Settings, config: ConfigState) -> None:
        """Serve what begins from now on under `settings`; what of them takes a start is as it was."""
        before = self.context
        gate = EventFilter(settings, self._visitors_under(settings), before.gate)
        callers = Callers(settings, gate.client, before.clock, before.callers)
        self._salts.use(overlap_s(settings.ingest.dedupe_window_s))
        if self._visitors_under(settings):
            await self._salted(SALTS_WITHIN_S)
        if before.spooling is not None:
            await before.spooling.use(keep_s=settings.retention.keep_s, max_bytes=settings.ingest.spool)
        before.recorder.use(_terms(settings, before.store.shards))
        before.board.use(settings)
        templates = Templates(settings.service.templates)  # read anew, as they may be why the file was touched
        self.context = self.context._replace(
            settings=settings, gate=gate, callers=callers, config=config, templates=templates
        )

    def say(self, config: ConfigState) -> None:
        """Go on under the same settings, and say this of them."""
        self.context = self.context._replace(config=config)

    def _visitors_under(self, settings: Settings) -> Visitors | None:
        return self._visitors if settings.ingest.dedupe_window_s > 0 else None

    async def _salted(self, within_s: float | None) -> None:
        """Have the salts fetched the first time that they are needed, and wait for them so long."""
        if self._salting is None:
            self._salting = asyncio.create_task(self._salts.start())
            await asyncio.wait({self._salting}, timeout=within_s)


def _terms(settings: Settings, shards: int) -> Terms:
    ingest, retention = settings.ingest, settings.retention
    return Terms(
        bucket_s=retention.bucket_s,
        keep_s=retention.keep_s,
        deadline_s=ingest.deadline_s,
        max_pending=ingest.max_pending,
        overflow_after_s=ingest.spool_after_s,
        admission=Admission(
            span_s=int(ingest.dedupe_window_s),
            known_s=int(retention.keep_s),
            new_items=math.ceil(ingest.new_items / shards),
        ),
    )


def _spooling(settings: Settings, store: Store, folder: Path, writer: str) -> Spooling:
    def in_use(used: bool) -> None:
        log.warning("events wait on disk for the store" if used else "the events that waited on disk are counted")

    return Spooling(
        Spool(folder, writer, max_bytes=settings.ingest.spool),
        store,
        keep_s=settings.retention.keep_s,
        find_orphans=partial(orphans, folder, writer),
        on_change=in_use,
    )
