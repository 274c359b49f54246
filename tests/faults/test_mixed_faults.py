"""After many faults of every kind, one upon the other, the counts are what the clients were told (P21).

What comes next is drawn from a seed, which a failure names. The clients never rest; half of them send every batch again
under its key until it is acknowledged. Buckets are short and soon sealed, so that sealing has its share of the faults.
"""

import asyncio
import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from fail_points import COMMITTING, REPLAYING, SPOOLING, environment
from ledger import Ledger, Sender, await_counted, counted
from proxy import Proxy
from service import Service, serving, wait_until
from soak import LONG, either
from stage import do_one_of, settings_file

SEED = random.SystemRandom().randrange(10**6) if LONG else 20_251_201
FAULTS = either(12, 3_000)
LONGEST_S = either(0.4, 8.0)
BETWEEN_EVENTS = 500
RECOVERS_WITHIN_S = 90.0
WORKERS = 2
POINTS = [*COMMITTING, *SPOOLING, *REPLAYING]


class Stage:
    """A service behind a proxy before its store, and everything that can be done to them."""

    def __init__(self, service: Service, store: servers.Valkey, proxy: Proxy, points: Path) -> None:
        self._service = service
        self._store = store
        self._proxy = proxy
        self._points = points
        self._chance = random.Random(SEED)
        self.done: list[str] = []
        self.generations: dict[bytes, int] = {}

    def do_something(self) -> None:
        """One fault, for as long as chance will have it."""
        faults: dict[str, Callable[[float], None]] = {
            "kill a process": self._kill_one,
            "kill a worker at a point": self._arm,
            "stall a process": self._stall_one,
            "stall the store": self._stall_store,
            "restart the store": self._restart_store,
            "lose replies": self._lose_replies,
        }
        do_one_of(faults, self._chance, LONGEST_S, self.done)

    def check_generations(self) -> None:
        """Hold the published lists to what they were: a generation only grows."""
        now = {name: int(n) for name, n in self._store.admin.hgetall("populer:{default}:lists").items()}
        assert all(now.get(name, 0) >= n for name, n in self.generations.items()), (self.generations, now)
        self.generations = now

    def calm(self) -> None:
        """Arm nothing any more."""
        for point in self._points.iterdir():
            point.unlink(missing_ok=True)

    def _kill_one(self, _: float) -> None:
        self._signal(self._any_process(), signal.SIGKILL)

    def _arm(self, _: float) -> None:
        (self._points / self._chance.choice(POINTS)).touch()

    def _stall_one(self, for_s: float) -> None:
        pid = self._any_process()
        self._signal(pid, signal.SIGSTOP)
        time.sleep(for_s)
        self._signal(pid, signal.SIGCONT)

    def _stall_store(self, for_s: float) -> None:
        self._store.send(signal.SIGSTOP)
        time.sleep(for_s)
        self._store.send(signal.SIGCONT)

    def _restart_store(self, for_s: float) -> None:
        self._store.kill()
        time.sleep(for_s)
        self._store.start()

    def _lose_replies(self, for_s: float) -> None:
        self._proxy.nth = self._chance.randrange(1, 4)
        time.sleep(for_s)
        self._proxy.nth = 0

    def _any_process(self) -> int:
        running = self._service.children()
        return self._chance.choice(running) if running else 0

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, number)


@contextlib.contextmanager
def in_a_thread(proxy: Proxy) -> Iterator[None]:
    """Run a proxy beside the test."""
    ready = threading.Event()
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def stand() -> None:
        async with proxy:
            ready.set()
            await done.wait()

    def run() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(stand())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)


@pytest.mark.soak
def test_counts_equal_the_ledger_after_mixed_faults(tmp_path: Path, own_server: Callable[..., servers.Valkey]) -> None:
    store = own_server(appendonly="yes", appendfsync="no")  # as the bundled one: what it has answered it has written
    proxy, ledger, points = Proxy(store.port, nth=0), Ledger(), tmp_path / "points"
    points.mkdir()
    with contextlib.ExitStack() as stack:
        stack.enter_context(in_a_thread(proxy))
        url = f"redis://{servers.HOST}:{proxy.port}"
        file = settings_file(tmp_path, url, spool_after="100ms", retention={"bucket": "10s", "seal_after": "1s"})
        arguments = ("--config", file, "--workers", str(WORKERS))
        service = stack.enter_context(serving(tmp_path / "data", *arguments, env=environment(points)))
        senders = [
            stack.enter_context(Sender(service, ledger, keyed=number % 2 == 1, pause_s=either(0.0, 0.05)))
            for number in range(4)
        ]
        stage = Stage(service, store, proxy, points)
        try:
            for _ in range(FAULTS):
                stage.do_something()
                goal = ledger.acked + BETWEEN_EVENTS
                wait_until(lambda goal=goal: ledger.acked >= goal, RECOVERS_WITHIN_S)
                stage.check_generations()
            stage.calm()
            wait_until(lambda: len(service.children()) == WORKERS + 1)
            for sender in senders:
                sender.finish()
            await_counted(ledger, store.url)
            assert service.stop() == 0  # what a killed worker left on disk, and told nobody of, is the next start's
            ledger.check(counted(store.url))
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}, after {stage.done[-20:]}") from error
