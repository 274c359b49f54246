"""VolumeRows: which rows of a history the names have that sealed counts number.

A volume numbers every name that it ever had, most of which may be of items that are gone: a name is read, and has a
row, once counts that are held need it.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ranking.counts.arrays import NO_ROW, Ints, Longs
from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.fields import is_shadow
from ranking.counts.sealed import CHUNK_NAMES, unpack_ids, volume_end, volume_of
from ranking.refreshing.joined_names import JoinedNames
from ranking.store.protocol import Store


class VolumeRows:
    """The rows of the names of a site's volumes."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._rows: dict[tuple[int, int], Ints] = {}  # shard and volume -> the row of each of its names, or NO_ROW

    def placed(self, shard: int, bucket: Bucket, parts: Sequence[ChannelCounts]) -> list[ChannelCounts]:
        """Sealed counts of a bucket by row, but for shadows. Their names have been read."""
        rows = self._rows.get((shard, volume_of(bucket)))
        return [
            ChannelCounts(part.channel, rows[part.numbers], part.counts)
            for part in parts
            if rows is not None and not is_shadow(part.channel)
        ]

    def forget_before(self, moment: float) -> None:
        """Forget the volumes that are over at a moment (epoch seconds)."""
        self._rows = {place: rows for place, rows in self._rows.items() if volume_end(place[1]) > moment}

    def renumber(self, place: Ints) -> None:
        """Let the names have other rows: `place`, (rows + 1,) int32, its last for NO_ROW."""
        self._rows = {volume: place[of_names] for volume, of_names in self._rows.items()}

    async def read(
        self, store: Store, shard: int, buckets: Sequence[Bucket], sealed: Sequence[Sequence[ChannelCounts]],
        names: JoinedNames,
    ) -> None:  # fmt: skip
        """Give rows to the names that the sealed counts of some buckets have, and to no others."""
        numbers_of: dict[int, list[Ints | Longs]] = {}
        for bucket, parts in zip(buckets, sealed, strict=True):
            numbers_of.setdefault(volume_of(bucket), []).extend(
                part.numbers for part in parts if len(part.numbers) and not is_shadow(part.channel)
            )
        for volume, numbers in numbers_of.items():
            if numbers:
                await self._read_volume(store, shard, volume, numbers, names)

    async def _read_volume(
        self, store: Store, shard: int, volume: int, numbers: Sequence[Ints | Longs], names: JoinedNames
    ) -> None:
        """Give rows to the names of these numbers."""
        rows = self._rows.get((shard, volume), np.empty(0, dtype=np.int32))
        if (more := max(int(each.max()) for each in numbers) + 1 - len(rows)) > 0:
            rows = np.concatenate([rows, np.full(more, NO_ROW, dtype=np.int32)])
        self._rows[shard, volume] = rows
        wanted = np.zeros(len(rows), dtype=np.bool_)
        for each in numbers:
            wanted[each] = True
        unread = np.flatnonzero(wanted & (rows == NO_ROW))
        if not len(unread):
            return
        first_chunk = int(unread[0]) // CHUNK_NAMES
        chunks = await store.counts.read_names(self._site, shard, volume, first_chunk)
        starts = (first_chunk + np.arange(len(chunks) + 1)) * CHUNK_NAMES
        edges = np.searchsorted(unread, starts).tolist()
        for chunk, at, (first, end) in zip(chunks, starts.tolist(), pairwise(edges), strict=False):
            if first == end:
                continue
            ids = unpack_ids(chunk)
            there = unread[first:end]
            there = there[there < at + len(ids)]  # a store that has gone back has fewer names
            rows[there] = names.meet([ids[number - at] for number in there.tolist()])
            await asyncio.sleep(0)
