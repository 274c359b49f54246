"""Every event is counted once or not at all, and a request hears which, whatever becomes of the store's replies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from memory_store import MemoryStore

from ranking.counts.buckets import Bucket
from ranking.errors import StoreDeniedError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.intake.visits import Identity
from ranking.recording import lanes
from ranking.recording.batches import MAX_CELLS, Admission, Terms
from ranking.recording.recorder import Recorder
from ranking.store.counts import Batch, Committed
from ranking.store.shards import shard_of

NOW = 1_700_000_100.0
KEEP_S = 86_400.0
FIRST = Bucket(300, 1_700_000_100)
assert FIRST.start_s % 300 == 0

ITEMS = [f"berita/{number}" for number in range(8)]  # they lie in every shard of 2, 3 and 4
assert all({shard_of(item, shards) for item in ITEMS} == set(range(shards)) for shards in (2, 3, 4))

#: What becomes of one call: called with the batch and a way to count it.
Fate = Callable[[Batch, Callable[[], Committed]], Awaitable[Committed]]


async def counted(_: Batch, count: Callable[[], Committed]) -> Committed:
    return count()


async def reply_lost(_: Batch, count: Callable[[], Committed]) -> Committed:
    count()
    raise StoreUnavailableError("the reply is lost")


async def not_there(_: Batch, count: Callable[[], Committed]) -> Committed:
    raise StoreUnavailableError("nobody answers")


async def full(_: Batch, count: Callable[[], Committed]) -> Committed:
    raise StoreDeniedError("memory is full")


async def broken(_: Batch, count: Callable[[], Committed]) -> Committed:
    raise RuntimeError("a bug")


class Gate:
    """Holds calls back until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _: Batch, count: Callable[[], Committed]) -> Committed:
        self.reached.set()
        await self.opened.wait()
        return count()


class ScriptedStore:
    """A store that honours batch numbers; `fates` says what becomes of the next calls, `at_last` of all after them."""

    def __init__(self, *fates: Fate, at_last: Fate = counted, shards: int = 1) -> None:
        self._fates = list(fates)
        self._at_last = at_last
        self._store = MemoryStore(shards)
        self.shards = shards
        self.calls: list[Batch] = []

    async def confirm(self) -> None:
        pass

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        assert keep_s == KEEP_S
        self.calls.append(batch)
        fate = self._fates.pop(0) if self._fates else self._at_last
        return await fate(batch, lambda: self._store.count(batch))

    @property
    def totals(self) -> dict[str, int]:
        """Events per field."""
        return self._store.totals()

    def count_of(self, item: str) -> int:
        return sum(n for name, n in self.totals.items() if name.partition("|")[2] == item)


def recorder_on(store: ScriptedStore, **changes: Any) -> Recorder:
    options = {"writer": "w", "bucket_s": 300, "keep_s": KEEP_S, "deadline_s": 5.0, "max_pending": 1000, **changes}
    return Recorder(store, **options)


def views(*items: str, ts: float = NOW) -> list[Event]:
    return [Event(item, "view", ts) for item in items]


async def until_idle() -> None:
    """Let everything that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(lanes, "LONGEST_PAUSE_S", 0.002)


async def test_equal_events_are_added_up_in_the_bucket_of_their_time() -> None:
    store = ScriptedStore()
    events = [*views("a", "a", "b|c"), *views("a", ts=NOW + 299.9), *views("a", ts=NOW + 300), Event("a", "click", NOW)]
    await recorder_on(store).record("s", events)
    [batch] = store.calls
    later = Bucket(300, FIRST.start_s + 300)
    assert batch.counts == {FIRST: {"view|a": 3, "view|b|c": 1, "click|a": 1}, later: {"view|a": 1}}
    assert (batch.site, batch.shard, batch.writer) == ("s", 0, "w")


async def test_no_events_are_recorded_without_a_call() -> None:
    store = ScriptedStore()
    await recorder_on(store).record("s", [])
    assert store.calls == []


async def test_events_of_concurrent_requests_share_one_batch() -> None:
    store = ScriptedStore()
    recorder = recorder_on(store)
    await asyncio.gather(*(recorder.record("s", views("a", f"item-{n}")) for n in range(50)))
    assert len(store.calls) == 1
    assert store.count_of("a") == 50


async def test_what_waits_when_the_settings_change_is_counted_under_those_it_came_under() -> None:
    gate = Gate()
    store = ScriptedStore(gate)
    recorder = recorder_on(store, admission=Admission(span_s=1800))
    reader = Event("a", "view", NOW, Identity(b"a-reader"))
    requests = [asyncio.create_task(recorder.record("s", views("b")))]
    await gate.reached.wait()
    requests.append(asyncio.create_task(recorder.record("s", [reader])))
    await until_idle()
    recorder.use(Terms(60, KEEP_S, 5.0, max_pending=3))
    requests.append(asyncio.create_task(recorder.record("s", [reader])))
    await until_idle()
    with pytest.raises(StoreUnavailableError, match="3 events are waiting"):
        await recorder.record("s", views("c"))
    gate.opened.set()
    assert [recorded.accepted for recorded in await asyncio.gather(*requests)] == [1, 1, 1]
    assert [[bucket.width_s for bucket in batch.counts] for batch in store.calls] == [[300], [300], [60]]
    assert [batch.visits and batch.visits.span_s for batch in store.calls] == [None, 1800, None]


async def test_while_one_batch_is_on_its_way_the_next_fills_up() -> None:
    gate = Gate()
    store = ScriptedStore(gate)
    recorder = recorder_on(store)
    first = asyncio.create_task(recorder.record("s", views("a")))
    await gate.reached.wait()
    others = [asyncio.create_task(recorder.record("s", views("b"))) for _ in range(10)]
    await until_idle()
    assert len(store.calls) == 1
    gate.opened.set()
    await asyncio.gather(first, *others)
    assert [batch.counts for batch in store.calls] == [{FIRST: {"view|a": 1}}, {FIRST: {"view|b": 10}}]


async def test_a_request_is_answered_only_after_its_batch_is_counted() -> None:
    gate = Gate()
    store = ScriptedStore(gate)
    recorder = recorder_on(store)
    request = asyncio.create_task(recorder.record("s", views("a")))
    await gate.reached.wait()
    await until_idle()
    assert not request.done()
    assert recorder.pending == 1
    gate.opened.set()
    await request
    assert store.count_of("a") == 1
    assert recorder.pending == 0


async def test_a_request_over_several_shards_waits_for_all_of_them() -> None:
    gate = Gate()
    store = ScriptedStore(gate, shards=4)
    request = asyncio.create_task(recorder_on(store).record("s", views(*ITEMS)))
    await until_idle()
    assert {batch.shard for batch in store.calls} == {0, 1, 2, 3}
    assert not request.done()
    gate.opened.set()
    await request
    assert [store.count_of(item) for item in ITEMS] == [1] * 8


async def test_every_site_and_shard_has_batches_of_its_own_numbered_upwards() -> None:
    store = ScriptedStore(shards=2)
    recorder = recorder_on(store)
    for site in ("one", "two"):
        for _ in range(3):
            await recorder.record(site, views(*ITEMS))
    lanes: dict[tuple[str, int], list[int]] = {}
    for batch in store.calls:
        lanes.setdefault((batch.site, batch.shard), []).append(batch.number)
    assert lanes == {(site, shard): [1, 2, 3] for site in ("one", "two") for shard in (0, 1)}


async def test_a_batch_whose_reply_is_lost_is_sent_again_with_its_number_and_counts_once() -> None:
    store = ScriptedStore(reply_lost, reply_lost)
    await recorder_on(store).record("s", views("a", "a"))
    assert [batch.number for batch in store.calls] == [1, 1, 1]
    assert store.calls[0] == store.calls[1] == store.calls[2]
    assert store.count_of("a") == 2


async def test_a_lost_reply_does_not_hold_back_what_came_after_it() -> None:
    store = ScriptedStore(reply_lost)
    recorder = recorder_on(store)
    await asyncio.gather(recorder.record("s", views("a")), recorder.record("s", views("b")))
    await recorder.record("s", views("c"))
    assert [store.count_of(item) for item in "abc"] == [1, 1, 1]
    assert [batch.number for batch in store.calls] == [1, 1, 2]


async def test_a_store_that_comes_back_before_the_deadline_was_never_missed() -> None:
    store = ScriptedStore(not_there, not_there, not_there)
    await recorder_on(store).record("s", views("a"))
    assert store.count_of("a") == 1


async def test_past_the_deadline_the_request_hears_that_the_store_is_away() -> None:
    store = ScriptedStore(at_last=not_there)
    recorder = recorder_on(store, deadline_s=0.3)
    with pytest.raises(StoreUnavailableError, match="nobody answers"):
        await recorder.record("s", views("a"))
    assert len(store.calls) > 1
    assert recorder.pending == 0
    assert store.count_of("a") == 0


async def test_after_a_deadline_the_next_batch_has_the_next_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("FIRST_PAUSE_S", "LONGEST_PAUSE_S"):  # trying again would be past every deadline
        monkeypatch.setattr(lanes, pause, 60.0)
    store = ScriptedStore(not_there)
    recorder = recorder_on(store)
    with pytest.raises(StoreUnavailableError):
        await recorder.record("s", views("a"))
    await recorder.record("s", views("b"))
    assert [batch.number for batch in store.calls] == [1, 2]
    assert (store.count_of("a"), store.count_of("b")) == (0, 1)


@pytest.mark.parametrize(("fate", "error"), [(full, StoreDeniedError), (broken, RuntimeError)])
async def test_what_trying_again_does_not_mend_is_passed_on_at_once(fate: Fate, error: type[Exception]) -> None:
    store = ScriptedStore(fate)
    recorder = recorder_on(store)
    outcomes = await asyncio.gather(
        recorder.record("s", views("a")), recorder.record("s", views("b")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [error, error]
    assert len(store.calls) == 1
    assert recorder.pending == 0
    await recorder.record("s", views("c"))
    assert store.count_of("c") == 1


async def test_one_failed_shard_fails_the_request_once_the_others_are_done() -> None:
    store = ScriptedStore(full, shards=2)
    with pytest.raises(StoreDeniedError):
        await recorder_on(store).record("s", views(*ITEMS))
    failed = store.calls[0].shard
    assert [store.count_of(item) for item in ITEMS] == [int(shard_of(item, 2) != failed) for item in ITEMS]


@pytest.mark.parametrize("shards", [1, 3])
async def test_a_cancelled_request_takes_nothing_back_and_no_one_with_it(shards: int) -> None:
    gate = Gate()
    store = ScriptedStore(gate, gate, gate, shards=shards)
    recorder = recorder_on(store)
    cancelled = asyncio.create_task(recorder.record("s", views(*ITEMS)))
    other = asyncio.create_task(recorder.record("s", views(*ITEMS)))
    await until_idle()
    cancelled.cancel()
    await until_idle()
    assert cancelled.cancelled()
    assert not other.done()
    gate.opened.set()
    await other
    assert [store.count_of(item) for item in ITEMS] == [2] * 8
    assert recorder.pending == 0


async def test_a_cancelled_request_that_waits_for_a_failing_batch_fails_no_one_else() -> None:
    gate = Gate()

    async def fail_when_opened(batch: Batch, count: Callable[[], Committed]) -> Committed:
        await gate(batch, Committed)
        raise StoreDeniedError("memory is full")

    store = ScriptedStore(fail_when_opened)
    recorder = recorder_on(store)
    cancelled = asyncio.create_task(recorder.record("s", views("a")))
    await gate.reached.wait()
    later = asyncio.create_task(recorder.record("s", views("b")))
    cancelled.cancel()
    gate.opened.set()
    await later
    assert store.count_of("b") == 1


async def test_when_too_many_events_wait_further_ones_are_refused_and_not_counted() -> None:
    gate = Gate()
    store = ScriptedStore(gate)
    recorder = recorder_on(store, max_pending=3)
    waiting = asyncio.create_task(recorder.record("s", views("a", "a", "a")))
    await gate.reached.wait()
    with pytest.raises(StoreUnavailableError, match="3 events are waiting"):
        await recorder.record("s", views("b"))
    gate.opened.set()
    await waiting
    await recorder.record("s", views("c"))
    assert [store.count_of(item) for item in "abc"] == [3, 0, 1]


async def test_drain_returns_only_when_nothing_is_on_its_way() -> None:
    gate = Gate()
    store = ScriptedStore(gate, shards=2)
    recorder = recorder_on(store)
    requests = [asyncio.create_task(recorder.record("s", views(item))) for item in ITEMS]
    await gate.reached.wait()
    late = asyncio.create_task(recorder.record("s", views("late")))
    drained = asyncio.create_task(recorder.drain())
    await until_idle()
    assert not drained.done()
    gate.opened.set()
    await drained
    assert recorder.pending == 0
    assert sum(store.totals.values()) == 9
    await asyncio.gather(late, *requests)


async def test_draining_a_recorder_at_rest_returns() -> None:
    recorder = recorder_on(ScriptedStore())
    await recorder.drain()
    await recorder.record("s", views("a"))
    await recorder.drain()


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_batch_over_the_cell_limit_is_split_and_all_of_it_arrives(shards: int) -> None:
    store = ScriptedStore(shards=shards)
    items = [f"item-{n}" for n in range(4 * MAX_CELLS + 1)]
    await recorder_on(store, max_pending=10).record("s", views(*items, *items))
    sizes = [sum(map(len, batch.counts.values())) for batch in store.calls]
    assert len(sizes) > 4
    assert max(sizes) <= MAX_CELLS
    assert store.totals == {f"view|{item}": 2 for item in items}


async def test_a_request_over_the_cell_limit_hears_of_the_batch_that_failed() -> None:
    store = ScriptedStore(counted, full)
    with pytest.raises(StoreDeniedError):
        await recorder_on(store).record("s", views(*(f"item-{n}" for n in range(3 * MAX_CELLS))))
    assert sum(store.totals.values()) == 2 * MAX_CELLS


async def test_a_request_sent_again_under_its_key_counts_once_and_takes_no_other_with_it() -> None:
    store = ScriptedStore(reply_lost, shards=2)
    recorder = recorder_on(store)
    keyed = [recorder.record("s", views(*ITEMS), "key") for _ in range(3)]
    plain = [recorder.record("s", views(*ITEMS)) for _ in range(2)]
    outcomes = await asyncio.gather(keyed[0], plain[0], keyed[1], plain[1], keyed[2])
    assert [store.count_of(item) for item in ITEMS] == [3] * 8
    assert [outcome.repeated for outcome in outcomes] == [0, 0, 8, 0, 8]


async def test_giving_up_on_a_drain_takes_nothing_back() -> None:
    gate = Gate()
    store = ScriptedStore(gate)
    recorder = recorder_on(store)
    requests = [asyncio.create_task(recorder.record("s", views(item))) for item in "ab"]
    await gate.reached.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(recorder.drain(), 0.01)
    gate.opened.set()
    await asyncio.wait_for(asyncio.gather(*requests), 1)
    assert [store.count_of(item) for item in "ab"] == [1, 1]
