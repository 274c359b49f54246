"""What a site's pages embed: `/populer.js`, under a short-lived name and, for good, under the hash of its content.

The file is served without comments and white space (rjsmin), minified once per process, so there is no build step. A
page that names the hash gets the same bytes for ever or, after an update of the service, a redirect to the current
file; with `integrity` in its tag a browser refuses that one, and the page stays as the site has rendered it.
"""

import html
from functools import cache
from typing import Any, Final

import rjsmin  # type: ignore[import-untyped]
from fastapi import APIRouter, Request, Response

from api.http.assets import FOR_ALL_PAGES, FOR_AN_HOUR, FOR_GOOD, STATIC, TYPES, Asset
from api.http.compression import GZIP

SOURCE: Final = STATIC / "populer.js"
SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The script.", "content": {"text/javascript": {}}},
    304: {"description": "The client has the current script."},
}
MOVED: dict[int | str, dict[str, Any]] = {307: {"description": "The address of the current version."}}


@cache
def script() -> Asset:
    """The script of this version, minified."""
    return Asset(rjsmin.jsmin(SOURCE.read_text(encoding="utf-8")).encode(), TYPES[".js"])


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/populer.js", include_in_schema=False)
    @routes.get("/populer.js", summary="The script that pages embed", response_class=Response, responses=SENT)
    async def current(request: Request) -> Response:
        return await script().response(request, FOR_AN_HOUR, FOR_ALL_PAGES)

    @routes.head("/populer.{name}.js", include_in_schema=False)
    @routes.get(
        "/populer.{name}.js",
        summary="The script under the name of its content",
        response_class=Response,
        responses=SENT | MOVED,
    )
    async def named(request: Request, name: str) -> Response:
        if name == script().name:
            return await script().response(request, FOR_GOOD, FOR_ALL_PAGES)
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
    asset = script()
    current, pinned = f"{address}/populer.js", f"{address}/populer.{asset.name}.js"
    item = '<script async src="{}"{} data-item="ID"></script>'
    lists = '<populer-list list="populer"></populer-list>'
    pinned_attributes = f' integrity="{asset.integrity}" crossorigin'
    return {
        "url": current,
        "immutable_url": pinned,
        "integrity": asset.integrity,
        "bytes": len(asset.content),
        "gzip_bytes": len(asset.body(GZIP)),
        "html": [item.format(html.escape(current), ""), lists],
        "pinned_html": [item.format(html.escape(pinned), pinned_attributes), lists],
    }


def _address(request: Request) -> str:
    """The service's address as the client sees it; a proxy says the scheme."""
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else request.url.scheme
    return f"{scheme}://{request.headers.get('host', 'localhost')}{request.scope.get('root_path', '')}"
