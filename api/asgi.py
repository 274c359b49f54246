"""Reading a request and sending an answer in plain ASGI, for the paths that a framework would slow down."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from api.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")


class ClientGone(Exception):  # noqa: N818 - it is an outcome, not an error
    """The client hung up before its request was complete; there is nobody to answer."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def query(scope: Scope) -> list[tuple[str, str]]:
    """The query string's names and values, in order."""
    raw = scope["query_string"]
    return parse_qsl(raw.decode("latin-1"), keep_blank_values=True) if raw else []


async def body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes, declared or chunked.

    Raises:
        Problem: 413, the body is longer.
        ClientGone: the client hung up.
    """
    declared = header(scope, b"content-length")
    if declared is not None:
        if not declared.isdigit():
            raise Problem(400, "bad Content-Length", "expected a number of bytes")
        if int(declared) > limit:
            raise too_large(limit)
    first = await receive()
    if first["type"] != "http.request":
        raise ClientGone
    content: bytes = first.get("body", b"")
    if not first.get("more_body"):
        if len(content) > limit:
            raise too_large(limit)
        return content
    parts, size = [content], len(content)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def answer(send: Send, status: int, headers: Headers, content: bytes) -> None:
    """Send a whole answer."""
    length = [(b"content-length", str(len(content)).encode())] if status != 204 else []
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": content})


def too_large(limit: int) -> Problem:
    """The answer to a body over the limit."""
    return Problem(413, "body too large", f"the body is over {limit} bytes (ingest.max_body): send smaller batches")
