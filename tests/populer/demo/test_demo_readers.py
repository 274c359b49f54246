"""The demo's people against a service that answers, refuses, is silent, or talks nonsense."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

import httpx2
import pytest

from populer.demo.backoffice import seed_history
from populer.demo.newsdesk import sample_newsdesk
from populer.demo.readers import Readers
from populer.demo.robots import ATTACK_EVENTS
from populer.demo.service import outcomes_of
from populer.demo.stage import Stage

STARTED_AT = 1_764_530_940.0
KEY = {"authorization": "Bearer k"}
RANKED = [article.article.id for article in sample_newsdesk(STARTED_AT).stories]
METRICS = (
    '# TYPE populer_events_total counter\npopuler_events_total{outcome="accepted",site="a"} 5.0\n'
    'populer_events_total{outcome="robot",site="a"} 3.0\npopuler_events_total{outcome="spooled",site="a"} 0.0\n'
)
Answer = Callable[[httpx2.Request], httpx2.Response]


def service(answer: Answer) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://populer.test:8000")


def healthy(request: httpx2.Request) -> httpx2.Response:
    if request.url.path == "/v1/events":
        return httpx2.Response(202, json={"accepted": len(json.loads(request.content)["events"])})
    if request.url.path == "/metrics":
        return httpx2.Response(200, text=METRICS)
    if request.url.path.startswith("/v1/items/"):
        return httpx2.Response(404)
    items = [{"id": item, "rank": rank, "score": 1000.0 / rank} for rank, item in enumerate(RANKED, 1)]
    return httpx2.Response(200, json={"items": items})


class Play:
    """Readers on a clock that only their own pauses move, until so many pauses have been made."""

    def __init__(self, answer: Answer = healthy, *, pauses: int = 200, stage: Stage | None = None) -> None:
        self.stage = stage or Stage(STARTED_AT, sample_newsdesk(STARTED_AT))
        self.requests: list[httpx2.Request] = []
        self.pauses: list[float] = []
        self.now = STARTED_AT
        self._answer, self._left = answer, pauses

    async def run(self) -> "Play":
        async with service(self._counted) as client:
            readers = Readers(
                client, self.stage, write_key="k", rng=Random(5), clock=lambda: self.now, pause=self._pause
            )
            with pytest.raises(asyncio.CancelledError):
                await readers.read()
        return self

    def events(self) -> list[dict[str, Any]]:
        """All that was sent, robots included."""
        return [event for request in self._told() for event in json.loads(request.content)["events"]]

    def batches(self) -> list[int]:
        """How many events each request of the readers had."""
        return [len(json.loads(request.content)["events"]) for request in self._told()]

    def _told(self) -> list[httpx2.Request]:
        return [request for request in self.requests if request.url.path == "/v1/events"]

    def _counted(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self._left -= 1
        if self._left <= 0:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_seeding_describes_every_story_and_records_the_past_with_the_key() -> None:
    requests: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        body = json.loads(request.content)
        return httpx2.Response(202, json={"accepted": len(body["events"]) if "events" in body else 0})

    desk = sample_newsdesk(STARTED_AT)
    async with service(answer) as client:
        recorded = await seed_history(client, desk, write_key="k", started_at=STARTED_AT, rng=Random(1), pause=no_pause)
    items = json.loads(requests[0].content)
    assert [item["id"] for item in items] == RANKED
    assert all(item["url"].startswith("/berita/") and item["published_at"] <= STARTED_AT for item in items)
    assert all(request.headers["authorization"] == "Bearer k" for request in requests)
    keys = [request.headers["idempotency-key"] for request in requests[1:]]
    assert len(keys) == len(set(keys))
    assert recorded == sum(len(json.loads(request.content)["events"]) for request in requests[1:]) > 10_000


async def test_seeding_waits_for_a_service_that_is_not_up_and_repeats_what_failed() -> None:
    turns: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        turns.append(request)
        if len(turns) == 1:
            raise httpx2.ConnectError("nobody there", request=request)
        if len(turns) % 3 == 0:
            return httpx2.Response(503)
        body = json.loads(request.content)
        return httpx2.Response(202, json={"accepted": len(body["events"]) if "events" in body else 0})

    desk = sample_newsdesk(STARTED_AT)
    async with service(answer) as client:
        recorded = await seed_history(client, desk, write_key="k", started_at=STARTED_AT, rng=Random(1), pause=no_pause)
    counted = {r.headers["idempotency-key"]: len(json.loads(r.content)["events"]) for r in turns if r.method == "POST"}
    assert recorded == sum(counted.values())


async def test_seeding_gives_up_when_the_key_is_refused() -> None:
    desk = sample_newsdesk(STARTED_AT)
    async with service(lambda _: httpx2.Response(401)) as client:
        assert (
            await seed_history(client, desk, write_key="x", started_at=STARTED_AT, rng=Random(1), pause=no_pause) == 0
        )


async def test_readers_follow_the_day_without_key_or_time_each_as_someone_else() -> None:
    play = await Play(pauses=60).run()
    events = play.events()
    views = [event for event in events if event["kind"] == "view"]
    assert all("ts" not in event for event in events)
    assert len({event["visitor"] for event in views}) == len(views)
    told = [request for request in play.requests if request.url.path == "/v1/events"]
    assert all("authorization" not in request.headers for request in told)
    clicks = [event for event in events if event["kind"] == "click"]
    assert clicks
    assert {click["item"] for click in clicks} <= set(RANKED[:7])
    assert len(views) / 30 == pytest.approx(19.7 + 1.2 + 1.5, rel=0.15)  # at seven; clicks read, too; a first story


async def test_stories_come_out_and_are_passed_on_in_the_course_of_the_day() -> None:
    play = await Play(pauses=900).run()
    kinds = [happening["kind"] for happening in play.stage.state(play.now)["happenings"]]
    assert {"published", "shared"} <= set(kinds)
    described = [json.loads(r.content)[0] for r in play.requests if r.method == "PUT"]
    assert [item["id"] for item in described] == [
        story.article.id for story in reversed(play.stage.newsdesk.stories[: len(described)])
    ]
    assert all(STARTED_AT < item["published_at"] <= play.now for item in described)


async def test_a_story_is_on_the_pages_only_once_the_service_knows_it() -> None:
    def refuses_items(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(403) if request.method == "PUT" else healthy(request)

    play = await Play(refuses_items, pauses=400).run()
    assert any(request.method == "PUT" for request in play.requests)
    assert [story.article.id for story in play.stage.newsdesk.stories] == RANKED


async def test_breaking_news_comes_out_and_draws_readers() -> None:
    quiet, stage = Stage(STARTED_AT, sample_newsdesk(STARTED_AT)), Stage(STARTED_AT, sample_newsdesk(STARTED_AT))
    stage.wants_breaking = True
    usual = await Play(pauses=60, stage=quiet).run()
    play = await Play(pauses=60, stage=stage).run()
    news = stage.newsdesk.next_breaking()
    assert stage.urgent is not None
    assert news is not None
    assert news.id != stage.urgent.id
    of_news = sum(event["item"] == stage.urgent.id for event in play.events())
    assert of_news > 400
    assert len(play.events()) - len(usual.events()) == pytest.approx(of_news, rel=0.2)
    assert not stage.wants_breaking


async def test_breaking_news_never_runs_out() -> None:
    stage = Stage(STARTED_AT, sample_newsdesk(STARTED_AT))
    urgent = []

    def presses(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/metrics":
            stage.wants_breaking = True
            if stage.urgent is not None:
                urgent.append(stage.urgent.id)
        return healthy(request)

    await Play(presses, pauses=60, stage=stage).run()
    assert stage.newsdesk.next_breaking() is None
    assert len(urgent) > len(set(urgent)) == 6


async def test_robots_are_told_by_what_the_service_answered() -> None:
    def filters(request: httpx2.Request) -> httpx2.Response:
        robots = request.headers.get("x-forwarded-for", "").startswith(("198.51.100.", "203.0.113."))
        if request.url.path != "/v1/events" or not robots:
            return healthy(request)
        count = len(json.loads(request.content)["events"])
        if "python" in request.headers["user-agent"]:
            return httpx2.Response(202, json={"filtered": {"robot": count}})
        return httpx2.Response(202, json={"accepted": 1, "duplicate": 9, "filtered": {"limited": count - 10}})

    stage = Stage(STARTED_AT, sample_newsdesk(STARTED_AT))
    stage.wants_robots = True
    play = await Play(filters, pauses=300, stage=stage).run()
    attack = stage.attack
    assert attack is not None
    assert attack.over
    assert attack.sent == ATTACK_EVENTS == sum(attack.outcomes.values())
    assert attack.outcomes["robot"] == 1500
    assert attack.rank_before is not None
    assert attack.rank_before > 7
    assert stage.rank_if_believed(attack) == 1
    told = play.stage.state(play.now)["attack"]
    assert told["outcomes"] == dict(attack.outcomes)
    assert told["id"] == attack.target.id


async def test_a_second_attack_waits_for_the_end_of_the_first() -> None:
    stage = Stage(STARTED_AT, sample_newsdesk(STARTED_AT))
    stage.wants_robots = True

    def presses_again(request: httpx2.Request) -> httpx2.Response:
        stage.wants_robots = True
        return healthy(request)

    play = await Play(presses_again, pauses=20, stage=stage).run()
    attacks = [each for each in play.stage.state(play.now)["happenings"] if each["kind"] == "robots"]
    assert len(attacks) == 1


async def test_a_worker_that_is_started_again_knows_what_was_out() -> None:
    wire = sample_newsdesk(STARTED_AT).held[0]

    def out(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == f"/v1/items/{wire.id}":
            return httpx2.Response(200, json={"published_at": STARTED_AT + 20})
        return healthy(request)

    play = await Play(out, pauses=5).run()
    assert play.stage.newsdesk.stories[0] == (wire, STARTED_AT + 20)


async def test_readers_survive_a_service_that_answers_503_and_leave_it_more_and_more_alone() -> None:
    play = await Play(lambda _: httpx2.Response(503), pauses=10).run()
    assert play.pauses[-1] == 15.0
    assert play.pauses == sorted(play.pauses)
    assert not play.stage.reading


async def test_readers_survive_a_service_that_is_gone_or_answers_nonsense() -> None:
    def gone(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("silence", request=request)

    assert not (await Play(gone, pauses=5).run()).stage.listed
    nonsense = await Play(lambda _: httpx2.Response(200, text="<html>"), pauses=10).run()
    assert not nonsense.stage.listed


async def test_an_outage_is_told_once_and_its_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    turns = iter(range(10_000))
    await Play(lambda r: httpx2.Response(503) if 60 <= next(turns) < 67 else healthy(r), pauses=60).run()
    told = capsys.readouterr().out
    assert told.count("demo readers wait for the service") == 1
    assert told.count("demo readers are back") == 1


async def test_readers_come_back_at_their_usual_pace_after_an_outage() -> None:
    """Nobody catches up on what was missed: a restarted service must not be greeted by a flood."""
    turns = iter(range(10_000))
    play = await Play(lambda r: httpx2.Response(503) if 60 <= next(turns) < 80 else healthy(r), pauses=80).run()
    assert max(play.batches()) < 90


def test_metrics_are_read_by_outcome_and_nonsense_is_none() -> None:
    assert outcomes_of(METRICS) == {"accepted": 5, "robot": 3}
    assert outcomes_of("<html>") == {}
