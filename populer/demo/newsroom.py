"""The sample newsroom: server-rendered pages that embed the lists the way a news site would.

A page has the two lines that the documentation names, `/populer.js` and `<populer-list>`. Inside the element
stands what the service answers as `format=html`, as a newsroom's server would include it: the first paint has
the list, and so has a browser without scripts. Where the service does not answer, the page comes without.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx2
import msgspec
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from populer.demo.art import picture
from populer.demo.articles import SECTIONS, Article, Story, section_slug
from populer.demo.press import HERE, NAME, Press, day, iso
from populer.demo.service import BROWSER
from populer.demo.stage import Stage
from ranking.times import HOUR_S

FRAGMENT_TIMEOUT_S = 1.0
LEAD_MAX_AGE_S = 6.0 * HOUR_S
SECOND_STORIES = 2
GRID_STORIES = 9
SHELF_STORIES = 3
RELATED_STORIES = 3
POPULER_SIZE, UPDATE_SIZE = 7, 10
SVG = '<svg xmlns="http://www.w3.org/2000/svg" '
LISTS = {"populer": "Populer", "update": "UPDATE"}


class Section(NamedTuple):
    name: str
    slug: str


def sections_of(articles: Sequence[Article]) -> list[Section]:
    """The sections that articles are in, in the newsroom's order."""
    in_use = {article.section for article in articles}
    return [Section(name, section_slug(name)) for name in SECTIONS if name in in_use]


class Shelf(NamedTuple):
    section: Section
    stories: list[Story]


class FrontPage(NamedTuple):
    """The front page as an editor would fill it; no story stands on it twice."""

    lead: Story
    second: list[Story]
    grid: list[Story]
    shelves: list[Shelf]


class Box(NamedTuple):
    """A list on a page; `rendered` is what stands in it from the start."""

    name: str
    size: int
    rendered: Markup
    section: str = ""

    @property
    def label(self) -> str:
        return LISTS[self.name]


def lay_out(stories: Sequence[Story], sections: Sequence[Section], now: float) -> FrontPage:
    """Fills the front page from stories ordered newest first."""
    recent = [story for story in stories if now - story.published_at <= LEAD_MAX_AGE_S]
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
    return FrontPage(lead, second, grid, shelves)


class Newsroom:
    """The newsroom's pages. `client` speaks to the service; `address` is where readers find both."""

    def __init__(
        self, stage: Stage, press: Press, sections: Sequence[Section], client: httpx2.AsyncClient, address: str
    ) -> None:
        self._stage, self._desk = stage, stage.newsdesk
        self._press, self._sections = press, sections
        self._client, self._address = client, address
        self.routes = [
            Route("/", self._front),
            Route("/berita/{id}", self._article),
            Route("/kanal/{slug}", self._section),
            Route("/gambar/{id}.svg", self._picture),
            Mount("/demo/static", StaticFiles(directory=HERE / "static")),
        ]

    async def missing(self, _request: Request, _error: Exception) -> HTMLResponse:
        """There is no such page."""
        return await self._page("missing.html", status=404, stories=self._desk.stories[:RELATED_STORIES])

    async def page(self, template: str, boxes: Sequence[Box], status: int = 200, **context: Any) -> HTMLResponse:
        """A page with lists on it."""
        newest = self._stage.newest()
        given = {"item": None, "boxes": boxes, "today": day(time.time()), "newest": newest, **context}
        return self._press.page(template, status, **given)

    async def box(self, name: str, size: int, *, section: str = "", exclude: str = "") -> Box:
        """A list, as the service renders it; empty where it does not answer in time."""
        asked = {"format": "html", "limit": str(size), "section": section, "exclude": exclude}
        params = {key: value for key, value in asked.items() if value}
        try:
            answer = await self._client.get(
                f"/v1/lists/{name}", params=params, headers=BROWSER, timeout=FRAGMENT_TIMEOUT_S
            )
            found = answer.text if answer.is_success else ""
        except httpx2.HTTPError:
            found = ""
        return Box(name, size, Markup(found), section)  # noqa: S704 - markup by contract

    async def boxes(self, section: str = "", exclude: str = "") -> list[Box]:
        """Both lists that stand beside every story."""
        return [
            await self.box("populer", POPULER_SIZE, section=section, exclude=exclude),
            await self.box("update", UPDATE_SIZE, exclude=exclude),
        ]

    async def _page(self, template: str, **context: Any) -> HTMLResponse:
        return await self.page(template, await self.boxes(), **context)

    async def _front(self, _request: Request) -> HTMLResponse:
        return await self._page("front.html", front=lay_out(self._desk.stories, self._sections, time.time()))

    async def _article(self, request: Request) -> HTMLResponse:
        story = self._desk.story(request.path_params["id"])
        if story is None:
            raise HTTPException(404)
        item, section = story.article.id, story.article.section
        related = [other for other in self._desk.stories if other.article.section == section and other is not story]
        boxes = await self.boxes(exclude=item)
        return await self.page(
            "article.html", boxes, story=story, item=item, related=related[:RELATED_STORIES],
            linked=self._linked(story), address=self._address,
        )  # fmt: skip

    async def _section(self, request: Request) -> HTMLResponse:
        section = next((each for each in self._sections if each.slug == request.path_params["slug"]), None)
        if section is None:
            raise HTTPException(404)
        inside = [story for story in self._desk.stories if story.article.section == section.name]
        return await self.page("section.html", await self.boxes(section.name), section=section, stories=inside)

    async def _picture(self, request: Request) -> Response:
        story = self._desk.story(request.path_params["id"])
        if story is None:
            raise HTTPException(404)
        drawn = str(picture(story.article.section, story.article.id)).replace("<svg ", SVG, 1)
        return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    def _linked(self, story: Story) -> Markup:
        """The article as schema.org's NewsArticle, fit for a script element."""
        article = story.article
        said = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": article.title,
            "description": article.lead,
            "url": f"{self._address}{article.path}",
            "image": f"{self._address}{article.picture_path}",
            "datePublished": iso(story.published_at),
            "articleSection": article.section,
            "author": {"@type": "Person", "name": article.author},
            "publisher": {"@type": "Organization", "name": NAME},
            "inLanguage": "id",
        }
        text = msgspec.json.encode(said).decode().replace("<", "\\u003c")
        return Markup(text)  # noqa: S704 - no end of the element can be in it
