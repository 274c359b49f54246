"""Columnar counts: what happened to each item, in each bucket, by channel.

The history of a site is a pile of blocks, one per stored bucket, and the columns made of them. A changed bucket
replaces its block, and the columns are joined again when they are next asked for. Names are interned once: an item is
a row number from then on, and a cell of the store is looked up by its whole field, so that reading a million cells
costs a million dictionary look-ups and no parsing.

Invariant: the columns hold exactly the counts of the blocks, and the order in which anything arrived does not show in
a sum over them: a cell's counts are in (start, width, shard) order, and `cell_order` has an item's cells by name.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ranking.buckets import Bucket, FloatArray

T = TypeVar("T", bound=np.generic)
FIELD_SEPARATOR = b"|"


def field(channel: str, item: str) -> str:
    """A cell's name inside a bucket. A channel never holds the separator; an item id may.

    >>> field("view", "a|b")
    'view|a|b'
    """
    return f"{channel}|{item}"


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


class _Block(NamedTuple):
    cells: npt.NDArray[np.int32]  # index into the interned fields
    counts: FloatArray


class History:
    """Counts of one site, kept by bucket and shard."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.channels: list[str] = []
        self._item_index: dict[str, int] = {}
        self._channel_index: dict[str, int] = {}
        self._cell_index: dict[bytes, int] = {}
        self._cell_item: list[int] = []
        self._cell_channel: list[int] = []
        self._blocks: dict[tuple[Bucket, int], _Block] = {}
        self._columns: Columns | None = None

    def item_row(self, item: str) -> int:
        """The row number of an item, given out on first sight."""
        row = self._item_index.get(item)
        if row is None:
            row = self._item_index[item] = len(self.items)
            self.items.append(item)
        return row

    def known_row(self, item: str) -> int | None:
        """The row number of an item, or None if it was never seen."""
        return self._item_index.get(item)

    def replace(self, bucket: Bucket, shard: int, fields: Iterable[bytes], counts: Iterable[int]) -> None:
        """Set a shard's counts of a bucket, whatever they were. No fields: the bucket is gone."""
        index = self._cell_index
        cells = [index[name] if name in index else self._intern(name) for name in fields]
        if cells:
            self._blocks[bucket, shard] = _Block(
                np.array(cells, dtype=np.int32), np.fromiter(counts, dtype=np.float64, count=len(cells))
            )
        else:
            self._blocks.pop((bucket, shard), None)
        self._columns = None

    def forget_before(self, moment: float) -> None:
        """Drop the buckets that ended at or before `moment` (epoch seconds)."""
        gone = [key for key in self._blocks if key[0].end_s <= moment]
        for key in gone:
            del self._blocks[key]
        if gone:
            self._columns = None

    def columns(self) -> Columns:
        """All cells, in bucket order."""
        if self._columns is None:
            self._columns = self._joined()
        return self._columns

    def first_event(self) -> FloatArray:
        """Per item row: start of its earliest bucket in epoch seconds, or inf where it has no counts."""
        columns = self.columns()
        first = np.full(len(self.items), np.inf)
        np.minimum.at(first, columns.cell_item[columns.cell], columns.start_s[columns.bucket])
        return first

    def start(self) -> float:
        """Start of the earliest bucket in epoch seconds; inf where there is none."""
        return min((bucket.start_s for bucket, _ in self._blocks), default=math.inf)

    def _intern(self, name: bytes) -> int:
        channel_name, _, item = name.partition(FIELD_SEPARATOR)
        channel = channel_name.decode()
        if channel not in self._channel_index:
            self._channel_index[channel] = len(self.channels)
            self.channels.append(channel)
        cell = self._cell_index[name] = len(self._cell_item)
        self._cell_item.append(self.item_row(item.decode()))
        self._cell_channel.append(self._channel_index[channel])
        return cell

    def _joined(self) -> Columns:
        ordered = sorted(
            self._blocks.items(), key=lambda entry: (entry[0][0].start_s, entry[0][0].width_s, entry[0][1])
        )
        buckets: dict[Bucket, int] = {}
        of_block = [buckets.setdefault(bucket, len(buckets)) for (bucket, _), _ in ordered]
        lengths = [len(block.cells) for _, block in ordered]
        cell_channel = np.array(self._cell_channel, dtype=np.int32)
        place = {name: rank for rank, name in enumerate(sorted(self.channels))}
        rank = np.array([place[name] for name in self.channels], dtype=np.int32)
        return Columns(
            cell=_concatenated([block.cells for _, block in ordered], np.int32),
            bucket=np.repeat(np.array(of_block, dtype=np.int32), lengths),
            counts=_concatenated([block.counts for _, block in ordered], np.float64),
            cell_item=np.array(self._cell_item, dtype=np.int32),
            cell_channel=cell_channel,
            cell_order=np.argsort(rank[cell_channel], kind="stable"),
            width_s=np.array([bucket.width_s for bucket in buckets], dtype=np.float64),
            start_s=np.array([bucket.start_s for bucket in buckets], dtype=np.float64),
        )


def history_of(buckets: Mapping[Bucket, Mapping[str, int]]) -> History:
    """A history of one shard from plain counts: bucket -> field -> events."""
    history = History()
    for bucket, counts in buckets.items():
        history.replace(bucket, 0, (name.encode() for name in counts), counts.values())
    return history


def _concatenated(parts: list[npt.NDArray[T]], dtype: type[T]) -> npt.NDArray[T]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
