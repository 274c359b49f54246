"""What a source says of one article, and what a document of such entries comes to."""

from dataclasses import dataclass, field

import msgspec

from ranking.errors import PopulerError


class SourceError(PopulerError):
    """A document that cannot be used as a whole; the message says why."""


class SourceEntry(msgspec.Struct, omit_defaults=True, gc=False):
    """One article as a source describes it, in the words of `PUT /v1/items`.

    `id`: the source's own, where that is no address; without it the service makes one of the `url`.
    `tagged`: ids that the page's own tags of the tracker give.
    Times in epoch seconds, or text without an offset: the wall clock of the site.
    """

    url: str
    title: str
    id: str | None = None
    published_at: float | str | None = None
    modified_at: float | str | None = None
    summary: str | None = None
    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    language: str | None = None
    premium: bool | None = None
    image: str | None = None
    tagged: tuple[str, ...] = ()


@dataclass(slots=True)
class Document:
    """What a document holds: `entries` with their places in it (from 1), and addresses of further sitemaps.

    `faults`: place and reason of what could not be used. `passed_over`: entries that are no news.
    """

    kind: str
    entries: list[tuple[int, SourceEntry]] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    passed_over: int = 0

    def add(self, place: int, entry: SourceEntry) -> None:
        """Add an entry, or the reason why it is none."""
        if not entry.title:
            self.faults.append((place, "has no title"))
        elif not entry.url:
            self.faults.append((place, "has no http(s) address"))
        else:
            self.entries.append((place, entry))
