"""A click of the public weighs as a click where its list has shown the item at its place, else as a view."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import ADMIN, NOW, WRITER, Service, eventually

Serve = Callable[..., Awaitable[Service]]
HOUR_S = 3_600


def click(item: str, position: int | None = None, source: str | None = "list:populer", **more: Any) -> dict[str, Any]:
    said = {"item": item, "kind": "click", "source": source, "position": position, **more}
    return {name: value for name, value in said.items() if value is not None}


async def listing(service: Service) -> Service:
    """The list `populer` is a, b, c, d, e, f; `z` is described and not read."""
    sections = {"a": "Ekonomi", "b": "Olahraga", "c": "Ekonomi"}
    items = [{"id": item, "title": f"Judul {item}", "section": sections.get(item)} for item in "abcdefz"]
    await service.put(*({name: value for name, value in item.items() if value} for item in items))
    await service.view(a=20, b=16, c=12, d=8, e=4, f=1)
    await service.refresh()
    return service


@pytest.fixture
async def six(service: Service) -> Service:
    return await listing(service)


async def channel_of(service: Service, event: dict[str, Any], **headers: Any) -> str:
    """The channel that one more event counts in."""
    before = await service.counts_by_bucket()
    answer = await service.http.post("/v1/events", json=event, **headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
    after = await service.counts_by_bucket()
    (gained,) = [name for (start_s, name), count in after.items() if count != before.get((start_s, name), 0)]
    channel, _, item = gained.partition("|")
    assert item == event["item"]
    return channel


@pytest.mark.parametrize(
    ("event", "channel"),
    [
        (click("b", 2), "click@list:populer#2"),
        (click("c", 3), "click@list:populer#3"),
        (click("c", 2), "click@list:populer#2"),  # above it the open article was left out; or its section's list
        (click("f", 3), "click@list:populer#3"),
        (click("f", 2), "view@list:other"),
        (click("b", 3), "view@list:other"),
        (click("b", 1000), "view@list:other"),
        (click("z", 1), "view@list:other"),
        (click("made-up", 1), "view@list:other"),
        (click("b", 2, "list:trending-2"), "view@list:other"),
        (click("b"), "view@list:populer"),
        (click("z"), "view@list:other"),
        (click("b", 2, "newsletter"), "view@other"),
        (click("b", 2, source=None), "view"),
        (click("b", source=None), "view"),
        (click("b", 2, kind="view"), "view@list:populer#2"),
        (click("b", 9, kind="view"), "view@list:other"),
    ],
)
async def test_a_click_is_one_where_the_list_has_shown_the_item_there(
    six: Service, event: dict[str, Any], channel: str
) -> None:
    assert await channel_of(six, event) == channel


async def test_a_forged_click_raises_a_score_as_much_as_a_view(six: Service) -> None:
    async def score(item: str) -> int:
        found = (await six.http.get("/v1/lists/populer")).json()["items"]
        return round(next(each["score"] for each in found if each["id"] == item))

    assert (await score("d"), await score("f")) == (8, 1)
    for event in (click("d", 4), click("d", 40), click("d", source=None), click("f", 1), click("f", 6)):
        await channel_of(six, event)
    await six.refresh()
    assert (await score("d"), await score("f")) == (8 + 3 + 1 + 1, 1 + 1 + 3)


async def test_the_pixel_is_no_way_around_it(six: Service) -> None:
    for position in ("1", "2"):
        params = {"item": "b", "kind": "click", "source": "list:populer", "position": position, "visitor": position}
        await six.http.get("/v1/pixel.gif", params=params)
    await six.http.get("/v1/pixel.gif", params={"item": "b", "kind": "click"})
    counts = await six.counts()
    assert {name: count for name, count in counts.items() if name.endswith("|b")} == {
        "view|b": 17, "click@list:populer#1|b": 1, "click@list:populer#2|b": 1
    }  # fmt: skip


async def test_with_the_write_key_every_click_is_one(six: Service) -> None:
    for event, channel in ((click("z", 9), "click@list:populer#9"), (click("z", source=None), "click")):
        assert await channel_of(six, event, headers=WRITER) == channel


async def test_other_kinds_keep_their_kind_and_not_a_made_up_place(serve: Serve) -> None:
    service = await listing(await serve(ingest={"kinds": ["view", "click", "share"], "dedupe_window": "0s"}))
    assert await channel_of(service, click("z", kind="share", source=None)) == "share"
    assert await channel_of(service, click("z", 1, kind="share")) == "share@list:other"
    assert await channel_of(service, click("b", 2, kind="share")) == "share@list:populer#2"


async def test_a_view_and_a_click_that_nothing_proves_are_one_visit(serve: Serve) -> None:
    service = await serve(ingest={"dedupe_window": "30m"})
    await service.put({"id": "b"}, {"id": "z"})
    answer = await service.http.post("/v1/events", json=[{"item": "a"}, {"item": "a"}, {"item": "b"}], headers=WRITER)
    await service.refresh()
    events = [{"item": "z"}, click("z", source=None), click("z", 1), click("b", 2), {"item": "b"}]
    events = [{**event, "visitor": "v"} for event in events]
    answer = (await service.http.post("/v1/events", json=events)).json()
    assert (answer["accepted"], answer["duplicate"]) == (3, 2)


async def test_the_list_before_proves_clicks_for_two_hours(six: Service) -> None:
    await six.view(f=30)
    await six.refresh()
    assert await six.ids(limit=2) == ["f", "a"]
    assert await channel_of(six, click("f", 6)) == "click@list:populer#6"
    assert await channel_of(six, click("f", 1)) == "click@list:populer#1"
    six.clock.now += 2 * HOUR_S
    assert await channel_of(six, click("f", 6)) == "click@list:populer#6"
    six.clock.now += 1
    assert await channel_of(six, click("f", 6)) == "view@list:other"
    assert await channel_of(six, click("f", 1)) == "click@list:populer#1"


async def test_a_place_by_a_pin_proves_clicks_at_once_and_after_its_end(six: Service) -> None:
    assert await channel_of(six, click("z", 1)) == "view@list:other"
    pin = "/v1/lists/populer/pins/z"
    assert (await six.http.put(pin, json={"position": 1}, headers=ADMIN)).status_code == 200
    assert await channel_of(six, click("z", 1)) == "click@list:populer#1"
    assert await channel_of(six, click("a", 2)) == "click@list:populer#2"
    assert (await six.http.delete(pin, headers=ADMIN)).status_code == 204
    assert await channel_of(six, click("z", 1)) == "click@list:populer#1"
    six.clock.now += 3 * HOUR_S
    assert await channel_of(six, click("z", 1)) == "view@list:other"


async def test_a_pin_that_nobody_clicked_on_is_remembered_by_the_next_list(six: Service) -> None:
    pin = "/v1/lists/populer/pins/z"
    assert (await six.http.put(pin, json={"position": 1}, headers=ADMIN)).status_code == 200
    await six.refresh()
    assert (await six.http.delete(pin, headers=ADMIN)).status_code == 204
    await six.refresh()
    assert await channel_of(six, click("z", 1)) == "click@list:populer#1"


async def test_a_boosted_item_proves_clicks_where_it_is_seen_before_the_next_list(six: Service) -> None:
    answer = await six.http.put("/v1/lists/populer/boosts/f", json={"factor": 10}, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    assert (await six.ids()).index("f") == 3
    assert await channel_of(six, click("f", 6)) == "click@list:populer#6"
    assert await channel_of(six, click("f", 1)) == "click@list:populer#1"


async def test_every_page_of_a_walk_proves_clicks_at_the_ranks_that_it_says(six: Service) -> None:
    cursor: str | None = None
    ranks: dict[str, int] = {}
    for _ in range(10):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await six.http.get("/v1/lists/populer", params=query)).json()
        ranks |= {item["id"]: item["rank"] for item in page["items"]}
        cursor = page["next"]
        if cursor is None:
            break
    assert list(ranks) == list("abcdef")
    for item, rank in ranks.items():
        assert await channel_of(six, click(item, rank)) == f"click@list:populer#{rank}"


async def test_what_a_page_with_exclusions_shows_proves_clicks(six: Service) -> None:
    found = (await six.http.get("/v1/lists/populer", params={"exclude": ["a", "b"]})).json()["items"]
    assert [item["id"] for item in found] == list("cdef")
    for item in found:
        assert await channel_of(six, click(item["id"], item["rank"])) == f"click@list:populer#{item['rank']}"


async def test_a_place_in_a_sections_list_proves_clicks(six: Service) -> None:
    found = (await six.http.get("/v1/lists/populer", params={"section": "Ekonomi"})).json()["items"]
    assert [(item["id"], item["rank"]) for item in found] == [("a", 1), ("c", 2)]
    assert await channel_of(six, click("c", 2)) == "click@list:populer#2"


async def test_before_the_first_list_a_click_is_a_view(service: Service) -> None:
    assert await channel_of(service, click("a", 1)) == "view@list:other"
    assert service.clock.now >= NOW


async def test_every_worker_proves_clicks_and_a_new_one_by_the_present_list_alone(serve: Serve) -> None:
    first = await serve()
    neighbour = await serve()
    await listing(first)
    await first.view(f=30)
    await first.refresh()

    async def followed() -> bool:
        return (await neighbour.ids(limit=1)) == ["f"]

    await eventually(followed, "the neighbour to follow")
    newcomer = await serve()
    old, new = "click@list:populer#6", "click@list:populer#1"
    for worker, before in ((first, old), (neighbour, old), (newcomer, "view@list:other")):
        assert await channel_of(worker, click("f", 6)) == before
        assert await channel_of(worker, click("f", 1)) == new
