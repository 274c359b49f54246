"""Clients that ask and never read cost a bounded amount of memory, and are cut; others are served meanwhile."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from service import Service, serving, wait_until

CLIENTS = 20
ASKED = b"GET /v1/lists/populer?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n"
TITLE = "x" * 400
MIB = 1024**2


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "data") as running:
        with running.client() as client:
            items = [{"id": f"berita-{n}", "title": f"{TITLE} {n}"} for n in range(200)]
            assert client.put("/v1/items", json=items).status_code == 200
            assert client.post("/v1/events", json=[{"item": each["id"]} for each in items]).status_code == 202
            wait_until(lambda: len(client.get("/v1/lists/populer?limit=200").json()["items"]) == 200)
        yield running


def most_resident(pid: int) -> int:
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found) * 1024


class Deaf(threading.Thread):
    """Asks for the list, a request at a time, until it is cut; reads nothing."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        address = urlsplit(service.url)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.settimeout(60)
        self._socket.connect((address.hostname, address.port))
        self._ended = threading.Event()

    def run(self) -> None:
        with contextlib.suppress(OSError), self._socket:
            while not self._ended.wait(0.01):
                self._socket.sendall(ASKED)

    def end(self) -> None:
        self._ended.set()
        self.join(90)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory of other processes is read from /proc")
def test_clients_that_never_read_hold_little_and_are_cut(service: Service) -> None:
    _, worker = service.children()
    before = most_resident(worker)
    clients = [Deaf(service) for _ in range(CLIENTS)]
    try:
        for each in clients:
            each.start()
        wait_until(lambda: not any(each.is_alive() for each in clients), 90)
        assert most_resident(worker) - before < 20 * MIB
    finally:
        for each in clients:
            each.end()
    text = httpx2.get(f"{service.url}/metrics", trust_env=False, timeout=30).text
    (cut,) = re.findall(r'populer_connections_refused_total\{reason="slow"\} (\d+)', text)
    assert int(cut) >= CLIENTS
