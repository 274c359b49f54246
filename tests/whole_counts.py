"""What a store has counted, open and sealed together, whatever of it is sealed."""

from collections.abc import Sequence
from typing import Any

from ranking.counts.buckets import Bucket
from ranking.counts.sealed import as_fields, unpack_counts, unpack_names, volume_of
from ranking.store.counts import BucketCells, CountStore, StoredCounts


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
