"""Pins, blocks and boosts: on the next read, for as long as they were meant to hold, and undone as easily."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
import servers
from servers import ADMIN, NOW, WRITER, Service, eventually

Serve = Callable[..., Awaitable[Service]]
LIST = "/v1/lists/populer"
PINS, BOOSTS, BLOCKS, AUDIT = f"{LIST}/pins", f"{LIST}/boosts", "/v1/blocks", "/v1/audit"
TWELVE = "abcdefghijkl"


@pytest.fixture
async def twelve(service: Service) -> Service:
    """Twelve items, `a` the most read, in two sections by turns; and one that nobody has read."""
    for rank, item in enumerate(TWELVE):
        section = ("Ekonomi", "Olahraga")[rank % 2]
        await service.put({"id": item, "title": f"Judul {item}", "section": section, "published_at": NOW - 60 - rank})
    await service.put({"id": "z", "title": "Judul z", "url": "/z", "section": "Olahraga", "published_at": NOW - 999})
    await service.view(**{item: 40 - rank for rank, item in enumerate(TWELVE)})
    await service.refresh()
    return service


async def put(service: Service, address: str, **body: Any) -> dict[str, Any]:
    answer = await service.http.put(address, json=body, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def delete(service: Service, address: str, **params: Any) -> None:
    answer = await service.http.delete(address, headers=ADMIN, params=params)
    assert (answer.status_code, answer.content) == (204, b"")


async def get(service: Service, address: str, **params: Any) -> Any:
    answer = await service.http.get(address, headers=ADMIN, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def items(service: Service, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(service, LIST, **query))["items"]
    return found


async def test_a_pinned_item_has_its_place_at_once_and_gives_it_back_at_once(twelve: Service) -> None:
    await put(twelve, f"{PINS}/e", position=1)
    assert await twelve.ids() == list("eabcdfg")
    assert [item["rank"] for item in await items(twelve)] == list(range(1, 8))
    assert [item["source"] for item in await items(twelve)] == ["pinned", *["ranked"] * 6]
    await put(twelve, f"{PINS}/e", position=3)
    assert await twelve.ids() == list("abecdfg")
    await delete(twelve, f"{PINS}/e")
    assert await twelve.ids() == list("abcdefg")
    assert {item["source"] for item in await items(twelve)} == {"ranked"}


async def test_a_pin_keeps_its_place_when_the_list_moves(twelve: Service) -> None:
    await put(twelve, f"{PINS}/e", position=2)
    await twelve.view(l=100)
    await twelve.refresh()
    assert await twelve.ids() == list("leabcdf")


async def test_an_item_that_is_not_ranked_is_pinned_with_what_is_known_of_it(twelve: Service) -> None:
    await put(twelve, f"{PINS}/z", position=2)
    _, found, *_ = await items(twelve)
    assert found == {
        "rank": 2, "id": "z", "title": "Judul z", "url": "/z", "section": "Olahraga", "published_at": NOW - 999,
        "published_label": found["published_label"], "image": None, "views": 0, "previous_rank": None, "is_new": False,
        "source": "pinned", "score": None,
    }  # fmt: skip
    assert found["published_label"].startswith("Senin, 01 Desember 2025")
    await twelve.put({"id": "z", "title": "Judul baru"})
    await twelve.refresh()
    await servers.eventually(lambda: titled(twelve, "Judul baru"), "the pinned item's new title")


async def titled(service: Service, title: str) -> bool:
    return title in [item["title"] for item in await items(service)]


async def test_an_item_that_nobody_described_is_pinned_under_its_id(twelve: Service) -> None:
    await put(twelve, f"{PINS}/unknown", position=1)
    first, *_ = await items(twelve)
    assert (first["id"], first["title"], first["source"]) == ("unknown", "unknown", "pinned")


async def test_a_pin_for_a_section_is_in_that_sections_list_alone(twelve: Service) -> None:
    await put(twelve, f"{PINS}/z", position=1, section="Ekonomi")
    await put(twelve, f"{PINS}/e", position=2)
    assert await twelve.ids() == list("aebcdfg")
    assert await twelve.ids(section="Ekonomi") == list("zacegik")
    assert await twelve.ids(section="Olahraga") == list("bdfhjl")
    assert await twelve.ids("update") == list("abcdefghij")
    await put(twelve, f"{PINS}/z", position=3)
    await delete(twelve, f"{PINS}/z", section="Ekonomi")
    assert await twelve.ids(section="Ekonomi") == list("acegik")
    assert await twelve.ids() == list("aezbcdf")
    await put(twelve, f"{PINS}/z", position=1, section="Ekonomi")
    await delete(twelve, f"{PINS}/z")
    assert "z" not in await twelve.ids(section="Ekonomi") + await twelve.ids()


async def test_of_two_pins_for_one_place_the_later_has_it(twelve: Service) -> None:
    await put(twelve, f"{PINS}/e", position=1)
    twelve.clock.now += 1
    await put(twelve, f"{PINS}/g", position=1)
    assert await twelve.ids() == list("geabcdf")


async def test_any_list_can_have_pins(twelve: Service) -> None:
    await put(twelve, "/v1/lists/update/pins/l", position=1)
    await put(twelve, "/v1/lists/trending/pins/z", position=1)
    assert await twelve.ids("update") == list("labcdefghi")
    assert (await twelve.ids("trending"))[0] == "z"
    assert (await twelve.http.get("/v1/lists")).json()["lists"]["update"]["items"][0]["source"] == "pinned"


async def test_a_pinned_item_that_is_put_off_is_shown_from_its_time_on(twelve: Service) -> None:
    await put(twelve, f"{PINS}/z", position=1)
    assert (await twelve.ids())[0] == "z"
    await twelve.put({"id": "z", "title": "Judul z", "published_at": NOW + 100})
    await twelve.refresh()

    async def gone() -> bool:
        return "z" not in await twelve.ids()

    await eventually(gone, "the worker to know of the new time")
    twelve.clock.now = NOW + 99
    assert "z" not in await twelve.ids()
    twelve.clock.now = NOW + 100
    assert (await twelve.ids())[0] == "z"


async def test_what_is_over_vanishes_by_itself(twelve: Service) -> None:
    now = twelve.clock.now
    await put(twelve, f"{PINS}/e", position=1, until=now + 10)
    await put(twelve, f"{BLOCKS}/a", until=now + 20)
    await put(twelve, f"{BOOSTS}/c", factor=10, until=now + 30)
    for at, ids in ((9.9, "ecbdfgh"), (10, "cbdefgh"), (19.9, "cbdefgh"), (20, "cabdefg"), (30, "abcdefg")):
        twelve.clock.now = now + at
        assert await twelve.ids() == list(ids), at
    assert await get(twelve, PINS) == {"pins": []}
    assert await get(twelve, BLOCKS) == {"blocks": []}
    assert await get(twelve, BOOSTS) == {"boosts": []}


async def test_an_end_is_epoch_seconds_or_iso_and_without_an_offset_the_sites(twelve: Service) -> None:
    end = int(NOW) + 3600
    jakarta = datetime.fromtimestamp(end, timezone(timedelta(hours=7)))
    for until in (end, str(end), jakarta.isoformat(), jakarta.replace(tzinfo=None).isoformat(),
                  datetime.fromtimestamp(end, UTC).isoformat()):  # fmt: skip
        assert (await put(twelve, f"{PINS}/e", position=1, until=until))["until"] == end
    assert (await put(twelve, f"{PINS}/e", position=1, until=None))["until"] is None


async def test_a_blocked_item_is_in_no_list_pinned_or_not_and_still_there(twelve: Service) -> None:
    await put(twelve, f"{PINS}/b", position=1)
    await put(twelve, f"{BLOCKS}/b", reason="salah kutip")
    for name, section in (("populer", ""), ("populer", "Olahraga"), ("update", ""), ("trending", "")):
        assert "b" not in await twelve.ids(name, section=section)
    assert await twelve.ids() == list("acdefgh")
    assert (await twelve.http.get("/v1/items/b", headers=WRITER)).status_code == 200
    await twelve.refresh()
    assert await twelve.ids() == list("acdefgh")
    assert (await get(twelve, BLOCKS))["blocks"] == [
        {"item": "b", "reason": "salah kutip", "until": None, "set_at": twelve.clock.now - 5}
    ]
    await delete(twelve, f"{BLOCKS}/b")
    await twelve.refresh()
    assert await twelve.ids() == list("bacdefg")


async def test_a_block_needs_no_body(twelve: Service) -> None:
    for content in (b"", b" ", b"{}"):
        answer = await twelve.http.put(f"{BLOCKS}/a", content=content, headers=ADMIN)
        assert (answer.status_code, answer.json()["reason"]) == (200, "")
    assert "a" not in await twelve.ids()


async def test_seven_asked_are_seven_returned_whatever_is_left_out(twelve: Service) -> None:
    await put(twelve, f"{BLOCKS}/a")
    await twelve.http.delete("/v1/items/b", headers=WRITER)
    await put(twelve, f"{PINS}/z", position=7)
    await put(twelve, f"{PINS}/d", position=1)
    assert await twelve.ids(exclude=["c", "d", "e"]) == list("fghijkz")
    assert await twelve.ids(exclude=["z"]) == list("dcefghi")
    assert await twelve.ids(limit=100) == list("dcefghzijkl")


async def test_a_list_that_is_too_short_for_a_pins_place_has_it_at_the_end(twelve: Service) -> None:
    await put(twelve, f"{PINS}/z", position=100)
    assert await twelve.ids(section="Ekonomi") == list("acegik")
    assert await twelve.ids(limit=100) == [*TWELVE, "z"]
    await put(twelve, f"{PINS}/z", position=50, section="Ekonomi")
    assert await twelve.ids(section="Ekonomi") == list("acegikz")


async def test_a_boost_moves_an_item_at_once_and_stays_the_same_when_the_list_is_ranked_again(twelve: Service) -> None:
    before = {item["id"]: item["score"] for item in await items(twelve, limit=12)}
    await put(twelve, f"{BOOSTS}/g", factor=1.15)
    order = sorted(TWELVE, key=lambda item: -before[item] * (1.15 if item == "g" else 1))
    assert await twelve.ids(limit=12) == order
    at_once = {item["id"]: item["score"] for item in await items(twelve, limit=12)}
    assert at_once == {**before, "g": pytest.approx(before["g"] * 1.15)}
    await twelve.refresh()
    ranked = await items(twelve, limit=12)
    assert [item["id"] for item in ranked] == order
    shares = {item["id"]: item["score"] / ranked[0]["score"] for item in ranked}
    assert shares == pytest.approx({name: at_once[name] / at_once[order[0]] for name in order})
    await put(twelve, f"{BOOSTS}/g", factor=0.1)
    assert await twelve.ids(limit=12) == list("abcdefhijklg")
    await delete(twelve, f"{BOOSTS}/g")
    assert await twelve.ids(limit=12) == list(TWELVE)
    await twelve.refresh()
    assert await twelve.ids(limit=12) == list(TWELVE)


async def test_a_boost_counts_in_the_sections_too_and_in_no_other_list(twelve: Service) -> None:
    await put(twelve, f"{BOOSTS}/k", factor=10)
    assert await twelve.ids(section="Ekonomi") == list("kacegi")
    assert (await twelve.ids())[0] == "k"
    assert (await twelve.ids("trending"))[0] == "h", "the first of those that populer did not show at the last refresh"
    assert (await get(twelve, BOOSTS))["boosts"] == [
        {"list": "populer", "item": "k", "factor": 10.0, "until": None, "set_at": twelve.clock.now}
    ]


async def test_what_is_changed_has_another_tag_and_what_is_not_keeps_it(twelve: Service) -> None:
    async def tag(address: str = LIST) -> str:
        return str((await twelve.http.get(address)).headers["etag"])

    first, other = await tag(), await tag("/v1/lists/update")
    await put(twelve, f"{PINS}/e", position=1)
    assert await tag() != first
    assert await tag("/v1/lists/update") == other
    await delete(twelve, f"{PINS}/e")
    assert await tag() == first
    await put(twelve, f"{PINS}/l", position=12)
    assert await tag() == first
    await put(twelve, f"{BOOSTS}/b", factor=2)
    assert await tag() != first
    assert await tag("/v1/lists/update") == other
    await delete(twelve, f"{BOOSTS}/b")
    assert await tag() == first


@pytest.mark.parametrize("item", ["a/b", "/read/1", "a b", "100%", "a?b#c", "“kutip”", "pins/x", "a%2Fb"])
async def test_an_items_id_may_hold_anything(twelve: Service, item: str) -> None:
    name = quote(item, safe="")
    assert (await put(twelve, f"{PINS}/{name}", position=1))["item"] == item
    assert (await twelve.ids())[0] == item
    await put(twelve, f"{BOOSTS}/{name}", factor=2)
    await put(twelve, f"{BLOCKS}/{name}")
    assert item not in await twelve.ids()
    await delete(twelve, f"{BLOCKS}/{name}")
    await delete(twelve, f"{BOOSTS}/{name}")
    await delete(twelve, f"{PINS}/{name}")
    assert await twelve.ids() == list("abcdefg")
    changed = [(line["action"], line["item"]) for line in (await get(twelve, AUDIT))["changes"]]
    assert changed == [(each, item) for each in ("unpin", "unboost", "unblock", "block", "boost", "pin")]


EVERY = [
    ("PUT", f"{PINS}/a", {"position": 1}), ("DELETE", f"{PINS}/a", None), ("GET", PINS, None),
    ("PUT", f"{BOOSTS}/a", {"factor": 2}), ("DELETE", f"{BOOSTS}/a", None), ("GET", BOOSTS, None),
    ("PUT", f"{BLOCKS}/a", {}), ("DELETE", f"{BLOCKS}/a", None), ("GET", BLOCKS, None), ("GET", AUDIT, None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "address", "body"), EVERY)
async def test_only_the_admin_key_will_do(twelve: Service, method: str, address: str, body: Any) -> None:
    other = {"authorization": "Bearer write-key-of-kedua"}
    for headers, status in (({}, 401), (WRITER, 403), (other, 401), ({"authorization": "Bearer x"}, 401)):
        answer = await twelve.http.request(method, address, json=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await twelve.http.request(method, address, json=body, headers=ADMIN)).is_success
    assert (
        await twelve.http.request(method, address, json=body, headers=ADMIN, params={"site": "x"})
    ).status_code == 404


@pytest.mark.parametrize(
    ("address", "body", "status", "said"),
    [
        (f"{PINS}/a", {}, 422, "position"),
        (f"{PINS}/a", {"position": 0}, 422, "position: expected a whole number from 1 to 1000"),
        (f"{PINS}/a", {"position": 1001}, 422, "position"),
        (f"{PINS}/a", {"position": 1.5}, 422, "position"),
        (f"{PINS}/a", {"position": "1"}, 422, "position"),
        (f"{PINS}/a", {"position": True}, 422, "position"),
        (f"{PINS}/a", {"position": 1, "untill": 5}, 422, "untill"),
        (f"{PINS}/a", {"position": 1, "until": "tomorrow"}, 422, "until: expected epoch seconds or ISO 8601"),
        (f"{PINS}/a", {"position": 1, "until": 1}, 422, "until: is over"),
        (f"{PINS}/a", {"position": 1, "until": -5}, 422, "until"),
        (f"{PINS}/a", {"position": 1, "until": 1e300}, 422, "until"),
        (f"{PINS}/a", {"position": 1, "section": 5}, 422, "section"),
        (f"{PINS}/a", {"position": 1, "section": "Nowhere"}, 404, "there are Ekonomi, Olahraga"),
        (f"{PINS}/a", [], 422, "object"),
        (f"{PINS}/a", None, 422, "object"),
        ("/v1/lists/nowhere/pins/a", {"position": 1}, 404, "there are populer, trending, update"),
        (f"{PINS}/{'x' * 513}", {"position": 1}, 422, "id: must not be over 512 bytes"),
        (f"{PINS}/%20", {"position": 1}, 422, "id: must not be empty"),
        (f"{BOOSTS}/a", {"factor": 0.05}, 422, "factor: expected a number from 0.1 to 10"),
        (f"{BOOSTS}/a", {"factor": 11}, 422, "factor"),
        (f"{BOOSTS}/a", {"factor": "x"}, 422, "factor"),
        (f"{BOOSTS}/a", {}, 422, "factor"),
        ("/v1/lists/update/boosts/a", {"factor": 2}, 422, "publish time"),
        ("/v1/lists/nowhere/boosts/a", {"factor": 2}, 404, "there are"),
        (f"{BLOCKS}/a", {"reason": "x" * 501}, 422, "reason: must not be over 500"),
        (f"{BLOCKS}/a", {"reason": 5}, 422, "reason"),
        (f"{BLOCKS}/{'x' * 513}", {}, 422, "id: "),
    ],
)
async def test_what_cannot_be_done_is_said_and_not_done(
    twelve: Service, address: str, body: Any, status: int, said: str
) -> None:
    answer = await twelve.http.put(address, content=json.dumps(body), headers=ADMIN)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert said in answer.json()["detail"]
    assert await twelve.ids() == list("abcdefg")
    assert (await get(twelve, AUDIT))["changes"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"position": 1}x'])
async def test_what_is_not_json_is_told(twelve: Service, content: bytes) -> None:
    assert (await twelve.http.put(f"{PINS}/a", content=content, headers=ADMIN)).status_code == 400


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001"])
async def test_a_bad_limit_of_the_trail_is_told(twelve: Service, limit: str) -> None:
    assert (await twelve.http.get(AUDIT, params={"limit": limit}, headers=ADMIN)).status_code == 422


async def test_lifting_what_is_not_there_changes_nothing(twelve: Service) -> None:
    for address in (f"{PINS}/a", f"{BOOSTS}/a", f"{BLOCKS}/a"):
        await delete(twelve, address)
    assert (await get(twelve, AUDIT))["changes"] == []
    for address in ("/v1/lists/nowhere/pins/a", "/v1/lists/nowhere/boosts/a"):
        assert (await twelve.http.delete(address, headers=ADMIN)).status_code == 404


async def test_whatever_was_changed_can_be_undone_from_the_trail(twelve: Service) -> None:
    await put(twelve, f"{PINS}/z", position=2, until=NOW + 999, section="Ekonomi")
    await put(twelve, f"{BLOCKS}/c", reason="salah")
    await put(twelve, f"{BOOSTS}/k", factor=5)
    states = [await shown(twelve)]
    for change in (
        lambda: put(twelve, f"{PINS}/z", position=1, section="Ekonomi"),
        lambda: delete(twelve, f"{PINS}/z"),
        lambda: delete(twelve, f"{BLOCKS}/c"),
        lambda: put(twelve, f"{BOOSTS}/k", factor=0.5),
        lambda: delete(twelve, f"{BOOSTS}/k"),
    ):
        await change()
        states.append(await shown(twelve))
    lines = (await get(twelve, AUDIT, limit=5))["changes"]
    assert {line["by"] for line in lines} == {"admin"}
    for line in lines:
        assert await shown(twelve) == states.pop()
        kind = line["action"].removeprefix("un")
        where = f"/v1/lists/{line['list']}/{kind}s" if "list" in line else f"/v1/{kind}s"
        if line["before"] is None:
            await delete(twelve, f"{where}/{line['item']}")
        else:
            await put(twelve, f"{where}/{line['item']}", **line["before"])
    assert await shown(twelve) == states.pop()


async def shown(service: Service) -> list[list[str]]:
    return [await service.ids(limit=20), await service.ids(section="Ekonomi"), await service.ids("update")]


async def test_a_take_down_is_in_the_trail_and_can_be_undone(twelve: Service) -> None:
    await twelve.http.delete("/v1/items/a", headers=WRITER)
    await twelve.http.delete("/v1/items/b", headers=ADMIN)
    second, first = (await get(twelve, AUDIT))["changes"]
    assert [(line["action"], line["item"], line["by"]) for line in (first, second)] == [
        ("remove", "a", "write"),
        ("remove", "b", "admin"),
    ]
    assert (await twelve.http.put("/v1/items/a", json=first["before"], headers=WRITER)).status_code == 200
    await twelve.refresh()
    await servers.eventually(lambda: titled(twelve, "Judul a"), "the item to be back")
    assert await twelve.ids() == list("acdefgh")


async def test_sites_have_edits_of_their_own(serve: Serve) -> None:
    sites = [{"id": name, "keys": {"admin": f"admin-key-of-{name}-site"}} for name in ("koran", "kedua")]
    service = await serve(sites=sites)
    for site in ("koran", "kedua"):
        await service.http.post("/v1/events", json=[{"item": "a"}, {"item": "a"}, {"item": "b"}], params={"site": site})
        await service.refresh(site)
    for address, body in ((f"{PINS}/b", {"position": 1}), (f"{BLOCKS}/a", {})):
        headers = {"authorization": "Bearer admin-key-of-kedua-site"}
        answer = await service.http.put(address, json=body, headers=headers, params={"site": "kedua"})
        assert answer.status_code == 200
    assert await service.ids() == ["a", "b"]
    assert await service.ids(site="kedua") == ["b"]


async def test_a_site_has_no_more_edits_than_it_can_keep(twelve: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.endpoints.editorial.MAX_EDITS", 2)
    await put(twelve, f"{BLOCKS}/a", until=twelve.clock.now + 10)
    await put(twelve, f"{BLOCKS}/b")
    refused = await twelve.http.put(f"{BLOCKS}/c", headers=ADMIN)
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    await put(twelve, f"{BLOCKS}/b", reason="again")
    twelve.clock.now += 10
    await put(twelve, f"{BLOCKS}/c")
    assert len((await get(twelve, BLOCKS))["blocks"]) == 2


async def test_the_documented_requests_of_editors_are_those_that_are_served(service: Service) -> None:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    assert {path: set(paths[path]) for path in paths if "/pins" in path or "/boosts" in path or "blocks" in path} == {
        "/v1/lists/{list}/pins/{item}": {"put", "delete"},
        "/v1/lists/{list}/pins": {"get"},
        "/v1/lists/{list}/boosts/{item}": {"put", "delete"},
        "/v1/lists/{list}/boosts": {"get"},
        "/v1/blocks/{item}": {"put", "delete"},
        "/v1/blocks": {"get"},
    }
    assert set(paths["/v1/audit"]) == {"get"}


async def test_edits_of_a_list_that_is_gone_from_the_settings_can_be_seen_and_lifted(serve: Serve) -> None:
    service = await serve(lists={"dulu": {}})
    await service.view(a=2, b=1)
    await service.refresh()
    await put(service, "/v1/lists/dulu/pins/b", position=1)
    await put(service, "/v1/lists/dulu/boosts/b", factor=2)
    without = await serve()
    for kind in ("pins", "boosts"):
        (line,) = (await get(without, f"/v1/lists/dulu/{kind}"))[kind]
        assert (line["list"], line["item"]) == ("dulu", "b")
        refused = await without.http.put(f"/v1/lists/dulu/{kind}/a", json={"position": 1}, headers=ADMIN)
        assert refused.status_code in (404, 422)
        await delete(without, f"/v1/lists/dulu/{kind}/b")
    assert (await without.http.get("/v1/lists/dulu/pins", headers=ADMIN)).status_code == 404
