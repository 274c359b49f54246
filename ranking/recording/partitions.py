"""Partitions: events that stand in a log under offsets, counted once each, whoever reads the log and however often.

The offset behind a batch's last event is the batch's number, and the writer is the partition: so the counts and how far
the partition is read are stored by one call, shard by shard. Who reads it next, after a crash or in a consumer's
stead, goes on at each shard's own number.

Invariant: an event is counted by the batch of its shard that goes over its offset, and by no other. A batch says which
number came before it, so one of a reader that has lost the partition meanwhile is refused, as is one on a store that
has gone back: what that has lost is read again from where it is.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

import structlog

from ranking.backoff import Backoff
from ranking.errors import StoreDeniedError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.intake.visits import COUNTED
from ranking.recording.batches import OpenBatch, SeenVisits, Terms
from ranking.store.counts import CountStore
from ranking.store.shards import shard_of

log = structlog.get_logger("ranking.recording.partitions")

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
#: That the store is away is said once in so long.
SAID_EVERY_S = 30.0


class LogRow(NamedTuple):
    """What stands under one offset: several events where a record is a batch, none where it is of no use."""

    offset: int
    events: Sequence[Event]


class Partition:
    """One partition of a log, whose events count for `site`. `writer` names it, and nothing else that writes.

    `numbers`: per shard, the offset that its next event stands at or behind. Use it from one task.
    """

    def __init__(self, store: CountStore, site: str, writer: str, terms: Terms, seen: SeenVisits) -> None:
        self._store = store
        self._site = site
        self._writer = writer
        self._terms = terms
        self._seen = seen
        self.numbers: list[int] = []

    async def begin(self, read: int, before: Sequence[int] = ()) -> int:
        """Learn what is counted; the offset to read from.

        `read`: up to which the log says that it is read, all of which is counted; `before`: the numbers that were
        stored with that. A store that has gone back since has lower ones, and is read for again. It waits for a store
        that is away.
        """
        shards = range(self._store.shards)
        counted = [
            await _answered(partial(self._store.last_number, self._site, shard, self._writer)) for shard in shards
        ]
        lost = [number for number, was in zip(counted, before, strict=False) if number is not None and number < was]
        self.numbers = [number or 0 for number in counted]
        return min([read, *lost])

    async def record(self, rows: Sequence[LogRow], received_s: int) -> tuple[int, int]:
        """Count the events of some rows, in the order of their offsets: how many counted, and how many did not.

        What is counted already is in neither. It waits for a store that is away.

        Raises:
            OtherWriterError: `begin` again; what was counted meanwhile is not counted once more.
            StoreRefusedError: the store will not take them until someone changes something.
        """
        by_shard = self._by_shard(rows)
        done = await asyncio.gather(
            *(self._record_shard(shard, each, received_s) for shard, each in by_shard.items()), return_exceptions=True
        )
        if failed := next((each for each in done if isinstance(each, BaseException)), None):
            raise failed
        tallies = [each for each in done if not isinstance(each, BaseException)]
        return sum(counted for counted, _ in tallies), sum(others for _, others in tallies)

    def _by_shard(self, rows: Sequence[LogRow]) -> dict[int, list[tuple[int, Event]]]:
        """The events that are not counted yet, each with its offset, by shard."""
        if self._store.shards == 1:
            number = self.numbers[0]
            return {0: [(offset, event) for offset, events in rows if offset >= number for event in events]}
        by_shard: dict[int, list[tuple[int, Event]]] = {}
        for offset, events in rows:
            for event in events:
                shard = shard_of(event.item, self._store.shards)
                if offset >= self.numbers[shard]:
                    by_shard.setdefault(shard, []).append((offset, event))
        return by_shard

    async def _record_shard(self, shard: int, events: Sequence[tuple[int, Event]], received_s: int) -> tuple[int, int]:
        counted = begun = 0
        while begun < len(events):
            batch = OpenBatch(asyncio.get_running_loop().time(), self._terms, self._seen)
            tickets = []
            last = events[begun][0]
            for offset, event in islice(events, begun, None):
                if offset != last and not batch.takes_more(self._terms):
                    break
                tickets.append(batch.add(event, received_s, vouched=True))
                last = offset
            sent = batch.numbered(self._site, shard, self._writer, last + 1, self.numbers[shard])
            batch.settle(await _answered(partial(self._store.record, sent, self._terms.keep_s)))
            outcomes = batch.outcomes(tickets)
            self.numbers[shard] = last + 1
            begun += len(tickets)
            counted += outcomes.count(COUNTED)
        return counted, len(events) - counted


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What the store answers, however long it is away."""
    backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
    clock, said_at = asyncio.get_running_loop().time, -math.inf
    while True:
        try:
            return await ask()
        except (StoreUnavailableError, StoreDeniedError) as error:
            if clock() >= said_at + SAID_EVERY_S:
                said_at = clock()
                log.warning(
                    "The store does not take events. They wait in the log and are tried again. Check the store.",
                    error=str(error),
                )
            await asyncio.sleep(backoff.next_s())
