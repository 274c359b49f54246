"""Columns: counts side by side in arrays, and the blocks and buckets that they come from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Ints, Mask
from ranking.counts.buckets import Bucket

T = TypeVar("T", bound=np.generic)
U = TypeVar("U", bound=np.generic)
#: A bucket of a shard.
Key = tuple[Bucket, int]


class Columns(NamedTuple):
    """Counts, with the cells and buckets that they belong to.

    `counts`: (counts,) float64, events; `cell` and `bucket`: (counts,) int32, index what follows.
    `cell_item`, `cell_channel`: (cells,) int32, index the history's items and channels; a cell is one item's channel.
    `cell_order`: (cells,) int64, the cells by the name of their channel, whichever was seen first.
    `width_s`, `start_s`: (buckets,) float64, seconds and epoch seconds.
    """

    cell: npt.NDArray[np.int32]
    bucket: npt.NDArray[np.int32]
    counts: FloatArray
    cell_item: npt.NDArray[np.int32]
    cell_channel: npt.NDArray[np.int32]
    cell_order: npt.NDArray[np.int64]
    width_s: FloatArray
    start_s: FloatArray

    def first_of(self, buckets: Mask) -> int:
        """The first count of some buckets, (buckets,) bool: counts lie in the order of their buckets."""
        return int(np.searchsorted(self.bucket, np.argmax(buckets))) if buckets.any() else len(self.bucket)


class BucketBlock(NamedTuple):
    """Counts of one bucket and shard: `cells`, (cells,) int32, each once, and the events of each, (cells,) float64."""

    cells: Ints
    counts: FloatArray


class FrozenHistory(NamedTuple):
    """The counts of the buckets that end at or before `until` (epoch seconds).

    `ranges` has the first and last (exclusive) place in the columns of each block's counts.

    Invariant: it never changes.
    """

    columns: Columns
    until: float
    ranges: Mapping[Key, tuple[int, int]]


class RecentColumns(NamedTuple):
    """Counts of some buckets, as in `Columns`, without the part that has one entry per cell."""

    cell: Ints
    bucket: Ints
    counts: FloatArray
    width_s: FloatArray
    start_s: FloatArray


class ChannelCounts(NamedTuple):
    """Counts of one channel.

    `numbers`: (n,) int32 or int64, of names, each once, or rows of a history, where an item may have several names;
    `counts`: (n,) int64, events.
    """

    channel: str
    numbers: npt.NDArray[np.int64] | Ints
    counts: npt.NDArray[np.int64]


def column_order(key: Key) -> tuple[int, int, int]:
    """Sort key of a block in the columns."""
    bucket, shard = key
    return bucket.end_s, bucket.width_s, shard


def times_of(buckets: Sequence[Bucket]) -> tuple[FloatArray, FloatArray]:
    """Width and start of buckets, each (buckets,) float64, in seconds and epoch seconds."""
    width_s = np.array([bucket.width_s for bucket in buckets], dtype=np.float64)
    return width_s, np.array([bucket.start_s for bucket in buckets], dtype=np.float64)


def write_blocks(
    blocks: Mapping[Key, BucketBlock], ordered: Sequence[Key], cell: Ints, bucket: Ints, counts: FloatArray
) -> list[Bucket]:
    """Write blocks one behind the other into the front of three arrays; the buckets as they are numbered in them."""
    numbers: dict[Bucket, int] = {}
    at = 0
    for key in ordered:
        block = blocks[key]
        end = at + len(block.cells)
        cell[at:end], counts[at:end] = block
        bucket[at:end] = numbers.setdefault(key[0], len(numbers))
        at = end
    return list(numbers)


def joined_blocks(blocks: Mapping[Key, BucketBlock], keys: Iterable[Key]) -> RecentColumns:
    """The counts of some blocks in columns, in their order."""
    ordered = sorted(keys, key=column_order)
    length = sum(len(blocks[key].cells) for key in ordered)
    cell, bucket, counts = np.empty(length, np.int32), np.empty(length, np.int32), np.empty(length)
    return RecentColumns(cell, bucket, counts, *times_of(write_blocks(blocks, ordered, cell, bucket, counts)))


def has_same_counts(one: BucketBlock, other: BucketBlock) -> bool:
    """Whether two blocks hold the same counts, in any order."""
    if len(one.cells) != len(other.cells):
        return False
    mine, theirs = np.argsort(one.cells), np.argsort(other.cells)
    cells = np.array_equal(one.cells[mine], other.cells[theirs])
    return cells and np.array_equal(one.counts[mine], other.counts[theirs])


def cells_by_channel_name(channel: Ints, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """The cells in the order of their channels' names, (cells,) int64.

    `channel`: (cells,) int32, the channel of each cell, an index of `names`.
    """
    rank = {name: place for place, name in enumerate(sorted(names))}
    # Ranks of 16 bits are sorted by counting, which is ten times as fast.
    ranks = np.array([rank[name] for name in names], dtype=np.min_scalar_type(len(rank)))
    return np.argsort(ranks[channel], kind="stable")


def merged_counts(keys: npt.NDArray[T], counts: npt.NDArray[U]) -> tuple[npt.NDArray[T], npt.NDArray[U]]:
    """Each key once, in order, with the sum of its counts. Whole numbers add up alike in any order."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(counts, first)
