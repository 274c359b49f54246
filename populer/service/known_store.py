"""What is known of the store as it was when it answered last: how many shards it was made with, and its life.

Batches are made for shards, so a process that begins without its store must know them to keep events for it. A store at
the same address with another life has lost what it held (`ServerState.life`), also where it was lost while nobody ran.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from ranking.store.redis.link import place_of

FILE = "store.json"


def known_shards(data_dir: Path) -> int:
    """How many shards the store had when it answered last; 0 where it never has."""
    shards = _read(data_dir).get("shards")
    return shards if isinstance(shards, int) and shards > 0 else 0


def known_life(data_dir: Path, url: str) -> str:
    """The life of the store at `url` when it answered last; empty where it never has."""
    known = _read(data_dir)
    return str(known.get("life", "")) if known.get("place") == place_of(url) else ""


def keep_store(data_dir: Path, url: str, shards: int, life: str) -> None:
    """Keep it for the next start.

    Raises:
        OSError: it cannot be written.
    """
    fresh = {"shards": shards, "place": place_of(url), "life": life}
    if _read(data_dir) == fresh:
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / f"{FILE}.{os.getpid()}"
    file.write_text(json.dumps(fresh) + "\n")
    file.replace(data_dir / FILE)


def _read(data_dir: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((data_dir / FILE).read_text())
        return known if isinstance(known, dict) else {}
    return {}
