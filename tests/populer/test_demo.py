"""The demo: pages as an editor and a strict browser would have them, readers who outlive an outage."""

import asyncio
import json
import re
from collections import Counter
from datetime import datetime
from html import escape, unescape
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from populer.demo import art, audience, newsroom
from populer.demo.articles import SECTIONS, Article, load_articles, section_slug
from populer.demo.audience import (
    HISTORY_SPAN_S,
    click_events,
    day_rhythm,
    history_events,
    interests,
    poisson,
)
from populer.demo.newsroom import lay_out
from populer.demo.readers import read_forever, seed_history

STARTED_AT = 1_764_530_940.0  # Senin, 01 Desember 2025 | 02:29 in Jakarta
ARTICLES = load_articles()
NASTY = Article(
    id="judul-nakal",
    title='Judul <script>alert("x")</script> & Kawan-Kawan',
    section="Daerah",
    lead="Pembuka <b>tebal</b>",
    author="A & B",
    paragraphs=("Satu <i>paragraf</i>.",),
    minutes_ago=1,
    appeal=10,
)


def browser(published: list[Article] | None = None) -> httpx.AsyncClient:
    app = newsroom.newsroom(published or ARTICLES, started_at=STARTED_AT)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://redaksi.test")


def service(answer: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://populer.test:8000")


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


class Clock:
    """Half a second later at every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


PAGES = [
    "/",
    "/populer",
    "/update",
    *(f"/kanal/{section_slug(section)}" for section in SECTIONS),
    *(article.path for article in ARTICLES),
]


async def test_every_page_answers() -> None:
    async with browser() as client:
        for path in PAGES:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_no_page_needs_inline_script_inline_style_or_another_host() -> None:
    async with browser() as client:
        for path in PAGES:
            answer = await client.get(path)
            page = answer.text
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert re.findall(r"<script(?![^>]*\bsrc=)", page) == [], path
            assert re.findall(r"\son[a-z]+\s*=", page) == [], path
            assert re.findall(r"<style|\sstyle=", page) == [], path
            assert re.findall(r"""(?:src|href)=["'](?!/|#)""", page) == [], path


async def test_every_link_of_a_page_leads_somewhere() -> None:
    async with browser() as client:
        links = set[str]()
        for path in PAGES:
            links.update(re.findall(r'(?:href|src)="([^"#]+)"', (await client.get(path)).text))
        beside_the_newsroom = {"/docs", "/v1/lists/populer"}
        for link in links - beside_the_newsroom:
            assert (await client.get(link)).status_code == 200, link
        assert beside_the_newsroom <= links


async def test_ids_in_a_page_are_unique() -> None:
    async with browser() as client:
        for path in PAGES:
            ids = re.findall(r'\sid="([^"]+)"', (await client.get(path)).text)
            assert len(ids) == len(set(ids)), path


async def test_titles_and_texts_are_escaped() -> None:
    async with browser([NASTY, *ARTICLES]) as client:
        for path in ("/", "/kanal/daerah", NASTY.path):
            page = (await client.get(path)).text
            assert "<script>alert" not in page
            assert "<b>tebal" not in page
            assert "<i>paragraf" not in page
            assert NASTY.title in unescape(page)


async def test_an_unknown_article_section_or_address_is_an_indonesian_404() -> None:
    async with browser() as client:
        for path in ("/berita/tidak-ada", "/kanal/tidak-ada", "/tidak/ada"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert "Halaman tidak ditemukan" in answer.text


async def test_an_article_page_carries_its_id_its_text_and_both_boxes() -> None:
    article = ARTICLES[0]
    async with browser() as client:
        page = (await client.get(article.path)).text
    assert f'data-item="{article.id}"' in page
    assert f"<h1>{escape(article.title)}</h1>" in page
    for paragraph in article.paragraphs:
        assert paragraph in unescape(page)
    assert 'data-list="populer" data-size="7"' in page
    assert 'data-list="update" data-size="10"' in page
    assert page.count("Selengkapnya") == 2
    assert page.count("row--pending") == 17
    assert "<noscript>" in page


async def test_a_page_without_an_article_carries_no_item() -> None:
    async with browser() as client:
        for path in ("/", "/populer", "/kanal/daerah", "/tidak/ada"):
            assert "data-item" not in (await client.get(path)).text


async def test_dates_are_indonesian_and_in_wib() -> None:
    just_out = Article("a", "Judul", "Daerah", "", "Penulis", ("Teks.",), minutes_ago=0, appeal=1)
    async with browser([just_out]) as client:
        assert "Senin, 01 Desember 2025 | 02:29 WIB" in (await client.get(just_out.path)).text


async def test_the_full_lists_ask_for_fifty() -> None:
    async with browser() as client:
        for name in ("populer", "update"):
            page = (await client.get(f"/{name}")).text
            assert f'data-list="{name}" data-size="50" data-full' in page


def test_no_story_stands_on_the_front_page_twice() -> None:
    stories = [newsroom.Story(article, datetime(2025, 12, 1, 2, 29, tzinfo=newsroom.WIB)) for article in ARTICLES]
    sections = [newsroom.Section(name, section_slug(name)) for name in SECTIONS]
    front = lay_out(stories, sections)
    shelved = [story for shelf in front.shelves for story in shelf.stories]
    placed = [story.article.id for story in (front.lead, *front.second, *front.grid, *shelved)]
    assert len(placed) == len(set(placed))


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.id)
def test_every_article_is_well_formed(article: Article) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", article.id)
    assert 45 <= len(article.title) <= 85
    assert article.section in SECTIONS
    assert 3 <= len(article.paragraphs) <= 5
    assert article.lead
    assert article.author
    assert 3 <= article.minutes_ago <= 3 * 24 * 60
    assert 0.2 <= article.appeal <= 10


def test_there_are_articles_enough_for_every_list_and_section() -> None:
    assert len({article.id for article in ARTICLES}) == len({article.title for article in ARTICLES}) == 32
    assert {article.section for article in ARTICLES} == set(SECTIONS)


def test_the_same_article_always_has_the_same_picture_and_others_have_another() -> None:
    for section in SECTIONS:
        assert art.picture(section, "satu") == art.picture(section, "satu")
        assert art.picture(section, "satu") != art.picture(section, "dua")


def test_history_lies_in_the_past_day_and_never_before_publication() -> None:
    events = history_events(ARTICLES, STARTED_AT, Random(1))
    published = {article.id: article.published_at(STARTED_AT) for article in ARTICLES}
    assert len(events) == audience.HISTORY_EVENTS
    for event in events:
        assert STARTED_AT - HISTORY_SPAN_S <= event["ts"] <= STARTED_AT
        assert event["ts"] >= published[event["item"]]
    times = [event["ts"] for event in events]
    assert times == sorted(times)


def test_history_is_the_same_for_the_same_seed() -> None:
    assert history_events(ARTICLES, STARTED_AT, Random(7)) == history_events(ARTICLES, STARTED_AT, Random(7))


def test_history_follows_appeal() -> None:
    liked = Article("liked", "", "Daerah", "", "", (), minutes_ago=600, appeal=10)
    ignored = Article("ignored", "", "Daerah", "", "", (), minutes_ago=600, appeal=1)
    read = Counter(event["item"] for event in history_events([liked, ignored], STARTED_AT, Random(2)))
    assert read["liked"] / read["ignored"] == pytest.approx(10, rel=0.1)


def test_an_article_published_at_this_moment_has_no_history() -> None:
    new = Article("new", "", "Daerah", "", "", (), minutes_ago=0, appeal=10)
    assert history_events([new], STARTED_AT, Random(1)) == []


def test_fewer_people_read_at_night() -> None:
    three_at_night, eight_in_the_evening = -4 * 3600.0, 13 * 3600.0
    assert day_rhythm(three_at_night) < 0.15
    assert day_rhythm(eight_in_the_evening) == 1.0


def test_breaking_news_is_wanted_more_even_when_it_is_old_and_only_for_its_time() -> None:
    old = Article("old", "", "Daerah", "", "", (), minutes_ago=4000, appeal=0.2)
    fresh = Article("fresh", "", "Daerah", "", "", (), minutes_ago=0, appeal=10)
    usual = interests([old, fresh], 10.0, {})
    broken = interests([old, fresh], 10.0, {"old": 120.0})
    after = interests([old, fresh], 121.0, {"old": 120.0})
    assert usual[0] < usual[1] < broken[0]
    assert after[0] == usual[0]


def test_the_poisson_draw_has_its_mean() -> None:
    rng = Random(3)
    draws = [poisson(7.5, rng) for _ in range(4000)]
    assert sum(draws) / len(draws) == pytest.approx(7.5, rel=0.03)
    assert poisson(0.0, rng) == 0


def test_a_click_names_its_place_and_is_followed_by_the_same_readers_view() -> None:
    rng = Random(4)
    ids = [article.id for article in ARTICLES[:7]]
    positions = Counter[int]()
    for _ in range(500):
        click, view = click_events(ids, rng)
        assert click["source"] == "list:populer"
        assert ids[click["position"] - 1] == click["item"] == view["item"]
        assert click["visitor"] == view["visitor"]
        positions[click["position"]] += 1
    assert positions[1] > positions[7] > 0
    assert click_events([], rng) == []


async def test_seeding_puts_the_items_first_and_then_the_history_with_the_write_key() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        body = json.loads(request.content)
        return httpx.Response(202, json={"accepted": len(body["events"]) if "events" in body else 0})

    async with service(answer) as client:
        recorded = await seed_history(
            client, ARTICLES, write_key="rahasia", started_at=STARTED_AT, rng=Random(1), pause=no_pause
        )
    assert recorded == audience.HISTORY_EVENTS
    assert [(request.method, request.url.path) for request in requests[:2]] == [
        ("PUT", "/v1/items"),
        ("POST", "/v1/events"),
    ]
    assert {request.headers["authorization"] for request in requests} == {"Bearer rahasia"}
    keys = [request.headers["idempotency-key"] for request in requests[1:]]
    assert len(keys) == len(set(keys))
    first = json.loads(requests[0].content)[0]
    assert first == {
        "id": ARTICLES[0].id,
        "title": ARTICLES[0].title,
        "url": f"http://populer.test:8000/berita/{ARTICLES[0].id}",
        "section": ARTICLES[0].section,
        "published_at": ARTICLES[0].published_at(STARTED_AT),
        "image": None,
    }


async def test_seeding_waits_for_a_service_that_is_not_up_yet_and_sends_a_lost_batch_again() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) == 1:
            raise httpx.ConnectError("nobody there", request=request)
        if len(requests) % 3 == 0:
            return httpx.Response(503)
        body = json.loads(request.content)
        return httpx.Response(202, json={"accepted": len(body["events"]) if "events" in body else 0})

    async with service(answer) as client:
        recorded = await seed_history(
            client, ARTICLES, write_key="k", started_at=STARTED_AT, rng=Random(1), pause=no_pause
        )
    assert recorded == audience.HISTORY_EVENTS


async def test_seeding_gives_up_when_the_key_is_refused() -> None:
    async with service(lambda _request: httpx.Response(401)) as client:
        assert (
            await seed_history(
                client, ARTICLES, write_key="salah", started_at=STARTED_AT, rng=Random(1), pause=no_pause
            )
            == 0
        )


async def read(answer: Any, *, until_requests: int) -> tuple[list[httpx.Request], list[float]]:
    """Lets readers read until the service has seen so many requests; answers these and the pauses between."""
    stop = asyncio.Event()
    requests: list[httpx.Request] = []
    pauses: list[float] = []

    def counted(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) >= until_requests:
            stop.set()
        result: httpx.Response = answer(request)
        return result

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async with service(counted) as client:
        await read_forever(client, ARTICLES, rng=Random(5), stop=stop, clock=Clock(), pause=pause)
    return requests, pauses


def healthy(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return httpx.Response(202, json={"accepted": len(json.loads(request.content)["events"])})
    return httpx.Response(200, json={"items": [{"id": article.id} for article in ARTICLES[:7]]})


async def test_readers_send_about_fifteen_views_a_second_without_key_or_time_each_as_someone_else() -> None:
    requests, pauses = await read(healthy, until_requests=400)
    sent = [event for r in requests if r.method == "POST" for event in json.loads(r.content)["events"]]
    views = [event for event in sent if event["kind"] == "view"]
    seconds = len(pauses) * 0.5
    assert len(views) / seconds == pytest.approx(15, rel=0.15)
    assert all("ts" not in event for event in sent)
    assert all("authorization" not in request.headers for request in requests)
    assert len({event["visitor"] for event in views}) == len(views)
    clicks = [event for event in sent if event["kind"] == "click"]
    assert clicks
    assert {click["item"] for click in clicks} <= {article.id for article in ARTICLES[:7]}


async def test_readers_survive_a_service_that_answers_503_and_leave_it_more_and_more_alone() -> None:
    requests, pauses = await read(lambda _request: httpx.Response(503), until_requests=8)
    assert len(requests) == 8
    assert pauses[-1] == 15.0
    assert pauses == sorted(pauses)


async def test_readers_survive_a_service_that_is_gone_or_answers_nonsense() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silence", request=request)

    assert len((await read(gone, until_requests=5))[0]) == 5
    nonsense = await read(lambda _request: httpx.Response(200, text="<html>"), until_requests=30)
    assert len(nonsense[0]) == 30


async def test_an_outage_is_told_once_and_its_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    turns = iter(range(1000))
    await read(lambda request: httpx.Response(503) if 5 <= next(turns) < 12 else healthy(request), until_requests=40)
    told = capsys.readouterr().out
    assert told.count("demo readers wait for the service") == 1
    assert told.count("demo readers are back") == 1


async def test_readers_come_back_at_their_usual_pace_after_an_outage() -> None:
    """Nobody catches up on what was missed: a restarted service must not be greeted by a flood."""
    turns = iter(range(1000))
    requests, _ = await read(
        lambda request: httpx.Response(503) if next(turns) < 20 else healthy(request), until_requests=60
    )
    batches = [len(json.loads(request.content)["events"]) for request in requests if request.method == "POST"]
    assert max(batches) < 60


async def test_readers_stop_when_told() -> None:
    stop = asyncio.Event()
    async with service(healthy) as client:
        reading = asyncio.create_task(read_forever(client, ARTICLES, rng=Random(1), stop=stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(reading, timeout=5)


def test_the_articles_file_refuses_unknown_fields() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"id":"a","judul":"b"}', type=Article)
