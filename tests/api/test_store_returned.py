"""A store that comes back empty or older: readers see no junk, and what editors said is not undone."""

from collections.abc import Awaitable, Callable

import pytest
import servers
from servers import ADMIN, SITE, WRITER, Service

from ranking.errors import StoreHeldError
from ranking.published.edits import Block, Subject
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher

Serve = Callable[..., Awaitable[Service]]
OwnServer = Callable[..., servers.Valkey]
ITEMS = "abcdef"


async def newsroom(server: servers.Valkey, service: Service) -> None:
    """Six items with views, of which one is taken down and one blocked, in published lists."""
    await service.put(*({"id": item, "title": item.upper(), "published_at": servers.NOW - 60} for item in ITEMS))
    await service.view(**{item: 9 - n for n, item in enumerate(ITEMS)})
    assert (await service.http.delete("/v1/items/a", headers=WRITER)).status_code == 204
    assert (await service.http.put("/v1/blocks/b", headers=ADMIN, json={"reason": "law"})).status_code == 200
    assert (await service.http.post("/v1/items/c/voids", headers=ADMIN, json={"from": 1})).status_code == 201
    await service.refresh()


async def generation(service: Service) -> int:
    return int((await service.http.get("/v1/lists/populer")).json()["generation"])


async def trail(service: Service) -> list[tuple[str, str]]:
    changes = (await service.http.get("/v1/audit", headers=ADMIN)).json()["changes"]
    return [(line["by"], line["action"]) for line in changes]


async def test_take_downs_and_edits_are_made_again_in_a_store_that_came_back_empty(
    server: servers.Valkey, service: Service
) -> None:
    await newsroom(server, service)
    before = await service.store.edits.read(SITE)
    server.admin.flushall()

    async def made_again() -> bool:
        there = await service.store.edits.read(SITE)
        return there.edits == before.edits and there.edition > before.edition

    await servers.eventually(made_again, "what editors said to be made again")
    assert set(await service.store.items.removed_items(SITE)) == {"a"}
    assert sorted(await trail(service)) == [("store-returned", each) for each in ("block", "remove", "void")]
    assert (await service.http.post("/v1/items/c/voids", headers=ADMIN, json={"from": 1})).json()["void"] == 2


async def test_lists_stay_until_the_emptier_store_is_accepted(server: servers.Valkey, service: Service) -> None:
    await newsroom(server, service)
    shown, before = await service.ids("update"), await generation(service)
    assert shown == list("cdef")
    server.admin.flushall()
    await service.view(junk=50)
    service.clock.now += 60
    for _ in range(2):  # by who ranked before, and by one who takes over
        refresher = Refresher(RankedSite(service.store, service.settings, SITE))
        with pytest.raises(StoreHeldError):
            await refresher.refresh(service.clock.now, 1)
    assert await service.ids("update") == shown
    assert "junk" not in await service.ids()
    life = await service.store.server.accept()
    assert life.held_since is not None
    assert (await service.store.server.life()).held_since is None
    await service.refresh()
    assert await generation(service) > before
    assert await service.ids() == ["junk"]
    assert await service.ids("update") == []


async def test_a_worker_that_starts_meanwhile_serves_the_lists_that_stay(
    server: servers.Valkey, service: Service
) -> None:
    await newsroom(server, service)
    shown, before = await service.ids(), await generation(service)
    server.admin.flushall()

    async def put_back() -> bool:
        return (await service.store.lists.generations(SITE)).get("populer") == before

    await servers.eventually(put_back, "the lists in the store")
    async with servers.serving(server, service.settings, service.clock) as other:
        assert await other.ids() == shown
        assert (await other.store.server.life()).held_since is not None, "who starts now goes by what others knew"


async def test_a_held_store_is_an_alarm_until_it_is_accepted(server: servers.Valkey, service: Service) -> None:
    async def alarms() -> list[str]:
        answer = await service.http.get("/readyz", headers=ADMIN)
        assert answer.status_code == 200
        return [each["alarm"] for each in answer.json()["alarms"] if each["alarm"] != "list_stale"]

    await newsroom(server, service)
    await service.refresh("kedua")
    assert await alarms() == []
    server.admin.flushall()
    assert await alarms() == ["store_emptied"]
    await service.store.server.accept()
    assert await alarms() == []


async def test_edits_that_a_store_lost_are_made_again_though_others_came_since(
    own_server: OwnServer, serve: Serve
) -> None:
    """A backup was restored, or a replica that lagged took over: it has the same life, and soon later editions."""
    server = own_server()
    service = await serve(on=server)
    await newsroom(server, service)
    server.admin.save()
    assert (await service.http.delete("/v1/items/d", headers=WRITER)).status_code == 204
    assert (await service.http.put("/v1/blocks/e", headers=ADMIN, json={})).status_code == 200
    server.kill()
    server.start()
    async with servers.opened(server.url) as other:
        block = Subject("block", "", "", "f")
        await other.edits.change(SITE, {block: Block()}, "another service")

    async def all_there() -> bool:
        removed = await service.store.items.removed_items(SITE)
        blocked = (await service.store.edits.read(SITE)).in_force(service.clock.now).blocked
        return (set(removed), blocked) == ({"a", "d"}, {"b", "e", "f"})

    await servers.eventually(all_there, "what editors said to be made again", 60)
    assert await service.store.items.get_items(SITE, ["d"]) == [None], "it is forgotten, as it was"
    assert (await service.store.server.life()).held_since is None
    before = await generation(service)
    await service.refresh()
    assert await generation(service) > before
    assert await service.ids("update") == ["c"]


async def test_a_worker_with_a_later_generation_than_the_store_raises_it(
    server: servers.Valkey, service: Service
) -> None:
    """A worker may know its lists from disk, and so from before the store was lost."""
    await newsroom(server, service)
    await service.refresh()
    before = await generation(service)
    server.admin.hset(f"populer:{{{SITE}}}:lists", "populer", 1)
    server.admin.hset(f"populer:{{{SITE}}}:list:populer", "generation", 1)

    async def raised() -> bool:
        return (await service.store.lists.generations(SITE))["populer"] == before

    await servers.eventually(raised, "the generation in the store")
    service.refreshers.clear()
    await service.refresh()
    assert await generation(service) == before + 1
