"""The file of a backup: records, then an index of them, then a checksum of it all.

    b"populer backup 1\n"    the form and its version
    records                  each: length (4 bytes, little-endian), then MessagePack, deflated
    the index                a record as well (`Index`): where the others are, and when each part was read
    where the index is       8 bytes, little-endian
    checksum                 32 bytes, BLAKE2b of all that stands before

A file is written under another name and gets its own once it is complete. Before anything of it is used the whole
file is read and compared with its checksum. Records are found by the index, so that memory holds one at a time.
"""

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

import msgspec

from ranking.errors import PopulerError
from ranking.store.redis.archive import Desk, Marks

T = TypeVar("T")
MAGIC = b"populer backup 1\n"
KIND = b"populer backup "
DIGEST_BYTES = 32
TRAILER_BYTES = 8 + DIGEST_BYTES
LEVEL = 1  # most of it is packed as it comes
BLOCK = 1 << 20

Place = int
"""Where a record begins, in bytes."""


class ShardIndex(msgspec.Struct, array_like=True):
    """Where the parts of a shard are, which is as it was at the moment `at` (epoch seconds).

    `buckets`: width and start in seconds, and the place of the counts; `names`: places of each volume's chunks, in
    their order; `items`: places in the order of changes, a later one goes over an earlier; `named`: of each volume.
    """

    at: float
    buckets: list[tuple[int, int, Place]] = []
    names: dict[int, list[Place]] = {}
    items: list[Place] = []
    named: dict[int, Place] = {}
    marks: Place = 0
    dropped_until: int = 0


class SiteIndex(msgspec.Struct, array_like=True):
    """Where the parts of a site are. `lists`: published ones, as generation, stamp and bodies; `keys`: of the API."""

    shards: list[ShardIndex]
    desk: Place
    lists: Place
    keys: dict[str, str] | None
    buckets: int
    items: int
    edits: int


class Index(msgspec.Struct, array_like=True):
    """What a backup holds, begun and finished at moments in epoch seconds. `salts` by day, and `secret`, if asked."""

    populer: str
    began_at: float
    finished_at: float
    sites: dict[str, SiteIndex]
    salts: dict[int, tuple[bytes, float]] | None = None
    secret: bytes | None = None


class BackupWriter:
    """Writes a backup to `path`, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._at = 0
        self._file = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._write(MAGIC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is not None:
            self._partial.unlink(missing_ok=True)

    def add(self, record: Any) -> Place:
        """Write a record; its place."""
        place, packed = self._at, zlib.compress(msgspec.msgpack.encode(record), LEVEL)
        self._write(len(packed).to_bytes(4, "little"))
        self._write(packed)
        return place

    def finish(self, index: Index) -> int:
        """Write the index and give the file its name; how many bytes it has."""
        place = self.add(index)
        self._write(place.to_bytes(8, "little"))
        self._write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._partial.replace(self._path)
        return self._at

    def _write(self, part: bytes) -> None:
        self._file.write(part)
        self._digest.update(part)
        self._at += len(part)


class BackupReader:
    """Reads the backup in `file`, whose checksum is right. `on_bytes` is called with how many were read."""

    def __init__(self, path: Path, file: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        self._file, self._on_bytes = file, on_bytes
        _check(path, file, on_bytes)
        file.seek(-TRAILER_BYTES, os.SEEK_END)
        place = int.from_bytes(file.read(8), "little")
        try:
            self.index = self._record(place, Index)
        except (msgspec.MsgspecError, zlib.error) as error:
            raise PopulerError(
                f"{path}: this version cannot read it ({error}); use the version that wrote it"
            ) from None

    def counts(self, place: Place) -> tuple[bytes, bytes, bytes]:
        """Fields (packed texts) and counts (varints) of a bucket's open cells, and its sealed value."""
        return self._record(place, tuple[bytes, bytes, bytes])

    def names(self, place: Place) -> list[bytes]:
        """Chunks of names."""
        return self._record(place, list[bytes])

    def items(self, place: Place) -> dict[bytes, bytes]:
        """Items as they are stored; b"": gone."""
        return self._record(place, dict[bytes, bytes])

    def named(self, place: Place) -> list[bytes]:
        """Ids of items."""
        return self._record(place, list[bytes])

    def marks(self, place: Place) -> list[Marks]:
        """Marks of a shard."""
        return self._record(place, list[Marks])

    def desk(self, place: Place) -> Desk:
        """The desk of a site."""
        return self._record(place, Desk)

    def lists(self, place: Place) -> list[tuple[int, bytes, dict[str, bytes]]]:
        """Published lists: generation, stamp, bodies by section."""
        return self._record(place, list[tuple[int, bytes, dict[str, bytes]]])

    def _record(self, place: Place, form: type[T]) -> T:
        self._file.seek(place)
        packed = self._file.read(int.from_bytes(self._file.read(4), "little"))
        self._on_bytes(len(packed) + 4)
        return msgspec.msgpack.decode(zlib.decompress(packed), type=form)


def _check(path: Path, file: BinaryIO, on_bytes: Callable[[int], None]) -> None:
    """Compare a file with its checksum.

    Raises:
        PopulerError: it is no backup, of another version, cut short, or changed.
    """
    head = file.read(len(MAGIC))
    if not head.startswith(KIND):
        raise PopulerError(f"{path}: is no backup of Populer; name a file of `populer backup`")
    if head != MAGIC:
        raise PopulerError(f"{path}: was written by a later version of Populer; use that version, or a later one")
    left = file.seek(0, os.SEEK_END) - DIGEST_BYTES
    file.seek(0)
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    while left > 0 and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
        on_bytes(len(block))
    if file.read(DIGEST_BYTES) != digest.digest():
        raise PopulerError(f"{path}: is damaged or cut short, its checksum does not match; nothing was restored")
