"""Feeds are polled, described and backed off from, and what became of each is written down."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import servers
from website import Asked, Website, answer, website

from jobs.feeds import ReadFeeds
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.watching.sources import FeedState

NOW, SITE = servers.NOW, servers.SITE


def rss(*items: str) -> str:
    """A feed of items, each `path title`, of a site that is not the one which serves it."""
    entries = (item.partition(" ") for item in items)
    return (
        "<rss version='2.0'><channel>"
        + "".join(
            f"<item><title>{title}</title><link>https://koran.example{path}</link><category>Ekonomi</category></item>"
            for path, _, title in entries
        )
        + "</channel></rss>"
    )


@pytest.fixture
async def paper() -> AsyncIterator[Website]:
    async with website({}) as site:
        yield site


@pytest.fixture
async def store(server: servers.Valkey) -> AsyncIterator[Store]:
    async with servers.opened(server.url) as store:
        yield store


def reader(store: Store, paper: Website, *paths: str, **of_feed: Any) -> ReadFeeds:
    """The job, for a site whose feeds are at some paths of the paper."""
    feeds = [{"url": paper.address + path, **of_feed} for path in paths]
    site = {"id": SITE, "hosts": ["koran.example"], "feeds": feeds}
    return ReadFeeds(store, Settings.model_validate({"service": {"fetch_private": True}, "sites": [site]}))


async def state_of(store: Store, url: str) -> FeedState:
    """What is written down of a feed."""
    return (await store.logbook.feeds(SITE))[url]


async def titles(store: Store, *ids: str) -> list[str | None]:
    """The titles of some items; None: not described."""
    return [item and item.title for item in await store.items.get_items(SITE, [f"koran.example{each}" for each in ids])]


async def test_feed_describes_its_articles_under_the_ids_of_their_events(store: Store, paper: Website) -> None:
    paper.pages["/rss"] = answer(rss("/a Satu", "/b Dua"))

    done = await reader(store, paper, "/rss", section="Nasional")(SITE, NOW, 1)

    assert done == {"feeds": 1, "failed": 0, "stored": 2}
    (item,) = await store.items.get_items(SITE, ["koran.example/a"])
    assert item is not None
    assert (item.title, item.section, item.tags, item.by_page) == ("Satu", "Nasional", ("Ekonomi",), False)
    state = await state_of(store, paper.address + "/rss")
    assert (state.kind, state.entries, state.stored, state.read_at, state.error) == ("RSS feed", 2, 2, NOW, None)
    assert 270 <= state.next_at - NOW <= 330


async def test_feed_is_asked_whether_it_has_changed_and_not_before_its_time(store: Store, paper: Website) -> None:
    paper.pages["/rss"] = lambda asked: (
        answer("", 304) if asked.headers.get("if-none-match") == '"1"' else answer(rss("/a Satu"), ETag='"1"')
    )
    feeds = reader(store, paper, "/rss", every="1m")

    await feeds(SITE, NOW, 1)
    assert await feeds(SITE, NOW + 30, 1) == {}
    assert await feeds(SITE, NOW + 70, 1) == {"feeds": 1, "failed": 0, "stored": 0}

    assert [each.headers.get("if-none-match") for each in paper.asked] == [None, '"1"']
    assert (await state_of(store, paper.address + "/rss")).read_at == NOW + 70


async def test_what_an_editor_corrects_is_not_taken_back_by_a_feed_that_repeats_itself(
    store: Store, paper: Website
) -> None:
    paper.pages["/rss"] = answer(rss("/a Satu"))
    feeds = reader(store, paper, "/rss")
    await feeds(SITE, NOW, 1)
    (item,) = await store.items.get_items(SITE, ["koran.example/a"])
    assert item is not None
    await store.items.put_items(SITE, [msgspec.structs.replace(item, title="Dibetulkan")], "redaksi", [{"title"}])

    paper.pages["/rss"] = answer(rss("/b Dua", "/a Satu"))
    await feeds(SITE, NOW + 400, 1)
    assert await titles(store, "/a", "/b") == ["Dibetulkan", "Dua"]

    paper.pages["/rss"] = answer(rss("/a Satu, diperbarui"))
    await feeds(SITE, NOW + 800, 1)
    assert await titles(store, "/a") == ["Satu, diperbarui"]


async def test_item_that_is_taken_down_stays_down_when_a_feed_brings_it_again(store: Store, paper: Website) -> None:
    paper.pages["/rss"] = answer(rss("/a Satu"))
    await store.items.remove_item(SITE, "koran.example/a", NOW)

    assert (await reader(store, paper, "/rss")(SITE, NOW, 1))["stored"] == 0
    assert "koran.example/a" in await store.items.removed_items(SITE)


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (answer("", 500), "answered 500"),
        (answer("<html>masuk</html>"), "is an HTML page"),
        (answer("<!DOCTYPE r [<!ENTITY a 'b'>]><rss/>"), "defines entities"),
        (answer("<rss"), "is no"),
        (answer(gzip.compress(b"<rss>" + b" " * 40 * 1024**2)), "has over 16 MiB"),
        (b"", "cannot be fetched"),
    ],
)
async def test_feed_that_fails_says_why_is_asked_less_often_and_leaves_the_others_alone(
    store: Store, paper: Website, page: bytes, error: str
) -> None:
    paper.pages |= {"/rusak": page, "/rss": answer(rss("/a Satu"))}
    feeds = reader(store, paper, "/rusak", "/rss")

    assert await feeds(SITE, NOW, 1) == {"feeds": 2, "failed": 1, "stored": 1}
    first = await state_of(store, paper.address + "/rusak")
    await feeds(SITE, first.next_at, 1)
    second = await state_of(store, paper.address + "/rusak")

    assert error in (second.error or "")
    assert (first.failures, second.failures, second.read_at) == (1, 2, 0.0)
    assert second.next_at - second.tried_at > 1.5 * (first.next_at - first.tried_at)
    paper.pages["/rusak"] = answer(rss("/b Dua"))
    await feeds(SITE, second.next_at, 1)
    assert (await state_of(store, paper.address + "/rusak")).error is None
    assert await titles(store, "/b") == ["Dua"]


async def test_entries_of_other_hosts_and_of_the_future_are_left_out_with_a_word(store: Store, paper: Website) -> None:
    future = (
        "<item><title>Besok</title><link>https://koran.example/z</link><pubDate>2031-01-01T00:00:00Z</pubDate></item>"
    )
    foreign = "<item><title>Lain</title><link>https://lain.example/x</link></item>"
    paper.pages["/rss"] = answer(rss("/a Satu").replace("</channel>", future + foreign + "</channel>"))

    await reader(store, paper, "/rss")(SITE, NOW, 1)

    state = await state_of(store, paper.address + "/rss")
    assert (state.entries, state.stored, state.faults, state.error) == (3, 1, 2, None)
    assert "days ahead" in state.fault
    assert await titles(store, "/a", "/z") == ["Satu", None]


async def test_index_of_sitemaps_is_followed_to_the_newest_on_the_same_host(store: Store, paper: Website) -> None:
    def page(asked: Asked) -> bytes:
        number = asked.path[1:-4]
        loc = f"<loc>https://koran.example/{number}</loc>"
        return answer(
            f"<urlset><url>{loc}<news><title>Judul {number}</title></news></url></urlset>", ETag=f'"{number}"'
        )

    paper.pages |= {f"/{number}.xml": page for number in range(9)}
    places = "".join(f"<sitemap><loc>/{n}.xml</loc><lastmod>2025-12-0{n + 1}</lastmod></sitemap>" for n in range(9))
    elsewhere = "<sitemap><loc>https://lain.example/9.xml</loc><lastmod>2025-12-31</lastmod></sitemap>"
    paper.pages["/index.xml"] = answer(f"<sitemapindex>{places}{elsewhere}</sitemapindex>")

    assert (await reader(store, paper, "/index.xml")(SITE, NOW, 1))["stored"] == 4

    assert sorted(paper.paths()) == ["/5.xml", "/6.xml", "/7.xml", "/8.xml", "/index.xml"]
    assert "lain.example" in (await state_of(store, paper.address + "/index.xml")).fault


async def test_private_address_is_asked_by_setting_alone(store: Store, paper: Website) -> None:
    paper.pages["/rss"] = answer(rss("/a Satu"))
    site = {"id": SITE, "feeds": [{"url": paper.address + "/rss"}]}

    await ReadFeeds(store, Settings.model_validate({"sites": [site]}))(SITE, NOW, 1)

    assert paper.asked == []
    assert "service.fetch_private" in ((await state_of(store, paper.address + "/rss")).error or "")


async def test_feed_that_the_settings_name_no_more_is_forgotten(store: Store, paper: Website) -> None:
    paper.pages["/rss"] = answer(rss("/a Satu"))
    await reader(store, paper, "/rss")(SITE, NOW, 1)
    await reader(store, paper)(SITE, NOW, 1)
    assert await store.logbook.feeds(SITE) == {}
