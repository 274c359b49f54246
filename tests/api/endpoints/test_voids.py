"""An editor's word that events weigh nothing: in every list from the next refresh on, in the trail, and undone."""

from typing import Any

import httpx2
import pytest
from conftest import Serve
from servers import ADMIN, NOW, SITE, WRITER, Service

from ranking.published.edits import MAX_VOIDS, Subject, Void

ADDRESS = "/v1/items/a/voids"
BUCKET_S = 300


async def send(service: Service, method: str, address: str = ADDRESS, **body: Any) -> httpx2.Response:
    return await service.http.request(method, address, json=body or None, headers=ADMIN)


async def views(service: Service, name: str = "populer") -> dict[str, int]:
    document = (await service.http.get(f"/v1/lists/{name}")).json()
    return {item["id"]: item["views"] for item in document["items"]}


@pytest.fixture
async def three(serve: Serve) -> Service:
    """Three described items, `a` the most read; beside the usual lists a burst list of all items."""
    service = await serve(lists={"semua": {"kind": "burst"}})
    await service.put(*({"id": item, "title": f"Judul {item}", "published_at": NOW - 9000} for item in "abc"))
    await service.view(a=40, b=20, c=10)
    await service.refresh()
    return service


async def test_void_takes_events_from_every_list_at_the_next_refresh_and_lifting_gives_them_back(
    three: Service,
) -> None:
    assert await three.ids() == ["a", "b", "c"]
    answer = await send(three, "POST", **{"from": NOW - 60, "to": NOW + 60})
    assert answer.status_code == 201
    since = NOW - 60 - (NOW - 60) % BUCKET_S
    assert answer.json() == {
        "void": 1, "from": since, "to": since + BUCKET_S, "kinds": [], "sources": [], "share": 0.0, "set_at": NOW + 5,
    }  # fmt: skip
    await three.refresh()
    assert await views(three) == {"b": 20, "c": 10}
    assert await three.ids("semua") == ["b", "c"]
    listed = (await send(three, "GET")).json()["voids"]
    assert listed == [answer.json()]
    assert (await send(three, "DELETE", f"{ADDRESS}/1")).status_code == 204
    await three.refresh()
    assert await views(three) == {"a": 40, "b": 20, "c": 10}
    assert (await send(three, "GET")).json() == {"voids": []}


async def test_voids_of_all_items_are_listed_by_item_and_number(three: Service) -> None:
    assert (await send(three, "GET", "/v1/voids")).json() == {"voids": []}
    made = [(await send(three, "POST", f"/v1/items/{item}/voids", **{"from": NOW - 60})).json() for item in "bab"]
    listed = (await send(three, "GET", "/v1/voids")).json()["voids"]
    assert listed == [{"item": "a", **made[1]}, {"item": "b", **made[0]}, {"item": "b", **made[2]}]


async def test_void_without_an_end_takes_what_comes_later_too(three: Service) -> None:
    assert (await send(three, "POST", **{"from": NOW - 60})).json()["to"] is None
    three.clock.now += 3600
    await three.view(a=99, b=1)
    await three.refresh()
    assert await views(three) == {"b": 21, "c": 10}


async def test_void_of_a_kind_a_source_or_a_share_leaves_the_rest(three: Service) -> None:
    clicks = [{"item": "a", "kind": "click", "source": "list:populer", "position": 1}] * 3
    assert (await three.http.post("/v1/events", json=clicks, headers=WRITER)).json()["accepted"] == 3
    await send(three, "POST", **{"from": NOW - 60, "kinds": ["click"], "sources": ["list:populer"]})
    await send(three, "POST", **{"from": NOW - 60, "kinds": ["view"], "share": 0.25})
    await three.refresh()
    assert await views(three) == {"b": 20, "a": 10, "c": 10}


async def test_void_is_in_the_trail_and_is_undone_by_its_edition_and_the_undo_too(three: Service) -> None:
    await send(three, "POST", **{"from": NOW - 60})
    (made, *_) = (await three.http.get("/v1/audit", headers=ADMIN)).json()["changes"]
    assert {name: made[name] for name in ("action", "void", "item", "by", "before")} == {
        "action": "void", "void": 1, "item": "a", "by": "admin", "before": None,
    }  # fmt: skip
    assert made["after"]["from"] == NOW - 60 - (NOW - 60) % BUCKET_S
    for edition, expected in ((made["edition"], ["a", "b", "c"]), (None, ["b", "c"])):
        (latest, *_) = (await three.http.get("/v1/audit", headers=ADMIN)).json()["changes"]
        undone = await send(three, "POST", f"/v1/edits/{edition or latest['edition']}/undo")
        assert undone.status_code == 200, undone.text
        await three.refresh()
        assert await three.ids() == expected
    assert (await send(three, "POST", f"/v1/edits/{made['edition']}/undo")).status_code == 200


async def test_lifting_is_undone_as_well_and_numbers_are_given_once(three: Service) -> None:
    await send(three, "POST", **{"from": NOW - 60})
    await send(three, "DELETE", f"{ADDRESS}/1")
    (lifted, *_) = (await three.http.get("/v1/audit", headers=ADMIN)).json()["changes"]
    assert (await send(three, "POST", **{"from": NOW})).json()["void"] == 2
    assert (await send(three, "POST", f"/v1/edits/{lifted['edition']}/undo")).status_code == 200
    assert [each["void"] for each in (await send(three, "GET")).json()["voids"]] == [1, 2]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"to": NOW}, "from: is missing"),
        ({"from": NOW, "to": NOW}, "to: must lie after from"),
        ({"from": "kemarin"}, "from: expected"),
        ({"from": NOW, "share": 1}, "share: expected"),
        ({"from": NOW, "share": -0.1}, "share: expected"),
        ({"from": NOW, "kinds": [""]}, "kinds: expected"),
        ({"from": NOW, "sources": ["x"] * 51}, "sources: expected"),
        ({"from": NOW, "until": NOW + 9}, "unknown field"),
    ],
)
async def test_void_that_cannot_be_made_is_refused_with_the_field(
    service: Service, body: dict[str, Any], named: str
) -> None:
    answer = await send(service, "POST", **body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


async def test_void_takes_an_admin_key_an_item_id_and_a_number_that_is_there(three: Service) -> None:
    assert (await three.http.post(ADDRESS, json={"from": NOW})).status_code == 401
    assert (await three.http.post(ADDRESS, json={"from": NOW}, headers=WRITER)).status_code == 403
    absent = await send(three, "DELETE", f"{ADDRESS}/7")
    assert (absent.status_code, absent.json()["detail"]) == (404, "item 'a' has no void 7; it has none")
    odd = "/v1/items/2025%2F12%2Fberita%20satu%2Fvoids/voids"
    assert (await send(three, "POST", odd, **{"from": NOW})).status_code == 201
    (kept,) = (await three.store.edits.read(SITE)).edits
    assert kept == Subject("void", "", "1", "2025/12/berita satu/voids")


async def test_voids_of_a_site_are_bounded_and_those_older_than_all_counts_make_room(serve: Any) -> None:
    service = await serve(retention={"keep": "7d"})
    full = {
        Subject("void", "", str(number), "x"): Void(NOW - 20 * 86_400, NOW - (1 if number else 8 * 86_400))
        for number in range(MAX_VOIDS)
    }
    await service.store.edits.change(SITE, full, "admin")
    assert (await send(service, "POST", **{"from": NOW})).status_code == 201
    refused = await send(service, "POST", **{"from": NOW})
    assert (refused.status_code, refused.json()["title"]) == (409, "too many edits")
    assert len((await service.store.edits.read(SITE)).edits) == MAX_VOIDS


async def test_void_of_a_referrer_class_is_refused_as_lists_do_not_know_of_them(three: Service) -> None:
    answer = await send(three, "POST", **{"from": NOW - 60, "to": NOW + 60, "sources": ["ref:search"]})
    assert answer.status_code == 422
    assert "ref:… are views without a source" in answer.json()["detail"]
