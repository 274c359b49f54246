"""`populer demo`: the real service, a newsroom in front of it, and readers who read."""

import asyncio
import contextlib
import os
import random
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from populer.config import load
from populer.console import say
from populer.demo.backoffice import seed_history
from populer.demo.newsdesk import sample_newsdesk
from populer.demo.press import LIST_TEMPLATES, NAME
from populer.service import logs, site_keys
from populer.service.listening import PortTakenError
from populer.service.supervisor import serve
from ranking.errors import PopulerError

HOST, PORT = "127.0.0.1", 8000
SITE = "segara"

#: Quick enough that one sees a story climb while one watches: the readers' day passes in 24 minutes, and its
#: 5 hours in 5 minutes.
SETTINGS: dict[str, dict[str, Any]] = {
    "retention": {"bucket": "15s", "keep": "8d"},
    "refresh": {"every": "1s"},
    "lists": {
        "populer": {"half_life": "5m", "movement": "2m", "self_click_weight": 0.3},
        "trending": {"short": "5m", "baseline": "40m"},
    },
}

FIRST_LIST_TRIES, FIRST_LIST_PAUSE_S = 50, 0.1


def run(port: int | None) -> None:
    """Run the demo in a folder of its own until a signal; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="populer-demo-") as folder:
        asyncio.run(show(Path(folder), port))


async def show(folder: Path, port: int | None) -> None:
    """Run the demo in `folder` until a signal.

    Raises:
        PopulerError: the service cannot start.
    """
    port = PORT if port is None else port or _free_port()
    site = {"id": SITE, "name": NAME, "address": f"http://{HOST}:{port}", "hosts": [HOST, "localhost"]}
    service = {"data_dir": str(folder), "host": HOST, "port": port, "templates": str(LIST_TEMPLATES)}
    loaded = load(Path(os.devnull), {}, {**SETTINGS, "service": service, "sites": [site]})
    logs.set_up(loaded.settings.service, role="demo")
    started_at = time.time()

    async def readers(address: str) -> None:
        rng = random.Random(started_at)  # noqa: S311 - readers, not secrets
        keys = site_keys.read(folder)[SITE]
        async with httpx2.AsyncClient(base_url=address, trust_env=False) as client:
            desk = sample_newsdesk(started_at)
            await seed_history(client, desk, write_key=keys["write"], started_at=started_at, rng=rng)
            await _ranked(client)
        say(
            f"ready {address}",
            f"open {address}/ in a browser and watch the list move; Ctrl-C ends it",
            f"open {address}/ops with the key {keys['admin']} to see what moves it",
        )

    try:
        await serve(loaded, page_provider="populer.demo.cast:Demo", pages_from=started_at, company=readers)
    except PortTakenError as error:
        raise PopulerError(f"{error}; with make: make demo ARGS='--port {port + 1}'") from error


def _free_port() -> int:
    """A port that nobody listens on: pages and lists name it, so it must be known before the service is."""
    with contextlib.closing(socket.create_server((HOST, 0))) as found:
        return int(found.getsockname()[1])


async def _ranked(client: httpx2.AsyncClient) -> None:
    """Return once the history shows in the list, so that the first page a newcomer opens is full."""
    for _ in range(FIRST_LIST_TRIES):
        if (await client.get("/v1/lists/populer")).json().get("items"):
            return
        await asyncio.sleep(FIRST_LIST_PAUSE_S)
