"""The demo inside the worker: pages beside the service's own, and the people who read them."""

from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from populer.demo.backstage import Backstage
from populer.demo.newsdesk import sample_newsdesk
from populer.demo.newsroom import Newsroom, sections_of
from populer.demo.press import Press
from populer.demo.readers import sample_readers
from populer.demo.stage import Stage
from ranking.settings.service import Settings


class Demo:
    """See the module's docstring. `started_at`: epoch seconds; the service listens at its site's own address."""

    def __init__(self, started_at: float, settings: Settings) -> None:
        site = settings.sites[0]
        desk = sample_newsdesk(started_at)
        self._client = httpx2.AsyncClient(base_url=site.address, trust_env=False)
        self._stage = Stage(started_at, desk)
        self._write_key = site.keys.plain("write") or ""
        sections = sections_of([story.article for story in desk.stories])
        newsroom = Newsroom(self._stage, Press(), sections, self._client, site.address)
        backstage = Backstage(self._stage, newsroom, self._client, site.keys.plain("admin") or "", _shown(settings))
        self.pages = [
            Mount(
                "/",
                app=Starlette(routes=[*newsroom.routes, *backstage.routes], exception_handlers={404: newsroom.missing}),
            )
        ]

    async def run(self) -> None:
        """Have people read until cancelled."""
        try:
            await sample_readers(self._client, self._stage, self._write_key).read()
        finally:
            await self._client.aclose()


def _shown(settings: Settings) -> dict[str, Any]:
    """The settings that the demo's pages tell of."""
    populer = settings.lists["populer"]
    return {
        "half_life_minutes": populer.half_life_s / 60,
        "click_weight": populer.weights["click"],
        "self_click_weight": populer.self_click_weight,
        "network_allowance": settings.ingest.network_allowance,
        "dedupe_minutes": settings.ingest.dedupe_window_s / 60,
        "refresh_s": settings.refresh.every_s,
    }
