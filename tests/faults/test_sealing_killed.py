"""A jobs process killed between any two steps of sealing leaves every count in the store, once."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import servers

from ranking.counts.buckets import Bucket
from ranking.refreshing.sealer import Sealed, Sealer
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import RetentionSettings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore

ROOT = Path(__file__).resolve().parents[2]
SITE = "koran"
KEEP_S = 50 * 365 * 86400
START = 1_764_565_200  # a full hour
DAY_S = 86_400
RETENTION = RetentionSettings.model_validate({"keep": f"{KEEP_S}s", "roll_up": {"hour": "8d", "day": "30d"}})

#: Seals as the job does, and kills itself right before its call number N of the store, counted from 0.
CHILD = """
import asyncio, os, signal, sys
from ranking.refreshing.sealer import Sealer
from ranking.settings.service import RetentionSettings
from ranking.store.redis.store import RedisStore

url, now, keep_s, last = sys.argv[1], float(sys.argv[2]), sys.argv[3], int(sys.argv[4])

class Mortal:
    calls = 0
    def __init__(self, store):
        self.store = store
        self.shards = store.shards
    def __getattr__(self, name):
        if name in ("counts", "items", "edits", "server"):
            self.part = getattr(self.store, name)
            return self
        if self.calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.calls += 1
        return getattr(self.part, name)

async def main():
    store = RedisStore(url)
    await store.open()
    rolled = {"hour": "8d", "day": "30d"}
    retention = RetentionSettings.model_validate({"keep": keep_s + "s", "roll_up": rolled})
    await Sealer(Mortal(store), retention, "koran").seal(now)
    await store.close()

asyncio.run(main())
"""


class Ledger:
    """Records, and keeps what it has recorded: (item, hour) -> events, as finely as anything is kept in the end."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._number = 0
        self.counts: Counter[tuple[str, int]] = Counter()

    async def record(self, *events: tuple[int, str, int]) -> None:
        """Count events in buckets given by their number from the start."""
        counts: dict[Bucket, dict[str, int]] = {}
        for number, item, n in events:
            bucket = Bucket(300, START + 300 * number)
            counts.setdefault(bucket, {})[f"view|{item}"] = n
            self.counts[item, bucket.start_s // 3600] += n
        self._number += 1
        await self._store.counts.record(Batch(SITE, 0, "one", self._number, counts), KEEP_S)


def counted(view: SiteView) -> dict[tuple[str, int], int]:
    columns, found = view.history.columns(), Counter[tuple[str, int]]()
    for cell, bucket, count in zip(columns.cell, columns.bucket, columns.counts.tolist(), strict=True):
        item = view.history.items[columns.cell_item[cell]]
        found[item, int(columns.start_s[bucket]) // 3600] += int(count)
    return dict(found)


def sealed_until_killed(url: str, now: float, calls: int) -> int:
    """Seal in a process of its own that dies before so many calls; its exit code."""
    command = [sys.executable, "-c", CHILD, url, str(now), str(KEEP_S), str(calls)]
    return subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode


@pytest.mark.parametrize("days", [1, 10])
async def test_a_kill_between_any_two_steps_of_sealing_loses_and_doubles_nothing(
    server: servers.Valkey, days: int
) -> None:
    now = START + 3600 + days * DAY_S
    async with servers.opened(server.unix_url) as store:
        ledger, follower = Ledger(store), SiteView(SITE)
        await ledger.record((0, "a", 3), (0, "b", 1), (1, "a", 2), (14, "c", 9))
        await Sealer(store, RETENTION, SITE).seal(START + DAY_S)
        kills = 0
        while True:
            # Something late for what is sealed already, and something new with a name of its own.
            await ledger.record((0, "a", 1), (2 + kills % 9, f"new {kills}", 1), (15, "c", 1))
            code = sealed_until_killed(server.unix_url, now, kills)
            await follower.update(store, 0)
            started = SiteView(SITE)
            await started.update(store, 0)
            assert counted(follower) == counted(started) == ledger.counts
            if code == 0:
                break
            assert code == -signal.SIGKILL
            kills += 1
        assert kills >= 8
        assert await Sealer(store, RETENTION, SITE).seal(now) == Sealed(0, 0)
        assert counted(follower) == ledger.counts
