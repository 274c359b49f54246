"""One command, the whole service: the store, API workers, the jobs, and what happens when one of them ends.

The parent binds the socket, starts the bundled Valkey where no other store is configured, starts the children, and
watches. A child that ends is started again; a store that ends is, too. A change of the settings' file is told to the
children while they work; SIGHUP has it read also where it has not changed, SIGUSR2 the workers replaced one by one. On
SIGTERM or SIGINT it stops the workers first (they answer what they have taken), then the jobs, then the store. A second
signal changes nothing: what was acknowledged is safe, and what was taken is answered first.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import structlog

from api.monitoring import metrics
from api.monitoring.metrics import SHARED_DIR
from populer.config import Loaded
from populer.console import say
from populer.service import site_keys
from populer.service.child import STOP_S, Child
from populer.service.child_messages import Orders
from populer.service.data_folder import check_folders, held
from populer.service.descriptors import raise_limit
from populer.service.file_watch import NO_FILE, FileContent
from populer.service.heartbeat import LOOK_EVERY_S
from populer.service.known_store import keep_store, known_life, known_shards
from populer.service.left_behind import ADVICE, left_behind
from populer.service.listening import address_of, listening
from populer.service.live_settings import LiveSettings
from populer.service.metrics_port import serving_metrics
from populer.service.process_metrics import LOOK_EVERY_S as MEASURE_EVERY_S
from populer.service.process_metrics import ProcessMetrics
from populer.service.reloading import keys_loop, settings_loop
from populer.stores import reached_store
from ranking.errors import PopulerError, SettingsError, StoreDeniedError, StoreUnavailableError
from ranking.settings.service import Settings
from ranking.store.embedded.server import EmbeddedValkey
from ranking.store.redis.link import usual_shards

log = structlog.get_logger("populer")

READY_WITHIN_S = 60.0
JOBS_STOP_S = 1.0
WATCH_EVERY_S = 0.5
SYNC_EVERY_S = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Part = Literal["all", "api", "jobs"]

#: Runs beside the service once it is ready, until it stops; gets the service's address.
Company = Callable[[str], Awaitable[None]]


async def serve(
    loaded: Loaded,
    *,
    only: Part = "all",
    metrics_port: int | None = None,
    page_provider: str | None = None,
    pages_from: float = 0.0,
    company: Company | None = None,
) -> None:
    """Run the service, or only a part of it, until SIGTERM or SIGINT.

    `metrics_port`: where the metrics are served without workers.

    Raises:
        PopulerError: it cannot start; one sentence says why and what to do.
    """
    stop, reload, replace = (asyncio.Event() for _ in range(3))
    settings = loaded.settings
    data_dir = settings.service.data_dir
    if only != "all" and settings.redis.url is None:
        raise SettingsError("redis.url: is not set, and parts that run apart share a store; name one that both reach")
    if metrics_port is not None and only != "jobs":
        raise SettingsError("--metrics-port: workers serve /metrics themselves; give it with --only jobs")
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_told_by_signals(stop, {signal.SIGHUP: reload, signal.SIGUSR2: replace}))
        raise_limit()
        sockets = [stack.enter_context(each) for each in (listening(settings.service) if only != "jobs" else ())]
        valkey = await _started_valkey(settings, stack)
        url = settings.redis.url or (valkey.url if valkey else "")
        await asyncio.to_thread(check_folders, data_dir)
        shards = await _shards_of(settings, url)
        if stop.is_set():
            return
        in_effect = LiveSettings(loaded, time.time(), partial(_check_store, shards=shards))
        orders = Orders("jobs", in_effect.raw, in_effect.state, url, shards)
        env = _shared_metrics(data_dir)
        stack.enter_context(serving_metrics(settings.service.host, metrics_port, Path(env[SHARED_DIR])))
        meter = ProcessMetrics(Path(env[SHARED_DIR]))
        jobs = [Child("jobs", orders, env, meter)] if only != "api" else []
        api = _of_sockets(orders, sockets)._replace(page_provider=page_provider, pages_from=pages_from)
        many = settings.service.workers if sockets else 0
        workers = [Child(f"api-{number}", api, env, meter) for number in range(many)]
        children = [*jobs, *workers]
        stack.push_async_callback(_stop_all, workers, jobs)
        for child in children:
            await child.start()
        address = address_of(sockets[0]) if sockets else "jobs"
        if not await _all_ready(children, stop):
            return
        loops = [
            *(child.watch() for child in children), _heartbeat_loop(children), _replace_loop(workers, replace),
            _measure_loop(meter, children, valkey),
        ]  # fmt: skip
        background = [asyncio.create_task(each) for each in loops]
        if valkey is not None:
            background += [asyncio.create_task(_watch_valkey(valkey)), asyncio.create_task(_sync_valkey(valkey))]

        def tell() -> None:
            for child in children:
                child.tell(in_effect)

        background.append(asyncio.create_task(keys_loop(data_dir / site_keys.FILE, in_effect, tell)))
        file = loaded.source.file
        if file.is_file() or not file.exists():  # what comes through a pipe comes once
            known = NO_FILE if loaded.content is None else FileContent(loaded.content)
            background.append(asyncio.create_task(settings_loop(file, known, reload, in_effect, tell)))
        if company is not None:
            background.append(asyncio.create_task(_accompany(company, address)))
        else:
            say(f"ready {address}", *(_next_steps(settings, address) if sockets else ()))
        stack.push_async_callback(_cancel, background)
        await stop.wait()
        await _drain(workers, in_effect.settings.service.drain_s)
        log.info("stopping")


async def _measure_loop(meter: ProcessMetrics, children: Sequence[Child], valkey: EmbeddedValkey | None) -> None:
    """Report what the processes use, until cancelled."""
    meter.began("main", time.time())
    while True:
        pids = [("main", os.getpid()), *((child.name, child.pid) for child in children)]
        pids.append(("valkey", None if valkey is None else valkey.pid))
        meter.look([(name, pid) for name, pid in pids if pid is not None])
        await asyncio.sleep(MEASURE_EVERY_S)


async def _heartbeat_loop(children: list[Child]) -> None:
    """Have children replaced whose event loop hangs, until cancelled."""
    looked_at = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        before, looked_at = looked_at, time.monotonic()
        for child in children:
            child.replace_if_hung(looked_at - before)


def _of_sockets(orders: Orders, sockets: Sequence[socket.socket]) -> Orders:
    """The orders of an API worker that serves these, the second of them for the service's own network."""
    descriptors = [*(each.fileno() for each in sockets), None, None]
    return orders._replace(role="api", socket_fd=descriptors[0], admin_fd=descriptors[1])


async def _replace_loop(workers: Sequence[Child], asked: asyncio.Event) -> None:
    """Replace the workers one by one whenever it is asked for, until cancelled."""
    while True:
        await asyncio.sleep(0)
        await asked.wait()
        asked.clear()
        log.info("The workers are replaced one by one.", workers=len(workers))
        for number, worker in enumerate(workers):
            if not await worker.replace(READY_WITHIN_S):
                log.error("A new worker is not ready, so the others stay. The log above says why.", replaced=number)
                break
        else:
            log.info("The workers are replaced.", workers=len(workers))


async def _drain(workers: Sequence[Child], drain_s: float) -> None:
    """Have the workers say for a while that they are not ready, so that nothing new is sent to them."""
    if not (drain_s and workers):
        return
    log.info("draining", seconds=drain_s)
    for worker in workers:
        worker.drain()
    await asyncio.sleep(drain_s)


@contextlib.contextmanager
def _told_by_signals(stop: asyncio.Event, others: Mapping[int, asyncio.Event]) -> Iterator[None]:
    """Set the event of each signal that comes; from the end on, ignore all until this process is gone.

    asyncio's own handlers end with its loop, and a Ctrl-C after that would turn a clean exit into an interrupted one.
    """
    loop = asyncio.get_running_loop()
    events = dict.fromkeys(STOP_SIGNALS, stop) | dict(others)
    for number, event in events.items():
        signal.signal(number, lambda *_, event=event: loop.call_soon_threadsafe(event.set))
    try:
        yield
    finally:
        for number in events:
            signal.signal(number, signal.SIG_IGN)


async def _accompany(company: Company, address: str) -> None:
    try:
        await company(address)
    except Exception:
        log.exception("The readers of the demo stopped. Start the demo again.")


async def _started_valkey(settings: Settings, stack: contextlib.AsyncExitStack) -> EmbeddedValkey | None:
    if settings.redis.url is not None:
        stack.enter_context(held(settings.service.data_dir))
        if unused := left_behind(settings):
            log.warning("A bundled store is here that redis.url leaves unused.", folder=str(unused[0]), advice=ADVICE)
        return None
    limit = settings.redis.maxmemory
    valkey = EmbeddedValkey(
        settings.service.data_dir,
        maxmemory=None if limit is None else str(limit),
        always=settings.ingest.ack == "disk",
    )
    stack.push_async_callback(asyncio.to_thread, valkey.stop)
    await asyncio.to_thread(valkey.start)
    return valkey


async def _watch_valkey(valkey: EmbeddedValkey) -> None:
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        if valkey.alive():
            continue
        try:
            if await asyncio.to_thread(valkey.ensure):
                log.error("The bundled Valkey ended. It was started again.")
        except PopulerError as error:
            log.warning("The bundled Valkey ended and does not start. It is tried again.", error=str(error))


async def _sync_valkey(valkey: EmbeddedValkey) -> None:
    while True:
        await asyncio.sleep(SYNC_EVERY_S)
        try:
            await asyncio.to_thread(valkey.sync)
        except OSError as error:
            log.warning("The files of the bundled Valkey do not reach the disk. Check the disk.", error=str(error))


async def _shards_of(settings: Settings, url: str) -> int:
    """How many shards the store has, as far as it is known: one that is away is not waited for.

    Raises:
        PopulerError: it cannot be used; or it has never been, and does not let us in.
    """
    data_dir = settings.service.data_dir
    known = known_shards(data_dir)
    try:
        shards, life = await reached_store(settings, url, known_life=known_life(data_dir, url))
    except (StoreUnavailableError, StoreDeniedError) as error:
        if isinstance(error, StoreDeniedError) and not known:
            raise  # whoever starts it for the first time wants to know
        log.warning(
            "The store is away. The service starts without it, and connects once it is there.", error=str(error)
        )
        return settings.redis.shards or known or usual_shards(url)
    try:
        keep_store(data_dir, url, shards, life)
    except OSError as error:
        log.warning("What is known of the store was not written down.", error=str(error))
    return shards


def _check_store(settings: Settings, shards: int) -> None:
    """Return if a store that the settings name may be used, or is away.

    Raises:
        PopulerError: it cannot be used.
    """
    url = settings.redis.url
    if url is not None:
        with contextlib.suppress(StoreUnavailableError, StoreDeniedError):
            asyncio.run(reached_store(settings, url, shards, known_life(settings.service.data_dir, url)))


def _shared_metrics(data_dir: Path) -> dict[str, str]:
    """The environment of processes that share their metrics through files, which are of this run only."""
    folder = data_dir / metrics.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink(missing_ok=True)
    return {**os.environ, SHARED_DIR: str(folder)}


async def _all_ready(children: list[Child], stop: asyncio.Event) -> bool:
    """Wait for every child; False if a stop was asked for first.

    Raises:
        PopulerError: a child ended or took too long.
    """
    waiting = asyncio.ensure_future(asyncio.gather(*(child.ready() for child in children)))
    stopped = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {waiting, stopped}
    await asyncio.wait(either, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    in_time = waiting.done()
    await _cancel([waiting, stopped])
    if stop.is_set():
        return False
    if not in_time:
        raise PopulerError(
            f"the service was not ready within {READY_WITHIN_S:.0f} s; the log above says what it waits for"
        )
    if not all(waiting.result()):
        raise PopulerError("a process of the service ended before it was ready; the log above says why")
    return True


async def _stop_all(workers: Sequence[Child], jobs: Sequence[Child]) -> None:
    until = time.monotonic() + STOP_S + JOBS_STOP_S
    await asyncio.gather(*(worker.stop(STOP_S) for worker in workers))
    for each in jobs:
        await each.stop(max(JOBS_STOP_S, until - time.monotonic()))


async def _cancel(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _next_steps(settings: Settings, address: str) -> list[str]:
    """What whoever has started the service can do now."""
    keys = settings.service.data_dir / site_keys.FILE
    with_key = f"with the admin key in {keys}" if keys.exists() else "with an admin key of the settings"
    return [
        f"open {address}/ for the lines to put into pages, and how articles are described; Ctrl-C ends the service",
        f"open {address}/ops {with_key} to see the lists, and how the service fares",
    ]
