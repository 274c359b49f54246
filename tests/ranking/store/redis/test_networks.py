"""What one network may add to an item is bounded, by all workers together, and a carrier's readers count."""

import itertools
import random

import pytest

from ranking.intake.events import Event
from ranking.intake.networks import ALLOWANCE, COLD_SHARE, FACTOR
from ranking.intake.visits import UNBOUND, Identity
from ranking.recording.batches import Admission
from ranking.recording.lanes import BatchStore
from ranking.recording.recorder import Recorder
from ranking.store.counts import Batch, Committed
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "kabar"
KEEP_S = 50 * 365 * 86_400.0
SPAN_S, DAY_S = 1_800, 86_400
NOON = 1_764_590_400  # the beginning of a window, and of the 13th hour of a day
MIDNIGHT = NOON - NOON % DAY_S
ADMISSION = Admission(SPAN_S, 30 * DAY_S, 0, ALLOWANCE)


def names(store: RedisStore, count: int) -> list[str]:
    """Items of one shard: on a cluster every shard learns for itself."""
    every = (f"item-{number}" for number in range(100_000))
    return list(itertools.islice((name for name in every if shard_of(name, store.shards) == 0), count))


class Readers:
    """Sends reads of readers who are all different, each by a worker of its own unless told otherwise."""

    def __init__(self, store: RedisStore, admission: Admission = ADMISSION) -> None:
        self._store = store
        self._admission = admission
        self._number = 0

    async def read(self, network: int, items: list[str], at: float = NOON, kind: str = "view") -> str:
        """Outcome of each read of a request of one network."""
        events = []
        for item in items:
            self._number += 1
            events.append(Event(item, kind, at, Identity(b"r%07d" % self._number)))
        worker = Recorder(
            self._store.counts, writer=f"w{self._number}", bucket_s=300, keep_s=KEEP_S, deadline_s=10,
            max_pending=100_000,
            admission=self._admission,
        )  # fmt: skip
        recorded = await worker.record(SITE, events, received=at, network=hashed(network, at))
        return recorded.outcomes.decode()


def hashed(network: int, at: float) -> Identity:
    """A network under the salt of the day, and of the day before in the first hour."""
    day, second = divmod(int(at), DAY_S)
    name = b"n%03d%04d"
    return Identity(name % (network, day % 10_000), name % (network, (day - 1) % 10_000) if second < 3600 else b"")


@pytest.fixture
def readers(store: RedisStore) -> Readers:
    return Readers(store)


async def test_a_network_adds_its_allowance_to_an_item_however_many_readers_it_invents(readers: Readers) -> None:
    assert await readers.read(1, ["a"] * 200) == "1" * ALLOWANCE + "c" * (200 - ALLOWANCE)
    assert await readers.read(1, ["a", "b"]) == "c1"
    assert await readers.read(1, ["a"], kind="click") == "c"
    assert await readers.read(2, ["a"] * 9) == "1" * ALLOWANCE + "c" * 4


async def test_the_bound_is_one_for_requests_that_come_one_by_one(readers: Readers) -> None:
    outcomes = [await readers.read(1, ["a"], NOON + second) for second in range(20)]
    assert "".join(outcomes) == "1" * ALLOWANCE + "c" * (20 - ALLOWANCE)


async def test_the_bound_holds_where_repeats_count(store: RedisStore) -> None:
    readers = Readers(store, ADMISSION._replace(span_s=0))
    assert await readers.read(1, ["a"] * 9) == "1" * ALLOWANCE + "c" * (9 - ALLOWANCE)
    assert await readers.read(2, ["a"]) == "1"


@pytest.mark.parametrize("first", [0, 600, 1_799])
async def test_no_span_holds_more_than_the_allowance_wherever_it_begins(readers: Readers, first: int) -> None:
    assert await readers.read(1, ["a"] * 5, NOON + first) == "11111"
    for later in (1, 900, SPAN_S - 1):
        assert await readers.read(1, ["a"], NOON + first + later) == "c"
    assert await readers.read(1, ["a"] * 6, NOON + first + SPAN_S) == "11111c"


async def test_reads_that_are_free_of_the_bound_count_among_the_others(readers: Readers, store: RedisStore) -> None:
    worker = Recorder(
        store.counts,
        writer="server",
        bucket_s=300,
        keep_s=KEEP_S,
        deadline_s=10,
        max_pending=10_000,
        admission=ADMISSION,
    )
    first, second = names(store, 2)
    free = [Event(first, "view", NOON, Identity(b"s%07d" % number)) for number in range(300)]
    recorded = await worker.record(SITE, free, received=NOON, network=Identity(UNBOUND))
    assert recorded.accepted == 300
    await readers.read(1, [second] * 5)
    assert (await readers.read(1, [first] * 100)).count("1") > ALLOWANCE


def crowd(rng: random.Random, items: list[str], reads: int, carriers: int, share: float) -> list[tuple[int, str]]:
    """Reads of items by a power law, a `share` of them from the carriers."""
    weights = [1 / (place + 1) for place in range(len(items))]
    found = []
    for item in rng.choices(items, weights, k=reads):
        carrier = rng.random() < share
        found.append((rng.randrange(carriers) if carrier else 100 + rng.randrange(800), item))
    return found


async def test_readers_behind_carriers_count_from_the_first_hour(readers: Readers, store: RedisStore) -> None:
    rng = random.Random(5)
    lost = 0
    for number, (network, item) in enumerate(crowd(rng, names(store, 40), 1_500, 8, 0.6)):
        lost += await readers.read(network, [item], NOON + number) != "1"
    assert lost <= 3


async def test_a_networks_own_reads_do_not_raise_its_bound(readers: Readers) -> None:
    for network in range(100, 130):
        await readers.read(network, ["a", "b"])
    for _ in range(50):
        await readers.read(1, ["a"] * 10)
    counted = 0
    for _ in range(10):
        counted += (await readers.read(1, ["b"] * 50)).count("1")
    assert counted <= ALLOWANCE + FACTOR * COLD_SHARE * 30


async def test_a_carrier_of_many_days_has_its_share_and_who_sprayed_for_a_day_has_none(
    readers: Readers, store: RedisStore
) -> None:
    rng = random.Random(7)
    *items, hot = names(store, 41)
    for day in range(4):
        begin = MIDNIGHT + day * DAY_S
        for at in (begin + 10, begin + 40_000):
            for network, item in crowd(rng, items, 150, 1, 0.2):
                await readers.read(network, [item], at)
            await readers.read(0, items[1:2], at)
        if day == 3:
            for item in items:
                await readers.read(50, [item] * 5, begin + 50_000)
    begin = MIDNIGHT + 4 * DAY_S
    await readers.read(50, items[3:4], begin + 5)  # seen while both salts are in use, as a carrier is
    await readers.read(0, items[3:4], begin + 5)
    at = begin + 36_000
    for network in range(100, 160):
        await readers.read(network, [hot], at)
    assert (await readers.read(50, [hot] * 40, at)).count("1") == ALLOWANCE
    carrier = (await readers.read(0, [hot] * 80, at)).count("1")
    assert 0.1 * FACTOR * 60 < carrier < 0.3 * FACTOR * 60 + ALLOWANCE


async def test_a_repeated_call_says_again_what_it_said(store: RedisStore) -> None:
    batch_store = _Twice(store.counts)
    worker = Recorder(
        batch_store, writer="w", bucket_s=300, keep_s=KEEP_S, deadline_s=10, max_pending=10_000, admission=ADMISSION
    )
    events = [Event("a", "view", NOON, Identity(b"r%07d" % number)) for number in range(8)]
    recorded = await worker.record(SITE, events, received=NOON, network=hashed(1, NOON))
    assert recorded.outcomes == b"11111ccc"
    assert (recorded.accepted, recorded.concentrated) == (5, 3)


class _Twice:
    """Sends every batch twice, and returns the second answer."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self.shards = store.shards

    async def confirm(self) -> None: ...

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        await self._store.record(batch, keep_s)
        return await self._store.record(batch, keep_s)
