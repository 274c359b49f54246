"""The JSON forms that users build on: every name that the contract promises is there, and of the promised type."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import ADMIN, NOW, WRITER, Service

Serve = Callable[..., Awaitable[Service]]

NUMBER = (int, float)
LIST_ANSWER: dict[str, Any] = {
    "list": str,
    "site": str,
    "section": (str, type(None)),
    "title": str,
    "generation": int,
    "generated_at": NUMBER,
    "age_s": NUMBER,
    "stale": bool,
    "config_version": str,
    "items": list,
    "next": (str, type(None)),
}
LIST_ITEM: dict[str, Any] = {
    "rank": int,
    "id": str,
    "title": str,
    "url": (str, type(None)),
    "section": (str, type(None)),
    "published_at": (*NUMBER, type(None)),
    "published_label": str,
    "image": (str, type(None)),
    "score": (*NUMBER, type(None)),
    "views": int,
    "previous_rank": (int, type(None)),
    "is_new": bool,
    "source": str,
}
EVENTS_ANSWER: dict[str, Any] = {"accepted": int, "duplicate": int, "filtered": dict, "invalid": list, "ack": str}


def has_form(content: dict[str, Any], form: dict[str, Any]) -> None:
    assert set(content) >= set(form)
    for name, kind in form.items():
        assert isinstance(content[name], kind), name
        assert kind is bool or not isinstance(content[name], bool) or bool in _kinds(kind), name


def _kinds(kind: Any) -> tuple[Any, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


@pytest.fixture
async def filled(service: Service) -> Service:
    await service.put(
        *({"id": f"item {n}", "title": f"Judul {n}", "section": "Ekonomi", "published_at": NOW - n} for n in range(15))
    )
    await service.view(**{f"item {n}": 30 - n for n in range(15)}, undescribed=2)
    await service.refresh()
    return service


@pytest.mark.parametrize("name", ["populer", "update", "trending"])
@pytest.mark.parametrize("section", [None, "Ekonomi"])
async def test_a_list_answer(filled: Service, name: str, section: str | None) -> None:
    params = {"section": section} if section else {}
    content = (await filled.http.get(f"/v1/lists/{name}", params=params)).json()
    has_form(content, LIST_ANSWER)
    assert (content["list"], content["site"], content["section"]) == (name, "koran", section)
    for rank, item in enumerate(content["items"], 1):
        has_form(item, LIST_ITEM)
        assert item["rank"] == rank
        assert item["source"] in ("ranked", "pinned", "fill")


async def test_the_lists_that_exist_without_being_configured(filled: Service) -> None:
    lists = (await filled.http.get("/v1/lists", params={"names": "populer,update,trending"})).json()["lists"]
    assert {name: content["title"] for name, content in lists.items()} == {
        "populer": "Populer",
        "update": "UPDATE",
        "trending": "Trending",
    }
    assert {name: len(content["items"]) for name, content in lists.items()} == {
        "populer": 7,
        "update": 10,
        "trending": 7,
    }


async def test_seven_asked_are_seven_returned(filled: Service) -> None:
    await filled.http.delete("/v1/items/item 1", headers=WRITER)
    params = {"limit": 7, "exclude": ["item 0", "item 3", "item 5"]}
    content = (await filled.http.get("/v1/lists/populer", params=params)).json()
    assert [item["id"] for item in content["items"]] == [f"item {n}" for n in (2, 4, 6, 7, 8, 9, 10)]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '{"item":"a"}'),
        ("application/json", '[{"item":"a"}]'),
        ("application/json", '{"events":[{"item":"a"}]}'),
        ("application/x-ndjson", '{"item":"a"}\n'),
        ("text/plain", '{"item":"a"}'),
    ],
)
async def test_an_events_answer(service: Service, content_type: str, body: str) -> None:
    answer = await service.http.post("/v1/events", content=body, headers={"content-type": content_type})
    assert answer.status_code == 202
    has_form(answer.json(), EVENTS_ANSWER)
    assert answer.json()["ack"] == "commit"


async def test_an_events_answer_with_bad_ones(service: Service) -> None:
    content = (await service.http.post("/v1/events", json=[{"item": "a"}, {"item": ""}])).json()
    has_form(content, EVENTS_ANSWER)
    (bad,) = content["invalid"]
    has_form(bad, {"index": int, "error": str})


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("POST", "/v1/events", "nonsense", 400),
        ("POST", "/v1/events", '{"item":""}', 422),
        ("POST", "/v1/events?site=nowhere", '{"item":"a"}', 404),
        ("GET", "/v1/events", "", 405),
        ("GET", "/v1/lists/populer", "", 503),
        ("GET", "/v1/lists/nowhere", "", 404),
        ("GET", "/v1/lists/populer?limit=x", "", 400),
        ("PUT", "/v1/items", "[]", 401),
        ("GET", "/v1/items/a", "", 401),
        ("PUT", "/v1/lists/populer/pins/a", '{"position":1}', 401),
        ("DELETE", "/v1/blocks/a", "", 401),
        ("GET", "/nowhere", "", 404),
    ],
)
async def test_an_error_is_a_problem_document(
    service: Service, method: str, address: str, body: str, status: int
) -> None:
    answer = await service.http.request(method, address, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    has_form(problem, {"type": str, "title": str, "status": int, "detail": str})
    assert problem["status"] == status


async def test_taking_down_says_nothing(filled: Service) -> None:
    answer = await filled.http.delete("/v1/items/item 0", headers=WRITER)
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_pin_and_a_block_and_their_end(filled: Service) -> None:
    pin, block = "/v1/lists/populer/pins/item 9", "/v1/blocks/item 0"
    assert (await filled.http.put(pin, json={"position": 2}, headers=ADMIN)).status_code == 200
    assert (await filled.http.put(block, headers=ADMIN)).status_code == 200
    content = (await filled.http.get("/v1/lists/populer")).json()
    assert [(item["id"], item["source"]) for item in content["items"]][:3] == [
        ("item 1", "ranked"),
        ("item 9", "pinned"),
        ("item 2", "ranked"),
    ]
    assert len(content["items"]) == 7
    for item in content["items"]:
        has_form(item, LIST_ITEM)
    for address in (pin, block):
        answer = await filled.http.delete(address, headers=ADMIN)
        assert (answer.status_code, answer.content) == (204, b"")
    assert await filled.ids() == [f"item {n}" for n in range(7)]


async def test_an_item_answer(filled: Service) -> None:
    content = (await filled.http.get("/v1/items/item 3", headers=WRITER)).json()
    assert set(content) >= {"id", "title", "url", "section", "published_at", "image", "author", "tags", "first_seen"}
