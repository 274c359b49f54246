"""`populer demo`: the real service, a newsroom in front of it, and readers who read."""

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any

import httpx

from populer import logs, site_keys
from populer.config import load
from populer.demo.articles import load_articles
from populer.demo.readers import read_forever, seed_history
from populer.serve import serve

#: Quick enough that one sees a story climb while one watches.
SETTINGS: dict[str, dict[str, Any]] = {
    "service": {"port": 8000},
    "retention": {"bucket": "1m", "keep": "8d"},
    "refresh": {"every": "1s"},
    "lists": {"populer": {"half_life": "15m", "movement": "10m"}},
}

FIRST_LIST_TRIES, FIRST_LIST_PAUSE_S = 50, 0.1


async def show(folder: Path, port: int | None) -> None:
    """Run the demo in `folder` until a signal.

    Raises:
        PopulerError: the service cannot start.
    """
    service = {"data_dir": str(folder), **({} if port is None else {"port": port})}
    flags = {**SETTINGS, "service": {**SETTINGS["service"], **service}}
    loaded = load(Path(os.devnull), {}, flags)
    logs.set_up("text", role="demo")
    started_at = time.time()
    articles = load_articles()

    async def readers(address: str) -> None:
        rng = random.Random(started_at)  # noqa: S311 - readers, not secrets
        keys = site_keys.read(folder)[loaded.settings.sites[0].id]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            await seed_history(client, articles, write_key=keys["write"], started_at=started_at, rng=rng)
            await _ranked(client)
            print(f"ready {address}", flush=True)  # noqa: T201
            print(f"open {address}/ in a browser and watch the list move; Ctrl-C ends it", flush=True)  # noqa: T201
            print(f"open {address}/ops with the key {keys['admin']} to see what moves it", flush=True)  # noqa: T201
            await read_forever(client, articles, rng=rng, stop=asyncio.Event())

    await serve(loaded, demo_started_at=started_at, company=readers)


async def _ranked(client: httpx.AsyncClient) -> None:
    """Return once the history shows in the list, so that the first page a newcomer opens is full."""
    for _ in range(FIRST_LIST_TRIES):
        if (await client.get("/v1/lists/populer")).json().get("items"):
            return
        await asyncio.sleep(FIRST_LIST_PAUSE_S)
