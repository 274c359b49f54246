"""What the holder of each key is let do and see, and under which name it is remembered."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from servers import ADMIN, ADMIN_KEY, SITE, WRITE_KEY, WRITER, Service

from ranking.settings.keys import hashed

Serve = Callable[..., Awaitable[Service]]
EDITOR = {"authorization": "Bearer sitis-key-of-the-koran"}
BUDI = {"authorization": "Bearer budis-key-of-the-koran"}
STRANGER = {"x-forwarded-for": "203.0.113.7"}
SITES = [
    {
        "id": SITE,
        "keys": {
            "write": WRITE_KEY,
            "editor": {"siti": hashed("sitis-key-of-the-koran"), "budi": "budis-key-of-the-koran"},
            "admin": {"ops": ADMIN_KEY},
        },
    },
    {"id": "kedua", "keys": {"admin": "admin-key-of-kedua"}},
]


@pytest.fixture
async def newsroom(serve: Serve) -> Service:
    service = await serve(sites=SITES)
    await service.put({"id": "a", "title": "A"}, {"id": "b", "title": "B"})
    await service.view(a=2, b=1)
    await service.refresh()
    return service


async def asked(service: Service, method: str, address: str, headers: dict[str, str], body: Any = None) -> int:
    return (await service.http.request(method, address, json=body, headers=headers)).status_code


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("PUT", "/v1/lists/populer/pins/b", {"position": 1}, 200),
        ("PUT", "/v1/blocks/b", {}, 200),
        ("PUT", "/v1/lists/populer/boosts/b", {"factor": 2}, 200),
        ("GET", "/v1/audit", None, 200),
        ("GET", "/v1/ops/state", None, 200),
        ("POST", "/v1/ops/views", {"items": []}, 503),  # no jobs run here to answer
        ("GET", "/v1/ops/traffic", None, 403),
        ("GET", "/v1/ops/evidence", None, 403),
        ("GET", "/v1/items", None, 200),
        ("PUT", "/v1/items", [{"id": "c"}], 403),
        ("DELETE", "/v1/items/a", None, 403),
        ("POST", "/v1/events", [{"item": "a", "ts": 1}], 403),
    ],
)
async def test_an_editor_keeps_the_lists_and_nothing_else(
    newsroom: Service, monkeypatch: pytest.MonkeyPatch, method: str, address: str, body: Any, status: int
) -> None:
    monkeypatch.setattr("api.endpoints.explain.WAIT_S", 0.05)
    assert await asked(newsroom, method, address, EDITOR, body) == status


async def test_an_editor_sees_no_settings_and_no_servers(newsroom: Service) -> None:
    found = (await newsroom.http.get("/v1/ops/state", headers=EDITOR)).json()
    assert found["key"] == {"name": "siti", "grade": "editor"}
    assert not found.keys() & {"config", "servers", "store", "leader", "jobs"}
    assert not any(each.keys() & {"settings", "words"} for each in found["lists"])
    assert [each["name"] for each in found["lists"]] == ["populer", "trending", "update"]
    own = (await newsroom.http.get("/v1/ops/state", headers=ADMIN)).json()
    assert (own["key"], own["store"]) == ({"name": "ops", "grade": "admin"}, "ok")


async def test_the_trail_names_the_key_that_acted(newsroom: Service) -> None:
    await newsroom.http.put("/v1/blocks/a", json={}, headers=EDITOR)
    await newsroom.http.put("/v1/blocks/b", json={}, headers=BUDI)
    await newsroom.http.delete("/v1/blocks/a", headers=ADMIN)
    await newsroom.http.delete("/v1/items/a", headers=WRITER)
    await newsroom.http.put("/v1/items/a", json={"title": "A"}, headers=WRITER)
    trail = (await newsroom.http.get("/v1/audit", headers=EDITOR)).json()["changes"]
    assert [each["by"] for each in reversed(trail)] == ["siti", "budi", "ops", "write", "write"]


async def test_wrong_keys_are_counted_and_throttled(newsroom: Service) -> None:
    wrong = {**STRANGER, "authorization": "Bearer guessed"}
    found = [await asked(newsroom, "GET", "/v1/audit", wrong) for _ in range(25)]
    assert (found.count(401), found.count(429)) == (20, 5)
    answer = await newsroom.http.get("/v1/audit", headers=wrong)
    assert int(answer.headers["retry-after"]) > 0
    assert await asked(newsroom, "GET", "/v1/audit", EDITOR) == 200, "from another address"
    told = (await newsroom.http.get("/metrics")).text
    assert f'populer_denied_total{{reason="unknown",site="{SITE}"}}' in told
    assert f'populer_denied_total{{reason="throttled",site="{SITE}"}}' in told


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (EDITOR, 403), (WRITER, 403), ({"authorization": "Bearer no-such-key"}, 401), (ADMIN, 200)],
)
async def test_metrics_are_for_an_admin_key_where_the_request_comes_from_elsewhere(
    newsroom: Service, headers: dict[str, str], status: int
) -> None:
    answer = await newsroom.http.get("/metrics", headers={**STRANGER, **headers})
    assert answer.status_code == status
    assert ("populer_events_total" in answer.text) == (status == 200)


async def test_an_admin_sees_the_metrics_of_the_own_site_alone(newsroom: Service) -> None:
    await newsroom.http.post("/v1/events?site=kedua", json={"item": "x"})
    everything = (await newsroom.http.get("/metrics")).text
    assert 'site="kedua"' in everything
    own = (await newsroom.http.get("/metrics", headers={**STRANGER, **ADMIN})).text
    assert 'site="kedua"' not in own
    assert f'populer_events_total{{outcome="accepted",site="{SITE}"}}' in own
    assert "populer_list_age_seconds" in own


async def test_strangers_are_told_ready_or_not_and_nothing_else(newsroom: Service) -> None:
    before = await newsroom.http.get("/readyz", headers=STRANGER)
    assert (before.status_code, before.json()) == (503, {"status": "not ready"})
    await newsroom.refresh("kedua")
    after = await newsroom.http.get("/readyz", headers=STRANGER)
    assert (after.status_code, after.json()) == (200, {"status": "ready"})
    detail = (await newsroom.http.get("/readyz", headers={**STRANGER, **ADMIN})).json()
    assert (detail["store"], detail["config_version"]) == ("ok", newsroom.settings.config_version)


async def test_a_peer_of_another_network_is_a_stranger_too(newsroom: Service) -> None:
    transport = httpx2.ASGITransport(newsroom.app, client=("192.0.2.9", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://populer") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/readyz")).json().keys() == {"status"}
