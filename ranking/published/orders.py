"""The order of a list's items as it is kept for paging: compressed ids under a name made of its content.

Most orders of a list hold the ids of the one before in nearly the same places, so an order is packed against an
earlier one of its section and takes a tenth of its ids (bench/paging.py).
"""

import zlib
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

NAME_BYTES = 8
#: An order is packed against another one only while that makes it smaller than this share of the other.
WORTH_IT = 0.5
_LEVEL = 6
_WHOLE = ""


def order_name(name: str, section: str, ids: Sequence[str]) -> str:
    """The name of an order of a section of the list `name`."""
    return blake2b(msgspec.msgpack.encode((name, section, ids)), digest_size=NAME_BYTES).hexdigest()


class OrderPacker:
    """Packs the orders of one list, each section's against an earlier one as long as that pays."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: dict[str, _Packed] = {}

    def packed(self, sections: Mapping[str, Sequence[str]]) -> dict[str, bytes]:
        """The orders of all sections (section -> ids) and what is needed to read them: name -> packed order."""
        self._last = {section: self._packed(section, ids) for section, ids in sections.items()}
        both = [*(each.against for each in self._last.values() if each.against), *self._last.values()]
        return {each.name: each.content for each in both}

    def _packed(self, section: str, ids: Sequence[str]) -> "_Packed":
        name = order_name(self._name, section, ids)
        last = self._last.get(section)
        if last is not None and last.name == name:
            return last
        plain = msgspec.msgpack.encode(ids)
        whole = last and (last.against or last)
        if whole is not None and whole.name != name:
            small = _deflated(plain, whole.plain)
            if len(small) <= WORTH_IT * len(whole.content):
                return _Packed(name, b"", msgspec.msgpack.encode((whole.name, small)), whole)
        return _Packed(name, plain, msgspec.msgpack.encode((_WHOLE, _deflated(plain, b""))), None)


class _Packed(NamedTuple):
    name: str
    plain: bytes  # of a whole one: what others are packed against
    content: bytes
    against: "_Packed | None"


def needed_for(content: bytes) -> str | None:
    """The name of the order that this packed one needs to be read; None: it stands alone."""
    return _unpacked.decode(content)[0] or None


def ids_of(contents: Sequence[bytes]) -> list[str]:
    """The ids of the first of some packed orders.

    Each of the others is the one that `needed_for` names for the one before.
    """
    plain = b""
    for content in reversed(contents):
        plain = _inflated(_unpacked.decode(content)[1], plain)
    return msgspec.msgpack.decode(plain, type=list[str])


def _deflated(plain: bytes, base: bytes) -> bytes:
    squeeze = zlib.compressobj(_LEVEL, wbits=-15, zdict=base)
    return squeeze.compress(plain) + squeeze.flush()


def _inflated(content: bytes, base: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15, zdict=base).decompress(content)


_unpacked = msgspec.msgpack.Decoder(tuple[str, bytes])
