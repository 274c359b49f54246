"""Recording: events become counts, many requests in one commit.

A request's events join the batch that is open for their shard and wait until that batch is in the store. While one
batch is on its way the next fills up, so the batches grow with the load and a lone event waits for nothing. Equal
cells are added up before they are sent.

Invariant: a batch is counted once or not at all (see `lanes`). A request that is cancelled while it waits takes nothing
back.

Rejected: one script call per request (ten times the round trips) and a buffer that is answered before it is stored (a
crash loses what was acknowledged).
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple

from ranking.errors import StoreUnavailableError
from ranking.intake.events import Event
from ranking.intake.marks import parts_of
from ranking.intake.visits import CONCENTRATED, COUNTED, REFUSED, REPEATED, SPOOLED, TAKEN, Identity
from ranking.recording.batches import ANY, Admission, OpenBatch, Terms, known_repeats
from ranking.recording.keyed_bodies import KeyedBodies
from ranking.recording.lanes import BatchStore, Lane, Lanes, Outcome, Overflow
from ranking.store.counts import LEVELS
from ranking.store.shards import shard_of


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


ONE_COUNTED = Recorded(bytes([COUNTED]))
#: What becomes of nearly all events that come alone, by their outcome.
LONE = {COUNTED: ONE_COUNTED} | {code: Recorded(bytes([code])) for code in (REPEATED, REFUSED, CONCENTRATED)}
#: What is said of an event that comes alone, and for which nobody waits.
ONE_TAKEN = Recorded(bytes([TAKEN]), "memory")


def _recorded(outcomes: bytes, outcome: Outcome) -> Recorded:
    """What became of events in one batch, whose own `outcome` says how safe they are."""
    ack = "spool" if outcome is None else outcome.level
    usual = LONE.get(outcomes[0]) if ack == LEVELS[0] and len(outcomes) == 1 else None
    return usual or Recorded(outcomes, ack)


def _outcome_of(batch: OpenBatch, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Outcome]:
    """What is going to become of a batch."""
    future: asyncio.Future[Outcome] = loop.create_future()
    batch.waiters.append(partial(_resolve, future))
    return future


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    if future.done():
        return  # its request was cancelled meanwhile
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _tell(
    batch: OpenBatch, ticket: int, done: Callable[[Recorded | Exception], None], outcome: Outcome | Exception
) -> None:
    if isinstance(outcome, Exception):
        done(outcome)
        return
    code = batch.outcome(ticket)
    usual = LONE.get(code) if outcome is not None and outcome.level == LEVELS[0] else None
    done(usual or _recorded(bytes([code]), outcome))


def ack_of(outcomes: Collection[Outcome]) -> str:
    """How safe the least safe of some batches is."""
    if None in outcomes:
        return "spool"
    return min((outcome.level for outcome in outcomes if outcome), key=LEVELS.index, default=LEVELS[0])


class _Request(NamedTuple):
    """The events of a request, and what counts of them depends on: the parameters of `record`."""

    site: str
    events: Sequence[Event]
    once: str | None
    received_s: int
    vouched: bool
    network: Identity | None


#: A request's events in one batch: the batch, their places in the request, and their tickets.
_BatchSlice = tuple[OpenBatch, Sequence[int], list[int]]


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
        self._terms = Terms(bucket_s, keep_s, deadline_s, max_pending, overflow_after_s, admission)
        self._lanes = Lanes(store, writer, on_commit, overflow, on_lost)
        self._bodies = KeyedBodies()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def pending(self) -> int:
        """Events that are not counted yet."""
        return self._lanes.pending

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
        if self._lanes.pending >= self._terms.max_pending:
            raise StoreUnavailableError(f"{self._lanes.pending} events are waiting for the store")
        # Asking for the running loop costs a system call on Python 3.11; a recorder lives on one.
        self._loop = self._loop or asyncio.get_running_loop()
        request = _Request(site, events, once, int(received), vouched, network)
        if once is not None:
            return await self._record_keyed(request, once, self._loop)
        return await self._record(request, self._loop, wait=wait)

    def submit(
        self,
        site: str,
        event: Event,
        done: Callable[[Recorded | Exception], None] | None,
        *,
        received: float,
        network: Identity | None,
    ) -> bool:
        """Have `done` called, later, with what became of one event that nobody vouches for, or why it was not counted.

        It is what `record` does for such an event, and no task waits. `done` None: nobody asks what became of it.
        False: too many events are waiting already, and nothing was done.
        """
        if self._lanes.pending >= self._terms.max_pending:
            return False
        self._loop = self._loop or asyncio.get_running_loop()
        lane = self._lanes.lane(site, shard_of(event.item, self._store.shards))
        batch = self._open(lane, None, self._loop.time())
        ticket = batch.add(event, int(received), vouched=False, network=network)
        if done is not None:
            batch.waiters.append(partial(_tell, batch, ticket, done))
        self._lanes.pending += 1
        return True

    async def _record(self, request: _Request, loop: asyncio.AbstractEventLoop, *, wait: bool = True) -> Recorded:
        parts = self._join(request, loop.time())
        self._lanes.pending += len(request.events)
        if not wait:
            return Recorded(bytes([TAKEN]) * len(request.events), "memory")
        futures = [_outcome_of(batch, loop) for batch, _, _ in parts]
        if len(parts) == 1:
            ((batch, _, tickets),) = parts
            outcome = await futures[0]
            return _recorded(batch.outcomes(tickets), outcome)
        # A failure is raised only when all are done: what is said of the request is true of all of it.
        await asyncio.gather(*futures, return_exceptions=True)
        ack = ack_of([future.result() for future in futures])
        merged = bytearray(len(request.events))
        for batch, places, tickets in parts:
            for place, code in zip(places, batch.outcomes(tickets), strict=True):
                merged[place] = code
        return Recorded(bytes(merged), ack)

    async def _record_keyed(self, request: _Request, once: str, loop: asyncio.AbstractEventLoop) -> Recorded:
        """Record a request that has an idempotency key, unless that stands for another body."""
        site = request.site
        self._bodies.note(site, once, loop.time())
        spooled = False
        try:
            if self._store.shards > 1:
                await self._claim(site, once, loop)
            recorded = await self._record(request, loop)
            spooled = recorded.ack == "spool"
            return recorded
        finally:
            if not spooled:  # the store knows of it, or it was not counted
                self._bodies.forget(site, once)

    def known_repeats(self, site: str, events: Sequence[Event]) -> int:
        """How many of some events are known to repeat others without a look at the store; those of one moment."""
        return known_repeats(events, self._lanes.seen(site), self._terms.admission.span_s)

    async def _claim(self, site: str, once: str, loop: asyncio.AbstractEventLoop) -> None:
        """Have one shard decide which body an idempotency key stands for, before any shard counts one.

        Raises:
            KeyReusedError: it stands for another one.
        """
        lane = self._lanes.lane(site, shard_of(parts_of(once)[0], self._store.shards))
        await _outcome_of(self._open(lane, f"claim-{once}", loop.time()), loop)

    async def drain(self) -> None:
        """Return when nothing is on its way."""
        await self._lanes.drain()

    def _join(self, request: _Request, now_s: float) -> list[_BatchSlice]:
        """Put events into the open batches of their lanes.

        A request with an idempotency key is a batch of its own in every lane, as it counts or not by itself.
        """
        site, events, once, received_s, vouched, network = request
        if len(events) == 1:
            batch = self._open(self._lanes.lane(site, shard_of(events[0].item, self._store.shards)), once, now_s)
            return [(batch, (0,), [batch.add(events[0], received_s, vouched=vouched, network=network)])]
        parts: list[_BatchSlice] = []
        for shard, places in _by_shard(events, self._store.shards).items():
            lane = self._lanes.lane(site, shard)
            batch, tickets = self._open(lane, once, now_s), list[int]()
            for at, place in enumerate(places):
                if tickets and once is None and not batch.takes_more(self._terms):
                    parts.append((batch, places[at - len(tickets) : at], tickets))
                    batch, tickets = self._open(lane, once, now_s), []
                tickets.append(batch.add(events[place], received_s, vouched=vouched, network=network))
            parts.append((batch, places[len(places) - len(tickets) :], tickets))
        return parts

    def _open(self, lane: Lane, once: str | None, now_s: float) -> OpenBatch:
        """The batch that takes a lane's next events: a new one for an idempotency key, or where there is no room."""
        batches = lane.batches
        if once is not None or not batches or not batches[-1].takes_more(self._terms):
            batches.append(OpenBatch(now_s, self._terms, lane.seen, once))
        return batches[-1]


def _by_shard(events: Sequence[Event], shards: int) -> dict[int, Sequence[int]]:
    """The events' places by the shard of their items."""
    if shards == 1:
        return {0: range(len(events))} if events else {}
    places: dict[int, list[int]] = {}
    for place, event in enumerate(events):
        places.setdefault(shard_of(event.item, shards), []).append(place)
    return dict(places)
