"""A batch whose server may have failed to write it is answered only once that is known not to be so."""

import asyncio

import pytest
from memory_store import MemoryStore

from ranking.errors import StoreDeniedError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.recording.overflow import Spooling
from ranking.recording.recorder import Recorded, Recorder
from ranking.store.counts import Batch, Committed

NOW = 1_700_000_000.0
KEEP_S = 1e9


class CarelessStore:
    """Answers each batch before it is written. `full`: nothing is written, and nothing more taken.

    `ends()` has it end with what was not written, and come back; `ends_before` does so before a batch of this number.
    `log` is what was asked of it.
    """

    shards = 1

    def __init__(self) -> None:
        self.kept, self.memory = MemoryStore(1), MemoryStore(1)
        self.full = False
        self.away = False
        self.fails_after = 10**9
        self.ends_before = 0
        self.log: list[str] = []
        self._written: list[Batch] = []

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        self.log.append(f"record {batch.number}")
        if batch.number == self.ends_before:
            self.ends()
            raise StoreUnavailableError("it has just ended")
        if self.away:
            raise StoreUnavailableError("away")
        if self.full:
            raise StoreDeniedError("no room")
        committed = self.memory.count(batch)
        if batch.number >= self.fails_after:
            self.full = True
        else:
            self._written.append(batch)
        return committed._replace(confirmed=False)

    async def confirm(self) -> None:
        self.log.append("confirm")
        if self.away:
            raise StoreUnavailableError("away")
        if self.full:
            raise StoreDeniedError("no room")

    def ends(self) -> None:
        """End, and start with what was written and with room."""
        self.memory, self.full, self.fails_after, self.ends_before = MemoryStore(1), False, 10**9, 0
        for batch in self._written:
            self.memory.count(batch)


class ListSpool:
    """A spool in memory."""

    def __init__(self) -> None:
        self.rows: dict[int, Batch] = {}
        self.reason = None
        self._last = 0

    @property
    def events(self) -> int:
        return sum(batch.events for batch in self.rows.values())

    def append(self, batch: Batch) -> bool:
        self._last += 1
        self.rows[self._last] = batch
        return True

    def peek(self, limit: int, *, after: int = 0) -> list[tuple[int, Batch]]:
        return [row for row in self.rows.items() if row[0] > after][:limit]

    def remove(self, row_ids: object) -> None:
        for row_id in list(row_ids):  # type: ignore[call-overload]
            del self.rows[row_id]

    def sync(self) -> None:
        pass

    @property
    def size(self) -> int:
        return 4096 * len(self)

    def resize(self, max_bytes: int) -> None:
        pass

    def close(self, *, delete_if_empty: bool = False) -> None:
        pass

    def __len__(self) -> int:
        return len(self.rows)


def recorder_on(store: CarelessStore, overflow: Spooling | None = None) -> Recorder:
    return Recorder(
        store, writer="w", bucket_s=300, keep_s=KEEP_S, deadline_s=5, max_pending=1000,
        overflow=overflow, overflow_after_s=0.001,
    )  # fmt: skip


def view(item: str) -> list[Event]:
    return [Event(item, "view", NOW)]


async def test_a_lone_batch_is_answered_when_the_store_has_confirmed_it() -> None:
    store = CarelessStore()
    assert await recorder_on(store).record("s", view("a")) == Recorded(b"1")
    assert store.log == ["record 1", "confirm"]


async def test_a_batch_is_confirmed_by_the_next_one_that_counts() -> None:
    store = CarelessStore()
    recorder = recorder_on(store)
    await asyncio.gather(*(recorder.record("s", view("a"), once=f"{n:032x}") for n in range(3)))
    assert store.log == ["record 1", "record 2", "record 3", "confirm"]


async def test_what_the_store_failed_to_write_waits_for_it_in_order() -> None:
    store, spool = CarelessStore(), ListSpool()
    overflow = Spooling(spool, store, keep_s=KEEP_S)
    recorder = recorder_on(store, overflow)
    assert await recorder.record("s", view("a")) == Recorded(b"1")
    store.fails_after = 2
    answers = await asyncio.gather(*(recorder.record("s", view(item), once=f"{ord(item):032x}") for item in "bc"))
    assert answers == [Recorded(b"s", "spool")] * 2
    assert [batch.number for batch in spool.rows.values()] == [2, 3]
    store.ends()
    async with asyncio.timeout(30):
        while len(spool):  # noqa: ASYNC110 - a spool tells nobody
            await asyncio.sleep(0.001)
    assert store.memory.totals() == {"view|a": 1, "view|b": 1, "view|c": 1}
    await overflow.stop()


async def test_without_a_spool_it_is_refused() -> None:
    store = CarelessStore()
    store.fails_after = 1
    with pytest.raises(StoreDeniedError):
        await recorder_on(store).record("s", view("a"))


async def test_what_a_store_lost_with_its_end_is_sent_again_before_what_follows() -> None:
    """The server has not written a batch, ends before the next one comes, and starts with room."""
    store = CarelessStore()
    store.fails_after = 1
    recorder = recorder_on(store)
    store.ends_before = 2
    await asyncio.gather(*(recorder.record("s", view(item), once=f"{ord(item):032x}") for item in "ab"))
    assert store.log == ["record 1", "record 2", "record 1", "record 2", "confirm", "confirm"]
    assert store.memory.totals() == {"view|a": 1, "view|b": 1}


async def test_spooled_batches_leave_when_they_are_confirmed() -> None:
    store, spool = CarelessStore(), ListSpool()
    store.away = True
    overflow = Spooling(spool, store, keep_s=KEEP_S)
    recorder = recorder_on(store, overflow)
    assert await recorder.record("s", view("a")) == Recorded(b"s", "spool")
    store.fails_after = 1
    store.away = False
    while "confirm" not in store.log:  # noqa: ASYNC110 - the store tells nobody
        await asyncio.sleep(0.001)
    assert len(spool) == 1
    store.ends()
    async with asyncio.timeout(30):
        while len(spool):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert store.memory.totals() == {"view|a": 1}
    await overflow.stop()
