"""Content codings: gzip and Brotli of answers in which a few bytes change every second.

A list's JSON holds its age, so a dozen bytes differ from second to second. The rest is compressed once per snapshot, in
pieces around those bytes, and each second's bytes are put between the pieces as uncompressed blocks, which both formats
have. The compressor must have seen bytes in their place, of the same length (distances are counted in bytes), that
nothing refers to: control characters, which no JSON holds, in another order in each place. Brotli also chooses codes by
the two bytes before, so these are always the same.

Rejected: compressing each second; a list of a thousand entries takes a worker 4 ms.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Protocol

import brotli

GZIP, BROTLI, PLAIN = "gzip", "br", ""
#: Of 3 KB of list, Brotli takes 29 µs at 5 (781 B) and 1,480 at 9 (779 B), gzip 14 at 6 (828 B); of 400 KB 3.9 ms at 5.
BROTLI_QUALITY, GZIP_LEVEL = 5, 6
#: Of what is longer, to be compressed at once would keep others waiting: 0.7 ms of 400 KB, for a tenth more bytes.
LONG_BYTES = 65_536
LONG_BROTLI_QUALITY, LONG_GZIP_LEVEL = 1, 1
#: What `Pieces` needs of the bytes that change: how they end, and how many there are at most.
END = b"e,"
MOST_CHANGING = 32
#: A prime: multiples of different numbers have no two neighbours in common.
_CONTROLS = 31
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class _Flow(Protocol):
    """A compressor; what `flushed` gives ends at a byte and can be read by itself so far."""

    head: bytes

    def flushed(self, part: bytes) -> bytes: ...
    def finished(self, part: bytes) -> bytes: ...
    def stored(self, part: bytes) -> bytes: ...


class _Gzip:
    head = _GZIP_HEAD

    def __init__(self, size: int) -> None:
        level = GZIP_LEVEL if size <= LONG_BYTES else LONG_GZIP_LEVEL
        self._squeeze = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)

    def flushed(self, part: bytes) -> bytes:
        return self._squeeze.compress(part) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)

    def finished(self, part: bytes) -> bytes:
        return self._squeeze.compress(part) + self._squeeze.flush()

    def stored(self, part: bytes) -> bytes:
        """A block of its own (RFC 1951, 3.2.4)."""
        return b"\x00" + struct.pack("<HH", len(part), len(part) ^ 0xFFFF) + part


class _Brotli:
    head = b""

    def __init__(self, size: int) -> None:
        quality = BROTLI_QUALITY if size <= LONG_BYTES else LONG_BROTLI_QUALITY
        self._squeeze = brotli.Compressor(quality=quality)

    def flushed(self, part: bytes) -> bytes:
        found: bytes = self._squeeze.process(part) + self._squeeze.flush()
        return found

    def finished(self, part: bytes) -> bytes:
        found: bytes = self._squeeze.process(part) + self._squeeze.finish()
        return found

    def stored(self, part: bytes) -> bytes:
        """A meta-block of its own (RFC 7932, 9.2): not the last, length in four nibbles, not compressed."""
        return (((len(part) - 1) << 3) | (1 << 19)).to_bytes(3, "little") + part


class Pieces:
    """An answer whose `kept` pieces stay as they are while what stands between them changes."""

    __slots__ = ("_packed", "kept")

    def __init__(self, kept: Sequence[bytes]) -> None:
        self.kept = kept
        self._packed: dict[tuple[str, tuple[int, ...]], list[bytes]] = {}

    def whole(self, changing: Sequence[bytes]) -> bytes:
        """The answer with these bytes between its pieces."""
        return b"".join(_alternating(self.kept, changing))

    def packed(self, coding: str, changing: Sequence[bytes]) -> bytes:
        """The same under a content coding. Each of `changing` is at most MOST_CHANGING bytes and ends with END."""
        if coding == PLAIN:
            return self.whole(changing)
        if len(changing) >= _CONTROLS:
            return packed(self.whole(changing), coding)
        key = coding, tuple(map(len, changing))
        kept = self._packed.get(key)
        if kept is None:
            if len(self._packed) > 2 * len(changing):
                self._packed.clear()  # they were of ages with fewer digits
            kept = self._packed[key] = _packed_around(self._flow(coding), self.kept, key[1])
        flow = _STORING[coding]
        found = flow.head + b"".join(_alternating(kept, [flow.stored(each) for each in changing]))
        if coding == BROTLI:
            return found
        check = size = 0
        for part in _alternating(self.kept, changing):
            check, size = zlib.crc32(part, check), size + len(part)
        return found + struct.pack("<LL", check, size & 0xFFFFFFFF)

    def _flow(self, coding: str) -> _Flow:
        size = sum(map(len, self.kept))
        return _Brotli(size) if coding == BROTLI else _Gzip(size)


def packed(content: bytes, coding: str) -> bytes:
    """A body that never changes, under a content coding."""
    return Pieces([content]).packed(coding, [])


@lru_cache(1_024)
def coding_of(accept_encoding: bytes) -> str:
    """The content coding of an answer: the client's favourite, Brotli where it has none.

    >>> coding_of(b"gzip, deflate, br"), coding_of(b"gzip"), coding_of(b"br;q=0, gzip;q=0.5"), coding_of(b"identity")
    ('br', 'gzip', 'gzip', '')
    >>> coding_of(b"*"), coding_of(b"gzip;q=1, br;q=0.2"), coding_of(b"*;q=0"), coding_of(b"br;q=x")
    ('br', 'gzip', '', '')
    """
    liked: dict[str, float] = {}
    for each in accept_encoding.decode("latin-1").lower().split(","):
        name, _, quality = each.replace(" ", "").partition(";q=")
        try:
            liked[name] = float(quality or 1)
        except ValueError:
            liked[name] = 0.0
    otherwise = liked.get("*", 0.0)
    of_brotli, of_gzip = liked.get(BROTLI, otherwise), liked.get(GZIP, liked.get("x-gzip", otherwise))
    if of_brotli > 0 and of_brotli >= of_gzip:
        return BROTLI
    return GZIP if of_gzip > 0 else PLAIN


def _packed_around(flow: _Flow, kept: Sequence[bytes], lengths: Sequence[int]) -> list[bytes]:
    found = []
    for place, (part, length) in enumerate(zip(kept[:-1], lengths, strict=True), 1):
        found.append(flow.flushed(part))
        flow.flushed(bytes(place * n % _CONTROLS for n in range(length - len(END))) + END)
    return [*found, flow.finished(kept[-1])]


def _alternating(kept: Sequence[bytes], changing: Sequence[bytes]) -> Iterator[bytes]:
    for one, other in zip_longest(kept, changing, fillvalue=b""):
        yield one
        yield other


_STORING: dict[str, _Flow] = {GZIP: _Gzip(0), BROTLI: _Brotli(0)}
