"""`/docs`: the documentation of the HTTP interface, to be read and tried. It runs its own scripts and no others.

`/openapi.json` is made once, as its making takes milliseconds and anybody may ask.
"""

import base64
import hashlib
import re
from functools import cache
from typing import Final

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from api.http.assets import Asset

STATIC: Final = "/static-offline-docs"
DOCUMENT: Final = "/openapi.json"
INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def router(app: FastAPI) -> APIRouter:
    """The route. `app` serves the files that the page needs."""
    routes = APIRouter(include_in_schema=False)
    page = bytes(
        get_swagger_ui_html(
            openapi_url=DOCUMENT,
            title=f"{app.title} - Swagger UI",
            oauth2_redirect_url=None,
            swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
            swagger_css_url=f"{STATIC}/swagger-ui.css",
            swagger_favicon_url=f"{STATIC}/favicon.png",
        ).body
    )
    headers = {"content-security-policy": policy(page), "referrer-policy": "no-referrer"}

    @routes.get("/docs")
    async def docs() -> Response:
        return Response(page, media_type="text/html", headers=headers)

    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) != DOCUMENT]

    @cache
    def document() -> Asset:
        return Asset(msgspec.json.encode(app.openapi()), "application/json")

    @routes.get(DOCUMENT)
    async def openapi(request: Request) -> Response:
        return await document().response(request, "no-cache", {"access-control-allow-origin": "*"})

    return routes


def policy(page: bytes) -> str:
    """A policy that lets the inline scripts of `page` run, and no others; nobody may frame it.

    >>> policy(b"<script>1</script>").split("; ")[1]
    "script-src 'self' 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in INLINE.findall(page))
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
