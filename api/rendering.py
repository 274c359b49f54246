"""A published list as JSON, rendered once per generation and joined per answer.

An entry is rendered without its rank and its score apart, because the rank is that within the answer (an excluded
or taken-down entry leaves no gap) and the score fades from one generation to the next while nothing a reader sees
changes. What is left names the content: it makes the ETag, a weak one, as `age_s` and the scores may differ.
"""

import hashlib
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from api.labels import published_label
from ranking.settings import SiteSettings
from ranking.snapshot import Entry, Stamp, decode_entries

MAX_CACHED_ANSWERS = 256


class Query(NamedTuple):
    """Which part of a list is asked for. `offset` entries are passed over, at most `limit` are answered."""

    limit: int
    offset: int
    exclude: frozenset[str]


class Answer(NamedTuple):
    """An answer but for its age: `before`, then `,"age_s":…,"stale":…`, then `after`; `tag` names its content."""

    before: bytes
    after: bytes
    tag: str


class _Fragment(NamedTuple):
    id: str
    content: bytes  # `,"id":…` up to the score
    score: bytes


class RenderedList:
    """One section of one list at one generation."""

    def __init__(self, site: SiteSettings, section: str, generation: int, stamp: Stamp, body: bytes | None) -> None:
        self._site = site
        self._section = section
        self._generation = generation
        self._stamp = stamp
        self._entries = decode_entries(body) if body is not None else []
        self._fragments: list[_Fragment] | None = None
        self._answers: dict[tuple[Query, AbstractSet[str]], Answer] = {}

    def answer(self, query: Query, removed: AbstractSet[str]) -> Answer:
        """The part of the list that `query` asks for, without the entries in `removed`."""
        key = (query, removed)
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) >= MAX_CACHED_ANSWERS:
                self._answers.clear()  # a stranger's `exclude` may not fill the memory
            found = self._answers[key] = self._joined(query, removed)
        return found

    def _joined(self, query: Query, removed: AbstractSet[str]) -> Answer:
        if self._fragments is None:
            self._fragments = [_fragment(entry, self._site) for entry in self._entries]
        kept = [each for each in self._fragments if each.id not in removed and each.id not in query.exclude]
        page = kept[query.offset : query.offset + query.limit]
        end = query.offset + len(page)
        following = f"{self._generation}.{end}" if page and end < len(kept) else None
        stamp = self._stamp
        head = {
            "list": stamp.list,
            "site": self._site.id,
            "section": self._section or None,
            "title": stamp.title,
            "generation": self._generation,
            "generated_at": stamp.generated_at,
        }
        items = b",".join(
            b'{"rank":%d%b,"score":%b}' % (rank, each.content, each.score)
            for rank, each in enumerate(page, query.offset + 1)
        )
        after = b',"config_version":%b,"items":[%b],"next":%b}' % (
            msgspec.json.encode(stamp.config_version),
            items,
            msgspec.json.encode(following),
        )
        named = [stamp.list, stamp.title, self._section, stamp.config_version, query.offset, following is None]
        tag = hashlib.blake2b(msgspec.json.encode(named), digest_size=12)
        for each in page:
            tag.update(each.content)
        return Answer(msgspec.json.encode(head)[:-1], after, tag.hexdigest())


def _fragment(entry: Entry, site: SiteSettings) -> _Fragment:
    shown = {
        "id": entry.id,
        "title": entry.title,
        "url": entry.url,
        "section": entry.section,
        "published_at": entry.published_at,
        "published_label": published_label(entry.published_at, site),
        "image": entry.image,
        "views": entry.views,
        "previous_rank": entry.previous_rank,
        "is_new": entry.is_new,
        "source": entry.source,
    }
    return _Fragment(entry.id, b"," + msgspec.json.encode(shown)[1:-1], msgspec.json.encode(entry.score))
