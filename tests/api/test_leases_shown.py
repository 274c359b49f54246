"""A worker shows nothing under a lease that is over before it has looked, and the store's absence stops nobody."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import servers
from servers import ADMIN, SITE, WRITER, Service

from api.serving.followed_site import FollowedSite, cancel_all
from api.serving.site_edits import SiteEdits, monotonic

Serve = Callable[..., Awaitable[Service]]
OwnServer = Callable[..., servers.Valkey]


async def filled(service: Service) -> Service:
    await service.view(**{item: 9 - n for n, item in enumerate("abcdef")})
    await service.refresh()
    return service


async def shown(service: Service) -> bool:
    return (await service.http.get("/v1/lists/populer")).status_code == 200


async def test_changes_of_several_workers_at_once_are_all_shown_by_all(serve: Serve) -> None:
    workers = [await filled(await serve()), await serve(), await serve()]
    for worker in workers:
        await servers.eventually(lambda worker=worker: shown(worker), "the list")

    async def change(n: int) -> None:
        worker, item = workers[n % 3], "abcdef"[n]
        answer = await worker.http.put(f"/v1/blocks/{item}", headers=ADMIN)
        assert answer.status_code == 200
        assert all([item not in await each.ids() for each in workers])

    await asyncio.gather(*(change(n) for n in range(6)))
    assert [await worker.ids() for worker in workers] == [[], [], []]


async def test_a_worker_whose_lease_is_over_looks_before_it_shows_anything(serve: Serve) -> None:
    first = await filled(await serve())
    other = await serve()
    await servers.eventually(lambda: shown(other), "the list")
    await cancel_all(site_of(other)._tasks)
    for n, item in enumerate("abc"):
        answer = await first.http.delete(f"/v1/items/{item}", headers=WRITER)
        assert answer.status_code == 204
        assert await other.ids() == list("abcdef")[n + 1 :]


async def test_a_worker_that_has_stopped_is_waited_for_no_more(serve: Serve, server: servers.Valkey) -> None:
    first = await filled(await serve())
    server.admin.hset(f"populer:{{{SITE}}}:workers", "dead", "0 1000")
    assert (await first.http.delete("/v1/items/a", headers=WRITER)).status_code == 204
    assert b"dead" not in server.admin.hgetall(f"populer:{{{SITE}}}:workers")
    assert server.admin.hlen(f"populer:{{{SITE}}}:workers") == 1


async def test_a_worker_that_stops_says_so(server: servers.Valkey) -> None:
    clock = servers.Clock()
    async with servers.serving(server, servers.settings(), clock):
        assert server.admin.hlen(f"populer:{{{SITE}}}:workers") == 1
    assert server.admin.hlen(f"populer:{{{SITE}}}:workers") == 0


async def test_a_store_that_hangs_delays_one_read_and_then_none(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await filled(await serve(on=server, redis={"timeout": "2s"}))
    await service.http.put("/v1/blocks/a", headers=ADMIN)
    edits = site_of(service).edits
    server.send(signal.SIGSTOP)
    try:
        await one_look_and_then_none(service, edits)
    finally:
        server.send(signal.SIGCONT)
    await servers.eventually(lambda: followed(edits), "the store to be followed again")
    assert (await service.http.put("/v1/blocks/b", headers=ADMIN)).status_code == 200
    assert await service.ids() == list("cdef")


async def test_a_store_that_is_gone_is_asked_once_and_then_no_more(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await filled(await serve(on=server, redis={"timeout": "1s"}))
    await service.http.put("/v1/blocks/a", headers=ADMIN)
    site = site_of(service)
    await cancel_all(site._tasks)
    server.kill()
    await one_look_and_then_none(service, site.edits)


async def one_look_and_then_none(service: Service, edits: SiteEdits) -> None:
    await servers.eventually(lambda: over(edits), "the lease to be over")
    assert await service.ids() == list("bcdef")
    assert edits.is_current
    look = edits._polling
    for _ in range(3):
        assert await service.ids() == list("bcdef")
    assert edits._polling is look


def site_of(service: Service) -> FollowedSite:
    return service.app.runtime.context.published_lists._sites[SITE]


async def over(edits: SiteEdits) -> bool:
    return monotonic() > edits._lease_until


async def followed(edits: SiteEdits) -> bool:
    return not edits._away and edits.is_current


async def test_editors_are_refused_for_now_while_the_store_is_away(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await filled(await serve(on=server, redis={"timeout": "1s"}))
    await service.http.put("/v1/lists/populer/pins/e", json={"position": 1}, headers=ADMIN)
    server.kill()
    for method, address, body in (
        ("PUT", "/v1/lists/populer/pins/a", {"position": 1}),
        ("DELETE", "/v1/lists/populer/pins/e", None),
        ("GET", "/v1/lists/populer/pins", None),
        ("PUT", "/v1/lists/populer/boosts/a", {"factor": 2}),
        ("PUT", "/v1/blocks/a", {}),
        ("DELETE", "/v1/blocks/a", None),
        ("GET", "/v1/audit", None),
        ("DELETE", "/v1/items/a", None),
    ):
        answer = await service.http.request(method, address, json=body, headers=ADMIN)
        assert answer.status_code == 503, (method, address)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers
    assert await service.ids() == list("eabcdf")


async def test_edits_are_there_before_the_first_list_is_shown(serve: Serve) -> None:
    first = await filled(await serve())
    await first.http.put("/v1/blocks/a", headers=ADMIN)
    await first.http.put("/v1/lists/populer/pins/z", json={"position": 1}, headers=ADMIN)
    later = await serve()
    await servers.eventually(lambda: shown(later), "the list")
    assert await later.ids() == list("zbcdef")
