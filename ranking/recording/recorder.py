"""Recording: events become counts, many requests in one commit.

A request's events join the batch that is open for their shard and wait until that batch is in the store. While one
batch is on its way the next fills up, so the batches grow with the load and a lone event waits for nothing. Equal
cells are added up before they are sent.

Invariant: a batch is counted once or not at all, whatever becomes of its replies. Each lane has one batch on its way,
numbered, and repeats it with the same number until it is answered or its deadline has passed. A request that is
cancelled while it waits takes nothing back.

A batch that the store has not confirmed (see `durability` of the store) is held until the next of its lane is counted
or, where none follows, the store is asked; its requests wait for that. If it comes to nothing, it is the first to go to
the overflow.

Rejected: one script call per request (ten times the round trips) and a buffer that is answered before it is stored (a
crash loses what was acknowledged).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from ranking.backoff import Backoff
from ranking.errors import StoreDeniedError, StoreRefusedError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.intake.marks import parts_of
from ranking.intake.visits import CONCENTRATED, COUNTED, REFUSED, REPEATED, SPOOLED, TAKEN, Identity
from ranking.recording.batches import ANY, Admission, OpenBatch, SeenVisits, Terms, known_repeats
from ranking.recording.keyed_bodies import KeyedBodies
from ranking.store.counts import LEVELS, Batch, Committed
from ranking.store.shards import shard_of

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5

#: What becomes of a batch: it is in the store, or (None) waits on disk for it.
Outcome = Committed | None


class Recorded(NamedTuple):
    """What became of a request's events: one character each, in their order, as `visits` names them.

    `ack`: how safe all of them are: disk, replica, commit, spool, or memory where nobody waited.
    """

    outcomes: bytes
    ack: str = "commit"

    @property
    def accepted(self) -> int:
        """Events that count, or will."""
        return len(self.outcomes) - self.repeated - self.refused - self.concentrated

    @property
    def repeated(self) -> int:
        """Events that had been counted before."""
        return self.outcomes.count(REPEATED)

    @property
    def refused(self) -> int:
        """Events on new items beyond the budget for them."""
        return self.outcomes.count(REFUSED)

    @property
    def concentrated(self) -> int:
        """Events beyond what one network may add to an item."""
        return self.outcomes.count(CONCENTRATED)

    @property
    def spooled(self) -> int:
        """Events that wait on disk."""
        return self.outcomes.count(SPOOLED)


ONE_COUNTED, ONE_REPEATED = Recorded(bytes([COUNTED])), Recorded(bytes([REPEATED]))
#: What becomes of nearly all events that come alone.
USUAL = {recorded.outcomes: recorded for recorded in (ONE_COUNTED, ONE_REPEATED)}


def ack_of(outcomes: Collection[Outcome]) -> str:
    """How safe the least safe of some batches is."""
    if None in outcomes:
        return "spool"
    return min((outcome.level for outcome in outcomes if outcome), key=LEVELS.index, default=LEVELS[0])


class Overflow(Protocol):
    """Where batches wait that the store cannot take; see `spooling`."""

    def waiting(self, lane: tuple[str, str, int]) -> bool: ...

    async def keep(self, batch: Batch) -> None: ...


class BatchStore(Protocol):
    """The part of the Store that recording needs."""

    @property
    def shards(self) -> int: ...

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed: ...

    async def confirm(self) -> None: ...


#: A request's events in one batch: the batch, their places in the request, and their tickets.
_BatchSlice = tuple[OpenBatch, Sequence[int], list[int]]


class _Held(NamedTuple):
    """A committed batch that is not confirmed: as its requests know it, as it was sent, and what became of it."""

    batch: OpenBatch
    sent: Batch
    committed: Committed


class _Lane:
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


class Recorder:
    """Counts events through `store`.

    `writer` names this process and life: no other may use the same. The figures are those of `Terms`. `on_commit` is
    given how many seconds passed from a batch's first event until it was counted. Where there is an `overflow`, a batch
    that the store does not take within `overflow_after_s` goes there. `on_lost` gets the events that nobody waited
    for and that could be neither counted nor kept.
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
        admission: Admission = ANY,
        on_lost: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._terms = Terms(bucket_s, keep_s, deadline_s, max_pending, overflow_after_s, admission)
        self._on_commit = on_commit
        self._overflow = overflow
        self._on_lost = on_lost
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._sites: dict[str, SeenVisits] = {}
        self._bodies = KeyedBodies()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0

    def use(self, terms: Terms) -> None:
        """Count what comes from now on under `terms`. What waits already is counted under those it came under."""
        self._terms = terms

    async def record(
        self,
        site: str,
        events: Sequence[Event],
        once: str | None = None,
        *,
        received: float = 0.0,
        vouched: bool = True,
        network: Identity | None = None,
        wait: bool = True,
    ) -> Recorded:
        """Return when all `events` are counted, now or before under the idempotency key `once`, or safe on disk.

        `once` is made by `marks.request_mark`; `received` is the moment in epoch seconds; not `vouched`: new items are
        subject to the budget for them; `network`: where the events came from, which bounds how many of them count
        (None: all do); not `wait`: return at once.

        Raises:
            StoreUnavailableError: not (all) counted before the deadline, or too many events are waiting already.
            StoreRefusedError: the store will not take them until someone changes something.
            KeyReusedError: under the idempotency key came another body; nothing of this one is counted.
        """
        if self.pending >= self._terms.max_pending:
            raise StoreUnavailableError(f"{self.pending} events are waiting for the store")
        # Asking for the running loop costs a system call on Python 3.11; a recorder lives on one.
        self._loop = self._loop or asyncio.get_running_loop()
        if once is not None:
            return await self._record_keyed(site, events, once, int(received), vouched=vouched, network=network)
        return await self._record(site, events, once, int(received), vouched=vouched, network=network, wait=wait)

    async def _record(
        self,
        site: str,
        events: Sequence[Event],
        once: str | None,
        received_s: int,
        *,
        vouched: bool,
        network: Identity | None,
        wait: bool = True,
    ) -> Recorded:
        assert self._loop is not None  # noqa: S101 - for the type checker
        loop = self._loop
        parts = self._join(site, events, once, loop.time(), received_s, vouched=vouched, network=network)
        self.pending += len(events)
        if not wait:
            return Recorded(bytes([TAKEN]) * len(events), "memory")
        waiters: list[asyncio.Future[Outcome]] = []
        for batch, _, _ in parts:
            waiter: asyncio.Future[Outcome] = loop.create_future()
            batch.waiters.append(waiter)
            waiters.append(waiter)
        if len(parts) == 1:
            ((batch, _, tickets),) = parts
            outcome = await waiters[0]
            ack: str = "spool" if outcome is None else outcome.level
            outcomes = batch.outcomes(tickets)
            return (USUAL.get(outcomes) if ack == LEVELS[0] else None) or Recorded(outcomes, ack)
        # A failure is raised only when all are done: what is said of the request is true of all of it.
        await asyncio.gather(*waiters, return_exceptions=True)
        ack = ack_of([waiter.result() for waiter in waiters])
        merged = bytearray(len(events))
        for batch, places, tickets in parts:
            for place, code in zip(places, batch.outcomes(tickets), strict=True):
                merged[place] = code
        return Recorded(bytes(merged), ack)

    async def _record_keyed(
        self,
        site: str,
        events: Sequence[Event],
        once: str,
        received_s: int,
        *,
        vouched: bool,
        network: Identity | None,
    ) -> Recorded:
        """Record a request that has an idempotency key, unless that stands for another body."""
        assert self._loop is not None  # noqa: S101 - for the type checker
        self._bodies.note(site, once, self._loop.time())
        spooled = False
        try:
            if self._store.shards > 1:
                await self._claim(site, once)
            recorded = await self._record(site, events, once, received_s, vouched=vouched, network=network)
            spooled = recorded.ack == "spool"
            return recorded
        finally:
            if not spooled:  # the store knows of it, or it was not counted
                self._bodies.forget(site, once)

    def known_repeats(self, site: str, events: Sequence[Event]) -> int:
        """How many of some events are known to repeat others without a look at the store; those of one moment."""
        return known_repeats(events, self._seen(site), self._terms.admission.span_s)

    async def _claim(self, site: str, once: str) -> None:
        """Have one shard decide which body an idempotency key stands for, before any shard counts one.

        Raises:
            KeyReusedError: it stands for another one.
        """
        assert self._loop is not None  # noqa: S101 - for the type checker
        claim = f"claim-{once}"
        lane = self._lane(site, shard_of(parts_of(once)[0], self._store.shards))
        batch = self._open(lane, claim, self._loop.time())
        waiter: asyncio.Future[Outcome] = self._loop.create_future()
        batch.waiters.append(waiter)
        await waiter

    async def drain(self) -> None:
        """Return when nothing is on its way."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task is not None]:
            await asyncio.wait(tasks)  # unlike gather, it leaves them alone when it is cancelled itself

    def _join(
        self,
        site: str,
        events: Sequence[Event],
        once: str | None,
        now_s: float,
        received_s: int,
        *,
        vouched: bool,
        network: Identity | None,
    ) -> list[_BatchSlice]:
        """Put events into the open batches of their lanes.

        A request with an idempotency key is a batch of its own in every lane, as it counts or not by itself.
        """
        if len(events) == 1:
            batch = self._open(self._lane(site, shard_of(events[0].item, self._store.shards)), once, now_s)
            return [(batch, (0,), [batch.add(events[0], received_s, vouched=vouched, network=network)])]
        parts: list[_BatchSlice] = []
        for shard, places in _by_shard(events, self._store.shards).items():
            lane = self._lane(site, shard)
            batch, tickets = self._open(lane, once, now_s), list[int]()
            for at, place in enumerate(places):
                if tickets and once is None and not batch.takes_more(self._terms):
                    parts.append((batch, places[at - len(tickets) : at], tickets))
                    batch, tickets = self._open(lane, once, now_s), []
                tickets.append(batch.add(events[place], received_s, vouched=vouched, network=network))
            parts.append((batch, places[len(places) - len(tickets) :], tickets))
        return parts

    def _open(self, lane: _Lane, once: str | None, now_s: float) -> OpenBatch:
        """The batch that takes a lane's next events: a new one for an idempotency key, or where there is no room."""
        batches = lane.batches
        if once is not None or not batches or not batches[-1].takes_more(self._terms):
            batches.append(OpenBatch(now_s, self._terms, lane.seen, once))
        return batches[-1]

    def _lane(self, site: str, shard: int) -> _Lane:
        lane = self._lanes.get((site, shard))
        if lane is None:
            lane = self._lanes[site, shard] = _Lane(site, shard, self._seen(site))
        if lane.task is None:
            lane.task = asyncio.create_task(self._commit_all(lane))
        return lane

    def _seen(self, site: str) -> SeenVisits:
        return self._sites.setdefault(site, SeenVisits())

    async def _commit_all(self, lane: _Lane) -> None:
        """Commit a lane's batches, oldest first, until none is left."""
        try:
            while lane.batches or lane.held is not None:
                if not lane.batches:
                    await self._confirm(lane)
                    continue
                batch = lane.batches.popleft()
                lane.number += 1
                sent = batch.numbered(lane.site, lane.shard, self._writer, lane.number)
                outcome = await self._committed(lane, batch, sent)
                if lane.held is not None:
                    await self._confirm(lane)
                if isinstance(outcome, Committed) and not outcome.confirmed:
                    lane.held = _Held(batch, sent, outcome)
                else:
                    self._finish(lane, batch, outcome)
        finally:
            lane.task = None

    async def _confirm(self, lane: _Lane) -> None:
        """Have the held batch confirmed, or go to the overflow."""
        try:
            await self._store.confirm()
        except (StoreUnavailableError, StoreRefusedError) as error:
            await self._give_up_held(lane, error)
        else:
            self._release(lane)

    def _release(self, lane: _Lane) -> None:
        """Answer the requests of the held batch: it is confirmed."""
        held, lane.held = lane.held, None
        if held is not None:
            self._finish(lane, held.batch, held.committed)

    async def _give_up_held(self, lane: _Lane, why: Exception) -> None:
        """Keep the held batch for the store, if there is one: it may have it, or lose it."""
        held, lane.held = lane.held, None
        if held is not None:
            outcome = why if self._overflow is None else await self._kept(held.sent, self._overflow)
            self._finish(lane, held.batch, outcome)

    def _finish(self, lane: _Lane, batch: OpenBatch, outcome: Outcome | Exception) -> None:
        """Answer a batch's requests."""
        self.pending -= batch.events
        if isinstance(outcome, Exception):
            self._fail(lane, batch, outcome)
            return
        batch.settle(outcome)
        for waiter in batch.waiters:
            if not waiter.done():  # else its request was cancelled meanwhile
                waiter.set_result(outcome)

    def _fail(self, lane: _Lane, batch: OpenBatch, why: Exception) -> None:
        """Tell those who wait that a batch was not counted; if nobody does, its events are lost."""
        if not batch.waiters:
            self._on_lost(lane.site, batch.events)
        for waiter in batch.waiters:
            if not waiter.done():
                waiter.set_exception(why)

    async def _committed(self, lane: _Lane, batch: OpenBatch, numbered: Batch) -> Outcome | Exception:
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


def _by_shard(events: Sequence[Event], shards: int) -> dict[int, Sequence[int]]:
    """The events' places by the shard of their items."""
    if shards == 1:
        return {0: range(len(events))} if events else {}
    found: dict[int, list[int]] = {}
    for place, event in enumerate(events):
        found.setdefault(shard_of(event.item, shards), []).append(place)
    return dict(found)
