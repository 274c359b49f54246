"""Four jobs processes share one site on a cluster: its lists are those of one process, or stay as they are."""

import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import servers
from test_takeovers import Jobs

from ranking.counts.buckets import Bucket
from ranking.intake.items import Item
from ranking.intake.reader_filter import ReaderFilter
from ranking.published.snapshot import Entry, Published, Snapshot, decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.lists import RedisLists
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

POLITICS = ReaderFilter(section="politik").key
SITE, PROCESSES, EVERY_S = "default", 4, 0.5
WITHIN_S = 60.0
LISTS: dict[str, dict[str, Any]] = {
    "populer": {"half_life": "97m", "weights": {"view": 1.1, "click": 2.7}, "max_per_section": 3, "size": 7},
    "trending": {"baseline": "3d"},
    "window": {"decay": "window", "window": "1d", "depth": 30, "fill": "latest"},
    "tenure": {"half_life": "3h", "max_tenure": "6h"},
}


def raw(processes: int = PROCESSES) -> dict[str, Any]:
    return {
        "refresh": {"every": f"{EVERY_S}s", "lease": "1s"},
        "sites": [{"id": SITE, "jobs_processes": processes, "discover": False}],
        "lists": LISTS,
    }


async def describe(store: RedisStore, now: float, title: str) -> None:
    """Describe all items, in all shards."""
    sections = ["Politik", "Olahraga", "Kuliner", None]
    await store.items.put_items(
        SITE,
        [
            Item(
                id=f"berita/{number}",
                title=f"{title} {number}",
                section=sections[number % 4],
                group=f"kelompok {number // 3}" if number % 5 == 0 else None,
                published_at=now - 600 * number,
                first_seen=now - 600 * number,
            )
            for number in range(400)
        ],
    )


async def fill(store: RedisStore, now: float) -> None:
    """Items and counts of three days, most of the last hours, in all shards."""
    await describe(store, now, "Berita")
    random, counts = Random(5), dict[int, dict[Bucket, dict[str, int]]]()
    for _ in range(6000):
        item = f"berita/{min(int(random.paretovariate(0.7)), 399)}"
        start = int(now - min(random.expovariate(1 / 20_000), 250_000)) // 300 * 300
        cells = counts.setdefault(shard_of(item, store.shards), {}).setdefault(Bucket(300, start), {})
        name = f"{random.choice(['view', 'view', 'click'])}|{item}"
        cells[name] = cells.get(name, 0) + random.randint(1, 3)
    for shard, of_shard in counts.items():
        await store.counts.record(Batch(SITE, shard, "one", 1, of_shard), 30 * 86_400)


class _KeepingLists(RedisLists):
    """Keeps what is to be published to itself."""

    def __init__(self, lists: RedisLists) -> None:
        super().__init__(lists._link)
        self.snapshots: dict[str, Snapshot] = {}

    async def publish(self, site: str, snapshot: Snapshot, *_: Any) -> int | None:
        self.snapshots[snapshot.stamp.list] = snapshot
        return 1


class _Keeping(RedisStore):
    """A store with such lists."""

    @property
    def lists(self) -> _KeepingLists:
        return self._keeping

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._keeping = _KeepingLists(super().lists)


async def of_one_process(url: str, slot: float) -> Mapping[str, Snapshot]:
    """The lists as one process ranks them for a moment."""
    store = _Keeping(url)
    await store.open()
    try:
        await Refresher(RankedSite(store, Settings.model_validate(raw(1)), SITE)).refresh(slot)
        return store.lists.snapshots
    finally:
        await store.close()


def untitled(of_list: Published | Snapshot) -> dict[str, list[Entry]]:
    """The entries of a list but for their titles, which were others at the time."""
    return {
        section: [msgspec.structs.replace(entry, title="") for entry in decode_entries(body)]
        for section, body in of_list.bodies.items()
    }


async def published(store: RedisStore) -> dict[str, Published]:
    """The lists of one moment; none where they are being published."""
    found = {name: each for name in LISTS if (each := await store.lists.published(SITE, name, {})) is not None}
    return found if len({each.stamp.generated_at for each in found.values()}) == 1 else {}


async def published_after(store: RedisStore, moment: float) -> dict[str, Published]:
    """All lists, of one moment after `moment` (epoch seconds)."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = await published(store)
        if len(found) == len(LISTS) and found["populer"].stamp.generated_at > moment:
            return found
    raise AssertionError(f"no list was ranked after {moment:.0f}")


@pytest.fixture
def jobs(_cluster: servers.Topology, tmp_path: Path) -> Iterator[list[Jobs]]:
    _cluster.empty()
    processes: list[Jobs] = []
    try:
        yield processes
    finally:
        for each in processes:
            each.end()


def start(topology: servers.Topology, log: Path, many: int) -> list[Jobs]:
    return [Jobs(topology.url, log, raw=raw()) for _ in range(many)]


@pytest.mark.timeout(300)
async def test_lists_of_four_processes_are_those_of_one(
    _cluster: servers.Topology, jobs: list[Jobs], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with servers.opened(_cluster.url) as store:
        now = time.time()
        await fill(store, now)
        await store.lists.note_filter(SITE, "populer" + POLITICS, now)
        jobs += start(_cluster, log, PROCESSES)
        found = await published_after(store, now)
        await describe(store, now, "Berita baru")
        jobs[0].send(signal.SIGKILL)  # its shards go to the others
        lost_at = time.time()
        later = await published_after(store, lost_at + 2 * EVERY_S)
        while jobs:
            jobs.pop().end()
        for lists in (found, later):
            alone = await of_one_process(_cluster.url, lists["populer"].stamp.generated_at)
            assert {name: untitled(each) for name, each in lists.items()} == {
                name: untitled(alone[name]) for name in LISTS
            }
            assert all(each.stamp.quiet == alone[name].stamp.quiet for name, each in lists.items())
        assert {name: each.bodies for name, each in later.items()} == {name: alone[name].bodies for name in LISTS}
        assert found["populer"].bodies.keys() == {"", "Politik", "Olahraga", "Kuliner", POLITICS}
    assert "stay as they are" in log.read_text()
