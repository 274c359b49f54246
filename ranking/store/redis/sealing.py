"""How open counts become sealed ones in Redis, and how both are read. See `keys` for what lies where."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from ranking.counts.buckets import Bucket
from ranking.counts.sealed import volume_end, volume_of
from ranking.store import limits
from ranking.store.counts import NAMES_CHANGED, SPAN_CHANGED, BucketCells, StoredCounts, Swap
from ranking.store.items import DatesState
from ranking.store.redis import keys
from ranking.store.redis.scripts import LuaScript, Run

READ_AT_ONCE = 50

READ_COUNTS = LuaScript("read_counts", reads=True)
SEAL = LuaScript("seal")
SEAL_DATES = LuaScript("seal_dates")


async def read_counts(run: Run, site: str, shard: int, buckets: Sequence[Bucket]) -> list[StoredCounts]:
    """Both parts of some buckets, in their order, each bucket as it was at one moment."""
    found = []
    for first in range(0, len(buckets), READ_AT_ONCE):
        part = buckets[first : first + READ_AT_ONCE]
        names = chain.from_iterable(
            (keys.counts(site, shard, *bucket), keys.sealed(site, shard, *bucket)) for bucket in part
        )
        reply = await run(READ_COUNTS, list(names), [])
        found += [stored_counts(cells, value) for cells, value in zip(reply[::2], reply[1::2], strict=True)]
    return found


async def seal(run: Run, site: str, shard: int, swap: Swap, keep_s: float) -> int:
    """Put sealed counts in the place of what they were made of; see `CountStore.seal`."""
    target, lifetime_s = swap.target, int(keep_s) + limits.GRACE_S
    volume = volume_of(target)
    others = [bucket for bucket in swap.parts if bucket != target]
    gone = [keys.counts(site, shard, *bucket) for bucket in swap.parts]
    gone += [keys.sealed(site, shard, *bucket) for bucket in others]
    fixed = [
        keys.sequence(site, shard),
        keys.touched(site, shard),
        keys.names(site, shard, volume),
        keys.sealed(site, shard, *target),
    ]
    arguments: list[Any] = [
        keys.member(target),
        swap.cursor,
        swap.value,
        target.end_s + lifetime_s,
        swap.names_before,
        swap.digest_before,
        swap.names_after,
        swap.digest_after,
        len(swap.chunks),
        volume_end(volume) + lifetime_s,
        max(lifetime_s, keys.CHANGED_TTL_S),
        *chain.from_iterable(swap.chunks.items()),
    ]
    outcome = int(await run(SEAL, [*fixed, *gone], [*arguments, *map(keys.member, others)]))
    return {0: SPAN_CHANGED, -1: NAMES_CHANGED}.get(outcome, outcome)


async def seal_dates(
    run: Run, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
) -> bool:
    """Add chunks of items' dates; see `ItemStore.seal_dates`."""
    numbered = chain.from_iterable(enumerate(chunks, before.chunks if before.cursor else 0))
    arguments: list[Any] = [before.cursor, after.cursor, after.entries, keys.CHANGED_TTL_S, *numbered]
    return bool(await run(SEAL_DATES, [keys.dates(site, shard)], arguments))


def stored_counts(cells: list[Any], value: bytes | None) -> StoredCounts:
    """Both parts of a bucket, from the fields and the value of its keys."""
    fields, counts = cells[::2], list(map(int, cells[1::2]))
    at, _, packed = (value or b"0:").partition(b":")
    return StoredCounts(BucketCells(fields, counts), packed, int(at))
