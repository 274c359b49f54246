"""A list is walked page by page while it moves: what was in it at the first page, each once, in the order of then."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from random import Random
from typing import Any

import pytest
import servers
from servers import ADMIN, NOW, SITE, WRITER, Service

from ranking.store.redis import keys

Serve = Callable[..., Awaitable[Service]]
LIST = "/v1/lists/populer"
FORTY = [f"berita-{n:02}" for n in range(40)]


@pytest.fixture
async def forty(service: Service) -> Service:
    """Forty items in their order, in two sections by turns."""
    return await filled(service)


async def filled(service: Service) -> Service:
    described = [
        {"id": item, "title": f"Judul {item}", "section": ("Ekonomi", "Olahraga")[n % 2], "published_at": NOW - 60}
        for n, item in enumerate(FORTY)
    ]
    await service.put(*described)
    await service.view(**{item: 100 - n for n, item in enumerate(FORTY)})
    await service.refresh()
    return service


async def page(service: Service, cursor: str | None = None, **query: Any) -> dict[str, Any]:
    params = {**query, **({"cursor": cursor} if cursor else {})}
    answer = await service.http.get(LIST, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(*pages: dict[str, Any]) -> list[str]:
    return [item["id"] for each in pages for item in each["items"]]


async def walked(service: Service, **query: Any) -> AsyncIterator[dict[str, Any]]:
    """The pages of a whole walk."""
    found = await page(service, **query)
    yield found
    while found["next"]:
        found = await page(service, found["next"], **query)
        yield found


async def shuffle(service: Service, random: Random, among: Iterable[str] = FORTY) -> None:
    """Have readers read something else, and the list published anew."""
    await service.view(**{item: random.randrange(1, 80) for item in random.sample(sorted(among), 8)})
    await service.refresh()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("section", ["", "Ekonomi"])
async def test_a_walk_is_the_list_of_its_first_page_however_it_moves(forty: Service, seed: int, section: str) -> None:
    random = Random(seed)
    await shuffle(forty, random)
    expected = await page(forty, section=section, limit=1000)
    assert len(ids(expected)) == (20 if section else 40)
    cursor, seen = None, list[dict[str, Any]]()
    while not seen or cursor:
        seen.append(await page(forty, cursor, section=section, limit=random.randrange(1, 13)))
        cursor = seen[-1]["next"]
        await shuffle(forty, random, [*FORTY, "new", "newer"])
    assert ids(*seen) == ids(expected)
    assert [item["rank"] for each in seen for item in each["items"]] == list(range(1, len(ids(expected)) + 1))
    assert {(each["generation"], each["generated_at"]) for each in seen} == {
        (expected["generation"], expected["generated_at"])
    }


async def test_any_worker_goes_on_with_a_walk_also_one_that_started_later(serve: Serve) -> None:
    random, first = Random(1), await filled(await serve())
    second = await serve()
    await servers.eventually(lambda: listed(second), "the other worker to have the list")
    seen = [await page(first, limit=6)]
    for worker in (second, first, second):
        await shuffle(first, random)
        seen.append(await page(worker, seen[-1]["next"], limit=6))
    await shuffle(first, random)
    started_later = await serve()
    await servers.eventually(lambda: listed(started_later), "the new worker to have the list")
    while seen[-1]["next"]:
        seen.append(await page(started_later, seen[-1]["next"], limit=6))
    assert ids(*seen) == FORTY


async def listed(service: Service) -> bool:
    return (await service.http.get(LIST)).status_code == 200


async def test_what_is_taken_down_or_blocked_meanwhile_is_left_out_and_shifts_nothing(forty: Service) -> None:
    first = await page(forty, limit=5)
    await forty.http.delete("/v1/items/berita-02", headers=WRITER)
    await forty.http.delete("/v1/items/berita-07", headers=WRITER)
    await forty.http.put("/v1/blocks/berita-11", headers=ADMIN)
    second = await page(forty, first["next"], limit=5)
    assert ids(second) == [f"berita-{n:02}" for n in (5, 6, 8, 9, 10)]
    await shuffle(forty, Random(2))
    third = await page(forty, second["next"], limit=5)
    assert ids(third) == [f"berita-{n:02}" for n in (12, 13, 14, 15, 16)]
    assert [item["rank"] for item in third["items"]] == [11, 12, 13, 14, 15]


async def test_what_is_put_off_meanwhile_is_left_out_until_its_time(forty: Service) -> None:
    first = await page(forty, limit=10)
    await forty.put({"id": "berita-12", "title": "Nanti", "published_at": NOW + 3600})
    await forty.refresh()
    second = await page(forty, first["next"], limit=5)
    assert ids(second) == [f"berita-{n}" for n in (10, 11, 13, 14, 15)]


async def test_an_excluded_item_is_left_out_of_every_page(forty: Service) -> None:
    exclude = ["berita-03", "berita-20", "berita-39"]
    assert ids(*[each async for each in walked(forty, limit=4, exclude=exclude)]) == [
        item for item in FORTY if item not in exclude
    ]


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 40])
async def test_a_pinned_item_is_met_once_in_a_walk(forty: Service, limit: int) -> None:
    for item, position in (("berita-30", 2), ("berita-00", 4), ("outside", 3)):
        answer = await forty.http.put(f"{LIST}/pins/{item}", json={"position": position}, headers=ADMIN)
        assert answer.status_code == 200
    top = ["berita-01", "berita-30", "outside", "berita-00"]
    seen = [each async for each in walked(forty, limit=limit)]
    assert ids(seen[0]) == (top + [item for item in FORTY if item not in top])[:limit]
    assert len(ids(*seen)) == len(set(ids(*seen)))
    assert set(ids(*seen)) == {*FORTY, *(["outside"] if limit >= 3 else [])}
    assert ids(*seen[1:]) == sorted(ids(*seen[1:]))


async def test_a_pin_that_comes_or_goes_during_a_walk_makes_no_repeat_and_no_gap(forty: Service) -> None:
    async def pin(item: str, position: int) -> None:
        await forty.http.put(f"{LIST}/pins/{item}", json={"position": position}, headers=ADMIN)

    await pin("berita-30", 1)
    seen = [await page(forty, limit=6)]
    await forty.http.delete(f"{LIST}/pins/berita-30", headers=ADMIN)
    await pin("berita-20", 1)
    await shuffle(forty, Random(3))
    while seen[-1]["next"]:
        seen.append(await page(forty, seen[-1]["next"], limit=6))
    assert ids(*seen) == ["berita-30", *(item for item in FORTY if item != "berita-30")]
    assert {item["source"] for item in seen[1]["items"]} == {"ranked"}


@pytest.mark.parametrize("factor", [0.1, 10])
async def test_a_boost_between_two_refreshes_makes_no_repeat_and_no_gap(forty: Service, factor: float) -> None:
    await forty.http.put(f"{LIST}/boosts/berita-05", json={"factor": factor}, headers=ADMIN)
    first = await page(forty, limit=8)
    moved = ["berita-05", *FORTY[:5], *FORTY[6:]] if factor > 1 else [*FORTY[:5], *FORTY[6:], "berita-05"]
    assert ids(first) == moved[:8]
    seen = [first]
    while seen[-1]["next"]:
        await shuffle(forty, Random(4))
        seen.append(await page(forty, seen[-1]["next"], limit=8))
    assert sorted(ids(*seen)) == FORTY


async def test_an_item_that_left_the_list_is_still_shown_as_what_it_is(serve: Serve) -> None:
    service = await filled(await serve(lists={"populer": {"depth": 10, "size": 5}}))
    first = await page(service)
    await service.view(**{f"new-{n}": 500 for n in range(10)})
    await service.refresh()
    assert "berita-05" not in ids(await page(service, limit=1000))
    second = await page(service, first["next"])
    assert ids(second) == FORTY[5:10]
    item = second["items"][0]
    assert (item["title"], item["section"], item["score"]) == ("Judul berita-05", "Olahraga", None)
    assert (item["views"], item["source"], item["rank"]) == (0, "ranked", 6)


async def test_items_of_a_further_page_are_shown_as_they_are_now(forty: Service) -> None:
    first = await page(forty, limit=5)
    await forty.put({"id": "berita-06", "title": "Judul baru"})
    await forty.view(**{"berita-06": 1000})
    await forty.refresh()
    second = await page(forty, first["next"], limit=5)
    assert second["items"][1]["title"] == "Judul baru"
    assert second["items"][1]["views"] == 1094


async def test_a_further_page_says_of_when_it_is_and_whether_the_list_is_behind(forty: Service) -> None:
    first = await page(forty, limit=5)
    for _ in range(20):
        await shuffle(forty, Random(5))
    forty.clock.now += 3
    second = await page(forty, first["next"], limit=5)
    assert (second["generation"], second["generated_at"]) == (1, first["generated_at"])
    assert (second["age_s"], second["stale"]) == (103, False)
    forty.clock.now += 60
    assert (await page(forty, first["next"], limit=5))["stale"] is True


async def test_a_generation_that_is_kept_no_longer_is_gone(serve: Serve, server: servers.Valkey) -> None:
    service = await filled(await serve())
    later = await serve()
    cursor = (await page(service, limit=5))["next"]
    await shuffle(service, Random(6))
    assert server.admin.delete(keys.order(SITE, "populer", cursor.split(".")[2])) == 1
    await servers.eventually(lambda: listed(later), "the other worker to have the list")
    assert (await service.http.get(LIST, params={"cursor": cursor})).status_code == 200
    gone = await later.http.get(LIST, params={"cursor": cursor})
    assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json")
    assert "start again without the cursor" in gone.json()["detail"]
    assert gone.headers["cache-control"] == "no-store"


async def test_the_present_order_is_kept_as_long_as_the_list_and_a_past_one_for_a_while(
    forty: Service, server: servers.Valkey
) -> None:
    cursors = []
    for seed in range(8):
        cursors.append((await page(forty, limit=5))["next"].split(".")[2])
        await shuffle(forty, Random(seed))
    cursors.append((await page(forty, limit=5))["next"].split(".")[2])
    lifetimes = [server.admin.ttl(keys.order(SITE, "populer", order)) for order in cursors]
    assert keys.PUBLISHED_TTL_S - 60 < lifetimes[-1] <= keys.PUBLISHED_TTL_S
    past = [ttl_s for ttl_s in lifetimes if ttl_s <= 1020]
    assert len(past) >= 6  # one more may be what others are packed against
    assert min(past) > 900


async def test_without_paging_nothing_is_kept_and_what_moved_is_gone(serve: Serve, server: servers.Valkey) -> None:
    service = await filled(await serve(refresh={"paging": "0s"}))
    later = await serve()
    first = await page(service, limit=5)
    assert ids(await page(service, first["next"], limit=5)) == FORTY[5:10]
    await shuffle(service, Random(7))
    await servers.eventually(lambda: listed(later), "the other worker to have the list")
    assert (await later.http.get(LIST, params={"cursor": first["next"]})).status_code == 410
    assert not list(server.admin.scan_iter(match="*:order:*"))


async def test_a_cursor_of_another_list_or_section_is_refused(forty: Service) -> None:
    cursor = (await page(forty, limit=5))["next"]
    for address, params, status in (
        (LIST, {"section": "Ekonomi"}, 400),
        ("/v1/lists/update", {}, 410),
        ("/v1/lists", {"names": "populer"}, 400),
        ("/v1/lists/nowhere", {}, 404),
    ):
        answer = await forty.http.get(address, params={**params, "cursor": cursor})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_cache_that_is_told_that_a_page_is_right_holds_a_cursor_that_is_good(forty: Service) -> None:
    """A page may stay the same for hours while the list below it moves; the tag must not."""
    first = await forty.http.get(LIST, params={"limit": 3})
    kept, tags = first.json()["next"], {first.headers["etag"]}
    for n in range(130):
        await forty.view(**{FORTY[30 + n % 10]: 1})
        await forty.refresh()
        answer = await forty.http.get(LIST, params={"limit": 3}, headers={"if-none-match": first.headers["etag"]})
        if answer.status_code == 200:
            assert ids(answer.json()) == FORTY[:3]
            first, kept = answer, answer.json()["next"]
            tags.add(first.headers["etag"])
        assert int(kept.split(".")[1]) / 1000 > forty.clock.now - 310
    assert 2 <= len(tags) <= 4


async def test_with_the_store_away_the_list_as_it_is_can_be_walked(serve: Serve, own_server: Any) -> None:
    server = own_server()
    service = await filled(await serve(on=server, redis={"timeout": "1s"}))
    server.kill()
    seen = [each async for each in walked(service, limit=9)]
    assert ids(*seen) == FORTY


async def test_an_order_is_kept_once_however_often_it_is_published(forty: Service, server: servers.Valkey) -> None:
    before = len(list(server.admin.scan_iter(match=f"populer:{{{SITE}}}:order:*")))
    for _ in range(4):
        await forty.refresh()
    assert len(list(server.admin.scan_iter(match=f"populer:{{{SITE}}}:order:*"))) == before
