"""Snapshot: the published list, stamped.

What is published is a list's entries as bytes, one body per section, and the stamp that all its sections share. Two
snapshots with equal bodies are the same list at different times; the digest of a body says so without reading it.
"""

import hashlib

import msgspec

from ranking.settings.learned import LearnedSetting

WHOLE_SITE = ""  # the section name of the list over all sections


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One place of a list. Times in epoch seconds; `views` are all retained views; `score` is None in a latest list.

    `previous_rank` is the rank that the same settings gave one `movement` span ago, None where it had none; `is_new`:
    it is in the visible part now and was not then. `source` is ranked, pinned or fill. `times_usual`: how many times
    its usual events it had, in a burst list that knows what is usual.
    """

    rank: int
    id: str
    title: str
    url: str | None
    section: str | None
    published_at: float | None
    image: str | None
    score: float | None
    views: int
    previous_rank: int | None = None
    is_new: bool = False
    source: str = "ranked"
    times_usual: float | None = None


class Stamp(msgspec.Struct, frozen=True):
    """The part of one published list that all its sections share.

    `generated_at` is the aligned moment (epoch seconds) that the list was ranked for, so that equal counts and settings
    give equal stamps; `digests` maps each section to its body's digest. `boosts` are in the ranking already: item ->
    factor. `learned` is the setting that a list that learns was ranked by. `quiet`: sections that are known and in no
    list of the site, as all of their items have moved on. `views_span_s`: what `Entry.views` are of, the last so many
    seconds. `ends`: item -> when its own `expires_at` takes it out of lists (epoch seconds), of those within a day.
    """

    list: str
    title: str
    size: int
    generated_at: float
    config_version: str
    digests: dict[str, str]
    boosts: dict[str, float] = {}
    learned: LearnedSetting | None = None
    quiet: tuple[str, ...] = ()
    views_span_s: float = 0.0
    ends: dict[str, float] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """A list ready to publish: its stamp, one body per section, and the packed orders that walks through it need."""

    stamp: Stamp
    bodies: dict[str, bytes]
    orders: dict[str, bytes] = {}


class Published(msgspec.Struct, frozen=True):
    """A list as read back from the store."""

    generation: int
    stamp: Stamp
    bodies: dict[str, bytes]


def encode_entries(entries: list[Entry]) -> bytes:
    """Entries as a body (MessagePack)."""
    return _pack.encode(entries)


def decode_entries(body: bytes) -> list[Entry]:
    """The inverse of `encode_entries`."""
    return _unpack_entries.decode(body)


def encode_stamp(stamp: Stamp) -> bytes:
    """A stamp as the store keeps it."""
    return _pack.encode(stamp)


def decode_stamp(document: bytes) -> Stamp:
    """The inverse of `encode_stamp`."""
    return _unpack_stamp.decode(document)


def digest(body: bytes) -> str:
    """A short name for the content of a body."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


_pack = msgspec.msgpack.Encoder()
_unpack_entries = msgspec.msgpack.Decoder(list[Entry])
_unpack_stamp = msgspec.msgpack.Decoder(Stamp)
