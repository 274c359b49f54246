"""Record: events -> counts, many requests to one commit.

A request's events join the batch that is open for their shard and wait until that batch is in the store. While one
batch is on its way the next fills up, so the batches grow with the load and a lone event waits for nothing. Equal
cells are added up before they are sent.

Invariants: a batch is counted once or not at all, whatever becomes of its replies: each lane has one batch on its way,
numbered, and repeats it with the same number until it is answered or its deadline has passed. A request that is
cancelled while it waits takes nothing back. Rejected: one script call per request (ten times the round trips) and a
buffer that is answered before it is stored (a crash loses what was acknowledged).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple, Protocol

from ranking.buckets import Bucket, bucket_start
from ranking.errors import StoreUnavailableError
from ranking.events import Event
from ranking.history import field
from ranking.store import keys
from ranking.store.store import Batch

MAX_CELLS = 1_500
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5


class Recorded(NamedTuple):
    """What became of a request's events: how many were counted before, and how many wait on disk for the store."""

    repeated: int = 0
    spooled: int = 0


class Outcome(Enum):
    """What became of a batch."""

    COUNTED = "counted"
    REPEATED = "its idempotency key was counted before"
    SPOOLED = "waits on disk for the store"


class Overflow(Protocol):
    """Where batches wait that the store cannot take; see `spooling`."""

    def waiting(self, lane: tuple[str, str, int]) -> bool: ...

    async def keep(self, batch: Batch) -> None: ...


class BatchStore(Protocol):
    """The part of the Store that recording needs."""

    @property
    def shards(self) -> int: ...

    async def record(self, batch: Batch, keep_s: float) -> bool: ...


class _OpenBatch:
    """Counts on their way into one shard, and the requests that wait for them."""

    __slots__ = ("cells", "counts", "once", "opened_s", "waiters")

    def __init__(self, opened_s: float, once: str | None = None) -> None:
        self.opened_s = opened_s
        self.once = once
        self.counts: dict[int, dict[str, int]] = {}
        self.cells = 0
        self.waiters: list[tuple[asyncio.Future[Outcome], int]] = []

    def takes_more(self) -> bool:
        """Whether another request's events may join."""
        return self.once is None and self.cells < MAX_CELLS

    def add(self, start_s: int, name: str) -> None:
        bucket = self.counts.get(start_s)
        if bucket is None:
            bucket = self.counts[start_s] = {}
        if name in bucket:
            bucket[name] += 1
        else:
            bucket[name] = 1
            self.cells += 1


class _Lane:
    """The batches of one shard, in order."""

    __slots__ = ("batches", "number", "shard", "site", "task")

    def __init__(self, site: str, shard: int) -> None:
        self.site = site
        self.shard = shard
        self.number = 0
        self.batches: deque[_OpenBatch] = deque()
        self.task: asyncio.Task[None] | None = None


class Recorder:
    """Counts events through `store`.

    `writer` names this process and life: no other may use the same. `bucket_s` and `keep_s` are the retention,
    `deadline_s` is how long a batch is retried, `max_pending` how many events may wait; `on_commit` is told how many
    seconds passed from a batch's first event until it was counted. Where there is an `overflow`, a batch that the store
    does not take within `overflow_after_s` goes there.
    """

    def __init__(
        self,
        store: BatchStore,
        *,
        writer: str,
        bucket_s: int,
        keep_s: float,
        deadline_s: float,
        max_pending: int,
        on_commit: Callable[[float], None] = lambda _: None,
        overflow: Overflow | None = None,
        overflow_after_s: float = 1.0,
    ) -> None:
        self._store = store
        self._writer = writer
        self._bucket_s = bucket_s
        self._keep_s = keep_s
        self._deadline_s = deadline_s
        self._max_pending = max_pending
        self._on_commit = on_commit
        self._overflow = overflow
        self._overflow_after_s = overflow_after_s
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0

    async def record(self, site: str, events: Iterable[Event], once: str | None = None) -> Recorded:
        """Return when all `events` are counted, now or before under the idempotency key `once`, or safe on disk.

        Raises:
            StoreUnavailableError: not (all) counted before the deadline, or too many events are waiting already.
            StoreRefusedError: the store will not take them until someone changes something.
        """
        if self.pending >= self._max_pending:
            raise StoreUnavailableError(f"{self.pending} events are waiting for the store")
        # Asking for the running loop costs a system call on Python 3.11; a recorder lives on one.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        shares = self._join(site, events, once, loop.time())
        waiting = []
        for batch, share in shares.items():
            waiter: asyncio.Future[Outcome] = loop.create_future()
            batch.waiters.append((waiter, share))
            self.pending += share
            waiting.append(waiter)
        # A failure is raised only when all are done: what is said of the request is true of all of it.
        outcomes = await asyncio.gather(*waiting, return_exceptions=True) if len(waiting) != 1 else [await waiting[0]]
        repeated = spooled = 0
        for outcome, share in zip(outcomes, shares.values(), strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            repeated += share if outcome is Outcome.REPEATED else 0
            spooled += share if outcome is Outcome.SPOOLED else 0
        return Recorded(repeated, spooled)

    async def drain(self) -> None:
        """Return when nothing is on its way."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task is not None]:
            await asyncio.wait(tasks)  # unlike gather, it leaves them alone when it is cancelled itself

    def _join(self, site: str, events: Iterable[Event], once: str | None, now_s: float) -> dict[_OpenBatch, int]:
        """Put events into the open batches of their lanes; how many went into which.

        A request with an idempotency key is a batch of its own in every lane, as it counts or not by itself.
        """
        shares: dict[_OpenBatch, int] = {}
        own: set[_Lane] = set()
        width_s, shards = self._bucket_s, self._store.shards
        for item, channel, ts in events:
            lane = self._lane(site, keys.shard_of(item, shards))
            if once is not None and lane not in own:
                lane.batches.append(_OpenBatch(now_s, once))
                own.add(lane)
            elif once is None and not (lane.batches and lane.batches[-1].takes_more()):
                lane.batches.append(_OpenBatch(now_s))
            batch = lane.batches[-1]
            batch.add(bucket_start(ts, width_s), field(channel, item))
            shares[batch] = shares.get(batch, 0) + 1
        return shares

    def _lane(self, site: str, shard: int) -> _Lane:
        lane = self._lanes.get((site, shard))
        if lane is None:
            lane = self._lanes[site, shard] = _Lane(site, shard)
        if lane.task is None:
            lane.task = asyncio.create_task(self._empty(lane))
        return lane

    async def _empty(self, lane: _Lane) -> None:
        """Commit a lane's batches, oldest first, until none is left."""
        try:
            while lane.batches:
                batch = lane.batches.popleft()
                lane.number += 1
                outcome = await self._committed(lane, batch)
                for waiter, share in batch.waiters:
                    self.pending -= share
                    if waiter.done():
                        continue  # its request was cancelled meanwhile
                    if isinstance(outcome, Exception):
                        waiter.set_exception(outcome)
                    else:
                        waiter.set_result(outcome)
        finally:
            lane.task = None

    async def _committed(self, lane: _Lane, batch: _OpenBatch) -> Outcome | Exception:
        """What became of a batch, or why it was not counted."""
        width_s = self._bucket_s
        counts = {Bucket(width_s, start_s): cells for start_s, cells in batch.counts.items()}
        numbered = Batch(lane.site, lane.shard, self._writer, lane.number, counts, batch.once)
        loop = asyncio.get_running_loop()
        if self._overflow is None:
            patience_s, since = self._deadline_s, batch.opened_s
        else:  # behind a batch that went to the overflow none waits; behind slow ones it may take what it takes
            patience_s, since = self._overflow_after_s, loop.time()
        give_up_at = since + patience_s
        failure: Exception = StoreUnavailableError(f"the store answered nothing for {patience_s:g} s")
        must_wait = self._overflow is not None and self._overflow.waiting((self._writer, lane.site, lane.shard))
        pause_s = FIRST_PAUSE_S
        while not must_wait and loop.time() < give_up_at:
            try:
                counted = await self._store.record(numbered, self._keep_s)
            except StoreUnavailableError as error:
                failure = error
            except Exception as error:  # whatever it is, the requests that wait must hear of it
                return error
            else:
                self._on_commit(loop.time() - batch.opened_s)
                return Outcome.COUNTED if counted else Outcome.REPEATED
            if loop.time() + pause_s >= give_up_at:
                break
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return failure if self._overflow is None else await self._kept(numbered, self._overflow)

    async def _kept(self, batch: Batch, overflow: Overflow) -> Outcome | Exception:
        try:
            await overflow.keep(batch)
        except Exception as error:
            return error
        return Outcome.SPOOLED
