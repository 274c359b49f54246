"""The AMP example has what AMP asks of a page, and the service has what the page asks of it."""

import json
import re
from html.parser import HTMLParser

import httpx2
import pytest
from newsrooms import EXAMPLES, TITLES
from servers import counts_by_bucket, eventually, opened
from service import Service

from ranking.store.embedded.data_dir import socket_url

TEXT = (EXAMPLES / "amp" / "article.html").read_text()
CACHE = {"origin": "https://news-example.cdn.ampproject.org"}


class Parts(HTMLParser):
    """Elements with their attributes, and the texts in scripts and templates by the element before them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(TEXT)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = tag, attributes, text + data

    def of(self, name: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for tag, attributes, text in self.elements if tag == name]


PARTS = Parts()
((LIST, _),) = PARTS.of("amp-list")
ANALYTICS = json.loads(next(text for given, text in PARTS.of("script") if given.get("type") == "application/json"))


def at(service: Service, address: str | None) -> str:
    """An address of the example, at the running service."""
    assert address is not None
    assert address.startswith("https://populer.example/")
    return address.replace("https://populer.example", service.url)


def test_it_has_what_amp_requires_of_a_page() -> None:
    assert TEXT.startswith("<!doctype html>")
    ((html, _),) = PARTS.of("html")
    assert "⚡" in html or "amp" in html
    scripts = [given for given, _ in PARTS.of("script") if given.get("type") != "application/json"]
    assert scripts[0]["src"] == "https://cdn.ampproject.org/v0.js"
    assert all("async" in given and (given["src"] or "").startswith("https://cdn.ampproject.org/") for given in scripts)
    loaded = {given.get("custom-element") or given.get("custom-template") for given in scripts[1:]}
    used = {tag for tag, _, _ in PARTS.elements if tag.startswith("amp-")} | {PARTS.of("template")[0][0]["type"]}
    assert loaded == used
    assert [given["rel"] for given, _ in PARTS.of("link")] == ["canonical"]
    assert {tuple(given) for given, _ in PARTS.of("style")} == {("amp-boilerplate",), ("amp-custom",)}
    assert PARTS.elements[2][:2] == ("meta", {"charset": "utf-8"})
    assert not re.search(r"!important|<img|\sstyle=|\son[a-z]+=", TEXT)


def test_the_list_has_every_field_of_the_template_and_may_be_read_by_amps_cache(service: Service) -> None:
    answer = httpx2.get(at(service, LIST["src"]), headers=CACHE)
    assert answer.headers["access-control-allow-origin"] == "*"
    items = answer.json()[LIST["items"]]
    template = TEXT.partition("<template")[2].partition("</template>")[0]
    fields = set(re.findall(r"{{(\w+)}}", template))
    assert fields == {"rank", "url", "id", "title", "published_label"}
    assert "{{{" not in template, "three braces would be markup"
    assert [item["id"] for item in items] == list(TITLES)
    assert all(item[name] is not None for item in items for name in fields)


@pytest.mark.parametrize(("name", "channel"), [("seen", "view|beras-turun"), ("opened", "click@list:populer#2|102")])
async def test_the_pixel_counts_what_the_page_reports(service: Service, name: str, channel: str) -> None:
    assert ANALYTICS["transport"] == {"beacon": False, "xhrpost": False, "image": True}
    address = at(service, ANALYTICS["requests"][ANALYTICS["triggers"][name]["request"]])
    for variable, value in {"item": "102", "position": "2"}.items():
        address = address.replace(f"${{{variable}}}", value)
    assert "${" not in address

    async def counted() -> int:
        async with opened(socket_url(service.data_dir)) as store:
            found = await counts_by_bucket(store, "default")
        return sum(count for (_, named), count in found.items() if named == channel)

    before = await counted()
    async with httpx2.AsyncClient() as client:
        answer = await client.get(address, headers={"sec-fetch-dest": "image", **CACHE})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")

    async def one_more() -> bool:
        return await counted() == before + 1

    await eventually(one_more, "the event is counted")
