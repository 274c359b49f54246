"""`/ops`: the page for editors (Desk) and operators (Service), and the files that it is made of.

The public part is rendered here: the form that asks for a key, and the page's frame. All else comes from
`/v1/…` once there is a key. The key is kept by the tab alone (sessionStorage) and sent as a header by the page's
script: a browser never sends it by itself, so no other site can act for an editor, and it is in no address, log or
cookie. Only a foreign script could steal it from a tab, and the policy below allows none. Pictures of articles come
from where their descriptions say, without a referrer.

Rejected: a cookie, which needs a token against forged requests on every change, and a store of sessions.
"""

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.context import CurrentContext
from api.http.assets import STATIC
from api.http.page_files import PageFiles
from api.serving.phrases import phrase_language

FOLDER: Final = STATIC / "ops"
FILES: Final = PageFiles(FOLDER, "ops")
PAGE: Final = "page.html"
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def router(current: CurrentContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/ops", include_in_schema=False)
    @routes.get("/ops", summary="The ops page", response_class=HTMLResponse)
    async def ops(lang: str = "") -> Response:
        sites = current().settings.sites
        language = phrase_language(lang or sites[0].locale)
        content = FILES.page(PAGE, sites=sites, files=FILES.path, language=language)
        return HTMLResponse(content, headers={**HEADERS, "cache-control": "no-cache"})

    @routes.head("/ops/{folder}/{name}", include_in_schema=False)
    @routes.get("/ops/{folder}/{name}", include_in_schema=False)
    async def file(request: Request, folder: str, name: str) -> Response:
        return await FILES.response(request, folder, name, HEADERS)

    return routes
