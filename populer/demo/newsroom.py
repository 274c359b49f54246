"""The sample newsroom: server-rendered pages that embed the lists the way a news site would.

It knows nothing of the service. Its pages hold empty boxes, and `newsroom.js` fills them through the public
API; what a reader sees here is what any site gets by calling `/v1/lists`. Pages carry no inline script or
style, and say so in a Content-Security-Policy, because newsrooms with a strict policy must be able to copy
them.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from populer.demo.art import picture
from populer.demo.articles import SECTIONS, Article, section_slug

HERE = Path(__file__).parent
NAME = "Harian Segara"
WIB = ZoneInfo("Asia/Jakarta")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

LEAD_MAX_AGE_MINUTES = 6 * 60
SECOND_STORIES = 2
GRID_STORIES = 9
SHELF_STORIES = 3
RELATED_STORIES = 3


class Story(NamedTuple):
    """An article with what the demo's start adds to it."""

    article: Article
    published: datetime


class Section(NamedTuple):
    name: str
    slug: str


class Shelf(NamedTuple):
    section: Section
    stories: list[Story]


class Front(NamedTuple):
    """The front page as an editor would fill it; no story stands on it twice."""

    lead: Story
    second: list[Story]
    grid: list[Story]
    shelves: list[Shelf]


def full_date(moment: datetime) -> str:
    """The form of the lists' own labels.

    >>> full_date(datetime(2025, 12, 1, 2, 29, tzinfo=WIB))
    'Senin, 01 Desember 2025 | 02:29'
    """
    return format_datetime(moment, "EEEE, dd MMMM yyyy '|' HH:mm", tzinfo=WIB, locale="id")


def short_date(moment: datetime) -> str:
    """
    >>> short_date(datetime(2025, 12, 1, 2, 29, tzinfo=WIB))
    '1 Des | 02:29 WIB'
    """
    return format_datetime(moment, "d MMM '|' HH:mm 'WIB'", tzinfo=WIB, locale="id")


def day(moment: datetime) -> str:
    return format_datetime(moment, "EEEE, d MMMM yyyy", tzinfo=WIB, locale="id")


def lay_out(stories: Sequence[Story], sections: Sequence[Section]) -> Front:
    """Fills the front page from stories ordered newest first."""
    recent = [story for story in stories if story.article.minutes_ago <= LEAD_MAX_AGE_MINUTES]
    by_appeal = sorted(recent or stories, key=lambda story: -story.article.appeal)
    lead, second = by_appeal[0], by_appeal[1 : 1 + SECOND_STORIES]
    placed = {story.article.id for story in (lead, *second)}
    rest = [story for story in stories if story.article.id not in placed]
    grid, later = rest[:GRID_STORIES], rest[GRID_STORIES:]
    shelves = [
        Shelf(section, [story for story in later if story.article.section == section.name][:SHELF_STORIES])
        for section in sections
    ]
    # The fullest shelf stands first, where the page has the most room; the others keep their order.
    shelves = sorted((shelf for shelf in shelves if shelf.stories), key=lambda shelf: -len(shelf.stories))
    return Front(lead, second, grid, shelves)


def _templates(today: datetime, sections: Sequence[Section]) -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(site=NAME, sections=sections, today=today, picture=picture)
    templates.filters.update(
        full_date=full_date, short_date=short_date, day=day, slug=section_slug, iso=datetime.isoformat
    )
    return templates


def newsroom(articles: Sequence[Article], *, started_at: float) -> Starlette:
    """The newsroom as an application, meant to stand at the root beside the service's `/v1`."""
    stories = sorted(
        (Story(article, datetime.fromtimestamp(article.published_at(started_at), WIB)) for article in articles),
        key=lambda story: story.published,
        reverse=True,
    )
    by_id = {story.article.id: story for story in stories}
    in_use = {article.section for article in articles}
    sections = [Section(name, section_slug(name)) for name in SECTIONS if name in in_use]
    by_slug = {section.slug: section for section in sections}
    templates = _templates(datetime.fromtimestamp(started_at, WIB), sections)

    def page(template: str, status: int = 200, **context: object) -> HTMLResponse:
        return HTMLResponse(
            templates.get_template(template).render(**context),
            status_code=status,
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"},
        )

    async def front(_request: Request) -> HTMLResponse:
        return page("front.html", front=lay_out(stories, sections))

    async def article(request: Request) -> HTMLResponse:
        story = by_id.get(request.path_params["id"])
        if story is None:
            raise HTTPException(404)
        related = [other for other in stories if other.article.section == story.article.section and other is not story]
        return page("article.html", story=story, related=related[:RELATED_STORIES])

    async def section_front(request: Request) -> HTMLResponse:
        section = by_slug.get(request.path_params["slug"])
        if section is None:
            raise HTTPException(404)
        inside = [story for story in stories if story.article.section == section.name]
        return page("section.html", section=section, stories=inside)

    async def populer(_request: Request) -> HTMLResponse:
        return page("list.html", name="populer", other="update")

    async def update(_request: Request) -> HTMLResponse:
        return page("list.html", name="update", other="populer")

    async def missing(_request: Request, _error: Exception) -> HTMLResponse:
        return page("missing.html", status=404, stories=stories[:RELATED_STORIES])

    return Starlette(
        routes=[
            Route("/", front),
            Route("/berita/{id}", article),
            Route("/kanal/{slug}", section_front),
            Route("/populer", populer),
            Route("/update", update),
            Mount("/demo/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={404: missing},
    )
