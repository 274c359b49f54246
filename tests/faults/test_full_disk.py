"""The bundled server's disk is full: what is answered then is on it, also when the server is killed at once (P5)."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from ledger import Ledger, Sender, await_counted, counted
from service import Service, serving, wait_until
from soak import either
from stage import settings_file

from ranking.store.embedded.data_dir import socket_url

PATIENCE_S = 60.0
EPISODES = either(2, 20)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "tmpfs", str(folder)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("a file system can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Callable[[], None]]:
    """Leave no room on the disk of `folder`; again whenever what is yielded is called, as files may have gone since."""
    filler = folder / "filler"

    def fill() -> None:
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as out:
            while out.write(b"x" * 4096):
                pass

    fill()
    try:
        yield fill
    finally:
        filler.unlink()


@pytest.mark.soak
def test_what_was_answered_while_the_disk_became_full_outlives_the_server(small_disk: Path, tmp_path: Path) -> None:
    data, ledger = small_disk / "data", Ledger()
    with serving(data, "--config", settings_file(tmp_path)) as service:
        for _ in range(EPISODES):
            fill_and_kill(service, small_disk, ledger)
            wait_until(lambda: finds_its_store(service), PATIENCE_S)
        await_counted(ledger, socket_url(data))
        ledger.check(counted(socket_url(data)))


def test_processes_that_start_on_a_full_disk_live_on_and_answer(small_disk: Path, tmp_path: Path) -> None:
    with (
        serving(small_disk / "data", "--config", settings_file(tmp_path)) as service,
        filled(small_disk) as fill,
        service.client() as client,
    ):
        ended = set(service.children())
        for pid in ended:
            os.kill(pid, signal.SIGKILL)

        def is_served() -> bool:
            fill()
            with contextlib.suppress(httpx2.TransportError):
                return client.get("/livez").status_code == 200 and len(set(service.children()) - ended) == len(ended)
            return False

        wait_until(is_served, PATIENCE_S)
        begun = service.children()
        for _ in range(5):
            fill()
            assert client.post("/v1/events", json={"item": "a"}).status_code in (202, 503)
            assert client.get("/v1/lists/populer").status_code in (200, 503)
            assert client.get("/metrics").status_code == 200
        assert service.children() == begun


def fill_and_kill(service: Service, disk: Path, ledger: Ledger) -> None:
    """Fill the disk under events until they are refused, and kill the server."""
    with contextlib.ExitStack() as stack:
        sender = stack.enter_context(Sender(service, ledger, events=5))
        wait_until(lambda: bool(sender.acks), PATIENCE_S)
        fill = stack.enter_context(filled(disk))

        def is_refused() -> bool:
            fill()
            return sender.refused > 0 or not sender.is_alive()

        wait_until(is_refused, PATIENCE_S)
        os.kill(service.valkey_pid, signal.SIGKILL)
        sender.finish()


def finds_its_store(service: Service) -> bool:
    with service.client() as client:
        return bool(client.get("/readyz").json()["store"] == "ok")
