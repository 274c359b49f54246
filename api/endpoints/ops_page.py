"""`/ops`: the page for whoever looks after the lists, and the few files that it is made of.

What everybody may see of it is rendered here: the form that asks for the admin key, and the page's frame. All else
comes from `/v1/…` once there is a key. The key is kept by the tab alone (sessionStorage) and sent as a header by the
page's script: a browser never sends it by itself, so no other site can make one act for an editor, and it is in no
address, no log and no cookie. Rejected: a cookie, which would need a token against forged requests on every change, and
a store of sessions. What could steal a key from a tab is somebody else's script: the policy below lets none in.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.context import CurrentContext
from api.http.assets import NAME_CHARS, accepts_gzip
from api.http.problems import Problem

FOLDER: Final = Path(__file__).parents[1] / "static" / "ops"
PAGE: Final = "page.html"
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class PageFile(NamedTuple):
    """A file of the page, plain and as gzip; `name` is that of its content."""

    content: bytes
    packed: bytes
    content_type: str
    name: str


@cache
def parts() -> dict[str, PageFile]:
    """The page's files by name."""
    found = {}
    for file in sorted(FOLDER.iterdir()):
        if file.suffix in TYPES:
            content = file.read_bytes()
            name = hashlib.sha256(content).hexdigest()[:NAME_CHARS]
            packed = gzip.compress(content, 9, mtime=0)
            found[file.name] = PageFile(content, packed, f"{TYPES[file.suffix]}; charset=utf-8", name)
    return found


@cache
def _page() -> Environment:
    loader = FileSystemLoader(FOLDER)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/ops", include_in_schema=False)
    @routes.get("/ops", summary="The ops page", response_class=HTMLResponse)
    async def ops() -> Response:
        sites = current().settings.sites
        content = _page().get_template(PAGE).render(sites=sites)
        return HTMLResponse(content, headers={**HEADERS, "cache-control": "no-cache"})

    @routes.get("/ops/{name}", include_in_schema=False)
    async def part(request: Request, name: str) -> Response:
        found = parts().get(name)
        if found is None:
            raise Problem(404, "not found", "the ops page is at /ops")
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{found.name}-gzip"' if packed else f'"{found.name}"'
        headers = {**HEADERS, "cache-control": "no-cache", "etag": tag, "vary": "accept-encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = found.packed if packed else found.content
        headers |= {"content-encoding": "gzip"} if packed else {}
        return Response(content, media_type=found.content_type, headers=headers)

    return routes
