"""JSON body -> struct, or a problem: the same fault has the same status on every route.

400  the body is not JSON
422  it is JSON of another shape, or a value cannot be used
413, 415  it is too large, or encoded otherwise (`asgi.body`)
"""

from datetime import tzinfo
from typing import TypeVar

import msgspec
from starlette.requests import Request

from api.http import asgi
from api.http.problems import Problem, plain_sentence
from ranking.times import parse_moment

T = TypeVar("T")
Moment = float | str | None
"""A moment as requests write it: epoch seconds or ISO 8601."""


async def json_body(request: Request, shape: type[T], limit: int, *, empty: T | None = None) -> T:
    """The request's body of at most `limit` bytes; `empty` stands for an absent one.

    Raises:
        Problem: 400, 413, 415 or 422, see the module's docstring.
        ClientGone: the client hung up.
    """
    content = await asgi.body(asgi.headers(request.scope), request.receive, limit)
    if empty is not None and not content.strip():
        return empty
    return from_json(content, shape)


def from_json(content: bytes | msgspec.Raw, shape: type[T]) -> T:
    """`content` as a `shape`.

    Raises:
        Problem: 400, it is not JSON; 422, it is JSON of another shape.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.ValidationError as error:
        if is_json(content):  # the decoder stops at the first fault, and the rest may not be JSON
            raise Problem(422, "invalid body", plain_sentence(error)) from None
        raise Problem(400, "malformed JSON", plain_sentence(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "malformed JSON", str(error)) from None


def is_json(content: bytes | msgspec.Raw) -> bool:
    """Whether all of `content` is one JSON value."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def moment_from(given: Moment, name: str, zone: tzinfo) -> float | None:
    """Epoch seconds of `given`; an ISO time without an offset is in `zone`. `name` is that of the field.

    Raises:
        Problem: 422, it is no moment between 1970 and 9999.
    """
    if given is None:
        return None
    try:
        return parse_moment(given if isinstance(given, str) else repr(given), zone)
    except ValueError as error:
        raise Problem(422, f"invalid {name}", f"{name}: expected {error}, found {given!r:.80}") from None
