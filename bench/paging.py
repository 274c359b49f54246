"""What it costs the store that every generation of a list can be walked: memory, and time of the refresh.

`python bench/paging.py [--json]`; about half a minute. A list of 200 items and one of 200 for each of 20 sections are
published every 5 s, for as long as their orders are kept (`refresh.paging` at its default), into a Valkey as the
service runs it. Readers draw items by Zipf's law from a thousand per section, and counts fade with a half-life of two
hours; how many readers there are decides how much moves. What is measured is MEMORY USAGE of all order keys, times
five for five such lists. The baseline is the same orders as JSON, one string each.
"""

import asyncio
import json
import time
from typing import Any

import numpy as np
import servers
from redis import Redis
from report import Row, parser_of, show

from ranking.published.cursor import kept_for_s
from ranking.published.orders import OrderPacker
from ranking.published.snapshot import Snapshot, Stamp
from ranking.settings.service import Settings
from ranking.store.lists import PublishedBase
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

LISTS, SECTIONS, DEPTH, ITEMS = 5, 20, 200, 1_000
EVERY_S, HALF_LIFE_S = 5.0, 7200.0
READS = {"100 reads/s": 100.0, "2,000 reads/s": 2000.0, "every order new": None}
MIB = 1024**2
SEED = 20


class Site:
    """Decayed counts of a site's items, whose readers read on."""

    def __init__(self, reads_per_s: float | None) -> None:
        self._draw = np.random.default_rng(SEED)
        self._reads = reads_per_s
        weight = 1 / np.arange(1, ITEMS + 1)
        rate = (reads_per_s or 1.0) / SECTIONS * weight / weight.sum()
        self._rates = np.tile(rate, (SECTIONS, 1))
        self._counts = self._draw.poisson(self._rates * HALF_LIFE_S / np.log(2)).astype(float)
        self._names = np.array(
            [[f"berita-{s:02}{n * 7919 % 100_000:05}" for n in range(ITEMS)] for s in range(SECTIONS)]
        )

    def orders(self) -> dict[str, list[str]]:
        """The order of every section's items, and of all, one refresh later."""
        if self._reads is None:
            self._counts = self._draw.random(self._counts.shape)
        else:
            self._counts *= 2 ** (-EVERY_S / HALF_LIFE_S)
            self._counts += self._draw.poisson(self._rates * EVERY_S)
        found = {"": self._top(self._names.ravel(), self._counts.ravel())}
        for number in range(SECTIONS):
            found[f"Rubrik {number}"] = self._top(self._names[number], self._counts[number])
        return found

    def _top(self, names: Any, counts: Any) -> list[str]:
        return [str(name) for name in names[np.argsort(-counts, kind="stable")[:DEPTH]]]


async def measured(url: str, name: str, reads_per_s: float | None) -> list[Row]:
    """Publish as many generations as are kept, then look at what they take."""
    redis, store = Redis.from_url(url), RedisStore(url)
    redis.flushall()
    await store.open()
    kept_s = kept_for_s(Settings().refresh.paging_s)
    generations = round(kept_s / EVERY_S)
    site, packer, base = Site(reads_per_s), OrderPacker("populer"), None
    plain, packing_s, distinct = 0, 0.0, set[str]()
    for number in range(generations):
        orders = site.orders()
        started = time.perf_counter()
        kept = packer.packed(orders)
        packing_s += time.perf_counter() - started
        for ids in orders.values():
            text = json.dumps(ids, separators=(",", ":"))
            if text not in distinct:
                distinct.add(text)
                plain += len(text)
        snapshot = Snapshot(Stamp("populer", "", DEPTH, EVERY_S * (number + 1), "", {}), {}, kept)
        generation = await store.lists.publish("bench", snapshot, base, paging_s=kept_s)
        assert generation is not None
        base = PublishedBase(generation, {}, kept.keys())
    found = list(
        redis.scan_iter(match=keys.order("bench", "populer", "*").replace("{", "?").replace("}", "?"), count=5000)
    )
    used = sum(int(redis.memory_usage(key, samples=0) or 0) for key in found)
    await store.close()
    redis.close()
    more = {"answers": f"{len(found):,} orders of {generations} generations"}
    of_all, as_json = LISTS * used / MIB, LISTS * plain / MIB
    milliseconds = 1e3 * LISTS * packing_s / generations
    return [
        Row(f"memory, {name}", of_all, "MiB", "as JSON", as_json, of_all / as_json, "", None, more),
        Row(f"packing, {name}", milliseconds, "ms a refresh", "an interval", 5000.0, milliseconds / 5000, "", None, {}),
    ]


def main() -> None:
    """Run everything and print it."""
    given = parser_of(__doc__).parse_args()
    servers.stop_on_sigterm()
    with servers.valkey() as url:
        rows = [row for name, reads in READS.items() for row in asyncio.run(measured(url, name, reads))]
    notes = f"{LISTS} lists x {SECTIONS} sections x {DEPTH} items, every {EVERY_S:g} s"
    show(rows, "Keeping the orders of past generations", notes, as_json=given.json)


if __name__ == "__main__":
    main()
