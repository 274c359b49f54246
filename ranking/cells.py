"""Numbers for cells: an item's row and a channel become one small number, a million look-ups at a time.

A table with open addressing in two arrays: a look-up of a million pairs is a handful of steps over whole arrays, and a
cell costs 24 bytes. Rejected: a dictionary of fields (200 bytes a cell, a step in Python per look-up), and one array
of all rows per channel (anyone can make up sources, and so channels).
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
T = TypeVar("T", bound=np.generic)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / the golden ratio: neighbours land far apart
_NONE = -1
FIRST_BITS = 10


class Cells:
    """Gives every pair of a row and a channel a number, counted from 0 and kept for good."""

    def __init__(self) -> None:
        self._bits = FIRST_BITS
        self._keys = np.full(1 << FIRST_BITS, _NONE, dtype=np.int64)
        self._values = np.zeros(1 << FIRST_BITS, dtype=np.int32)
        self._item = np.empty(1 << FIRST_BITS, dtype=np.int32)
        self._channel = np.empty(1 << FIRST_BITS, dtype=np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def item(self) -> Ints:
        """The row of each cell."""
        return self._item[: self._count]

    @property
    def channel(self) -> Ints:
        """The channel of each cell."""
        return self._channel[: self._count]

    def of(self, rows: npt.NDArray[np.integer], channel: int) -> Ints:
        """The cells of some rows of one channel; those that were never seen are given a number."""
        keys = rows.astype(np.int64) | (channel << 32)
        found = self._found(keys)
        new = np.flatnonzero(found == _NONE)
        if len(new):
            unknown = np.sort(keys[new])
            self._add(unknown[np.append(True, unknown[1:] != unknown[:-1])])
            found[new] = self._found(keys[new])
        return found

    def _slots(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return ((keys.astype(np.uint64) * _SPREAD) >> np.uint64(64 - self._bits)).astype(np.int64)

    def _found(self, keys: npt.NDArray[np.int64]) -> Ints:
        slots = self._slots(keys)
        there, found = self._keys[slots], self._values[slots]
        left = np.flatnonzero(there != keys)
        while len(left):
            unknown = there[left] == _NONE
            found[left[unknown]] = _NONE
            left = left[~unknown]
            slots[left] = self._after(slots[left])
            there[left] = self._keys[slots[left]]
            found[left] = self._values[slots[left]]
            left = left[there[left] != keys[left]]
        return found

    def _add(self, keys: npt.NDArray[np.int64]) -> None:
        """Number new cells. `keys` are in order, so that the numbers do not depend on the order within a call."""
        first, self._count = self._count, self._count + len(keys)
        self._item = grown(self._item, self._count)
        self._channel = grown(self._channel, self._count)
        self._item[first : self._count] = keys & 0xFFFFFFFF
        self._channel[first : self._count] = keys >> 32
        if 2 * self._count > len(self._keys):
            while 2 * self._count > 1 << self._bits:
                self._bits += 1
            self._keys = np.full(1 << self._bits, _NONE, dtype=np.int64)
            self._values = np.zeros(1 << self._bits, dtype=np.int32)
            keys, first = self.item.astype(np.int64) | (self.channel.astype(np.int64) << 32), 0
        self._place(keys, np.arange(first, self._count, dtype=np.int32))

    def _place(self, keys: npt.NDArray[np.int64], values: Ints) -> None:
        slots = self._slots(keys)
        while len(keys):
            free = self._keys[slots] == _NONE
            self._keys[slots[free]] = keys[free]  # where two want one slot, the last gets it
            mine = free & (self._keys[slots] == keys)
            self._values[slots[mine]] = values[mine]
            keys, values, slots = keys[~mine], values[~mine], self._after(slots[~mine])

    def _after(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return (slots + 1) & (len(self._keys) - 1)


def grown(array: npt.NDArray[T], length: int) -> npt.NDArray[T]:
    """`array`, or a longer one that begins with it, so that it has room for `length`; what is beyond is undefined."""
    if length <= len(array):
        return array
    longer = np.empty(max(length, len(array) + len(array) // 2), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
