"""A full collection comes when memory has grown, and once more when it has ceased to."""

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
