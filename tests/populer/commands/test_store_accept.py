"""A store that comes back empty under a running service: the lists stay, alarmed, until `populer store accept`."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import servers

sys.path.append(str(Path(__file__).parents[1]))

from service import Service, run, serving, wait_until

OwnServer = Callable[..., servers.Valkey]
SETTINGS = '[redis]\nurl = "{url}"\n[refresh]\nevery = "1s"\nlease = "3s"\n'


def ids(client: httpx2.Client, name: str) -> list[str]:
    return [each["id"] for each in client.get(f"/v1/lists/{name}").json().get("items", [])]


def serves(service: Service) -> bool:
    with contextlib.suppress(httpx2.TransportError), service.client() as client:
        return client.get("/v1/lists/populer").status_code == 200
    return False


def runs(client: httpx2.Client, key: str) -> list[dict[str, Any]]:
    """The last runs of the refresh, of the process that leads."""
    state = client.get("/v1/ops/state", headers={"authorization": f"Bearer {key}"}).json()
    return [each for each in state["jobs"] if each["job"] == "refresh"]


def alarms(client: httpx2.Client) -> list[str]:
    return [each["alarm"] for each in client.get("/readyz").json()["alarms"]]


def test_lists_stay_alarmed_over_a_lost_store_and_killed_processes_until_it_is_accepted(
    tmp_path: Path, own_server: OwnServer
) -> None:
    server = own_server()
    file = tmp_path / "populer.toml"
    file.write_text(SETTINGS.format(url=server.url))
    options = ("--config", str(file), "--data", str(tmp_path / "data"))
    with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
        client.put("/v1/items", json=[{"id": item, "title": item} for item in "ab"])
        client.post("/v1/events", json=[{"item": "a"}])
        wait_until(lambda: sorted(ids(client, "update")) == ["a", "b"] and ids(client, "populer")[:1] == ["a"])
        shown = client.get("/v1/lists/populer").json()
        assert "Nothing" not in run("doctor", *options).stdout

        server.kill()
        server.start()
        wait_until(lambda: alarms(client) == ["store_emptied"])
        wait_until(lambda: server.admin.hexists("populer:{default}:lists", "populer"))
        client.post("/v1/events", json=[{"item": "junk"}])
        for pid in service.children():  # none of them remembers what the store was
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: serves(service), 60)
        with service.client() as again:
            wait_until(lambda: any(each["done"] == {"held": 1} for each in runs(again, service.admin_key)), 60)
            kept = again.get("/v1/lists/populer").json()
            assert [(each["id"], each["title"]) for each in kept["items"]] == [("a", "a")]
            assert kept["generation"] >= shown["generation"]
            assert "store_emptied" in alarms(again)
            checked = run("doctor", *options)
            assert (checked.returncode, "populer store accept" in checked.stdout) == (1, True)

            accepted = run("store", "accept", *options)
            assert (accepted.returncode, "is accepted as it is" in accepted.stdout) == (0, True), accepted.stderr
            wait_until(lambda: ids(again, "populer") == ["junk"], 60)
            assert again.get("/v1/lists/populer").json()["generation"] > kept["generation"]
            wait_until(lambda: alarms(again) == [])
            trail = again.get("/v1/audit", headers={"authorization": f"Bearer {service.admin_key}"}).json()["changes"]
            assert [(each["by"], each["action"], each["item"]) for each in trail] == [
                ("command-line", "accept_store", None)
            ]
            assert "nothing to accept" in run("store", "accept", *options).stdout


def test_a_store_that_was_lost_while_the_service_was_down_is_noticed_at_its_start(
    tmp_path: Path, own_server: OwnServer
) -> None:
    server = own_server()
    file = tmp_path / "populer.toml"
    file.write_text(SETTINGS.format(url=server.url))
    options = ("--config", str(file), "--data", str(tmp_path / "data"))
    for _ in range(2):  # the second start knows the store
        with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
            client.put("/v1/items", json=[{"id": item, "title": item} for item in "ab"])
            wait_until(lambda: sorted(ids(client, "update")) == ["a", "b"], 60)
            assert alarms(client) == []
            service.stop()
    server.admin.flushall()
    with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
        assert "store_emptied" in alarms(client)
        wait_until(lambda: any(each["done"] == {"held": 1} for each in runs(client, service.admin_key)), 60)
        assert run("store", "accept", *options).returncode == 0
        client.post("/v1/events", json=[{"item": "new"}])
        wait_until(lambda: ids(client, "populer") == ["new"], 60)
        service.stop()
    with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
        wait_until(lambda: ids(client, "populer") == ["new"], 60)
        assert "store_emptied" not in alarms(client), "it was accepted"
