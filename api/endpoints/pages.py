"""`GET /lists/{list}`: the whole of a list as a page of its own, for "Selengkapnya" and for search engines.

Its first page is made once per snapshot, as the other forms are, and under the same rules. It has no script; its style
and its images are all that its Content-Security-Policy lets in. A template of the operator's may need more, and is sent
without one: it can say its own in a `meta` element.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from api.context import Context
from api.endpoints.lists import asked_of, site_asked
from api.http import asgi
from api.http.assets import FOR_ALL_PAGES, FOR_AN_HOUR, FOR_GOOD, style
from api.http.compression import coding_of
from api.http.problems import Problem, problem_of
from api.serving.cached_answer import Ready
from api.serving.formats import made_ready
from api.serving.links import links_of
from api.serving.page_values import ROOT, PageTurns, page_values, problem_values, walk_of
from api.serving.rendered_list import Answer, Query
from ranking.errors import GoneError, PopulerError
from ranking.settings.service import SiteSettings

PAGE_ITEMS: Final = 20
PAGE: Final = "page"
POLICY: Final = (
    b"default-src 'none'; style-src 'self'; img-src http: https:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'self'"
)
TYPED: asgi.Headers = [(b"content-type", b"text/html; charset=utf-8"), asgi.NO_SNIFFING]
OURS: asgi.Headers = [*TYPED, (b"content-security-policy", POLICY)]


async def get_page(context: Context, scope: asgi.Scope, send: asgi.Send, name: str) -> None:
    """The page of a list; what is wrong is said on a page, too."""
    site = context.settings.sites[0]
    try:
        asked = asked_of(scope["query_string"])
        site = site_asked(context, asked)
        cursor = asked.query.cursor
        name = unquote(name)
        query = Query(PAGE_ITEMS, frozenset(), cursor)
        served = await context.board.serve(site.id, name, asked.section, query, context.clock())
        walk = walk_of(cursor.text(), asked.back) if cursor else PageTurns()
        ready = _ready(served.answer, context, context.board.sections(site.id, name), walk)
    except GoneError:  # the walk lasted too long: it starts anew
        where = scope["query_string"].decode("latin-1")
        kept = "&".join(each for each in where.split("&") if not each.startswith(("cursor=", "back=")))
        location = (b"location", f"?{kept}".encode("latin-1") if kept else b"?")
        await asgi.answer(send, 303, [location, (b"cache-control", b"no-store")], b"")
    except Problem as problem:
        await _tell(context, site, problem, scope, send)
    except PopulerError as error:
        await _tell(context, site, problem_of(error), scope, send)
    else:
        await ready.send(scope, send)


def _ready(answer: Answer, context: Context, sections: Sequence[str], walk: PageTurns) -> Ready:
    """The page, ready to be sent; first pages are kept."""
    settings, templates, content = context.settings, context.templates, answer.content
    kept = None if walk.here else answer.kept.get(PAGE)
    if kept is not None and kept[0] is settings and kept[1] is templates:
        ready: Ready = kept[2]
        return ready
    links = links_of(settings, content.site, ROOT)
    values = page_values(content, links, sections, walk, f"{ROOT}{style().path}")
    page = templates.page(content.site.id, "list.html", values)
    ready = made_ready(answer, page.text.encode(), OURS if page.ours else TYPED, settings)
    if not walk.here:
        answer.kept[PAGE] = settings, templates, ready
    return ready


async def _tell(context: Context, site: SiteSettings, problem: Problem, scope: asgi.Scope, send: asgi.Send) -> None:
    """Say on a page what is wrong, and which lists there are."""
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
    async def stylesheet(request: Request, name: str) -> Response:
        """An older name gets the present one, for an hour: pages in caches outlive an update."""
        found = style()
        coding = coding_of(request.headers.get("accept-encoding", "").encode("latin-1"))
        headers = {
            "cache-control": FOR_GOOD if name == found.name else FOR_AN_HOUR,
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
            **FOR_ALL_PAGES,
            **({"content-encoding": coding} if coding else {}),
        }
        return Response(found.bodies[coding], media_type="text/css; charset=utf-8", headers=headers)

    return routes
