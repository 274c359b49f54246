"""Sealed counts: a bucket that is over, as one value.

An open bucket is a hash, because any field of it may grow at any time; that costs 64 bytes a count and more. Once it
is over its counts are packed: ids become numbers of the shard's list of names, and a channel is its numbers in rising
order, as the gaps between them, and its counts beside them, all as varints and deflated where that is shorter. On real
reads that is 1.5 bytes a count and 5.5 a name.

    value   b"1" or b"2" (deflated), then: length of the head (4 bytes, little-endian), the head (MessagePack: pairs of
            a channel and how many counts it has), and per channel the gaps, then the counts, as varints

Names are numbered per shard and volume, a span of VOLUME_S that the bucket's start lies in: what holds the names of a
month can be forgotten a month after it, and no name has to be looked for in a list that only grows. Chunks of
CHUNK_NAMES names are filled one after the other, and a name never changes its number.

Rejected: ids in every value. Deflated they are 6.7 bytes a count for short ids and four times that for addresses, and
reading them is a step in Python per count.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts, merged_counts
from ranking.counts.varints import (
    LEVEL,
    Numbers,
    numbers_from_varints,
    pack_texts,
    unpack_strings,
    unpack_texts,
    varints_from,
)
from ranking.errors import StoreRefusedError
from ranking.times import DAY_S

VOLUME_S = 30 * DAY_S
CHUNK_NAMES = 1024
PLAIN, DEFLATED = b"1", b"2"
HASTY_LEVEL = 1
_HEAD = 4


def volume_of(bucket: Bucket) -> int:
    """The volume whose names a bucket's numbers are of.

    >>> volume_of(Bucket(300, 0)), volume_of(Bucket(86400, VOLUME_S))
    (0, 1)
    """
    return bucket.start_s // VOLUME_S


def volume_end(volume: int) -> int:
    """First second past a volume, in epoch seconds."""
    return (volume + 1) * VOLUME_S


def pack_counts(parts: Iterable[ChannelCounts]) -> bytes:
    """Counts as one value; those of equal channels and numbers are added up. `b""` where there is nothing."""
    merged = merged_parts(parts)
    head = msgspec.msgpack.encode([(part.channel, len(part.numbers)) for part in merged])
    body = [len(head).to_bytes(_HEAD, "little"), head]
    for part in merged:
        body += varints_from(np.diff(part.numbers, prepend=0)), varints_from(part.counts)
    plain = b"".join(body)
    deflated = zlib.compress(plain, LEVEL)
    if not merged:
        return b""
    return DEFLATED + deflated if len(deflated) < len(plain) else PLAIN + plain


def unpack_counts(value: bytes) -> list[ChannelCounts]:
    """The inverse of `pack_counts`, channels by name and numbers rising.

    Raises:
        StoreRefusedError: it is of a later version, or damaged.
    """
    if not value:
        return []
    try:
        head, numbers = _opened(value)
    except (ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise StoreRefusedError(
            f"sealed counts cannot be read ({error}): they are damaged, or of a later version of Populer"
        ) from error
    parts = []
    at = 0
    for channel, count in head:
        gaps, counts = numbers[at : at + count], numbers[at + count : at + 2 * count]
        parts.append(ChannelCounts(channel, np.cumsum(gaps), counts))
        at += 2 * count
    return parts


def _opened(value: bytes) -> tuple[list[tuple[str, int]], Numbers]:
    if value[:1] not in (PLAIN, DEFLATED):
        raise ValueError(f"unknown form {value[:1]!r}")
    text = value[1:] if value[:1] == PLAIN else zlib.decompress(value[1:])
    first = _HEAD + int.from_bytes(text[:_HEAD], "little")
    head = msgspec.msgpack.decode(text[_HEAD:first], type=list[tuple[str, int]])
    numbers = numbers_from_varints(memoryview(text)[first:])
    if len(numbers) != 2 * sum(count for _, count in head):
        raise ValueError(f"{len(numbers)} numbers for {head}")
    return head, numbers


def merged_parts(parts: Iterable[ChannelCounts]) -> list[ChannelCounts]:
    """Each channel once, by name, its numbers once and rising; counts are added up as whole numbers."""
    by_channel: dict[str, list[ChannelCounts]] = {}
    for part in parts:
        if len(part.numbers):
            by_channel.setdefault(part.channel, []).append(part)
    merged = []
    for channel in sorted(by_channel):
        numbers = np.concatenate([part.numbers for part in by_channel[channel]])
        counts = np.concatenate([part.counts for part in by_channel[channel]])
        merged.append(ChannelCounts(channel, *merged_counts(numbers, counts)))
    return merged


def pack_names(names: Sequence[bytes]) -> bytes:
    """A chunk of names (UTF-8). One that is not full is written again with the next names: it is packed in haste."""
    return pack_texts(names, LEVEL if len(names) == CHUNK_NAMES else HASTY_LEVEL)


def names_digest(before: str, chunks: Mapping[int, bytes]) -> str:
    """The digest of a volume's names, once `chunks` were written over those of the digest `before`.

    Two volumes of equal digests had the same names written in the same steps. How many names there are does not say so:
    a store that has gone back numbers others.
    """
    if not chunks:
        return before
    written = hashlib.blake2b(before.encode(), digest_size=8)
    for number in sorted(chunks):
        written.update(number.to_bytes(4, "little"))
        written.update(hashlib.blake2b(chunks[number], digest_size=16).digest())
    return written.hexdigest()


def unpack_names(chunks: Iterable[bytes]) -> list[bytes]:
    """The names of chunks, in their order."""
    return [name for chunk in chunks for name in unpack_texts(chunk)]


def unpack_ids(chunk: bytes) -> list[str]:
    """The names of a chunk as ids of items."""
    return unpack_strings(chunk)
