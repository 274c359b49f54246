"""The rights that docs/ops.md names are enough for all that the service does, and no right is there for nothing."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import servers

sys.path.append(str(Path(__file__).parents[3] / "populer"))

from service import run, serving, wait_until

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "ops.md").read_text()
#: What connections, scripts and subscriptions take by themselves: no source names them.
OF_THE_DRIVER = {"hello", "client|setinfo", "select", "eval", "eval_ro", "subscribe", "unsubscribe"}


def rights() -> list[str]:
    found = re.search(r"^ACL SETUSER populer on >PASSWORD (.*)$", PAGE, re.MULTILINE)
    assert found is not None
    return found[1].split()


def denied(server: servers.Valkey) -> list[str]:
    lines = server.admin.execute_command("ACL", "LOG")
    return [f"{line[b'reason']!r} {line[b'object']!r}" for line in lines if line[b"username"] == b"populer"]


def test_the_service_works_with_the_least_rights(own_server: Callable[..., servers.Valkey], tmp_path: Path) -> None:
    server = own_server(appendonly="yes")
    server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *rights())
    url = f"redis://populer:psst@{servers.HOST}:{server.port}/0"
    with serving(tmp_path / "data", env={"POPULER_REDIS_URL": url}) as service, service.client() as client:
        assert client.put("/v1/items", json=[{"id": name, "title": name} for name in "abc"]).status_code == 200
        for n in range(2):  # the second time the scripts are known
            events = [{"item": name, "visitor": f"v{n}", "id": f"{name}{n}"} for name in "abc"]
            sent = client.post("/v1/events", json=events, headers={"idempotency-key": f"batch-{n}"})
            assert sent.json()["accepted"] == 3
        public = httpx2.post(f"{service.url}/v1/events", json={"item": "a"}, trust_env=False)
        assert public.status_code == 202
        wait_until(lambda: len(client.get("/v1/lists/populer").json().get("items", [])) == 3)
        admin = {"authorization": f"Bearer {service.admin_key}"}
        assert client.put("/v1/lists/populer/pins/c", json={"position": 1}, headers=admin).status_code == 200
        assert client.put("/v1/blocks/b", json={}, headers=admin).status_code == 200
        edition = client.get("/v1/audit", headers=admin).json()["changes"][0]["edition"]
        assert client.post(f"/v1/edits/{edition}/undo", headers=admin).status_code == 200
        assert client.delete("/v1/items/a").status_code == 204
        assert client.post("/v1/preview", json={"settings": {"half_life": "3h"}}, headers=admin).status_code == 200
        assert client.get("/v1/items/c/explain", headers=admin).status_code == 200
        assert client.get("/v1/ops/traffic", headers=admin).status_code == 200
        assert client.get("/v1/ops/evidence", headers=admin).status_code == 200
        shown = client.get("/v1/ops/state", headers=admin).json()
        assert (shown["store"], shown["alarms"]) == ("ok", [])
        for command in (["rank"], ["explain", "c"], ["doctor"]):
            done = run(*command, "--data", str(tmp_path / "data"), env={"POPULER_REDIS_URL": url})
            assert done.returncode == 0, done.stderr
    assert denied(server) == []


def test_no_right_is_there_for_nothing() -> None:
    folder = ROOT / "ranking" / "store" / "redis"
    source = " ".join(file.read_text().lower() for file in folder.rglob("*") if file.suffix in (".py", ".lua"))
    words = set(re.findall(r"[a-z_]+", source))
    named = {right.removeprefix("+") for right in rights() if right.startswith("+")}
    assert named - words - OF_THE_DRIVER == set()


@pytest.mark.parametrize("topology", ["cluster"], indirect=True)
async def test_a_cluster_takes_three_more(topology: servers.Topology) -> None:
    found = re.search(r"A cluster takes `([^`]*)` too", PAGE)
    assert found is not None
    for server in topology.servers:
        server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *rights(), *found[1].split())
    async with servers.opened(topology.url.replace("://", "://populer:psst@")) as store:
        await store.server.ping()
        await store.server.server_info()
        await servers.counts_by_bucket(store, "koran")
    assert [line for server in topology.servers for line in denied(server)] == []
