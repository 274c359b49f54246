"""Simulated people: they speak to the service over HTTP exactly as a newsroom and its visitors would.

The public sends beacons without a key or timestamps; the desk lets articles come out with the write key, and breaking
news when somebody presses the button; so do robots come.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from random import Random

import httpx2
import structlog

from populer.demo.articles import Article, Story
from populer.demo.audience import Event, Surge, click_events, interests, poisson, usual_rate, view_events
from populer.demo.backoffice import Pause, described
from populer.demo.robots import ATTACK_LASTS_S, attack
from populer.demo.service import BROWSER, Counted, ListAnswer, Service, bearer, decoded, outcomes_of
from populer.demo.stage import Attack, Stage

log = structlog.get_logger("populer.demo")

TICK_S = 0.5
LONGEST_TICK_S = 2.0
CLICKS_PER_VIEW = 0.06
LOOK_EVERY_S = 1.0
LIST_PATH = "/v1/lists/populer"
VISIBLE = 7
WHOLE_LIST = 100
#: Events that one network sends at once: no more than it may add to one item (`ingest.network_allowance`).
OF_ONE_NETWORK = 5

FIRST_WIRE_S, WIRE_EVERY_S, WIRE_VIEWS_PER_S = 20.0, 75.0, 4.0
FIRST_SURGE_S, SURGE_EVERY_S, SURGE_VIEWS_PER_S = 45.0, 70.0, 5.0
BREAKING_VIEWS_PER_S = 24.0
#: Robots choose an article well below the box.
TARGET_BELOW = 14

Clock = Callable[[], float]


class Readers:
    """See the module's docstring. `clock` tells epoch seconds."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        stage: Stage,
        *,
        write_key: str,
        rng: Random,
        clock: Clock = time.time,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._service = Service(client)
        self._stage, self._desk = stage, stage.newsdesk
        self._authorization = bearer(write_key)
        self._rng, self._clock, self._pause = rng, clock, pause
        self._surges: list[Surge] = []
        began = clock()
        self._before, self._look_due = began, 0.0
        self._wire_due, self._surge_due = began + FIRST_WIRE_S, began + FIRST_SURGE_S
        self._robots: asyncio.Task[None] | None = None
        self._told_filtered = False

    async def read(self) -> None:
        """Read until cancelled, from the moment that there is a list."""
        await self._recall()
        while not self._stage.listed:
            await self._look()
            await self._pause(max(TICK_S / 2, self._service.pause_s))
        self._before = self._clock()
        self._stage.reading = True
        try:
            while True:
                await self._turn()
                await self._pause(max(TICK_S, self._service.pause_s))
        finally:
            if self._robots is not None:
                self._robots.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._robots

    async def _recall(self) -> None:
        """What came out before this worker took the place of another is still out."""
        for article in self._desk.held:
            try:
                answer = await self._service.client.get(f"/v1/items/{article.id}", headers=self._authorization)
                if answer.is_success:
                    self._desk.publish(article, float(answer.json()["published_at"]))
            except (httpx2.HTTPError, ValueError, KeyError):
                return

    async def _turn(self) -> None:
        now = self._clock()
        await self._take_wishes(now)
        await self._go_on(now)
        # After an outage or a suspended laptop the readers go on; they do not make up for what they missed.
        await self._send(now, min(now - self._before, LONGEST_TICK_S))
        self._before = now
        if now >= self._look_due and not self._service.pause_s:
            self._look_due = now + LOOK_EVERY_S
            await self._look()

    async def _take_wishes(self, now: float) -> None:
        stage = self._stage
        if stage.wants_breaking:
            stage.wants_breaking = False
            held = self._desk.next_breaking()
            article = held if held else self._desk.next_update().article
            if held is None or await self._publish(held, now):
                self._surges.append(Surge(article.id, now, BREAKING_VIEWS_PER_S))
                stage.urgent = article
                stage.tell(now, "urgent", article)
                log.info("demo breaking news", item=article.id)
        if stage.wants_robots:
            stage.wants_robots = False
            target = self._target()
            if target is not None and (stage.attack is None or stage.attack.over):
                stage.attack = Attack(target, stage.rank(target.id))
                stage.tell(now, "robots", target)
                self._robots = asyncio.create_task(self._attack(stage.attack))
                log.info("demo robot attack", item=target.id)

    async def _go_on(self, now: float) -> None:
        """The ordinary course of the day: an article comes out, another is passed on."""
        if now >= self._wire_due:
            self._wire_due = now + WIRE_EVERY_S * self._rng.uniform(0.8, 1.2)
            article = self._desk.next_wire()
            if article is not None and await self._publish(article, now):
                self._surges.append(Surge(article.id, now, WIRE_VIEWS_PER_S))
                self._stage.tell(now, "published", article)
        if now >= self._surge_due:
            self._surge_due = now + SURGE_EVERY_S * self._rng.uniform(0.8, 1.2)
            lower = self._stage.listed[VISIBLE:] or self._stage.listed
            attacked = self._stage.attack.target.id if self._stage.attack else None
            story = self._desk.story(self._rng.choice([item for item in lower if item != attacked] or lower))
            if story is not None:
                self._surges.append(Surge(story.article.id, now, SURGE_VIEWS_PER_S))
                self._stage.tell(now, "shared", story.article)
        self._surges = [surge for surge in self._surges if not surge.over(now)]

    async def _publish(self, article: Article, now: float) -> bool:
        """Have it come out: first for the service, then on the pages."""
        answer = await self._service.send(
            "PUT", "/v1/items", json=[described(Story(article, now))], headers=self._authorization
        )
        if answer is None or not answer.is_success:
            return False
        self._desk.publish(article, now)
        return True

    async def _send(self, now: float, seconds: float) -> None:
        usual = usual_rate(now - self._stage.started_at)
        stories = self._desk.stories
        items = [story.article.id for story in stories]
        events = view_events(items, interests(stories, now), poisson(usual * seconds, self._rng), self._rng)
        for surge in self._surges:
            events += view_events([surge.item], [1.0], poisson(surge.beyond(now) * seconds, self._rng), self._rng)
        for _ in range(poisson(usual * seconds * CLICKS_PER_VIEW, self._rng)):
            events += click_events(self._stage.listed[:VISIBLE], self._rng)
        self._stage.views_per_s = usual + sum(surge.beyond(now) for surge in self._surges)
        if not events:
            return
        for first in range(0, len(events), OF_ONE_NETWORK):
            await self._tell(events[first : first + OF_ONE_NETWORK])

    async def _tell(self, events: list[Event]) -> None:
        """Send what readers of one network did."""
        headers = {**BROWSER, "X-Forwarded-For": _address(self._rng)}
        answer = await self._service.send("POST", "/v1/events", json={"events": events}, headers=headers)
        counted = decoded(answer, Counted)
        if counted is None:
            return
        self._stage.clicks += sum(event["kind"] == "click" for event in events)
        if counted.filtered and not counted.accepted and not self._told_filtered:
            self._told_filtered = True
            log.warning("the service filters the demo's readers", filtered=counted.filtered)

    async def _look(self) -> None:
        """See what the list is, and what the service says it has counted."""
        answer = await self._service.send("GET", LIST_PATH, params={"limit": WHOLE_LIST}, headers=BROWSER)
        found = decoded(answer, ListAnswer)
        if found is not None:
            self._stage.show(found.items)
        metrics = await self._service.send("GET", "/metrics", headers=BROWSER)
        if metrics is not None and metrics.is_success:
            self._stage.outcomes = outcomes_of(metrics.text)

    def _target(self) -> Article | None:
        """Who the robots want in the list: the same as before, or one from far below."""
        if self._stage.attack is not None:
            return self._stage.attack.target
        lower = self._stage.listed[TARGET_BELOW:] or self._stage.listed
        busy = {surge.item for surge in self._surges}
        found = [story for item in lower if item not in busy and (story := self._desk.story(item)) is not None]
        return found[0].article if found else None

    async def _attack(self, robots: Attack) -> None:
        batches = list(attack(robots.target.id, self._rng))
        for batch in batches:
            answer = await self._service.send(
                "POST", "/v1/events", json={"events": batch.events}, headers=batch.headers
            )
            counted = decoded(answer, Counted)
            robots.took(len(batch.events), counted.outcomes() if counted else {})
            await self._pause(ATTACK_LASTS_S / len(batches))
        robots.over = True
        self._stage.tell(self._clock(), "repelled", robots.target)
        log.info("demo robots are done", sent=robots.sent, outcomes=dict(robots.outcomes))


def _address(rng: Random) -> str:
    """The address of some readers, in one of the 65,536 networks (/48) that are kept for documentation (RFC 3849)."""
    return f"2001:db8:{rng.randrange(1 << 16):x}::1"


def sample_readers(client: httpx2.AsyncClient, stage: Stage, write_key: str) -> Readers:
    """The readers of the demo."""
    return Readers(client, stage, write_key=write_key, rng=Random(stage.started_at))  # noqa: S311 - not secrets
