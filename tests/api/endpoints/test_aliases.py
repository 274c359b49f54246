"""Other addresses and ids of an article: one history from the next refresh on, in the trail, and undone."""

from typing import Any

import httpx2
import pytest
from servers import ADMIN, NOW, WRITER, Service

from ranking.refreshing.aliases import MAX_CHANGED

PAGE = "https://www.koran.example/ekonomi/harga-beras-12345"
OLD = "https://koran.example/ekonomi/beras-mahal-12345"


async def send(service: Service, method: str, item: str = "12345", **body: Any) -> httpx2.Response:
    address = f"/v1/items/{item}/aliases"
    return await service.http.request(method, address, json=body or None, headers=WRITER)


async def views(service: Service, name: str = "populer") -> dict[str, int]:
    document = (await service.http.get(f"/v1/lists/{name}")).json()
    return {item["id"]: item["views"] for item in document["items"]}


async def record(service: Service, *events: dict[str, Any]) -> None:
    answer = await service.http.post("/v1/events", json=list(events), headers=WRITER)
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(events))


@pytest.fixture
async def article(service: Service) -> Service:
    """An item with an id and an address that was read under both and, before its slug was changed, under another."""
    await record(service, {"item": "12345"}, {"url": PAGE}, {"url": PAGE + "/amp?fbclid=x"}, {"url": OLD})
    await service.put({"id": "12345", "title": "Harga beras naik", "url": PAGE, "published_at": NOW - 900})
    await service.refresh()
    return service


async def test_list_counts_the_address_of_an_item_for_it(article: Service) -> None:
    assert await views(article) == {"12345": 3, "koran.example/ekonomi/beras-mahal-12345": 1}


async def test_alias_joins_what_was_counted_before_and_lifting_it_parts_it(article: Service) -> None:
    answer = await send(article, "PUT", urls=[OLD + "?utm_source=x"], ids=["tua"])
    names = ["koran.example/ekonomi/beras-mahal-12345", "tua"]
    assert answer.json() == {"item": "12345", "aliases": names, "former": []}
    assert (await send(article, "GET")).json() == answer.json()
    await record(article, {"item": "tua"}, {"url": OLD})
    await article.refresh()
    assert await views(article) == {"12345": 6}
    assert (await send(article, "DELETE", urls=[OLD])).json()["aliases"] == ["tua"]
    await article.refresh()
    assert await views(article) == {"12345": 4, "koran.example/ekonomi/beras-mahal-12345": 2}
    assert (await send(article, "DELETE")).json()["aliases"] == []
    await article.refresh()
    assert (await views(article))["tua"] == 1


async def test_article_keeps_the_readers_of_an_address_that_it_has_no_more(article: Service) -> None:
    new = PAGE.replace("beras", "beras-impor")
    await article.put({"id": "12345", "title": "Harga beras naik", "url": new})
    await record(article, {"url": PAGE}, {"url": new})
    await article.refresh()
    assert (await views(article))["12345"] == 5
    names = {"item": "12345", "aliases": [], "former": ["koran.example/ekonomi/harga-beras-12345"]}
    assert (await send(article, "GET")).json() == names
    await article.put({"id": "9", "title": "Lain", "url": PAGE})
    await article.refresh()
    counted = await views(article)
    assert (counted["12345"], counted["9"]) == (2, 3), "the item that has the address now has its readers"
    await article.http.delete("/v1/items/9", headers=ADMIN)
    await article.refresh()
    assert "koran.example/ekonomi/harga-beras-12345" not in await views(article), "nor does a take-down free them"
    await article.http.delete("/v1/items/9/aliases", headers=WRITER)
    await article.refresh()
    assert (await views(article))["koran.example/ekonomi/harga-beras-12345"] == 3


async def test_aliases_are_in_the_trail_and_are_undone(article: Service) -> None:
    await send(article, "PUT", urls=[OLD], ids=["tua"])
    names = ["koran.example/ekonomi/beras-mahal-12345", "tua"]
    trail = (await article.http.get("/v1/audit", headers=ADMIN)).json()["changes"]
    line = trail[0]
    assert {name: line[name] for name in ("action", "by", "item", "before", "after")} == {
        "action": "alias",
        "by": "write",
        "item": "12345",
        "before": dict.fromkeys(names),
        "after": dict.fromkeys(names, "12345"),
    }
    assert len(trail) == 1
    undone = await article.http.post(f"/v1/edits/{line['edition']}/undo", headers=ADMIN)
    assert undone.json()["undone"] == [{"action": "alias", "item": "12345"}]
    assert (await send(article, "GET")).json()["aliases"] == []
    again = await article.http.post(f"/v1/edits/{line['edition']}/undo", headers=ADMIN)
    assert again.status_code == 409
    last = (await article.http.get("/v1/audit", headers=ADMIN)).json()["changes"][0]
    assert (last["action"], last["undoes"]) == ("unalias", line["edition"])
    assert (await article.http.post(f"/v1/edits/{last['edition']}/undo", headers=ADMIN)).status_code == 200
    assert (await send(article, "GET")).json()["aliases"] == names


async def test_alias_that_was_another_items_goes_back_to_it(article: Service) -> None:
    await send(article, "PUT", "a", ids=["tua"])
    await send(article, "PUT", "b", ids=["tua"])
    assert (await send(article, "GET", "a")).json()["aliases"] == []
    edition = (await article.http.get("/v1/audit", headers=ADMIN)).json()["changes"][0]["edition"]
    await article.http.post(f"/v1/edits/{edition}/undo", headers=ADMIN)
    assert (await send(article, "GET", "a")).json()["aliases"] == ["tua"]


async def test_redirects_of_many_items_are_one_change(article: Service) -> None:
    body = [
        {"url": PAGE, "urls": [OLD]},
        {"item": "67890", "ids": ["b", "c"]},
        {"item": "x", "url": PAGE},
        {"item": "y", "urls": ["mailto:x"]},
        {"url": "https://koran.example/?ref=404", "ids": ["hilang"]},
        {"item": "b", "ids": ["67890"]},
    ]
    answer = (await article.http.put("/v1/aliases", json=body, headers=WRITER)).json()
    assert answer["made"] == 3
    assert [each["index"] for each in answer["invalid"]] == [2, 3, 4, 5]
    await article.refresh()
    assert await views(article) == {"12345": 4}, "an address that is the item's leads to it"
    assert len((await article.http.get("/v1/audit", headers=ADMIN)).json()["changes"]) == 1
    assert (await article.http.put("/v1/aliases", json=body, headers=WRITER)).json()["made"] == 0


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"urls": ["beras"]}, "urls"),
        ({"urls": ["/ekonomi/beras"]}, "whole addresses"),
        ({"ids": [""]}, "ids"),
        ({"ids": ["{{ post.id }}"]}, "placeholder"),
        ({"ids": [str(number) for number in range(MAX_CHANGED + 1)]}, str(MAX_CHANGED)),
        ({"id": ["x"]}, "id"),
    ],
)
async def test_alias_that_cannot_be_made_is_refused(article: Service, body: dict[str, Any], word: str) -> None:
    answer = await send(article, "PUT", **body)
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


async def test_alias_that_would_close_a_circle_is_refused(article: Service) -> None:
    assert (await send(article, "PUT", "a", ids=["b"])).status_code == 200
    assert (await send(article, "PUT", "b", ids=["c"])).status_code == 200
    answer = await send(article, "PUT", "c", ids=["a"])
    assert answer.status_code == 422
    assert "stand for itself" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
async def test_aliases_take_the_sites_write_key(service: Service, method: str) -> None:
    answer = await service.http.request(method, "/v1/items/a/aliases", json={})
    assert answer.status_code == 401


async def test_alias_parted_by_a_slash_is_no_route_of_its_own(service: Service) -> None:
    await service.put({"id": "a/b", "title": "A"})
    assert (await send(service, "PUT", "a/b", ids=["c"])).json() == {"item": "a/b", "aliases": ["c"], "former": []}
