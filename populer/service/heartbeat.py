"""Is a child's event loop alive? The child writes a byte into a pipe with every half second that its loop turns.

A loop that hangs serves nobody and never ends, so nothing would ever replace it. The parent adds up the time in which
it looked, and the child could have beaten and did not. What does not count: time in which the parent was not running
either (a suspended machine, a stopped process group), and time in which the child wanted a core and got none, waited
for the disk, or was held by a debugger.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final, NamedTuple

BEAT_EVERY_S: Final = 0.5
LOOK_EVERY_S: Final = 1.0
HUNG_S: Final = 10.0
#: Share of a core below which a child that wants one is kept waiting by others.
STARVED: Final = 0.1
#: States of /proc that say nothing of the loop: waiting for the disk, held by a debugger, ended.
EXCUSED: Final = frozenset("DtZX")


class Activity(NamedTuple):
    """State of a process as /proc has it, and the CPU seconds that it has used."""

    state: str
    cpu_s: float


class HangDetector:
    """Adds up for how long a child has owed its beat."""

    def __init__(self) -> None:
        self.silent_s = 0.0
        self._beaten = False
        self._cpu_s = 0.0

    def look(self, beat: bool, elapsed_s: float, activity: Activity | None) -> bool:
        """Whether the child hangs, `elapsed_s` after the last look. `activity` None: it cannot be told.

        >>> detector = HangDetector()
        >>> [detector.look(beat, 2.0, Activity("S", 0.0)) for beat in (True, False, False, False, False, False)]
        [False, False, False, False, False, True]
        """
        used_s = 0.0 if activity is None else activity.cpu_s - self._cpu_s
        self._cpu_s = 0.0 if activity is None else activity.cpu_s
        if beat:
            self._beaten = True
            self.silent_s = 0.0
            return False
        elapsed_s = min(elapsed_s, 2 * LOOK_EVERY_S)
        if activity is not None and (
            activity.state in EXCUSED or (activity.state == "R" and used_s < STARVED * elapsed_s)
        ):
            return False
        self.silent_s += elapsed_s if self._beaten else 0.0  # before the first beat it starts
        return self.silent_s >= HUNG_S


class Heartbeat:
    """The parent's end of a child's pipe; `child_fd` is the child's until `started`."""

    def __init__(self) -> None:
        self._fd, self.child_fd = os.pipe()
        os.set_blocking(self._fd, False)
        os.set_blocking(self.child_fd, False)
        self._pulse = HangDetector()

    def started(self) -> None:
        """The child has its end."""
        os.close(self.child_fd)

    def is_hung(self, pid: int, elapsed_s: float) -> bool:
        """Whether the child `pid` hangs, `elapsed_s` after the last time it was asked."""
        beat = False
        with contextlib.suppress(BlockingIOError):
            beat = bool(os.read(self._fd, 65_536))
        return self._pulse.look(beat, elapsed_s, activity_of(pid))

    def close(self) -> None:
        """The child has ended."""
        os.close(self._fd)


def activity_of(pid: int) -> Activity | None:
    """What a process does; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Activity(fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def beat(fd: int | None) -> None:
    """Beat once for the parent. Who says that it is ready has done so: of others it is not known whether they hang."""
    if fd is not None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(fd, b".")


async def beat_loop(fd: int | None) -> None:
    """Beat for the parent until cancelled."""
    while fd is not None:
        beat(fd)
        await asyncio.sleep(BEAT_EVERY_S)
