"""`/`: what runs here and what to do next. `/embed`: the lines that put a list into a page, beside a sample of it.

Both are for whoever puts the service to use, hold no secrets, and are made by the server: without a script `/embed`
has a button for what the script does at once. The sample is a page of its own in a frame, with the real element; what
is opened there is not counted.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from api.context import Context, CurrentContext, site_of
from api.endpoints.embed import address_of, element
from api.endpoints.openapi import answer, problems
from api.endpoints.openapi_answers import LINES
from api.http.assets import STATIC
from api.http.json_response import json_response
from api.http.page_files import PageFiles
from api.http.problems import Problem
from api.serving.embed_lines import MOST, THEMES, USUAL_LIMIT, EmbedChoice, lines_of
from api.serving.feeds import direction_of, language_of
from api.serving.start_phrases import start_words_of
from ranking.settings.sites import SiteSettings

FILES: Final = PageFiles(STATIC / "start", "embed")
ONLY_OURS: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
OF_SAMPLE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src http: https:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
#: The address of the service stands in the pages as the client has written it: nobody else is to get them.
HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class EmbedQuery(BaseModel):
    """What `/embed` is asked for."""

    site: str = Field("", max_length=200)
    list: str = Field("", max_length=200)
    section: str = Field("", max_length=200)
    theme: str = Field(THEMES[0], max_length=200)
    limit: int = Field(USUAL_LIMIT, ge=1, le=MOST)


def start_router(current: CurrentContext) -> APIRouter:
    """The first page, where the service has no other."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/", include_in_schema=False)
    @routes.get("/", summary="What runs here, and what to do next", response_class=HTMLResponse)
    async def start(request: Request) -> Response:
        context = current()
        sites, lists = context.settings.sites, context.settings.lists
        lines = lines_of(_address(sites[0], request), EmbedChoice([next(iter(lists))]))
        titles = [(name, each.title) for name, each in lists.items()]
        return _page("start.html", sites[0], ONLY_OURS, sites=sites, lists=titles, lines=lines["html"])

    return routes


def embed_router(current: CurrentContext) -> APIRouter:
    """The page that makes the lines to embed."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/embed", include_in_schema=False)
    @routes.get(
        "/embed",
        summary="The lines that put a list into a page",
        response_class=HTMLResponse,
        responses=problems(404, 422),
    )
    async def embed(request: Request, asked: Annotated[EmbedQuery, Query()]) -> Response:
        context = current()
        of_site, choice = _choice(context, asked)
        lists = [(name, each.title) for name, each in context.settings.lists.items()]
        return _page(
            "embed.html", of_site, ONLY_OURS, sites=context.settings.sites, here=of_site.id, lists=lists, choice=choice,
            sections=context.published_lists.sections(of_site.id, choice.lists[0]), themes=THEMES, most=MOST,
            lines=lines_of(_address(of_site, request), choice), asked=request.url.query,
        )  # fmt: skip

    @routes.get(
        "/embed/lines",
        summary="The same lines by platform, as JSON",
        responses={200: answer("Lines to paste.", LINES), **problems(404, 422)},
    )
    async def lines(request: Request, asked: Annotated[EmbedQuery, Query()]) -> Response:
        of_site, choice = _choice(current(), asked)
        return json_response(lines_of(_address(of_site, request), choice), {"cache-control": "no-store"})

    @routes.get("/embed/sample", include_in_schema=False)
    async def sample(asked: Annotated[EmbedQuery, Query()]) -> Response:
        of_site, choice = _choice(current(), asked)
        return _page(
            "sample.html",
            of_site,
            OF_SAMPLE,
            attributes=choice.attributes,
            element=element().name,
            files=FILES.folder_name,
        )

    @routes.head("/embed/{folder}/{name}", include_in_schema=False)
    @routes.get("/embed/{folder}/{name}", include_in_schema=False)
    async def file(request: Request, folder: str, name: str) -> Response:
        return await FILES.response(request, folder, name)

    return routes


def _choice(context: Context, asked: EmbedQuery) -> tuple[SiteSettings, EmbedChoice]:
    """The site and what is to be shown of it.

    Raises:
        Problem: 404, there is no such site, list or theme.
    """
    site = site_of(context, [("site", asked.site)] if asked.site else [])
    lists = list(context.settings.lists)
    name = asked.list or lists[0]
    for given, known, what in ((name, lists, "list"), (asked.theme, THEMES, "theme")):
        if given not in known:
            raise Problem(404, f"no such {what}", f"No {what} is called {given!r}; there are {', '.join(known)}.")
    names = [name, *(each for each in lists if each != name)] if asked.theme == "tabs" else [name]
    named_site = site.id if len(context.settings.sites) > 1 else ""
    return site, EmbedChoice(names, asked.section.strip(), asked.theme, asked.limit, named_site)


def _address(site: SiteSettings, request: Request) -> str:
    return site.address or address_of(request)


def _page(name: str, site: SiteSettings, policy: str, **values: Any) -> Response:
    values |= {"words": start_words_of(site.locale), "language": language_of(site), "direction": direction_of(site)}
    values = {"files": FILES.path, **values}
    content = FILES.page(name, site=site, **values)
    return HTMLResponse(content, headers={**HEADERS, "content-security-policy": policy})
