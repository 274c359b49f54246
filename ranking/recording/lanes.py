"""Lanes: the batches of a shard on their way into the store, one after the other.

Invariant: a batch is counted once or not at all, whatever becomes of its replies. Each lane has one batch on its way,
numbered, and repeats it with the same number until it is answered or its deadline has passed.

A batch that the store has not confirmed (see `durability` of the store) is held until the next of its lane is counted
or, where none follows, the store is asked; its requests wait for that. If it comes to nothing, it is the first to go to
the overflow.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import structlog

from ranking.backoff import Backoff
from ranking.errors import StoreDeniedError, StoreRefusedError, StoreUnavailableError
from ranking.recording.batches import OpenBatch, SeenVisits
from ranking.store.counts import Batch, Committed

log = structlog.get_logger("ranking.recording.lanes")

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5

#: What becomes of a batch: it is in the store, or (None) waits on disk for it.
Outcome = Committed | None


class Overflow(Protocol):
    """Where batches wait that the store cannot take; see `overflow`."""

    def waiting(self, lane: tuple[str, str, int]) -> bool: ...

    async def keep(self, batch: Batch) -> None: ...


class BatchStore(Protocol):
    """The part of the Store that recording needs."""

    @property
    def shards(self) -> int: ...

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed: ...

    async def confirm(self) -> None: ...


class _Held(NamedTuple):
    """A committed batch that is not confirmed: as its requests know it, as it was sent, and what became of it."""

    batch: OpenBatch
    sent: Batch
    committed: Committed


class Lane:
    """The batches of one shard, in order; `held` is the last one if it is not confirmed."""

    __slots__ = ("batches", "held", "number", "seen", "shard", "site", "task")

    def __init__(self, site: str, shard: int, seen: SeenVisits) -> None:
        self.site = site
        self.shard = shard
        self.seen = seen
        self.number = 0
        self.batches: deque[OpenBatch] = deque()
        self.held: _Held | None = None
        self.task: asyncio.Task[None] | None = None


class Lanes:
    """Commits the batches of every lane to `store`. The parameters are those of `Recorder`.

    `pending`: events in batches that are not answered yet; whoever adds to a batch counts them here.
    """

    def __init__(
        self,
        store: BatchStore,
        writer: str,
        on_commit: Callable[[float], None],
        overflow: Overflow | None,
        on_lost: Callable[[str, int], None],
    ) -> None:
        self.pending = 0
        self._store = store
        self._writer = writer
        self._on_commit = on_commit
        self._overflow = overflow
        self._on_lost = on_lost
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._seen: dict[str, SeenVisits] = {}

    def lane(self, site: str, shard: int) -> Lane:
        """The lane of a shard, whose batches are on their way from now on."""
        lane = self._lanes.get((site, shard))
        if lane is None:
            lane = self._lanes[site, shard] = Lane(site, shard, self.seen(site))
        if lane.task is None:
            lane.task = asyncio.create_task(self._commit_all(lane))
        return lane

    def seen(self, site: str) -> SeenVisits:
        """The visits of a site that need no look at the store."""
        return self._seen.setdefault(site, SeenVisits())

    async def drain(self) -> None:
        """Return when nothing is on its way."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task is not None]:
            await asyncio.wait(tasks)  # unlike gather, it leaves them alone when it is cancelled itself

    async def _commit_all(self, lane: Lane) -> None:
        """Commit a lane's batches, oldest first, until none is left."""
        try:
            while lane.batches or lane.held is not None:
                if not lane.batches:
                    await self._confirm(lane)
                    continue
                await asyncio.sleep(0)  # what has arrived by now comes along: fewer and larger batches
                batch = lane.batches.popleft()
                lane.number += 1
                sent = batch.numbered(lane.site, lane.shard, self._writer, lane.number)
                outcome = await self._committed(lane, batch, sent)
                if lane.held is not None:
                    await self._confirm(lane)
                if isinstance(outcome, Committed) and not outcome.confirmed:
                    lane.held = _Held(batch, sent, outcome)
                else:
                    self._finish_soon(lane, batch, outcome)
        finally:
            lane.task = None

    async def _confirm(self, lane: Lane) -> None:
        """Have the held batch confirmed, or go to the overflow."""
        try:
            await self._store.confirm()
        except (StoreUnavailableError, StoreRefusedError) as error:
            await self._give_up_held(lane, error)
        else:
            self._release(lane)

    def _release(self, lane: Lane) -> None:
        """Answer the requests of the held batch: it is confirmed."""
        held, lane.held = lane.held, None
        if held is not None:
            self._finish_soon(lane, held.batch, held.committed)

    async def _give_up_held(self, lane: Lane, why: Exception) -> None:
        """Keep the held batch for the store, if there is one: it may have it, or lose it."""
        held, lane.held = lane.held, None
        if held is not None:
            outcome = why if self._overflow is None else await self._kept(held.sent, self._overflow)
            self._finish_soon(lane, held.batch, outcome)

    def _finish_soon(self, lane: Lane, batch: OpenBatch, outcome: Outcome | Exception) -> None:
        """Answer a batch's requests in the event loop's next turn, after the next batch has been made."""
        asyncio.get_running_loop().call_soon(self._finish, lane, batch, outcome)

    def _finish(self, lane: Lane, batch: OpenBatch, outcome: Outcome | Exception) -> None:
        """Answer a batch's requests."""
        self.pending -= batch.events
        if not isinstance(outcome, Exception):
            batch.settle(outcome)
        elif not batch.waiters:  # it was not counted, and nobody hears of it
            self._on_lost(lane.site, batch.events)
        waiters, batch.waiters = batch.waiters, []  # they hold their batch: requests would be garbage in a cycle
        for waiter in waiters:
            try:
                waiter(outcome)
            except Exception:  # the others, and the batches behind, go on
                log.exception("A request was not answered.")

    async def _committed(self, lane: Lane, batch: OpenBatch, numbered: Batch) -> Outcome | Exception:
        """What became of a batch, or why it was not counted. Where it counted at once, the held one is confirmed."""
        terms = batch.terms
        loop = asyncio.get_running_loop()
        if self._overflow is None:
            patience_s, since = terms.deadline_s, batch.opened_s
        else:  # behind a batch that went to the overflow none waits; behind slow ones it may take what it takes
            patience_s, since = terms.overflow_after_s, loop.time()
        give_up_at = since + patience_s
        failure: Exception = StoreUnavailableError(f"the store answered nothing for {patience_s:g} s")
        must_wait = self._overflow is not None and self._overflow.waiting((self._writer, lane.site, lane.shard))
        backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        failed = False
        while not must_wait and loop.time() < give_up_at:
            try:
                if failed and lane.held is not None:  # the server may have ended with it
                    await self._store.record(lane.held.sent, terms.keep_s)
                committed = await self._store.record(numbered, terms.keep_s)
            except StoreUnavailableError as error:
                failure = error
            except StoreDeniedError as error:
                failure = error
                break  # until someone changes something: like a store that is away for longer
            except Exception as error:  # whatever it is, the requests that wait must hear of it
                return error
            else:
                self._on_commit(loop.time() - batch.opened_s)
                if not failed and not committed.repeated:  # it was written, and so was what came before
                    self._release(lane)
                return committed
            failed = True
            pause_s = backoff.next_s()
            if loop.time() + pause_s >= give_up_at:
                break
            await asyncio.sleep(pause_s)
        await self._give_up_held(lane, failure)
        return failure if self._overflow is None else await self._kept(numbered, self._overflow)

    async def _kept(self, batch: Batch, overflow: Overflow) -> Outcome | Exception:
        try:
            await overflow.keep(batch)
        except Exception as error:
            return error
        return None
