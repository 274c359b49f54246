"""Lists as HTML, as feeds and as linked data: what they hold, and that nothing in a title can break them."""

import html
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from html_elements import HOSTILE, Elements
from hypothesis import given
from hypothesis import strategies as st
from servers import WRITER, Service, lasting_headers

from api.serving.feeds import ATOM, MEDIA, UNPRINTED, item_list, json_feed, rss
from api.serving.formats import FORMS, KNOWN, fragment
from api.serving.links import Links
from api.serving.rendered_list import Content, RenderedRow
from api.serving.templating import Templates
from ranking.intake.items import Item
from ranking.published.snapshot import Entry
from ranking.settings.sites import SiteSettings
from ranking.times import LATEST_EPOCH_S

Serve = Callable[..., Awaitable[Service]]
LIST = "/v1/lists/populer"
PUBLISHED = 1_764_530_940
ADDRESS = "https://www.koran.example/populer"


def xml(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)  # noqa: S314 - it is our own


@pytest.fixture
async def listed(serve: Serve) -> Service:
    """Three items; the second has markup in its title, the third nothing but an id."""
    sites = [{"id": "koran", "name": "Koran", "address": ADDRESS, "keys": {"write": WRITER["authorization"][7:]}}]
    service = await serve(sites=sites)
    await service.put(
        {
            "id": "beras",
            "title": "Harga beras naik",
            "url": "https://koran.example/beras?a=1&b=2",
            "section": "Ekonomi",
            "published_at": PUBLISHED,
            "image": "https://img.example/beras.jpg",
        },
        {"id": "jahat", "title": HOSTILE, "url": "/jahat", "section": "Ekonomi"},
    )
    await service.view(beras=9, jahat=5, polos=2)
    await service.refresh()
    return service


async def test_the_fragment_has_the_elements_of_the_widget(listed: Service) -> None:
    answer = await listed.http.get(LIST, params={"format": "html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = Elements(answer.text)
    (section,), (heading,), (rows,) = found.all("section"), found.all("h2"), found.all("ol")
    assert section == {"class": "populer-box", "aria-labelledby": heading["id"]}
    assert heading["class"] == "populer-heading"
    assert found.text("h2") == ["Populer"]
    assert rows == {"class": "populer-rows", "role": "list"}
    assert [item["data-id"] for item in found.all("li")] == ["beras", "jahat", "polos"]
    assert {item["class"] for item in found.all("li")} == {"populer-item"}
    links = found.all("a")
    assert [link.get("href") for link in links] == [
        "https://koran.example/beras?a=1&b=2", "/jahat", None, f"{ADDRESS}/lists/populer",
    ]  # fmt: skip
    assert found.text("a")[0] == "Harga beras naik"
    assert found.text("a")[1] == "</script><script>alert(1)</script> & \"' <b>"
    assert found.all("time")[:1] == [{"class": "populer-time", "datetime": "2025-12-01T02:29:00+07:00"}]
    assert found.text("time")[:1] == ["Senin, 01 Desember 2025 | 02:29"]
    assert links[-1] == {
        "class": "populer-more", "href": f"{ADDRESS}/lists/populer", "aria-label": "Selengkapnya: Populer",
    }  # fmt: skip
    assert {tag for tag, _ in found.found} == {"section", "h2", "ol", "li", "a", "time"}


async def test_fragments_of_a_page_have_headings_of_their_own(listed: Service) -> None:
    asked = [("populer", ""), ("update", ""), ("populer", "Ekonomi")]
    ids = set()
    for name, section in asked:
        answer = await listed.http.get(f"/v1/lists/{name}", params={"format": "html", "section": section})
        ids.add(Elements(answer.text).all("h2")[0]["id"])
    assert len(ids) == len(asked)
    assert not any(re.search(r"\s", str(each)) for each in ids)


async def test_an_empty_list_says_so_in_the_sites_language(serve: Serve) -> None:
    for locale, words in (("id", "Belum ada berita"), ("en", "There are no stories"), ("ms", "dalam senarai ini")):
        service = await serve(sites=[{"id": "koran", "locale": locale}])
        await service.refresh()
        answer = await service.http.get(LIST, params={"format": "html"})
        assert words in answer.text
        assert not Elements(answer.text).all("ol")


async def test_without_an_address_a_fragment_leads_nowhere_else(serve: Serve) -> None:
    service = await serve()
    await service.view(a=1)
    await service.refresh()
    answer = await service.http.get(LIST, params={"format": "html"})
    assert [link.get("href") for link in Elements(answer.text).all("a")] == [None]


async def test_the_json_feed_has_what_version_1_1_asks_for(listed: Service) -> None:
    answer = await listed.http.get(LIST, params={"format": "feed", "limit": 2})
    assert answer.headers["content-type"] == "application/feed+json"
    feed = answer.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == "Populer · Koran"
    assert feed["language"] == "id"
    assert feed["home_page_url"] == f"{ADDRESS}/lists/populer"
    assert feed["feed_url"] == f"{ADDRESS}/v1/lists/populer?format=feed"
    first, second = feed["items"]
    assert first == {
        "id": "beras",
        "title": "Harga beras naik",
        "content_text": "Harga beras naik",
        "url": "https://koran.example/beras?a=1&b=2",
        "image": "https://img.example/beras.jpg",
        "date_published": "2025-12-01T02:29:00+07:00",
        "tags": ["Ekonomi"],
        "_populer": {"rank": 1, "published_label": "Senin, 01 Desember 2025 | 02:29"},
    }
    assert "url" not in second
    following = (await listed.http.get(feed["next_url"].removeprefix(ADDRESS))).json()
    assert [(item["id"], item["_populer"]["rank"]) for item in following["items"]] == [("polos", 3)]
    assert "next_url" not in following


async def test_the_rss_has_what_version_2_0_asks_for(listed: Service) -> None:
    answer = await listed.http.get(LIST, params={"format": "rss"})
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    root = xml(answer.content)
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    assert channel.findtext("title") == "Populer · Koran"
    assert channel.findtext("link") == f"{ADDRESS}/lists/populer"
    assert channel.findtext("description")
    assert channel.findtext("language") == "id"
    itself = channel.find(f"{{{ATOM}}}link")
    assert itself is not None
    assert itself.get("href") == f"{ADDRESS}/v1/lists/populer?format=rss"
    items = channel.findall("item")
    assert [item.findtext("guid") for item in items] == ["beras", "jahat", "polos"]
    assert items[1].findtext("title") == "</script><script>alert(1)</script> & \"' <b>"
    assert items[0].findtext("link") == "https://koran.example/beras?a=1&b=2"
    assert items[0].findtext("category") == "Ekonomi"
    assert parsedate_to_datetime(str(items[0].findtext("pubDate"))).timestamp() == PUBLISHED
    thumbnail = items[0].find(f"{{{MEDIA}}}thumbnail")
    assert thumbnail is not None
    assert thumbnail.get("url") == "https://img.example/beras.jpg"
    assert items[1].find("link") is None


def test_rss_keeps_every_title_and_drops_characters_that_xml_does_not_allow() -> None:
    titles = {
        "<b>&amp;</b> ]]> <!-- -->": "<b>&amp;</b> ]]> <!-- -->",
        "a\x00b\x0bc\x1b\x7f\x85d\ufffe\uffff\ud800e": "abcde",
        " two\r\n lines\t": "two lines",
        "\U0001f600 \u2028 \u0645": "\U0001f600 \u0645",
        "\x00": "4",  # nothing is left of it: the id
    }
    link, image = "https://a.example/?a=1&b='2'", "https://a.example/&amp;'"
    rows = [RenderedRow(Entry(0, str(n), title, link, title, 0.0, image, 1.0, 1), "") for n, title in enumerate(titles)]
    content = Content(SiteSettings(name="K\x00 & <b>"), "populer", "P\x01", "", 1, 0.0, 0, rows, None)
    root = xml(rss(content, Links("", None)))
    assert [item.findtext("title") for item in root.iter("item")] == list(titles.values())
    assert root.findtext("channel/title") == "P · K & <b>"
    assert {item.findtext("link") for item in root.iter("item")} == {link}
    assert {each.get("url") for each in root.iter(f"{{{MEDIA}}}thumbnail")} == {image}


async def test_a_feed_without_an_address_leads_to_where_the_articles_are(serve: Serve) -> None:
    service = await serve()
    await service.put({"id": "a", "url": "https://koran.example/kanal/a"})
    await service.view(a=1)
    await service.refresh()
    root = xml((await service.http.get(LIST, params={"format": "rss"})).content)
    assert root.findtext("channel/link") == "https://koran.example/"
    feed = (await service.http.get(LIST, params={"format": "feed"})).json()
    assert not {"home_page_url", "feed_url", "next_url"} & feed.keys()
    assert "url" not in (await service.http.get(LIST, params={"format": "jsonld"})).json()


async def test_the_linked_data_is_an_item_list_that_no_title_can_end(listed: Service) -> None:
    answer = await listed.http.get(LIST, params={"format": "jsonld"})
    assert answer.headers["content-type"] == "application/ld+json"
    assert not set("<>&") & set(answer.text)
    document = answer.json()
    assert (document["@context"], document["@type"]) == ("https://schema.org", "ItemList")
    assert document["numberOfItems"] == 3
    assert [(each["position"], each["name"]) for each in document["itemListElement"]] == [
        (1, "Harga beras naik"), (2, '</script><script>alert(1)</script> & "\' <b>'), (3, "polos"),
    ]  # fmt: skip
    assert document["itemListElement"][0]["url"] == "https://koran.example/beras?a=1&b=2"


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_keeps_the_rules_of_the_json(listed: Service, form: str) -> None:
    """Limit, section, exclusions, take-downs, 304, HEAD, other origins, unknown lists."""
    for query in ({"limit": 1}, {"section": "Ekonomi"}, {"exclude": "beras"}, {"section": "Ekonomi", "limit": 2}):
        ids = await listed.ids(**query)
        assert ids_of(form, (await listed.http.get(LIST, params={**query, "format": form})).text) == ids
    first = await listed.http.get(LIST, params={"format": form})
    assert first.headers["cache-control"] == (await listed.http.get(LIST)).headers["cache-control"]
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["x-content-type-options"] == "nosniff"
    tag = {"if-none-match": first.headers["etag"]}
    assert (await listed.http.get(LIST, params={"format": form}, headers=tag)).status_code == 304
    head = await listed.http.head(LIST, params={"format": form})
    assert (head.status_code, head.content, lasting_headers(head)) == (200, b"", lasting_headers(first))
    await listed.http.delete("/v1/items/beras", headers=WRITER)
    later = await listed.http.get(LIST, params={"format": form}, headers=tag)
    assert later.status_code == 200
    assert ids_of(form, later.text) == ["jahat", "polos"]
    for query, status in (({"limit": "0"}, 400), ({"section": "Tiada"}, 404), ({"cursor": "x"}, 400)):
        told = await listed.http.get(LIST, params={**query, "format": form})
        assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")


def ids_of(form: str, text: str) -> list[Any]:
    """The ids of a list in a form; in linked data, which has none, by their titles."""
    if form == "html":
        return [item["data-id"] for item in Elements(text).all("li")]
    if form == "rss":
        return [item.findtext("guid") for item in xml(text.encode()).iter("item")]
    if form == "feed":
        return [item["id"] for item in json.loads(text)["items"]]
    known = {"Harga beras naik": "beras", "polos": "polos"}
    return [known.get(each["name"], "jahat") for each in json.loads(text)["itemListElement"]]


async def test_the_tag_of_a_form_names_its_content_and_not_its_generation(listed: Service) -> None:
    asked = [{"format": form, "limit": "2"} for form in FORMS]
    tags = [(await listed.http.get(LIST, params=each)).headers["etag"] for each in asked]
    assert len({*tags, (await listed.http.get(LIST)).headers["etag"]}) == len(FORMS) + 1
    await listed.refresh()
    assert [(await listed.http.get(LIST, params=each)).headers["etag"] for each in asked] == tags


@pytest.mark.parametrize("form", ["xml", "HTML", "html ", "json,html", "../rows", "\x00", "page"])
async def test_another_form_is_refused_with_those_that_are_known(listed: Service, form: str) -> None:
    answer = await listed.http.get(LIST, params={"format": form})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(name in answer.json()["detail"] for name in KNOWN)


async def test_several_lists_come_as_json_only(listed: Service) -> None:
    assert (await listed.http.get("/v1/lists", params={"format": "json"})).status_code == 200
    answer = await listed.http.get("/v1/lists", params={"format": "rss"})
    assert (answer.status_code, answer.json()["title"]) == (400, "bad format")


async def test_what_is_empty_is_as_if_it_were_not_said(listed: Service) -> None:
    plain = (await listed.http.get(LIST)).json()
    asked = await listed.http.get(LIST, params=dict.fromkeys(("format", "site", "section", "limit", "cursor"), ""))
    assert asked.json() == plain


ANY = st.text(max_size=40) | st.sampled_from([HOSTILE, "]]>", "<!--", "\u2028", "\x1b[0m", "&#0;", "{{ 7 * 7 }}"])


@given(
    st.lists(st.builds(Item, id=ANY.filter(bool), title=ANY, url=ANY | st.none(), section=ANY, image=ANY), max_size=4),
    ANY,
)
def test_whatever_is_in_an_item_every_form_is_valid(items: list[Item], section: str) -> None:
    site = SiteSettings(name="Koran & <b>", address=ADDRESS)
    rows = [
        RenderedRow(Entry(0, item.id, item.title, item.url, item.section, 0.0, item.image, 1.0, 1), "Senin")
        for item in items
    ]
    content = Content(site, "populer", "Populer <i>", section, 1, 0.0, 0, rows, "1.2.3")
    links = Links(ADDRESS, None)
    tree = xml(rss(content, links))
    assert len(list(tree.iter("item"))) == len(items)
    feed = json.loads(json_feed(content, links))
    assert [item["id"] for item in feed["items"]] == [item.id for item in items]
    assert all(item["title"] == item["id"] or not UNPRINTED.search(item["title"]) for item in feed["items"])
    assert all(datetime.fromisoformat(item["date_published"]).timestamp() == 0 for item in feed["items"])
    linked = item_list(content, links).decode()
    assert not set("<>&\u2028\u2029") & set(linked)
    assert len(json.loads(linked)["itemListElement"]) == len(items)
    page = fragment(content, links, Templates(None)).decode()
    found = Elements(page)
    assert {tag for tag, _ in found.found} <= {"section", "h2", "ol", "li", "a", "time", "p"}
    assert len(found.all("li")) == len(items)
    assert all(link.get("dir") == "auto" for link in found.all("a") if link.get("class") == "populer-link")
    named = {name for _, attributes in found.found for name in attributes}
    assert named <= {"class", "id", "aria-labelledby", "aria-label", "role", "data-id", "dir", "href", "datetime"}
    for link in [each["href"] for each in found.all("a") if "href" in each]:
        assert re.match(r"(https?://|/(?!/))", html.unescape(str(link)), re.IGNORECASE)


@pytest.mark.parametrize("zone", ["Asia/Jayapura", "America/Los_Angeles", "UTC"])
@pytest.mark.parametrize("locale", ["id", "en", "ms", "ar"])
async def test_the_first_moment_that_can_be_said_can_be_shown_and_the_last_waits_for_its_time(
    serve: Serve, zone: str, locale: str
) -> None:
    service = await serve(sites=[{"id": "koran", "timezone": zone, "locale": locale}])
    moments = {"awal": 0, "akhir": LATEST_EPOCH_S}
    await service.store.items.put_items("koran", [Item(id=name, published_at=at) for name, at in moments.items()])
    await service.view(**dict.fromkeys(moments, 1))
    await service.refresh()
    for path in (*(f"{LIST}?format={form}" for form in KNOWN), "/lists/populer"):
        answer = await service.http.get(path)
        assert answer.status_code == 200
        assert "awal" in answer.text
        assert "akhir" not in answer.text
