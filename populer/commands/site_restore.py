"""One site out of a backup into a store, whatever the shards of either."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import numpy as np

from populer.commands.backup_file import BackupReader, Place, SiteIndex
from ranking.counts.arrays import Ints
from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.fields import FIELD_SEPARATOR
from ranking.counts.sealed import CHUNK_NAMES, pack_counts, pack_names, unpack_counts, unpack_names, volume_of
from ranking.counts.varints import numbers_from_varints, unpack_texts
from ranking.errors import PopulerError
from ranking.published.snapshot import Published, decode_stamp
from ranking.settings.service import Settings
from ranking.store.counts import NAMES_CHANGED, SPAN_CHANGED, Batch, Swap
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

ITEMS_AT_ONCE = 1_000
CELLS_AT_ONCE = 2_000
#: How often the names of a volume are looked up again while a running service seals there, too.
TRIES = 20
State = tuple[int, str]


class SiteRestore:
    """Puts one site back. `writer` names the batches of its open counts."""

    def __init__(
        self, store: RedisStore, settings: Settings, backup: BackupReader, site: str, part: SiteIndex, writer: str
    ) -> None:
        self._store, self._backup, self._site, self._part = store, backup, site, part
        self._keep_s = settings.retention.keep_s
        self._writer, self._number = writer, 0
        self._states: dict[tuple[int, int], State] = {}  # target shard and volume -> how many names, and their digest

    async def restore(self, now: float, action: str) -> int:
        """Restore all of it at `now` (epoch seconds), as the trail says by `action`; how many buckets."""
        archive, backup, site, shards = self._store.archive, self._backup, self._site, self._part.shards
        await archive.put_desk(site, backup.desk(self._part.desk), action)
        for shard in shards:
            for marks in backup.marks(shard.marks):
                await archive.put_marks(site, marks)
            for volume, place in shard.named.items():
                await archive.put_named(site, volume, backup.named(place), self._keep_s)
            for place in shard.items:
                await archive.put_items(site, backup.items(place))
        for number in range(self._store.shards):
            await self._store.counts.note_dropped(site, number, min(shard.dropped_until for shard in shards))
        buckets = await self._counts(now)
        for generation, stamp, bodies in backup.lists(self._part.lists):
            await self._store.lists.put_back(site, Published(generation, decode_stamp(stamp), bodies))
        return buckets

    async def _counts(self, now: float) -> int:
        """Restore the counts volume by volume, in each the wider buckets first: they go over what is finer."""
        parts: dict[Bucket, list[tuple[int, Place]]] = {}
        for number, shard in enumerate(self._part.shards):
            for width_s, start_s, place in shard.buckets:
                bucket = Bucket(width_s, start_s)
                if bucket.end_s + self._keep_s > now:
                    parts.setdefault(bucket, []).append((number, place))
        for volume, buckets in groupby(sorted(parts, key=volume_of), key=volume_of):
            numbering = await self._names(volume)
            for bucket in sorted(buckets, key=lambda each: (-each.width_s, each.start_s)):
                await self._bucket(bucket, parts[bucket], numbering)
        return len(parts)

    async def _names(self, volume: int) -> list[tuple[Ints, Ints]]:
        """Add the names of a volume; per shard of the backup, the shard and number that each of its names has now."""
        found = []
        for shard in self._part.shards:
            of_shard, numbers = list[Ints](), list[Ints]()
            for place in shard.names.get(volume, ()):
                names = await asyncio.to_thread(unpack_names, self._backup.names(place))
                target = np.array([shard_of(name.decode(), self._store.shards) for name in names], dtype=np.int32)
                number = np.empty(len(names), dtype=np.int32)
                for each in np.unique(target).tolist():
                    own = np.flatnonzero(target == each)
                    number[own] = await self._add_names(each, volume, [names[at] for at in own.tolist()])
                of_shard.append(target)
                numbers.append(number)
            empty = np.empty(0, dtype=np.int32)
            found.append((np.concatenate([empty, *of_shard]), np.concatenate([empty, *numbers])))
        return found

    async def _add_names(self, shard: int, volume: int, names: Sequence[bytes]) -> Ints:
        """Add names to a volume of the store; their numbers."""
        counts, archive = self._store.counts, self._store.archive
        for _ in range(TRIES):
            before = await archive.names_state(self._site, shard, volume)
            first_chunk, there = divmod(before[0], CHUNK_NAMES)
            tail = unpack_names(await counts.read_names(self._site, shard, volume, first_chunk)) if there else []
            written = [*tail, *names]
            chunks = {
                first_chunk + step: pack_names(written[step * CHUNK_NAMES : (step + 1) * CHUNK_NAMES])
                for step in range(-(-len(written) // CHUNK_NAMES))
            }
            count = before[0] + len(names)
            if len(tail) == there and await archive.add_names(
                self._site, shard, volume, before, count, chunks, self._keep_s
            ):
                self._states.pop((shard, volume), None)
                return np.arange(before[0], count, dtype=np.int32)
        raise self._busy()

    async def _bucket(
        self, bucket: Bucket, parts: Iterable[tuple[int, Place]], numbering: list[tuple[Ints, Ints]]
    ) -> None:
        sealed: dict[int, list[ChannelCounts]] = {}
        opened: dict[int, dict[str, int]] = {}
        for number, place in parts:
            fields, counts, value = self._backup.counts(place)
            for name, count in zip(unpack_texts(fields), numbers_from_varints(counts).tolist(), strict=True):
                item = name.partition(FIELD_SEPARATOR)[2].decode()
                opened.setdefault(shard_of(item, self._store.shards), {})[name.decode()] = count
            shard, numbers = numbering[number]
            for part in unpack_counts(value):
                target, numbered = shard[part.numbers], numbers[part.numbers]
                for each in np.unique(target).tolist():
                    own = target == each
                    sealed.setdefault(each, []).append(ChannelCounts(part.channel, numbered[own], part.counts[own]))
        for shard_number, channels in sealed.items():
            await self._seal(shard_number, bucket, channels)
        for shard_number, cells in opened.items():
            await self._record(shard_number, bucket, cells)

    async def _seal(self, shard: int, bucket: Bucket, channels: Sequence[ChannelCounts]) -> None:
        volume, value = volume_of(bucket), await asyncio.to_thread(pack_counts, channels)
        for _ in range(TRIES):
            names = self._states.get((shard, volume))
            if names is None:
                names = self._states[shard, volume] = await self._store.archive.names_state(self._site, shard, volume)
            count, digest = names
            # Nothing may have been counted in the span since the first change ever.
            swap = Swap(bucket, value, [], 0, count, digest, count, digest, {})
            at = await self._store.counts.seal(self._site, shard, swap, self._keep_s)
            if at == SPAN_CHANGED:
                return await self._record(shard, bucket, await self._named(shard, volume, channels))
            if at != NAMES_CHANGED:
                return None
            del self._states[shard, volume]
        raise self._busy()

    async def _named(self, shard: int, volume: int, channels: Iterable[ChannelCounts]) -> dict[str, int]:
        """Counts by number as open cells."""
        names = unpack_names(await self._store.counts.read_names(self._site, shard, volume, 0))
        cells: dict[str, int] = {}
        for part in channels:
            for number, count in zip(part.numbers.tolist(), part.counts.tolist(), strict=True):
                name = f"{part.channel}|{names[number].decode()}"
                cells[name] = cells.get(name, 0) + count
        return cells

    async def _record(self, shard: int, bucket: Bucket, cells: Mapping[str, int]) -> None:
        flat = list(cells.items())
        for first in range(0, len(flat), CELLS_AT_ONCE):
            self._number += 1
            part = {bucket: dict(flat[first : first + CELLS_AT_ONCE])}
            await self._store.counts.record(
                Batch(self._site, shard, self._writer, self._number, part), self._keep_s, wait=False
            )

    def _busy(self) -> PopulerError:
        return PopulerError(
            f"names of site {self._site} changed at each of {TRIES} attempts to add to them: restore it again with"
            " --replace"
        )
