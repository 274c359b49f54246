"""The fetcher before servers that mean it ill: what it asks, whom it never asks, and when it gives up."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from website import Asked, Page, answer, redirect, website

from jobs.fetching.fetcher import Fetcher, FetchError, Known
from jobs.fetching.public_addresses import is_public
from jobs.fetching.robots import RobotsRules

MOST = 4096


async def fetched(pages: dict[str, Page], path: str = "/", **options: object) -> object:
    """What the fetcher gets of a site at the loopback, which it may ask."""
    async with website(pages) as site, Fetcher(allow_private=True) as fetcher:
        return await fetcher.get(site.address + path, most=MOST, is_own=lambda _: True, **options)  # type: ignore[arg-type]


async def test_fetcher_names_itself_and_its_contact_and_asks_what_has_changed() -> None:
    async with (
        website({"/feed": answer("x", 304)}) as site,
        Fetcher("https://koran.example", allow_private=True) as fetcher,
    ):
        found = await fetcher.get(
            site.address + "/feed",
            most=MOST,
            is_own=lambda _: True,
            known=Known('"e1"', "Mon, 01 Dec 2025 00:00:00 GMT"),
        )

    assert found.status == 304
    (asked,) = site.asked
    assert asked.headers["user-agent"].startswith("Populer/")
    assert asked.headers["user-agent"].endswith("(+https://koran.example)")
    assert asked.headers["if-none-match"] == '"e1"'
    assert asked.headers["if-modified-since"] == "Mon, 01 Dec 2025 00:00:00 GMT"
    assert asked.headers["host"] == f"127.0.0.1:{site.port}"


async def test_answer_brings_its_etag_and_its_body_unpacked() -> None:
    pages: dict[str, Page] = {"/": answer(gzip.compress(b"isi"), ETag='"a"', Content_Encoding="gzip")}

    found = await fetched(pages)

    assert (found.content, found.known.etag) == (b"isi", '"a"')  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "0.0.0.0"]
)
async def test_private_address_is_never_connected_to(host: str) -> None:
    async def resolver(name: str, port: int) -> list[str]:
        return [host]

    async with Fetcher(resolver=resolver) as fetcher:
        with pytest.raises(FetchError, match="private address"):
            await fetcher.get("http://koran.example/", most=MOST, is_own=lambda _: True)


async def test_resolver_that_changes_its_answer_is_asked_once_and_its_address_kept() -> None:
    answers = iter(["203.0.114.7", "127.0.0.1"])  # public at the look, private a moment later
    given: list[str] = []

    async def resolver(name: str, port: int) -> list[str]:
        given.append(next(answers))
        return [given[-1]]

    async with website({"/": answer("rahasia")}) as site:
        async with Fetcher(resolver=resolver, deadline_s=0.5) as fetcher:
            request = await fetcher._pinned(f"http://koran.example:{site.port}/", frozenset({site.port}), Known())
        assert request.url.host == "203.0.114.7"
        assert request.headers["host"] == f"koran.example:{site.port}"
        assert given == ["203.0.114.7"]
        async with Fetcher(resolver=resolver, deadline_s=0.5) as fetcher:
            with pytest.raises(FetchError, match="private address"):
                await fetcher.get(f"http://koran.example:{site.port}/", most=MOST, is_own=lambda _: True, named=True)
        assert site.asked == []


async def test_redirect_to_a_private_name_is_refused_though_the_first_hop_was_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolver(name: str, port: int) -> list[str]:
        return ["10.1.2.3"] if name == "dalam.example" else ["127.0.0.1"]

    # The loopback stands for a public address: a test has no other.
    monkeypatch.setattr("jobs.fetching.fetcher.is_public", lambda text: text == "127.0.0.1")
    async with website({"/": redirect("http://dalam.example/admin")}) as site, Fetcher(resolver=resolver) as fetcher:
        with pytest.raises(FetchError, match="private address"):
            await fetcher.get(site.address + "/", most=MOST, is_own=_any, named=True)
        assert site.paths() == ["/"]


@pytest.mark.parametrize("to", ["https://lain.example/", "//lain.example/x", "http://koran.example@lain.example/"])
async def test_redirect_to_another_host_is_not_followed(to: str) -> None:
    async with website({"/": redirect(to)}) as site, Fetcher(allow_private=True) as fetcher:
        with pytest.raises(FetchError, match=r"none of the site's hosts|no http\(s\) address"):
            await fetcher.get(site.address + "/", most=MOST, is_own=lambda url: url.startswith(site.address))


async def test_redirects_end_after_three() -> None:
    pages: dict[str, Page] = {f"/{number}": redirect(f"/{number + 1}") for number in range(9)}
    pages["/6"] = answer("sampai")

    assert (await fetched(pages, "/3")).content == b"sampai"  # type: ignore[attr-defined]
    with pytest.raises(FetchError, match="redirects more than 3 times"):
        await fetched(pages, "/2")
    with pytest.raises(FetchError, match="redirects"):
        await fetched({"/": redirect("/")})


@pytest.mark.parametrize("to", ["file:///etc/passwd", "gopher://koran.example/", "javascript:alert(1)"])
async def test_redirect_to_another_scheme_is_refused(to: str) -> None:
    with pytest.raises(FetchError, match=r"no http\(s\) address"):
        await fetched({"/": redirect(to)})


async def test_unusual_port_of_a_strangers_address_is_not_asked() -> None:
    async with website({"/": answer("redis")}) as site, Fetcher() as fetcher:
        with pytest.raises(FetchError, match="port"):
            await fetcher.get(site.address + "/", most=MOST, is_own=lambda _: True)
        assert site.asked == []


@pytest.mark.parametrize("packed", [False, True])
async def test_body_beyond_the_bound_is_given_up(packed: bool) -> None:
    body = gzip.compress(b"a" * 50_000_000) if packed else b"a" * (MOST + 1)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + (b"Content-Encoding: gzip\r\n" if packed else b"")

    with pytest.raises(FetchError, match="has over 4 KiB"):
        await fetched({"/": head + b"\r\n" + body})


async def test_server_that_dribbles_is_cut_off_at_the_deadline() -> None:
    closed = asyncio.Event()

    async def dribble(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        try:
            for _ in range(4000):
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.02)
        finally:
            closed.set()

    async with website({"/": dribble}) as site, Fetcher(allow_private=True, deadline_s=0.3) as fetcher:
        with pytest.raises(FetchError, match="no whole answer within"):
            await fetcher.get(site.address + "/", most=MOST, is_own=lambda _: True)
        await asyncio.wait_for(closed.wait(), 60)


@pytest.mark.parametrize(
    "page",
    [b"", b"\x00\x01\x02", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", answer(b"x", Content_Encoding="br"),
     answer(b"no gzip", Content_Encoding="gzip")],
)  # fmt: skip
async def test_answer_that_is_none_is_an_error_with_a_reason(page: bytes) -> None:
    with pytest.raises(FetchError):
        await fetched({"/": page})


@pytest.mark.parametrize("url", ["ftp://koran.example/", "https:///x", "http://a b/", "http://u:p@koran.example/", "x"])
async def test_address_that_is_none_is_refused(url: str) -> None:
    async with Fetcher(allow_private=True) as fetcher:
        with pytest.raises(FetchError):
            await fetcher.get(url, most=MOST, is_own=lambda _: True)


def test_is_public_looks_into_translated_and_tunnelled_addresses() -> None:
    assert [is_public(each) for each in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808")] == [True] * 3
    private = [
        "100.64.0.1",
        "192.168.0.1",
        "fe80::1%eth0",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "224.0.0.1",
        "x",
        "255.255.255.255",
    ]
    assert [is_public(each) for each in private] == [False] * len(private)


class TestRobots:
    """robots.txt as the sites write it."""

    @pytest.fixture
    async def fetcher(self) -> AsyncIterator[Fetcher]:
        async with Fetcher(allow_private=True) as fetcher:
            yield fetcher

    async def test_rules_with_wildcards_hold_and_are_fetched_once(self, fetcher: Fetcher) -> None:
        text = "User-agent: *\nDisallow: /admin\nDisallow: /*.pdf$\nCrawl-delay: 2\nSitemap: https://koran.example/news.xml"
        async with website({"/robots.txt": answer(text)}) as site:
            robots = RobotsRules()
            may = [
                await robots.may_read(fetcher, site.address + path, _any, 0.0)
                for path in ("/a", "/admin/x", "/a.pdf", "/a.pdf?x")
            ]
            assert may == [True, False, False, True]
            assert await robots.pause_s(fetcher, site.address + "/a", _any, 0.0) == 2.0
            assert await robots.sitemaps(fetcher, site.address + "/a", _any, 0.0) == ["https://koran.example/news.xml"]
            assert site.paths() == ["/robots.txt"]
            await robots.may_read(fetcher, site.address + "/a", _any, 7 * 3600.0)
            assert site.paths() == ["/robots.txt"] * 2

    async def test_our_name_has_rules_of_its_own(self, fetcher: Fetcher) -> None:
        text = "User-agent: *\nAllow: /\n\nUser-agent: Populer\nDisallow: /"
        async with website({"/robots.txt": answer(text)}) as site:
            assert not await RobotsRules().may_read(fetcher, site.address + "/a", _any, 0.0)

    @pytest.mark.parametrize(("status", "may"), [(404, True), (403, True), (500, False), (503, False)])
    async def test_absent_rules_allow_and_a_failing_server_is_left_alone(
        self, fetcher: Fetcher, status: int, may: bool
    ) -> None:
        async with website({"/robots.txt": answer("", status)}) as site:
            assert await RobotsRules().may_read(fetcher, site.address + "/a", _any, 0.0) is may


def _any(_: str) -> bool:
    return True
