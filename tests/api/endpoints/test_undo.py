"""What editors changed can be taken back by its number in the trail, and what was changed again since stays."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
import servers
from servers import ADMIN, NOW, WRITER, Service

LIST = "/v1/lists/populer"
PINS, BOOSTS, BLOCKS, AUDIT = f"{LIST}/pins", f"{LIST}/boosts", "/v1/blocks", "/v1/audit"
EIGHT = "abcdefgh"


@pytest.fixture
async def eight(service: Service) -> Service:
    """Eight described items, `a` the most read."""
    for rank, item in enumerate(EIGHT):
        await service.put(
            {"id": item, "title": f"Judul {item}", "section": "Ekonomi", "published_at": NOW - 60 - rank, "tags": ["x"]}
        )
    await service.view(**{item: 40 - rank for rank, item in enumerate(EIGHT)})
    await service.refresh()
    return service


async def send(service: Service, method: str, address: str, **body: Any) -> httpx2.Response:
    return await service.http.request(method, address, json=body or None, headers=ADMIN)


async def trail(service: Service) -> list[dict[str, Any]]:
    answer = await service.http.get(AUDIT, headers=ADMIN)
    found: list[dict[str, Any]] = answer.json()["changes"]
    return found


async def undo(service: Service, edition: int) -> httpx2.Response:
    return await service.http.post(f"/v1/edits/{edition}/undo", headers=ADMIN)


async def standing(service: Service) -> list[Any]:
    said = [(await service.http.get(each, headers=ADMIN)).json() for each in (PINS, BOOSTS, BLOCKS)]
    return [*said, await service.ids(limit=20), await service.ids(section="Ekonomi")]


def turned(lines: list[dict[str, Any]], edition: int, *sides: str) -> list[str]:
    return sorted(str([line[side] for side in sides]) for line in lines if line["edition"] == edition)


Change = Callable[[Service], Awaitable[httpx2.Response]]
CHANGES: dict[str, Change] = {
    "a first pin": lambda site: send(site, "PUT", f"{PINS}/h", position=1),
    "a moved pin": lambda site: send(site, "PUT", f"{PINS}/d", position=1, until=NOW + 500),
    "a lifted pin": lambda site: send(site, "DELETE", f"{PINS}/d"),
    "a first block": lambda site: send(site, "PUT", f"{BLOCKS}/a"),
    "a block for another reason": lambda site: send(site, "PUT", f"{BLOCKS}/c", reason="lain"),
    "a lifted block": lambda site: send(site, "DELETE", f"{BLOCKS}/c"),
    "a boost": lambda site: send(site, "PUT", f"{BOOSTS}/g", factor=9),
    "another boost": lambda site: send(site, "PUT", f"{BOOSTS}/f", factor=0.1),
    "a lifted boost": lambda site: send(site, "DELETE", f"{BOOSTS}/f"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_whatever_is_undone_is_as_it_was_and_an_undo_can_be_undone(eight: Service, name: str) -> None:
    for address, body in (
        (f"{PINS}/d", {"position": 2, "until": NOW + 999}),
        (f"{PINS}/d", {"position": 3, "section": "Ekonomi"}),
        (f"{BLOCKS}/c", {"reason": "salah"}),
        (f"{BOOSTS}/f", {"factor": 5.0}),
    ):
        assert (await send(eight, "PUT", address, **body)).status_code == 200
    before = await standing(eight)
    eight.clock.now += 1
    assert (await CHANGES[name](eight)).status_code in (200, 204)
    after, done = await standing(eight), (await trail(eight))[0]
    assert after != before

    answer = await undo(eight, done["edition"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["edition"] == done["edition"]
    assert {each["item"] for each in answer.json()["undone"]} == {done["item"]}
    assert {each["action"] for each in answer.json()["undone"]} == {done["action"]}
    assert await standing(eight) == before
    line = (await trail(eight))[0]
    assert line["undoes"] == done["edition"]
    assert turned(await trail(eight), line["edition"], "after", "before") == turned(
        await trail(eight), done["edition"], "before", "after"
    )

    assert (await undo(eight, line["edition"])).status_code == 200
    assert await standing(eight) == after


async def test_what_was_lifted_at_once_comes_back_at_once(eight: Service) -> None:
    await send(eight, "PUT", f"{PINS}/h", position=1)
    await send(eight, "PUT", f"{PINS}/h", position=2, section="Ekonomi")
    before = await standing(eight)
    await send(eight, "DELETE", f"{PINS}/h")
    one, other = (await trail(eight))[:2]
    assert one["edition"] == other["edition"]
    assert len((await undo(eight, one["edition"])).json()["undone"]) == 2
    assert await standing(eight) == before


async def test_what_was_changed_again_since_stays_until_that_is_undone(eight: Service) -> None:
    await send(eight, "PUT", f"{PINS}/h", position=1)
    await send(eight, "PUT", f"{PINS}/h", position=2)
    later, earlier = (line["edition"] for line in await trail(eight))
    refused = await undo(eight, earlier)
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "undo the later change first" in refused.json()["detail"]
    assert await eight.ids() == list("ahbcdef")
    for edition, ids in ((later, "habcdef"), (earlier, "abcdefg")):
        assert (await undo(eight, edition)).status_code == 200
        assert await eight.ids() == list(ids)
    assert (await undo(eight, earlier)).status_code == 409


async def test_what_is_over_does_not_come_back_and_does_not_stand_in_the_way(eight: Service) -> None:
    now = eight.clock.now
    await send(eight, "PUT", f"{PINS}/h", position=1, until=now + 10)
    await send(eight, "PUT", f"{PINS}/h", position=2, until=now + 20)
    moved = (await trail(eight))[0]["edition"]
    eight.clock.now = now + 15
    assert (await undo(eight, moved)).status_code == 200
    assert await eight.ids() == list("abcdefg")


async def test_a_take_down_is_undone_with_all_that_was_said_of_the_item(eight: Service) -> None:
    described = (await eight.http.get("/v1/items/a", headers=WRITER)).json()
    await eight.http.delete("/v1/items/a", headers=WRITER)
    assert await eight.ids() == list("bcdefgh")
    (down,) = await trail(eight)
    assert (await undo(eight, down["edition"])).status_code == 200
    assert await eight.ids() == list("abcdefg")
    assert (await eight.http.get("/v1/items/a", headers=WRITER)).json() == described
    restored = (await trail(eight))[0]
    assert (restored["action"], restored["by"]) == ("restore", "admin")
    assert (await undo(eight, down["edition"])).status_code == 409
    assert (await undo(eight, restored["edition"])).status_code == 200
    assert await eight.ids() == list("bcdefgh")


async def test_an_item_that_nobody_described_comes_back_too(eight: Service) -> None:
    await eight.view(unknown=100)
    await eight.refresh()
    await servers.eventually(lambda: listed(eight, "unknown"), "the item in the list")
    await eight.http.delete("/v1/items/unknown", headers=ADMIN)
    assert "unknown" not in await eight.ids()
    assert (await undo(eight, (await trail(eight))[0]["edition"])).status_code == 200
    assert "unknown" in await eight.ids()


async def listed(service: Service, item: str) -> bool:
    return item in await service.ids()


async def test_only_an_admin_undoes_and_only_what_the_trail_has(eight: Service) -> None:
    await send(eight, "PUT", f"{PINS}/h", position=1)
    (line,) = await trail(eight)
    for headers in ({}, WRITER):
        answer = await eight.http.post(f"/v1/edits/{line['edition']}/undo", headers=headers)
        assert answer.status_code in (401, 403)
    missing = await undo(eight, line["edition"] + 1)
    assert missing.status_code == 404
    assert "/v1/audit" in missing.json()["detail"]
    for bad in ("0", "x", str(2**60)):
        assert (await eight.http.post(f"/v1/edits/{bad}/undo", headers=ADMIN)).status_code in (404, 422)
    assert await eight.ids() == list("habcdef")
