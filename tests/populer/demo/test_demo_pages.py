"""The newsroom's pages as an editor and a strict browser would have them, whatever the service answers."""

import re
from collections.abc import AsyncIterator, Callable
from html import escape, unescape

import httpx2
import pytest
from starlette.applications import Starlette

from populer.demo.articles import SECTIONS, Article, load_articles, section_slug
from populer.demo.backstage import Backstage, parts_of
from populer.demo.newsdesk import Newsdesk
from populer.demo.newsroom import Newsroom, lay_out, sections_of
from populer.demo.press import HERE, LIST_TEMPLATES, Press, day_curve
from populer.demo.service import ListedArticle
from populer.demo.stage import Stage

STARTED_AT = 1_764_530_940.0  # Senin, 01 Desember 2025 | 02:29 in Jakarta
ARTICLES = load_articles()
ADDRESS = "http://redaksi.test"
NASTY = Article(
    id="judul-nakal",
    title='Judul <script>alert("x")</script> & Kawan-Kawan',
    section="Daerah",
    lead="Pembuka <b>tebal</b> </script>",
    author="A & B",
    paragraphs=("Satu <i>paragraf</i>.",),
    appeal=10,
    minutes_ago=1,
)
FRAGMENT = '<section class="populer-box"><ol><li data-id="a">Dari layanan</li></ol></section>'
SETTINGS = {
    "half_life_minutes": 5,
    "click_weight": 3,
    "self_click_weight": 0.3,
    "network_allowance": 5,
    "dedupe_minutes": 30,
    "refresh_s": 1,
}
EXPLAINED = {
    "rank": 2,
    "score": 12.5,
    "age_s": 600,
    "counted": 12.5,
    "left_out": {"robot": 1500},
    "above": {"rank": 1, "item": ARTICLES[1].id, "score": 13, "margin": 0.5},
    "below": None,
    "channels": [
        {"kind": "view", "source": None, "events": 20.0, "decayed": 10.7, "part": 10.7},
        {"kind": "click", "source": "list:populer", "events": 1.0, "decayed": 1.0, "part": 0.9},
        {"kind": "click", "source": "list:populer", "events": 1.0, "decayed": 1.0, "part": 0.9},
    ],
}
PAGES = [
    "/",
    "/peragaan",
    f"/peragaan/mengapa/{ARTICLES[0].id}",
    *(f"/kanal/{section_slug(section)}" for section in SECTIONS),
    *(article.path for article in ARTICLES),
]
Answer = Callable[[httpx2.Request], httpx2.Response]


def renders(request: httpx2.Request) -> httpx2.Response:
    if request.url.path.endswith("/explain"):
        return httpx2.Response(200, json=EXPLAINED)
    return httpx2.Response(200, text=FRAGMENT)


def browser(published: list[Article] | None = None, answer: Answer = renders) -> httpx2.AsyncClient:
    articles = published or ARTICLES
    stage = Stage(STARTED_AT, Newsdesk(STARTED_AT, articles))
    stage.show([ListedArticle(article.id, rank, 1.0) for rank, article in enumerate(articles, 1)])
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://populer.test:8000")
    newsroom = Newsroom(stage, Press(), sections_of(articles), client, ADDRESS)
    routes = [*newsroom.routes, *Backstage(stage, newsroom, client, "admin", SETTINGS).routes]
    app = Starlette(routes=routes, exception_handlers={404: newsroom.missing})
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ADDRESS)


@pytest.fixture
async def visitor() -> AsyncIterator[httpx2.AsyncClient]:
    async with browser() as client:
        yield client


async def test_every_page_answers(visitor: httpx2.AsyncClient) -> None:
    for path in PAGES:
        answer = await visitor.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_no_page_needs_inline_script_inline_style_or_another_host(visitor: httpx2.AsyncClient) -> None:
    for path in PAGES:
        answer = await visitor.get(path)
        page = answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert re.findall(r"<script(?![^>]*(?:\bsrc=|application/ld\+json))", page) == [], path
        assert re.findall(r"\son[a-z]+\s*=", page) == [], path
        assert re.findall(r"<style|\sstyle=", page) == [], path
        links = re.findall(r"""<(?!meta|link rel="canonical")[^>]*(?:src|href)=["']([^"']*)""", page)
        assert [link for link in links if not link.startswith(("/", "#"))] == [], path


async def test_every_link_of_a_page_leads_somewhere(visitor: httpx2.AsyncClient) -> None:
    links = set[str]()
    for path in PAGES:
        found = re.findall(r'<(?!link rel="canonical")[^>]*(?:href|src)="(/[^"#]*)"', (await visitor.get(path)).text)
        links.update(unescape(link) for link in found)
    services = ("/v1/", "/lists/", "/docs", "/ops", "/metrics", "/readyz", "/populer.js")
    assert {link for link in links if link.startswith(services)} >= {"/docs", "/ops", "/populer.js", "/lists/populer"}
    for link in links:
        if not link.startswith(services):
            assert (await visitor.get(link)).status_code == 200, link


async def test_ids_in_a_page_are_unique(visitor: httpx2.AsyncClient) -> None:
    for path in PAGES:
        ids = re.findall(r'\sid="([^"]+)"', (await visitor.get(path)).text)
        assert len(ids) == len(set(ids)), path


async def test_titles_and_texts_are_escaped() -> None:
    async with browser([NASTY, *ARTICLES]) as visitor:
        for path in ("/", "/kanal/daerah", "/peragaan", NASTY.path, f"/peragaan/mengapa/{NASTY.id}"):
            page = (await visitor.get(path)).text
            assert "<script>alert" not in page
            assert "<b>tebal" not in page
            assert "<i>paragraf" not in page
            assert NASTY.title in unescape(page)
            assert page.count("</script>") == page.count("<script ")


async def test_an_unknown_address_is_an_indonesian_404(visitor: httpx2.AsyncClient) -> None:
    for path in ("/berita/tidak-ada", "/kanal/tidak-ada", "/tidak/ada", "/peragaan/mengapa/x", "/gambar/x.svg"):
        answer = await visitor.get(path)
        assert answer.status_code == 404
        assert "Halaman tidak ditemukan" in answer.text


async def test_an_article_page_carries_its_id_its_text_and_both_lists(visitor: httpx2.AsyncClient) -> None:
    article = ARTICLES[0]
    page = (await visitor.get(article.path)).text
    assert f'<script async src="/populer.js" data-webdriver="count" data-item="{article.id}"></script>' in page
    assert f"<h1>{escape(article.title)}</h1>" in page
    for paragraph in article.paragraphs:
        assert paragraph in unescape(page)
    lists = re.findall(r"<populer-list [^>]*>", page)
    assert ['list="populer"' in each for each in lists] == [True, False]
    assert 'limit="7"' in lists[0]
    assert 'list="update" limit="10"' in lists[1]
    assert f'<link rel="canonical" href="{ADDRESS}{article.path}">' in page
    assert '"@type":"NewsArticle"' in page


async def test_a_page_without_an_article_carries_no_item(visitor: httpx2.AsyncClient) -> None:
    for path in ("/", "/kanal/daerah", "/peragaan", "/tidak/ada"):
        page = (await visitor.get(path)).text
        assert '<script async src="/populer.js" data-webdriver="count"></script>' in page
        assert "canonical" not in page


async def test_pages_have_what_the_service_has_rendered_and_ask_for_it_without_the_open_article() -> None:
    asked: list[httpx2.URL] = []

    def noted(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return renders(request)

    async with browser(answer=noted) as visitor:
        page = (await visitor.get(ARTICLES[0].path)).text
    assert page.count(f">{FRAGMENT}</populer-list>") == 2
    assert [url.path for url in asked] == ["/v1/lists/populer", "/v1/lists/update"]
    assert all(url.params["exclude"] == ARTICLES[0].id and url.params["format"] == "html" for url in asked)


async def test_pages_stand_without_the_service() -> None:
    def gone(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("nobody there", request=request)

    async with browser(answer=gone) as visitor:
        for path in ("/", ARTICLES[0].path, "/peragaan", f"/peragaan/mengapa/{ARTICLES[0].id}"):
            answer = await visitor.get(path)
            assert answer.status_code == 200
            assert answer.text.count("></populer-list>") == 2


async def test_a_sections_page_asks_for_its_own_list(visitor: httpx2.AsyncClient) -> None:
    page = (await visitor.get("/kanal/gaya-hidup")).text
    assert 'section="Gaya Hidup" heading="Populer · Gaya Hidup" more="/lists/populer?section=Gaya%20Hidup"' in page


async def test_dates_are_indonesian_and_in_wib() -> None:
    just_out = Article("a", "Judul", "Daerah", "", "Penulis", ("Teks.",), appeal=1)
    async with browser([just_out]) as visitor:
        assert "Senin, 01 Desember 2025 | 02:29 WIB" in (await visitor.get(just_out.path)).text


async def test_why_tells_parts_neighbours_and_what_was_left_out(visitor: httpx2.AsyncClient) -> None:
    page = (await visitor.get(f"/peragaan/mengapa/{ARTICLES[0].id}")).text
    assert "<dd>2</dd>" in page
    assert "Klik dari daftar Populer</th><td>2</td><td>2,0</td><td>× 0,9</td><td>1,8</td>" in page
    assert "<strong>1.500</strong> robot" in page
    assert f'Di atasnya, peringkat 1: <a href="/peragaan/mengapa/{ARTICLES[1].id}">' in page


def test_parts_are_by_kind_and_source_the_largest_first() -> None:
    parts = parts_of(EXPLAINED)
    assert [(part.kind, part.source, part.events) for part in parts] == [
        ("view", None, 20.0),
        ("click", "list:populer", 2.0),
    ]
    assert sum(part.part for part in parts) == pytest.approx(12.5)


def test_no_story_stands_on_the_front_page_twice() -> None:
    stories = Newsdesk(STARTED_AT, ARTICLES).stories
    front = lay_out(stories, sections_of(ARTICLES), STARTED_AT)
    shelved = [story for shelf in front.shelves for story in shelf.stories]
    placed = [story.article.id for story in (front.lead, *front.second, *front.grid, *shelved)]
    assert len(placed) == len(set(placed))


def test_the_masthead_names_the_sections_that_there_are() -> None:
    masthead = (LIST_TEMPLATES / "masthead.html").read_text()
    assert re.findall(r'\("([a-z-]+)", "([\w ]+)"\)', masthead) == [(section_slug(name), name) for name in SECTIONS]


def test_the_dock_draws_the_readers_day() -> None:
    assert day_curve() in (LIST_TEMPLATES / "dock.html").read_text()
    assert (HERE / "static" / "dock.js").is_file()
