"""One command, the whole service: the store, API workers, the jobs, and what happens when one of them ends.

The parent binds the socket, starts the bundled Valkey where no other store is configured, starts the children, and
watches. A child that ends is started again; a store that ends is, too. A change of the settings' file is told to the
children while they work; SIGHUP has it read also where it has not changed. On SIGTERM or SIGINT it stops the workers
first (they answer what they have taken), then the jobs, then the store. A second signal changes nothing: what was
acknowledged is safe, and what was taken is answered first.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from api.monitoring import metrics
from api.monitoring.metrics import SHARED_DIR
from populer.config import Loaded
from populer.service import site_keys
from populer.service.child_messages import Orders
from populer.service.child_output import relay
from populer.service.data_folder import check_folders, held
from populer.service.descriptors import raise_limit
from populer.service.file_watch import NO_FILE, FileContent
from populer.service.heartbeat import HUNG_S, LOOK_EVERY_S, Heartbeat
from populer.service.known_store import keep_store, known_life, known_shards
from populer.service.left_behind import ADVICE, left_behind
from populer.service.live_settings import LiveSettings
from populer.service.reloading import keys_loop, settings_loop
from populer.stores import reached_store
from ranking.errors import PopulerError, SettingsError, StoreDeniedError, StoreUnavailableError
from ranking.settings.service import Settings
from ranking.store.embedded.server import EmbeddedValkey
from ranking.store.redis.link import usual_shards

log = structlog.get_logger("populer")

BACKLOG = 2048
READY_WITHIN_S = 60.0
WORKERS_STOP_S, JOBS_STOP_S = 6.5, 1.0
WATCH_EVERY_S = 0.5
SYNC_EVERY_S = 1.0
#: A child that ends sooner than this after its start waits as long before it is started again.
SETTLED_S = 3.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

#: Runs beside the service once it is ready, until it stops; gets the service's address.
Company = Callable[[str], Awaitable[None]]


class PortTakenError(PopulerError):
    """Somebody else listens there."""


class _Child:
    """One child process, started again whenever it ends."""

    def __init__(self, orders: Orders, env: dict[str, str], metrics_dir: Path | None = None) -> None:
        self.orders = orders
        self._env = env
        self._metrics_dir = metrics_dir
        self._process: asyncio.subprocess.Process | None = None
        self._started_at = 0.0
        self._ready = asyncio.Event()
        self._relaying: asyncio.Task[None] | None = None
        self._heart: Heartbeat | None = None

    async def start(self) -> None:
        heart = Heartbeat()
        passed = [self.orders.socket_fd, self.orders.admin_fd, heart.child_fd]
        self._started_at = time.monotonic()
        self._ready.clear()
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing is imported from the working directory
            "-m",
            "populer.service.child_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[each for each in passed if each is not None],
            env=self._env,
            start_new_session=True,  # Ctrl-C is for the parent, which stops us in order
        )
        if process.stdin is not None:
            process.stdin.write(self.orders._replace(beat_fd=heart.child_fd).line())
        if process.stdout is not None:
            self._relaying = asyncio.create_task(relay(process.stdout, self._ready.set, self._log_output))
        heart.started()
        if self._heart is not None:
            self._heart.close()
        self._heart = heart

    def replace_if_hung(self, elapsed_s: float) -> None:
        """Kill it if its event loop hangs, `elapsed_s` after the last look; `watch` starts another."""
        process = self._process
        if process is None or process.returncode is not None or self._heart is None:
            return
        if self._heart.is_hung(process.pid, elapsed_s):
            log.error(
                f"The event loop of a process has not turned for {HUNG_S:.0f} s. The process is killed and replaced.",
                role=self.orders.role,
                child=process.pid,
            )
            if self._metrics_dir is not None:
                metrics.count_hung(self.orders.role, self._metrics_dir)
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def tell(self, in_effect: LiveSettings) -> None:
        """Have it go by these settings from now on, and whatever takes its place."""
        url = in_effect.settings.redis.url or self.orders.redis_url
        self.orders = self.orders._replace(raw=in_effect.raw, config=in_effect.state, redis_url=url)
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(self.orders.line())

    async def ready(self) -> bool:
        """Wait for the child's ready line; False if the child closed its output instead."""
        if self._relaying is None:
            return False
        ready = asyncio.ensure_future(self._ready.wait())
        try:
            await asyncio.wait({ready, self._relaying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        return self._ready.is_set()

    def _log_output(self, line: str) -> None:
        log.warning("A process printed on its stdout.", role=self.orders.role, line=line)

    async def watch(self) -> None:
        """Start it again whenever it ends; cancelled when the service stops."""
        while self._process is not None:
            code = await self._process.wait()
            if SHARED_DIR in self._env:
                metrics.forget_worker(self._process.pid, Path(self._env[SHARED_DIR]))
            lived_s = time.monotonic() - self._started_at
            log.error(
                "a process ended and is started again", role=self.orders.role, code=code, lived_s=round(lived_s, 1)
            )
            if lived_s < SETTLED_S:
                await asyncio.sleep(SETTLED_S)
            await self.start()

    async def stop(self, within_s: float) -> None:
        """SIGTERM, then SIGKILL once `within_s` have passed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            log.warning("a process did not stop in time and is killed", role=self.orders.role)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def serve(
    loaded: Loaded, *, page_provider: str | None = None, pages_from: float = 0.0, company: Company | None = None
) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises:
        PopulerError: it cannot start; one sentence says why and what to do.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    settings = loaded.settings
    data_dir = settings.service.data_dir
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_told_by_signals(stop, reload))
        raise_limit()
        listening = stack.enter_context(_bound(settings.service.host, settings.service.port))
        admin_fd = None
        if settings.service.admin_port is not None:
            admin_fd = stack.enter_context(_bound(settings.service.host, settings.service.admin_port)).fileno()
        valkey = await _started_valkey(settings, stack)
        url = settings.redis.url or (valkey.url if valkey else "")
        await asyncio.to_thread(check_folders, data_dir)
        shards = await _shards_of(settings, url)
        if stop.is_set():
            return
        in_effect = LiveSettings(loaded, time.time(), partial(_check_store, shards=shards))
        orders = Orders("jobs", in_effect.raw, in_effect.state, url, shards)
        env = _api_environment(data_dir)
        jobs = _Child(orders, dict(os.environ), data_dir / metrics.FOLDER)
        api = orders._replace(
            role="api",
            socket_fd=listening.fileno(),
            admin_fd=admin_fd,
            page_provider=page_provider,
            pages_from=pages_from,
        )
        workers = [_Child(api, env, data_dir / metrics.FOLDER) for _ in range(settings.service.workers)]
        stack.push_async_callback(_stop_all, workers, jobs)
        for child in (jobs, *workers):
            await child.start()
        address = _address(settings.service.host, listening.getsockname()[1])
        if not await _all_ready([jobs, *workers], stop):
            return
        background = [asyncio.create_task(child.watch()) for child in (jobs, *workers)]
        background.append(asyncio.create_task(_heartbeat_loop([jobs, *workers])))
        if valkey is not None:
            background += [asyncio.create_task(_watch_valkey(valkey)), asyncio.create_task(_sync_valkey(valkey))]

        def tell() -> None:
            for child in (jobs, *workers):
                child.tell(in_effect)

        background.append(asyncio.create_task(keys_loop(data_dir / site_keys.FILE, in_effect, tell)))
        file = loaded.source.file
        if file.is_file() or not file.exists():  # what comes through a pipe comes once
            known = NO_FILE if loaded.content is None else FileContent(loaded.content)
            background.append(asyncio.create_task(settings_loop(file, known, reload, in_effect, tell)))
        if company is not None:
            background.append(asyncio.create_task(_accompany(company, address)))
        else:
            print(f"ready {address}", flush=True)  # noqa: T201 - the contract's line
        stack.push_async_callback(_cancel, background)
        await stop.wait()
        log.info("stopping")


async def _heartbeat_loop(children: list[_Child]) -> None:
    """Have children replaced whose event loop hangs, until cancelled."""
    looked_at = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        before, looked_at = looked_at, time.monotonic()
        for child in children:
            child.replace_if_hung(looked_at - before)


@contextlib.contextmanager
def _told_by_signals(stop: asyncio.Event, reload: asyncio.Event) -> Iterator[None]:
    """Set `stop` on SIGTERM and SIGINT, `reload` on SIGHUP; from the end on, ignore all until this process is gone.

    asyncio's own handlers end with its loop, and a Ctrl-C after that would turn a clean exit into an interrupted one.
    """
    loop = asyncio.get_running_loop()
    for number, event in (*((number, stop) for number in STOP_SIGNALS), (signal.SIGHUP, reload)):
        signal.signal(number, lambda *_, event=event: loop.call_soon_threadsafe(event.set))
    try:
        yield
    finally:
        for number in (*STOP_SIGNALS, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


async def _accompany(company: Company, address: str) -> None:
    try:
        await company(address)
    except Exception:
        log.exception("the demo's readers stopped")


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OverflowError:
        raise SettingsError(f"service.port: expected a port from 0 to 65535, found {port}") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        kind = PortTakenError if error.errno == errno.EADDRINUSE else PopulerError
        raise kind(
            f"cannot listen on {host} port {port}: {reason.lower()}; stop what uses it, or choose another with --port"
        ) from error
    listening.set_inheritable(True)
    return listening


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
                log.error("the bundled Valkey ended and was started again")
        except PopulerError as error:
            log.warning("the bundled Valkey ended and does not start", error=str(error))


async def _sync_valkey(valkey: EmbeddedValkey) -> None:
    while True:
        await asyncio.sleep(SYNC_EVERY_S)
        try:
            await asyncio.to_thread(valkey.sync)
        except OSError as error:
            log.warning("the bundled Valkey's files do not reach the disk", error=str(error))


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


def _api_environment(data_dir: Path) -> dict[str, str]:
    """The workers share their metrics through files, which are of this run only."""
    folder = data_dir / metrics.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink(missing_ok=True)
    return {**os.environ, SHARED_DIR: str(folder)}


async def _all_ready(children: list[_Child], stop: asyncio.Event) -> bool:
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


async def _stop_all(workers: list[_Child], jobs: _Child) -> None:
    until = time.monotonic() + WORKERS_STOP_S + JOBS_STOP_S
    await asyncio.gather(*(worker.stop(WORKERS_STOP_S) for worker in workers))
    await jobs.stop(max(JOBS_STOP_S, until - time.monotonic()))


async def _cancel(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
