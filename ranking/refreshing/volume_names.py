"""The numbered names of one volume: those that the store has, and those that a seal adds."""

from collections.abc import Sequence

import numpy as np

from ranking.counts.columns import ChannelCounts
from ranking.counts.fields import FIELD_SEPARATOR
from ranking.counts.sealed import CHUNK_NAMES, pack_names, unpack_names
from ranking.store.counts import BucketCells


class VolumeNames:
    """Names of a volume by number: the first `stored` are in the store, the others are to be added.

    `digest` is that of the stored ones (`sealed.names_digest`).
    """

    def __init__(self, chunks: Sequence[bytes], digest: str) -> None:
        self.digest = digest
        names = unpack_names(chunks)
        self._numbers = {name: number for number, name in enumerate(names)}
        self.stored = self._count = len(names)  # some may be empty: their items are gone, their numbers stay taken
        self._tail = names[self.stored // CHUNK_NAMES * CHUNK_NAMES :]  # those of the last chunk, if it is not full

    def __len__(self) -> int:
        return self._count

    def numbered(self, cells: BucketCells) -> list[ChannelCounts]:
        """Open counts as counts by channel and number; names that are new get one."""
        by_channel: dict[bytes, tuple[list[int], list[int]]] = {}
        numbers = self._numbers
        for name, count in zip(cells.fields, cells.counts, strict=True):
            channel, _, item = name.partition(FIELD_SEPARATOR)
            number = numbers.get(item)
            if number is None:
                number = numbers[item] = self._count
                self._count += 1
                self._tail.append(item)
            columns = by_channel.get(channel)
            if columns is None:
                columns = by_channel[channel] = [], []
            columns[0].append(number)
            columns[1].append(count)
        return [
            ChannelCounts(channel.decode(), np.array(rows, dtype=np.int64), np.array(counts, dtype=np.int64))
            for channel, (rows, counts) in by_channel.items()
        ]

    def new_chunks(self) -> dict[int, bytes]:
        """The chunks that hold the names to be added, by the chunk's number."""
        if len(self) == self.stored:
            return {}
        first = self.stored // CHUNK_NAMES
        return {
            first + step: pack_names(self._tail[step * CHUNK_NAMES : (step + 1) * CHUNK_NAMES])
            for step in range(-(-len(self._tail) // CHUNK_NAMES))
        }

    def keep(self, digest: str) -> None:
        """Note that the store has the new names, under `digest`."""
        self.digest = digest
        full = len(self) // CHUNK_NAMES - self.stored // CHUNK_NAMES
        self._tail = self._tail[full * CHUNK_NAMES :]
        self.stored = len(self)
