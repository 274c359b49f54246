"""What stands in a log under offsets is counted once each, whoever reads it, dies, or thinks that it still reads it."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from servers import Valkey, counts_by_bucket, opened

from ranking.errors import OtherWriterError, StoreUnavailableError
from ranking.intake.events import Event
from ranking.intake.visits import Identity
from ranking.recording.batches import Admission, SeenVisits, Terms
from ranking.recording.partitions import LogRow, Partition
from ranking.store.counts import Batch, Committed
from ranking.store.protocol import Store

NOW = float(int(time.time()))  # the store forgets what is older than the retention by its own clock
SITE, WRITER = "koran", "kafka events 0"
TERMS = Terms(bucket_s=300, keep_s=86_400.0, deadline_s=1.0, max_pending=1_000)
ROWS = [LogRow(offset, [Event(f"berita-{offset % 7}", "view", NOW)] * (offset % 3)) for offset in range(300)]
WHOLE = Counter({f"view|berita-{n}": sum(len(r.events) for r in ROWS if r.offset % 7 == n) for n in range(7)})


class CrashError(Exception):
    """The reader is gone."""


class Shaky:
    """Counts of a store whose replies, and readers, may be lost; everything else is the store's."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._counts = store.counts
        self._chance = chance
        self.crashes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counts, name)

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        fate = self._chance.random()
        if fate < 0.1:
            raise StoreUnavailableError("nobody answers")
        if self.crashes and fate < 0.2:
            raise CrashError
        committed = await self._counts.record(batch, keep_s, wait=wait)
        if fate > 0.9:
            raise StoreUnavailableError("the reply is lost")
        if self.crashes and fate > 0.8:
            raise CrashError
        return committed


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    with Valkey() as valkey:
        async with opened(valkey.url, shards=4) as found:
            yield found


def partition(counts: Any, terms: Terms = TERMS) -> Partition:
    return Partition(counts, SITE, WRITER, terms, SeenVisits())


async def counted(store: Store) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, name), count in (await counts_by_bucket(store, SITE)).items():
        found[name] += count
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranking.recording.partitions.FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr("ranking.recording.partitions.LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr("ranking.recording.batches.MAX_CELLS", 5)


@pytest.mark.parametrize("seed", range(12))
async def test_every_event_counts_once_whatever_becomes_of_replies_and_readers(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    counts = Shaky(store, chance)
    read, numbers = 0, [0] * 4  # as the log has noted them
    stale: list[tuple[Partition, int]] = []
    while read < len(ROWS):
        reader = partition(counts)
        place = await reader.begin(read, numbers)
        counts.crashes = True
        try:
            while place < len(ROWS) and chance.random() < 0.8:
                many = chance.randrange(1, 40)
                await reader.record(ROWS[place : place + many], int(NOW))
                place = min(len(ROWS), place + many)
                if chance.random() < 0.7:
                    read, numbers = place, list(reader.numbers)
        except CrashError:
            pass
        counts.crashes = False
        stale.append((reader, place))
        late, at = chance.choice(stale)  # it was only slow
        with contextlib.suppress(OtherWriterError):
            await late.record(ROWS[at : at + 30], int(NOW))
    reader = partition(counts)
    await reader.begin(0)
    assert await reader.record(ROWS, int(NOW)) == (0, 0)
    assert await counted(store) == +WHOLE


async def test_reader_that_has_lost_the_partition_is_refused(store: Store) -> None:
    old, new = partition(store.counts), partition(store.counts)
    await old.begin(0)
    await old.record(ROWS[:100], int(NOW))
    await new.begin(50)
    await new.record(ROWS[50:200], int(NOW))

    with pytest.raises(OtherWriterError):
        await old.record(ROWS[100:], int(NOW))

    await old.begin(100)
    await old.record(ROWS[100:], int(NOW))
    assert await counted(store) == +WHOLE


async def test_what_a_store_has_lost_is_read_again(store: Store) -> None:
    reader = partition(store.counts)
    await reader.begin(0)
    await reader.record(ROWS[:100], int(NOW))
    numbers = list(reader.numbers)
    await reader.record(ROWS[100:], int(NOW))
    later = list(reader.numbers)

    # It goes back: as if what follows the first hundred had never been counted.
    with Valkey() as older:
        async with opened(older.url, shards=4) as back:
            first = partition(back.counts)
            await first.begin(0)
            await first.record(ROWS[:100], int(NOW))
            again = partition(back.counts)
            place = await again.begin(len(ROWS), later)
            assert place == min(numbers)
            await again.record(ROWS[place:], int(NOW))
            assert await counted(back) == +WHOLE


async def test_repeats_of_a_visitor_do_not_count(store: Store) -> None:
    terms = TERMS._replace(admission=Admission(span_s=1_800))
    events = [Event("a", "view", NOW + n, Identity(b"reader-1")) for n in range(5)]
    reader = partition(store.counts, terms)
    await reader.begin(0)
    assert await reader.record([LogRow(n, [event]) for n, event in enumerate(events)], int(NOW)) == (1, 4)


async def test_a_store_that_is_away_is_waited_for(store: Store) -> None:
    class Away(Shaky):
        tries = 0

        def _try(self) -> None:
            self.tries += 1
            if self.tries % 20:
                raise StoreUnavailableError("nobody answers")

        async def last_number(self, site: str, shard: int, writer: str) -> int | None:
            self._try()
            return await self._counts.last_number(site, shard, writer)

        async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
            self._try()
            return await self._counts.record(batch, keep_s, wait=wait)

    reader = partition(Away(store, random.Random(0)))
    await reader.begin(0)
    rows: Sequence[LogRow] = [LogRow(0, [Event("a", "view", NOW)])]
    assert await reader.record(rows, int(NOW)) == (1, 0)
