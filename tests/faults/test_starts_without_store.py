"""A service, or a worker of one, that starts while its store is away does its work and connects once it is there."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx2
import servers
from ledger import counted
from service import Service, run, serving, wait_until
from stage import settings_file

from api.serving.kept_lists import KeptLists

OwnServer = Callable[..., servers.Valkey]
PATIENCE_S = 60.0


def test_a_service_starts_without_its_store_and_keeps_events_for_it(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    server.kill()
    file = settings_file(tmp_path, server.url)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        assert client.get("/livez").status_code == 200
        answer = client.post("/v1/events", json={"item": "a"})
        assert (answer.status_code, answer.json()["ack"]) == (202, "spool")
        assert client.get("/v1/lists/populer").status_code == 503
        assert client.get("/readyz").status_code == 503, "it has nothing to serve"
        server.start()
        wait_until(lambda: client.get("/v1/lists/populer").status_code == 200, PATIENCE_S)
        wait_until(lambda: counted(server.url) == {"a": 1}, PATIENCE_S)
        wait_until(lambda: client.get("/readyz").status_code == 200, PATIENCE_S)
        assert service.stop() == 0


def test_a_worker_that_starts_while_the_store_hangs_answers(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    file = settings_file(tmp_path, server.url)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit"
        server.send(signal.SIGSTOP)
        try:
            replace_children(service)
            wait_until(lambda: answers(service, "/livez") == 200, PATIENCE_S)
            assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "spool"
        finally:
            server.send(signal.SIGCONT)
        wait_until(lambda: counted(server.url) == {"a": 2}, PATIENCE_S)


def test_workers_that_start_while_the_store_is_away_serve_the_last_lists(own_server: OwnServer, tmp_path: Path) -> None:
    """With their edits: what was taken down or blocked a moment ago stays away."""
    server = own_server()
    file = settings_file(tmp_path, server.url)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        admin = {"authorization": f"Bearer {service.admin_key}"}
        client.put("/v1/items", json=[{"id": name, "title": name.upper()} for name in "abcd"])
        client.post("/v1/events", json=[{"item": name} for name in "aaaabbbccd"])
        wait_until(lambda: ids(service) == ["a", "b", "c", "d"], PATIENCE_S)
        assert client.delete("/v1/items/b").status_code == 204
        assert client.put("/v1/blocks/c", json={}, headers=admin).status_code == 200
        assert client.put("/v1/lists/populer/pins/d", json={"position": 1}, headers=admin).status_code == 200
        wait_until(lambda: kept(tmp_path / "data" / "lists" / "default.lists") == (["b"], 2), PATIENCE_S)
        server.kill()
        replace_children(service)
        wait_until(lambda: answers(service, "/v1/lists/populer") == 200, PATIENCE_S)
        assert ids(service) == ["d", "a"]
        answer = client.post("/v1/events", json={"item": "a"})
        assert (answer.status_code, answer.json()["ack"]) == (202, "spool")
        wait_until(lambda: answers(service, "/readyz") == 200, PATIENCE_S)
        assert client.get("/readyz").json()["store"] != "ok"
        assert service.stop() == 0
    with serving(tmp_path / "data", "--config", file) as service:
        assert ids(service) == ["d", "a"], "so does the whole service"
        assert answers(service, "/readyz") == 200


def test_a_service_that_was_stopped_without_its_store_ends_in_order(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    server.kill()
    file = settings_file(tmp_path, server.url)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "spool"
        assert service.stop() == 0
    server.start()
    with serving(tmp_path / "data", "--config", file):
        wait_until(lambda: counted(server.url) == {"a": 1}, PATIENCE_S)


def test_what_no_store_can_be_is_refused_at_the_start(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server(requirepass="right")
    addresses = {
        "redis://127.0.0.1:many/0": "redis.url: expected an address",
        f"redis://:wrong@{servers.HOST}:{server.port}": "password",
    }
    for url, reason in addresses.items():
        done = run("serve", "--config", settings_file(tmp_path, url), "--data", str(tmp_path / "data"), "--port", "0")
        assert (done.returncode, done.stdout) == (1, "")
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
        assert "many" not in done.stderr, "what cannot be read may be a password"


def ids(service: Service) -> list[str]:
    """The ids of the list, [] while it is not there."""
    with service.client() as client:
        return [row["id"] for row in client.get("/v1/lists/populer").json().get("items", [])]


def kept(file: Path) -> tuple[list[str], int]:
    """What is removed, and how many edits there are, as the file has it."""
    found = KeptLists(file.parent).read(file.stem)
    return ([], 0) if found is None else (list(found.removed), len(found.edits))


def replace_children(service: Service) -> None:
    """Kill workers and jobs; return once others run."""
    before = set(service.children())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(service.children()) - before) == len(before), PATIENCE_S)


def answers(service: Service, path: str) -> int:
    """Status that a fresh connection gets; 0 for none."""
    try:
        with service.client() as client:
            return int(client.get(path).status_code)
    except (OSError, httpx2.HTTPError):
        return 0
