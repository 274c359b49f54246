"""`populer keys`: keys are made, shown by name, taken back, and a running service goes along."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

sys.path.append(str(Path(__file__).parents[1]))

from ports import free_ports
from service import Service, run, serving, wait_until

from populer.commands.options import write_key


@pytest.fixture(scope="module")
def admin_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, admin_port: int) -> Iterator[Service]:
    environ = {"POPULER_SERVICE_ADMIN_PORT": str(admin_port)}
    with serving(tmp_path_factory.mktemp("keys") / "data", env=environ) as service:
        yield service


def test_write_key_of_commands_comes_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("write-key-of-the-koran\n")
    monkeypatch.setenv("POPULER_KEY_FILE", str(tmp_path / "key"))
    assert write_key(None, None, tmp_path, None) == "write-key-of-the-koran"
    monkeypatch.setenv("POPULER_KEY", "another-key")
    assert write_key(None, None, tmp_path, None) == "another-key"


def keys(service: Service, *arguments: str) -> str:
    done = run("keys", *arguments, "--data", str(service.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def status(service: Service, key: str) -> int:
    with httpx2.Client(base_url=service.url, trust_env=False, timeout=30) as http:
        return http.get("/v1/audit", headers={"authorization": f"Bearer {key}"}).status_code


def names(service: Service) -> list[tuple[str, str, str]]:
    return [(row["name"], row["grade"], row["kept"]) for row in json.loads(keys(service, "list", "--json"))]


def test_an_added_key_is_good_at_once_beside_the_others_until_it_is_revoked(service: Service) -> None:
    siti = keys(service, "add", "siti", "--grade", "editor")
    budi = keys(service, "add", "budi", "--grade", "editor")
    wait_until(lambda: status(service, budi) == 200)
    assert (status(service, siti), status(service, service.admin_key)) == (200, 200)
    assert siti not in (service.data_dir / "keys.json").read_text()
    assert names(service) == [
        ("write", "write", "generated"),
        ("siti", "editor", "added"),
        ("budi", "editor", "added"),
        ("admin", "admin", "generated"),
    ]
    keys(service, "revoke", "siti")
    wait_until(lambda: status(service, siti) == 401)
    assert status(service, budi) == 200


def test_a_generated_key_that_is_revoked_is_replaced(service: Service) -> None:
    before = service.admin_key
    keys(service, "revoke", "admin")
    wait_until(lambda: status(service, before) == 401)
    assert service.admin_key != before
    assert status(service, service.admin_key) == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "admin", "--grade", "editor"), "has a key called admin"),
        (("add", "si ti", "--grade", "editor"), "a key's name has letters, digits"),
        (("add", "siti", "--grade", "reader"), "--grade: expected one of write, editor, admin"),
        (("revoke", "nobody"), "has no key called nobody"),
        (("add", "siti", "--grade", "editor", "--site", "x"), "no site is called 'x'"),
    ],
)
def test_what_cannot_be_done_is_said(service: Service, arguments: tuple[str, ...], said: str) -> None:
    done = run("keys", *arguments, "--data", str(service.data_dir))
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_the_admin_port_shows_metrics_and_readiness_to_whoever_reaches_it(service: Service, admin_port: int) -> None:
    strange = {"x-forwarded-for": "203.0.113.7"}
    with httpx2.Client(trust_env=False, timeout=30, headers=strange) as http:
        assert http.get(f"{service.url}/metrics").status_code == 401
        assert http.get(f"{service.url}/readyz").json() == {"status": "ready"}
        assert "populer_list_age_seconds" in http.get(f"http://127.0.0.1:{admin_port}/metrics").text
        assert http.get(f"http://127.0.0.1:{admin_port}/readyz").json()["store"] == "ok"
