"""Spool: acknowledged batches on disk while Redis is away, one bounded SQLite file per worker, replayed in order.

Invariants: a batch that `append` took survives a `kill -9` and is given out as it was, or it is counted in `damaged`;
nothing else is given out. A lane's batches (writer, site, shard) come in the order of their numbers. The files belong
to who holds the flock on `.lock`. Power loss may cost what came after the last `sync`: call it about every second.

What is damaged is not mended in place. Rows have checksums, and `.lock` keeps how many wait and which are the first and
the last, so a loss shows where SQLite sees none (it cuts its log at the first bad page without a word). Then database
and log are read page by page, whole rows go into a new file, and the bad one is moved aside for a person to look at.

Rejected: a file format of our own (torn writes and the reuse of space are SQLite's daily bread) and one database for
all workers (they would wait for each other, and one bad page would stop them all).
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from ranking.errors import DataDirLockedError, StoreRefusedError
from ranking.store.counts import Batch
from ranking.store.disk import fsync
from ranking.store.spool.database import TABLE, is_passing, opened
from ranking.store.spool.lock_file import Ledger, LockFacts, locked
from ranking.store.spool.rows import FRAME, PAGE, DamagedError, batch_of, checksum, payload_of
from ranking.store.spool.salvage import whole_rows

T = TypeVar("T")

LOG_PAGES = 1_000  # at most so many in the write-ahead log, or an eighth of the spool where that is less
SPARE_PAGES = 8  # that a row may need besides its own: for the inner nodes of the tree
SHRINK_BYTES = 1 << 20  # an empty file that is larger gives its space back
MAX_ASIDE = 8  # bad files that are kept in one folder

_INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_IF_NEW = "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IDS = "SELECT sequence FROM batches ORDER BY sequence"
_IN_ORDER = "SELECT * FROM batches WHERE sequence > ? ORDER BY sequence"

_log = logging.getLogger(__name__)


class Spool:
    """The spool of one writer. Its calls block, and may come from any thread.

    `damaged`: how many batches are known to be lost since this spool was opened. Where others had been removed out of
    order and damage brings them back, it may be too low. `reason`: why the last call could not do its work, or None.

    Raises:
        DataDirLockedError: another process has this spool.
        StoreRefusedError: the folder or a file in it cannot be used.
    """

    def __init__(self, folder: Path, writer: str, *, max_bytes: int) -> None:
        if not writer or "/" in writer or "\0" in writer:
            raise ValueError(f"{writer!r} cannot name a file")
        self.writer = writer
        self.damaged = 0
        self.reason: str | None = None
        self._file = folder / f"{writer}.spool"
        self._wal = folder / f"{writer}.spool-wal"
        self._max_bytes = max_bytes
        self._log_pages = _log_pages(max_bytes)
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._facts = LockFacts()
        self._events = 0
        self._largest = 0  # pages of the largest batch
        self._removed: set[int] = set()  # rows that are there and do not wait: a full disk, or a crash, kept them
        self._last_numbers: dict[tuple[str, str, int], int] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = locked(folder / f"{writer}.lock")
            if lock is None:
                raise DataDirLockedError(f"Another process has the spool {self._file}.")
            self._lock = Ledger(lock)
        except OSError as error:
            raise StoreRefusedError(f"The spool's folder {folder} cannot be used: {error.strerror}.") from error
        try:
            self._facts = self._lock.read() or LockFacts()
            self._settle()
            if self._facts.batches or self._file.exists() or self._wal.exists():
                self._take_over()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | sqlite3.Error):
                raise StoreRefusedError(f"The spool {self._file} cannot be read: {error}.") from error
            raise

    def __len__(self) -> int:
        """How many batches wait."""
        return self._facts.batches

    @property
    def events(self) -> int:
        """How many events the waiting batches hold."""
        return self._events

    @property
    def size(self) -> int:
        """Bytes of the spool on disk."""
        found = 0
        for path in (self._file, self._wal):
            with contextlib.suppress(FileNotFoundError):
                found += path.stat().st_size
        return found

    def resize(self, max_bytes: int) -> None:
        """Take no more than `max_bytes` from now on; what is kept already stays."""
        with self._mutex:
            self._max_bytes = max_bytes
            self._log_pages = _log_pages(max_bytes)
            if self._connection is not None:
                self._connection.execute(f"PRAGMA wal_autocheckpoint={self._log_pages}")

    def append(self, batch: Batch) -> bool:
        """Keep a batch. False: there is no room, see `reason`; nothing of it was kept.

        Raises:
            ValueError: the lane's batches are given out of order.
        """
        lane = (batch.writer, batch.site, batch.shard)
        payload = payload_of(batch)
        events = batch.events

        def insert(connection: sqlite3.Connection) -> bool:
            # The last page of a row and the leaf that points to it may be filled with next to nothing.
            needed = (len(payload) + PAGE - 1) // (PAGE - 4) + 1 + SPARE_PAGES
            used = self._used_pages()
            # The log is cut after the commit that makes it too long, be it this one or the removal of another batch.
            largest = max(self._largest, needed)
            log_bytes = (self._log_pages + largest) * (PAGE + FRAME)
            if (used + needed) * PAGE + log_bytes > self._max_bytes:
                self.reason = f"the spool is full: {len(self)} batches in {used * PAGE} of {self._max_bytes} bytes"
                return False
            row_id = self._facts.given + 1
            head = (row_id, batch.site, batch.shard, batch.writer, batch.number, batch.once, events)
            connection.execute(_INSERT, (*head, checksum(head, payload), payload))
            self._largest = largest
            waiting, first, _, _ = self._facts
            self._note(LockFacts(waiting + 1, first or row_id, row_id, row_id), self._events + events)
            return True

        with self._mutex:
            if batch.number <= self._last_numbers.get(lane, -1):
                raise ValueError(f"batch {batch.number} of {lane} comes after {self._last_numbers[lane]}")
            if self._attempt(insert, refused=False):
                self._last_numbers[lane] = batch.number
                return True
            return False

    def peek(self, limit: int, *, after: int = 0) -> list[tuple[int, Batch]]:
        """The oldest batches, each with the id by which it is removed; none where the file cannot be read now.

        `after`: only those behind this id, to get past a lane that cannot be replayed yet.
        """

        def read(connection: sqlite3.Connection) -> list[tuple[int, Batch]]:
            found: list[tuple[int, Batch]] = []
            rows = connection.execute(_IN_ORDER, (after,))
            with contextlib.closing(rows):
                for row in rows:
                    if len(found) >= limit:
                        break
                    if row[0] not in self._removed:
                        found.append((row[0], batch_of(row)))
            return found

        with self._mutex:
            return self._attempt(read, refused=[]) if len(self) else []

    def remove(self, row_ids: Iterable[int]) -> None:
        """Forget batches that are counted. Ids of none are ignored.

        A disk that is too full for it does not stop the drain: they are not given out again, except after a crash,
        and then the store refuses their numbers.
        """
        ids = set(row_ids)

        def delete(connection: sqlite3.Connection) -> None:
            sought = [(row_id,) for row_id in ids - self._removed]
            events = [
                events
                for row_id in sought
                for (events,) in connection.execute("SELECT events FROM batches WHERE sequence = ?", row_id)
            ]
            self._removed |= ids
            first, last = (self._outermost(connection, order) for order in ("ASC", "DESC"))
            facts = LockFacts(len(self) - len(events), first, last, self._facts.given)
            self._note(facts, self._events - sum(events))  # before the rows go: if we are killed now, they wait no more
            if not len(self) and self._file.stat().st_size > SHRINK_BYTES:
                self._discard()
                return
            for row_id in self._removed:  # each by itself: a transaction's pages are all in the log at once
                connection.execute("DELETE FROM batches WHERE sequence = ?", (row_id,))
            self._removed.clear()

        with self._mutex:
            self._attempt(delete, refused=None)

    def sync(self) -> None:
        """Make everything appended so far survive a power loss, beside the other calls."""
        for path in (self._wal, self._file.with_name(f"{self.writer}.lock")):
            with contextlib.suppress(FileNotFoundError):
                fsync(path)

    def close(self, *, delete_if_empty: bool = False) -> None:
        """Let go of the files; the next to lock them takes them over."""
        with self._mutex:
            if self._lock.closed:
                return
            self._disconnect()
            if delete_if_empty and not len(self):
                for suffix in ("spool-wal", "spool-shm", "spool", "lock"):  # the lock last: till then nobody else comes
                    self._file.with_name(f"{self.writer}.{suffix}").unlink(missing_ok=True)
            self._lock.close()

    def _attempt(self, work: Callable[[sqlite3.Connection], T], refused: T) -> T:
        """The outcome of `work`, on a new file where this one turns out damaged; `refused` where it cannot be done."""
        if self._lock.closed:
            raise ValueError(f"the spool {self._file} is closed")
        self.reason = None
        try:
            try:
                return work(self._connected())
            except (DamagedError, sqlite3.Error) as error:
                if is_passing(error):
                    raise
                self._salvage(self._wal_bytes(), error)
                return work(self._connected())
        except (DamagedError, sqlite3.Error, OSError) as error:
            self.reason = f"the spool {self._file} cannot be used: {error}"
            return refused

    def _connected(self) -> sqlite3.Connection:
        """The database, made where there is none."""
        if self._connection is None:
            new = not self._file.exists()
            self._file.touch(mode=0o600)
            self._connection = opened(self._file, self._log_pages)
            if new:
                fsync(self._file.parent)
        return self._connection

    def _note(self, facts: LockFacts, events: int) -> None:
        self._facts, self._events = facts, events
        self._lock.write(facts)

    def _outermost(self, connection: sqlite3.Connection, order: str) -> int:
        """The id of the first or the last row that waits, or 0."""
        with contextlib.closing(connection.execute(f"{_IDS} {order}")) as rows:
            return next((row_id for (row_id,) in rows if row_id not in self._removed), 0)

    def _used_pages(self) -> int:
        assert self._connection is not None  # noqa: S101
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _discard(self) -> None:
        """Give the space of an empty spool back."""
        self._disconnect()
        self._wal.unlink(missing_ok=True)  # first: a log must never lie beside a database that is not its own
        self._file.unlink(missing_ok=True)
        self._removed.clear()

    # What was left behind, and what is damaged.

    def _take_over(self) -> None:
        """Look at all that another life has left here."""
        known = self._wal_bytes()  # SQLite forgets what lies behind the first bad page of its log
        try:
            self._load(self._facts)
        except (DamagedError, sqlite3.Error) as error:
            if is_passing(error):
                raise
            self._salvage(known, error)

    def _load(self, expected: LockFacts) -> None:
        """Read every row, so that all that is said of them is true. Raises DamagedError or sqlite3.Error."""
        waiting: list[int] = []
        events, last = 0, 0
        rows = self._connected().execute(_IN_ORDER, (0,))
        with contextlib.closing(rows):
            for row in rows:
                batch = batch_of(row)
                if row[0] <= last:
                    raise DamagedError(f"row {row[0]} comes after {last}")
                last = row[0]
                self._last_numbers[batch.writer, batch.site, batch.shard] = batch.number
                if last < self._facts.first:
                    self._removed.add(last)
                elif last not in self._removed:
                    waiting.append(last)
                    events += row[6]
        given = max(self._facts.given, last)
        found = LockFacts(len(waiting), waiting[0], waiting[-1], given) if waiting else LockFacts(given=given)
        if lost := found.lost_of(expected):
            raise DamagedError(f"{lost} of {expected.batches} batches are not there")
        self._note(found, events)

    def _salvage(self, wal: bytes, why: Exception) -> None:
        """Go on with a new file that holds what this one and its log still have. Raises OSError or sqlite3.Error."""
        self._disconnect()
        if wal:
            self._wal.write_bytes(wal)  # closing has cut it
        self._file.touch(mode=0o600)
        draft = self._file.with_name(f"{self.writer}.salvage")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as new:
            for setting in (f"page_size={PAGE}", "journal_mode=OFF", "synchronous=OFF"):
                new.execute(f"PRAGMA {setting}")
            new.execute(TABLE)
            new.execute("BEGIN")
            for row in whole_rows(self._file, wal):
                new.execute(_INSERT_IF_NEW, row)  # a page may be there in two versions
            new.execute("COMMIT")
        fsync(draft)
        draft.replace(self._file.with_name(f"{self.writer}.salvaged"))
        aside = self._settle()
        expected, known = self._facts, self._lock.read() is not None
        self._load(LockFacts())
        lost = self._facts.lost_of(expected) if known else 1
        self.damaged += lost
        _log.error(
            "The spool %s was damaged (%s): %d batches saved, %d lost, the bad file is %s.",
            self._file,
            why,
            len(self),
            lost,
            aside or "not kept",
        )

    def _settle(self) -> Path | None:
        """Put a complete salvage in its file's place, also one that a crash has interrupted; where the bad file is."""
        salvaged = self._file.with_name(f"{self.writer}.salvaged")
        if not salvaged.exists():
            return None
        aside = None
        folder = self._file.parent
        if len([path for path in folder.glob("*.damaged-*") if not path.name.endswith("-wal")]) < MAX_ASIDE:
            n = 1
            while (aside := folder / f"{self._file.name}.damaged-{n}").exists():
                n += 1
        for bad, name in ((self._wal, f"{aside}-wal"), (self._file, f"{aside}")):
            if aside is None:
                bad.unlink(missing_ok=True)
            elif bad.exists():
                bad.replace(name)
        salvaged.replace(self._file)
        fsync(folder)
        return aside

    def _wal_bytes(self) -> bytes:
        return self._wal.read_bytes() if self._wal.exists() else b""


def _log_pages(max_bytes: int) -> int:
    return max(8, min(LOG_PAGES, max_bytes // PAGE // 8))


def orphans(folder: Path, own_writer: str) -> list[Spool]:
    """Take over the spools of dead workers that hold something, or have lost something; delete those that do not.

    Of several workers that ask at once each orphan goes to one. One that cannot be read now is left for another time.
    """
    suffixes = (".lock", ".spool", ".spool-wal", ".salvaged")
    room = 8 * LOG_PAGES * PAGE  # for the size of its log; nothing is appended to an orphan
    names = {path.name.removesuffix(s) for s in suffixes for path in folder.glob(f"*{s}")}
    adopted = []
    for name in sorted(names - {own_writer, ""}):
        try:
            spool = Spool(folder, name, max_bytes=room)
        except DataDirLockedError:
            continue
        except StoreRefusedError as error:
            _log.warning("%s", error)
            continue
        if len(spool) or spool.damaged:
            adopted.append(spool)
        else:
            spool.close(delete_if_empty=True)
    return adopted
