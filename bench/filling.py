"""Fills a store with a made-up month, as it lies there once the job that seals has been over it.

Sealed buckets are written by the store's own swap; the last hours are recorded, and so open. Going through `record` and
the job for all of it comes to the same and takes minutes; `storage.py` does that with fewer counts.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
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
from ranking.times import DAY_S

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


async def fill(store: Store, cells: int, end_s: int) -> Filled:
    """Fill an empty store of one shard with about so many counts, the last bucket ending at `end_s` (epoch seconds)."""
    many = readership.items(cells)
    for first in range(0, many, ITEMS_AT_ONCE):
        found = range(first, min(first + ITEMS_AT_ONCE, many))
        await store.items.put_items(SITE, [_item(number, many, end_s) for number in found])
    numbers = await _number_names(store, cells, end_s)
    written = events = 0
    for number, each in enumerate(readership.bucketfuls(cells, end_s)):
        bucket = Bucket(readership.WIDTH_S, each.start_s)
        written += sum(len(items) for items, _ in each.counts.values())
        events += sum(int(counts.sum()) for _, counts in each.counts.values())
        if number < readership.BUCKETS - OPEN_BUCKETS:
            of_name, chunks = numbers[volume_of(bucket)]
            value = pack_counts(
                ChannelCounts(kind, of_name[items], counts) for kind, (items, counts) in each.counts.items()
            )
            many_names = int(of_name.max()) + 1
            before = 0 if chunks else many_names
            cursor = (await store.counts.all_touched(SITE, 0)).cursor
            swap = Swap(bucket, value, [bucket], cursor, before, "", many_names, "", dict(enumerate(chunks)))
            chunks.clear()
            if await store.counts.seal(SITE, 0, swap, KEEP_S) in (SPAN_CHANGED, NAMES_CHANGED):
                raise RuntimeError(f"{bucket} was not sealed")
        else:
            for batch in _batches(each, bucket):
                await store.counts.record(batch, KEEP_S)
    await Sealer(store, RetentionSettings(), SITE).seal_dates(0)
    return Filled(written, events, many)


async def _number_names(store: Store, cells: int, end_s: int) -> dict[int, tuple[readership.Ints, list[bytes]]]:
    """Volume -> the number of each item's name, and the chunks that are still to be stored."""
    seen: dict[int, list[readership.Ints]] = {}
    for each in readership.bucketfuls(cells, end_s):
        bucket = Bucket(readership.WIDTH_S, each.start_s)
        seen.setdefault(volume_of(bucket), []).extend(items for items, _ in each.counts.values())
    found = {}
    for volume, parts in seen.items():
        items = np.unique(np.concatenate(parts))
        of_name = np.full(readership.items(cells), -1, dtype=np.int64)
        of_name[items] = np.arange(len(items))
        names = [name.encode() for name in readership.names(items.tolist())]
        chunks = [pack_names(names[first : first + CHUNK_NAMES]) for first in range(0, len(names), CHUNK_NAMES)]
        found[volume] = of_name, chunks
    return found


def _batches(each: Bucketful, bucket: Bucket) -> Iterator[Batch]:
    flat = [
        (f"{kind}|{readership.name(item)}", count)
        for kind, (items, counts) in each.counts.items()
        for item, count in zip(items.tolist(), counts.tolist(), strict=True)
    ]
    for number, first in enumerate(range(0, len(flat), BATCH_CELLS)):
        yield Batch(SITE, 0, f"bench {bucket.start_s}", number, {bucket: dict(flat[first : first + BATCH_CELLS])})


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
