"""What is read and not described is described by its own page, and nothing else is fetched."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import servers
from article_site import PUBLISHED, STYLES, Article, articles, page_of
from website import Page, Website, answer, redirect, website

from jobs.discover import DiscoverItems
from jobs.refresh import RefreshLists
from ranking.intake.items import Item
from ranking.published.snapshot import decode_entries

Serve = Callable[..., Awaitable[servers.Service]]
SITE = servers.SITE
ARTICLE = Article(3, "/ekonomi/harga-beras-naik-3", "Harga beras naik", "Ekonomi")


@pytest.fixture
async def paper() -> AsyncIterator[Website]:
    async with website({}) as site:
        yield site


class Newsroom:
    """A service whose site is the paper, and the jobs that rank and discover."""

    def __init__(self, service: servers.Service, paper: Website) -> None:
        self.service, self.paper = service, paper
        self.lists = RefreshLists(service.store, service.settings)
        self.job = DiscoverItems(service.store, service.settings, self.lists)

    def id(self, path: str) -> str:
        """The id of the page at a path of the paper."""
        return f"127.0.0.1:{self.paper.port}{path}"

    async def read(self, *paths: str, times: int = 1) -> None:
        """Let readers open some pages."""
        events = [{"url": self.paper.address + path, "visitor": f"r{n}"} for path in paths for n in range(times)]
        sent = await self.service.http.post("/v1/events", json=events, headers=servers.WRITER)
        assert sent.json()["accepted"] == len(events), sent.text

    async def run(self, after_s: float = 5.0) -> dict[str, int]:
        """Rank and discover, a while later."""
        self.service.clock.now += after_s
        await self.lists(SITE, self.service.clock.now, 1)
        return await self.job(SITE, self.service.clock.now, 1)

    async def item(self, path: str) -> Item | None:
        """What is stored of the page at a path."""
        (found,) = await self.service.store.items.get_items(SITE, [self.id(path)])
        return found

    async def refused(self) -> dict[str, str]:
        """The reasons that are noted, by path."""
        found = (await self.service.store.logbook.discoveries([SITE]))[SITE]
        return {url.removeprefix(self.paper.address): reason for url, reason in found.refused}


def site_of(paper: Website, **more: Any) -> dict[str, Any]:
    """Settings of a site whose pages are the paper's."""
    keys = {"write": servers.WRITE_KEY, "admin": servers.ADMIN_KEY}
    site = {"id": SITE, "keys": keys, "origins": [paper.address], **more}
    return {"sites": [site], "service": {"fetch_private": True}}


@pytest.fixture
async def newsroom(serve: Serve, paper: Website) -> Newsroom:
    """A newsroom that may fetch its pages from the loopback."""
    return Newsroom(await serve(**site_of(paper)), paper)


async def test_read_article_is_described_by_its_page_and_listed(newsroom: Newsroom) -> None:
    newsroom.paper.pages[ARTICLE.path] = answer(
        STYLES["yoast"](ARTICLE, newsroom.paper.address), Content_Type="text/html"
    )
    await newsroom.read(ARTICLE.path, times=3)

    assert await newsroom.run() == {"pages": 1, "described": 1, "waiting": 0}

    item = await newsroom.item(ARTICLE.path)
    assert item is not None
    assert (item.title, item.section, item.published_at, item.by_page) == (
        "Harga beras naik",
        "Ekonomi",
        PUBLISHED,
        True,
    )
    assert (item.premium, item.tags, item.author, item.language) == (True, ("beras", "pangan"), "Siti", "id")
    assert await newsroom.run() == {"pages": 0, "described": 0, "waiting": 0}
    assert newsroom.paper.paths() == ["/robots.txt", ARTICLE.path]


async def test_200_pages_in_five_kinds_of_markup_are_described_by_views_alone(newsroom: Newsroom) -> None:
    written = articles(200)
    for each in written:
        newsroom.paper.pages[each.path] = answer(page_of(each, newsroom.paper.address))
    await newsroom.read(*(each.path for each in written))

    for _ in range(20):
        if not (await newsroom.run())["waiting"]:
            break

    found = [await newsroom.item(each.path) for each in written]
    assert [item and item.title for item in found] == [each.title for each in written]
    assert {item.published_at for item in found if item} == {PUBLISHED}
    assert [item and item.section for item in found] == [each.section for each in written]
    assert len(newsroom.paper.asked) == 201


async def test_what_a_key_says_stays_over_what_the_page_says(newsroom: Newsroom) -> None:
    newsroom.paper.pages[ARTICLE.path] = answer(STYLES["next"](ARTICLE, newsroom.paper.address))
    await newsroom.read(ARTICLE.path)
    await newsroom.run()
    url = f"/v1/items/{newsroom.id(ARTICLE.path)}"
    await newsroom.service.http.put(url, json={"title": "Dari redaksi"}, headers=servers.WRITER)

    await newsroom.run(after_s=8 * 3600.0)

    item = await newsroom.item(ARTICLE.path)
    assert item is not None
    assert (item.title, item.section, item.by_page) == ("Dari redaksi", "Ekonomi", False)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (answer("", 404), "is not there"),
        (answer("", 410), "is not there"),
        (answer("", 403), "is not for everybody"),
        (answer("<meta name=robots content=noindex><h1>Judul</h1>"), "not to be indexed"),
        (answer("<h1>Judul</h1>", X_Robots_Tag="noindex"), "not to be indexed"),
        (redirect("/masuk"), "log in"),
        (redirect("/"), "front page"),
        (answer("%PDF", Content_Type="application/pdf"), "is no page"),
        (answer("", 503), "answered 503"),
        (answer("a" * (2 * 1024**2 + 1)), "has over 2,048 KiB"),
        (b"", "cannot be fetched"),
        (redirect("https://lain.example/x"), "none of the site's hosts"),
        (answer("<link rel=canonical href='/ekonomi/lain-sama-sekali-4'><h1>Judul</h1>"), "is the page of"),
    ],
)
async def test_page_that_describes_nothing_is_left_alone_with_a_reason(
    newsroom: Newsroom, page: Page, reason: str
) -> None:
    newsroom.paper.pages |= {ARTICLE.path: page, "/": answer("<h1>Koran</h1>"), "/masuk": answer("<h1>Masuk</h1>")}
    await newsroom.read(ARTICLE.path)

    await newsroom.run()
    asked = len(newsroom.paper.asked)
    await newsroom.run()

    assert reason in (await newsroom.refused())[ARTICLE.path]
    assert await newsroom.item(ARTICLE.path) is None
    assert len(newsroom.paper.asked) == asked


async def test_failing_page_is_tried_again_later_and_less_often(newsroom: Newsroom) -> None:
    newsroom.paper.pages[ARTICLE.path] = answer("", 500)
    await newsroom.read(ARTICLE.path)
    await newsroom.run()
    await newsroom.run(after_s=70.0)
    await newsroom.run(after_s=70.0)
    assert newsroom.paper.paths().count(ARTICLE.path) == 2
    newsroom.paper.pages[ARTICLE.path] = answer(STYLES["plain"](ARTICLE, newsroom.paper.address))

    assert (await newsroom.run(after_s=70.0))["described"] == 1


async def test_robots_txt_is_respected(newsroom: Newsroom) -> None:
    newsroom.paper.pages |= {
        "/robots.txt": answer("User-agent: *\nDisallow: /ekonomi/"),
        ARTICLE.path: answer(STYLES["plain"](ARTICLE, newsroom.paper.address)),
    }
    await newsroom.read(ARTICLE.path)

    await newsroom.run()

    assert newsroom.paper.paths() == ["/robots.txt"]
    assert "robots.txt" in (await newsroom.refused())[ARTICLE.path]


async def test_without_hosts_nothing_is_fetched_and_the_hosts_that_are_read_are_named(
    serve: Serve, paper: Website
) -> None:
    newsroom = Newsroom(await serve(service={"fetch_private": True}), paper)
    events = [{"url": "https://www.koran.example/ekonomi/a", "visitor": f"r{n}"} for n in range(3)]
    events += [{"url": paper.address + "/b", "visitor": "r"}, {"item": "12345"}]
    await newsroom.service.http.post("/v1/events", json=events, headers=servers.WRITER)

    assert await newsroom.run() == {}

    assert paper.asked == []
    found = (await newsroom.service.store.logbook.discoveries([SITE]))[SITE]
    assert found.hosts == (("koran.example", 3), (f"127.0.0.1:{paper.port}", 1))
    state = (await newsroom.service.http.get("/v1/ops/state", headers=servers.ADMIN)).json()
    assert 'hosts = ["koran.example"' in state["discovery"]["advice"]


@pytest.mark.parametrize("settings", [{"discover": False}, {"hosts": ["koran.example"]}])
async def test_pages_of_other_hosts_and_of_sites_that_do_not_want_it_are_not_read(
    serve: Serve, paper: Website, settings: dict[str, Any]
) -> None:
    newsroom = Newsroom(await serve(**site_of(paper, **settings)), paper)
    await newsroom.read(ARTICLE.path)
    await newsroom.run()
    assert paper.asked == []


async def test_private_pages_are_not_read_without_the_setting(serve: Serve, paper: Website) -> None:
    tables = site_of(paper)
    newsroom = Newsroom(await serve(sites=tables["sites"]), paper)
    await newsroom.read(ARTICLE.path)
    await newsroom.run()
    assert paper.asked == []
    assert await newsroom.refused() != {}


async def test_page_that_breaks_the_reader_does_not_end_the_job(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("jobs.discover.read_page", broken)
    newsroom.paper.pages[ARTICLE.path] = answer("<h1>Judul</h1>")
    await newsroom.read(ARTICLE.path)

    assert (await newsroom.run())["described"] == 0
    assert "RuntimeError" in (await newsroom.refused())[ARTICLE.path]
    await asyncio.sleep(0)


async def test_article_of_a_news_sitemap_gets_its_section_from_its_page(serve: Serve, paper: Website) -> None:
    newsroom = Newsroom(await serve(**site_of(paper, feeds=[{"url": paper.address + "/news.xml"}])), paper)
    for path in (ARTICLE.path, "/opaque"):
        page = Article(3, path, "Judul di halaman", "Ekonomi")
        paper.pages[path] = answer(STYLES["yoast"](page, paper.address), Content_Type="text/html")
    sitemap = {"title": "Judul di peta situs", "tags": ["pasar"]}
    await newsroom.service.put(
        {"id": newsroom.id(ARTICLE.path), "url": paper.address + ARTICLE.path, **sitemap},
        {"id": "77", "url": paper.address + "/opaque", **sitemap},
        {"id": "ada", "url": paper.address + "/ada", "section": "Nasional", **sitemap},
    )
    await newsroom.read(ARTICLE.path, "/opaque", "/ada")

    assert await newsroom.run() == {"pages": 2, "described": 2, "waiting": 0}

    for item in await newsroom.service.store.items.get_items(SITE, [newsroom.id(ARTICLE.path), "77"]):
        assert item is not None
        assert (item.title, item.section, item.tags) == ("Judul di peta situs", "Ekonomi", ("pasar",))
        assert (item.author, item.premium, item.by_page) == ("Siti", True, False)
    assert (await newsroom.item("/opaque")) is None
    assert (await newsroom.run())["pages"] == 0
    listed = await newsroom.service.store.lists.published(SITE, "populer", {})
    assert listed is not None
    assert {entry.id for entry in decode_entries(listed.bodies["Ekonomi"])} == {newsroom.id(ARTICLE.path), "77"}
    assert sorted(paper.paths()) == ["/ekonomi/harga-beras-naik-3", "/opaque", "/robots.txt"]


class Opaque:
    """Reads of an item whose id is no address, by tags that say where it is."""

    def __init__(self, newsroom: Newsroom, item: str) -> None:
        self.newsroom, self.item = newsroom, item

    async def read(self, *pages: str, visitor: str = "r") -> None:
        """Let a reader open pages with the item's tag; the last is the last that is told of."""
        service = self.newsroom.service
        for number, page in enumerate(pages):
            event = {"item": self.item, "page": page, "visitor": f"{visitor}{number}"}
            headers = {"origin": self.newsroom.paper.address, "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
            sent = await service.http.post("/v1/events", json=event, headers=headers)
            assert sent.status_code == 202, sent.text
        service.clock.now += 20.0
        await service.app.runtime.now().page_addresses.flush()

    async def title(self) -> str | None:
        """What its description is called."""
        (found,) = await self.newsroom.service.store.items.get_items(SITE, [self.item])
        return found.title if found is not None else None


def page_with(*tags: str, title: str = "Harga beras naik") -> Page:
    """A dated article's page with some tags of the tracker."""
    scripts = "".join(f"<script async src=/populer.js data-item='{tag}'></script>" for tag in tags)
    head = "<meta property=article:published_time content=2025-12-01T02:29:00+07:00>"
    return answer(f"<html><head>{head}{scripts}</head><h1>{title}</h1></html>", Content_Type="text/html")


@pytest.mark.parametrize(
    ("item", "path", "tags", "title"),
    [
        ("berita-1", "/beras", ["berita-1"], "Harga beras naik"),
        ("8148279", "/berita/d-8148279/beras", [], "Harga beras naik"),
        ("8148279", "/berita/d-8148279/beras", ["a", "b"], "Harga beras naik"),
        ("berita-1", "/beras", ["berita-2"], None),
        ("berita-1", "/beras", ["berita-1", "berita-2"], None),
        ("berita-1", "/beras", [], None),
        ("2025", "/2025/beras", [], None),
        ("148279", "/berita/d-8148279/beras", [], None),
    ],
)
async def test_opaque_id_is_described_by_the_page_that_names_it(
    newsroom: Newsroom, item: str, path: str, tags: list[str], title: str | None
) -> None:
    newsroom.paper.pages[path] = page_with(*tags)
    opaque = Opaque(newsroom, item)
    await opaque.read(path)
    await newsroom.run()
    assert newsroom.paper.asked == []
    await opaque.read(path, visitor="s")

    await newsroom.run()

    assert newsroom.paper.paths() == ["/robots.txt", path]
    assert await opaque.title() == title


async def test_what_was_read_before_anybody_asked_is_told_as_well(newsroom: Newsroom) -> None:
    newsroom.paper.pages["/beras"] = page_with("berita-1")
    opaque = Opaque(newsroom, "berita-1")
    await opaque.read("/beras")
    await newsroom.run()
    await opaque.read()
    await newsroom.run()
    assert await opaque.title() == "Harga beras naik"


async def test_strangers_word_for_a_page_costs_an_article_minutes_and_gives_it_no_other_title(
    newsroom: Newsroom,
) -> None:
    newsroom.paper.pages |= {"/beras": page_with("berita-1"), "/lain": page_with("lain", title="Judul lain")}
    opaque = Opaque(newsroom, "berita-1")
    await opaque.read("/beras", "/lain")
    await newsroom.run()
    await opaque.read("/beras", "/lain", visitor="s")
    await newsroom.run()
    assert await opaque.title() is None

    await opaque.read("/beras", visitor="t")
    await newsroom.run()
    await opaque.read("/beras", visitor="u")
    await newsroom.run(after_s=130.0)

    assert await opaque.title() == "Harga beras naik"


@pytest.mark.parametrize(
    "page", ["https://lain.example/beras", "//lain.example/beras", "javascript:alert(1)", "x" * 9000]
)
async def test_pages_of_other_hosts_are_not_asked_for_an_item(newsroom: Newsroom, page: str) -> None:
    opaque = Opaque(newsroom, "berita-1")
    for visitor in "ab":
        event = {"item": "berita-1", "page": page, "visitor": visitor}
        await newsroom.service.http.post("/v1/events", json=event, headers=servers.WRITER)
        await opaque.read()
        await newsroom.run()
    assert newsroom.paper.asked == []
