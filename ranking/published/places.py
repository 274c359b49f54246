"""Places: where items stood in the lists of a site at some moment, kept by the hour for reports.

What was published is kept, and not ranked anew later: the settings, pins and boosts of that hour are in it, and a
report costs no ranking of a hundred past moments in the process that has to publish.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

Pages = dict[str, list[str]]  # list -> ids of its first page
_decoder = msgspec.msgpack.Decoder(tuple[float, Pages])


def places_packed(at: float, pages: Mapping[str, Sequence[str]]) -> bytes:
    """The first pages of some lists at a moment (epoch seconds)."""
    return zlib.compress(msgspec.msgpack.encode((at, pages)))


def ranks_of(item: str, kept: Iterable[bytes]) -> dict[str, list[dict[str, float | int | None]]]:
    """The ranks of an item at each kept moment, by list; None: it was not on the first page."""
    found: dict[str, list[dict[str, float | int | None]]] = {}
    for packed in kept:
        at, pages = _decoder.decode(zlib.decompress(packed))
        for name, ids in pages.items():
            rank = ids.index(item) + 1 if item in ids else None
            found.setdefault(name, []).append({"at": at, "rank": rank})
    return found
