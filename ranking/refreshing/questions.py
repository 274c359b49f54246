"""The messages in which one process asks another about a list, and in which it is answered.

Only the process that ranks has a site's history in memory, so the others ask it, through the store. How it answers:
`ranking.refreshing.answers`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ranking.errors import InvalidQuestionError, NotFoundError
from ranking.reporting.item_history import ItemHistory
from ranking.reporting.today import Today
from ranking.reporting.top import TopOfRange
from ranking.watching.recent_views import RecentViews

#: How many rows of a list a preview shows at most.
MOST_SHOWN = 100


class Explain(msgspec.Struct, frozen=True, tag="explain"):
    """Why is `item` where it is in a list? `at` in epoch seconds; None: as last ranked.

    `section` is one, or the key of a reader's filter.
    """

    site: str
    list_name: str
    item: str
    section: str = ""
    at: float | None = None


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """What would a list be with `settings` (by their names in the file)? `at` as in `Explain`."""

    site: str
    list_name: str
    settings: dict[str, Any] = {}
    section: str = ""
    at: float | None = None
    limit: int | None = None


class Filtered(msgspec.Struct, frozen=True, tag="filtered"):
    """What is in a list under a reader's filter, whose key `section` is? The answer is a body, as one is published."""

    site: str
    list_name: str
    section: str


Report = TopOfRange | ItemHistory | Today
Question = Explain | Preview | Filtered | RecentViews | Report


class Reply(msgspec.Struct, frozen=True):
    """A document, or the name of the error that stands in its place and its sentence."""

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


def encoded_question(question: Question) -> bytes:
    """A question as bytes."""
    return _encoder.encode(question)


def decoded_question(content: bytes) -> Question:
    """The inverse of `encoded_question`."""
    question: Question = _questions.decode(content)
    return question


def encoded_reply(document: dict[str, Any] | Exception) -> bytes:
    """An answer, or the error in its place, as bytes."""
    if isinstance(document, Exception):
        name = next((name for name, kind in ERRORS.items() if isinstance(document, kind)), "failed")
        return _encoder.encode(Reply(error=name, detail=str(document)))
    return _encoder.encode(Reply(document=msgspec.Raw(_encoder.encode(document))))


def decoded_reply(content: bytes) -> bytes | None:
    """The document of a reply, as JSON; None where the answering process has failed.

    Raises:
        NotFoundError, InvalidQuestionError: as the answering process did.
    """
    reply = _replies.decode(content)
    if reply.error is not None and reply.error in ERRORS:
        raise ERRORS[reply.error](reply.detail)
    return bytes(reply.document) if reply.error is None else None
