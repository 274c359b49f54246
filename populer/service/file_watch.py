"""Watching the settings file: its content, once it has come to rest.

The file is read every `POLL_S` and compared with what it held before: a name that points elsewhere (as Kubernetes swaps
a ConfigMap), a file renamed over it and one written in place look the same. New content counts when it has not
changed for `STEADY_S`, because an editor that writes in place first cuts the file to nothing.

Rejected: inotify and its kin (they watch a file, not a name; a swapped symlink is missed) and modification times (two
writes may share one).
"""

import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

POLL_S: Final = 0.2
STEADY_S: Final = 0.4
LARGEST_BYTES: Final = 16 * 1024**2


class FileContent(NamedTuple):
    """What a file holds, or why that cannot be said."""

    content: bytes = b""
    problem: str | None = None


NO_FILE: Final = FileContent(problem="no such file")


def look(file: Path) -> FileContent:
    """What is there now. Never raises, and never waits for somebody to write."""
    try:
        with open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return FileContent(problem="is no regular file")
            content = opened.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return NO_FILE
    except OSError as error:
        return FileContent(problem=f"cannot be read: {error.strerror}")
    return FileContent(content) if len(content) <= LARGEST_BYTES else FileContent(problem="is too large")


class Watch:
    """Tells each new content of a file once. `known` is what it held when it was read last."""

    def __init__(self, known: FileContent) -> None:
        self._known = known
        self._fresh: FileContent | None = None
        self._since = 0.0

    def seen(self, found: FileContent, now: float) -> FileContent | None:
        """`found`, which the file holds at `now` (seconds of a steady clock), if it is news and has come to rest."""
        if found == self._known:
            self._fresh = None
        elif found != self._fresh:
            self._fresh, self._since = found, now
        elif now - self._since >= STEADY_S:
            self._known, self._fresh = found, None
            return found
        return None
