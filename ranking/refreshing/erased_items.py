"""Erasing an item's counts: out of open buckets at once, out of sealed ones as they are written again without it.

Its names in the volumes are emptied, as `unknown_items` does it; what comes later under its id counts anew.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from ranking.counts.buckets import Bucket
from ranking.counts.fields import FIELD_SEPARATOR
from ranking.counts.sealed import unpack_counts, unpack_names, volume_of
from ranking.errors import StoreUnavailableError
from ranking.refreshing.sealer import Sealer, spans, void_edges
from ranking.refreshing.unknown_items import READ_AT_ONCE, UnknownItems, without_items
from ranking.settings.service import RetentionSettings
from ranking.store.counts import StoredCounts
from ranking.store.protocol import Store
from ranking.store.shards import shard_of

#: How often a span is read again that changes while it is written without the item.
TRIES = 50


class Erased(NamedTuple):
    """How many events went, those that were left out of rankings too, and of how many counts."""

    events: int = 0
    counts: int = 0


async def erase_counts(
    store: Store, retention: RetentionSettings, site: str, names: Collection[str], now: float
) -> Erased:
    """Erase the counts of some names of items at `now` (epoch seconds).

    Raises:
        StoreUnavailableError: a span changed at every attempt to write it.
    """
    erased = Erased()
    for shard in range(store.shards):
        own = {name.encode() for name in names if shard_of(name, store.shards) == shard}
        if own:
            found = await _Eraser(store, retention, site, shard, own).erase(now)
            erased = Erased(erased.events + found.events, erased.counts + found.counts)
    return erased


class _Eraser:
    def __init__(self, store: Store, retention: RetentionSettings, site: str, shard: int, names: set[bytes]) -> None:
        self._store, self._site, self._shard, self._names = store, site, shard, names
        self._retention = retention.model_copy(update={"seal_after_s": 0.0})
        self._sealer = Sealer(store, self._retention, site)
        self._events = self._counts = 0

    async def erase(self, now: float) -> Erased:
        counts, site, shard = self._store.counts, self._site, self._shard
        buckets = list((await counts.all_touched(site, shard)).buckets)
        for first in range(0, len(buckets), READ_AT_ONCE):
            await self._drop_open(buckets[first : first + READ_AT_ONCE])
        numbers = {volume: await self._numbers(volume) for volume in set(map(volume_of, buckets))}
        edges = await void_edges(self._store, site, now)
        # Spans that are not over are looked at as well: one may hold what was sealed and opened anew.
        horizon = max([now, *(bucket.end_s for bucket in buckets)])
        for span in spans(buckets, horizon, self._retention, edges):
            if dead := numbers[volume_of(span)]:
                await self._rewrite(span, dead)
        emptied = UnknownItems(self._store, self._retention, site, self._sealer)
        for volume, dead in numbers.items():
            if dead:
                of_volume = [each for each in buckets if volume_of(each) == volume]
                await emptied.empty_names(shard, volume, self._names, of_volume)
        return Erased(self._events, self._counts)

    async def _rewrite(self, span: Bucket, dead: dict[int, bytes]) -> None:
        """Seal a span anew without what it has of the names that `dead` numbers."""
        counts, site, shard = self._store.counts, self._site, self._shard
        for _ in range(TRIES):
            touched = await counts.all_touched(site, shard)
            parts = [each for each in touched.buckets if span.start_s <= each.start_s and each.end_s <= span.end_s]
            stored = await counts.read_counts(site, shard, parts)
            kept, events, cells = await asyncio.to_thread(self._left, stored, dead)
            if not cells:
                return
            if await self._sealer.rewrite(shard, span, parts, kept, touched.cursor) is not None:
                self._events, self._counts = self._events + events, self._counts + cells
                return
        raise StoreUnavailableError(f"counts from {span.start_s} on changed at each of {TRIES} attempts")

    async def _drop_open(self, buckets: Sequence[Bucket]) -> None:
        stored = await self._store.counts.read_counts(self._site, self._shard, buckets)
        fields = {}
        for bucket, each in zip(buckets, stored, strict=True):
            cells = dict(zip(each.open.fields, each.open.counts, strict=True))
            own = {name: n for name, n in cells.items() if name.partition(FIELD_SEPARATOR)[2] in self._names}
            if own:
                fields[bucket] = list(own)
                self._events, self._counts = self._events + sum(own.values()), self._counts + len(own)
        if fields:
            await self._store.counts.drop_cells(self._site, self._shard, fields)

    async def _numbers(self, volume: int) -> dict[int, bytes]:
        """The numbers that a volume has given to the names."""
        chunks = await self._store.counts.read_names(self._site, self._shard, volume, 0)
        names = await asyncio.to_thread(unpack_names, chunks)
        return {number: name for number, name in enumerate(names) if name in self._names}

    def _left(self, stored: Sequence[StoredCounts], dead: dict[int, bytes]) -> tuple[list[StoredCounts], int, int]:
        """Counts without those of the item, how many events went, and of how many counts."""
        numbers = np.array(list(dead), dtype=np.int64)
        events = sum(
            int(part.counts[np.isin(part.numbers, numbers)].sum())
            for each in stored
            for part in unpack_counts(each.sealed)
        )
        kept, cells = without_items(stored, dead, self._names)
        return kept, events, cells
