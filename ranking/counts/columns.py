"""Columns: counts side by side in arrays, and the blocks and buckets that they come from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Ints
from ranking.counts.buckets import Bucket
from ranking.intake.visits import SHADOW

FIELD_SEPARATOR = b"|"

Key = tuple[Bucket, int]  # a bucket of a shard


def field(channel: str, item: str) -> str:
    """A cell's name inside a bucket. A channel never holds the separator; an item id may.

    >>> field("view", "a|b")
    'view|a|b'
    """
    return f"{channel}|{item}"


def is_shadow(channel: str) -> bool:
    """Whether a channel counts events that were left out.

    >>> is_shadow("!robot"), is_shadow("view")
    (True, False)
    """
    return channel.startswith(SHADOW)


class Columns(NamedTuple):
    """Counts, and the cells and buckets that they are of.

    One entry per count: `counts` are events, `cell` and `bucket` index what follows.
    One entry per cell (an item's channel): `cell_item` and `cell_channel` index the history's names; `cell_order` has
    the cells by the name of their channel, whichever was seen first.
    One entry per bucket: `width_s` and `start_s` in seconds.
    """

    cell: npt.NDArray[np.int32]
    bucket: npt.NDArray[np.int32]
    counts: FloatArray
    cell_item: npt.NDArray[np.int32]
    cell_channel: npt.NDArray[np.int32]
    cell_order: npt.NDArray[np.int64]
    width_s: FloatArray
    start_s: FloatArray


class BucketBlock(NamedTuple):
    """Counts of one bucket and shard: cells, each once, and the events of each."""

    cells: Ints
    counts: FloatArray


class FrozenHistory(NamedTuple):
    """What was counted in the buckets that end at or before `until` (epoch seconds). Never changes.

    `ranges` says where the counts of each block lie in the columns.
    """

    columns: Columns
    until: float
    ranges: Mapping[Key, tuple[int, int]]


class RecentColumns(NamedTuple):
    """Counts of some buckets, as in `Columns`; without what the history says of its cells."""

    cell: Ints
    bucket: Ints
    counts: FloatArray
    width_s: FloatArray
    start_s: FloatArray


def place_of(key: Key) -> tuple[int, int, int]:
    """Where a block stands in the columns."""
    bucket, shard = key
    return bucket.end_s, bucket.width_s, shard


def times_of(buckets: Sequence[Bucket]) -> tuple[FloatArray, FloatArray]:
    """Width and start of buckets, in seconds."""
    width_s = np.array([each.width_s for each in buckets], dtype=np.float64)
    return width_s, np.array([each.start_s for each in buckets], dtype=np.float64)


def same_counts(one: BucketBlock, other: BucketBlock) -> bool:
    """Whether two blocks hold the same counts, in whatever order."""
    if len(one.cells) != len(other.cells):
        return False
    mine, theirs = np.argsort(one.cells), np.argsort(other.cells)
    cells = np.array_equal(one.cells[mine], other.cells[theirs])
    return cells and np.array_equal(one.counts[mine], other.counts[theirs])
