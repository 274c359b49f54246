"""What readers and writers are told while Redis is gone, full or back again."""

from collections.abc import Awaitable, Callable

import pytest
import servers
from servers import WRITER, Service, eventually

from ranking.errors import PopulerError
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher

Serve = Callable[..., Awaitable[Service]]
OwnServer = Callable[..., servers.Valkey]
HASTY = {"deadline": "50ms"}


@pytest.fixture
async def away(serve: Serve, own_server: OwnServer) -> tuple[Service, servers.Valkey]:
    """A service that has published lists and whose server is gone."""
    server = own_server()
    service = await serve(on=server, ingest=HASTY, redis={"timeout": "1s"})
    await service.put({"id": "a", "section": "Ekonomi"})
    await service.view(a=2, b=1)
    for site in ("koran", "kedua"):
        await service.refresh(site)
    server.kill()
    return service, server


async def test_lists_are_served_and_say_how_old_they_are(away: tuple[Service, servers.Valkey]) -> None:
    service, _ = away
    tag = (await service.http.get("/v1/lists/populer")).headers["etag"]
    for age_s, stale in ((5, False), (61, True), (24 * 3600, True)):
        service.clock.now = servers.NOW + 5 + age_s
        content = (await service.http.get("/v1/lists/populer")).json()
        assert [item["id"] for item in content["items"]] == ["a", "b"]
        assert (content["age_s"], content["stale"]) == (age_s, stale)
    assert (await service.http.get("/v1/lists/populer", headers={"if-none-match": tag})).status_code == 200
    assert await service.ids(section="Ekonomi") == ["a"]
    assert (await service.http.get("/v1/lists")).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": "k"}])
async def test_events_are_refused_for_now_and_not_counted_later(
    away: tuple[Service, servers.Valkey], headers: dict[str, str]
) -> None:
    service, server = away
    answer = await service.http.post("/v1/events", json=[{"item": "a"}] * 3, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["status"] == 503
    server.start()
    await eventually(lambda: recorded(service), "events to be taken again")
    assert await service.counts() == {"view|back": 1}


async def test_items_are_refused_for_now(away: tuple[Service, servers.Valkey]) -> None:
    service, _ = away
    for method, address, body in (
        ("PUT", "/v1/items", b'[{"id":"a"}]'),
        ("PUT", "/v1/items/a", b"{}"),
        ("GET", "/v1/items/a", b""),
        ("DELETE", "/v1/items/a", b""),
    ):
        answer = await service.http.request(method, address, content=body, headers=WRITER)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers


async def test_it_is_alive_but_not_ready(away: tuple[Service, servers.Valkey]) -> None:
    service, _ = away
    assert (await service.http.get("/livez")).status_code == 200
    assert (await service.http.get("/metrics")).status_code == 200
    answer = await service.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["lists"] is True
    assert answer.json()["store"] != "ok"


async def test_a_server_that_comes_back_empty_is_filled_again_once_it_is_accepted(
    away: tuple[Service, servers.Valkey],
) -> None:
    service, server = away
    server.start()
    await eventually(lambda: recorded(service), "events to be taken again")
    await service.store.server.accept()

    async def published() -> bool:
        service.clock.now += 5
        try:
            await Refresher(RankedSite(service.store, service.settings, servers.SITE)).refresh(service.clock.now)
        except PopulerError:
            return False
        return await service.ids() == ["back"]

    await eventually(published, "the lists to be followed again")
    assert (await service.http.get("/readyz")).status_code == 200


async def test_a_service_starts_before_its_server_has_lists(serve: Serve) -> None:
    service = await serve()
    assert (await service.http.get("/v1/lists/populer")).status_code == 503
    await service.view(a=1)
    await service.refresh()
    assert await service.ids() == ["a"]


async def test_a_full_server_refuses_events_and_serves_lists(serve: Serve, own_server: OwnServer) -> None:
    server = own_server()
    service = await serve(on=server)
    await service.view(a=1)
    await service.refresh()
    server.admin.config_set("maxmemory", "1mb")
    answer = await service.http.post("/v1/events", json={"item": "a"}, headers={"idempotency-key": "k"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert await service.ids() == ["a"]
    assert await service.counts() == {"view|a": 1}
    server.admin.config_set("maxmemory", "0")
    answer = await service.http.post("/v1/events", json={"item": "a"}, headers={"idempotency-key": "k"})
    assert answer.json()["accepted"] == 1
    assert await service.counts() == {"view|a": 2}


async def recorded(service: Service) -> bool:
    answer = await service.http.post("/v1/events", json={"item": "back"}, headers={"idempotency-key": "back"})
    return answer.status_code == 202
