"""Static files as they are sent: under names made of their content, compressed once per process.

Every file goes out plain, as gzip and as Brotli, at the highest level of each: they are small, and sent far more often
than they are compressed (0.1 s for the largest, in a thread, at the first request for it). A name that is made of the
content can be cached for good; under any other name a file is cached briefly or revalidated.
"""

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

import brotli
from starlette.requests import Request
from starlette.responses import Response

from api.http.asgi import etag_matches
from api.http.compression import BROTLI, PLAIN, coding_of
from ranking.times import DAY_S, HOUR_S

STATIC: Final = Path(__file__).parents[1] / "static"
TYPES: Final[Mapping[str, str]] = MappingProxyType({
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
})  # fmt: skip
NAME_CHARS: Final = 16
"""Of the hash in hex: 64 bits distinguish the versions of one file."""

YEAR_S = 365 * DAY_S
FOR_AN_HOUR = f"public, max-age={HOUR_S}, stale-while-revalidate={DAY_S}, stale-if-error={DAY_S}"
FOR_GOOD = f"public, max-age={YEAR_S}, immutable"
#: Lets pages of every other origin load a file, also those with COEP or `crossorigin` on the tag.
FOR_ALL_PAGES: Final[Mapping[str, str]] = MappingProxyType({
    "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin",
})  # fmt: skip
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Asset:
    """One file. `name` is that of its content."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.name = name_of(content)
        self._bodies = {PLAIN: content}

    @cached_property
    def integrity(self) -> str:
        """Its hash as the `integrity` of a tag (Subresource Integrity)."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()

    def body(self, coding: str) -> bytes:
        """The content under a content coding."""
        body = self._bodies.get(coding)
        if body is None:
            compressed = brotli.compress(self.content) if coding == BROTLI else gzip.compress(self.content, 9, mtime=0)
            body = self._bodies[coding] = compressed
        return body

    async def response(self, request: Request, cache_control: str, headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """The answer to a request for it: 304 where the client has it. `headers` go along."""
        coding = coding_of(request.headers.get("accept-encoding", "").encode("latin-1"))
        tag = f'"{self.name}-{coding}"' if coding else f'"{self.name}"'
        sent = {**headers, "cache-control": cache_control, "etag": tag, "vary": "accept-encoding"}
        if etag_matches(request.headers.get("if-none-match", "").encode("latin-1"), tag.encode()):
            return Response(status_code=304, headers=sent)
        sent |= {"x-content-type-options": "nosniff", **({"content-encoding": coding} if coding else {})}
        body = self._bodies.get(coding) or await asyncio.to_thread(self.body, coding)
        return Response(body, media_type=self.media_type, headers=sent)


def name_of(content: bytes) -> str:
    """The name of a content: the start of its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()[:NAME_CHARS]


@cache
def asset_in(path: Path) -> Asset:
    """The asset of a file."""
    return Asset(path.read_bytes(), TYPES[path.suffix])


def stylesheet() -> Asset:
    """The stylesheet of list pages."""
    return asset_in(STATIC / "page.css")


def stylesheet_path() -> str:
    """Its path, under the name of its content, below the service's address."""
    return f"populer.{stylesheet().name}.css"
