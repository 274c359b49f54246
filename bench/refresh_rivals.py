"""The same list by Redis itself, in two ways. See refresh.py; databases are in refresh_tables.py."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import readership
from redis import Redis

from ranking.times import HOUR_S

TRIES, LARGE_TRIES = 5, 1
FILLED_AT_ONCE = 5_000
TOP = 100
HALF_LIFE_S = 6.0 * HOUR_S
WEIGHTS = {"view": 1.0, "click": 3.0}


class Rival(NamedTuple):
    """How long each try of a baseline took for the same list (seconds), and what it put there."""

    rounds: list[float]
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
    found = Rival(timed(rank, LARGE_TRIES if cells > 10**6 else TRIES), top)
    client.unlink("decayed", *weighed)
    client.close()
    return found


def by_forward_decay(url: str, cells: int, end_s: int) -> Rival:
    """One sorted set in which each event has weighed 2^((ts - end) / half-life): what ranks is a read of its top.

    Its half-life is fixed when events come, and its scores overflow after 1,023 half-lives: others here can change it.
    """
    client = Redis.from_url(url, socket_timeout=None)
    scores = np.zeros(readership.items(cells))
    for each in readership.bucketfuls(cells, end_s):
        decay = 2 ** ((each.start_s + readership.WIDTH_S / 2 - end_s) / HALF_LIFE_S)
        for kind, weight in WEIGHTS.items():
            items, counts = each.counts[kind]
            scores[items] += weight * counts * decay
    pipe = client.pipeline(transaction=False)
    for first in range(0, len(scores), FILLED_AT_ONCE):
        part = range(first, min(first + FILLED_AT_ONCE, len(scores)))
        pipe.zadd("forward", {readership.name(item): float(scores[item]) for item in part if scores[item] > 0})
        pipe.execute()
    found: list[str] = []

    def rank() -> None:
        found[:] = [name.decode() for name in client.zrevrange("forward", 0, TOP - 1)]

    rounds = timed(rank)
    client.unlink("forward")
    client.close()
    return Rival(rounds, found)


def _hours(end_s: int) -> set[int]:
    return {(end_s - number * readership.WIDTH_S - 1) // HOUR_S for number in range(readership.BUCKETS)}


def timed(run: Callable[[], object], tries: int = TRIES) -> list[float]:
    """Seconds of each of some runs, after one that warms caches where there are several."""
    found = []
    if tries > 1:
        run()
    for _ in range(tries):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return found


def quickest(run: Callable[[], object], tries: int = TRIES) -> float:
    """Seconds of the quickest of some runs."""
    return min(timed(run, tries))
