"""A real `populer demo` for tests, on a free port."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
from service import STOP_S, environment


class Playing:
    """A running demo. What it prints after it was ready is in `told` once it has ended."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "populer", "demo", *(arguments or ("--port", "0"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        assert self.process.stdout is not None
        before = []
        for line in self.process.stdout:
            if line.startswith("ready http://"):
                self.url = line.split()[1]
                break
            before.append(line)
        else:
            raise AssertionError("".join(before))

    def client(self) -> httpx2.Client:
        """Asks it what a visitor would."""
        return httpx2.Client(base_url=self.url, trust_env=False, timeout=30)

    def state(self, client: httpx2.Client) -> dict[str, Any]:
        """What its pages are told."""
        return dict(client.get("/demo/state").json())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Signal it and wait; its exit code, and what it said after it was ready."""
        self.process.send_signal(number)
        told, _ = self.process.communicate(timeout=STOP_S)
        return self.process.returncode, told


@contextlib.contextmanager
def playing() -> Iterator[Playing]:
    """A demo that is stopped at the end, whatever happened."""
    demo = Playing()
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.stop()
