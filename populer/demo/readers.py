"""Simulated readers: they speak to the service over HTTP exactly as a newsroom and its visitors would.

`seed_history` is the newsroom's back office: it puts the items and yesterday's views with the write key.
`read_forever` is the public: beacons without a key or timestamps, until told to stop. A service that does
not answer is worth one line in the log and a pause that grows, never a traceback: the demo starts its parts
together, and somebody may stop Redis to see what happens.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TypeVar

import httpx
import msgspec
import structlog

from populer.demo.articles import Article
from populer.demo.audience import click_events, history_events, interests, poisson, view_events

log = structlog.get_logger("populer.demo")

VIEWS_PER_S = 15.0
TICK_S = 0.5
LONGEST_TICK_S = 2.0
CLICK_CHANCE_PER_TICK = 0.3
LIST_EVERY_S = 5.0
LIST_PATH = "/v1/lists/populer"
FIRST_BREAKING_S = 15.0
BREAKING_EVERY_S = 45.0
BREAKING_LASTS_S = 120.0

HISTORY_BATCH = 1_000
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
REQUEST_TIMEOUT_S = 10.0

# The simulated public uses browsers; under the HTTP library's own name the service would filter it as bots.
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
}
# The request itself is refused: sending it again cannot help, unlike 429 and the 500s.
REFUSED = frozenset({400, 401, 403, 404, 405, 413, 415, 422})

Pause = Callable[[float], Awaitable[object]]
Clock = Callable[[], float]
T = TypeVar("T")


class _Counted(msgspec.Struct):
    accepted: int = 0
    filtered: dict[str, int] = {}


class _ListedItem(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    items: list[_ListedItem] = []


class _Service:
    """The service as seen from outside: requests that never raise, and an outage that is told once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._failures = 0

    @property
    def pause_s(self) -> float:
        """How long to leave the service alone: not at all, or 0.5 s doubling up to 15 s while it fails."""
        if not self._failures:
            return 0.0
        doublings = min(self._failures - 1, 10)
        return float(min(FIRST_PAUSE_S * 2**doublings, LONGEST_PAUSE_S))

    async def send(
        self, method: str, path: str, *, headers: dict[str, str], json: object = None
    ) -> httpx.Response | None:
        """The answer, a refusal included; None where the service could not answer."""
        try:
            answer = await self._client.request(method, path, json=json, headers=headers, timeout=REQUEST_TIMEOUT_S)
        except httpx.HTTPError as error:
            self._failed(f"{type(error).__name__} {error}".strip())
            return None
        if answer.is_success:
            self._recovered()
            return answer
        self._failed(f"status {answer.status_code}")
        return answer if answer.status_code in REFUSED else None

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            log.warning("demo readers wait for the service", reason=reason)

    def _recovered(self) -> None:
        if self._failures:
            log.info("demo readers are back", failed_requests=self._failures)
        self._failures = 0


async def seed_history(
    client: httpx.AsyncClient,
    articles: Sequence[Article],
    *,
    write_key: str,
    started_at: float,
    rng: Random,
    pause: Pause = asyncio.sleep,
) -> int:
    """Puts the items and the past day's views, so that the lists are full at once.

    Waits for a service that is not up yet. Answers how many views were recorded.
    """
    service = _Service(client)
    authorization = {"Authorization": f"Bearer {write_key}"}

    async def insist(method: str, path: str, body: object, headers: dict[str, str]) -> httpx.Response | None:
        while (answer := await service.send(method, path, json=body, headers=headers)) is None:
            await pause(service.pause_s)
        if answer.is_success:
            return answer
        log.error("the service refuses the demo's history", path=path, status=answer.status_code)
        return None

    items = [
        {
            "id": article.id,
            "title": article.title,
            "url": str(client.base_url.join(article.path)),
            "section": article.section,
            "published_at": article.published_at(started_at),
            "image": None,
        }
        for article in articles
    ]
    if await insist("PUT", "/v1/items", items, authorization) is None:
        return 0
    events = history_events(articles, started_at, rng)
    recorded = 0
    for first in range(0, len(events), HISTORY_BATCH):
        # The key makes a batch count once even when its answer got lost and it is sent again.
        key = {"Idempotency-Key": f"demo-{started_at:.3f}-{first}"}
        batch = {"events": events[first : first + HISTORY_BATCH]}
        answer = await insist("POST", "/v1/events", batch, authorization | key)
        if answer is None:
            return recorded
        counted = _decode(answer, _Counted)
        recorded += counted.accepted if counted else 0
    log.info("demo history recorded", items=len(items), views=recorded)
    return recorded


async def read_forever(
    client: httpx.AsyncClient,
    articles: Sequence[Article],
    *,
    rng: Random,
    stop: asyncio.Event,
    clock: Clock = time.monotonic,
    pause: Pause | None = None,
) -> None:
    """Reads until `stop`: some fifteen views a second, clicks in the list, now and then breaking news."""
    service = _Service(client)
    rest = pause or (lambda seconds: _stopped_within(stop, seconds))
    began = clock()
    elapsed = list_due = 0.0
    breaking_due = FIRST_BREAKING_S
    breaking: dict[str, float] = {}
    listed: list[str] = []
    told_filtered = False
    await rest(TICK_S)
    while not stop.is_set():
        before, elapsed = elapsed, clock() - began
        if elapsed >= breaking_due:
            article = rng.choice(articles)
            breaking[article.id] = elapsed + BREAKING_LASTS_S
            breaking_due = elapsed + BREAKING_EVERY_S * rng.uniform(0.8, 1.2)
            log.info("demo breaking news", item=article.id)
        # After an outage or a suspended laptop the readers go on; they do not make up for what they missed.
        views = poisson(VIEWS_PER_S * min(elapsed - before, LONGEST_TICK_S), rng)
        events = view_events(articles, interests(articles, elapsed, breaking), views, rng)
        if rng.random() < CLICK_CHANCE_PER_TICK:
            events += click_events(listed, rng)
        if events:
            answer = await service.send("POST", "/v1/events", json={"events": events}, headers=BROWSER)
            counted = _decode(answer, _Counted)
            if counted and counted.filtered and not counted.accepted and not told_filtered:
                told_filtered = True
                log.warning("the service filters the demo's readers", filtered=counted.filtered)
        if elapsed >= list_due and not service.pause_s:
            list_due = elapsed + LIST_EVERY_S
            published = _decode(await service.send("GET", LIST_PATH, headers=BROWSER), _List)
            if published:
                listed = [item.id for item in published.items]
        await rest(max(TICK_S, service.pause_s))


def _decode(answer: httpx.Response | None, form: type[T]) -> T | None:
    """The answer as `form`; None for no answer, and for one that is something else."""
    if answer is None or not answer.is_success:
        return None
    try:
        return msgspec.json.decode(answer.content, type=form)
    except msgspec.MsgspecError:
        return None


async def _stopped_within(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
