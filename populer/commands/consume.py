"""`populer consume`: a topic's records are counted, each once, straight into the store.

Records are read in a thread and counted in the event loop, one after the other: nothing is on its way when a partition
goes to another consumer.
"""

import asyncio
import contextlib
import functools
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC
from typing import Any, Final, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Counted

from api.filtering.visitors import Sender, Visitors
from populer.commands.kafka_topic import Topic, address_of
from populer.commands.options import site_named, store_url
from populer.config import Loaded
from populer.log_files.stream_records import BadRecordError, Decode, decoder, events_of
from populer.service import logs
from populer.service.metrics_port import serving_registry
from populer.stores import opened_store
from ranking.errors import OtherWriterError, PopulerError
from ranking.intake.events import Intake
from ranking.intake.visits import Identity
from ranking.recording.batches import SeenVisits
from ranking.recording.partitions import LogRow, Partition
from ranking.recording.salts import Salts, overlap_s
from ranking.recording.terms import terms_of
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.times import parse_moment

log = structlog.get_logger("populer.consume")

T = TypeVar("T")

#: What is under way in the store at a stop has so long to end.
STOP_S: Final = 5.0
SAID_EVERY_S: Final = 30.0
#: Visitors whose hash is known: at most 20 MB.
REMEMBERED: Final = 50_000


def run(loaded: Loaded, url: str, *, group: str, site: str | None, start: str, metrics_port: int | None) -> None:
    """Consume until SIGTERM or SIGINT; what was read by then is counted and noted.

    Raises:
        PopulerError: an option, the topic or the store cannot be used.
    """
    settings, begin = loaded.settings, _start(start)
    logs.set_up(settings.service, role="consume")
    asyncio.run(_consume(settings, url, group, site_named(settings, site), begin, metrics_port))


async def _consume(
    settings: Settings, url: str, group: str, site: SiteSettings, start: str | float, metrics_port: int | None
) -> None:
    address = address_of(url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened_store(settings, store_url(settings)))
        salts = Salts(store.salts, clock=time.time, overlap_s=overlap_s(settings.ingest.dedupe_window_s))
        await salts.start()
        stack.push_async_callback(salts.stop)
        reading = _Reading(settings, site, store, salts, f"kafka {group} {address.topic}", stop)
        if metrics_port is not None:
            stack.enter_context(serving_registry("127.0.0.1", metrics_port, reading.metrics))
        topic = Topic(address, group, start, settings.consume.options, functools.partial(_begun, loop, reading))
        stack.push_async_callback(asyncio.to_thread, topic.close)
        print(f"ready {url}", flush=True)  # noqa: T201 - as `serve` says it
        said_at = loop.time()
        try:
            while not stop.is_set():
                messages = await asyncio.to_thread(topic.messages)
                await reading.take(topic, messages)
                if loop.time() >= said_at + SAID_EVERY_S:
                    said_at = loop.time()
                    reading.say(await asyncio.to_thread(topic.lag))
        except _StoppedError:
            pass  # the store is away: what it has not counted is read again
        finally:
            reading.say({})


def _begun(loop: asyncio.AbstractEventLoop, reading: "_Reading", number: int, read: int, before: Sequence[int]) -> int:
    """Called in the topic's thread."""
    return asyncio.run_coroutine_threadsafe(reading.begin(number, read, before), loop).result()


class _StoppedError(Exception):
    """A stop was asked for while the store did not answer."""


class _Reading:
    """The partitions that are read, and what has become of their records."""

    def __init__(
        self, settings: Settings, site: SiteSettings, store: Store, salts: Salts, writer: str, stop: asyncio.Event
    ) -> None:
        self._stop = stop
        self._settings, self._site, self._store, self._salts = settings, site, store, salts
        self._writer = writer
        self._visitors = Visitors(lambda: salts.current(time.time()))
        self._decode: Decode = decoder(settings.consume.fields)
        self._seen = SeenVisits()
        self._sender: Sender | None = None
        self._told: Callable[[str | None], Identity | None] = lambda _: None
        self._partitions: dict[int, Partition] = {}
        self._outcomes: Counter[str] = Counter()
        self.metrics = CollectorRegistry()
        self._records = Counted(
            "populer_consumed_records", "Records by what became of them", ["outcome"], registry=self.metrics
        )
        self._lag = Gauge("populer_consume_lag", "Records behind the end", ["partition"], registry=self.metrics)

    async def begin(self, number: int, read: int, before: Sequence[int]) -> int:
        """Take a partition; see `Partition.begin`."""
        terms = terms_of(self._settings, self._store.shards)
        partition = self._partitions[number] = Partition(
            self._store.counts, self._site.id, f"{self._writer} {number}", terms, self._seen
        )
        return await self._until_stopped(partition.begin(read, before))

    async def take(self, topic: Topic, messages: dict[int, list[Any]]) -> None:
        """Count what was read, and note how far."""
        read = {}
        for number, some in messages.items():
            rows = self._rows(some)
            if await self._record(topic, number, rows):
                read[number] = (rows[-1].offset + 1, self._partitions[number].numbers)
        await asyncio.to_thread(topic.commit, read)
        for number, lag in (await asyncio.to_thread(topic.lag)).items() if read else ():
            self._lag.labels(number).set(lag)

    async def _until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns.

        Raises:
            _StoppedError: a stop was asked for, and it did not end within STOP_S.
        """
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({working}, timeout=STOP_S)
        finally:
            stopping.cancel()
            if not working.done():
                working.cancel()
        if not working.done():
            raise _StoppedError
        return working.result()

    async def _record(self, topic: Topic, number: int, rows: Sequence[LogRow]) -> bool:
        """Count some rows. False: earlier ones are read again first."""
        partition = self._partitions[number]
        while True:
            try:
                counted, others = await self._until_stopped(partition.record(rows, int(time.time())))
            except OtherWriterError:
                place = await self._until_stopped(partition.begin(rows[0].offset, list(partition.numbers)))
                log.warning(
                    "The store lacks what was sent of a partition last. It is read again.",
                    partition=number, offset=place,
                )  # fmt: skip
                if place < rows[0].offset:
                    await asyncio.to_thread(topic.seek, number, place)
                    return False
            else:
                self._note("counted", counted)
                self._note("not counted", others)
                return True

    def _rows(self, messages: Sequence[Any]) -> list[LogRow]:
        intake = self._intake()
        rows = []
        for message in messages:
            _, written_ms = message.timestamp()
            value = message.value()
            try:
                wires = self._decode(value or b"", message.key(), written_ms / 1_000 if written_ms > 0 else None)
                rows.append(LogRow(message.offset(), events_of(wires, intake)))
            except BadRecordError as error:
                self._note(f"bad {error.reason}", 1)
                rows.append(LogRow(message.offset(), ()))
        return rows

    def _intake(self) -> Intake:
        ingest, site = self._settings.ingest, self._site
        identify = self._identify() if ingest.dedupe_window_s > 0 else None
        return Intake(
            ingest.known_kinds, time.time(), self._settings.retention.keep_s, trusted=True,
            item_pattern=site.item_finder, identify=identify, sources=self._settings.known_sources,
            secret=self._salts.secret, hosts=site.own_hosts, zone=site.zone,
        )  # fmt: skip

    def _identify(self) -> Callable[[str | None], Identity | None]:
        """The identity of a visitor, of the last ones without hashing their names again."""
        sender = self._visitors.server(self._site.id)
        if sender is not self._sender:
            self._sender, self._told = sender, functools.lru_cache(REMEMBERED)(sender)
        return self._told

    def _note(self, outcome: str, count: int) -> None:
        if count:
            self._outcomes[outcome] += count
            self._records.labels(outcome).inc(count)

    def say(self, lag: dict[int, int]) -> None:
        """Log what has become of the records so far."""
        log.info(
            "Records were consumed.",
            **{name.replace(" ", "_"): n for name, n in sorted(self._outcomes.items())},
            lag=sum(lag.values()),
        )


def _start(text: str) -> str | float:
    """The value of `--from`: earliest, latest or a time in epoch seconds."""
    if text in ("earliest", "latest"):
        return text
    try:
        return parse_moment(text, UTC)
    except ValueError as error:
        raise PopulerError(f"--from: expected earliest, latest or {error}, found {text!r}") from None
