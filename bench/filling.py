"""Fills a store with a made-up month, as it lies there once the job that seals has been over it.

Sealed buckets are written by the store's own swap; the last hours are recorded, and so open. Going through `record` and
the job for all of it comes to the same and takes minutes; `storage.py` does that with fewer counts.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import readership
from readership import Bucketful

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.sealed import CHUNK_NAMES, pack_counts, pack_names, volume_of
from ranking.intake.items import Item
from ranking.refreshing.sealer import Sealer
from ranking.settings.service import RetentionSettings
from ranking.store.counts import NAMES_CHANGED, SPAN_CHANGED, Batch, Swap
from ranking.store.protocol import Store
from ranking.store.shards import shard_of
from ranking.times import DAY_S

Shards = npt.NDArray[np.int8]
SITE = "default"
KEEP_S = 365.0 * DAY_S
OPEN_BUCKETS = 24
ITEMS_AT_ONCE = 5_000
BATCH_CELLS = 1_500


class Filled(NamedTuple):
    """What a store was filled with."""

    cells: int
    events: int
    items: int


class Names(NamedTuple):
    """The names of a shard and volume: the number of each item, (items,) int32, and what is still to be stored.

    `cursor`: the last change that the shard is known to have had.
    """

    number: npt.NDArray[np.int32]
    many: int
    chunks: list[bytes]
    cursor: list[int]


async def fill(store: Store, cells: int, end_s: int) -> Filled:
    """Fill an empty store with about so many counts, the last bucket ending at `end_s` (epoch seconds)."""
    many = readership.items(cells)
    for first in range(0, many, ITEMS_AT_ONCE):
        found = range(first, min(first + ITEMS_AT_ONCE, many))
        await store.items.put_items(SITE, [_item(number, many, end_s) for number in found])
    shard = np.array([shard_of(readership.name(item), store.shards) for item in range(many)], dtype=np.int8)
    numbers = await _number_names(shard, cells, end_s)
    written = events = 0
    for number, each in enumerate(readership.bucketfuls(cells, end_s)):
        bucket = Bucket(readership.WIDTH_S, each.start_s)
        written += sum(len(items) for items, _ in each.counts.values())
        events += sum(int(counts.sum()) for _, counts in each.counts.values())
        parts = [_part(each, shard, place) for place in range(store.shards)]
        if number < readership.BUCKETS - OPEN_BUCKETS:
            volume = volume_of(bucket)
            of_shards = (_seal(store, at, bucket, part, numbers[at, volume]) for at, part in enumerate(parts))
            await asyncio.gather(*of_shards)
        else:
            for at, part in enumerate(parts):
                for batch in _batches(part, at, bucket):
                    await store.counts.record(batch, KEEP_S)
    sealer = Sealer(store, RetentionSettings(), SITE)
    for place in range(store.shards):
        await sealer.seal_dates(place)
    return Filled(written, events, many)


async def _seal(store: Store, shard: int, bucket: Bucket, part: Bucketful, names: Names) -> None:
    """Write a sealed bucket of a shard, with its volume's first the names."""
    number, many_names, chunks, _ = names
    value = pack_counts(ChannelCounts(kind, number[items], counts) for kind, (items, counts) in part.counts.items())
    before = 0 if chunks else many_names
    if not names.cursor[0]:
        names.cursor[0] = (await store.counts.all_touched(SITE, shard)).cursor
    swap = Swap(bucket, value, [bucket], names.cursor[0], before, "", many_names, "", dict(enumerate(chunks)))
    chunks.clear()
    names.cursor[0] += 1  # by what follows
    if await store.counts.seal(SITE, shard, swap, KEEP_S) in (SPAN_CHANGED, NAMES_CHANGED):
        raise RuntimeError(f"{bucket} was not sealed")


def _part(each: Bucketful, shard: Shards, place: int) -> Bucketful:
    """The counts of a bucket that lie in a shard."""
    return each._replace(
        counts={
            kind: (items[mine], counts[mine])
            for kind, (items, counts) in each.counts.items()
            if (mine := shard[items] == place).any()
        }
    )


async def _number_names(shard: Shards, cells: int, end_s: int) -> dict[tuple[int, int], Names]:
    """The names of each shard and volume."""
    seen: dict[int, list[readership.Ints]] = {}
    for each in readership.bucketfuls(cells, end_s):
        bucket = Bucket(readership.WIDTH_S, each.start_s)
        seen.setdefault(volume_of(bucket), []).extend(items for items, _ in each.counts.values())
    found, cursors = {}, [[0] for _ in range(int(shard.max()) + 1)]
    for volume, parts in seen.items():
        every = np.unique(np.concatenate(parts))
        number = np.full(readership.items(cells), -1, dtype=np.int32)
        for place in range(int(shard.max()) + 1):
            items = every[shard[every] == place]
            number[items] = np.arange(len(items))
            names = [name.encode() for name in readership.names(items.tolist())]
            chunks = [pack_names(names[first : first + CHUNK_NAMES]) for first in range(0, len(names), CHUNK_NAMES)]
            found[place, volume] = Names(number, len(items), chunks, cursors[place])
    return found


def _batches(each: Bucketful, shard: int, bucket: Bucket) -> Iterator[Batch]:
    flat = [
        (f"{kind}|{readership.name(item)}", count)
        for kind, (items, counts) in each.counts.items()
        for item, count in zip(items.tolist(), counts.tolist(), strict=True)
    ]
    for number, first in enumerate(range(0, len(flat), BATCH_CELLS)):
        yield Batch(SITE, shard, f"bench {bucket.start_s}", number, {bucket: dict(flat[first : first + BATCH_CELLS])})


def _item(number: int, many: int, end_s: int) -> Item:
    published_at = end_s - (many - number) / many * readership.DAYS * DAY_S
    return Item(
        id=readership.name(number),
        title=f"Judul artikel nomor {number} yang cukup panjang untuk sebuah berita",
        url=f"https://koran.example/{readership.name(number)}",
        section=f"Rubrik {number % readership.SECTIONS}",
        published_at=published_at,
        first_seen=published_at,
    )
