"""What a site's pages embed: `/populer.js`, under a short-lived name and, for good, under the hash of its content.

The file is served as it is written but for comments and white space, so there is no build step, and is packed once per
process. A page that names the hash gets the same bytes for ever or, after an update of the service, is sent to the
current file; with `integrity` in its tag a browser refuses that one, and the page stays as the site has rendered it.
"""

import base64
import gzip
import hashlib
import html
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response

from api.http.assets import FOR_ALL_PAGES, FOR_AN_HOUR, FOR_GOOD, NAME_CHARS, accepts_gzip

SCRIPT: Final = Path(__file__).parents[1] / "static" / "populer.js"
"""Of the hash in hex: 64 bits tell the versions of one file apart."""

SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The script.", "content": {"text/javascript": {}}},
    304: {"description": "The one that the reader has is the current one."},
}
MOVED: dict[int | str, dict[str, Any]] = {307: {"description": "A script of another version: here is the current one."}}


class ServedScript(NamedTuple):
    """The script as it is sent: plain and as gzip, its name by content, and its SRI hash."""

    content: bytes
    packed: bytes
    name: str
    integrity: str


@cache
def script() -> ServedScript:
    """The script of this version."""
    content = tightened(SCRIPT.read_text(encoding="utf-8")).encode()
    name = hashlib.sha256(content).hexdigest()[:NAME_CHARS]
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    return ServedScript(content, gzip.compress(content, 9, mtime=0), name, integrity)


#: What is one piece: strings, and texts between backticks, which may run over several lines.
QUOTED: Final = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)""")
OPERATOR: Final = re.compile(r" *([-+*/=<>!&|?:,;(){}[\]]+) *")
LINE_END: Final = re.compile(r"(?<=[{};,])\n")


def tightened(source: str) -> str:
    """`source` without comments that have a line of their own, and without white space that says nothing.

    It reads strings and nothing else of JavaScript: a regular expression may have no blank beside an operator and no
    quote in it, a text between backticks no line that begins with `//`, and statements end with a semicolon.

    >>> tightened("f((a) => {\\n  // why\\n  g(a + ' = ', 1);\\n});\\n")
    "f((a)=>{g(a+' = ',1)});"
    """
    lines = (line.strip() for line in source.splitlines())
    pieces = QUOTED.split("".join(f"{line}\n" for line in lines if line and not line.startswith("//")))
    pieces[::2] = [LINE_END.sub("", OPERATOR.sub(r"\1", piece)).replace(";}", "}") for piece in pieces[::2]]
    return "".join(pieces)


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pages"])
    name_now = script().name

    @routes.head("/populer.js", include_in_schema=False)
    @routes.get("/populer.js", summary="The script that pages embed", response_class=Response, responses=SENT)
    async def current(request: Request) -> Response:
        return _sent(request, FOR_AN_HOUR)

    @routes.head("/populer.{name}.js", include_in_schema=False)
    @routes.get(
        "/populer.{name}.js",
        summary="The script under the name of its content",
        response_class=Response,
        responses=SENT | MOVED,
    )
    async def named(request: Request, name: str) -> Response:
        if name == name_now:
            return _sent(request, FOR_GOOD)
        return Response(
            status_code=307, headers={"location": "populer.js", "cache-control": "no-store", **FOR_ALL_PAGES}
        )

    @routes.get("/populer.js.json", summary="What to paste into a page")
    async def about(request: Request, response: Response) -> dict[str, Any]:
        response.headers["cache-control"] = "no-store"  # it repeats the Host that it was asked by
        return described(_address(request))

    return routes


def described(address: str) -> dict[str, Any]:
    """The script's addresses below `address`, its hash, and the lines of HTML that embed it."""
    found = script()
    current, pinned = f"{address}/populer.js", f"{address}/populer.{found.name}.js"
    item = '<script async src="{}"{} data-item="ID"></script>'
    lists = '<populer-list list="populer"></populer-list>'
    kept = f' integrity="{found.integrity}" crossorigin'
    return {
        "url": current,
        "immutable_url": pinned,
        "integrity": found.integrity,
        "bytes": len(found.content),
        "gzip_bytes": len(found.packed),
        "html": [item.format(html.escape(current), ""), lists],
        "pinned_html": [item.format(html.escape(pinned), kept), lists],
    }


def _sent(request: Request, cache_control: str) -> Response:
    found = script()
    packed = accepts_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{found.name}-gzip"' if packed else f'"{found.name}"'
    headers = {"cache-control": cache_control, "etag": tag, "vary": "accept-encoding", **FOR_ALL_PAGES}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers |= {"x-content-type-options": "nosniff", **({"content-encoding": "gzip"} if packed else {})}
    content = found.packed if packed else found.content
    return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)


def _address(request: Request) -> str:
    """Where this service is, as the one who asks sees it; a proxy says the scheme."""
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else request.url.scheme
    return f"{scheme}://{request.headers.get('host', 'localhost')}{request.scope.get('root_path', '')}"
