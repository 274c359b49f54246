"""Core error -> HTTP answer, in one table. HTTP status codes of errors exist only here and where a `Problem` is raised.

Errors are answered as problem+json (RFC 9457). The detail is a sentence that says what to do.
"""

from typing import Any

import msgspec

from ranking.errors import (
    ChangedSinceError,
    GoneError,
    InvalidCursorError,
    InvalidEditError,
    InvalidEventError,
    InvalidItemError,
    InvalidQuestionError,
    KeyReusedError,
    NotFoundError,
    NotReadyError,
    PopulerError,
    StoreRefusedError,
    StoreUnavailableError,
    TooManyEditsError,
)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

#: error -> status, title, seconds after which trying again makes sense (None: it does not)
TABLE: dict[type[PopulerError], tuple[int, str, int | None]] = {
    InvalidEventError: (422, "invalid event", None),
    KeyReusedError: (422, "idempotency key reused", None),
    InvalidItemError: (422, "invalid item", None),
    InvalidQuestionError: (422, "invalid question", None),
    InvalidEditError: (422, "invalid edit", None),
    ChangedSinceError: (409, "changed since", None),
    TooManyEditsError: (409, "too many edits", None),
    InvalidCursorError: (400, "unknown cursor", None),
    GoneError: (410, "gone", None),
    NotFoundError: (404, "not found", None),
    NotReadyError: (503, "not ready", RETRY_AFTER_S),
    StoreUnavailableError: (503, "the store does not answer", RETRY_AFTER_S),
    StoreRefusedError: (503, "the store takes no more", 30),
}


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An error answer. `members` are added to the document."""

    def __init__(
        self, status: int, title: str, detail: str, *, retry_after_s: int | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.members = members

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of the answer."""
        headers = [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")]
        if self.retry_after_s is not None:
            headers.append((b"retry-after", str(self.retry_after_s).encode()))
        if self.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        return headers

    @property
    def body(self) -> bytes:
        """The document."""
        document = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        return msgspec.json.encode({**document, **self.members})


def fault() -> Problem:
    """The answer to what nobody foresaw."""
    return Problem(500, "internal error", "this is a fault of the service; its log says more")


def problem_of(error: PopulerError) -> Problem:
    """The problem for an error of the core."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            status, title, retry_after_s = TABLE[kind]
            return Problem(status, title, str(error), retry_after_s=retry_after_s)
    return fault()


def plain_sentence(error: Exception) -> str:
    """A decoder's sentence with the field first: "item: Expected `str`, got `int`"."""
    message, _, path = str(error).partition(" - at `$")
    where = path.rstrip("`").lstrip(".")
    return f"{where}: {message}" if where else message
