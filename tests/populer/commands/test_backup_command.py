"""`populer backup` and `populer restore` beside a running service."""

import os
import shutil
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
SETTINGS = '[refresh]\nevery = "1s"\nlease = "3s"\n[lists.populer]\nlisted = "all"\n'
PATIENCE_S = 60


def ids(client: httpx2.Client, name: str = "populer") -> list[str]:
    return [each["id"] for each in client.get(f"/v1/lists/{name}").json().get("items", [])]


def alarms(client: httpx2.Client) -> list[str]:
    return [each["alarm"] for each in client.get("/readyz").json()["alarms"]]


def filled(client: httpx2.Client, *items: str, **options: Any) -> None:
    """Describe items, each read once more than the next."""
    described = [{"id": item, "title": item.upper()} for item in items]
    assert client.put("/v1/items", json=described, **options).status_code == 200
    views = [{"item": item} for number, item in enumerate(reversed(items), 1) for _ in range(number)]
    assert client.post("/v1/events", json=views, **options).json()["accepted"] == len(views)


def settings_file(folder: Path, redis: str = "") -> Path:
    file = folder / f"populer{len(list(folder.iterdir()))}.toml"
    file.write_text((f'[redis]\nurl = "{redis}"\n' if redis else "") + SETTINGS)
    return file


def trail(service: Service, client: httpx2.Client) -> list[Any]:
    answer = client.get("/v1/audit", headers={"authorization": f"Bearer {service.admin_key}"})
    return [each["action"] for each in answer.json().get("changes", [])]


def test_a_site_moves_from_the_bundled_server_and_its_service_goes_on(tmp_path: Path, own_server: OwnServer) -> None:
    server, backups = own_server(), tmp_path / "backups"
    backups.mkdir()
    bundled, external = settings_file(tmp_path), settings_file(tmp_path, server.url)
    with serving(tmp_path / "one", "--config", str(bundled)) as service, service.client() as client:
        filled(client, "a", "b", "c")
        wait_until(lambda: ids(client) == ["a", "b", "c"], PATIENCE_S)
        options = ("--config", str(bundled), "--data", str(tmp_path / "one"))
        done = run("backup", str(backups), "--keys", *options)
        assert done.returncode == 0, done.stderr
        assert "3 items" in done.stdout
        key = service.write_key
    (file,) = backups.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    options = ("--config", str(external), "--data", str(tmp_path / "two"))
    with serving(tmp_path / "two", "--config", str(external)) as service, service.client() as client:
        wait_until(lambda: client.get("/v1/lists/populer").status_code == 200, PATIENCE_S)
        done = run("restore", str(file), *options)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: ids(client) == ["a", "b", "c"], PATIENCE_S)
        assert alarms(client) == []
        wait_until(lambda: "restore_backup" in trail(service, client), PATIENCE_S)  # once the keys were taken over
        assert service.write_key == key
        refused = run("restore", str(file), *options)
        assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)

        keyed = {"headers": {"authorization": f"Bearer {key}"}}
        filled(client, "d", "e", "f", "g", "h", **keyed)
        wait_until(lambda: ids(client)[:1] == ["d"], PATIENCE_S)
        assert run("restore", str(file), "--replace", *options).returncode == 0
        wait_until(lambda: ids(client) == ["a", "b", "c"], PATIENCE_S)
        filled(client, "i", "j", "k", "l", "m", **keyed)
        wait_until(lambda: ids(client)[:1] == ["i"], PATIENCE_S)
        for pid in service.children():  # what they remember is what the store is now
            os.kill(pid, signal.SIGKILL)

        def goes_on() -> bool:
            try:
                with service.client() as again:
                    return ids(again)[:1] == ["i"] and alarms(again) == []
            except httpx2.TransportError:
                return False

        wait_until(goes_on, PATIENCE_S)


def test_a_store_that_was_lost_is_restored(tmp_path: Path, own_server: OwnServer) -> None:
    server, file = own_server(), tmp_path / "whole.backup"
    config = settings_file(tmp_path, server.url)
    options = ("--config", str(config), "--data", str(tmp_path / "data"))
    with serving(tmp_path / "data", "--config", str(config)) as service, service.client() as client:
        filled(client, "a", "b")
        wait_until(lambda: ids(client) == ["a", "b"], PATIENCE_S)
        assert run("backup", str(file), *options).returncode == 0
        server.kill()
        server.start()
        wait_until(lambda: alarms(client) == ["store_emptied"], PATIENCE_S)
        done = run("restore", str(file), "--replace", *options)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: alarms(client) == [], PATIENCE_S)
        filled(client, "c", "d", "e")
        wait_until(lambda: ids(client)[:1] == ["c"] and sorted(ids(client)) == ["a", "b", "c", "d", "e"], PATIENCE_S)


def test_what_is_no_backup_or_no_site_is_said_in_one_line(tmp_path: Path) -> None:
    config = settings_file(tmp_path)
    other = tmp_path / "other"
    other.write_text("no backup")
    for arguments, said in (
        (("restore", str(other)), "is no backup"),
        (("restore", str(tmp_path / "none")), "cannot be read"),
        (("backup", str(tmp_path / "no" / "folder"), "--data", str(tmp_path / "data")), "cannot be written"),
        (("backup", str(tmp_path), "--site", "lain"), "no site is called 'lain'"),
    ):
        done = run(*arguments, "--config", str(config))
        assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_a_bundled_store_that_stays_behind_is_named_and_can_be_brought(tmp_path: Path, own_server: OwnServer) -> None:
    server, data, file = own_server(), tmp_path / "data", tmp_path / "file"
    bundled, external = settings_file(tmp_path), settings_file(tmp_path, server.url)
    with serving(data, "--config", str(bundled)) as service, service.client() as client:
        filled(client, "a", "b", "c")
        wait_until(lambda: ids(client) == ["a", "b", "c"], PATIENCE_S)
        assert "bundled store" not in run("doctor", "--config", str(bundled), "--data", str(data)).stdout
        service.stop()
    options = ("--config", str(external), "--data", str(data))
    with serving(data, "--config", str(external)) as service, service.client() as client:
        assert "populer backup FILE --bundled" in service.log.read_text()
        assert "appendonlydir holds" in run("doctor", *options).stdout
        done = run("backup", str(file), "--bundled", *options)
        assert done.returncode == 0, done.stderr
        assert run("restore", str(file), *options).returncode == 0
        wait_until(lambda: ids(client) == ["a", "b", "c"], PATIENCE_S)
    assert not list(data.glob("bundled-*"))
    shutil.rmtree(data / "appendonlydir")
    assert "bundled store" not in run("doctor", *options).stdout
    assert "has no bundled store" in run("backup", str(file), "--bundled", *options).stderr
