"""The same list by others: by Redis itself, and by SQL over the single events. See refresh.py."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import readership
from redis import Redis

from ranking.times import HOUR_S

TRIES = 5
TOP = 100
HALF_LIFE_S = 6.0 * HOUR_S
WEIGHTS = {"view": 1.0, "click": 3.0}


class Rival(NamedTuple):
    """How long a baseline took for the same list, and what it put there."""

    seconds: float
    top: list[str]


def fill_hours(client: Redis, cells: int, end_s: int, weights: Mapping[str, float]) -> None:
    """The events of each hour as a sorted set, `hour:N`, by what they weigh; kinds without a weight are left out."""
    hours: dict[int, dict[int, float]] = {}
    for each in readership.bucketfuls(cells, end_s):
        hour = hours.setdefault(each.start_s // HOUR_S, {})
        for kind, weight in weights.items():
            items, counts = each.counts[kind]
            for item, count in zip(items.tolist(), counts.tolist(), strict=True):
                hour[item] = hour.get(item, 0.0) + weight * count
    pipe = client.pipeline(transaction=False)
    for number, hour in hours.items():
        pipe.zadd(f"hour:{number}", {readership.name(item): score for item, score in hour.items()})
        if len(pipe) > 20:
            pipe.execute()
    pipe.execute()


def by_redis(url: str, cells: int, end_s: int) -> Rival:
    """The decayed list by ZUNIONSTORE over hourly sorted sets, weighed by the age of each hour's middle."""
    client = Redis.from_url(url, socket_timeout=None)
    fill_hours(client, cells, end_s, WEIGHTS)
    ages_s = {number: max(0, end_s - (number + 0.5) * HOUR_S) for number in sorted(_hours(end_s))}
    weighed = {f"hour:{number}": float(2 ** -(age_s / HALF_LIFE_S)) for number, age_s in ages_s.items()}

    def rank() -> list[str]:
        client.zunionstore("decayed", weighed)
        return [name.decode() for name in client.zrevrange("decayed", 0, TOP - 1)]

    top = rank()
    found = Rival(quickest(rank, 1 if cells > 10**6 else TRIES), top)
    client.unlink("decayed", *weighed)
    client.close()
    return found


def by_duckdb(cells: int, end_s: int) -> Rival | None:
    """The decayed list by SQL over the single events; None where DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        return None
    random = np.random.default_rng(5)
    items, stamps, kinds = [], [], []
    for each in readership.bucketfuls(cells, end_s):
        for kind, (of_kind, counts) in each.counts.items():
            events = np.repeat(of_kind, counts)
            items.append(events.astype(np.int32))
            stamps.append((each.start_s + random.integers(0, readership.WIDTH_S, len(events))).astype(np.int64))
            kinds.append(np.full(len(events), kind == "click"))
    connection = duckdb.connect(config={"threads": 2})
    columns = {"item": np.concatenate(items), "ts": np.concatenate(stamps), "click": np.concatenate(kinds)}
    connection.register("columns", columns)
    connection.execute("CREATE TABLE events AS SELECT * FROM columns")
    statement = f"""
        SELECT item FROM events GROUP BY item
        ORDER BY sum(CASE WHEN click THEN {WEIGHTS["click"]} ELSE {WEIGHTS["view"]} END
                     * pow(2, (ts - {end_s}) / {HALF_LIFE_S})) DESC LIMIT {TOP}"""

    def rank() -> list[int]:
        return [int(item) for (item,) in connection.execute(statement).fetchall()]

    top = rank()
    found = Rival(quickest(rank), readership.names(top))
    connection.close()
    return found


def _hours(end_s: int) -> set[int]:
    return {(end_s - number * readership.WIDTH_S - 1) // HOUR_S for number in range(readership.BUCKETS)}


def quickest(run: Callable[[], object], tries: int = TRIES) -> float:
    """Seconds of the quickest of some runs."""
    found = []
    for _ in range(tries):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return min(found)
