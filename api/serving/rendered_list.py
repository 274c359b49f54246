"""A published list as JSON, rendered once per generation and joined per answer. Other formats use its content.

The rank and the score of an entry are rendered apart from its content: the rank is that within the answer (an excluded
or removed entry leaves no gap), and the score fades from one generation to the next while a reader sees no change. The
content alone makes the ETag; it is a weak one, as `age_s` and the scores may differ.

Each article page excludes itself, so there are as many different requests as articles. An excluded item that is not
among those shown changes nothing, so that one cached answer serves nearly all of them.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from api.http.compression import Pieces
from api.serving.date_labels import published_label
from api.serving.phrases import words_of
from ranking.intake.reader_filter import ReaderFilter, filter_from_key, shown_part
from ranking.published.cursor import Cursor, epoch_of, part_after, rest_of
from ranking.published.edits import places_under, with_pins
from ranking.published.orders import order_name
from ranking.published.snapshot import Entry, Stamp, decode_entries
from ranking.settings.sites import SiteSettings

MAX_CACHED_ANSWERS, MAX_CACHED_PAGES = 256, 32
NOWHERE = -1
_Excluded = AbstractSet[str]


class Query(NamedTuple):
    """The requested part of a list: at most `limit` entries, from the first or from `cursor` on.

    `limit` None: the list's size.
    """

    limit: int | None = None
    exclude: frozenset[str] = frozenset()
    cursor: Cursor | None = None


class Overlay(NamedTuple):
    """Edits that apply to one section of a list when it is read. Compared by identity.

    `hidden`: items to leave out; `pins`: position and entry, the latest first; `boosts`: factors of scores, in place of
    those that the list was ranked with.
    """

    hidden: AbstractSet[str]
    pins: Sequence[tuple[int, Entry]] = ()
    boosts: Mapping[str, float] = {}


NO_OVERLAY = Overlay(frozenset())


class RenderedRow(NamedTuple):
    """An entry, and its publish time as readers see it."""

    entry: Entry
    label: str


class Content(NamedTuple):
    """The content of an answer, for formats other than JSON. `before`: entries before the first row; epoch seconds.

    `choice`: what a reader asks of the items, its section included; `pending`: nobody has ranked that yet.
    """

    site: SiteSettings
    list: str
    title: str
    section: str
    generation: int
    generated_at: float
    before: int
    rows: Sequence[RenderedRow]
    following: str | None
    choice: ReaderFilter | None = None
    pending: bool = False


class Answer:
    """An answer without its age, which goes between its two pieces. `tag` names its content."""

    __slots__ = ("content", "kept", "pieces", "tag")

    def __init__(self, pieces: Pieces, tag: str, content: Content) -> None:
        self.pieces = pieces
        self.tag = tag
        self.content = content
        self.kept: dict[object, Any] = {}  # what was made from it last, by format

    def document(self, age_s: int, stale: bool) -> bytes:
        """The answer at this age (seconds)."""
        return self.pieces.whole([age_of(age_s, stale)])


def age_of(age_s: int, stale: bool) -> bytes:
    """The bytes between an answer's pieces."""
    return b'%d,"stale":%b,' % (age_s, b"true" if stale else b"false")


class _Fragment(NamedTuple):
    id: str
    row: RenderedRow
    place: int  # in the published order; NOWHERE for what is not in it
    content: bytes  # `,"id":…` up to the score
    score: bytes  # and how many times its usual it was read, which both fade
    mark: bytes  # names the content


class _Page(NamedTuple):
    """A first page without exclusions. `left`: eligible entries after it."""

    answer: Answer
    ids: frozenset[str]
    left: int


class RenderedList:
    """One section of one list at one generation, or what a reader's filter takes of it: then `section` is its key.

    `pending`: nobody has ranked what the filter takes yet. `paging_s`: lifetime of its cursors; `labelled_at`: the
    moment (epoch seconds) that its relative labels refer to.
    """

    def __init__(
        self,
        site: SiteSettings,
        section: str,
        generation: int,
        stamp: Stamp,
        body: bytes | None,
        paging_s: float = 0.0,
        labelled_at: float = 0.0,
    ) -> None:
        self.labelled_at = labelled_at
        self._site = site
        self._section = section
        self._choice = filter_from_key(section)
        self.pending = body is None and self._choice is not None
        self._generation = generation
        self._stamp = stamp
        self._paging_s = paging_s
        self._entries = decode_entries(body) if body is not None else []
        self._head = self._head_of(generation, stamp.generated_at)
        self._fragments: list[_Fragment] = []
        self._overlay: Overlay | None = None
        self._ranked: list[_Fragment] = []
        self._pinned: list[tuple[int, _Fragment]] = []
        self._listed: frozenset[str] = frozenset()
        self._pages: dict[int, _Page] = {}
        self._answers: dict[tuple[int, _Excluded], Answer] = {}

    @cached_property
    def ids(self) -> list[str]:
        """Item ids in the published order."""
        return [entry.id for entry in self._entries]

    @cached_property
    def order(self) -> str:
        """The name of that order."""
        return order_name(self._stamp.list, self._section, self.ids)

    @property
    def has_cursors(self) -> bool:
        """Whether a cursor was given out that names this order."""
        return "order" in vars(self)

    def answer(self, query: Query, overlay: Overlay = NO_OVERLAY) -> Answer:
        """The first page of `query`."""
        if overlay is not self._overlay:
            self._apply(overlay)
        limit = query.limit or self._stamp.size
        page = self._pages.get(limit)
        if page is None:
            if len(self._pages) >= MAX_CACHED_PAGES:
                self._pages.clear()
            page = self._pages[limit] = self._page(limit)
        exclude = query.exclude
        if not exclude or (page.ids.isdisjoint(exclude) and (not page.left or page.left > len(exclude))):
            return page.answer
        key = limit, exclude & self._listed
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) >= MAX_CACHED_ANSWERS:
                self._answers.clear()  # bounds the memory that strangers can fill
            found = self._answers[key] = self._first(limit, exclude)[0]
        return found

    def further(
        self, query: Query, cursor: Cursor, order: Sequence[str], entries: Mapping[str, Entry], overlay: Overlay
    ) -> Answer:
        """The page at `cursor` in `order`.

        Items are shown in their current state; `entries` holds those that have left the list.
        """
        if overlay is not self._overlay:
            self._apply(overlay)
        out = [item in overlay.hidden or item in query.exclude for item in order]
        part = part_after(cursor, out, query.limit or self._stamp.size)
        known = {each.id: each for each in self._ranked}
        shown = [known.get(order[place]) or self._fragment(entries[order[place]]) for place in part.places]
        following = None
        if part.reached is not None:
            shown_by_now = cursor.shown + len(shown)
            following = cursor._replace(shown=shown_by_now, reached=part.reached, ahead=part.ahead)
        head = self._head_of(cursor.generation, cursor.at)
        return self._joined(head, shown, cursor.shown, following, cursor.order)

    def missing(self, query: Query, cursor: Cursor, order: Sequence[str], overlay: Overlay) -> list[str]:
        """Items of the page at `cursor` that have left the list."""
        out = [item in overlay.hidden or item in query.exclude for item in order]
        known = set(self.ids)
        part = part_after(cursor, out, query.limit or self._stamp.size)
        return [order[place] for place in part.places if order[place] not in known]

    def _apply(self, overlay: Overlay) -> None:
        if not self._fragments:
            self._fragments = [self._fragment(entry, place) for place, entry in enumerate(self._entries)]
        self._ranked = self._boosted(overlay.boosts)
        own = {each.id: each for each in self._ranked}
        self._pinned = [
            (position, self._pin(own.get(entry.id), entry))
            for position, entry in overlay.pins
            if entry.id not in overlay.hidden
        ]
        self._listed = frozenset([*own, *(each.id for _, each in self._pinned)])
        self._pages.clear()
        self._answers.clear()
        self._overlay = overlay

    def _boosted(self, boosts: Mapping[str, float]) -> list[_Fragment]:
        """The entries in their order under `boosts` instead of those that they were ranked with."""
        ranked_with = self._stamp.boosts
        if boosts == ranked_with:
            return self._fragments
        return [
            self._fragments[place]._replace(score=_scored(score, self._entries[place].times_usual))
            if score != self._entries[place].score
            else self._fragments[place]
            for place, score in places_under(self._entries, ranked_with, boosts)
        ]

    def _pin(self, own: _Fragment | None, entry: Entry) -> _Fragment:
        if own is None:
            return self._fragment(entry)
        pinned = self._fragment(msgspec.structs.replace(self._entries[own.place], source="pinned"), own.place)
        return pinned._replace(score=own.score)

    def _page(self, limit: int) -> _Page:
        answer, shown, left = self._first(limit, frozenset())
        return _Page(answer, frozenset(each.id for each in shown), left)

    def _first(self, limit: int, exclude: _Excluded) -> tuple[Answer, list[_Fragment], int]:
        """A first page, its fragments, and the number of entries after it."""
        hidden = self._overlay.hidden if self._overlay else frozenset()
        pins = [each for each in self._pinned if each[1].id not in exclude]
        apart = {each.id for _, each in pins}
        ranked = (
            each for each in self._ranked if each.id not in hidden and each.id not in exclude and each.id not in apart
        )
        shown = with_pins(ranked, pins, limit)
        out = [entry.id in hidden or entry.id in exclude for entry in self._entries]
        answered = {each.place for each in shown if each.place != NOWHERE}
        part = rest_of(out, answered, ())
        following: Cursor | None = None
        since: int | str = 0
        if part.reached is not None:
            at = self._stamp.generated_at
            following = Cursor(self._generation, at, self.order, len(shown), part.reached, part.ahead)
            since = epoch_of(at, self._paging_s) if self._paging_s else self.order
        answer = self._joined(self._head, shown, 0, following, since)
        return answer, shown, out.count(False) - len(answered)

    def _joined(
        self,
        head: bytes,
        shown: Collection[_Fragment],
        before: int,
        following: Cursor | None,
        since: int | str,
    ) -> Answer:
        """`since` names the validity of a cursor in the answer, as part of its content."""
        items = b",".join(
            b'{"rank":%d%b,"score":%b}' % (rank, each.content, each.score)
            for rank, each in enumerate(shown, before + 1)
        )
        stamp, next_cursor, words = self._stamp, following and following.text(), words_of(self._site.locale)
        labels = {
            "more_label": words.more,
            "views_label": words.views,
            "language": self._site.locale.replace("_", "-"),
            "views_span_s": stamp.views_span_s,
            **({"pending": True} if self.pending else {}),
        }
        after = b'"config_version":%b,"items":[%b],"next":%b,%b' % (
            msgspec.json.encode(stamp.config_version),
            items,
            msgspec.json.encode(next_cursor),
            msgspec.json.encode(labels)[1:],
        )
        named = [stamp.list, stamp.title, words.more, self._section, stamp.config_version, before, following and since]
        named += ["pending"] if self.pending else []
        tag = hashlib.blake2b(msgspec.json.encode(named), digest_size=12)
        for each in shown:
            tag.update(each.mark)
        rows = tuple(each.row for each in shown)
        content = Content(
            self._site,
            stamp.list,
            stamp.title,
            "" if self._choice else self._section,
            self._generation,
            stamp.generated_at,
            before,
            rows,
            next_cursor,
            self._choice,
            self.pending,
        )
        return Answer(Pieces([head, after]), tag.hexdigest(), content)

    def _head_of(self, generation: int, generated_at: float) -> bytes:
        head = {
            "list": self._stamp.list,
            "site": self._site.id,
            **shown_part(self._section),
            "title": self._stamp.title,
            "generation": generation,
            "generated_at": generated_at,
        }
        return msgspec.json.encode(head)[:-1] + b',"age_s":'

    def _fragment(self, entry: Entry, place: int = NOWHERE) -> _Fragment:
        row = RenderedRow(entry, published_label(entry.published_at, self._site, self.labelled_at))
        shown = {
            "id": entry.id,
            "title": entry.title,
            "url": entry.url,
            "section": entry.section,
            "published_at": entry.published_at,
            "published_label": row.label,
            "image": entry.image,
            "views": entry.views,
            "previous_rank": entry.previous_rank,
            "is_new": entry.is_new,
            "source": entry.source,
        }
        content = b"," + msgspec.json.encode(shown)[1:-1]
        mark = hashlib.blake2b(content, digest_size=12).digest()
        return _Fragment(entry.id, row, place, content, _scored(entry.score, entry.times_usual), mark)


def _scored(score: float | None, times_usual: float | None) -> bytes:
    encoded = msgspec.json.encode(score)
    return encoded if times_usual is None else b'%b,"times_usual":%b' % (encoded, msgspec.json.encode(times_usual))
