"""What a store has counted, open and sealed together, whatever of it is sealed."""

from collections.abc import Iterable, Sequence
from typing import Any

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.fields import FIELD_SEPARATOR
from ranking.counts.sealed import unpack_counts, unpack_names, volume_of
from ranking.store.counts import BucketCells, CountStore, StoredCounts


def as_fields(parts: Iterable[ChannelCounts], names: Sequence[bytes]) -> dict[bytes, int]:
    """Counts as an open bucket has them: `channel|item` -> events."""
    return {
        part.channel.encode() + FIELD_SEPARATOR + names[number]: count
        for part in parts
        for number, count in zip(part.numbers.tolist(), part.counts.tolist(), strict=True)
    }


def whole_cells(stored: StoredCounts, names: Sequence[bytes]) -> BucketCells:
    """Both parts of a bucket added up; `names` are those of its volume."""
    cells: dict[bytes, Any] = as_fields(unpack_counts(stored.sealed), names)
    for name, count in zip(stored.open.fields, stored.open.counts, strict=True):
        cells[name] = cells.get(name, 0) + count
    return BucketCells(list(cells), list(cells.values()))


async def read_buckets(counts: CountStore, site: str, shard: int, buckets: Sequence[Bucket]) -> list[BucketCells]:
    """The counts of `buckets`, in their order."""
    stored = await counts.read_counts(site, shard, buckets)
    volumes = {volume_of(bucket) for bucket, cells in zip(buckets, stored, strict=True) if cells.sealed}
    names = {volume: unpack_names(await counts.read_names(site, shard, volume, 0)) for volume in volumes}
    return [whole_cells(cells, names.get(volume_of(bucket), [])) for bucket, cells in zip(buckets, stored, strict=True)]
