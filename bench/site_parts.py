"""A site that several jobs processes share, against one that holds all: memory, refreshes, and the same lists.

`python bench/site_parts.py [--json] [--cells N] [--processes N]`; some 25 minutes with the defaults, 12 GiB of memory.

A store of 16 shards is filled with about so many counts of a made-up month (readership.py: a tenth as many described
items, 20 sections), as it lies once buckets are sealed. Real jobs processes rank its lists, first four together, then
one alone; events are recorded between refreshes. Memory is the highest of each whole process, by /proc, what it takes
to read everything included. A refresh is timed from outside: how far behind its moment the last list was published, at
its median; so it has the rounds through the store, and whatever else the machine does.

At the end a process ranks the last moment of the four by itself: its lists must have the same bytes.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import servers  # isort: skip - it makes a checkout importable
import filling
import readership
from filling import SITE
from report import Row, parser_of, show

from api.monitoring.config_state import ConfigState
from populer.service.child_messages import Orders
from ranking.counts.buckets import Bucket
from ranking.published.snapshot import Snapshot
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.lists import RedisLists
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

CELLS, PROCESSES, SHARDS, STEPS, EVENTS = 40_000_000, 4, 16, 7, 1_000
EVERY_S, WITHIN_S = 5.0, 900.0
MIB = 1024**2
MEMORY_GOAL = 1 / 3


def raw_settings(processes: int) -> dict[str, Any]:
    """The settings of a site that so many processes share."""
    return {
        "retention": {"keep": f"{filling.KEEP_S:.0f}s", "roll_up": {"hour": "none", "day": "none"}},
        "refresh": {"every": f"{EVERY_S}s"},
        "sites": [{"id": SITE, "jobs_processes": processes, "discover": False}],
        "lists": {
            "populer": {"half_life": "2h"},
            "day": {"half_life": "6h", "max_per_section": 3},
            "week": {"half_life": "1d", "max_age": "7d"},
        },
    }


@contextlib.contextmanager
def jobs(url: str, processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many jobs processes, as `populer serve` starts them."""
    with TemporaryDirectory(prefix="populer-bench-") as folder, contextlib.ExitStack() as stack:
        started = []
        for number in range(processes):
            log = stack.enter_context((Path(folder) / f"{number}").open("wb"))
            child = subprocess.Popen(
                [sys.executable, "-m", servers.CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=servers.ROOT,
            )  # fmt: skip
            stack.callback(child.wait)
            stack.callback(child.kill)
            assert child.stdin is not None
            child.stdin.write(Orders("jobs", raw_settings(processes), ConfigState(0.0), url, shards=SHARDS).line())
            child.stdin.flush()
            started.append(child)
        yield started


async def measured(store: RedisStore, url: str, processes: int, end_s: int) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds and bytes of the site's processes, and its last lists: their moment, and a digest of each part."""
    with jobs(url, processes) as children:
        began = time.time()
        slot, behind = await _published_after(store, began)
        first_s, behind_s = time.time() - began, [behind]
        for step in range(1, STEPS + 1):
            await _read_on(store, step, end_s)
            slot, behind = await _published_after(store, slot)
            behind_s.append(behind)
        peaks = [_peak_bytes(child.pid) for child in children]
    lists = await _lists(store)
    found = {"first_s": first_s, "refresh_s": statistics.median(behind_s[1:]), "peak": max(peaks), "sum": sum(peaks)}
    return found, {"slot": repr(slot), **lists}


async def _lists(store: RedisStore) -> dict[str, str]:
    read = {name: await store.lists.published(SITE, name, {}) for name in raw_settings(1)["lists"]}
    return {
        f"{name} {section}": digest
        for name, each in read.items()
        if each is not None
        for section, digest in each.stamp.digests.items()
    }


async def _published_after(store: RedisStore, moment: float) -> tuple[float, float]:
    """The moment of all lists, once that is after `moment` (epoch seconds), and how far behind it that was seen."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        read = [await store.lists.published(SITE, name, {}) for name in raw_settings(1)["lists"]]
        moments = {each.stamp.generated_at for each in read if each is not None}
        if len(moments) == 1 and None not in read and (slot := moments.pop()) > moment:
            return slot, time.time() - slot
        await asyncio.sleep(0.02)
    raise SystemExit(f"no list was published within {WITHIN_S:.0f} s")


async def _read_on(store: RedisStore, step: int, end_s: int) -> None:
    """Record a batch of events in the last bucket."""
    bucket = Bucket(readership.WIDTH_S, end_s - readership.WIDTH_S)
    counts: dict[int, dict[str, int]] = {}
    for item in range(step, step + EVENTS):
        name = readership.name(item)
        counts.setdefault(shard_of(name, store.shards), {})[f"view|{name}"] = 1
    for shard, cells in counts.items():
        await store.counts.record(Batch(SITE, shard, f"steps {time.time()}", step, {bucket: cells}), filling.KEEP_S)


class _KeptLists(RedisLists):
    """Keeps the digests of what is to be published to itself."""

    digests: dict[str, str]

    async def publish(self, site: str, snapshot: Snapshot, *_: Any) -> int | None:
        self.digests |= {f"{snapshot.stamp.list} {name}": value for name, value in snapshot.stamp.digests.items()}
        return 1


class _Kept(RedisStore):
    """A store with such lists."""

    @property
    def lists(self) -> _KeptLists:
        return self._kept

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._kept = _KeptLists(self._link)
        self._kept.digests = {}


async def ranked_alone(url: str, slot: float) -> dict[str, str]:
    """The digests of the lists as one process ranks them for a moment (epoch seconds)."""
    store = _Kept(url)
    await store.open()
    await Refresher(RankedSite(store, Settings.model_validate(raw_settings(1)), SITE)).refresh(slot)
    await store.close()
    return {each: digest for each, digest in store.lists.digests.items() if each.split()[0] in raw_settings(1)["lists"]}


async def rows(url: str, cells: int, processes: int) -> list[Row]:
    """All measurements."""
    end_s = int(time.time()) // readership.WIDTH_S * readership.WIDTH_S
    store = RedisStore(url, shards=SHARDS)
    await store.open()
    filled = await filling.fill(store, cells, end_s)
    parted, lists = await measured(store, url, processes, end_s)
    command = [sys.executable, __file__, "--alone", url, "--at", lists.pop("slot")]
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
    same = json.loads(done.stdout) == lists
    alone, _ = await measured(store, url, 1, end_s)
    await store.close()
    size, more = f"{filled.cells:.1e} counts", {"counts": filled.cells, "processes": processes, "same_lists": same}
    memory = parted["peak"] / alone["peak"]
    return [
        Row(
            f"memory of the largest of {processes}, {size}", parted["peak"] / MIB, "MiB", "one process",
            alone["peak"] / MIB, memory, f"< {MEMORY_GOAL:.2f} x", memory < MEMORY_GOAL and same,
            {**more, "together_mib": round(parted["sum"] / MIB)},
        ),
        Row(
            f"refresh by {processes}, {size}", parted["refresh_s"], "s", "one process", alone["refresh_s"],
            parted["refresh_s"] / alone["refresh_s"], "", None, more,
        ),
        Row(
            f"start to first lists by {processes}, {size}", parted["first_s"], "s", "one process", alone["first_s"],
            parted["first_s"] / alone["first_s"], "", None, more,
        ),
    ]  # fmt: skip


def _peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """Run everything and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=CELLS, help="about how many counts")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="how many processes share the site")
    parser.add_argument("--alone", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--at", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(asyncio.run(ranked_alone(given.alone, given.at))))
        return
    servers.stop_on_sigterm()
    started = time.monotonic()
    with servers.valkey() as url:
        found = asyncio.run(rows(url, given.cells, given.processes))
    notes = f"medians of {STEPS} refreshes, {time.monotonic() - started:.0f} s in all"
    show(found, "A site in parts", notes, as_json=given.json)


if __name__ == "__main__":
    main()
