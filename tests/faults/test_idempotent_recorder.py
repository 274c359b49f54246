"""Whatever becomes of calls, workers and the store, in whatever order: each request counts once or not at all (P4).

A state machine sends requests through two workers, with idempotency keys and without, sends them again, gives up on
them, loses and delays calls, kills workers and the store. At the end everything may go on, and the counts are compared.
"""

import asyncio
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import servers
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ledger import Sent, counts_of, in_shard
from recording import FORGETS_CONNECTIONS, KEEP_S, SITE, record, recorder
from soak import LONG, either

import ranking.recording.lanes
import ranking.recording.overflow
from ranking.errors import PopulerError, StoreDeniedError, StoreRefusedError, StoreUnavailableError
from ranking.recording.overflow import Spooling
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of
from ranking.store.spool.spool import Spool, orphans

pytestmark = FORGETS_CONNECTIONS

SHARDS = 2
WORKERS = 2
ITEMS = [f"berita/{n}" for n in range(6)]
assert {shard_of(item, SHARDS) for item in ITEMS} == set(range(SHARDS))
FATES = ["counted", "lost on the way", "reply lost", "late", "stalled", "refused"]
#: For so long a worker tries to get a batch into the store: some tries, and some rules.
PATIENCE_S = 0.03
PAUSES_S = st.sampled_from([0.0, 0.002, 0.01, PATIENCE_S])
SPOOL_BYTES = 1 << 22
SETTLE_S = 20.0


@dataclass
class Network:
    """What becomes of the next calls to the store, and those that are held up on their way."""

    fates: deque[str] = field(default_factory=deque)
    held_up: asyncio.Event = field(default_factory=asyncio.Event)
    late: set[asyncio.Task[Any]] = field(default_factory=set)

    def let_go(self) -> None:
        self.held_up.set()
        self.held_up = asyncio.Event()


class FarStore:
    """A worker's way to the store, until it is `cut`."""

    def __init__(self, store: RedisStore, network: Network) -> None:
        self._store = store
        self._network = network
        self._cut = asyncio.Event()

    @property
    def shards(self) -> int:
        return self._store.shards

    def cut(self) -> None:
        """The worker is dead: it sends nothing any more, and what it has sent may still arrive."""
        self._cut.set()

    async def confirm(self) -> None:
        if self._cut.is_set():
            raise StoreRefusedError("this worker is dead")

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Any:
        """What becomes of a batch; no answer confirms it."""
        if self._cut.is_set():
            raise StoreRefusedError("this worker is dead")
        match self._network.fates.popleft() if self._network.fates else "counted":
            case "lost on the way":
                raise StoreUnavailableError("nobody answers")
            case "refused":
                raise StoreDeniedError("memory is full")
            case "late":
                self._held_up(batch, keep_s)
                raise StoreUnavailableError("the time is up")
            case "stalled":
                arriving = self._held_up(batch, keep_s)
                dying = asyncio.create_task(self._cut.wait())
                await asyncio.wait({arriving, dying}, return_when=asyncio.FIRST_COMPLETED)
                dying.cancel()
                if not arriving.done():
                    raise StoreRefusedError("this worker is dead")
                return arriving.result()
            case "reply lost":
                await self._store.counts.record(batch, keep_s)
                raise StoreUnavailableError("the connection was closed")
            case _:
                return (await self._store.counts.record(batch, keep_s))._replace(confirmed=False)

    def _held_up(self, batch: Batch, keep_s: float) -> asyncio.Task[Any]:
        async def arrive(let_go: asyncio.Event) -> Any:
            await let_go.wait()
            return await self._store.counts.record(batch, keep_s)

        arriving = asyncio.create_task(arrive(self._network.held_up))
        self._network.late.add(arriving)
        return arriving


class Worker:
    """A worker's life: one writer id, from its start until it is killed."""

    def __init__(self, store: RedisStore, network: Network, folder: Path, writer: str, *, spools: bool) -> None:
        self._store = FarStore(store, network)
        self._folder = folder
        self._mutex = threading.Lock()
        self._adopted: list[Spool] = []
        self.spool = Spool(folder, writer, max_bytes=SPOOL_BYTES)
        self._spooling = Spooling(self.spool, self._store, keep_s=KEEP_S, find_orphans=self._find_orphans)
        overflow = {"overflow": self._spooling, "overflow_after_s": PATIENCE_S} if spools else {}
        self.recorder = recorder(self._store, writer, deadline_s=PATIENCE_S, **overflow)
        self.alive = True
        self._spooling.start()

    async def kill(self) -> None:
        """It answers nobody any more, sends nothing, and lets go of its files as they are."""
        with self._mutex:
            self.alive = False
        self._store.cut()
        await self.recorder.drain()
        await self._spooling.stop()
        for each in self._adopted:
            each.close()

    def _find_orphans(self) -> list[Spool]:
        """In a thread, which may end after the worker: what is found then would be locked for ever."""
        found = orphans(self._folder, self.spool.writer)
        with self._mutex:
            if self.alive:
                self._adopted += found
                return found
        for each in found:
            each.close()
        return []


@dataclass
class Request:
    """What one client wants counted, once, however often it is sent."""

    sent: Sent
    once: str | None
    tries: list[asyncio.Task[None]] = field(default_factory=list)


class RecorderMachine(RuleBasedStateMachine):
    """See the module's docstring."""

    def __init__(self, server: servers.Valkey, folder: Path) -> None:
        super().__init__()
        server.admin.flushall()
        self._server = server
        self._folder = folder
        self._writers = (f"writer-{n}" for n in itertools.count())
        self._requests: list[Request] = []
        self._away = False
        self._runner = asyncio.Runner()
        self._store = RedisStore(server.url, shards=SHARDS, timeout_s=1.0)
        self._runner.run(self._store.open())
        self._network = Network()
        self._workers: list[Worker] = []

    @initialize(spools=st.lists(st.booleans(), min_size=WORKERS, max_size=WORKERS))
    def begin(self, spools: list[bool]) -> None:
        async def start() -> None:
            self._workers = [self._worker(spools=each) for each in spools]

        self._runner.run(start())

    @rule(
        worker=st.integers(0, WORKERS - 1),
        items=st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4),
        keyed=st.booleans(),
        fates=st.lists(st.sampled_from(FATES), max_size=4),
        pause_s=PAUSES_S,
    )
    def send(self, worker: int, items: list[str], keyed: bool, fates: list[str], pause_s: float) -> None:
        name = f"request-{len(self._requests)}"
        content = Counter(items)
        # What a request counts in a shard it counts as a whole: an item of its own in each shows whether it did.
        content.update({_mark(name, shard): 1 for shard in {shard_of(item, SHARDS) for item in items}})
        self._requests.append(Request(Sent(name, dict(content)), name if keyed else None))
        self._network.fates.extend(fates)
        self._try(self._requests[-1], worker, pause_s)

    @precondition(lambda self: any(each.once for each in self._requests))
    @rule(
        worker=st.integers(0, WORKERS - 1),
        which=st.integers(0, 1000),
        fates=st.lists(st.sampled_from(FATES), max_size=2),
        pause_s=PAUSES_S,
    )
    def send_again_under_its_key(self, worker: int, which: int, fates: list[str], pause_s: float) -> None:
        keyed = [each for each in self._requests if each.once]
        self._network.fates.extend(fates)
        self._try(keyed[which % len(keyed)], worker, pause_s)

    @precondition(lambda self: self._requests)
    @rule(which=st.integers(0, 1000))
    def give_up(self, which: int) -> None:
        """A client hangs up, unless it has its answer; what has been drawn must not depend on which it is."""
        tries = [each for request in self._requests for each in request.tries]
        tries[which % len(tries)].cancel()
        self._let_run()

    @rule()
    def let_calls_arrive(self) -> None:
        self._network.let_go()
        self._let_run()

    @rule(pause_s=PAUSES_S)
    def let_time_pass(self, pause_s: float) -> None:
        self._let_run(pause_s)

    @rule(which=st.integers(0, WORKERS - 1), spools=st.booleans())
    def kill_a_worker(self, which: int, spools: bool) -> None:
        async def replace() -> None:
            await self._workers[which].kill()
            self._workers[which] = self._worker(spools=spools)

        self._runner.run(replace())

    @precondition(lambda self: not self._away)
    @rule()
    def kill_the_store(self) -> None:
        self._away = True
        self._server.kill()
        self._let_run()

    @precondition(lambda self: self._away)
    @rule()
    def start_the_store(self) -> None:
        self._away = False
        self._server.start()
        self._let_run()

    def teardown(self) -> None:
        try:
            if self._away:
                self._server.start()
            self._runner.run(self._settle_and_compare())
        finally:
            self._runner.run(self._close())
            self._runner.close()

    async def _settle_and_compare(self) -> None:
        self._network.fates.clear()
        waiting = [each for request in self._requests for each in request.tries]

        async def nothing_on_its_way() -> bool:
            self._network.let_go()
            await asyncio.sleep(0.001)
            left = [name for name in self._folder.glob("*.spool") if name.stem not in self._living()]
            return all(each.done() for each in (*waiting, *self._network.late)) and not left and not self._spooled()

        await servers.eventually(nothing_on_its_way, "everything to be counted or given up", SETTLE_S)
        async with servers.opened(self._server.url) as store:
            self._compare(await counts_of(store, SITE), {each for each in waiting if _acked(each)})

    def _compare(self, counted: dict[str, int], acked: set[asyncio.Task[None]]) -> None:
        expected: Counter[str] = Counter()
        for request in self._requests:
            name = request.sent.name
            for shard in range(SHARDS):
                share = {item: n for item, n in request.sent.items.items() if shard_of(item, SHARDS) == shard}
                times = counted.get(_mark(name, shard), 0)
                assert times <= 1, f"{name} is counted {times} times in shard {shard}"
                if share and acked.intersection(request.tries):
                    assert times == 1, f"{name} was acknowledged and is not counted in shard {shard}"
                expected.update({item: n * times for item, n in share.items()})
        assert counted == +expected

    async def _close(self) -> None:
        for worker in self._workers:
            await worker.kill()
        for each in self._network.late:
            each.cancel()
        await asyncio.gather(*self._network.late, return_exceptions=True)
        await self._store.close()
        for file in self._folder.glob("*"):
            file.unlink()

    def _worker(self, *, spools: bool) -> Worker:
        return Worker(self._store, self._network, self._folder, next(self._writers), spools=spools)

    def _living(self) -> set[str]:
        return {worker.spool.writer for worker in self._workers}

    def _spooled(self) -> int:
        return sum(len(worker.spool) for worker in self._workers)

    def _try(self, request: Request, which: int, pause_s: float) -> None:
        worker = self._workers[which]

        async def answered() -> None:
            await record(worker.recorder, request.sent, request.once)
            if not worker.alive:
                raise StoreUnavailableError("the connection to the worker is gone")

        async def start() -> None:
            request.tries.append(asyncio.create_task(answered()))
            await asyncio.sleep(pause_s)

        self._runner.run(start())

    def _let_run(self, pause_s: float = 0.001) -> None:
        self._runner.run(asyncio.sleep(pause_s))


def _mark(request: str, shard: int) -> str:
    return in_shard(f"{request} in shard {shard}", shard, SHARDS)


def _acked(tried: asyncio.Task[None]) -> bool:
    if tried.cancelled():
        return False
    error = tried.exception()
    assert error is None or isinstance(error, PopulerError), error
    return error is None


@pytest.mark.soak
def test_a_request_counts_once_or_not_at_all(
    own_server: Callable[..., servers.Valkey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in (
        (ranking.recording.lanes, "FIRST_PAUSE_S", 0.001),
        (ranking.recording.lanes, "LONGEST_PAUSE_S", 0.004),
        (ranking.recording.overflow, "FIRST_PAUSE_S", PATIENCE_S),
        (ranking.recording.overflow, "LONGEST_PAUSE_S", PATIENCE_S),
        (ranking.recording.overflow, "LOOK_FOR_ORPHANS_S", 0.01),
    ):
        monkeypatch.setattr(module, name, value)
    server = own_server(appendonly="yes", appendfsync="always")  # what it has answered it has, also after a kill
    spools = tmp_path / "spool"
    spools.mkdir()
    run_state_machine_as_test(
        lambda: RecorderMachine(server, spools),
        settings=settings(
            max_examples=either(30, 2_000),
            stateful_step_count=either(20, 50),
            deadline=None,
            derandomize=not LONG,
            phases=[Phase.generate, *([Phase.shrink] if LONG else [])],  # to shrink takes minutes
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
