"""The service's own application without its processes: one worker under another HTTP server, no jobs, no supervisor.

`python application.py uvicorn|granian REDIS_URL` prints `ready http://…` once it answers, and serves until SIGTERM. The
settings are those that are shipped, but for limits that so few addresses would reach (see servers.py).
"""

import os
import signal
import subprocess
import sys
import tomllib
from typing import Any

import servers


class Application:
    """An ASGI application whose store opens when its server starts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from api.app import create_app
            from populer.config import validated
            from populer.stores import open_store

            settings = validated(tomllib.loads(servers.AS_SHIPPED))
            store = open_store(settings, self._url)
            await store.open()
            self._app = create_app(settings, store)
        await self._app(scope, receive, send)


app = Application(os.environ.get("BENCH_REDIS_URL", ""))


def command(server: str, port: int) -> list[str]:
    """How a server is started, with one worker on uvloop and no access log."""
    of = ["-m", server]
    if server == "granian":
        of += ["--interface", "asgi", "--workers", "1", "--loop", "uvloop", "--no-access-log", "--backlog", "2048"]
    else:
        of += ["--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--backlog", "2048"]
    return [sys.executable, *of, "--host", servers.HOST, "--port", f"{port}", "application:app"]


def main() -> None:
    """Serve until SIGTERM."""
    server, url = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (port,) = servers.free_ports(1)
    environment = {**os.environ, "BENCH_REDIS_URL": url, "PYTHONPATH": f"{servers.ROOT}:{servers.ROOT / 'bench'}"}
    running = subprocess.Popen(command(server, port), env=environment, stdout=subprocess.DEVNULL)
    servers.run_until_stopped(running, port)


if __name__ == "__main__":
    main()
