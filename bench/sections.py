"""What many sections and tags cost a refresh: the same items and readers in 20, 500 and 5,000 sections, and filtered.

`python bench/sections.py [--json] [--items N] [--readers N] [--sections N,N,…] [--filters N,N,…]`; about two minutes
with the defaults.

A store is given described items, a month of reads of most of them, and then at every step a batch of reads of a few.
The three lists that exist by default are ranked and published with a list for each section, as the jobs process does
it. A step's seconds are those of a refresh from the reading of the batch to the last list published; CPU is that of
this process alone. "idle" are steps without a reader.

Each item has two of 50,000 tags, the first ones of many items. With filters, readers ask for the list "populer" of so
many tags at every step; what is read for the first of them is in no median.
"""

import asyncio
import statistics
import time
from random import Random
from typing import NamedTuple

import servers  # isort: skip - it makes a checkout importable
from redis import Redis
from report import Row, parser_of, show

from ranking.counts.buckets import Bucket, bucket_start
from ranking.intake.items import Item
from ranking.intake.reader_filter import ReaderFilter
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.times import DAY_S, HOUR_S

SITE = "default"
WIDTH_S, KEEP_S, PAST_H = 300, 30.0 * DAY_S, 24 * 28
STEPS = 7
GOAL_S = 5.0 / 3  # a third of the beat
TAGS = 50_000


class Cost(NamedTuple):
    """Medians over the steps, in seconds."""

    read_s: float
    read_cpu_s: float
    idle_s: float


async def measured(url: str, items: int, sections: int, readers: int, filters: int = 0) -> Cost:
    """What refreshes cost with so many sections, while readers ask for so many tags."""
    Redis.from_url(url).flushall()
    random, settings, end = Random(1), Settings(), int(time.time()) // WIDTH_S * WIDTH_S
    store = RedisStore(url)
    await store.open()
    described = [
        Item(
            f"berita/{n}", f"Judul berita nomor {n}", f"/berita/{n}", f"Bagian {n % sections}",
            end - random.random() * 28 * DAY_S, first_seen=float(end),
            tags=(f"topik {min(random.randrange(TAGS) for _ in range(9))}", f"topik {random.randrange(TAGS)}"),
        )
        for n in range(items)
    ]  # fmt: skip
    await store.items.put_items(SITE, described)
    numbers = iter(range(1, 10**6))

    async def read(at: float, some: list[int]) -> None:
        counts = {f"view|berita/{n}": 1 + n % 7 for n in some}
        batch = Batch(SITE, 0, "bench", next(numbers), {Bucket(WIDTH_S, bucket_start(at, WIDTH_S)): counts})
        await store.counts.record(batch, KEEP_S)

    for hour in range(PAST_H, 0, -2):
        await read(end - hour * HOUR_S, random.sample(range(items), min(items, 1_000)))
    refresher, at, found = Refresher(RankedSite(store, settings, SITE)), float(end), list[tuple[float, float, float]]()
    await refresher.refresh(at)
    for step in range(2 * STEPS + 1):
        some = random.sample(range(items), min(items, readers)) if step <= STEPS else []
        if some:
            await read(at, some)
        at += settings.refresh.every_s
        for tag in range(filters):
            await store.lists.note_filter(SITE, "populer" + ReaderFilter(tag=f"topik {tag}").key, at)
        started, cpu_s = time.perf_counter(), time.process_time()
        await refresher.refresh(at)
        found.append((len(some), time.perf_counter() - started, time.process_time() - cpu_s))
    await store.close()
    busy, idle = [each for each in found[1:] if each[0]], [each for each in found[1:] if not each[0]]
    return Cost(
        statistics.median(each[1] for each in busy),
        statistics.median(each[2] for each in busy),
        statistics.median(each[1] for each in idle),
    )


def main() -> None:
    """Run everything and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--readers", type=int, default=200, help="items that are read at a step")
    parser.add_argument("--sections", default="20,500,5000", help="how many, several by commas")
    parser.add_argument("--filters", default="0,10,100", help="how many tags readers ask for, several by commas")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    started, found = time.monotonic(), list[Row]()
    sizes, several = ([int(each) for each in text.split(",")] for text in (given.sections, given.filters))

    def measure(what: str, cost: Cost, first: Cost, other: str, counts: dict[str, int], *, idle: bool) -> None:
        values = [("", cost.read_s, first.read_s), (", CPU", cost.read_cpu_s, first.read_cpu_s)]
        values += [(", nobody reads", cost.idle_s, first.idle_s)] if idle else []
        more = {"items": given.items, **counts}
        for name, value, base in values:
            goal = f"< {GOAL_S:.2g} s", value < GOAL_S
            found.append(Row(f"a refresh of 3 lists {what}{name}", value, "s", other, base, value / base, *goal, more))

    with servers.valkey() as url:
        costs = {each: asyncio.run(measured(url, given.items, each, given.readers)) for each in sizes}
        for sections, cost in costs.items():
            what, other = f"with {sections:,} sections", f"with {sizes[0]:,} sections"
            measure(what, cost, costs[sizes[0]], other, {"sections": sections}, idle=True)
        costs = {each: asyncio.run(measured(url, given.items, sizes[0], given.readers, each)) for each in several}
        for filters, cost in costs.items():
            what, other = f"and {filters} tags of {TAGS:,}", f"with {several[0]} tags"
            measure(what, cost, costs[several[0]], other, {"filters": filters}, idle=False)
    notes = f"medians of {STEPS} steps, {time.monotonic() - started:.0f} s in all"
    show(found, "Sections", notes, as_json=given.json)


if __name__ == "__main__":
    main()
