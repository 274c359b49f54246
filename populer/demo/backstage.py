"""The demo about itself: the state that its pages follow, its two buttons, and pages that explain what one sees."""

import time
from collections import Counter
from typing import Any, NamedTuple

import httpx2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from populer.demo.newsroom import POPULER_SIZE, Newsroom
from populer.demo.service import bearer
from populer.demo.stage import Stage

EXPLAIN_TIMEOUT_S = 10.0
NO_STORE = {"Cache-Control": "no-store"}
ELSEWHERE = frozenset({"cross-site", "same-site"})


class DemoPart(NamedTuple):
    """What reads of one kind and source add to a score."""

    kind: str
    source: str | None
    events: float
    decayed: float
    weight: float
    part: float


class Backstage:
    """The routes. `admin_key` is what the service asks for before it explains."""

    def __init__(
        self, stage: Stage, newsroom: Newsroom, client: httpx2.AsyncClient, admin_key: str, settings: dict[str, Any]
    ) -> None:
        self._stage, self._newsroom, self._client = stage, newsroom, client
        self._admin_key, self._settings = admin_key, settings
        self.routes = [
            Route("/peragaan", self._about),
            Route("/peragaan/mengapa/{id}", self._why),
            Route("/demo/state", self._state),
            Route("/demo/breaking", self._breaking, methods=["POST"]),
            Route("/demo/robots", self._robots, methods=["POST"]),
        ]

    async def _state(self, _request: Request) -> Response:
        return JSONResponse(self._stage.state(time.time()), headers=NO_STORE)

    async def _breaking(self, request: Request) -> Response:
        _from_here(request)
        self._stage.wants_breaking = True
        return JSONResponse({}, 202, headers=NO_STORE)

    async def _robots(self, request: Request) -> Response:
        _from_here(request)
        self._stage.wants_robots = True
        return JSONResponse({}, 202, headers=NO_STORE)

    async def _about(self, _request: Request) -> HTMLResponse:
        desk = self._stage.newsdesk
        stories = [story for item in self._stage.listed[:POPULER_SIZE] if (story := desk.story(item)) is not None]
        boxes = await self._newsroom.boxes()
        return await self._newsroom.page("about.html", boxes, listed=stories, settings=self._settings)

    async def _why(self, request: Request) -> HTMLResponse:
        story = self._stage.newsdesk.story(request.path_params["id"])
        if story is None:
            raise HTTPException(404)
        desk, said = self._stage.newsdesk, await self._explained(story.article.id)
        neighbours = {}
        for side in ("above", "below"):
            neighbour = said.get(side)
            found = desk.story(neighbour["item"]) if neighbour else None
            if found is not None:
                neighbours[side] = (neighbour, found.article)
        return await self._newsroom.page(
            "why.html", await self._newsroom.boxes(), story=story, said=said, neighbours=neighbours,
            parts=parts_of(said), settings=self._settings,
        )  # fmt: skip

    async def _explained(self, item: str) -> dict[str, Any]:
        """What the service says of an item's rank; nothing where it says nothing."""
        try:
            answer = await self._client.get(
                f"/v1/items/{item}/explain", headers=bearer(self._admin_key), timeout=EXPLAIN_TIMEOUT_S
            )
            return dict(answer.json()) if answer.is_success else {}
        except (httpx2.HTTPError, ValueError):
            return {}


def parts_of(said: dict[str, Any]) -> list[DemoPart]:
    """The parts of an explained score by kind and source, the positions of a list together; the largest first."""
    found: dict[tuple[str, str | None], Counter[str]] = {}
    for channel in said.get("channels", []):
        source = channel["source"]
        of_list = source.partition("/")[0] if source else None
        sums = found.setdefault((channel["kind"], of_list), Counter())
        for name in ("events", "decayed", "part"):
            sums[name] += channel[name]
    parts = [
        DemoPart(kind, source, sums["events"], sums["decayed"], sums["part"] / (sums["decayed"] or 1), sums["part"])
        for (kind, source), sums in found.items()
    ]
    return sorted(parts, key=lambda part: -part.part)


def _from_here(request: Request) -> None:
    """The buttons are for the demo's own pages: another site may not press them for a visitor."""
    if request.headers.get("sec-fetch-site") in ELSEWHERE:
        raise HTTPException(403)
