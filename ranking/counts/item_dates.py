"""Sealed dates: the sections, times and addresses of all items, packed in chunks of columns.

A process that starts must know the dates and sections of all items. Asked for one by one, a million of them take five
seconds; as columns they take one. Chunks are in the order in which items changed, and a later one goes over an earlier.
"""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ranking.counts.addresses import NOT_DESCRIBED, Marks, mark_of_address
from ranking.counts.arrays import FloatArray
from ranking.counts.varints import LEVEL, numbers_from_varints, pack_texts, unpack_strings, varints_from
from ranking.errors import StoreRefusedError
from ranking.intake.items import ItemDates

CHUNK_ITEMS = 16_384


class DatesColumns(NamedTuple):
    """The dates of items in columns, one entry per item.

    `section`: (items,) int64, indexes `sections`, -1 for none. `published`, `first_seen`: (items,) float64, epoch
    seconds, NaN where unknown. `stored`: (items,) bool, False for an item that the newsroom has taken back. `address`:
    (items,) uint64, see `addresses.mark_of_address`. `until`: (items,) float64, epoch seconds, when its time in lists
    is over; infinite where it has no end. `group`: (items,) int64, indexes `groups`, -1 for none.
    """

    ids: list[str]
    sections: list[str]
    section: npt.NDArray[np.int64]
    published: FloatArray
    first_seen: FloatArray
    stored: npt.NDArray[np.bool_]
    address: Marks
    until: FloatArray
    groups: list[str]
    group: npt.NDArray[np.int64]


class _Chunk(msgspec.Struct, array_like=True):
    ids: bytes
    sections: list[str]
    section: bytes
    times: bytes
    stored: bytes
    address: bytes
    until: bytes = b""  # empty: none of them ends
    groups: list[str] = []
    group: bytes = b""  # empty: none of them is in one


def pack_dates(dates: Mapping[str, ItemDates | None]) -> bytes:
    """Dates by item as a chunk; None: the store has it no more."""
    known = [each or ItemDates(first_seen=np.inf) for each in dates.values()]
    sections: dict[str | None, int] = {None: 0}
    section = [sections.setdefault(each.section, len(sections)) for each in known]
    groups: dict[str | None, int] = {None: 0}
    group = [groups.setdefault(each.group, len(groups)) for each in known]
    times = [np.nan if each.published_at is None else each.published_at for each in known]
    times += [each.first_seen for each in known]
    address = [NOT_DESCRIBED if each is None else mark_of_address(each.url) for each in dates.values()]
    until = [each.listed_until for each in known]
    chunk = _Chunk(
        ids=pack_texts([item.encode() for item in dates]),
        sections=[name for name in sections if name is not None],
        section=zlib.compress(varints_from(np.array(section, dtype=np.int64)), LEVEL),
        # Bytes of equal weight side by side: the high ones hardly differ.
        times=zlib.compress(np.array(times, dtype="<f8").view(np.uint8).reshape(-1, 8).T.tobytes(), LEVEL),
        stored=np.packbits(np.array([each is not None for each in dates.values()], dtype=np.bool_)).tobytes(),
        address=np.array(address, dtype="<u8").tobytes(),  # hashes: there is nothing to pack
        until=zlib.compress(np.array(until, dtype="<f8").tobytes(), LEVEL)
        if min(until, default=np.inf) < np.inf
        else b"",
        groups=[name for name in groups if name is not None],
        group=zlib.compress(varints_from(np.array(group, dtype=np.int64)), LEVEL) if len(groups) > 1 else b"",
    )
    return msgspec.msgpack.encode(chunk)


def unpack_dates(packed: bytes) -> DatesColumns:
    """The inverse of `pack_dates`.

    Raises:
        StoreRefusedError: it is of a later version, or damaged.
    """
    try:
        chunk = msgspec.msgpack.decode(packed, type=_Chunk)
        ids = unpack_strings(chunk.ids)
        section = numbers_from_varints(zlib.decompress(chunk.section)) - 1
        planes = np.frombuffer(zlib.decompress(chunk.times), dtype=np.uint8).reshape(8, 2 * len(ids))
        address = np.frombuffer(chunk.address, dtype="<u8", count=len(ids)).astype(np.uint64)
        until = np.full(len(ids), np.inf)
        if chunk.until:
            until = np.frombuffer(zlib.decompress(chunk.until), dtype="<f8", count=len(ids)).astype(np.float64)
        group = np.full(len(ids), -1, dtype=np.int64)
        if chunk.group:
            group = numbers_from_varints(zlib.decompress(chunk.group)) - 1
    except (ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise StoreRefusedError(
            f"sealed dates of items cannot be read ({error}): they are damaged, or of a later version of Populer"
        ) from error
    times = np.ascontiguousarray(planes.T).view("<f8").reshape(2, len(ids)).astype(np.float64)
    stored = np.unpackbits(np.frombuffer(chunk.stored, dtype=np.uint8), count=len(ids)).astype(np.bool_)
    return DatesColumns(ids, chunk.sections, section, times[0], times[1], stored, address, until, chunk.groups, group)
