"""A worker's memory: what is there at the start stays, what a burst took goes back to the system.

The garbage collector does not walk the 80 MB that every worker begins with, and looks at all that is younger only
rarely; so cycles of connections that were cut would lie there for hours, and freed pages stay with the C library. A
full collection therefore comes when resident memory has grown, and once more when it has ceased to.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 1.0
GROWN_BYTES: Final = 16 * 1024**2
#: Looks without growth after which memory is at rest.
QUIET_LOOKS: Final = 5


def settle_memory() -> None:
    """Take what is there now for permanent, and collect what is younger rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class MemoryWatch:
    """Tells from one look at resident memory (bytes) to the next when a full collection is due."""

    def __init__(self, resident: int) -> None:
        self._known = resident
        self._quiet = QUIET_LOOKS

    def is_due(self, resident: int) -> bool:
        """Whether memory has grown since the last collection, or has just ceased to."""
        if resident > self._known + GROWN_BYTES:
            self._quiet = 0
            return True
        self._quiet += 1
        return self._quiet == QUIET_LOOKS

    def collected(self, resident: int) -> None:
        """A full collection has left `resident` bytes."""
        self._known = resident


async def reclaim_loop() -> None:
    """Give back what bursts have taken, until cancelled; returns where resident memory cannot be told."""
    own = os.getpid()
    if (resident := resident_bytes(own)) is None:
        return
    watch = MemoryWatch(resident)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if watch.is_due(resident_bytes(own) or 0):
            gc.collect()
            _trim()
            watch.collected(resident_bytes(own) or 0)


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process; None where it is gone, or there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _trim() -> None:
    """Have the C library give freed pages back, where it can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
