"""The newsroom's own side of the service: it describes its stories and hands in the past, with the write key."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx2
import structlog

from populer.demo.articles import Story
from populer.demo.audience import history_events
from populer.demo.newsdesk import Newsdesk
from populer.demo.service import Counted, Service, bearer, decoded

log = structlog.get_logger("populer.demo")

HISTORY_BATCH = 1_000

Pause = Callable[[float], Awaitable[object]]


async def seed_history(
    client: httpx2.AsyncClient,
    newsdesk: Newsdesk,
    *,
    write_key: str,
    started_at: float,
    rng: Random,
    pause: Pause = asyncio.sleep,
) -> int:
    """Puts the items and the views until `started_at`, so that the lists are full at once.

    Waits for a service that is not up yet. Answers how many views were recorded.
    """
    service = Service(client)
    authorization = bearer(write_key)

    async def insist(method: str, path: str, body: object, headers: dict[str, str]) -> httpx2.Response | None:
        while (answer := await service.send(method, path, json=body, headers=headers)) is None:
            await pause(service.pause_s)
        if answer.is_success:
            return answer
        log.error("the service refuses the demo's history", path=path, status=answer.status_code)
        return None

    items = [described(story) for story in newsdesk.stories]
    if await insist("PUT", "/v1/items", items, authorization) is None:
        return 0
    events = history_events(newsdesk.stories, started_at, rng)
    recorded = 0
    for first in range(0, len(events), HISTORY_BATCH):
        # The key makes a batch count once even when its answer got lost and it is sent again.
        key = {"Idempotency-Key": f"demo-{started_at:.3f}-{first}"}
        batch = {"events": events[first : first + HISTORY_BATCH]}
        answer = await insist("POST", "/v1/events", batch, authorization | key)
        if answer is None:
            return recorded
        counted = decoded(answer, Counted)
        recorded += counted.accepted if counted else 0
    log.info("demo history recorded", items=len(items), views=recorded)
    return recorded


def described(story: Story) -> dict[str, Any]:
    """A story as the newsroom tells the service of it. Addresses are those of the site itself, under any name."""
    article = story.article
    return {
        "id": article.id,
        "title": article.title,
        "url": article.path,
        "section": article.section,
        "published_at": story.published_at,
        "image": article.picture_path,
        "author": article.author,
    }
