"""One child process of the service, as its parent knows it: started again whenever it ends, replaced when it hangs."""

import asyncio
import contextlib
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog

from api.monitoring import metrics
from api.monitoring.metrics import SHARED_DIR
from populer.service.child_messages import Orders
from populer.service.child_output import relay
from populer.service.heartbeat import HUNG_S, Heartbeat
from populer.service.live_settings import LiveSettings
from populer.service.process_metrics import ProcessMetrics

log = structlog.get_logger("populer")

#: A child that ends sooner than this after its start waits as long before it is started again.
SETTLED_S = 3.0
#: A worker has so long to answer what it has taken.
STOP_S = 6.5
#: What the files of a process' metrics take on the disk, with room to grow.
METRICS_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Running:
    """One process of a child. `started_at`: monotonic seconds; `ready` is set by its ready line."""

    process: asyncio.subprocess.Process
    stdin: asyncio.StreamWriter
    started_at: float
    ready: asyncio.Event
    relaying: asyncio.Task[None]
    heart: Heartbeat


class Child:
    """One child process, started again whenever it ends; `name` is its place among all."""

    def __init__(self, name: str, orders: Orders, env: dict[str, str], meter: ProcessMetrics) -> None:
        self.name = name
        self.orders = orders
        self._env = env
        self._meter = meter
        self._running: _Running | None = None

    @property
    def pid(self) -> int | None:
        """The process as it runs now."""
        running = self._running
        return None if running is None or running.process.returncode is not None else running.process.pid

    async def start(self) -> None:
        """Start a process for it, in place of one that has ended."""
        before, self._running = self._running, await self._started()
        self._meter.began(self.name, time.time(), again=before is not None)
        if before is not None:
            before.heart.close()

    async def _started(self) -> _Running:
        heart = Heartbeat()
        passed = [self.orders.socket_fd, self.orders.admin_fd, heart.child_fd]
        started_at = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing is imported from the working directory
            "-m",
            "populer.service.child_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[each for each in passed if each is not None],
            env=self._environment(),
            start_new_session=True,  # Ctrl-C is for the parent, which stops us in order
        )
        stdin, stdout = cast(asyncio.StreamWriter, process.stdin), cast(asyncio.StreamReader, process.stdout)
        stdin.write(self.orders._replace(beat_fd=heart.child_fd).line())
        ready = asyncio.Event()
        relaying = asyncio.create_task(relay(stdout, ready.set, self._log_output))
        heart.started()
        return _Running(process, stdin, started_at, ready, relaying, heart)

    def _environment(self) -> dict[str, str]:
        """What a process is started with: without the folder of shared metrics where that has no room for its files.

        A write into a mapped file that gets no room ends the process (SIGBUS), and all that take its place.
        """
        if _has_room(self._env[SHARED_DIR]):
            return self._env
        log.warning(
            "A process shares no metrics until its next start: the disk has no room for them. Free some space.",
            role=self.orders.role,
        )
        return {name: value for name, value in self._env.items() if name != SHARED_DIR}

    def replace_if_hung(self, elapsed_s: float) -> None:
        """Kill it if its event loop hangs, `elapsed_s` after the last look; `watch` starts another."""
        running = self._running
        if running is None or running.process.returncode is not None:
            return
        process = running.process
        if running.heart.is_hung(process.pid, elapsed_s):
            log.error(
                f"The event loop of a process has not turned for {HUNG_S:.0f} s. The process is killed and replaced.",
                role=self.orders.role,
                child=process.pid,
            )
            self._meter.hung(self.orders.role)
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def tell(self, in_effect: LiveSettings) -> None:
        """Have it go by these settings from now on, and whatever takes its place."""
        url = in_effect.settings.redis.url or self.orders.redis_url
        self._say(self.orders._replace(raw=in_effect.raw, config=in_effect.state, redis_url=url))

    def drain(self) -> None:
        """Have it say that it is not ready, and go on."""
        self._say(self.orders._replace(draining=True))

    def _say(self, orders: Orders) -> None:
        self.orders = orders
        running = self._running
        if running is not None and not running.stdin.is_closing():
            running.stdin.write(orders.line())

    async def ready(self) -> bool:
        """Wait for the child's ready line; False if the child closed its output instead."""
        running = self._running
        if running is None:
            return False
        ready = asyncio.ensure_future(running.ready.wait())
        try:
            await asyncio.wait({ready, running.relaying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        return running.ready.is_set()

    def _log_output(self, line: str) -> None:
        log.warning("A process printed on its stdout.", role=self.orders.role, line=line)

    async def watch(self) -> None:
        """Start it again whenever it ends; cancelled when the service stops."""
        while (running := self._running) is not None:
            code = await running.process.wait()
            if running is not self._running:
                continue  # another has taken its place
            self._forget_metrics(running)
            lived_s = time.monotonic() - running.started_at
            log.error(
                "A process ended. It is started again.", role=self.orders.role, code=code, lived_s=round(lived_s, 1)
            )
            if lived_s < SETTLED_S:
                await asyncio.sleep(SETTLED_S)
            await self.start()

    async def replace(self, within_s: float) -> bool:
        """Start another process, and stop the one before once that is ready.

        False: it was not ready within `within_s`, and the one before goes on.
        """
        before, self._running = self._running, await self._started()
        try:
            is_ready = await asyncio.wait_for(self.ready(), within_s)
        except TimeoutError:
            is_ready = False
        last = before
        if is_ready:
            self._meter.began(self.name, time.time())
        else:
            last, self._running = self._running, before
        if last is not None:
            await _stop(last.process, self.orders.role, STOP_S)
            self._forget_metrics(last)
            last.heart.close()
            await last.relaying
        return is_ready

    async def stop(self, within_s: float) -> None:
        """SIGTERM, then SIGKILL once `within_s` have passed."""
        if self._running is not None:
            await _stop(self._running.process, self.orders.role, within_s)

    def _forget_metrics(self, running: _Running) -> None:
        metrics.forget_worker(running.process.pid, Path(self._env[SHARED_DIR]))


async def _stop(process: asyncio.subprocess.Process, role: str, within_s: float) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        log.warning("A process did not stop in time. It is killed.", role=role)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _has_room(folder: str) -> bool:
    try:
        return shutil.disk_usage(folder).free >= METRICS_BYTES
    except OSError:
        return False
