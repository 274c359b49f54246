"""The page of a list: its head tags, its tabs, how it is walked, and what it says where there is nothing to show."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from html_elements import HOSTILE, Elements
from servers import NOW, SITE, WRITE_KEY, WRITER, Service, eventually

from api.endpoints.pages import PAGE_ITEMS, POLICY
from api.serving.date_labels import full_label
from ranking.published.cursor import MAX_CURSOR_CHARS
from ranking.settings.lists import MAX_LISTED

Serve = Callable[..., Awaitable[Service]]
PAGE = "/lists/populer"
ADDRESS = "https://www.koran.example"
COUNT = 50
SECTIONS = ("Ekonomi", "Seni & <Budaya>")


def site(**settings: str) -> dict[str, Any]:
    return {"id": "koran", "name": "Koran & Kawan", "address": ADDRESS, "keys": {"write": WRITE_KEY}, **settings}


@pytest.fixture
async def fifty(serve: Serve) -> Service:
    """Fifty items in two sections, read as often as they stand before others."""
    service = await serve(sites=[site()])
    items = [
        {"id": f"b{n:02}", "title": f"Judul {n:02}", "url": f"/berita/{n}", "section": SECTIONS[n % 2]}
        for n in range(COUNT)
    ]  # fmt: skip
    items[0] |= {"title": HOSTILE, "image": "https://img.example/0.jpg"}
    await service.put(*items)
    await service.view(**{f"b{n:02}": COUNT + 1 - n for n in range(COUNT)})
    await service.refresh()
    return service


async def opened(service: Service, path: str = PAGE) -> Elements:
    answer = await service.http.get(path)
    assert answer.status_code == 200, answer.text
    return Elements(answer.text)


def ids(page: Elements) -> list[str | None]:
    return [item["data-id"] for item in page.all("li") if "data-id" in item]


def link(page: Elements, tag: str, **wanted: str) -> str | None:
    found = [each["href"] for each in page.all(tag) if wanted.items() <= each.items()]
    assert len(found) <= 1
    return found[0] if found else None


def meta(page: Elements, name: str) -> str | None:
    found = [each["content"] for each in page.all("meta") if name in (each.get("name"), each.get("property"))]
    assert len(found) <= 1
    return found[0] if found else None


async def test_its_head_says_what_it_is(fifty: Service) -> None:
    page = await opened(fifty)
    assert page.all("html") == [{"lang": "id", "dir": "ltr"}]
    assert page.text("title") == ["Populer · Koran & Kawan"]
    description = "</script><script>alert(1)</script> & \"' <b>; Judul 01; Judul 02"
    assert meta(page, "description") == f"Populer di Koran & Kawan: {description}"
    assert link(page, "link", rel="canonical") == f"{ADDRESS}/lists/populer"
    assert link(page, "link", hreflang="id") == f"{ADDRESS}/lists/populer"
    assert meta(page, "robots") is None
    assert meta(page, "og:title") == "Populer"
    assert meta(page, "og:url") == f"{ADDRESS}/lists/populer"
    assert meta(page, "og:site_name") == "Koran & Kawan"
    assert meta(page, "og:locale") == "id_ID"
    assert meta(page, "og:image") == "https://img.example/0.jpg"
    assert link(page, "link", type="application/feed+json") == f"{ADDRESS}/v1/lists/populer?format=feed"
    assert link(page, "link", type="application/rss+xml") == f"{ADDRESS}/v1/lists/populer?format=rss"
    assert page.text("h1") == ["Populer"]
    assert f"Diperbarui {full_label(NOW + 5, fifty.settings.sites[0])}" in page.text("p")[1]


async def test_its_linked_data_is_the_list(fifty: Service) -> None:
    page = await opened(fifty)
    (script,) = page.all("script")
    assert script == {"type": "application/ld+json"}
    document = json.loads(page.text("script")[0])
    assert (document["@type"], document["url"]) == ("ItemList", ADDRESS + PAGE)
    assert [each["position"] for each in document["itemListElement"]] == list(range(1, PAGE_ITEMS + 1))


async def test_its_links_are_those_of_the_address_that_it_was_asked_by(fifty: Service) -> None:
    """Whatever stands before the service, and under whichever path."""
    page = await opened(fifty)
    for tab in SECTIONS:
        (place,) = [number for number, text in enumerate(page.text("a")) if text == tab]
        section = await opened(fifty, urljoin(PAGE, page.all("a")[place]["href"]))
        assert section.text("h1") == [f"Populer · {tab}"]
        assert {each["aria-current"] for each in section.all("a") if "aria-current" in each} == {"page"}
        current = [
            text for text, each in zip(section.text("a"), section.all("a"), strict=True) if "aria-current" in each
        ]
        assert current == [tab]
        assert ids(section) == [f"b{n:02}" for n in range(COUNT) if SECTIONS[n % 2] == tab][:20]
        assert link(section, "link", rel="canonical") == ADDRESS + urljoin(PAGE, page.all("a")[place]["href"])
    style = urljoin(f"https://www.koran.example/populer{PAGE}", str(link(page, "link", rel="stylesheet")))
    assert style.startswith("https://www.koran.example/populer/populer.")


async def test_it_is_walked_forth_and_back_while_the_list_moves(fifty: Service) -> None:
    seen, address = [ids(await opened(fifty))], PAGE
    addresses = [PAGE]
    for turn in range(2):
        page = await opened(fifty, address)
        following = link(page, "a", rel="next")
        assert following == link(page, "link", rel="next")
        await fifty.view(**{f"b{49 - turn}": 200})
        await fifty.refresh()
        address = urljoin(PAGE, str(following))
        addresses.append(address)
        seen.append(ids(await opened(fifty, address)))
    assert [item for part in seen for item in part] == [f"b{n:02}" for n in range(COUNT)]
    last = await opened(fifty, address)
    assert link(last, "a", rel="next") is None
    assert last.all("ol") == [{"class": "populer-rows", "role": "list", "start": "41"}]
    assert "Peringkat 41–50" in last.text("p")[1]
    assert meta(last, "robots") == "noindex, follow"
    assert link(last, "link", rel="canonical") is None
    for address, before in zip(addresses[:0:-1], addresses[1::-1], strict=True):
        assert urljoin(PAGE, str(link(await opened(fifty, address), "a", rel="prev"))) == before
    second = await opened(fifty, addresses[1])
    assert ids(second) == seen[1]
    first = await opened(fifty, urljoin(PAGE, str(link(second, "a", rel="prev"))))
    assert ids(first)[:2] == ["b48", "b49"]
    assert link(first, "a", rel="prev") is None


async def test_a_walk_through_the_longest_list_can_always_go_on(serve: Serve) -> None:
    service = await serve(sites=[site()], lists={"populer": {"depth": MAX_LISTED}})
    await service.view(**{f"b{n}": 1 for n in range(MAX_LISTED)})
    await service.refresh()
    seen: list[str | None] = []
    address: str | None = PAGE
    while address:
        page = await opened(service, urljoin(PAGE, address))
        assert len(address) < 6_000
        seen += ids(page)
        address = link(page, "a", rel="next")
    assert len(seen) == len(set(seen)) == MAX_LISTED


async def test_the_way_back_forgets_its_beginning_once_it_fits_into_no_address(fifty: Service) -> None:
    second = urljoin(PAGE, str(link(await opened(fifty), "a", rel="next")))
    [cursor] = parse_qs(urlsplit(second).query)["cursor"]
    fitting = (MAX_CURSOR_CHARS + 1) // (len(cursor) + 1)
    for turns in (fitting - 2, fitting - 1, fitting, fitting + 7):
        page = await opened(fifty, f"{second}&back={'~'.join([cursor] * turns)}")
        back = parse_qs(urlsplit(str(link(page, "a", rel="next"))).query)["back"][0].split("~")
        assert back == [cursor] * min(turns + 1, fitting)


async def test_a_walk_that_lasted_too_long_starts_anew(fifty: Service) -> None:
    section = await opened(fifty, f"{PAGE}?section=Ekonomi")
    following = urljoin(PAGE, str(link(section, "a", rel="next")))
    gone = following.replace(parse_qs(urlsplit(following).query)["cursor"][0].split(".")[2], "0" * 16)
    answer = await fifty.http.get(gone)
    assert (answer.status_code, answer.headers["location"]) == (303, "?section=Ekonomi")
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_taken_down_is_gone_from_every_page(fifty: Service) -> None:
    tag = (await fifty.http.get(PAGE)).headers["etag"]
    assert (await fifty.http.get(PAGE, headers={"if-none-match": tag})).status_code == 304
    await fifty.http.delete("/v1/items/b03", headers=WRITER)
    answer = await fifty.http.get(PAGE, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert "b03" not in ids(Elements(answer.text))
    assert "Judul 03" not in answer.text


async def test_it_may_do_nothing_but_show_itself(fifty: Service) -> None:
    answer = await fifty.http.get(PAGE)
    assert answer.headers["content-security-policy"] == POLICY.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style=" not in answer.text
    assert "<style" not in answer.text
    style = await fifty.http.get(urljoin(PAGE, str(link(Elements(answer.text), "link", rel="stylesheet"))))
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in style.headers["cache-control"]
    older = await fifty.http.get("/populer.0000000000000000.css")
    assert older.content == style.content
    assert "immutable" not in older.headers["cache-control"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/lists/tiada", 404, "Halaman ini tidak ada."),
        (f"{PAGE}?section=Tiada", 404, "Halaman ini tidak ada."),
        (f"{PAGE}?site=tiada", 404, "Halaman ini tidak ada."),
        (f"{PAGE}?cursor=x", 400, "Alamat halaman ini tidak benar."),
        (f"{PAGE}?limit=0", 400, "Alamat halaman ini tidak benar."),
        (f"{PAGE}?format=x", 400, "Alamat halaman ini tidak benar."),
        ("/lists/%00%ff", 404, "Halaman ini tidak ada."),
        ("/lists/<script>", 404, "Halaman ini tidak ada."),
    ],
)
async def test_what_is_wrong_is_said_on_a_page_that_leads_on(fifty: Service, path: str, status: int, said: str) -> None:
    answer = await fifty.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    page = Elements(answer.text)
    assert page.text("h1") == [said]
    assert meta(page, "robots") == "noindex"
    assert answer.headers["cache-control"] == "no-store"
    assert urljoin(PAGE, str(page.all("a")[0]["href"])) == PAGE
    assert not page.all("script")
    head = await fifty.http.head(path)
    assert (head.status_code, head.content) == (status, b"")


async def test_before_the_first_ranking_it_says_so(serve: Serve) -> None:
    service = await serve(sites=[site(locale="en")])
    answer = await service.http.get(PAGE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert Elements(answer.text).text("h1") == ["This list is not ready. Please try again in a moment."]


@pytest.mark.parametrize(
    ("locale", "words"),
    [("id", ("Berikutnya", "Semua", "Kanal")), ("en_GB", ("Next", "All", "Sections")), ("ms", ("Seterusnya",))],
)
async def test_it_is_in_the_sites_language(serve: Serve, locale: str, words: tuple[str, ...]) -> None:
    service = await serve(sites=[site(locale=locale)])
    await service.put(*({"id": f"a{n}", "section": "Ekonomi"} for n in range(30)))
    await service.view(**{f"a{n}": 1 for n in range(30)})
    await service.refresh()
    answer = await service.http.get(PAGE)
    assert all(word in answer.text for word in words)
    assert Elements(answer.text).all("html") == [{"lang": locale.replace("_", "-"), "dir": "ltr"}]


async def test_an_empty_list_has_a_page(serve: Serve) -> None:
    service = await serve()
    await service.refresh()
    page = await opened(service)
    assert "Belum ada berita di daftar ini." in page.text("p")
    assert link(page, "link", rel="canonical") == "../lists/populer"
    assert meta(page, "og:url") is None


async def test_another_site_has_pages_of_its_own(serve: Serve) -> None:
    service = await serve()
    await service.http.post("/v1/events?site=kedua", json={"item": "a"})
    await service.refresh("kedua")
    await service.refresh()

    async def shown() -> bool:
        return "Kedua" in (await service.http.get(f"{PAGE}?site=kedua")).text

    await eventually(shown, "the page of the second site")
    page = await opened(service, f"{PAGE}?site=kedua")
    assert ids(page) == ["a"]
    assert link(page, "link", rel="canonical") == "../lists/populer?site=kedua"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_it_can_only_be_read(fifty: Service, method: str) -> None:
    assert (await fifty.http.request(method, PAGE)).status_code == 405


@pytest.mark.parametrize(("locale", "direction"), [("id", "ltr"), ("ar_EG", "rtl"), ("he", "rtl")])
async def test_a_page_runs_as_its_language_does(serve: Serve, locale: str, direction: str) -> None:
    service = await serve(sites=[{"id": SITE, "locale": locale, "keys": {"write": WRITE_KEY}}])
    await service.refresh()
    for address in ("/lists/populer", "/lists/nowhere"):
        text = (await service.http.get(address)).text
        assert f'<html lang="{locale.replace("_", "-")}" dir="{direction}">' in text
