"""`populer doctor` says how the store is, and what to do where it is not fit to keep counts."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import servers
from ports import free_ports

sys.path.append(str(Path(__file__).parent))

from service import run, serving

OwnServer = Callable[..., servers.Valkey]


def examined(*arguments: str) -> tuple[int, dict[str, dict[str, Any]], str]:
    done = run("doctor", "--json", *arguments)
    return done.returncode, {each["name"]: each for each in json.loads(done.stdout or "[]")}, done.stderr


def test_a_running_service_is_in_good_health(tmp_path: Path) -> None:
    with serving(tmp_path / "data"):
        code, found, _ = examined("--data", str(tmp_path / "data"))
        said = run("doctor", "--data", str(tmp_path / "data")).stdout
    assert code == 0
    assert {each["state"] for each in found.values()} == {"good", "warning"}
    assert [name for name, each in found.items() if each["state"] == "warning"] == ["site default: origins"]
    assert found["site default: origins"]["found"] == "any page may send events"
    assert found["site default: lists"]["found"].split(", ") == ["populer", "trending", "update"]
    assert "good     keys " in said


def test_a_server_that_would_lose_counts_is_named_with_what_to_do(tmp_path: Path, own_server: OwnServer) -> None:
    server = own_server(maxmemory="3mb")
    file = tmp_path / "populer.toml"
    file.write_text(f'[redis]\nurl = "{server.url}"\nallow_eviction = true\n')
    server.admin.config_set("maxmemory-policy", "allkeys-lru")
    code, found, error = examined("--config", str(file), "--data", str(tmp_path / "data"))
    assert code == 1
    (policy,) = [each for name, each in found.items() if name.endswith("maxmemory-policy")]
    assert (policy["state"], policy["found"]) == ("bad", "allkeys-lru")
    assert "noeviction" in policy["advice"]
    assert "maxmemory-policy" in error
    (persistence,) = [each for name, each in found.items() if name.endswith("persistence")]
    assert (persistence["state"], persistence["advice"][:28]) == ("warning", "CONFIG SET appendonly yes, o")
    assert found["site default: lists"]["state"] == "warning"


def test_a_store_that_is_away_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    (port,) = free_ports(1)
    file.write_text(f'[redis]\nurl = "redis://127.0.0.1:{port}"\n')
    code, found, error = examined("--config", str(file))
    assert code == 1
    assert found["store"]["state"] == "bad"
    assert "redis.url" in found["store"]["advice"]
    assert not found["store"]["found"].endswith(".")  # the advice goes on behind a colon
    assert error.startswith("populer: 1 of ")


def test_nothing_that_runs_is_said_in_a_line(tmp_path: Path) -> None:
    done = run("doctor", "--data", str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "start `populer serve` first" in done.stderr
