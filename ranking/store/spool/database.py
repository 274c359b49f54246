"""The SQLite file of a spool: how it is opened, and which of its errors say nothing against it."""

import sqlite3
from pathlib import Path

from ranking.store.spool.rows import FRAME, PAGE

TABLE = """CREATE TABLE IF NOT EXISTS batches (sequence INTEGER PRIMARY KEY, site TEXT, shard INTEGER, writer TEXT,
    number INTEGER, once TEXT, events INTEGER, checksum BLOB, payload BLOB)"""

#: Not about the file, but about the machine or who else has it open: trying again may help. Errors in reading are not
#: among them.
_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def opened(path: Path, log_pages: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        for setting in (
            f"page_size={PAGE}",
            "locking_mode=EXCLUSIVE",  # the flock has seen to it; saves the shared memory file
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",  # what was removed is not found again by a salvage
            f"wal_autocheckpoint={log_pages}",
            f"journal_size_limit={log_pages * (PAGE + FRAME)}",
        ):
            connection.execute(f"PRAGMA {setting}").close()
        connection.execute(TABLE)
    except BaseException:
        connection.close()
        raise
    return connection


def is_passing(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _PASSING and code != sqlite3.SQLITE_IOERR_READ
