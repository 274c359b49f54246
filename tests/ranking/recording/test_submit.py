"""One event without a task: it is heard of once, whatever becomes of it, and leaves nothing behind."""

import asyncio
import gc
import weakref

import pytest
from memory_store import MemoryStore

from ranking.errors import StoreUnavailableError
from ranking.intake.events import Event
from ranking.recording.recorder import ONE_COUNTED, Recorded, Recorder
from ranking.store.counts import Batch, Committed

EVENT = Event("a", "view", 1_700_000_100.0)


class Heard:
    """What it was called with."""

    def __init__(self) -> None:
        self.outcomes: list[Recorded | Exception] = []

    def __call__(self, outcome: Recorded | Exception) -> None:
        self.outcomes.append(outcome)


class Store:
    """Counts, or refuses with `why`."""

    shards = 1

    def __init__(self, why: Exception | None = None) -> None:
        self._why = why
        self.counts = MemoryStore(1)

    async def confirm(self) -> None:
        pass

    async def record(self, batch: Batch, _: float, *, wait: bool = True) -> Committed:
        if self._why is not None:
            raise self._why
        return self.counts.count(batch)


def recorder_on(store: Store, max_pending: int = 10) -> Recorder:
    return Recorder(store, writer="w", bucket_s=300, keep_s=86_400.0, deadline_s=5.0, max_pending=max_pending)


async def test_an_event_is_told_to_count_once_the_store_has_it() -> None:
    store, heard = Store(), Heard()
    recorder = recorder_on(store)
    assert recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
    assert heard.outcomes == []
    await recorder.drain()
    assert heard.outcomes == [ONE_COUNTED]
    assert (store.counts.totals(), recorder.pending) == ({"view|a": 1}, 0)


async def test_an_event_that_cannot_be_counted_hears_why() -> None:
    why, heard = RuntimeError("a bug"), Heard()
    recorder = recorder_on(Store(why))
    recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
    await recorder.drain()
    assert heard.outcomes == [why]


async def test_an_answer_that_fails_keeps_no_other_from_being_given() -> None:
    def broken(_: Recorded | Exception) -> None:
        raise RuntimeError("a bug")

    heard = Heard()
    recorder = recorder_on(Store())
    recorder.submit("s", EVENT, broken, received=EVENT.ts, network=None)
    recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
    later = asyncio.create_task(recorder.record("s", [EVENT]))
    await recorder.drain()
    assert heard.outcomes == [ONE_COUNTED]
    assert (await later).accepted == 1


async def test_an_event_beyond_what_may_wait_is_not_taken() -> None:
    heard, recorder = Heard(), recorder_on(Store(), max_pending=1)
    assert recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
    assert not recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
    with pytest.raises(StoreUnavailableError):
        await recorder.record("s", [EVENT])
    await recorder.drain()
    assert heard.outcomes == [ONE_COUNTED]


async def test_nothing_of_an_answered_event_waits_for_the_garbage_collector() -> None:
    heard = Heard()
    gone = weakref.ref(heard)
    recorder = recorder_on(Store())
    gc.disable()
    try:
        recorder.submit("s", EVENT, heard, received=EVENT.ts, network=None)
        await recorder.drain()
        del heard
        assert gone() is None
    finally:
        gc.enable()
