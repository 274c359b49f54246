"""One machine's day: beacons, reads of lists and refreshes together, with the load on the same cores.

`python bench/day.py [--json] [--seconds 60] [--workers N] [--rate N] [--reads N]`; two minutes and a half with the
defaults, and `--seconds 600` is the ten minutes that the goals are stated for.

What is measured: `populer serve` with settings as shipped (dedupe, robots and the network bound on; `network_allowance`
is asked for every event) and its bundled Valkey. First its limit is looked for: the rate rises step by step until an
answer is no 202, an acknowledgement or a read is late, or a list is old, twice in a row. Then the day: `--rate` public
beacons a second, one by one (20,000 are 1.7 billion a day), and `--reads` of a list, for `--seconds`; then ten seconds
at one and a half times the rate. Where less held, four fifths of what did are measured for as long beside it.

What makes it honest: requests are due at fixed times whatever the service does, and a latency counts from when its
request was due, the generators' own lateness included (`sent_late_p99_ms`). Readers repeat each other as in traffic.py.
Latencies are those of the worst minute. `age_s` is looked at once a second.
"""

import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import servers  # isort: skip - it makes a checkout importable
import httpx2
import load
from ingest import EVENTS_PATH
from report import Row, parser_of, show
from serve import LIST, fill
from traffic import Traffic, of_readers, one_by_one

READS = 32_768
SEGMENT_S, STEP_S, BURST_S, BURST = 60.0, 6.0, 10.0, 1.5
FIRST_RATE, GROWTH, STEPS_MOST = 2_000.0, 1.3, 16
READ_P99_GOAL_MS, ACK_P99_GOAL_MS, AGE_GOAL_S, MEMORY_GOAL = 10.0, 100.0, 6.0, 1.1
CONNECTIONS = 256
MIB = 1024**2


class Stretch(NamedTuple):
    """What came of a stretch of load. Latencies in ms; `refused`: answers by what was wrong with them."""

    rate: float
    sent: int
    refused: dict[str, int]
    ack_p99_ms: float
    read_p99_ms: float
    late_p99_ms: float
    age_s: float
    rss: list[int]

    def broken(self) -> list[str]:
        """Which of the goals it missed."""
        found = {
            "refused": bool(self.refused),
            f"p99 of acknowledgements {self.ack_p99_ms:,.0f} ms": self.ack_p99_ms >= ACK_P99_GOAL_MS,
            f"p99 of reads {self.read_p99_ms:,.1f} ms": self.read_p99_ms >= READ_P99_GOAL_MS,
            f"lists {self.age_s:.1f} s old": self.age_s > AGE_GOAL_S,
        }
        return [name for name, missed in found.items() if missed]


class Day:
    """A service under load."""

    def __init__(self, server: servers.Server, reads_per_s: float) -> None:
        self._server = server
        self._reads_per_s = reads_per_s
        self._traffic: Traffic = one_by_one("readers", EVENTS_PATH, of_readers("s", READS))
        self._list = [f"GET {LIST} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"]
        self._turn = 0

    def stretch(self, rate: float, seconds: float) -> Stretch:
        """So many beacons a second and the reads, for so long."""
        parts = []
        while seconds > 0:
            parts.append(self._segment(rate, min(SEGMENT_S, seconds)))
            seconds -= SEGMENT_S
        refused: dict[str, int] = {}
        for each in parts:
            for what, count in each.refused.items():
                refused[what] = refused.get(what, 0) + count
        worst = [max(each) for each in zip(*(part[3:7] for part in parts), strict=True)]
        return Stretch(rate, sum(each.sent for each in parts), refused, *worst, [part.rss[0] for part in parts])

    def _segment(self, rate: float, seconds: float) -> Stretch:
        to = self._server.host, self._server.port
        beacons = load.Plan(*to, self._traffic.requests, 1, seconds, CONNECTIONS, rate=rate, turn=self._turn)
        reads = load.Plan(*to, self._list, 0, seconds, rate=self._reads_per_s, status=200)
        done: dict[str, load.Outcome] = {}
        running = [
            threading.Thread(target=lambda name=name, plan=plan: done.update({name: load.run(plan)}))  # type: ignore[misc]
            for name, plan in (("beacons", beacons), ("reads", reads))
        ]
        for each in running:
            each.start()
        ages = list(self._ages(running))
        if len(done) < len(running):  # a generator that did not end in time has said so on stderr
            rss = sum(servers.usage(pid).rss for pid in self._server.pids())
            never_ms = 1e3 * seconds
            lost = {"not answered in time": int(rate * seconds)}
            return Stretch(rate, 0, lost, never_ms, never_ms, never_ms, max(ages, default=0.0), [rss])
        acks, answers = done["beacons"], done["reads"]
        self._turn = acks.turn
        unsent = {"not answered in time": owed} if (owed := int(rate * seconds) - acks.answers) > 0 else {}
        return Stretch(
            rate, acks.answers, {**acks.refused, **answers.refused, **unsent}, _p99(acks.latencies_ms),
            _p99(answers.latencies_ms), max(_p99(acks.lateness_ms), _p99(answers.lateness_ms)), max(ages, default=0.0),
            [sum(servers.usage(pid).rss for pid in self._server.pids())],
        )  # fmt: skip

    def _ages(self, running: list[threading.Thread]) -> Iterator[float]:
        with httpx2.Client(base_url=f"http://{self._server.host}:{self._server.port}", trust_env=False) as http:
            while any(each.is_alive() for each in running):
                with contextlib.suppress(httpx2.HTTPError):
                    yield float(http.get(LIST).json()["age_s"])
                time.sleep(1.0)

    def limit(self) -> tuple[Stretch | None, Stretch | None]:
        """The highest rate that held, and the first that did not."""
        rate, held = FIRST_RATE, None
        self.stretch(rate, STEP_S)  # warm
        for _ in range(STEPS_MOST):
            found = self.stretch(rate, STEP_S)
            if found.broken() and (found := self.stretch(rate, STEP_S)).broken():
                return held, found
            held, rate = found, rate * GROWTH
        return held, None


def rows_of(name: str, found: Stretch, held: Stretch | None) -> Iterator[Row]:
    """What a stretch comes to, beside the highest rate that held."""
    other = "the highest rate that held" if held else "itself"
    base = held or found
    refused = "; ".join(f"{count:,} x {what}" for what, count in found.refused.items())
    more = {"answers": refused or f"all {found.sent:,} were 202", "sent_late_p99_ms": round(found.late_p99_ms, 2)}
    wrong = sum(found.refused.values())
    yield Row(f"{name}: refused", wrong, "answers", other, 0, 0, "0", wrong == 0, more)
    for what, value, theirs, unit, goal in (
        ("p99 of acknowledgements", found.ack_p99_ms, base.ack_p99_ms, "ms", ACK_P99_GOAL_MS),
        ("p99 of reads", found.read_p99_ms, base.read_p99_ms, "ms", READ_P99_GOAL_MS),
        ("oldest list", found.age_s, base.age_s, "s", AGE_GOAL_S),
    ):
        yield Row(f"{name}: {what}", value, unit, other, theirs, value / theirs if theirs else 0.0,
                  f"<= {goal:g} {unit}", value <= goal, more)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the day")
    parser.add_argument("--workers", type=int, default=max(1, os.cpu_count() or 1), help="API workers")
    parser.add_argument("--rate", type=float, default=20_000.0, help="beacons a second")
    parser.add_argument("--reads", type=float, default=2_000.0, help="reads of a list a second")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    started = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="populer-bench-") as name:
        folder = Path(name) / "service"
        with servers.service(folder, servers.AS_SHIPPED, workers=given.workers) as server:
            fill(server, folder)
            day = Day(server, given.reads)
            held, broke = day.limit()
            most = held.rate if held else 0.0
            why = "; ".join(broke.broken()) if broke else "nothing broke"
            rows.append(Row("the highest rate that held", most, "beacons/s", "the rate of the day", given.rate,
                            most / given.rate, f">= {given.rate:,.0f}", most >= given.rate,
                            {"answers": f"then: {why}"}))  # fmt: skip
            if held and most < given.rate:
                at_limit = day.stretch(0.8 * most, given.seconds)
                rows += rows_of(f"at {at_limit.rate:,.0f} a second", at_limit, held)
                rows.append(memory_row(at_limit, held))
            found = day.stretch(given.rate, given.seconds)
            rows += rows_of(f"the day, {given.rate:,.0f} a second", found, held)
            rows.append(memory_row(found, held))
            rows += rows_of(
                f"{BURST_S:g} s at {BURST * given.rate:,.0f}", day.stretch(BURST * given.rate, BURST_S), held
            )
    notes = f"{given.workers} workers, {given.reads:,.0f} reads/s beside, {time.monotonic() - started:.0f} s in all"
    show(rows, "One machine's day", notes, as_json=given.json)


def memory_row(found: Stretch, held: Stretch | None) -> Row:
    """The memory of workers and jobs at the end, beside that after the first minute or, in a short run, before it."""
    first = found.rss[0] if len(found.rss) > 1 or held is None else held.rss[-1]
    ratio = found.rss[-1] / first
    return Row(
        f"memory after {len(found.rss)} min at {found.rate:,.0f} a second", found.rss[-1] / MIB, "MiB",
        "at first", first / MIB, ratio, f"ratio <= {MEMORY_GOAL}", ratio <= MEMORY_GOAL, {},
    )  # fmt: skip


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
