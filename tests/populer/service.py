"""A real `populer serve` for tests: its own data directory, a free port, and no process left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import httpx2

START_S = 30.0
STOP_S = 15.0
CHILD = "populer.service.child_process"
MODULE = (sys.executable, "-m", "populer")


def environment() -> dict[str, str]:
    """Ours without any setting of Populer."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POPULER_")}


def run(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command of `populer` until it ends."""
    return subprocess.run(
        [*MODULE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**environment(), **(env or {})},
    )


def wait_until(condition: Callable[[], bool], within_s: float = START_S) -> None:
    """Return once `condition` holds; fail if it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def children_of(parent: int) -> list[int]:
    """Processes of workers and jobs that a parent has started, in that order."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == parent and CHILD in row[2]]


class Service:
    """A running service."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        command: Sequence[str] = MODULE,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "serve", "--data", str(data_dir), "--port", "0", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**environment(), **(env or {})},
                cwd=cwd,
                start_new_session=True,  # a foreground group of its own, as a terminal gives one
            )
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        if not self.ready_line.startswith("ready http://"):
            self.process.kill()
            self.process.communicate()
            raise AssertionError(self.log.read_text())
        self.url = self.ready_line.split()[1]

    @property
    def write_key(self) -> str:
        """The generated write key of the default site."""
        return str(json.loads((self.data_dir / "keys.json").read_text())["default"]["write"])

    @property
    def admin_key(self) -> str:
        """The generated admin key of the default site."""
        return str(json.loads((self.data_dir / "keys.json").read_text())["default"]["admin"])

    @property
    def valkey_pid(self) -> int:
        """The bundled server's process. Its file is empty for a moment while the server starts."""
        file = self.data_dir / "valkey.pid"
        wait_until(lambda: file.read_text().endswith("\n"))
        return int(file.read_text())

    def children(self) -> list[int]:
        """Processes of workers and jobs, in the order they were started."""
        return children_of(self.process.pid)

    def client(self) -> httpx2.Client:
        """A client with the write key."""
        headers = {"Authorization": f"Bearer {self.write_key}"}
        return httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def views(self, item: str, *options: str) -> int:
        """Counted views of an item, as `populer rank` finds them."""
        done = run("rank", "--data", str(self.data_dir), "--json", "--set", "size=1000", *options)
        assert done.returncode == 0, done.stderr
        return sum(each["views"] for each in json.loads(done.stdout)["items"] if each["id"] == item)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


@contextlib.contextmanager
def serving(
    data_dir: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    command: Sequence[str] = MODULE,
) -> Iterator[Service]:
    """A service that is stopped at the end, whatever happened; `env` is added to its environment."""
    service = Service(data_dir, *arguments, env=env, cwd=cwd, command=command)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(STOP_S)
        for pid in [service.process.pid, *service.children()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if service.process.stdout is not None:
            service.process.stdout.close()
        service.process.wait(STOP_S)
        with contextlib.suppress(OSError, ValueError):
            os.kill(service.valkey_pid, signal.SIGKILL)


@contextlib.contextmanager
def started(command: list[str], **options: Any) -> Iterator[IO[str]]:
    """A command of ours that runs until the end, and its stdout."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()
            assert process.wait(15) == 0
