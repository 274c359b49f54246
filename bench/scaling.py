"""Where it breaks first: a skewed week of one site at 1, 10 and 100 billion events a day, by what a count costs here.

`python bench/scaling.py [--json] [--shards N] [--quick]`; about two minutes.

The costs are measured first, in this run: what the store takes to add up a count and keeps of it, what a process that
ranks keeps of it, the same of an item, and what it takes to read the open bucket again once it has changed. Then a week
is simulated, hour by hour, and nothing of it is sent anywhere:
  items     their share of all reads follows a Pareto law, halves each 12 hours, and is a tenth at most; every hour
            brings new ones
  hours     four times as many reads at the day's height as at night; in one hour an item takes a fifth of all
  channels  an event is one of four kinds and sources, unevenly
How many counts an hour makes follows from the law: an item with m expected reads in a bucket has a count there with
probability 1 - exp(-m). Items are spread over shards by the service's own hash. What is printed is the hour that is the
worst for the figure: at the height for rates, at the week's end for what is kept (and 30 days of such weeks).

What is not in it: networks between hosts, replicas (twice the store), visitors' repeats (their pairs are kept for the
window: some 52 bytes each), and Kafka itself.
"""

import asyncio
import json
import resource
import sys
import time
from typing import Any, Final, NamedTuple

import servers  # isort: skip - it makes a checkout importable
import filling
import numpy as np
import readership
from redis.asyncio import Redis
from report import machine, parser_of

from ranking.counts.buckets import Bucket
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of
from ranking.times import HOUR_S

EVENTS_A_DAY: Final = (1e9, 1e10, 1e11)
#: New items a day: a large group, many groups, a platform.
ITEMS_A_DAY: Final = {1e9: 20_000, 1e10: 100_000, 1e11: 500_000}
WIDTH_S: Final = 300
HOURS: Final = 7 * 24
KEPT_DAYS: Final = 30
#: Items older than this have less than a hundredth of what they had.
ALIVE_HOURS: Final = 96
HALF_LIFE_HOURS: Final = 12.0
TAIL: Final = 1.3
CHANNELS: Final = np.array([0.6, 0.25, 0.1, 0.05])
#: No item has more of an hour's reads, but one of the breaking hour.
MOST_SHARE: Final = 0.1
BREAKING_HOUR, BREAKING_SHARE = HOURS - 4, 0.2
BATCH_CELLS: Final = 1_500
#: Of a count in the store that is sealed, as storage.py finds it; and buckets that are not.
SEALED_BYTES, OPEN_BUCKETS = 4.5, 12
CPU_OF: Final = {"http": 1 / 120_000, "kafka": 1 / 86_000}
"""Seconds of a core per event, in batches of 500 and with repeats left out: goals of ingest.py, results of consume."""


class Costs(NamedTuple):
    """What one count costs, and one item, measured: seconds of the store and of what ranks, bytes of both."""

    store_s: float
    read_s: float
    refresh_s: float
    open_bytes: float
    item_bytes: float
    process_bytes: float
    process_item_bytes: float


async def measured(cells: int, distinct: tuple[int, int]) -> Costs:
    """The costs here: of `cells` counts of a month, and of open buckets of so many distinct ones."""
    with servers.valkey() as url:
        store, server = RedisStore(url), Redis.from_url(url)
        await store.open()
        try:
            end_s = int(time.time()) // WIDTH_S * WIDTH_S - 2 * HOUR_S
            empty = await _memory(server)
            filled = await filling.fill(store, cells, end_s)
            stored = await _memory(server) - empty
            settings = Settings.model_validate({"retention": {"keep": "365d"}})
            before = _own_memory()
            refresher = Refresher(RankedSite(store, settings, filling.SITE))
            await refresher.refresh(time.time())
            columns = refresher.site.view.history.columns()
            per_count = (columns.cell.nbytes + columns.bucket.nbytes + columns.counts.nbytes) / len(columns.counts)
            per_item = (_own_memory() - before - per_count * filled.cells) / filled.items
            item = (stored - SEALED_BYTES * filled.cells) / filled.items
            took, added_s, opened = [], 0.0, 0.0
            for number, many in enumerate(distinct):
                start_s = int(time.time()) // WIDTH_S * WIDTH_S - (2 - number) * WIDTH_S
                memory = await _memory(server)
                added_s = await _record(store, server, start_s, many, 10 * number)
                opened = (await _memory(server) - memory) / many
                await refresher.refresh(time.time())
                took.append(min([await _again(store, refresher, start_s, 1_000 * number + step) for step in range(3)]))
            read_s = max(0.0, (took[1] - took[0]) / (distinct[1] - distinct[0]))
            refresh_s = max(0.0, took[0] - read_s * distinct[0])
            return Costs(added_s / distinct[-1], read_s, refresh_s, opened, item, per_count, per_item)
        finally:
            await server.aclose()
            await store.close()


async def _memory(server: Redis) -> int:
    return int((await server.info())["used_memory"])


def _own_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _record(store: RedisStore, server: Redis, start_s: int, many: int, writer: int) -> float:
    """Count one event of so many items in a bucket; seconds of the store's processor."""
    before = await _store_cpu_s(server)
    for number, first in enumerate(range(0, many, BATCH_CELLS), 1):
        fields = {f"view|{readership.name(item)}": 1 for item in range(first, min(many, first + BATCH_CELLS))}
        await store.counts.record(
            Batch(filling.SITE, 0, f"scaling {writer}", number, {Bucket(WIDTH_S, start_s): fields}), filling.KEEP_S
        )
    return await _store_cpu_s(server) - before


async def _store_cpu_s(server: Redis) -> float:
    info = await server.info()
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def _again(store: RedisStore, refresher: Refresher, start_s: int, writer: int) -> float:
    """Seconds of a refresh after a thousand more events in an open bucket."""
    fields = {f"view|{readership.name(item)}": 1 for item in range(1_000)}
    batch = Batch(filling.SITE, 0, f"again {writer}", 1, {Bucket(WIDTH_S, start_s): fields})
    await store.counts.record(batch, filling.KEEP_S)
    began = time.perf_counter()
    await refresher.refresh(time.time())
    return time.perf_counter() - began


class Week(NamedTuple):
    """A week's figures. Rates are a second's at the height; `skew` is the busiest shard's share over an even one."""

    events_s: float
    counts_s: float
    open_counts: float
    kept_counts: float
    items: float
    skew: float
    breaking_skew: float


def week(events_a_day: float, shards: int, seed: int = 1) -> Week:
    """Simulate a week of a site with so many events a day."""
    random = np.random.default_rng(seed)
    an_hour = int(ITEMS_A_DAY[events_a_day] // 24)
    published = np.repeat(np.arange(-ALIVE_HOURS, HOURS), an_hour)
    weight = random.pareto(TAIL, len(published)) + 1e-3
    shard = np.array([shard_of(f"berita-{number}", shards) for number in range(len(published))])
    hourly = 1.0 + 0.6 * np.sin(2 * np.pi * (np.arange(HOURS) - 7) / 24)
    hourly *= events_a_day / 24 / hourly.mean()
    counts = np.zeros(HOURS)
    skew = np.zeros(HOURS)
    for hour in range(HOURS):  # a second or two each at 100 billion
        alive = slice(np.searchsorted(published, hour - ALIVE_HOURS), np.searchsorted(published, hour, "right"))
        share = weight[alive] * 0.5 ** ((hour - published[alive]) / HALF_LIFE_HOURS)
        for _ in range(20):  # what the first lose goes to all others
            share = np.minimum(share / share.sum(), MOST_SHARE)
        share /= share.sum()
        if hour == BREAKING_HOUR:
            share *= 1 - BREAKING_SHARE
            share[-1] += BREAKING_SHARE
        expected = hourly[hour] * WIDTH_S / HOUR_S * share
        counts[hour] = sum(-np.expm1(-expected * each).sum() for each in CHANNELS)
        by_shard = np.bincount(shard[alive], weights=share, minlength=shards)
        skew[hour] = by_shard.max() * shards
    usual = np.delete(np.arange(HOURS), BREAKING_HOUR)
    return Week(
        hourly.max() / HOUR_S,
        counts.max() / WIDTH_S,
        float(counts.max()),
        float(counts.sum()) * HOUR_S / WIDTH_S / 7 * KEPT_DAYS,
        float(ITEMS_A_DAY[events_a_day] * KEPT_DAYS),
        float(skew[usual].max()),
        float(skew[BREAKING_HOUR]),
    )


def needs(found: Week, costs: Costs, shards: int, every_s: float = 5.0) -> dict[str, float]:
    """What it takes: cores, GiB and seconds. One core of the store serves a node; a shard lies on one node."""
    direct = found.events_s * costs.store_s / shards * found.breaking_skew
    # A consumer adds up some seconds of its partition before it sends: a count is sent at most once a beat.
    summed = min(found.events_s, found.open_counts / every_s) * costs.store_s / shards * found.skew
    return {
        "events/s at the height": found.events_s,
        "counts made a second": found.counts_s,
        "cores of workers (HTTP, batches)": found.events_s * CPU_OF["http"],
        "cores of consumers (Kafka)": found.events_s * CPU_OF["kafka"],
        "busiest shard's core, event by event": direct,
        "busiest shard's core, summed for 5 s": summed,
        "counts kept": found.kept_counts,
        "store, GiB": (
            found.kept_counts * SEALED_BYTES
            + OPEN_BUCKETS * found.open_counts * costs.open_bytes
            + found.items * costs.item_bytes
        )
        / 2**30,
        "ranking, GiB in all": (found.kept_counts * costs.process_bytes + found.items * costs.process_item_bytes)
        / 2**30,
        "refresh in one process, s": costs.refresh_s + found.open_counts * costs.read_s,
        "busiest shard over an even one": found.skew,
        "the same in the breaking hour": found.breaking_skew,
    }


def main() -> None:
    """Measure, simulate, print."""
    parser = parser_of(__doc__)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="measure with a tenth of the counts")
    given = parser.parse_args()
    part = 10 if given.quick else 1
    costs = asyncio.run(measured(1_000_000 // part, (20_000 // part, 300_000 // part)))
    table = {f"{each:.0e}": needs(week(each, given.shards), costs, given.shards) for each in EVENTS_A_DAY}
    document: dict[str, Any] = {"machine": machine(), "shards": given.shards, "costs": costs._asdict(), "weeks": table}
    if given.json:
        json.dump(document, sys.stdout, indent=1)
        return
    print(f"{document['machine']}; {given.shards} shards")
    print(
        f"a count: {1e6 * costs.store_s:.1f} us of the store, {costs.open_bytes:.0f} B open, {SEALED_BYTES} B sealed,"
        f" {costs.process_bytes:.0f} B where it is ranked; an item: {costs.item_bytes:.0f} B and"
        f" {costs.process_item_bytes:.0f} B; a refresh {1e3 * costs.refresh_s:.0f} ms and {1e6 * costs.read_s:.2f} us a"
        f" count of the open bucket"
    )
    rows = list(next(iter(table.values())))
    print(f"{'events a day':40}" + "".join(f"{name:>14}" for name in table))
    for row in rows:
        print(f"{row:40}" + "".join(f"{of[row]:14,.2f}" for of in table.values()))


if __name__ == "__main__":
    main()
