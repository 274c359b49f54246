"""`GET /v1/pixel.gif`, and events that name their item by its address."""

from typing import Any

import pytest
from servers import NOW, WRITER, Service

PIXEL = "/v1/pixel.gif"
EVENTS = "/v1/events"


@pytest.mark.parametrize("path", [PIXEL, "/v1/dot.gif"])
async def test_the_pixel_counts_and_is_a_gif_that_nobody_keeps(service: Service, path: str) -> None:
    found = await service.http.get(path, params={"item": "a"})
    assert found.status_code == 200
    assert found.headers["content-type"] == "image/gif"
    assert found.headers["cache-control"] == "no-store"
    assert len(found.content) == 43
    assert found.content.startswith(b"GIF89a")
    assert await service.counts() == {"view|a": 1}


async def test_the_pixel_says_what_an_event_can_say(service: Service) -> None:
    await service.view(b=3, a=2)
    await service.refresh()
    params = {"item": "a", "kind": "click", "source": "list:populer", "position": "2", "visitor": "v", "other": "x"}
    assert (await service.http.get(PIXEL, params=params)).status_code == 200
    assert await service.counts() == {"view|b": 3, "view|a": 2, "click@list:populer#2|a": 1}


async def test_a_pixels_time_is_the_time_it_is_received(service: Service) -> None:
    await service.http.get(PIXEL, params={"item": "a", "ts": str(NOW - 86_400)}, headers=WRITER)
    assert [start for start, _ in await service.counts_by_bucket()] == [NOW // 300 * 300]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "item: is missing, and so is url"),
        ({"item": ""}, "item: must not be empty"),
        ({"item": "{{ post.id }}"}, "item: must be an id, found the placeholder '{{ post.id }}'"),
        ({"item": "a", "kind": "x"}, "kind: must be one of click, view, found 'x'"),
        ({"item": "a", "source": "list:populer", "position": "third"}, "position: "),
        ({"url": "javascript:alert(1)"}, "url: "),
    ],
)
async def test_a_pixel_that_cannot_be_counted_says_why(service: Service, params: dict[str, str], sentence: str) -> None:
    found = await service.http.get(PIXEL, params=params)
    assert found.status_code == 422
    assert sentence in found.json()["detail"]
    assert await service.counts() == {}


async def test_a_pixel_for_nobodys_site_is_not_found(service: Service) -> None:
    assert (await service.http.get(PIXEL, params={"item": "a", "site": "nobody"})).status_code == 404


async def test_the_pixel_takes_only_get(service: Service) -> None:
    assert (await service.http.post(PIXEL)).status_code == 405


@pytest.mark.parametrize(
    "address",
    [
        "https://www.kabar.example/nasional/berita-1",
        "http://kabar.example/nasional/berita-1/?utm_source=wa&fbclid=x#komentar",
        "https://m.kabar.example/nasional/berita-1/amp",
    ],
)
async def test_every_way_to_write_an_address_is_one_item(service: Service, address: str) -> None:
    found = await service.http.post(EVENTS, json={"url": address})
    assert found.json()["accepted"] == 1
    assert await service.counts() == {"view|kabar.example/nasional/berita-1": 1}


async def test_an_item_that_is_named_is_taken_at_its_name(service: Service) -> None:
    await service.http.post(EVENTS, json={"item": "a", "url": "https://kabar.example/b"})
    assert await service.counts() == {"view|a": 1}


@pytest.mark.parametrize("url", ["", "ftp://kabar.example/a", "not an address", "https://" + "a" * 3000, 5])
async def test_an_address_that_is_none_is_told(service: Service, url: Any) -> None:
    found = await service.http.post(EVENTS, json=[{"url": url}, {"item": "b"}])
    assert found.json()["accepted"] == 1
    (bad,) = found.json()["invalid"]
    assert bad["index"] == 0
    assert bad["error"].startswith("url: ")


async def test_a_pattern_finds_the_item_in_the_address(serve: Any) -> None:
    site = {"id": "koran", "item_pattern": r"/berita/(\d+)", "keys": {"write": "write-key-of-koran"}}
    service = await serve(sites=[site])
    await service.http.post(EVENTS, json={"url": "https://kabar.example/berita/42/judul?page=2"})
    assert await service.counts("koran") == {"view|42": 1}
    found = await service.http.post(EVENTS, json={"url": "https://kabar.example/"})
    assert found.status_code == 422
    assert found.json()["invalid"][0]["error"].startswith("url: ")


@pytest.mark.parametrize("header", [{"referer": "https://www.koran.example/lain"}, {"origin": "https://koran.example"}])
async def test_an_address_without_a_host_is_one_of_the_page_that_sends_it(
    service: Service, header: dict[str, str]
) -> None:
    for event, headers in (({"url": "/berita/1"}, header), ({"url": "https://koran.example/berita/1"}, {})):
        assert (await service.http.post("/v1/events", json=event, headers=headers)).json()["accepted"] == 1
    assert await service.counts() == {"view|koran.example/berita/1": 2}


async def test_the_pixel_keeps_two_items_apart_that_are_written_in_latin_1(service: Service) -> None:
    for spelling in ("caf%E9", "caf%E8", "caf%C3%A9"):
        await service.http.get(f"{PIXEL}?item={spelling}")
    assert await service.counts() == {"view|café": 2, "view|cafè": 1}
