"""Workers that are replaced, a service that drains, a socket that is passed: no request fails of it."""

import contextlib
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest
from fronts import CADDY, HAPROXY, NGINX, caddy, haproxy, nginx
from servers import Valkey

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import MODULE, Service, environment, run, serving, started, wait_until

LIST = "/v1/lists/populer"
SENDERS = 6
Front = Callable[[Path, str], AbstractContextManager[str]]


@contextlib.contextmanager
def direct(_: Path, behind: str) -> Iterator[str]:
    yield behind


class Readers:
    """Readers who ask for a list and send a read each, one after the other, over connections that stay or do not."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._done = threading.Event()
        self.failed: list[str] = []
        self.served = self.acknowledged = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._read, args=(number,), daemon=True) for number in range(SENDERS)]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)

    def _read(self, number: int) -> None:
        stays = number % 2 == 0
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx2.Client(base_url=self._url, trust_env=False, timeout=30) as client:
            while not self._done.is_set():
                own = client if stays else httpx2.Client(base_url=self._url, trust_env=False, timeout=30)
                try:
                    listed = own.get(LIST)
                    read = own.post("/v1/events", content='{"item":"a"}', headers=headers)
                except httpx2.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                finally:
                    if not stays:
                        own.close()
                with self._lock:
                    self.served += listed.status_code == 200
                    self.acknowledged += read.status_code == 202
                if (listed.status_code, read.status_code) != (200, 202):
                    self.failed.append(f"{listed.status_code} {read.status_code} {read.text[:100]}")
                time.sleep(0.15)  # in all as much as the examples let one address ask for


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as made:
        (Path(made) / "populer.toml").write_text(
            '[service]\nworkers = 2\ndrain = "2s"\n[ingest]\nbots = false\ndedupe_window = "0s"\n'
        )
        yield Path(made)


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with serving(folder / "data", "--config", str(folder / "populer.toml")) as started:
        yield started


def reload(service: Service, *options: str) -> str:
    """Tell the service by the command; what it says."""
    done = run("reload", "--data", str(service.data_dir), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "front",
    [
        direct,
        pytest.param(nginx, marks=pytest.mark.skipif(NGINX is None, reason="no nginx here")),
        pytest.param(haproxy, marks=pytest.mark.skipif(HAPROXY is None, reason="no haproxy here")),
        pytest.param(caddy, marks=pytest.mark.skipif(CADDY is None, reason="no caddy here")),
    ],
)
def test_workers_are_replaced_without_one_failed_request(service: Service, folder: Path, front: Front) -> None:
    with front(folder, service.url) as url, Readers(url, service.write_key) as readers:
        for round_ in (1, 2):
            before = service.children()
            served = readers.served
            assert "one by one" in reload(service, "--workers")
            wait_until(lambda: service.log.read_text().count("The workers are replaced.") == round_)  # noqa: B023
            after = service.children()
            assert len(after) == len(before) == 3
            assert len(set(after) & set(before)) == 1, "the jobs stay"
            wait_until(lambda: readers.served > served + 3 * SENDERS)  # noqa: B023
    assert readers.failed == []
    assert service.views("a") == readers.acknowledged > 0


def test_worker_that_does_not_start_leaves_the_others_as_they_are(service: Service, tmp_path: Path) -> None:
    before = service.children()
    spool = service.data_dir / "spool"
    spool.rename(tmp_path / "spool")
    spool.write_text("no folder")

    reload(service, "--workers")

    wait_until(lambda: "the others stay" in service.log.read_text(), 90.0)
    assert service.children() == before
    assert httpx2.get(service.url + LIST, trust_env=False).status_code == 200


def test_service_that_stops_says_first_that_it_is_not_ready(service: Service) -> None:
    with service.client() as client:
        assert client.get("/readyz").status_code == 200
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: client.get("/readyz").status_code == 503, 2.0)
        assert client.get("/readyz").json()["draining"] is True
        assert client.get(LIST).status_code == 200
        assert client.post("/v1/events", content='{"item":"a"}').status_code == 202
        assert service.process.wait(10) == 0


def test_request_that_has_begun_to_come_is_answered_by_a_worker_that_leaves(folder: Path) -> None:
    with serving(folder / "data", "--config", str(folder / "populer.toml"), env={"POPULER_SERVICE__DRAIN": "0s"}) as it:
        host, port = it.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as begun, socket.create_connection((host, int(port))) as never:
            head = f"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {it.write_key}\r\n"
            begun.sendall(f"{head}Content-Length: 12\r\n\r\n".encode())
            never.sendall(head.encode())
            wait_until(lambda: it.process.poll() is None)
            it.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in it.log.read_text())
            begun.sendall(b'{"item":"a"}')
            begun.settimeout(10)
            answer = begun.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 202 ")
            assert it.process.wait(10) == 0, "the other never ends, and is not waited for longer"


def test_socket_that_is_passed_is_served_over_a_restart(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as passed, ThreadPoolExecutor(1) as reader:
        url = f"http://127.0.0.1:{passed.getsockname()[1]}"
        serve = [*MODULE, "serve", "--data", str(folder / "data"), "--port", "1"]
        as_systemd = (
            f"import os; os.dup2({passed.fileno()}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))"
            f"; os.execv({sys.executable!r}, {serve!r})"
        )
        command = [sys.executable, "-c", as_systemd]
        with started(command, pass_fds=[passed.fileno()], env=environment()) as said:
            assert said.readline() == f"ready {url}\n"
            assert httpx2.get(url + LIST, trust_env=False, timeout=30).status_code == 200
        waits = reader.submit(httpx2.get, url + LIST, trust_env=False, timeout=60)  # in the socket, for who comes next
        with started(command, pass_fds=[passed.fileno()], env=environment()):
            assert waits.result(60).status_code == 200


def test_parts_on_hosts_of_their_own_share_a_store(folder: Path) -> None:
    refused = run("serve", "--only", "jobs", "--data", str(folder / "x"))
    assert refused.returncode == 1
    assert "redis.url" in refused.stderr

    with Valkey() as store:
        names = {"POPULER_REDIS__URL": store.url}
        command = [*MODULE, "serve", "--only", "jobs", "--data", str(folder / "jobs")]
        with started(command, env={**environment(), **names}) as said:
            assert said.readline() == "ready jobs\n"
            with serving(folder / "api", "--only", "api", env=names) as api, api.client() as client:
                assert len(api.children()) == 1
                client.post("/v1/events", content='{"item":"a"}')
                wait_until(lambda: [each["id"] for each in client.get(LIST).json()["items"]] == ["a"])


def test_reload_of_nobody_says_so(tmp_path: Path) -> None:
    done = run("reload", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "no service runs" in done.stderr
