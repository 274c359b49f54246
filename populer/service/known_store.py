"""What is known of the store while it is away: how many shards it was made with, as it was when it answered last.

Batches are made for shards, so a process that begins without its store must know them to keep events for it.
"""

import contextlib
import json
import os
from pathlib import Path

FILE = "store.json"


def known_shards(data_dir: Path) -> int:
    """How many shards the store had when it answered last; 0 where it never has."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        shards = json.loads((data_dir / FILE).read_text())["shards"]
        return shards if isinstance(shards, int) and shards > 0 else 0
    return 0


def keep_shards(data_dir: Path, shards: int) -> None:
    """Keep it for a start without the store.

    Raises:
        OSError: it cannot be written.
    """
    if known_shards(data_dir) == shards:
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = data_dir / f"{FILE}.{os.getpid()}"
    fresh.write_text(json.dumps({"shards": shards}) + "\n")
    fresh.replace(data_dir / FILE)
