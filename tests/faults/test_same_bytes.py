"""The same counts, settings and moment give the same list, byte for byte: on every server, in every state of storage.

Counts are recorded in another order, in other batches and from other writers on every server, sealed at other times or
not at all, and followed or read at once; 16 shards on the cluster and one elsewhere.
"""

import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random

import pytest
import servers
from ports import free_ports

from ranking.counts.buckets import Bucket
from ranking.counts.fields import is_shadow
from ranking.counts.sealed import volume_of
from ranking.intake.items import Item
from ranking.published.snapshot import decode_entries, encode_stamp
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "koran"
NOW = 1_764_532_100.0  # a slot
DAY_S = 86_400
DEFAULT = {"hour": "8d", "day": "30d"}
NEVER = {"hour": "none", "day": "none"}


def settings_with(roll_up: dict[str, str]) -> Settings:
    return Settings.model_validate(
        {
            "retention": {"keep": servers.FOR_EVER, "roll_up": roll_up},
            "lists": {
                "populer": {"half_life": "97m", "weights": {"view": 1.1, "click": 2.7, "share": 0.3}},
                "pekan": {"half_life": "37h", "max_age": "9d", "depth": 1000},
                "semua": {"half_life": "none"},
            },
            "ingest": {"kinds": ["view", "click", "share"]},
        }
    )


CHANNELS = ["view", "view", "view", "click", "click@list:populer#3", "share", "!robot"]

Event = tuple[str, Bucket, int]  # field, bucket, events


def history() -> list[Event]:
    """What was recorded: 400 items over ten days, most in the last, none of it young enough to be still changing."""
    random = Random(11)
    found = []
    for _ in range(6000):
        age_s = min(int(random.expovariate(1 / (DAY_S / 2))) + 1, 10 * DAY_S)
        item = f"berita/{min(int(random.paretovariate(0.7)), 400)} ☕"
        start = int(NOW - age_s) // 300 * 300
        found.append((f"{random.choice(CHANNELS)}|{item}", Bucket(300, start), random.randint(1, 3)))
    return found


def items() -> list[Item]:
    return [
        Item(
            id=f"berita/{number} ☕",
            title=f"Berita {number}",
            section=["Politik", "Olahraga", "Kuliner", None][number % 4],
            published_at=NOW - 3600 * number,
            first_seen=NOW - 3600 * number,
        )
        for number in range(1, 300)
    ]


@contextlib.contextmanager
def another_make() -> Iterator[str]:
    """A Redis of another make than the bundled server where there is one on the PATH, or else that; its address."""
    binary = shutil.which("redis-server")
    if binary is None:
        with servers.Valkey() as server:
            yield server.url
        return
    (port,) = free_ports(1)
    command = [binary, "--port", str(port), "--bind", servers.HOST, "--save", "", "--dir", "/tmp"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://{servers.HOST}:{port}"
        finally:
            process.kill()


@contextlib.asynccontextmanager
async def store_at(url: str) -> AsyncIterator[RedisStore]:
    """A store at `url`, once a server answers there."""

    async def answers() -> bool:
        with contextlib.suppress(Exception):
            async with servers.opened(url) as store:
                await store.server.ping()
                return True
        return False

    await servers.eventually(answers, f"a server at {url}")
    async with servers.opened(url) as store:
        yield store


async def lists_of(
    store: RedisStore, settings: Settings, seed: int, *, seal_at: Sequence[float | None], follow: bool
) -> dict[str, bytes]:
    """Record the history in an order of its own, in as many parts as there are moments in `seal_at`, seal at each of
    them after its part (None: not at all), and publish: list and section -> bytes.
    """
    random, events, parts = Random(seed), history(), len(seal_at)
    random.shuffle(events)
    refresher, sealer = Refresher(RankedSite(store, settings, SITE)), Sealer(store, settings.retention, SITE)
    await store.items.put_items(SITE, random.sample(items(), 299))
    for part, moment in enumerate(seal_at):
        batches: dict[int, dict[Bucket, dict[str, int]]] = {}
        for name, bucket, n in events[part::parts]:
            shard = shard_of(name.partition("|")[2], store.shards)
            cells = batches.setdefault(shard, {}).setdefault(bucket, {})
            cells[name] = cells.get(name, 0) + n
        for shard, counts in batches.items():
            named = {
                name.partition("|")[2]: volume_of(bucket)
                for bucket in sorted(counts)
                for name in counts[bucket]
                if not is_shadow(name)
            }
            batch = Batch(SITE, shard, f"writer {seed}", part + 1, counts, named=named)
            await store.counts.record(batch, settings.retention.keep_s)
        if follow:
            await refresher.refresh(NOW - 5 * (parts - part))
        if moment is not None:
            await sealer.seal(moment)
    await refresher.refresh(NOW)
    found = {}
    for name in settings.lists:
        published = await store.lists.published(SITE, name, {})
        assert published is not None
        found[name] = encode_stamp(published.stamp)
        found.update({f"{name}/{section}": body for section, body in published.bodies.items()})
    return found


@pytest.mark.parametrize(
    ("roll_up", "states"),
    [
        # Whatever is sealed, and whatever came late for it.
        (NEVER, [([None], False), ([NOW - DAY_S, NOW, None], True), ([NOW, NOW, NOW + 1800], True), ([NOW], False)]),
        # Rolled up as far as it goes, at once or as it came.
        (DEFAULT, [([NOW], False), ([NOW - 5 * DAY_S, NOW, NOW], True), ([None, NOW], True), ([NOW] * 4, False)]),
    ],
)
async def test_every_server_and_every_state_of_storage_give_the_same_bytes(
    roll_up: dict[str, str], states: list[tuple[list[float | None], bool]], _cluster: servers.Topology
) -> None:
    _cluster.empty()
    settings, found = settings_with(roll_up), []
    with contextlib.ExitStack() as stack:
        one, two = stack.enter_context(servers.Valkey()), stack.enter_context(servers.Valkey())
        urls = [one.url, two.unix_url, _cluster.url, stack.enter_context(another_make())]
        for seed, (url, (seal_at, follow)) in enumerate(zip(urls, states, strict=True)):
            async with store_at(url) as store:
                found.append(await lists_of(store, settings, seed, seal_at=seal_at, follow=follow))
    assert len(decode_entries(found[0]["pekan/"])) > 100
    assert "populer/Politik" in found[0]
    assert found[1:] == found[:-1]
