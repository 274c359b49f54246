"""The service as a hardened container runs it: settings by environment, and its data and /tmp to write to."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx2
import pytest

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import MODULE, STOP_S, environment, wait_until

BWRAP = shutil.which("bwrap")
ROOT = Path(__file__).parents[2]
LIST = "/v1/lists/populer"
WRITE_KEY, ADMIN_KEY = "write-key-of-the-koran", "admin-key-of-the-koran"


def inside(*binds: str) -> list[str]:
    """A command in front of one that is to run as user 10001 on a read-only root, but for /tmp and `binds`."""
    user = ("--unshare-user", "--uid", "10001", "--gid", "10001")
    root = ("--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp")
    project = [part for folder in (ROOT, sys.prefix) for part in ("--ro-bind", str(folder), str(folder))]
    return [str(BWRAP), *user, *root, *project, *binds, "--chdir", "/"]  # the project may lie in /tmp


@contextlib.contextmanager
def isolated(command: Sequence[str], binds: Sequence[str], names: Mapping[str, str]) -> Iterator[IO[str]]:
    """The stdout of a command in there, which is asked to stop at the end."""
    reader, writer = os.pipe()
    whole = [*inside("--info-fd", str(writer), *binds), *command]
    with subprocess.Popen(
        whole, env={**environment(), **names}, stdout=subprocess.PIPE, text=True, pass_fds=[writer]
    ) as process:
        assert process.stdout is not None
        os.close(writer)
        with os.fdopen(reader) as info:
            pid = json.load(info)["child-pid"]  # bwrap waits for it, and passes no signal on
        try:
            yield process.stdout
        finally:
            os.kill(pid, signal.SIGTERM)
            assert process.wait(STOP_S) == 0


def can_isolate() -> bool:
    """Whether this machine lets us do so: some containers do not."""
    return BWRAP is not None and subprocess.run([*inside(), "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_isolate(), reason="no bwrap that works here: apt-get install bubblewrap")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A service in the folder `data`, whose secrets are files."""
    (tmp_path / "data").mkdir()
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "write").write_text(WRITE_KEY + "\n")
    (secrets / "admin").write_text(ADMIN_KEY + "\n")
    return {
        "POPULER_SERVICE__DATA_DIR": str(tmp_path / "data"),
        "POPULER_SERVICE__PORT": "0",
        "POPULER_SERVICE__LOG_FORMAT": "json",
        "POPULER_INGEST__DEDUPE_WINDOW": "0",
        "POPULER_INGEST__BOTS": "0",
        "POPULER_SITES": '[{"id": "koran", "name": "Koran", "timezone": "WIB"}]',
        "POPULER_SITES__KORAN__KEYS__WRITE_FILE": str(secrets / "write"),
        "POPULER_SITES__KORAN__KEYS__ADMIN_FILE": str(secrets / "admin"),
    }


def test_service_counts_and_stops_with_nothing_but_its_data_to_write_to(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    binds = ("--ro-bind", str(tmp_path), str(tmp_path), "--bind", str(tmp_path / "data"), str(tmp_path / "data"))
    with isolated([*MODULE, "serve"], binds, settings) as said:
        url = said.readline().split()[1]
        with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {WRITE_KEY}"
            assert client.post("/v1/events", json=[{"item": "a"}, {"item": "a"}]).json()["accepted"] == 2
            wait_until(lambda: [each["views"] for each in client.get(LIST).json()["items"]] == [2])
            client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
            assert client.get("/metrics").status_code == 200


def test_a_data_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path, settings: dict[str, str]) -> None:
    command = [*inside("--ro-bind", str(tmp_path), str(tmp_path)), *MODULE, "serve"]
    done = subprocess.run(
        command, env=environment() | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"populer: The data directory {tmp_path / 'data'} cannot be used: it is on a read-only"
    )
    assert done.stderr.count("\n") == 1
