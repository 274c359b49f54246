"""One child process of the service, as its parent knows it: started again whenever it ends, replaced when it hangs."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import structlog

from api.monitoring import metrics
from api.monitoring.metrics import SHARED_DIR
from populer.service.child_messages import Orders
from populer.service.child_output import relay
from populer.service.heartbeat import HUNG_S, Heartbeat
from populer.service.live_settings import LiveSettings

log = structlog.get_logger("populer")

#: A child that ends sooner than this after its start waits as long before it is started again.
SETTLED_S = 3.0
#: A worker has so long to answer what it has taken.
STOP_S = 6.5


class Child:
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
        """Start a process for it."""
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
        self._say(self.orders._replace(raw=in_effect.raw, config=in_effect.state, redis_url=url))

    def drain(self) -> None:
        """Have it say that it is not ready, and go on."""
        self._say(self.orders._replace(draining=True))

    def _say(self, orders: Orders) -> None:
        self.orders = orders
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(orders.line())

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
        while (process := self._process) is not None:
            code = await process.wait()
            if process is not self._process:
                continue  # another has taken its place
            if SHARED_DIR in self._env:
                metrics.forget_worker(process.pid, Path(self._env[SHARED_DIR]))
            lived_s = time.monotonic() - self._started_at
            log.error(
                "a process ended and is started again", role=self.orders.role, code=code, lived_s=round(lived_s, 1)
            )
            if lived_s < SETTLED_S:
                await asyncio.sleep(SETTLED_S)
            await self.start()

    async def replace(self, within_s: float) -> bool:
        """Start another process, and stop the one before once that is ready.

        False: it was not ready within `within_s`, and the one before goes on.
        """
        before, heart, relaying = self._process, self._heart, self._relaying
        self._heart = None
        await self.start()
        try:
            is_ready = await asyncio.wait_for(self.ready(), within_s)
        except TimeoutError:
            is_ready = False
        last = before
        if not is_ready:
            last, self._process = self._process, before
            heart, self._heart = self._heart, heart
            relaying, self._relaying = self._relaying, relaying
        await _stop(last, self.orders.role, STOP_S)
        if last is not None and SHARED_DIR in self._env:
            metrics.forget_worker(last.pid, Path(self._env[SHARED_DIR]))
        if heart is not None:
            heart.close()
        if relaying is not None:
            await relaying
        return is_ready

    async def stop(self, within_s: float) -> None:
        """SIGTERM, then SIGKILL once `within_s` have passed."""
        await _stop(self._process, self.orders.role, within_s)


async def _stop(process: asyncio.subprocess.Process | None, role: str, within_s: float) -> None:
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        log.warning("a process did not stop in time and is killed", role=role)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
