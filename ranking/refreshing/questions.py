"""Questions about a list that take the whole history to answer: why is this item here, what would that setting do.

Only the process that ranks has a site's history in memory, so the others ask it, through the store. What is answered is
of the moment that the lists were last ranked for, from the very counts that they were ranked by, unless a past moment
is asked about. Nothing is published.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ranking.errors import InvalidQuestionError, NotFoundError
from ranking.lists.explain import Explanation, explain
from ranking.lists.ranker import Ranker, Ranking, entries
from ranking.published.snapshot import Entry
from ranking.refreshing.site_view import SiteView
from ranking.scoring import describe
from ranking.settings.lists import ListSettings, with_changes
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.watching.recent_views import RecentViews

MOST_SHOWN = 100


class Explain(msgspec.Struct, frozen=True, tag="explain"):
    """Why is `item` where it is in a list? `at` in epoch seconds; None: as last ranked."""

    site: str
    list_name: str
    item: str
    section: str = ""
    at: float | None = None


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """What would a list be with `settings` (by their names in the file), beside what it is? `at` as above."""

    site: str
    list_name: str
    settings: dict[str, Any] = {}
    section: str = ""
    at: float | None = None
    limit: int | None = None


Question = Explain | Preview | RecentViews


class QuestionContext(NamedTuple):
    """What an answer is drawn from; `ranker` is of the moment that is asked about."""

    store: Store
    view: SiteView
    settings: Settings
    ranker: Ranker


async def answer(asked: QuestionContext, question: Explain | Preview) -> dict[str, Any]:
    """The answer as a JSON document.

    Raises:
        NotFoundError: no such list, section or item.
        InvalidQuestionError: a setting that no list has, or a value that it cannot have.
    """
    of_list = asked.settings.lists.get(question.list_name)
    if of_list is None:
        there = ", ".join(asked.settings.lists)
        raise NotFoundError(f"no list is called {question.list_name!r}; there are {there}")
    if isinstance(question, Explain):
        return await _explained(asked, question, of_list)
    return await _previewed(asked, question, of_list)


async def _explained(asked: QuestionContext, question: Explain, of_list: ListSettings) -> dict[str, Any]:
    shadows = await asked.store.counts.shadows(question.site, question.item)
    found = explain(asked.ranker, question.item, question.list_name, of_list, question.section, shadows)
    if found is None:
        raise NotFoundError(f"nothing is known of item {question.item!r}: no event and no description")
    (item,) = await asked.store.items.get_items(question.site, [question.item])
    title = item.title if item is not None and item.title else question.item
    return {"title": title, "config_version": asked.settings.config_version, **document(found)}


def document(found: Explanation) -> dict[str, Any]:
    """An explanation in the words of the API."""
    fields = found._asdict()
    channels = [
        {**channel._asdict(), "buckets": [bucket._asdict() for bucket in channel.buckets]} for channel in found.channels
    ]
    neighbours = {side: each and each._asdict() for side, each in (("above", found.above), ("below", found.below))}
    plain = {name: [each._asdict() for each in fields[name]] for name in ("terms", "moves")}
    return {**fields, "list": fields.pop("list_name"), "channels": channels, **neighbours, **plain}


async def _previewed(asked: QuestionContext, question: Preview, of_list: ListSettings) -> dict[str, Any]:
    try:
        changed = with_changes(of_list, question.settings)
    except ValueError as error:
        raise InvalidQuestionError(f"settings.{error}") from None
    boosts = asked.ranker.boosts_of(question.list_name)
    live, other = (asked.ranker.rank(each, question.section, boosts) for each in (of_list, changed))
    limit = min(question.limit or max(of_list.size, changed.size), MOST_SHOWN)
    rows = {row for each in (live, other) for row in each.rows[:limit].tolist()}
    details = await asked.view.details(asked.store, rows)

    def shown(ranking: Ranking, settings: ListSettings) -> list[Entry]:
        visible = ranking._replace(rows=ranking.rows[:limit])
        return entries(visible, settings, asked.ranker.views, asked.ranker.published, details)

    now, then = shown(live, of_list), shown(other, changed)
    ages_s = describe.ages_for(of_list, changed)
    return {
        "list": question.list_name,
        "site": question.site,
        "section": question.section or None,
        "at": asked.ranker.moment.at,
        "settings": question.settings,
        "live": [_plain(entry) for entry in now],
        "preview": [_moved(entry, live.rows.tolist(), other.rows.tolist()) for entry in then],
        "entered": _only(then, now),
        "left": _only(now, then),
        "decay": {
            "ages_s": ages_s.tolist(),
            "live": describe.curve(of_list, ages_s),
            "preview": describe.curve(changed, ages_s),
            "live_words": describe.in_words(of_list),
            "preview_words": describe.in_words(changed),
        },
    }


def _plain(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(entry)
    return found


def _moved(entry: Entry, live: Sequence[int], other: Sequence[int]) -> dict[str, Any]:
    """An entry with its rank in the live list, and how many places it has risen against it."""
    row = other[entry.rank - 1]
    rank = live.index(row) + 1 if row in live else None
    return {**_plain(entry), "live_rank": rank, "move": None if rank is None else rank - entry.rank}


def _only(these: Sequence[Entry], those: Sequence[Entry]) -> list[str]:
    there = {entry.id for entry in those}
    return [entry.id for entry in these if entry.id not in there]


class Reply(msgspec.Struct, frozen=True):
    """What comes back: a document, or why there is none, as the name of an error and its sentence."""

    document: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    detail: str = ""


ERRORS: Mapping[str, type[NotFoundError | InvalidQuestionError]] = {
    "not found": NotFoundError,
    "invalid": InvalidQuestionError,
}

_encoder = msgspec.json.Encoder()
_questions = msgspec.json.Decoder(Question)
_replies = msgspec.json.Decoder(Reply)


def encoded(question: Question) -> bytes:
    """A question on its way."""
    return _encoder.encode(question)


def decoded(content: bytes) -> Question:
    """The inverse of `encoded`."""
    found: Question = _questions.decode(content)
    return found


def reply_of(document: dict[str, Any] | Exception) -> bytes:
    """An answer on its way back, or the error that there is in its place."""
    if isinstance(document, Exception):
        name = next((name for name, kind in ERRORS.items() if isinstance(document, kind)), "failed")
        return _encoder.encode(Reply(error=name, detail=str(document)))
    return _encoder.encode(Reply(document=msgspec.Raw(_encoder.encode(document))))


def document_of(content: bytes) -> bytes | None:
    """The document of a reply, as JSON; None where the one who was asked has failed.

    Raises:
        NotFoundError, InvalidQuestionError: as the one who was asked did.
    """
    reply = _replies.decode(content)
    if reply.error is not None and reply.error in ERRORS:
        raise ERRORS[reply.error](reply.detail)
    return bytes(reply.document) if reply.error is None else None
