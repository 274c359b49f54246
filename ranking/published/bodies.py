"""Bodies of many sections, packed from rows: what lists and sections share of an item is packed once.

A hundred lists of twenty sections hold a quarter of a million entries, of two thousand items. What an item is, and how
often it was read, is the same in all of them; only its rank, its score and where it has come from differ.

Invariant: a body is, to the last byte, what `encode_entries` makes of the same entries.

Rejected: entries as objects. They are made to be packed and thrown away, and cost four times as much.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.intake.items import Item
from ranking.published.snapshot import Entry, digest

PARTS = 6


class RankedSection(NamedTuple):
    """One list of one section: `rows`, (n,) int64, best first, the last `filled` of which fill it up.

    `score`: (rows of the list,) float64; None in a latest list. `previous`: row -> rank one `movement` ago; None: there
    was no list then. `times_usual`: as `score`, None where a list does not know what is usual. `size`: how many are in
    the visible part.
    """

    rows: Rows
    score: FloatArray | None
    previous: Mapping[int, int] | None
    filled: int
    times_usual: FloatArray | None
    size: int


class Bodies:
    """Packs the sections of one site at one moment; `described` keeps what items are for the next one.

    `names`, `views`, `published`: of every row, the latter two (rows,) float64, events and epoch seconds. `details` has
    the item of each listed id.
    """

    def __init__(
        self,
        names: Sequence[str],
        views: FloatArray,
        published: FloatArray,
        details: Mapping[str, Item],
        described: "Described",
    ) -> None:
        self._names = names
        self._views = views
        self._published = published
        self._details = details
        self._described = described
        self._what: dict[int, bytes] = {}
        self._read: dict[int, bytes] = {}

    def body(self, section: RankedSection) -> bytes:
        """The body of one section."""
        rows: list[int] = section.rows.tolist()
        for row in [row for row in rows if row not in self._what]:
            self._add(row)
        parts = [b""] * (PARTS * len(rows))
        parts[0::PARTS] = _firsts_of(len(rows))
        parts[1::PARTS] = map(self._what.__getitem__, rows)
        parts[2::PARTS] = _floats(section.score, section.rows)
        parts[3::PARTS] = map(self._read.__getitem__, rows)
        parts[4::PARTS] = _ends(section, rows)
        parts[5::PARTS] = _floats(section.times_usual, section.rows)
        return _length(len(rows)) + b"".join(parts)

    @property
    def names(self) -> Sequence[str]:
        """The name of every row."""
        return self._names

    def content(self, section: RankedSection) -> tuple[object, ...]:
        """All that a body is made of but the names; equal contents of the same rows have equal bodies."""
        rows, previous, names = section.rows, section.previous, self._names
        listed: list[int] = rows.tolist()
        return (
            rows.tobytes(),
            None if section.score is None else section.score[rows].tobytes(),
            None if section.times_usual is None else section.times_usual[rows].tobytes(),
            self._views[rows].tobytes(),
            self._published[rows].tobytes(),
            None if previous is None else [*map(previous.get, listed)],
            section.filled,
            section.size,
            [self._details[names[row]] for row in listed],
        )

    def _add(self, row: int) -> None:
        published = float(self._published[row])
        item = self._details[self._names[row]]
        self._what[row] = self._described.of(item, published if math.isfinite(published) else None)
        self._read[row] = _views_field + _pack(round(float(self._views[row]))) + _previous_field


class Packed(NamedTuple):
    """A body with its digest, and what it was made of."""

    content: tuple[object, ...]
    body: bytes
    digest: str


class UnchangedBodies:
    """The bodies of one list of many sections, each kept until something in it changes: most of them nobody reads."""

    def __init__(self) -> None:
        self._names: Sequence[str] | None = None
        self._kept: Mapping[str, Packed] = {}

    def packed(self, bodies: Bodies, sections: Mapping[str, RankedSection]) -> Mapping[str, Packed]:
        """The body of each section."""
        kept = self._kept if self._names is bodies.names else {}  # else rows have other numbers
        found = {}
        for name, section in sections.items():
            content, same = bodies.content(section), kept.get(name)
            if same is None or same.content != content:
                body = bodies.body(section)
                same = Packed(content, body, digest(body))
            found[name] = same
        self._names, self._kept = bodies.names, found
        return found


class Described:
    """Packed descriptions of items, kept while the item is listed and the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Item, float | None, bytes]] = {}
        self._before: dict[str, tuple[Item, float | None, bytes]] = {}

    def begin(self) -> None:
        """Forget those that nobody has asked for since the last `begin`."""
        self._before, self._kept = self._kept, {}

    def of(self, item: Item, published: float | None) -> bytes:
        """The fields of an entry from its id to its image, and the name of the one behind."""
        known = self._kept.get(item.id) or self._before.get(item.id)
        if known is None or known[0] != item or known[1] != published:
            fields = item.id, item.title or item.id, item.url, item.section, published, item.image
            parts = itertools.chain.from_iterable(zip(_described_fields, map(_pack, fields), strict=True))
            known = item, published, b"".join(parts) + _score_field
        self._kept[item.id] = known
        return known[2]


_pack = msgspec.msgpack.Encoder().encode
_fields = {name: _pack(name) for name in Entry.__struct_fields__}
_described_fields = [_fields[name] for name in ("id", "title", "url", "section", "published_at", "image")]
_score_field, _views_field, _previous_field = _fields["score"], _fields["views"], _fields["previous_rank"]
_PACKED = np.dtype([("kind", "u1"), ("value", ">f8")])
_FLOAT = 0xCB
_SMALL_MAP = 0x80
#: The beginning of the entry at each rank, as far as any list has been deep.
_firsts: list[bytes] = []


def _length(entries: int) -> bytes:
    return _pack([None] * entries)[: -entries or None]


def _firsts_of(entries: int) -> Sequence[bytes]:
    for rank in range(len(_firsts) + 1, entries + 1):
        _firsts.append(bytes([_SMALL_MAP | len(_fields)]) + _fields["rank"] + _pack(rank))
    return _firsts[:entries]


def _floats(values: FloatArray | None, rows: Rows) -> Sequence[bytes]:
    """The values of some rows, or as many times None."""
    if values is None:
        return [_pack(None)] * len(rows)
    packed = np.empty(len(rows), dtype=_PACKED)
    packed["kind"], packed["value"] = _FLOAT, values[rows]
    raw, width = packed.tobytes(), _PACKED.itemsize
    return [raw[at : at + width] for at in range(0, len(raw), width)]


def _ends(section: RankedSection, rows: Sequence[int]) -> Iterator[bytes]:
    """Each entry from its previous rank to the name of its last field."""
    entries, previous, size = len(rows), section.previous, section.size
    ranks: list[int | None] = [None] * entries if previous is None else [*map(previous.get, rows)]
    new = [previous is not None and (was is None or was > size) for was in ranks[:size]]
    fills = [False] * (entries - section.filled) + [True] * section.filled
    return map(_end, ranks, [*new, *([False] * (entries - len(new)))], fills)


@functools.cache
def _end(previous_rank: int | None, is_new: bool, is_fill: bool) -> bytes:
    source = _pack("fill" if is_fill else "ranked")
    parts = [_pack(previous_rank), _fields["is_new"], _pack(is_new), _fields["source"], source, _fields["times_usual"]]
    return b"".join(parts)
