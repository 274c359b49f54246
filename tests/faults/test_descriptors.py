"""A service without descriptors for all who connect says so, goes on, and takes new ones once others have gone."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from service import Service, run, serving, wait_until

HARD = 400
CONNECTED = 500
LOWERED = f"""
import resource
if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > {HARD}:
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, {HARD}))
"""
REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "sitecustomize.py").write_text(LOWERED)
    with serving(tmp_path / "data", env={"PYTHONPATH": str(tmp_path)}) as running:
        yield running


def soft_limit(pid: int) -> int:
    (line,) = [each for each in Path(f"/proc/{pid}/limits").read_text().splitlines() if each.startswith("Max open")]
    return int(line.split()[3])


def connected(service: Service) -> socket.socket:
    address = urlsplit(service.url)
    found = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
    with contextlib.suppress(OSError):
        found.sendall(REQUEST)
    return found


def served(connection: socket.socket) -> bool:
    try:
        return connection.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def answers(service: Service) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"{service.url}/livez", trust_env=False, timeout=30).status_code == 200
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="limits of other processes are read from /proc")
def test_service_uses_the_hard_limit_and_refuses_what_is_beyond_it(service: Service) -> None:
    assert [soft_limit(pid) for pid in service.children()] == [HARD] * 2
    held = [connected(service) for _ in range(CONNECTED)]
    kept = [each for each in held if served(each)]
    assert 200 < len(kept) < HARD
    wait_until(lambda: "no more file descriptors" in service.log.read_text())
    for each in held:
        each.close()
    wait_until(lambda: answers(service))
    rows = {each["name"]: each for each in json.loads(run("doctor", "--json", "--data", str(service.data_dir)).stdout)}
    assert rows["descriptors"]["state"] == "warning"
    text = httpx2.get(f"{service.url}/metrics", trust_env=False, timeout=30).text
    refused = re.findall(r'populer_connections_refused_total\{reason="descriptors"\} (\d+)', text)
    assert [int(each) >= CONNECTED - len(kept) for each in refused] == [True]
    assert f"{int(refused[0]):,} refused" in rows["descriptors"]["found"]
