"""The lock file of a spool: who owns it, and what its rows must answer to."""

import contextlib
import fcntl
import os
import struct
import threading
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ranking.store.spool.rows import PAGE


class LockFacts(NamedTuple):
    """What the rows must answer to: how many wait, the ids of the first and the last of them, the last id given."""

    batches: int = 0
    first: int = 0
    last: int = 0
    given: int = 0

    def lost_of(self, expected: "LockFacts") -> int:
        """How many of the `expected` are missing at least: what was removed may have come back in their place."""
        outermost = expected.batches and (self.first != expected.first or self.last < expected.last)
        return max(expected.batches - self.batches, 1 if outermost else 0)


class Ledger:
    """The content of a lock file: what is known of the rows apart from them.

    It is written after an append and before a removal. So a process that is killed in between leaves it telling of a
    row less than there are, never of one more.
    """

    _LAYOUT = struct.Struct("<QQQQ")

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def read(self) -> LockFacts | None:
        """None: it is damaged."""
        kept = os.pread(self._fd, PAGE, 0)
        packed, digest = kept[: self._LAYOUT.size], kept[self._LAYOUT.size :]
        if not kept:
            return LockFacts()
        return LockFacts(*self._LAYOUT.unpack(packed)) if digest == _digest8(packed) else None

    def write(self, facts: LockFacts) -> None:
        packed = self._LAYOUT.pack(*facts)
        with contextlib.suppress(OSError):  # a loss might be counted wrongly; no batch depends on it
            os.pwrite(self._fd, packed + _digest8(packed), 0)

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1


def locked(path: Path) -> int | None:
    """A descriptor that holds the flock on `path`, made where it is missing; None while someone else holds it."""
    while True:
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            # It appears under its name with the lock on it: those who look for orphans never see it without.
            draft = path.with_name(f"{path.name}-{os.getpid()}-{threading.get_ident()}")
            fd = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                os.link(draft, path)
            except FileExistsError:
                os.close(fd)
                continue
            finally:
                draft.unlink()
            return fd
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), path.stat()):
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        except FileNotFoundError:
            pass
        os.close(fd)  # its last owner deleted it


def _digest8(facts: bytes) -> bytes:
    return blake2b(facts, digest_size=8).digest()
