"""`GET /lists/{list}`: the whole of a list as a page of its own, for "Selengkapnya" and for search engines.

The first page is rendered once per snapshot, like the other formats. It has no script: its Content-Security-Policy
allows its stylesheet and images only. An operator's template is sent without that policy and can set its own in a
`meta` element.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from api.context import Context
from api.endpoints.lists import list_request_from, requested_site
from api.http import asgi
from api.http.assets import FOR_ALL_PAGES, FOR_AN_HOUR, FOR_GOOD, stylesheet, stylesheet_path
from api.http.problems import Problem, problem_of
from api.serving.cached_answer import Ready
from api.serving.formats import made_ready
from api.serving.links import links_of
from api.serving.page_values import ROOT, PageTurns, page_turns_from, page_values, problem_values
from api.serving.rendered_list import Answer, Query
from ranking.errors import GoneError, PopulerError
from ranking.settings.sites import SiteSettings

PAGE_ITEMS: Final = 20
PAGE: Final = "page"
POLICY: Final = (
    b"default-src 'none'; style-src 'self'; img-src http: https:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'self'"
)
TYPED: asgi.Headers = [(b"content-type", b"text/html; charset=utf-8"), asgi.NO_SNIFFING]
OURS: asgi.Headers = [*TYPED, (b"content-security-policy", POLICY)]


async def get_page(context: Context, scope: asgi.Scope, send: asgi.Send, name: str) -> None:
    """The page of a list; errors are pages too."""
    site = context.settings.sites[0]
    try:
        wanted = list_request_from(scope["query_string"], of_page=True)
        site = requested_site(context, wanted)
        cursor = wanted.query.cursor
        query = Query(PAGE_ITEMS, frozenset(), cursor)
        served = await context.published_lists.serve(site.id, name, wanted.section, query, context.clock())
        turns = page_turns_from(cursor.text(), wanted.back) if cursor else PageTurns()
        ready = _ready(served.answer, context, context.published_lists.sections(site.id, name), turns)
    except GoneError:  # the cursor has expired: start again at the first page
        where = scope["query_string"].decode("latin-1")
        kept = "&".join(each for each in where.split("&") if not each.startswith(("cursor=", "back=")))
        location = (b"location", f"?{kept}".encode("latin-1") if kept else b"?")
        await asgi.answer(send, 303, [location, (b"cache-control", b"no-store")], b"")
    except Problem as problem:
        await _send_problem_page(context, site, problem, scope, send)
    except PopulerError as error:
        await _send_problem_page(context, site, problem_of(error), scope, send)
    else:
        await ready.send(scope, send)


def _ready(answer: Answer, context: Context, sections: Sequence[str], turns: PageTurns) -> Ready:
    """The prepared page; first pages are kept."""
    settings, templates, content = context.settings, context.templates, answer.content
    kept = None if turns.here else answer.kept.get(PAGE)
    if kept is not None and kept[0] is settings and kept[1] is templates:
        ready: Ready = kept[2]
        return ready
    links = links_of(settings, content.site, ROOT)
    values = page_values(content, links, sections, turns, f"{ROOT}{stylesheet_path()}")
    page = templates.page(content.site.id, "list.html", values)
    ready = made_ready(answer, page.text.encode(), OURS if page.ours else TYPED, settings)
    if not turns.here:
        answer.kept[PAGE] = settings, templates, ready
    return ready


async def _send_problem_page(
    context: Context, site: SiteSettings, problem: Problem, scope: asgi.Scope, send: asgi.Send
) -> None:
    """Send a page that says what is wrong, with links to the lists."""
    values = problem_values(context.settings, site, problem)
    page = context.templates.page(site.id, "problem.html", values)
    headers = [each for each in problem.headers if each[0] != b"content-type"]
    content = page.text.encode()
    given = [*headers, *(OURS if page.ours else TYPED)]
    await asgi.answer(send, problem.status, given, b"" if scope["method"] == "HEAD" else content)


def router() -> APIRouter:
    """The route of the stylesheet."""
    routes = APIRouter(tags=["pages"])

    @routes.head("/populer.{name}.css", include_in_schema=False)
    @routes.get("/populer.{name}.css", summary="The stylesheet of list pages", include_in_schema=False)
    async def get_stylesheet(request: Request, name: str) -> Response:
        """An older name gets the current file, for an hour: pages in caches outlive an update."""
        asset = stylesheet()
        return await asset.response(request, FOR_GOOD if name == asset.name else FOR_AN_HOUR, FOR_ALL_PAGES)

    return routes
