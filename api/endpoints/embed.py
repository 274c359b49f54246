"""What a site's pages embed: `/populer.js`, under a short-lived name and, for good, under the hash of its content.

    populer.js         the tracker, which loads populer-list.<hash>.js where the page has a <populer-list>
    populer-track.js   the tracker alone
    populer.<hash>.js  tracker and element in one file, for pages that pin it
    populer-list.d.ts  their types, for TypeScript

Where a site has `referrers`, the tracker also tells where a visit begins: other files, under other hashes.

The files are served without comments and white space (rjsmin), minified once per process, so there is no build step. A
page that names the hash gets the same bytes for ever or, after an update of the service, a redirect to the current
file; with `integrity` in its tag a browser refuses that one, and the page stays as the site has rendered it. It is one
file, as a browser cannot be told the hash of what a script loads.
"""

import html
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import rjsmin  # type: ignore[import-untyped]
from fastapi import APIRouter, Request, Response

from api.context import CurrentContext
from api.http.assets import FOR_ALL_PAGES, FOR_AN_HOUR, FOR_GOOD, STATIC, TYPES, Asset, asset_in
from api.http.compression import GZIP

TRACKER: Final = STATIC / "populer-track.js"
LOADER: Final = STATIC / "populer-loader.js"
REFERRER: Final = STATIC / "populer-referrer.js"
#: Where the tracker records a view, and how it does with REFERRER.
VIEWED: Final = ":record(event))"
BEGUN: Final = ":record(begun(event)))"
ELEMENT: Final = STATIC / "populer-list.js"
DECLARATIONS: Final = STATIC / "populer-list.d.ts"
#: Where the loader stands in the tracker, and what it loads.
END: Final = "})();"
LOADED: Final = 'import(at+"populer-list.js")'
EXPORT: Final = "export default"
SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The script.", "content": {"text/javascript": {}}},
    304: {"description": "The client has the current script."},
}
SENT_TYPES = SENT | {200: {"description": "Declarations of TypeScript.", "content": {"text/plain": {}}}}
MOVED: dict[int | str, dict[str, Any]] = {307: {"description": "The address of the current version."}}


@cache
def tracker(referrers: bool = False) -> Asset:
    """The tracker of this version, minified; `referrers`: it tells where a visit begins."""
    return _script(_tracker(referrers) + END)


@cache
def element() -> Asset:
    """What <populer-list> is made of: a module, minified."""
    return _script(_minified(ELEMENT))


@cache
def script(referrers: bool = False) -> Asset:
    """The tracker with the loader of the element."""
    return _script(_with_loader(referrers).replace("populer-list.js", f"populer-list.{element().name}.js"))


@cache
def bundle(referrers: bool = False) -> Asset:
    """The tracker and the element in one file."""
    inline = _minified(ELEMENT).removeprefix(EXPORT).strip().removesuffix(";")
    return _script(_with_loader(referrers).replace(LOADED, f"Promise.resolve({{default:{inline}}})"))


def declarations() -> Asset:
    """The types of element and tracker, for TypeScript."""
    return asset_in(DECLARATIONS)


def _with_loader(referrers: bool) -> str:
    return f"{_tracker(referrers)}{_minified(LOADER)}{END}"


def _tracker(referrers: bool) -> str:
    """The tracker without its end."""
    plain = _minified(TRACKER).removesuffix(END)
    return plain.replace(VIEWED, BEGUN) + _minified(REFERRER) if referrers else plain


def _minified(source: Path) -> str:
    return str(rjsmin.jsmin(source.read_text(encoding="utf-8"))).strip()


def _script(text: str) -> Asset:
    return Asset(text.encode(), TYPES[".js"])


def router(current: CurrentContext) -> APIRouter:
    """The routes."""

    def referrers() -> bool:
        return any(site.referrers for site in current().settings.sites)

    routes = APIRouter(tags=["pages"])
    _add_current(routes, "/populer.js", lambda: script(referrers()), "The script that pages embed")
    _add_current(routes, "/populer-track.js", lambda: tracker(referrers()), "The tracker alone")
    _add_current(routes, "/populer-list.js", element, "The element, a module")
    _add_current(routes, "/populer-list.d.ts", declarations, "The types of element and tracker", SENT_TYPES)
    _add_pinned(routes, "/populer-list.{name}.js", [element], "The element under the name of its content")
    bundles = [partial(bundle, variant) for variant in (False, True)]
    _add_pinned(routes, "/populer.{name}.js", bundles, "Tracker and element under the name of their content")

    @routes.get("/populer.js.json", summary="What to paste into a page")
    async def about(request: Request, response: Response) -> dict[str, Any]:
        response.headers["cache-control"] = "no-store"  # it repeats the Host that it was asked by
        return described(address_of(request), bundle(referrers()))

    return routes


def _add_current(
    routes: APIRouter, path: str, asset: Callable[[], Asset], summary: str, sent: dict[int | str, dict[str, Any]] = SENT
) -> None:
    @routes.head(path, include_in_schema=False)
    @routes.get(path, summary=summary, response_class=Response, responses=sent)
    async def current(request: Request) -> Response:
        return await asset().response(request, FOR_AN_HOUR, FOR_ALL_PAGES)


def _add_pinned(routes: APIRouter, path: str, assets: Sequence[Callable[[], Asset]], summary: str) -> None:
    """Serve each asset under its name; under another one, say where the current one is."""
    location = path.removeprefix("/").replace(".{name}", "")

    @routes.head(path, include_in_schema=False)
    @routes.get(path, summary=summary, response_class=Response, responses=SENT | MOVED)
    async def named(request: Request, name: str) -> Response:
        for asset in assets:
            if name == asset().name:
                return await asset().response(request, FOR_GOOD, FOR_ALL_PAGES)
        return Response(status_code=307, headers={"location": location, "cache-control": "no-store", **FOR_ALL_PAGES})


def described(address: str, asset: Asset) -> dict[str, Any]:
    """The script's addresses below `address`, its hash, and the lines of HTML that embed it."""
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


def address_of(request: Request) -> str:
    """The service's address as the client sees it; a proxy says the scheme."""
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else request.url.scheme
    return f"{scheme}://{request.headers.get('host', 'localhost')}{request.scope.get('root_path', '')}"
