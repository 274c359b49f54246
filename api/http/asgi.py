"""Reading a request and sending an answer in plain ASGI, for the paths that a framework would slow down."""

import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from api.http.problems import Problem
from api.http.trace import TRACE, trace_header

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

#: zlib's name for a gzip header and trailer.
GZIP = 31
PACKED_TAG = re.compile(rb'-(?:gzip|br|zstd|deflate)"\Z')
#: The extension of a server that sends a whole answer at once; see `connections`.
AT_ONCE = "populer.at_once"
#: The extension of a server that can cut a connection, whatever waits to be sent.
CUT = "populer.cut"
#: The extension that tells whether the server has cut the connection by itself.
WAS_CUT = "populer.was_cut"
#: Where a scope says what a whole answer's status was, which no `send` has seen.
STATUS = "populer.status"
NO_EXTENSIONS: Mapping[str, Any] = {}
#: Limit of gzip members in a body: fifty thousand empty ones would keep a worker busy for half a second.
MAX_MEMBERS = 100
#: What a gzip body may hold, however small it is.
ANY_RATIO_BYTES = 65_536
TOO_DENSE = Problem(
    413,
    "body too large",
    "the gzip body inflates to far more than events do, and may be an attack on ingest.max_body: send it plain",
)
JSON = (b"content-type", b"application/json")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class ClientGone(Exception):  # noqa: N818 - it is an outcome, not an error
    """The client hung up before its request was complete. Nothing is answered."""


class _OverLimitError(Exception):
    """A body inflates to more than it may."""


def headers(scope: Scope) -> dict[bytes, bytes]:
    """The request's headers by their names in lower case; of one that is repeated, the last."""
    return dict(scope["headers"])


def query(scope: Scope) -> list[tuple[str, str]]:
    """The query string's names and values, in order; read as Latin-1 where it is no UTF-8: two spellings stay two."""
    raw = scope["query_string"]
    if not raw:
        return []
    text = raw.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return parse_qsl(text, keep_blank_values=True, encoding="latin-1")


async def body(given: Mapping[bytes, bytes], receive: Receive, limit: int, ratio: int | None = None) -> bytes:
    """The whole body, inflated where it came as gzip; at most `limit` bytes either way, declared or chunked.

    `given` are the request's headers. `ratio`: how many times its size a gzip body may have, beyond `ANY_RATIO_BYTES`.

    Raises:
        Problem: 413, the body is longer; 415, another encoding; 400, it is not what it says.
        ClientGone: the client hung up.
    """
    declared = given.get(b"content-length")
    if declared is not None:
        if not declared.isdigit():
            raise Problem(400, "bad Content-Length", "expected a number of bytes")
        if int(declared) > limit:
            raise too_large(limit)
    message = await receive()
    content: bytes = message.get("body", b"")
    if message["type"] != "http.request" or message.get("more_body") or len(content) > limit:
        content = await _received(message, receive, limit)
    encoding = given.get(b"content-encoding")
    if encoding is None or encoding.lower() == b"identity":
        return content
    if encoding.lower() not in (b"gzip", b"x-gzip"):
        raise Problem(415, "unknown encoding", "the body may be plain or gzip (Content-Encoding)")
    dense = limit if ratio is None else max(ANY_RATIO_BYTES, ratio * len(content))
    try:
        return _inflated(content, min(limit, dense))
    except _OverLimitError:
        raise too_large(limit) if limit <= dense else TOO_DENSE from None


async def _received(message: Message, receive: Receive, limit: int) -> bytes:
    """The body that begins with `message`."""
    content = bytearray()
    while message["type"] == "http.request":
        content += message.get("body", b"")
        if len(content) > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return bytes(content)
        message = await receive()
    raise ClientGone


def _inflated(content: bytes, limit: int) -> bytes:
    """A gzip body of several members. Never more than a byte over `limit` is inflated.

    Raises:
        Problem: 400, it is no gzip.
        _OverLimitError: there is more.
    """
    inflated = b""
    members = 0
    while content:
        members += 1
        if members > MAX_MEMBERS:
            raise Problem(400, "bad gzip", f"the gzip body has more than {MAX_MEMBERS} members")
        member = zlib.decompressobj(wbits=GZIP)
        try:
            inflated += member.decompress(content, limit + 1 - len(inflated))
        except zlib.error:
            raise Problem(400, "bad gzip", "the body says it is gzip (Content-Encoding) and is not") from None
        if len(inflated) > limit:
            raise _OverLimitError
        if not member.eof:
            raise Problem(400, "bad gzip", "the gzip body breaks off")
        content = member.unused_data
    return inflated


def etag_matches(if_none_match: bytes, tag: bytes) -> bool:
    """Whether If-None-Match names `tag`. The comparison is the weak one, as GET requires (RFC 9110, 13.1.2).

    A server in between that packs bodies writes how into the tag, as Apache does, and hands it back so.

    >>> etag_matches(b'W/"a", "b"', b'"b"'), etag_matches(b'"a"', b'W/"a"'), etag_matches(b"*", b'"a"')
    (True, True, True)
    >>> etag_matches(b'"a-gzip"', b'"a"'), etag_matches(b"", b'"a"'), etag_matches(b'"a-old"', b'"a"')
    (True, False, False)
    >>> etag_matches(b'"a-gzip"', b'"a-gzip"')
    True
    """
    bare = tag.removeprefix(b"W/")
    given = [each.strip().removeprefix(b"W/") for each in if_none_match.split(b",")]
    return if_none_match.strip() == b"*" or bare in given or bare in (PACKED_TAG.sub(b'"', each) for each in given)


async def answer(send: Send, status: int, headers: Headers, content: bytes) -> None:
    """Send a whole answer, which no browser takes for anything but what it says it is."""
    length = [(b"content-length", str(len(content)).encode())] if status != 204 else []
    await send({"type": "http.response.start", "status": status, "headers": [*unsniffed(headers), *length]})
    await send({"type": "http.response.body", "body": content})


def unsniffed(headers: Headers) -> Headers:
    """`headers`, and that the content is of the type that they name."""
    names = {name for name, _ in headers}
    return [*headers, NO_SNIFFING] if b"content-type" in names and NO_SNIFFING[0] not in names else headers


class Prepared:
    """A whole answer that is sent again and again."""

    __slots__ = ("content", "headers", "rest", "status")

    def __init__(self, status: int, headers: Headers, content: bytes) -> None:
        self.status = status
        self.content = content
        length = [(b"content-length", str(len(content)).encode())] if status != 304 else []
        self.headers = [*unsniffed(headers), *length]
        #: What follows the status line and the headers that all answers have.
        self.rest = b"".join([*(b"%b: %b\r\n" % header for header in self.headers), b"\r\n", content])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any request: an application."""
        headers = [*self.headers, trace_header(scope[TRACE])] if TRACE in scope else self.headers
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.content})

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer the request of `scope`."""
        scope[STATUS] = self.status
        at_once = scope.get("extensions", NO_EXTENSIONS).get(AT_ONCE)
        if at_once is None or not at_once(self):
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.content})


def too_large(limit: int) -> Problem:
    """The answer to a body over the limit."""
    return Problem(413, "body too large", f"the body is over {limit} bytes (ingest.max_body): send smaller batches")


ANY_ORIGIN = (b"access-control-allow-origin", b"*")
