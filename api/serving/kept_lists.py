"""The last lists of a site on disk: what a worker serves that starts while the store is away.

A file per site in the data directory, shared by the workers of a host and replaced as a whole. It holds the lists and
the edits that they are shown with, as an item that was taken down must stay so: changed edits are written within a
second, changed lists once the file is KEEP_EVERY_S old, so that the first worker to find it so writes for all.

Invariant: the last to write is a worker that shows the current edits, as each writes after it has read newer ones.

Rejected: files written where lists are ranked. The process that ranks may be on another host.
"""

import asyncio
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Literal

import msgspec
import structlog

from ranking.intake.items import Item
from ranking.published.edits import FORMS, Edits, Subject
from ranking.published.snapshot import Published

log = structlog.get_logger("api")

KEEP_EVERY_S = 10.0
#: Lists that are ranked anew and stay the same are written once in so long, so that their age is about right.
RENEW_EVERY_S = 60.0
#: What may have changed of a site: what editors say, its lists, or their times alone.
Change = Literal["edits", "lists", "times"]
FORM = 1
SUFFIX = ".lists"


class KeptSite(msgspec.Struct, frozen=True):
    """A site's lists by name, and the edits that they are shown with; `form` is that of the file."""

    form: int
    lists: dict[str, Published]
    edition: int
    edits: list[tuple[str, str, str, str, bytes]]
    removed: dict[str, float]
    pinned: list[Item]

    @classmethod
    def of(
        cls, lists: Mapping[str, Published], edits: Edits, removed: Mapping[str, float], pinned: Mapping[str, Item]
    ) -> "KeptSite":
        """What is kept of a site."""
        packed = [(*subject, msgspec.msgpack.encode(edit)) for subject, edit in edits.edits.items()]
        return cls(FORM, dict(lists), edits.edition, packed, dict(removed), list(pinned.values()))

    def all_edits(self) -> Edits:
        """The edits."""
        return Edits(
            self.edition,
            {
                Subject(kind, name, section, item): msgspec.msgpack.decode(packed, type=FORMS[kind])
                for kind, name, section, item, packed in self.edits
            },
        )


class KeptLists:
    """The files of all sites in `folder`. Its calls block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def read(self, site: str) -> KeptSite | None:
        """What is kept of a site; None where there is nothing that can be used."""
        try:
            kept = msgspec.msgpack.decode(self._file(site).read_bytes(), type=KeptSite)
            kept.all_edits()
        except FileNotFoundError:
            return None
        except (OSError, KeyError, msgspec.MsgspecError) as error:
            log.warning("The last lists on disk cannot be read. They are not served.", site=site, error=str(error))
            return None
        return kept if kept.form == FORM else None

    def age_s(self, site: str) -> float:
        """How long ago a site's file was written; infinite where there is none, or the clock was put back."""
        try:
            age_s = time.time() - self._file(site).stat().st_mtime
        except OSError:
            return float("inf")
        return age_s if age_s >= 0 else float("inf")

    def write(self, site: str, kept: KeptSite) -> bool:
        """Replace a site's file; whether that was possible."""
        file = self._file(site)
        fresh = file.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.msgpack.encode(kept))
            fresh.replace(file)
        except OSError as error:
            if not self._failed:
                log.warning("The last lists cannot be kept on disk.", folder=str(self._folder), error=str(error))
            self._failed = True
            return False
        self._failed = False
        return True

    def forget(self, site: str) -> None:
        """Delete a site's file."""
        self._file(site).unlink(missing_ok=True)

    def _file(self, site: str) -> Path:
        return self._folder / f"{site}{SUFFIX}"


class KeptCopy:
    """One site's file, as a worker sees it that writes it when it is due; without `files` it never is."""

    def __init__(self, files: KeptLists | None, site: str) -> None:
        self._files = files
        self._site = site
        self._written_at = -math.inf  # of `monotonic`, as far as is known
        self._unkept: set[Change] = set()

    async def read(self) -> KeptSite | None:
        """What is kept; None where there is nothing that can be used."""
        return None if self._files is None else await asyncio.to_thread(self._files.read, self._site)

    def note(self, change: Change) -> None:
        """Note that what is shown has changed since the file was written."""
        self._unkept.add(change)

    def note_same(self) -> None:
        """Note that what is shown is what the file holds."""
        self._unkept.clear()

    async def is_due(self) -> bool:
        """Whether what is shown has changed, and the file is old enough to be written again."""
        if self._files is None or not self._unkept:
            return False
        if "edits" in self._unkept:
            return True
        limit_s = KEEP_EVERY_S if "lists" in self._unkept else RENEW_EVERY_S
        if monotonic() - self._written_at < limit_s:
            return False
        self._written_at = monotonic() - await asyncio.to_thread(self._files.age_s, self._site)
        return monotonic() - self._written_at >= limit_s  # else another worker has written it

    async def write(self, kept: KeptSite) -> None:
        """Replace the file; what could not be written stays to be."""
        if self._files is None:
            return
        self._written_at = monotonic()
        unkept, self._unkept = self._unkept, set()
        if not await asyncio.to_thread(self._files.write, self._site, kept):
            self._unkept |= unkept
