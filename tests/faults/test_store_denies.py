"""A store that takes nothing is like one that is away: events wait on disk and are counted once it takes them again."""

from collections.abc import Callable
from pathlib import Path

import pytest
import servers
from ledger import counted
from service import serving, wait_until
from stage import settings_file

OwnServer = Callable[..., servers.Valkey]
Change = Callable[[servers.Valkey], object]
USER = "populer"
PATIENCE_S = 60.0


def forget_connections(server: servers.Valkey) -> None:
    server.admin.execute_command("CLIENT", "KILL", "USER", USER)


def change_password(server: servers.Valkey, password: str) -> None:
    server.admin.execute_command("ACL", "SETUSER", USER, "resetpass", f">{password}")
    forget_connections(server)


def fail_to_save(server: servers.Valkey) -> None:
    """Have the server refuse writes as one whose disk is full does (MISCONF)."""
    (server.folder / "dump.rdb").mkdir()
    (server.folder / "dump.rdb" / "in the way").touch()
    server.admin.config_set("save", "3600 1")
    server.admin.bgsave()
    wait_until(lambda: server.admin.info("persistence")["rdb_last_bgsave_status"] == "err")


DENIALS: dict[str, tuple[Change, Change]] = {
    "password": (lambda server: change_password(server, "other"), lambda server: change_password(server, "psst")),
    "rights": (
        lambda server: server.admin.execute_command("ACL", "SETUSER", USER, "-@write"),
        lambda server: server.admin.execute_command("ACL", "SETUSER", USER, "+@all"),
    ),
    "disk": (fail_to_save, lambda server: server.admin.config_set("save", "")),
    "replicas": (
        lambda server: server.admin.config_set("min-replicas-to-write", 1),
        lambda server: server.admin.config_set("min-replicas-to-write", 0),
    ),
}


def with_user(server: servers.Valkey) -> str:
    """The address of `server` for a user of its own."""
    server.admin.execute_command("ACL", "SETUSER", USER, "on", ">psst", "~*", "&*", "+@all")
    return f"redis://{USER}:psst@{servers.HOST}:{server.port}/0"


@pytest.mark.parametrize("denial", DENIALS)
def test_events_that_a_store_denies_wait_on_disk(denial: str, own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    deny, allow = DENIALS[denial]
    file = settings_file(tmp_path, with_user(server))
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit"
        wait_until(lambda: client.get("/v1/lists/populer").status_code == 200)
        deny(server)
        for _ in range(3):
            answer = client.post("/v1/events", json={"item": "a"})
            assert (answer.status_code, answer.json()["ack"]) == (202, "spool")
        assert client.get("/v1/lists/populer").status_code == 200
        refused = client.put("/v1/items/a", json={"title": "A"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        allow(server)
        wait_until(lambda: counted(server.url) == {"a": 4}, PATIENCE_S)


def test_another_address_of_the_store_is_taken_over(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    file = Path(settings_file(tmp_path, with_user(server)))
    with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit"
        change_password(server, "other")
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "spool"
        renew(file, ":psst@", ":other@")
        wait_until(lambda: counted(server.url) == {"a": 2}, PATIENCE_S)
        wait_until(lambda: client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit", PATIENCE_S)
        renew(file, ":other@", ":third@")  # before the server has it: what is connected goes on
        change_password(server, "third")
        client.put("/v1/items/b", json={"title": "B"})
        client.post("/v1/events", json={"item": "b"})
        wait_until(lambda: [row["id"] for row in client.get("/v1/lists/populer").json()["items"]][-1:] == ["b"])
        config = client.get("/readyz").json()["config"]
        assert (config["at_next_start"], config["refusal"]) == ([], None)


def test_another_store_that_cannot_be_used_is_refused(own_server: OwnServer, tmp_path: Path) -> None:
    server, evicting = own_server(), own_server(**{"maxmemory-policy": "allkeys-lru"})
    file = Path(settings_file(tmp_path, with_user(server)))
    with serving(tmp_path / "data", "--config", str(file)) as service, service.client() as client:
        renew(file, with_user(server), with_user(evicting))
        wait_until(lambda: client.get("/readyz").json()["config"]["refusal"], PATIENCE_S)
        assert "allkeys-lru" in client.get("/readyz").json()["config"]["refusal"]
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit"


def renew(file: Path, before: str, after: str) -> None:
    fresh = file.with_suffix(".fresh")
    fresh.write_text(file.read_text().replace(before, after))
    fresh.replace(file)


def test_what_the_spool_has_no_room_for_is_refused_for_now(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    file = settings_file(tmp_path, with_user(server))
    Path(file).write_text(Path(file).read_text().replace("[ingest]", "[ingest]\nspool = 0"))
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "commit"
        change_password(server, "other")
        answer = client.post("/v1/events", json={"item": "a"})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        change_password(server, "psst")
        wait_until(lambda: client.post("/v1/events", json={"item": "a"}).status_code == 202, PATIENCE_S)
        assert counted(server.url) == {"a": 2}
