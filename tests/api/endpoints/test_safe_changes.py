"""Items, take-downs, pins, blocks and voids wait for what `ingest.ack` promises, and say what was reached."""

import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import servers
from servers import ADMIN, NOW, SITE, WRITER, Service

from ranking.store.redis import durability

Serve = Callable[..., Awaitable[Service]]
OwnServer = Callable[..., servers.Valkey]
CHANGES: list[tuple[str, str, Any, dict[str, str]]] = [
    ("PUT", "/v1/items", [{"id": "a", "title": "A"}, {"id": "b"}], WRITER),
    ("PUT", "/v1/items/a", {"title": "A"}, WRITER),
    ("PUT", "/v1/lists/populer/pins/a", {"position": 1}, ADMIN),
    ("DELETE", "/v1/lists/populer/pins/a", None, ADMIN),
    ("PUT", "/v1/lists/populer/boosts/a", {"factor": 2}, ADMIN),
    ("PUT", "/v1/blocks/a", {}, ADMIN),
    ("DELETE", "/v1/blocks/a", None, ADMIN),
    ("POST", "/v1/items/a/voids", {"from": NOW - 600}, ADMIN),
    ("DELETE", "/v1/items/a/voids/1", None, ADMIN),
    ("PUT", "/v1/items/a/aliases", {"ids": ["other"]}, WRITER),
    ("DELETE", "/v1/items/a/aliases", None, WRITER),
    ("PUT", "/v1/aliases", [{"item": "a", "ids": ["another"]}], WRITER),
    ("DELETE", "/v1/items/a", None, WRITER),
]


async def made(service: Service, change: tuple[str, str, Any, dict[str, str]]) -> httpx2.Response:
    method, address, body, headers = change
    answer = await service.http.request(method, address, json=body, headers=headers)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer


async def test_a_change_waits_for_the_replica(serve: Serve, own_server: OwnServer) -> None:
    primary = own_server()
    replica = own_server(replicaof=f"{servers.HOST} {primary.port}")
    servers.wait_until(lambda: servers.in_step(replica), "a replica in step")
    service = await serve(on=primary)
    service.store.promise("replica")  # type: ignore[attr-defined]
    for change in CHANGES:
        assert (await made(service, change)).headers["populer-ack"] == "replica", change
    assert (await made(service, CHANGES[0])).json()["ack"] == "replica"
    edition = replica.admin.hget(f"populer:{{{SITE}}}:edits", "edition")
    assert edition == primary.admin.hget(f"populer:{{{SITE}}}:edits", "edition")
    assert replica.admin.hkeys(f"populer:{{{SITE}}}:removed") == [b"a"]
    answer = await service.http.post(f"/v1/edits/{int(edition)}/undo", headers=ADMIN)
    assert answer.headers["populer-ack"] == "replica"


async def test_a_change_says_that_the_replica_does_not_have_it(
    serve: Serve, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "LONGEST_WAIT_S", 0.05)
    primary = own_server()
    replica = own_server(replicaof=f"{servers.HOST} {primary.port}")
    servers.wait_until(lambda: servers.in_step(replica), "a replica in step")
    service = await serve(on=primary)
    service.store.promise("replica")  # type: ignore[attr-defined]
    with contextlib.ExitStack() as stack:
        stack.callback(replica.send, signal.SIGCONT)
        replica.send(signal.SIGSTOP)
        for change in CHANGES:
            assert (await made(service, change)).headers["populer-ack"] == "commit", change


async def test_a_change_is_on_the_disk(serve: Serve, own_server: OwnServer, tmp_path: Path) -> None:
    service = await serve(on=own_server(appendonly="yes", appendfsync="always", dir=str(tmp_path)))
    service.store.promise("disk")  # type: ignore[attr-defined]
    for change in CHANGES:
        assert (await made(service, change)).headers["populer-ack"] == "disk", change


async def test_the_document_names_the_header(service: Service) -> None:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    named = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if any("Populer-Ack" in response.get("headers", {}) for response in operation["responses"].values())
    }
    assert len(named) == len(CHANGES) + 2, "and those that lift a boost and undo"
    assert ("PUT", "/v1/items") in named
    assert not any(method == "GET" for method, _ in named)


async def test_without_a_promise_a_change_is_committed(service: Service) -> None:
    for change in CHANGES:
        assert (await made(service, change)).headers["populer-ack"] == "commit", change
