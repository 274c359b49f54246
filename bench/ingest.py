"""How fast events are taken in: the real service against a bare ASGI callable and the usual hand-written endpoint.

`python bench/ingest.py [--json] [--rounds N] [--seconds S]`; about two and a half minutes with the defaults.

What is measured: `populer serve --workers 1` with its bundled Valkey and its jobs process, everything as shipped,
deduplication off; answers come when the events are counted in the store. All servers run from the start; they are
loaded one after the other, in an order that turns with every round, and a ratio is the median of the rounds' ratios, so
that a machine that others use too, or that slows down, weighs on both sides alike. Nothing is pinned to a core: on two
cores the generator, the worker and Valkey must share, and pinning takes that choice from the kernel (the bare baseline
has no Valkey to share with, which is in its favour).

What makes it honest: after every load the counts in the store, item by item, must equal what was acknowledged to the
generator, and every answer must be a 202 that accepts all its events; the column `answers` says so, or what was wrong.
Items are drawn by Zipf's law from a thousand, as readers do. `generator_busy` is the most of a core that the generator
used, `sent_late_p99_ms` how late it was itself: a latency counts from when its request was due, so that lateness (of a
machine that others use) is in it.
"""

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import baselines
import load
import servers
from report import Row, show
from servers import Server

ITEMS = 1_000
SINGLES = 4_096
BATCHES = 64
BATCH = 500
SEED = 20
MEMORY_EARLY_S, MEMORY_LATE_S = 3.0, 9.0
MIB = 1024**2

RATE_GOAL, USUAL_GOAL, P99_GOAL_MS, MEMORY_GOAL, EVENTS_GOAL = 0.65, 5.0, 50.0, 1.05, 300_000


class Traffic(NamedTuple):
    """Requests to send, and the items that each of them holds."""

    requests: list[str]
    items: list[Counter[str]]
    events_each: int


class Load(NamedTuple):
    """One load on one server. `generator` is the share of a core that the generator used.

    `trouble` says what was not as it must be; it is empty where all was.
    """

    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    generator: float
    answers: int
    trouble: str


class Target:
    """A server, and the ledger of what it has acknowledged: what its store must hold."""

    def __init__(self, server: Server, counts: Callable[[], dict[str, int]] | None) -> None:
        self.server = server
        self._counts = counts
        self._acknowledged: Counter[str] = Counter()

    def loaded(self, traffic: Traffic, seconds: float, rate: float | None = None) -> Load:
        """Load it; what came of it, compared with its store."""
        pid = self.server.busiest()
        before = servers.usage(pid)
        plan = load.Plan(self.server.host, self.server.port, traffic.requests, traffic.events_each, seconds, rate=rate)
        outcome = load.run(plan)
        cpu_s = servers.usage(pid).cpu_s - before.cpu_s
        total = sum(outcome.acknowledged)
        for count, items in zip(outcome.acknowledged, traffic.items, strict=True):
            for item, each in items.items() if count else ():
                self._acknowledged[item] += count * each
        return Load(
            per_s=outcome.answers * traffic.events_each / outcome.seconds,
            cpu_us=1e6 * cpu_s / max(1, total),
            p50_ms=_percentile(outcome.latencies_ms, 50),
            p99_ms=_percentile(outcome.latencies_ms, 99),
            late_p99_ms=_percentile(outcome.lateness_ms, 99),
            generator=outcome.cpu_s / outcome.seconds,
            answers=total,
            trouble="; ".join([*(f"{n} x {what}" for what, n in outcome.refused.items()), *self._miscounted()]),
        )

    def _miscounted(self) -> Iterator[str]:
        if self._counts is None:
            return
        found = self._counts()
        extra = sum(max(0, count - self._acknowledged[item]) for item, count in found.items())
        lost = sum(max(0, count - found.get(item, 0)) for item, count in self._acknowledged.items())
        if extra or lost:
            yield f"{lost} acknowledged events not in the store, {extra} in it never acknowledged"


class Bench:
    """The servers under test, and the rounds."""

    def __init__(self, service: Target, bare: Target, usual: Target, rounds: int, seconds: float) -> None:
        self.service, self.bare, self.usual = service, bare, usual
        self._rounds = rounds
        self._seconds = seconds

    def rows(self) -> Iterator[Row]:
        """All measurements, in order."""
        yield self._memory()
        singles = [(self.service, SINGLE), (self.bare, SINGLE), (self.usual, SINGLE)]
        ours, bare, usual = self._in_turn(singles)
        yield _rate("single-event beacons", "requests/s", ours, "bare ASGI", bare, RATE_GOAL)
        yield _rate("single-event beacons", "requests/s", ours, "hand-written", usual, USUAL_GOAL)
        yield _cpu(ours, bare)
        ndjson, array, usual = self._in_turn([(self.service, NDJSON), (self.service, ARRAY), (self.usual, USUAL_ARRAY)])
        for name, rounds in (("NDJSON", ndjson), ("JSON array", array)):
            yield _rate(f"batches of {BATCH}, {name}", "events/s", rounds, "hand-written, pipeline", usual, None)
        rate = statistics.median(each.per_s for each in ours) / 2
        yield from _latencies(rate, *self._in_turn([(self.service, SINGLE), (self.bare, SINGLE)], rate))

    def _in_turn(self, loads: list[tuple[Target, Traffic]], rate: float | None = None) -> list[list[Load]]:
        """Every load once a round, the order turning; per load its rounds."""
        found: list[list[Load]] = [[] for _ in loads]
        for number in range(self._rounds):
            order = list(range(len(loads)))
            for index in order if number % 2 == 0 else reversed(order):
                target, traffic = loads[index]
                found[index].append(target.loaded(traffic, self._seconds, rate))
        return found

    def _memory(self) -> Row:
        """The worker's memory at the start and under load; it also warms the service up."""
        pids = self.service.server.pids()
        start = {pid: servers.usage(pid) for pid in pids}
        early: dict[int, servers.Usage] = {}
        timer = threading.Timer(MEMORY_EARLY_S, lambda: early.update((pid, servers.usage(pid)) for pid in pids))
        timer.daemon = True
        timer.start()
        done = self.service.loaded(SINGLE, MEMORY_LATE_S)
        worker = self.service.server.busiest()
        late = servers.usage(worker)
        ratio = late.rss / early[worker].rss
        return Row(
            f"worker memory after {MEMORY_LATE_S:.0f} s of load", late.rss / MIB, "MiB",
            f"after {MEMORY_EARLY_S:.0f} s", early[worker].rss / MIB,
            ratio, f"ratio <= {MEMORY_GOAL}", ratio <= MEMORY_GOAL,
            {"answers": _answers([done]), "at_start": round(start[worker].rss / MIB, 1)},
        )  # fmt: skip


def _rate(name: str, unit: str, ours: list[Load], against: str, theirs: list[Load], goal: float | None) -> Row:
    value = statistics.median(each.per_s for each in ours)
    ratio = statistics.median(a.per_s / b.per_s for a, b in zip(ours, theirs, strict=True))
    return Row(
        name, value, unit, against, statistics.median(each.per_s for each in theirs), ratio,
        f"{EVENTS_GOAL:,} events/s" if goal is None else f"ratio >= {goal:g}",
        value >= EVENTS_GOAL if goal is None else ratio >= goal,
        {
            "answers": _answers(ours + theirs),
            "rounds": [round(each.per_s) for each in ours],
            "baseline_rounds": [round(each.per_s) for each in theirs],
            "generator_busy": round(max(each.generator for each in ours + theirs), 2),
        },
    )  # fmt: skip


def _cpu(ours: list[Load], bare: list[Load]) -> Row:
    """The same loads by what they cost the worker: steadier than a rate where the cores are shared."""
    value, theirs = (statistics.median(each.cpu_us for each in rounds) for rounds in (ours, bare))
    ratio = statistics.median(a.cpu_us / b.cpu_us for a, b in zip(ours, bare, strict=True))
    return Row(
        "single-event beacons: the worker's CPU", value, "µs/request", "bare ASGI", theirs, ratio, "", None,
        {"answers": _answers(ours + bare), "rounds": [round(each.cpu_us, 1) for each in ours]},
    )  # fmt: skip


def _latencies(rate: float, ours: list[Load], bare: list[Load]) -> Iterator[Row]:
    more = {
        "answers": _answers(ours + bare),
        "rate": round(rate),
        "sent_late_p99_ms": round(statistics.median(each.late_p99_ms for each in ours), 3),
    }
    for name, of, goal in (("p50", _p50, None), ("p99", _p99, P99_GOAL_MS)):
        value, theirs = (statistics.median(map(of, rounds)) for rounds in (ours, bare))
        yield Row(
            f"acknowledged within, {name}, at half that rate", value, "ms", "bare ASGI", theirs,
            statistics.median(of(a) / of(b) for a, b in zip(ours, bare, strict=True)),
            "" if goal is None else f"<= {goal:g} ms", None if goal is None else value <= goal,
            {**more, "rounds": [round(of(each), 3) for each in ours]},
        )  # fmt: skip


def _p50(of: Load) -> float:
    return of.p50_ms


def _p99(of: Load) -> float:
    return of.p99_ms


def _answers(loads: list[Load]) -> str:
    trouble = [each.trouble for each in loads if each.trouble]
    return "; ".join(trouble) or f"all {sum(each.answers for each in loads):,} were 202, the stores agree"


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else 0.0


def _traffic(path: str, content_type: str, bodies: list[list[str]], form: Callable[[list[str]], str]) -> Traffic:
    requests = []
    for items in bodies:
        body = form([json.dumps({"item": item, "kind": "view"}, separators=(",", ":")) for item in items])
        requests.append(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 "
            f"Firefox/140.0\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
    return Traffic(requests, [Counter(items) for items in bodies], len(bodies[0]))


def _drawn(requests: int, each: int) -> list[list[str]]:
    """Items of some requests, by Zipf's law."""
    draw = random.Random(SEED)
    names = [f"berita-{number:06d}" for number in range(1, ITEMS + 1)]
    weights = [1 / rank for rank in range(1, ITEMS + 1)]
    return [draw.choices(names, weights, k=each) for _ in range(requests)]


def _array(events: list[str]) -> str:
    return f"[{','.join(events)}]"


_single_items, _batch_items = _drawn(SINGLES, 1), _drawn(BATCHES, BATCH)
SINGLE = _traffic("/v1/events", "application/json", _single_items, "".join)
NDJSON = _traffic("/v1/events", "application/x-ndjson", _batch_items, "\n".join)
ARRAY = _traffic("/v1/events", "application/json", _batch_items, _array)
USUAL_ARRAY = _traffic("/v1/events/batch", "application/json", _batch_items, _array)


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load, per server and round")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-bench-")))
        service = Target(stack.enter_context(servers.service(folder)), lambda: servers.counts_of_service(folder))
        url = stack.enter_context(servers.valkey(folder / "usual"))
        usual = Target(
            stack.enter_context(servers.baseline("usual", folder, url)), lambda: baselines.counts_of_usual(url)
        )
        bare = Target(stack.enter_context(servers.baseline("bare", folder)), None)
        rows = list(Bench(service, bare, usual, given.rounds, given.seconds).rows())
    took = f"{time.monotonic() - started:.0f} s in all"
    notes = f"medians of {given.rounds} interleaved rounds of {given.seconds:g} s, {took}"
    show(rows, "Taking events in", notes, as_json=given.json)
    if any(not row.more["answers"].startswith("all ") for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
