"""A full collection comes when memory has grown, and once more when it has ceased to."""

import asyncio
import gc

import pytest

from populer.service import memory
from populer.service.memory import GROWN_BYTES, QUIET_LOOKS, MemoryWatch

MIB = 1024**2


def test_memory_watch_collects_after_growth_and_once_at_rest() -> None:
    watch = MemoryWatch(100 * MIB)
    assert not watch.is_due(100 * MIB + GROWN_BYTES)
    assert watch.is_due(101 * MIB + GROWN_BYTES)
    watch.collected(110 * MIB)
    assert [watch.is_due(110 * MIB) for _ in range(QUIET_LOOKS + 5)] == [False] * (QUIET_LOOKS - 1) + [True] + [
        False
    ] * 5
    watch.collected(90 * MIB)
    assert watch.is_due(91 * MIB + GROWN_BYTES)


def test_memory_watch_is_quiet_while_nothing_grows() -> None:
    watch = MemoryWatch(100 * MIB)
    assert not any(watch.is_due(100 * MIB) for _ in range(1_000))


async def test_what_a_process_has_taken_is_collected_once_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    resident, collected, done = [100 * MIB, 101 * MIB, 102 * MIB + GROWN_BYTES, 90 * MIB, 91 * MIB], [], asyncio.Event()

    def looked(pid: int) -> int:
        return resident.pop(0) if len(resident) > 1 else resident[0]

    def collect() -> None:
        collected.append(len(resident))
        if len(collected) == 2:
            done.set()

    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(memory, "resident_bytes", looked)
    monkeypatch.setattr(gc, "collect", collect)
    task = asyncio.create_task(memory.reclaim_loop())
    await asyncio.wait_for(done.wait(), 60)
    task.cancel()
    assert collected == [2, 1], "after the growth, and once more at rest"
