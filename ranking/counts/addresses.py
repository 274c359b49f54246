"""Addresses: the described item at an address, for a million items two arrays of 8 bytes.

An event that names no item is counted under its address (`urls.item_of`), also where the newsroom has described an item
with that address. Each item's address is kept as 8 bytes of a hash, the mark of the name that such an event is counted
under. Two addresses are taken for one only if these agree: with a million items, one chance in thirty million that it
happens at all, and it joins counts that the next description of either parts again.

Rejected: a dictionary of addresses (200 bytes an item).
"""

from collections import defaultdict
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_ROW, Ints, Mask
from ranking.counts.cells import grown
from ranking.intake.urls import name_at
from ranking.intake.visits import short_hash

Marks = npt.NDArray[np.uint64]
#: In place of a mark: of an item that nobody has described, and of one that was described without an address.
NOT_DESCRIBED, NO_ADDRESS = 0, 1
#: So many marks are kept in a dictionary before they are sorted in with the others.
MANY_NEW = 10_000


def mark_of_name(name: str) -> int:
    """The mark of a name that counts may be under."""
    return max(int.from_bytes(short_hash(name), "little"), NO_ADDRESS + 1)


def mark_of_address(url: str | None) -> int:
    """The mark of the name that an event which gives `url` alone is counted under.

    >>> mark_of_address("https://www.example.id/berita/judul/?utm_source=x") == mark_of_name("example.id/berita/judul")
    True
    """
    name = name_at(url)
    return NO_ADDRESS if name is None else mark_of_name(name)


@lru_cache(maxsize=1 << 14)
def marks_of_name(name: str) -> tuple[int, ...]:
    """The marks of the addresses that a name may stand for, the likeliest first.

    That is itself; a whole address that was sent as an id; and without its host, as items may be described with a path
    of the site.

    >>> marks_of_name("example.id/berita")[1] == mark_of_address("/berita")
    True
    """
    if name[:8].lower().startswith(("http://", "https://")):
        return mark_of_name(name), mark_of_address(name)
    path = path_of_name(name)
    return (mark_of_name(name),) if path is None else (mark_of_name(name), mark_of_name(path))


def path_of_name(name: str) -> str | None:
    """The name of an address without its host; None where it has none.

    >>> path_of_name("example.id/berita"), path_of_name("/berita")
    ('/berita', None)
    """
    host, slash, path = name.partition("/")
    return slash + path if "." in host and slash else None


class ItemAddresses:
    """The mark of each row's address. Rows are those of a history."""

    def __init__(self) -> None:
        self._marks: Marks = np.zeros(0, dtype=np.uint64)
        self._sorted: Marks = np.zeros(0, dtype=np.uint64)
        self._rows: Ints = np.zeros(0, dtype=np.int32)
        self._new: defaultdict[int, list[int]] = defaultdict(list)  # mark -> rows that were set since
        self._is_sorted = True

    def mark(self, row: int) -> int:
        """The mark of a row's address."""
        return int(self._marks[row]) if row < len(self._marks) else NOT_DESCRIBED

    def set(self, row: int, mark: int) -> None:
        """Set the address of a row."""
        self._reach(row + 1)
        if self.mark(row) != mark:
            self._marks[row] = mark
            self._new[mark].append(row)
            self._is_sorted = self._is_sorted and len(self._new) < MANY_NEW

    def set_many(self, rows: Ints, marks: Marks) -> None:
        """Set the addresses of many rows."""
        self._reach(int(rows.max(initial=-1)) + 1)
        self._marks[rows] = marks
        self._is_sorted = False

    def rows(self, mark: int) -> list[int]:
        """The rows with this address."""
        self._sort()
        wanted = np.uint64(mark)
        first, last = (int(self._sorted.searchsorted(wanted, side)) for side in ("left", "right"))
        rows = {*self._rows[first:last].tolist(), *self._new.get(mark, ())}
        return sorted(row for row in rows if self.mark(row) == mark)

    def has(self, marks: Marks) -> npt.NDArray[np.bool_]:
        """Whether any row may have each of these addresses, (marks,) bool."""
        self._sort()
        there = np.zeros(len(marks), dtype=np.bool_)
        if len(self._sorted):
            there = self._sorted[np.minimum(self._sorted.searchsorted(marks), len(self._sorted) - 1)] == marks
        if self._new:
            there |= np.fromiter((mark in self._new for mark in marks.tolist()), np.bool_, len(marks))
        return there

    def only_rows(self, marks: Marks) -> Ints:
        """The row with each of these addresses, (marks,) int32, where one alone surely has it; else NO_ROW."""
        self._sort()
        if not len(self._sorted):
            return np.full(len(marks), NO_ROW, dtype=np.int32)
        first, last = self._sorted.searchsorted(marks, "left"), self._sorted.searchsorted(marks, "right")
        rows = self._rows[np.minimum(first, len(self._rows) - 1)]
        rows[(last - first != 1) | (self._marks[rows] != marks)] = NO_ROW
        if self._new:
            rows[np.fromiter((mark in self._new for mark in marks.tolist()), np.bool_, len(marks))] = NO_ROW
        return rows

    def shared(self) -> list[int]:
        """The addresses that several rows have."""
        self._is_sorted = False
        self._sort()
        again = self._sorted[1:][self._sorted[1:] == self._sorted[:-1]]
        return [int(mark) for mark in np.unique(again)]

    def described(self, size: int) -> Mask:
        """Whether the item of each row is described, (size,) bool."""
        self._reach(size)
        described: Mask = self._marks[:size] != NOT_DESCRIBED
        return described

    def compacted(self, rows: npt.NDArray[np.integer]) -> "ItemAddresses":
        """The addresses of these rows alone, which are numbered in their order."""
        other = ItemAddresses()
        self._reach(int(rows.max(initial=-1)) + 1)
        other._marks, other._is_sorted = self._marks[rows], False
        return other

    def _sort(self) -> None:
        if self._is_sorted:
            return
        rows = np.flatnonzero(self._marks > NO_ADDRESS).astype(np.int32)
        order = np.argsort(self._marks[rows])
        self._rows, self._sorted = rows[order], self._marks[rows[order]]
        self._new.clear()
        self._is_sorted = True

    def _reach(self, rows: int) -> None:
        length = len(self._marks)
        if rows > length:
            self._marks = grown(self._marks, rows)
            self._marks[length:] = NOT_DESCRIBED
