"""How much memory a count takes in the store: open, sealed, rolled up, and in the usual sorted set.

`python bench/storage.py [--json] [--cells N] [--events FILE] [--items N]`; about a minute with the defaults.

A made-up month (see readership.py; about a million counts of items by bucket and kind) is recorded as the service
records it, sealed by the job's own code, and rolled up as if time had passed, on the bundled Valkey. `--events` takes
a log of `ts,item,visitor,kind` instead (csv, gz too, its first line the names), such as a site's own.

What is counted is `used_memory` against that of the empty server, divided by the counts (an item's views or clicks in
one bucket): keys, names, indexes and all. `MEMORY USAGE` of the values alone stands beside it. The same counts must be
read back from every state; the column `answers` says so. An open bucket is a hash. Beside a sealed count stand a
Parquet file of the same (where DuckDB is installed), and what RedisTimeSeries is documented to take: not measured.

`--items N` measures items instead: see stored_items.py. A million take some minutes.
"""

import asyncio
import csv
import gzip
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import servers  # isort: skip - it makes a checkout importable
import numpy as np
import readership
from filling import KEEP_S, SITE
from report import Row, parser_of, show
from stored_items import item_rows

from ranking.counts.buckets import Bucket, bucket_start
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import RetentionSettings
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.times import DAY_S

BATCH_CELLS = 1_500
SEALED_GOAL = 12.0
#: 64 bits of time and 64 bits of value, without the series' own keys and chunks (its documentation of TS.CREATE).
DOCUMENTED_SAMPLE_BYTES = 16.0
Cells = dict[Bucket, dict[str, int]]


def parquet_bytes(cells: Cells) -> int | None:
    """Size of a Parquet file (zstd) with the counts in the order of time; None where DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        print("DuckDB is not installed and is left out: make bench", file=sys.stderr)
        return None
    rows = [
        (bucket.start_s, *name.partition("|")[::2], count)
        for bucket, of_bucket in sorted(cells.items())
        for name, count in of_bucket.items()
    ]
    start, kind, item, count = zip(*rows, strict=True)
    columns = {"start": np.array(start), "count": np.array(count, dtype=np.int32)}
    columns |= {"kind": np.array(kind, dtype=object), "item": np.array(item, dtype=object)}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.register("counts", columns)
        file = Path(folder) / "counts.parquet"
        connection.execute(f"COPY (SELECT * FROM counts) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
        return file.stat().st_size


class Taken(NamedTuple):
    """Memory in one state: of the server over an empty one, and of the values by the part of their key."""

    used: int
    values: Counter[str]


class Bench:
    """One store, and what is counted in it."""

    def __init__(self, store: RedisStore, cells: Cells) -> None:
        self._store = store
        self._client: Any = store._link.client  # what the server says of itself is not the store's business
        self._cells = cells
        self._count = sum(map(len, cells.values()))
        self._events = sum(sum(each.values()) for each in cells.values())
        self._end_s = max(bucket.end_s for bucket in cells)
        self._empty = 0

    async def rows(self) -> list[Row]:
        self._empty = (await self._client.info("memory"))["used_memory"]
        await self._fill_sorted_sets()
        usual = await self._taken()
        await self._client.flushall()
        await self._store.server.life()
        started = time.monotonic()
        await self._record()
        record_s = time.monotonic() - started
        opened, answers = await self._taken(), [await self._answer()]
        started = time.monotonic()
        await self._seal({"hour": "none", "day": "none"})
        seal_s = time.monotonic() - started
        sealed = await self._taken()
        answers.append(await self._answer())
        await self._seal({"hour": "1s", "day": "none"})
        hours = await self._taken()
        answers.append(await self._answer())
        await self._seal({"hour": "1s", "day": "2s"})
        days = await self._taken()
        answers.append(await self._answer())
        said = "; ".join(sorted(set(answers)))
        rows = [
            self._row("a count in an open bucket", opened, "in a sorted set", usual, None, said),
            self._row("a count that is sealed", sealed, "in an open bucket", opened, SEALED_GOAL, said),
            self._row("the same, kept by the hour", hours, "in an open bucket", opened, None, said),
            self._row("the same, kept by the day", days, "in an open bucket", opened, None, said),
            *self._elsewhere(sealed, said),
        ]
        rate, usual_rate = self._count / seal_s, self._count / record_s
        rows.append(
            Row("sealed", rate, "counts/s", "recorded", usual_rate, rate / usual_rate, "", None, {"answers": said})
        )
        return rows

    def _row(self, name: str, state: Taken, other: str, baseline: Taken, goal: float | None, answers: str) -> Row:
        value, theirs = state.used / self._count, baseline.used / self._count
        values = {part: round(size / self._count, 3) for part, size in state.values.most_common()}
        return Row(
            name, value, "bytes", other, theirs, value / theirs, "" if goal is None else f"<= {goal:g} bytes",
            None if goal is None else value <= goal,
            {"answers": answers, "memory_usage_of_values": values, "counts": self._count, "events": self._events},
        )  # fmt: skip

    def _elsewhere(self, sealed: Taken, said: str) -> Iterator[Row]:
        """A sealed count beside files of columns and what is documented of time series."""
        value = sealed.used / self._count
        others = {"RedisTimeSeries, as documented, not compressed": DOCUMENTED_SAMPLE_BYTES}
        if (size := parquet_bytes(self._cells)) is not None:
            others["Parquet, zstd"] = size / self._count
        for name, theirs in others.items():
            yield Row("a count that is sealed", value, "bytes", name, theirs, value / theirs, "", None,
                      {"answers": said, "counts": self._count})  # fmt: skip

    async def _fill_sorted_sets(self) -> None:
        """One sorted set per bucket and kind, as it is usually done."""
        pipe = self._client.pipeline(transaction=False)
        for bucket, cells in self._cells.items():
            by_kind: dict[str, dict[str, int]] = {}
            for name, count in cells.items():
                kind, _, item = name.partition("|")
                by_kind.setdefault(kind, {})[item] = count
            for kind, scores in by_kind.items():
                pipe.zadd(f"views:{kind}:{bucket.start_s}", scores)
            if len(pipe) >= 200:
                await pipe.execute()
        await pipe.execute()

    async def _record(self) -> None:
        for number, (bucket, cells) in enumerate(self._cells.items()):
            flat = list(cells.items())
            for first in range(0, len(flat), BATCH_CELLS):
                counts = {bucket: dict(flat[first : first + BATCH_CELLS])}
                await self._store.counts.record(Batch(SITE, 0, f"bench {first}", number, counts), KEEP_S)

    async def _seal(self, roll_up: dict[str, str]) -> None:
        retention = RetentionSettings.model_validate({"keep": f"{KEEP_S:.0f}s", "roll_up": roll_up})
        await Sealer(self._store, retention, SITE).seal(self._end_s + 2 * DAY_S)

    async def _taken(self) -> Taken:
        used = (await self._client.info("memory"))["used_memory"] - self._empty
        values: Counter[str] = Counter()
        async for key in self._client.scan_iter(count=1000):
            values[key.decode().rpartition("}:")[2].partition(":")[0]] += await self._client.memory_usage(
                key, samples=0
            )
        return Taken(used, values)

    async def _answer(self) -> str:
        """Whether a reader finds what was recorded."""
        view = SiteView(SITE)
        await view.update(self._store, 0)
        columns, history = view.history.columns(), view.history
        found: Counter[str] = Counter()
        cell_weights = Counter[int]()
        for cell, count in zip(columns.cell.tolist(), columns.counts.tolist(), strict=True):
            cell_weights[cell] += round(count)
        for cell, count in cell_weights.items():
            found[f"{history.channels[columns.cell_channel[cell]]}|{history.items[columns.cell_item[cell]]}"] += count
        expected: Counter[str] = Counter()
        for cells in self._cells.values():
            expected.update(cells)
        return f"all {self._events:,} events are there" if found == expected else "events are missing or doubled"


def _made_up(cells: int) -> Cells:
    end_s = int(time.time()) // DAY_S * DAY_S
    return {
        Bucket(readership.WIDTH_S, each.start_s): {
            f"{kind}|{readership.name(item)}": count
            for kind, (items, counts) in each.counts.items()
            for item, count in zip(items.tolist(), counts.tolist(), strict=True)
        }
        for each in readership.bucketfuls(cells, end_s)
    }


def _of_log(file: Path) -> Cells:
    """The counts of a log, moved to end now: they would be too old to keep."""
    found: Cells = {}
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = csv.reader(lines)
        next(rows)
        events = [(int(row[0]), f"{row[3]}|{row[1]}") for row in rows]
    shift_s = int(time.time() - max(ts for ts, _ in events)) // DAY_S * DAY_S
    for ts, name in events:
        cells = found.setdefault(Bucket(300, bucket_start(ts + shift_s, 300)), {})
        cells[name] = cells.get(name, 0) + 1
    return found


async def _measured(url: str, cells: Cells) -> list[Row]:
    store = RedisStore(url)
    await store.open()
    try:
        return await Bench(store, cells).rows()
    finally:
        await store.close()


def main() -> None:
    """Run everything and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=1_000_000, help="about how many counts to make up")
    parser.add_argument("--events", type=Path, help="a log to take instead")
    parser.add_argument("--items", type=int, default=0, help="measure so many items, and no counts")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    started = time.monotonic()
    if given.items:
        rows = asyncio.run(item_rows(given.items))
        notes = f"{given.items:,} items, {time.monotonic() - started:.0f} s in all"
        show(rows, "Memory of an item", notes, as_json=given.json)
        sys.exit(any(row.goal_met is False for row in rows))
    cells = _of_log(given.events) if given.events else _made_up(given.cells)
    with servers.valkey() as url:
        rows = asyncio.run(_measured(url, cells))
    source = given.events.name if given.events else "a made-up month"
    notes = f"{sum(map(len, cells.values())):,} counts of {source}, {time.monotonic() - started:.0f} s in all"
    show(rows, "Memory of a count in the store", notes, as_json=given.json)
    if any(not row.more["answers"].startswith("all ") or ";" in row.more["answers"] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
