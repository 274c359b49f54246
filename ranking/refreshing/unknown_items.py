"""Counts of items that nobody described go `retention.unknown` after they were recorded, and so do their names.

Anybody can make ids up, and what is kept of each for `retention.keep` adds up. A span that is old enough is written
again without the items that only the public has named; names that stand for another item are none of these. When none
of a volume's counts refers to the name of such an item any more, the name is emptied: its number stays taken, as
numbers never change.

Invariant: the counts of described items stay as they are, and a run that dies anywhere has done nothing that is half.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.fields import FIELD_SEPARATOR
from ranking.counts.sealed import CHUNK_NAMES, pack_counts, pack_names, unpack_counts, unpack_names, volume_of
from ranking.refreshing.sealer import Sealer, spans, void_edges
from ranking.settings.service import RetentionSettings
from ranking.store.counts import BucketCells, StoredCounts
from ranking.store.protocol import Store
from ranking.times import HOUR_S

READ_AT_ONCE = 50


class UnknownItems:
    """Drops the counts of a site's unknown items. It writes through the site's `sealer`; one at a time may run."""

    def __init__(self, store: Store, retention: RetentionSettings, site: str, sealer: Sealer) -> None:
        self._store = store
        seal_after_s = min(retention.seal_after_s, retention.unknown_s)
        self._retention = retention.model_copy(update={"seal_after_s": seal_after_s})
        self._site = site
        self._sealer = sealer

    async def drop(self, now: float, is_alias: Callable[[str], bool]) -> int:
        """Drop what is old enough at `now` (epoch seconds); how many counts went.

        `is_alias`: whether a name stands for another item.
        """
        if self._retention.unknown_s >= self._retention.keep_s:
            return 0
        edges = await void_edges(self._store, self._site, now)
        return sum([await self._drop_of_shard(shard, now, is_alias, edges) for shard in range(self._store.shards)])

    async def _drop_of_shard(
        self, shard: int, now: float, is_alias: Callable[[str], bool], edges: Collection[float]
    ) -> int:
        counts = self._store.counts
        until = await counts.dropped_until(self._site, shard)
        cutoff = int(now - self._retention.unknown_s) // HOUR_S * HOUR_S  # what follows is worth an hour's counts
        if cutoff <= until:
            return 0
        touched = await counts.all_touched(self._site, shard)
        parts_of = spans(touched.buckets, now, self._retention, edges)
        dropped, gone = 0, dict[int, set[bytes]]()
        names = _Names(self._store, self._site, shard)
        for span in [span for span in parts_of if until < span.end_s <= cutoff]:
            stored = await counts.read_counts(self._site, shard, parts_of[span])
            there = await names.of(volume_of(span), stored)
            ids = {*there.values(), *_open_names(stored)}
            unknown = await self._store.items.unknown_items(
                self._site, shard, [name.decode() for name in ids], now, self._retention.keep_s
            )
            without = {name.encode() for name in unknown if not is_alias(name)}
            if not without:
                continue
            kept, cells = await asyncio.to_thread(without_items, stored, there, without)
            if await self._sealer.rewrite(shard, span, parts_of[span], kept, touched.cursor) is None:
                cutoff = min(cutoff, span.start_s)  # it was changing: the next run comes to it again
                continue
            dropped += cells
            gone.setdefault(volume_of(span), set()).update(without)
        for volume, without in gone.items():
            young = [bucket for bucket in touched.buckets if bucket.end_s > cutoff and volume_of(bucket) == volume]
            await self.empty_names(shard, volume, without, young)
        await counts.note_dropped(self._site, shard, max(until, cutoff))
        return dropped

    async def empty_names(self, shard: int, volume: int, names: set[bytes], young: Sequence[Bucket]) -> None:
        """Empty the names that no sealed counts refer to. One is added, so that whoever seals reads them anew."""
        counts = self._store.counts
        digest = await counts.names_digest(self._site, shard, volume)
        numbered = unpack_names(await counts.read_names(self._site, shard, volume, 0))
        dead = {number for number, name in enumerate(numbered) if name in names}
        for first in range(0, len(young), READ_AT_ONCE):
            for stored in await counts.read_counts(self._site, shard, young[first : first + READ_AT_ONCE]):
                for part in unpack_counts(stored.sealed):
                    dead.difference_update(part.numbers.tolist())
        if not dead:
            return
        count = len(numbered)
        for number in dead:
            numbered[number] = b""
        numbered.append(b"")
        changed = {number // CHUNK_NAMES for number in (*dead, count)}
        chunks = {chunk: pack_names(numbered[chunk * CHUNK_NAMES : (chunk + 1) * CHUNK_NAMES]) for chunk in changed}
        await counts.put_names(self._site, shard, volume, count, digest, chunks)


class _Names:
    """The names of a shard's volumes, each read once while it has all that are asked for."""

    def __init__(self, store: Store, site: str, shard: int) -> None:
        self._store, self._site, self._shard = store, site, shard
        self._volumes: dict[int, list[bytes]] = {}

    async def of(self, volume: int, stored: Iterable[StoredCounts]) -> dict[int, bytes]:
        """The names that the sealed part of some counts refers to, by number."""
        numbers = {number for each in stored for part in unpack_counts(each.sealed) for number in part.numbers.tolist()}
        if not numbers:
            return {}
        if max(numbers) >= len(self._volumes.get(volume, ())):
            chunks = await self._store.counts.read_names(self._site, self._shard, volume, 0)
            self._volumes[volume] = await asyncio.to_thread(unpack_names, chunks)
        names = self._volumes[volume]
        return {number: names[number] for number in numbers}


def _open_names(stored: Iterable[StoredCounts]) -> set[bytes]:
    return {field.partition(FIELD_SEPARATOR)[2] for each in stored for field in each.open.fields}


def without_items(
    stored: Sequence[StoredCounts], names: Mapping[int, bytes], unknown: set[bytes]
) -> tuple[list[StoredCounts], int]:
    """Counts without those of `unknown` items, and how many were left out. `names` has those of the sealed part."""
    dead = np.array([number for number, name in names.items() if name in unknown], dtype=np.int64)
    kept, left_out = [], 0
    for each in stored:
        cells = zip(each.open.fields, each.open.counts, strict=True)
        opened = [cell for cell in cells if cell[0].partition(FIELD_SEPARATOR)[2] not in unknown]
        left_out += len(each.open.fields) - len(opened)
        living = []
        for part in unpack_counts(each.sealed):
            lives = ~np.isin(part.numbers, dead)
            left_out += int((~lives).sum())
            living.append(ChannelCounts(part.channel, part.numbers[lives], part.counts[lives]))
        open_cells = BucketCells([name for name, _ in opened], [count for _, count in opened])
        kept.append(StoredCounts(open_cells, pack_counts(living), each.sealed_at))
    return kept, left_out
