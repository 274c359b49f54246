"""How fast events are taken in: the real service against a bare ASGI callable and the usual hand-written endpoint.

`python bench/ingest.py [--json] [--rounds N] [--seconds S] [--only TEXT]`; about four minutes with the defaults.

What is measured: `populer serve --workers 1` with its bundled Valkey and its jobs process, as shipped, twice. The rows
"dedupe on" are of a service with the settings as shipped, so every event passes the whole gate (robots, limits by
visitor, item and address) and is looked for in the store. The limits by item and address are raised: the same requests
come again and again from the same few thousand addresses, and faster than readers do. They are asked all the same. The
other rows are of one where `dedupe_window = "0s"` and `bots = false`. Answers come when the events are counted in the
store. All servers run from the start; they are loaded one after the other, in an order that turns with every round, and
a ratio is the median of the rounds' ratios, so that a machine that others use too, or that slows down, weighs on both
sides alike.
Nothing is pinned to a core: on two cores the generator, the worker and Valkey must share, and pinning takes that choice
from the kernel (the bare baseline has no Valkey to share with, which is in its favour).

What makes it honest: after every load the counts in the store must equal what the generator was told, item by item all
events that were acknowledged, and in sum those that count, those that are repeats, and those beyond their network's
share of an item (`over_share`: few of single beacons, most of a batch that one address sends without the key); the
column `answers` says so, or what was wrong. traffic.py says who reads what, and that a third of the reads repeat
another. `generator_busy` is the most of a core that the generator used, `sent_late_p99_ms` how late it was itself: a
latency counts from when its request was due, so that lateness (of a machine that others use) is in it. In the first
hour of a day (UTC) visitors are hashed under yesterday's salt too and looked for under both, which makes the rows with
dedupe slower.
"""

import contextlib
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import baselines
import load
import pairs
import servers
from report import Row, end_by, ratios, rounds_parser, show
from servers import Counts, Server
from traffic import JSON, LINES, Traffic, anonymous, in_batches, of_readers, one_by_one

SINGLES, BATCHES, BATCH = 8_192, 64, 500
MANY = 256
EVENTS = BATCHES * BATCH
EVENTS_PATH, USUAL_PATH = "/v1/events", "/v1/events/batch"
MEMORY_EARLY_S, MEMORY_LATE_S = 3.0, 9.0
PAIRS = 1_000_000
MIB = 1024**2
MOST_TROUBLE = 300

RATE_GOAL, GUARDED_RATE_GOAL, USUAL_GOAL = 0.65, 0.45, 5.0
EVENTS_GOAL, GUARDED_EVENTS_GOAL = 300_000, 120_000
P99_GOAL_MS, MEMORY_GOAL = 50.0, 1.05


class Load(NamedTuple):
    """One load on one server. `generator` is the share of a core that the generator used, `repeated` that of repeats,
    `over_share` that of events beyond what their network may send of an item.

    `trouble` says what was not as it must be; it is empty where all was.
    """

    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    generator: float
    answers: int
    repeated: float
    over_share: float
    trouble: str


class Target:
    """A server, and the ledger of what it has acknowledged: what its store must hold.

    `knows`: its answers say which events count, as they are sent once that is settled.
    """

    def __init__(self, server: Server, counts: Callable[[], Counts] | None, *, knows: bool = True) -> None:
        self.server = server
        self._counts = counts
        self._knows = knows
        self._acknowledged: Counter[str] = Counter()
        self._accepted = self._repeated = self._over_share = 0
        self._turns: Counter[str] = Counter()

    def acknowledged(self) -> int:
        """Events that were acknowledged so far."""
        return self._acknowledged.total()

    def loaded(self, traffic: Traffic, seconds: float, rate: float | None = None, *, connections: int = 64) -> Load:
        """Load it; what came of it, compared with its store."""
        pid = self.server.busiest()
        before = servers.usage(pid)
        plan = load.Plan(
            self.server.host, self.server.port, traffic.requests, traffic.events_each, seconds,
            connections=connections, rate=rate, turn=self._turns[traffic.name],
        )  # fmt: skip
        outcome = load.run(plan)
        cpu_s = servers.usage(pid).cpu_s - before.cpu_s
        self._turns[traffic.name] = outcome.turn
        self._accepted += outcome.accepted
        self._repeated += outcome.repeated
        self._over_share += outcome.over_share
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
            repeated=outcome.repeated / max(1, total * traffic.events_each),
            over_share=outcome.over_share / max(1, total * traffic.events_each),
            trouble="; ".join([*(f"{n} x {what}" for what, n in outcome.refused.items()), *self._miscounted()]),
        )

    def _miscounted(self) -> Iterator[str]:
        if self._counts is None:
            return
        found = self._counts()
        stored = Counter(found.counted) + Counter(found.repeated) + Counter(found.over_share)
        if stored != self._acknowledged:
            lost, extra = self._acknowledged - stored, stored - self._acknowledged
            yield f"{lost.total()} acknowledged events not in the store, {extra.total()} in it never acknowledged"
        told = (self._accepted, self._repeated, self._over_share)
        kept = tuple(sum(events.values()) for events in found)
        if self._knows and told != kept:
            yield f"the answers said {told} counted, repeated and over a network's share, the store {kept}"


class Targets(NamedTuple):
    """The servers under test. `guarded` is the service as shipped; `key` is its write key."""

    service: Target
    guarded: Target
    bare: Target
    usual: Target
    key: str


class Bench:
    """The rounds, and what comes of them."""

    def __init__(self, targets: Targets, rounds: int, seconds: float) -> None:
        self._of = targets
        self._rounds = rounds
        self._seconds = seconds

    def parts(self) -> dict[str, Callable[[], Iterator[Row]]]:
        """All measurements by name, in order."""
        return {
            "memory": self._memories,
            "singles": self._singles,
            "batches": self._batches,
            "guarded-singles": self._guarded_singles,
            "guarded-batches": self._guarded_batches,
            "pairs": _pairs,
        }

    def _memories(self) -> Iterator[Row]:
        yield self._memory("", self._of.service, one_by_one("all", EVENTS_PATH, anonymous(SINGLES)))
        batches = in_batches("warm", EVENTS_PATH, LINES, of_readers("w", EVENTS), BATCH)
        yield self._memory(", dedupe on", self._of.guarded, batches)

    def _singles(self) -> Iterator[Row]:
        of, sent = self._of, one_by_one("single", EVENTS_PATH, anonymous(SINGLES))
        ours, bare, usual = self._in_turn([(of.service, sent), (of.bare, sent), (of.usual, sent)])
        yield _rate("single-event beacons", "requests/s", ours, "bare ASGI", bare, RATE_GOAL)
        yield _rate("single-event beacons", "requests/s", ours, "hand-written", usual, USUAL_GOAL)
        yield _cpu("single-event beacons", ours, bare)
        yield from self._latencies("", of.service, sent, ours)

    def _guarded_singles(self) -> Iterator[Row]:
        of, sent = self._of, one_by_one("readers", EVENTS_PATH, of_readers("s", SINGLES))
        of.guarded.loaded(sent, self._seconds)  # so that there are earlier turns to repeat
        ours, bare = self._in_turn([(of.guarded, sent), (of.bare, sent)])
        name = "single-event beacons, dedupe on"
        yield _rate(name, "requests/s", ours, "bare ASGI", bare, GUARDED_RATE_GOAL)
        yield _cpu(name, ours, bare)
        many = self._in_turn([(of.guarded, sent), (of.bare, sent)], connections=MANY)
        yield _rate(f"{name}, {MANY} connections", "requests/s", many[0], "bare ASGI", many[1], GUARDED_RATE_GOAL)
        yield from self._latencies(", dedupe on", of.guarded, sent, ours)

    def _batches(self) -> Iterator[Row]:
        of, reads = self._of, anonymous(EVENTS)
        ndjson, array, usual = self._in_turn(
            [
                (of.service, in_batches("lines", EVENTS_PATH, LINES, reads, BATCH)),
                (of.service, in_batches("array", EVENTS_PATH, JSON, reads, BATCH)),
                (of.usual, in_batches("usual", USUAL_PATH, JSON, reads, BATCH)),
            ]
        )
        for name, rounds in (("NDJSON", ndjson), ("JSON array", array)):
            yield _rate(f"batches of {BATCH}, {name}", "events/s", rounds, "hand-written, pipeline", usual, None)

    def _guarded_batches(self) -> Iterator[Row]:
        of, usual = self._of, in_batches("usual", USUAL_PATH, JSON, anonymous(EVENTS), BATCH)
        kinds = [
            (f"{form}, {sender}", in_batches(name, EVENTS_PATH, content_type, of_readers(name, EVENTS), BATCH, key=key))
            for name, form, content_type, sender, key in (
                ("a", "NDJSON", LINES, "public", None),
                ("b", "JSON array", JSON, "public", None),
                ("c", "NDJSON", LINES, "write key", of.key),
                ("d", "JSON array", JSON, "write key", of.key),
            )
        ]
        *ours, theirs = self._in_turn([*((of.guarded, traffic) for _, traffic in kinds), (of.usual, usual)])
        for (name, _), rounds in zip(kinds, ours, strict=True):
            yield _rate(
                f"batches of {BATCH}, dedupe on, {name}", "events/s", rounds, "hand-written, pipeline", theirs, None,
                events_goal=GUARDED_EVENTS_GOAL,
            )  # fmt: skip

    def _in_turn(
        self, loads: list[tuple[Target, Traffic]], rate: float | None = None, connections: int = 64
    ) -> list[list[Load]]:
        """Every load once a round, the order turning; per load its rounds."""
        found: list[list[Load]] = [[] for _ in loads]
        for number in range(self._rounds):
            order = list(range(len(loads)))
            for index in order if number % 2 == 0 else reversed(order):
                target, traffic = loads[index]
                found[index].append(target.loaded(traffic, self._seconds, rate, connections=connections))
        return found

    def _memory(self, suffix: str, target: Target, traffic: Traffic) -> Row:
        """The worker's memory at the start and under load; it also warms the service up."""
        pids = target.server.pids()
        start = {pid: servers.usage(pid) for pid in pids}
        early: dict[int, servers.Usage] = {}
        timer = threading.Timer(MEMORY_EARLY_S, lambda: early.update((pid, servers.usage(pid)) for pid in pids))
        timer.daemon = True
        timer.start()
        done = target.loaded(traffic, MEMORY_LATE_S)
        worker = target.server.busiest()
        late = servers.usage(worker)
        ratio = late.rss / early[worker].rss
        return Row(
            f"worker memory after {MEMORY_LATE_S:.0f} s of load{suffix}", late.rss / MIB, "MiB",
            f"after {MEMORY_EARLY_S:.0f} s", early[worker].rss / MIB,
            ratio, f"ratio <= {MEMORY_GOAL}", ratio <= MEMORY_GOAL,
            {"answers": answers_of([done]), "at_start": round(start[worker].rss / MIB, 1)},
        )  # fmt: skip

    def _latencies(self, suffix: str, target: Target, traffic: Traffic, closed: list[Load]) -> Iterator[Row]:
        """At half of the rate that the loads `closed` have found."""
        rate = statistics.median(each.per_s for each in closed) / 2
        ours, bare = self._in_turn([(target, traffic), (self._of.bare, traffic)], rate)
        more = {
            "answers": answers_of(ours + bare),
            "rate": round(rate),
            "sent_late_p99_ms": round(statistics.median(each.late_p99_ms for each in ours), 3),
        }
        for name, of, goal in (("p50", _p50, None), ("p99", _p99, P99_GOAL_MS)):
            value, theirs = (statistics.median(map(of, rounds)) for rounds in (ours, bare))
            found = ratios(map(of, ours), map(of, bare))
            yield Row(
                f"acknowledged within, {name}, at half that rate{suffix}", value, "ms", "bare ASGI", theirs,
                statistics.median(found),
                "" if goal is None else f"<= {goal:g} ms", None if goal is None else value <= goal,
                {**more, "ratios": found, "rounds": [round(of(each), 3) for each in ours]},
            )  # fmt: skip


def _pairs() -> Iterator[Row]:
    """What the store needs to know a visitor's repeats."""
    with servers.valkey() as url:
        grown = pairs.memory(url, [PAIRS // 2, PAIRS])
    yield Row(
        "the store's memory for a million pairs of visitor and item", grown[1] / MIB, "MiB",
        "half a million", grown[0] / MIB, grown[1] / grown[0], "", None,
        {"answers": f"{grown[1] / PAIRS:.0f} B a pair"},
    )  # fmt: skip


def _rate(
    name: str,
    unit: str,
    ours: list[Load],
    against: str,
    theirs: list[Load],
    goal: float | None,
    *,
    events_goal: int = EVENTS_GOAL,
) -> Row:
    """Ratio and goal; without a goal for the ratio one for the value, in events/s."""
    value = statistics.median(each.per_s for each in ours)
    found = ratios((each.per_s for each in ours), (each.per_s for each in theirs))
    ratio = statistics.median(found)
    return Row(
        name, value, unit, against, statistics.median(each.per_s for each in theirs), ratio,
        f"{events_goal:,} events/s" if goal is None else f"ratio >= {goal:g}",
        value >= events_goal if goal is None else ratio >= goal,
        {
            "answers": answers_of(ours + theirs),
            "ratios": found,
            "rounds": [round(each.per_s) for each in ours],
            "baseline_rounds": [round(each.per_s) for each in theirs],
            "generator_busy": round(max(each.generator for each in ours + theirs), 2),
            "repeated": round(statistics.median(each.repeated for each in ours), 3),
            "over_share": round(statistics.median(each.over_share for each in ours), 3),
            "cpu_us": [round(each.cpu_us, 1) for each in ours],
        },
    )  # fmt: skip


def _cpu(name: str, ours: list[Load], bare: list[Load]) -> Row:
    """The same loads by what they cost the worker: steadier than a rate where the cores are shared."""
    value, theirs = (statistics.median(each.cpu_us for each in rounds) for rounds in (ours, bare))
    found = ratios((each.cpu_us for each in ours), (each.cpu_us for each in bare))
    return Row(
        f"{name}: the worker's CPU", value, "µs/request", "bare ASGI", theirs, statistics.median(found), "", None,
        {"answers": answers_of(ours + bare), "ratios": found, "rounds": [round(each.cpu_us, 1) for each in ours]},
    )  # fmt: skip


def _p50(of: Load) -> float:
    return of.p50_ms


def _p99(of: Load) -> float:
    return of.p99_ms


def answers_of(loads: list[Load]) -> str:
    """What is to be said of the answers to some loads: what was wrong, or that they were right."""
    trouble = [each.trouble[:MOST_TROUBLE] for each in loads if each.trouble]
    return "; ".join(trouble) or f"all {sum(each.answers for each in loads):,} were 202, the stores agree"


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else 0.0


def _targets(stack: contextlib.ExitStack, folder: Path) -> Targets:
    """All servers, running until `stack` is left."""

    def service(name: str, config: str) -> Target:
        of = folder / name
        return Target(stack.enter_context(servers.service(of, config)), partial(servers.counts_of_service, of))

    url = stack.enter_context(servers.valkey())
    usual = stack.enter_context(servers.baseline("usual", folder, url))
    return Targets(
        service("service", servers.ALL_COUNT),
        service("guarded", servers.AS_SHIPPED),
        Target(stack.enter_context(servers.baseline("bare", folder)), None),
        Target(usual, lambda: Counts(baselines.counts_of_usual(url), {}, {})),
        servers.write_key(folder / "guarded"),
    )


def main() -> None:
    """Run everything and print it."""
    given = rounds_parser(__doc__, 5, 3.0).parse_args()
    servers.stop_on_sigterm()
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-bench-")))
        targets = _targets(stack, folder)
        parts = Bench(targets, given.rounds, given.seconds).parts()
        rows = [row for name, part in parts.items() if given.only in name for row in part()]
    took = f"{time.monotonic() - started:.0f} s in all"
    notes = f"medians of {given.rounds} interleaved rounds of {given.seconds:g} s, {took}"
    show(rows, "Taking events in", notes, as_json=given.json)
    end_by(rows)


if __name__ == "__main__":
    main()
