"""Batches that wait on disk: in their lane's order, past a lane that is held, and never past what waits before them."""

import asyncio
from collections.abc import Iterable

import pytest
import structlog.testing

from ranking.counts.buckets import Bucket
from ranking.errors import StoreDeniedError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.recording import overflow
from ranking.recording.overflow import Spooling
from ranking.recording.recorder import Recorded, Recorder
from ranking.store.counts import Batch, Committed

NOW = 1_764_531_906.0
NOON = Bucket(300, 1_764_531_900)


class ListSpool:
    """A spool in memory that takes at most `room` batches."""

    def __init__(self, *batches: Batch, room: int = 100) -> None:
        self.rows: dict[int, Batch] = dict(enumerate(batches, 1))
        self.room = room
        self.closed = False
        self.reason: str | None = None
        self._given = len(batches)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def events(self) -> int:
        return sum(sum(cells.values()) for batch in self.rows.values() for cells in batch.counts.values())

    def append(self, batch: Batch) -> bool:
        if len(self.rows) >= self.room:
            self.reason = "the spool is full"
            return False
        self._given += 1
        self.rows[self._given] = batch
        return True

    def peek(self, limit: int, *, after: int = 0) -> list[tuple[int, Batch]]:
        return [row for row in self.rows.items() if row[0] > after][:limit]

    def remove(self, row_ids: Iterable[int]) -> None:
        for row_id in row_ids:
            del self.rows[row_id]

    def sync(self) -> None:
        """In memory there is nothing to do."""

    @property
    def size(self) -> int:
        return 4096 * len(self)

    def resize(self, max_bytes: int) -> None:
        self.room = max_bytes

    def close(self, *, delete_if_empty: bool = False) -> None:
        self.closed = True


class LossyStore:
    """Counts batches of the sites that are not `away`; remembers (site, number) in the order of counting."""

    def __init__(self, *away: str, shards: int = 1) -> None:
        self.away = set(away)
        self.full: set[str] = set()
        self.shards = shards
        self.counted: list[tuple[str, int]] = []
        self.tried = asyncio.Event()
        self.waited: list[bool] = []

    async def confirm(self) -> None:
        pass

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        self.tried.set()
        self.waited.append(wait)
        if batch.site in self.away:
            raise StoreUnavailableError("away")
        if batch.site in self.full:
            raise StoreDeniedError("full")
        self.counted.append((batch.site, batch.number))
        return Committed()


def batch(number: int, site: str = "s") -> Batch:
    return Batch(site, 0, "w", number, {NOON: {"view|a": 1}})


def recorder_on(store: LossyStore, overflow: Spooling) -> Recorder:
    return Recorder(
        store, writer="w", bucket_s=300, keep_s=1e9, deadline_s=5, max_pending=1000,
        overflow=overflow, overflow_after_s=0.001,
    )  # fmt: skip


async def until(spool: ListSpool, waiting: int = 0) -> None:
    async with asyncio.timeout(5):
        while len(spool) != waiting:  # noqa: ASYNC110 - a spool tells nobody
            await asyncio.sleep(0.001)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overflow, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(overflow, "LONGEST_PAUSE_S", 0.002)
    monkeypatch.setattr(overflow, "FIRST_FAULT_PAUSE_S", 0.001)
    monkeypatch.setattr(overflow, "LOOK_FOR_ORPHANS_S", 0.001)


async def test_what_waits_is_counted_in_order_and_what_comes_waits_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick(monkeypatch)
    store, spool = LossyStore("s"), ListSpool()
    overflow = Spooling(spool, store, keep_s=1e9)
    recorder = recorder_on(store, overflow)
    for _ in range(3):
        assert await recorder.record("s", [Event("a", "view", NOW)]) == Recorded(b"s", "spool")
    store.away.clear()
    late = await recorder.record("s", [Event("a", "view", NOW)])
    await until(spool)
    assert await recorder.record("s", [Event("a", "view", NOW)]) == Recorded(b"1")
    assert store.counted == [("s", number) for number in (1, 2, 3, 4, 5)]
    assert late in (Recorded(b"1"), Recorded(b"s", "spool"))
    await overflow.stop()
    assert spool.closed


async def test_a_lane_that_is_held_does_not_hold_up_another(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    store, spool = LossyStore("held"), ListSpool()
    overflow = Spooling(spool, store, keep_s=1e9)
    for number in (1, 2):
        await overflow.keep(batch(number, "held"))
        await overflow.keep(batch(number, "free"))
    await until(spool, 2)
    assert store.counted == [("free", 1), ("free", 2)]
    assert overflow.waiting(("w", "held", 0))
    assert not overflow.waiting(("w", "free", 0))
    store.away.clear()
    await until(spool)
    assert store.counted[2:] == [("held", 1), ("held", 2)]
    assert not any(store.waited), "their events are answered: no replica and no disk is waited for"
    await overflow.stop()


async def test_it_says_since_when_events_wait_until_none_does(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    store, spool, emptied = LossyStore("s"), ListSpool(), asyncio.Event()
    overflow = Spooling(spool, store, keep_s=1e9, on_change=lambda used: None if used else emptied.set())
    assert (overflow.in_use_s, overflow.size) == (0.0, 0)
    await overflow.keep(batch(1))
    first = overflow.in_use_s
    await overflow.keep(batch(2))
    assert overflow.in_use_s > first > 0, "by the first that waits"
    assert overflow.size == spool.size > 0
    store.away.clear()
    await emptied.wait()
    assert (overflow.in_use_s, overflow.size) == (0.0, 0)
    await overflow.stop()


async def test_a_full_store_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    store, spool = LossyStore(), ListSpool()
    store.full = {"s"}
    overflow = Spooling(spool, store, keep_s=1e9)
    await overflow.keep(batch(1))
    await store.tried.wait()
    store.full.clear()
    await until(spool)
    assert store.counted == [("s", 1)]
    await overflow.stop()


async def test_what_a_store_denies_goes_to_the_spool_at_once() -> None:
    store, spool = LossyStore(), ListSpool()
    store.full = {"s"}
    overflow = Spooling(spool, store, keep_s=1e9)
    recorder = recorder_on(store, overflow)
    assert await recorder.record("s", [Event("a", "view", NOW)]) == Recorded(b"s", "spool")
    store.full.clear()
    await until(spool)
    assert store.counted == [("s", 1)]
    await overflow.stop()


async def test_no_room_is_said_and_leaves_nothing_behind() -> None:
    store, spool = LossyStore("s"), ListSpool(room=0)
    overflow = Spooling(spool, store, keep_s=1e9)
    try:
        await recorder_on(store, overflow).record("s", [Event("a", "view", NOW)])
    except StoreUnavailableError as error:
        assert str(error) == "the store is away, and the spool is full"
    else:
        raise AssertionError("it was taken")
    assert not overflow.has_room
    assert not overflow.waiting(("w", "s", 0))
    await overflow.stop()


async def test_a_spool_that_is_made_larger_has_room_again() -> None:
    store, spool = LossyStore("s"), ListSpool(room=0)
    overflow = Spooling(spool, store, keep_s=1e9)
    await overflow.use(keep_s=1e9, max_bytes=1)
    assert overflow.has_room
    assert await recorder_on(store, overflow).record("s", [Event("a", "view", NOW)]) == Recorded(b"s", "spool")
    await overflow.stop()


async def test_what_a_dead_worker_left_is_counted_and_its_spool_is_closed() -> None:
    store, orphan = LossyStore(), ListSpool(batch(7), batch(8))
    found = [[orphan], []]
    overflow = Spooling(ListSpool(), store, keep_s=1e9, find_orphans=lambda: found.pop(0) if found else [])
    overflow.start()
    await until(orphan)
    assert store.counted == [("s", 7), ("s", 8)]
    await overflow.stop()
    assert orphan.closed


async def test_it_is_told_when_the_spool_is_in_use_and_when_it_is_empty_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick(monkeypatch)
    told: list[bool] = []
    store, spool = LossyStore("s"), ListSpool()
    overflow = Spooling(spool, store, keep_s=1e9, on_change=told.append)
    for number in (1, 2):
        await overflow.keep(batch(number))
    store.away.clear()
    async with asyncio.timeout(5):
        while told != [True, False]:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await overflow.stop()


class FaultySpool(ListSpool):
    """A spool whose next `faults` looks fail."""

    def __init__(self, *batches: Batch, faults: int) -> None:
        super().__init__(*batches)
        self.faults = faults

    def peek(self, limit: int, *, after: int = 0) -> list[tuple[int, Batch]]:
        if self.faults:
            self.faults -= 1
            raise OSError("the disk does not answer")
        return super().peek(limit, after=after)


class FaultyStore(LossyStore):
    """Raises what no store should for batches of the sites in `faulty`."""

    def __init__(self, *faulty: str) -> None:
        super().__init__()
        self.faulty = set(faulty)

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        if batch.site in self.faulty:
            self.tried.set()
            raise ValueError("not a batch")
        return await super().record(batch, keep_s, wait=wait)


async def test_adoption_goes_on_after_a_search_and_a_replay_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    store, orphan = LossyStore(), FaultySpool(batch(7), faults=1)
    searches = iter(["fail", "find", "find"])

    def find_orphans() -> list[ListSpool]:
        match next(searches, "nothing"):
            case "fail":
                raise OSError("the folder cannot be read")
            case "find":
                return [orphan]
        return []

    with structlog.testing.capture_logs() as logs:
        overflow = Spooling(ListSpool(), store, keep_s=1e9, find_orphans=find_orphans)
        overflow.start()
        await until(orphan)
        await overflow.stop()
    assert store.counted == [("s", 7)]
    assert [entry["event"] for entry in logs] == [
        "The spools of ended workers were not all replayed. They are tried again.",
        "The spool of an ended worker was not replayed. It is tried again.",
    ]
    assert all(entry["exc_info"] for entry in logs)


async def test_replay_goes_on_after_a_spool_that_could_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    store, spool = LossyStore(), FaultySpool(faults=2)
    with structlog.testing.capture_logs() as logs:
        overflow = Spooling(spool, store, keep_s=1e9)
        await overflow.keep(batch(1))
        await until(spool)
        await overflow.stop()
    assert store.counted == [("s", 1)]
    assert [entry["event"] for entry in logs] == ["The replay of the spool failed. It is tried again."] * 2


async def test_a_batch_that_cannot_be_recorded_is_logged_once_and_holds_up_its_lane_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick(monkeypatch)
    store, spool = FaultyStore("bad"), ListSpool()
    with structlog.testing.capture_logs() as logs:
        overflow = Spooling(spool, store, keep_s=1e9)
        await overflow.keep(batch(1, "bad"))
        await overflow.keep(batch(1, "good"))
        await until(spool, 1)
        for _ in range(3):  # as often as it likes, it is tried again
            store.tried.clear()
            await store.tried.wait()
        store.faulty.clear()
        await until(spool)
        await overflow.stop()
    assert store.counted == [("good", 1), ("bad", 1)]
    assert [entry["event"] for entry in logs] == ["A spooled batch was not recorded. It is tried again."]
