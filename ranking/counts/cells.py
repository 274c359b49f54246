"""Numbers for cells: an item's row and a channel become one small number, a million look-ups at a time.

A channel that most rows have is an array of all rows; the others share a table with open addressing, in two arrays. So
a look-up of a million pairs is a handful of steps over whole arrays, and a cell costs 40 bytes at most.

Rejected: a dictionary of fields (200 bytes a cell, a step in Python per look-up), and an array of all rows for every
channel (anyone can make up sources, and so channels).
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import Ints, Longs

T = TypeVar("T", bound=np.generic)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / the golden ratio: neighbours land far apart
_NONE = -1
FIRST_BITS = 6
#: A channel has an array of its own from COMMON_CELLS cells on, if one row in COMMON_SHARE has it.
COMMON_CELLS, COMMON_SHARE = 4096, 8


class Cells:
    """Gives every pair of a row and a channel a number, counted from 0 and kept for good."""

    def __init__(self) -> None:
        self._table = _Table()
        self._common: dict[int, Ints] = {}  # channel -> cell of each row
        self._cells_in_channel: dict[int, int] = {}
        self._rows = 0
        self._item = np.empty(1 << FIRST_BITS, dtype=np.int32)
        self._channel = np.empty(1 << FIRST_BITS, dtype=np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def item(self) -> Ints:
        """The row of each cell, (cells,) int32."""
        return self._item[: self._count]

    @property
    def channel(self) -> Ints:
        """The channel of each cell, (cells,) int32."""
        return self._channel[: self._count]

    def numbers(self, rows: npt.NDArray[np.integer], channel: int) -> Ints:
        """The cells of some rows in one channel, (rows,) int32; a pair that was never seen is given a number."""
        self._rows = max(self._rows, int(rows.max(initial=-1)) + 1)
        if channel in self._common:
            return self._common_numbers(rows, channel)
        keys = rows.astype(np.int64) | (channel << 32)
        cells = self._table.find(keys)
        new = np.flatnonzero(cells == _NONE)
        if len(new):
            unknown = _distinct(keys[new])
            self._table.add(unknown, self._numbered(unknown & 0xFFFFFFFF, channel))
            cells[new] = self._table.find(keys[new])
            if self._cells_in_channel[channel] >= max(COMMON_CELLS, self._rows // COMMON_SHARE):
                mine = np.flatnonzero(self.channel == channel).astype(np.int32)
                self._common[channel] = np.full(self._rows, _NONE, dtype=np.int32)
                self._common[channel][self._item[mine]] = mine
        return cells

    def _common_numbers(self, rows: npt.NDArray[np.integer], channel: int) -> Ints:
        cells = self._common[channel]
        if len(cells) < self._rows:
            self._common[channel] = grown(cells, self._rows)
            self._common[channel][len(cells) :] = _NONE
            cells = self._common[channel]
        numbers: Ints = cells[rows]
        new = np.flatnonzero(numbers == _NONE)
        if len(new):
            unknown = _distinct(rows[new].astype(np.int64))
            cells[unknown] = self._numbered(unknown, channel)
            numbers[new] = cells[rows[new]]
        return numbers

    def _numbered(self, rows: Longs, channel: int) -> Ints:
        """Number new cells. `rows` rise, so that the numbers do not depend on the order within a call."""
        first, self._count = self._count, self._count + len(rows)
        self._cells_in_channel[channel] = self._cells_in_channel.get(channel, 0) + len(rows)
        self._item, self._channel = grown(self._item, self._count), grown(self._channel, self._count)
        self._item[first : self._count] = rows
        self._channel[first : self._count] = channel
        return np.arange(first, self._count, dtype=np.int32)


class _Table:
    """Keys of 64 bits (none negative) and their values of 32."""

    def __init__(self) -> None:
        self._bits = FIRST_BITS
        self._keys = np.full(1 << FIRST_BITS, _NONE, dtype=np.int64)
        self._values = np.zeros(1 << FIRST_BITS, dtype=np.int32)
        self._count = 0

    def find(self, keys: Longs) -> Ints:
        """The values of keys, (keys,) int32; -1 where there is none."""
        slots = self._slots(keys)
        there, values = self._keys[slots], self._values[slots]
        left = np.flatnonzero(there != keys)
        while len(left):
            unknown = there[left] == _NONE
            values[left[unknown]] = _NONE
            left = left[~unknown]
            slots[left] = self._after(slots[left])
            there[left] = self._keys[slots[left]]
            values[left] = self._values[slots[left]]
            left = left[there[left] != keys[left]]
        return values

    def add(self, keys: Longs, values: Ints) -> None:
        """Add keys that are not there yet, each once."""
        self._count += len(keys)
        if 2 * self._count > len(self._keys):
            used = np.flatnonzero(self._keys != _NONE)
            keys = np.concatenate([self._keys[used], keys])
            values = np.concatenate([self._values[used], values])
            while 2 * self._count > 1 << self._bits:
                self._bits += 1
            self._keys = np.full(1 << self._bits, _NONE, dtype=np.int64)
            self._values = np.zeros(1 << self._bits, dtype=np.int32)
        slots = self._slots(keys)
        while len(keys):
            free = self._keys[slots] == _NONE
            self._keys[slots[free]] = keys[free]  # where two want one slot, one of them gets it
            mine = free & (self._keys[slots] == keys)
            self._values[slots[mine]] = values[mine]
            keys, values, slots = keys[~mine], values[~mine], self._after(slots[~mine])

    def _slots(self, keys: Longs) -> Longs:
        return ((keys.astype(np.uint64) * _SPREAD) >> np.uint64(64 - self._bits)).astype(np.int64)

    def _after(self, slots: Longs) -> Longs:
        return (slots + 1) & (len(self._keys) - 1)


def grown(array: npt.NDArray[T], length: int) -> npt.NDArray[T]:
    """`array`, or a longer one that begins with it, so that it has room for `length`; what is beyond is undefined."""
    if length <= len(array):
        return array
    longer = np.empty(max(length, len(array) + len(array) // 2), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def _distinct(keys: Longs) -> Longs:
    """Keys in order, each once."""
    ordered = np.sort(keys)
    distinct: Longs = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return distinct
