"""Whole rows out of a damaged spool: SQLite's pages, read without SQLite.

See https://www.sqlite.org/fileformat2.html: a leaf of a table has the type 13, and its cells are (length, row id,
record, and where that does not fit the first of the pages that hold its rest). Only rows
whose checksum holds are given.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ranking.store.spool.rows import COLUMNS, FRAME, PAGE, DamagedError, Row, batch_of

_LEAF = 13
_LOCAL_MOST = PAGE - 35
_LOCAL_LEAST = (PAGE - 12) * 32 // 255 - 23
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def whole_rows(path: Path, wal: bytes) -> Iterator[Row]:
    """Every row whose checksum holds, from the pages of a database and of its log, in whatever state they are."""
    logged = _logged_pages(wal)
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size

        def page(n: int) -> bytes:
            if n in logged:
                return wal[logged[n] : logged[n] + PAGE]
            try:
                return os.pread(file.fileno(), PAGE, (n - 1) * PAGE).ljust(PAGE, b"\0")
            except OSError:  # a bad sector
                return bytes(PAGE)

        for n in sorted({*range(1, -(-size // PAGE) + 1), *logged}):
            leaf = page(n)
            if leaf[0] != _LEAF:
                continue
            for at in range(8, 8 + 2 * min(_uint(leaf, 3, 2), PAGE // 4), 2):
                try:
                    row = _row(leaf, _uint(leaf, at, 2), page, size + len(wal))
                    batch_of(row)
                except (DamagedError, IndexError):
                    continue
                yield row


def _logged_pages(wal: bytes) -> dict[int, int]:
    """Where in the log the last committed version of each page is. Frames of its former rounds have another salt."""
    pages: dict[int, int] = {}
    uncommitted: dict[int, int] = {}
    salts = {wal[16:24], wal[40:48]}  # in its header and in its first frame
    for at in range(32, len(wal) - FRAME - PAGE + 1, FRAME + PAGE):
        if wal[at + 8 : at + 16] in salts:
            uncommitted[_uint(wal, at, 4)] = at + FRAME
            if _uint(wal, at + 4, 4):
                pages |= uncommitted
                uncommitted.clear()
    return pages


def _row(leaf: bytes, at: int, page: Callable[[int], bytes], longest: int) -> Row:
    """The row of one cell, of which nothing is known to be true. Raises IndexError or DamagedError."""
    length, at = _varint(leaf, at)
    row_id, at = _varint(leaf, at)
    if length > longest:
        raise DamagedError("longer than the file")
    local = length
    if length > _LOCAL_MOST:
        local = _LOCAL_LEAST + (length - _LOCAL_LEAST) % (PAGE - 4)
        local = local if local <= _LOCAL_MOST else _LOCAL_LEAST
        parts = [leaf[at : at + local]]
        following = _uint(leaf, at + local, 4)
        for _ in range(-(-(length - local) // (PAGE - 4))):
            if not following:
                raise DamagedError("its rest is nowhere")
            rest = page(following)
            parts.append(rest[4:])
            following = _uint(rest, 0, 4)
        record = b"".join(parts)[:length]
    else:
        record = leaf[at : at + local]
    return (row_id, *_values(record)[1:])


def _values(record: bytes) -> list[Any]:
    """What a record holds: the types of its values, then the values."""
    end, at = _varint(record, 0)
    types: list[int] = []
    while at < end and len(types) <= COLUMNS:
        kind, at = _varint(record, at)
        types.append(kind)
    values: list[Any] = []
    at = end
    for kind in types:
        size = _INT_BYTES.get(kind, (kind - 12) // 2 if kind >= 12 else 0)
        value = record[at : at + size]
        at += size
        if kind in _INT_BYTES:
            values.append(int.from_bytes(value, "big", signed=True))
        elif kind >= 12:
            values.append(value.decode(errors="replace") if kind % 2 else value)
        else:
            values.append({8: 0, 9: 1}.get(kind))
    return values


def _varint(source: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for n in range(at, at + 8):
        byte = source[n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, n + 1
    return value << 8 | source[at + 8], at + 9


def _uint(source: bytes, at: int, size: int) -> int:
    """An unsigned number of the file's; 0 past its end."""
    return int.from_bytes(source[at : at + size], "big")
