"""`GET /v1/items`: what is found, page by page, and the whole as CSV and NDJSON."""

import csv
import json
from typing import Any

import pytest
from servers import ADMIN, NOW, WRITER, Service

from populer.log_files.files import read_items

ITEMS = "/v1/items"


async def found(service: Service, **params: Any) -> list[str]:
    """The ids of all pages of a search, in their order."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(100):
        answer = await service.http.get(ITEMS, params={**params, **cursor}, headers=WRITER)
        assert answer.status_code == 200, answer.text
        ids += [item["id"] for item in answer.json()["items"]]
        if answer.json()["next"] is None:
            return ids
        cursor = {"cursor": answer.json()["next"]}
    raise AssertionError("the pages do not end")


@pytest.fixture
async def newsroom(service: Service) -> Service:
    """A service with four items."""
    await service.put(
        {"id": "beras", "title": "Harga Beras  naik", "sections": ["Ekonomi", "Pangan"], "tags": ["bulog"],
         "authors": ["Siti", "Budi"], "language": "id", "premium": True, "published_at": NOW - 3600,
         "url": "https://koran.example/2026/beras"},
        {"id": "gula", "title": "Gula turun", "section": "Ekonomi", "language": "en-GB", "published_at": NOW + 3600},
        {"id": "bola", "title": "Bola", "section": "Olahraga", "hidden": True, "type": "video"},
        {"id": "usang", "title": "", "expires_at": NOW - 1},
    )  # fmt: skip
    return service


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({}, {"beras", "gula", "bola", "usang"}),
        ({"q": "HARGA beras"}, {"beras"}),
        ({"q": "beras turun"}, set()),
        ({"q": "bola"}, {"bola"}),
        ({"q": "https://koran.example/2026/beras/?utm_source=x"}, {"beras"}),
        ({"q": "koran.example/2026/tahu"}, set()),
        ({"id": "gula"}, {"gula"}),
        ({"section": " pangan "}, {"beras"}),
        ({"section": "Ekonomi"}, {"beras", "gula"}),
        ({"tag": "Bulog"}, {"beras"}),
        ({"author": "budi"}, {"beras"}),
        ({"language": "en"}, {"gula"}),
        ({"type": "video"}, {"bola"}),
        ({"premium": "true"}, {"beras"}),
        ({"state": "hidden"}, {"bola"}),
        ({"state": "expired"}, {"usang"}),
        ({"state": "scheduled"}, {"gula"}),
        ({"state": "listed"}, {"beras"}),
        ({"state": "untitled"}, {"usang"}),
        ({"to": str(NOW)}, {"beras"}),
        ({"from": str(NOW + 1)}, {"gula"}),
    ],
)
async def test_search_finds_what_is_asked_for(newsroom: Service, params: dict[str, str], ids: set[str]) -> None:
    assert set(await found(newsroom, **params)) == ids


@pytest.mark.parametrize("limit", [17, 500, 1000])
async def test_walk_gives_every_item_once(service: Service, limit: int) -> None:
    for first in range(0, 1300, 650):
        await service.put(*({"id": f"i{n}", "section": f"S{n % 3}"} for n in range(first, first + 650)))
    ids = await found(service, limit=limit)
    assert (len(ids), set(ids)) == (1300, {f"i{n}" for n in range(1300)})
    of_section = await found(service, limit=limit, section="S1")
    assert (len(of_section), set(of_section)) == (433, {f"i{n}" for n in range(1, 1300, 3)})


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"sectoin": "x"}, "did you mean section?"),
        ({"state": "x"}, "state: expected one of"),
        ({"premium": "maybe"}, "premium:"),
        ({"limit": "0"}, "limit:"),
        ({"cursor": "x"}, "cursor:"),
        ({"from": "kemarin"}, "from:"),
        ({"format": "xml"}, "format:"),
        ({"sort": "oldest"}, "sort:"),
    ],
)
async def test_parameter_that_cannot_be_used_is_a_400_that_says_so(
    service: Service, params: dict[str, str], reason: str
) -> None:
    answer = await service.http.get(ITEMS, params=params, headers=WRITER)
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]


async def test_search_needs_the_write_key(service: Service) -> None:
    assert (await service.http.get(ITEMS)).status_code == 401


async def test_exports_hold_every_item_and_csv_is_read_by_an_import(newsroom: Service, tmp_path: Any) -> None:
    await newsroom.put({"id": "rumus", "title": "=1+1"})
    lines = (await newsroom.http.get(ITEMS, params={"format": "ndjson"}, headers=WRITER)).text.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {"beras", "gula", "bola", "usang", "rumus"}
    text = (await newsroom.http.get(ITEMS, params={"format": "csv", "section": "pangan"}, headers=WRITER)).text
    (row,) = csv.DictReader(text.splitlines())
    assert (row["title"], row["sections"], row["premium"]) == ("Harga Beras  naik", "Ekonomi|Pangan", "true")
    path = tmp_path / "items.csv"
    path.write_text(text)
    ((_, item),) = read_items(path)
    assert (item.id, item.sections, item.tags, item.premium) == ("beras", ("Ekonomi", "Pangan"), ("bulog",), True)
    rumus = (await newsroom.http.get(ITEMS, params={"format": "csv", "q": "rumus"}, headers=WRITER)).text
    assert "'=1+1" in rumus


async def test_search_gives_the_newest_first_when_asked_to(newsroom: Service) -> None:
    assert await found(newsroom, sort="newest", section="ekonomi") == ["gula", "beras"]
    assert await found(newsroom, sort="newest", limit=1) == ["gula"]


async def test_search_gives_items_by_their_ids_in_that_order(newsroom: Service) -> None:
    assert await found(newsroom, id=["gula", "tidak-ada", "beras"]) == ["gula", "beras"]
    answer = await newsroom.http.get(ITEMS, params={"id": list(map(str, range(101)))}, headers=WRITER)
    assert answer.status_code == 400


async def test_search_says_why_an_item_cannot_be_pinned_as_the_pin_would(newsroom: Service) -> None:
    await newsroom.http.put("/v1/blocks/bola", json={}, headers=ADMIN)
    answer = await newsroom.http.get(ITEMS, params={"pin": "update"}, headers=WRITER)
    refused = {item["id"]: item["pin_refused"] for item in answer.json()["items"]}
    assert refused == {"beras": None, "gula": "scheduled", "bola": "blocked", "usang": None}
    reasons = {}
    for item in (*refused, "tidak-ada"):
        pin = await newsroom.http.put(f"/v1/lists/update/pins/{item}", json={"position": 1}, headers=ADMIN)
        reasons[item] = pin.json().get("reason")
    assert reasons == {**refused, "tidak-ada": "unknown"}
    beyond = await newsroom.http.put("/v1/lists/update/pins/beras", json={"position": 999}, headers=ADMIN)
    assert (beyond.status_code, beyond.json()["reason"]) == (409, "depth")
    assert (await newsroom.http.get(ITEMS, params={"pin": "nowhere"}, headers=WRITER)).status_code == 404
