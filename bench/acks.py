"""What each way of taking events in costs: how far an answer reaches, what is looked for, how many come at once.

`python bench/acks.py [--json] [--rounds N] [--seconds S] [--only TEXT]`; about three minutes with the defaults.

What is measured: `populer serve --workers 1` once for each `ingest.ack`, with and without what it looks for in the
store (repeats, and what one network may add to an item), loaded in turn as `ingest.py` does; and batches of 1 to 2,000
events. Beside them, in the same rounds: a bare ASGI callable; the same application alone, without a supervisor and
jobs, under uvicorn and under Granian (application.py); and, as the limit, pipelined HINCRBY by redis-benchmark on a
Valkey of the same kind.

What makes it honest: the counts in the store must equal what was acknowledged (see `ingest.py`), also where answers
come before the counts do: then the store is asked again until it has them or has had ten seconds. `replica` has a
Valkey with a replica on this machine, both without a file, so that `commit` on that Valkey stands beside it. What is
not installed is left out and named on stderr.
"""

import contextlib
import importlib.util
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import servers  # isort: skip - it makes a checkout importable
from ingest import EVENTS_PATH, SINGLES, Load, Target, answers_of
from report import Row, end_by, ratios, rounds_parser, show
from servers import ALL_COUNT, AS_SHIPPED, Counts
from traffic import LINES, in_batches, of_readers, one_by_one

BATCH_SIZES = (1, 10, 100, 500, 2_000)
REQUESTS_LEAST, REQUESTS_MOST, CONNECTIONS = 32, 4_096, 8
PATIENCE_S, PAUSE_S = 10.0, 0.1
PIPELINE, BENCHMARK_REQUESTS, FIELDS = 100, 400_000, 1_000


def _settings(base: str, **changes: str) -> str:
    kept = [line for line in base.splitlines() if line.partition(" ")[0] not in changes]
    return "\n".join([*kept, *(f"{name} = {value}" for name, value in changes.items()), ""])


#: What is loaded one by one, by name: its settings, and whether it is on a Valkey with a replica.
WAYS = {
    "memory": (_settings(ALL_COUNT, ack='"memory"'), False),
    "commit": (ALL_COUNT, False),
    "disk": (_settings(ALL_COUNT, ack='"disk"'), False),
    "commit, a Valkey of its own": (ALL_COUNT, True),
    "replica, a Valkey of its own": (_settings(ALL_COUNT, ack='"replica"'), True),
    "commit, dedupe, no network bound": (_settings(AS_SHIPPED, network_allowance="0"), False),
    "commit, dedupe and network bound": (AS_SHIPPED, False),
    "memory, dedupe and network bound": (_settings(AS_SHIPPED, ack='"memory"'), False),
    "disk, dedupe and network bound": (_settings(AS_SHIPPED, ack='"disk"'), False),
}
AS_IT_IS = "commit, dedupe and network bound"


def settled(read: Callable[[], Counts], acknowledged: Callable[[], int]) -> Counts:
    """The counts in a store once it holds so many events as were acknowledged, or has had its time."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = read()
        if sum(sum(each.values()) for each in found) >= acknowledged() or time.monotonic() > until:
            return found
        time.sleep(PAUSE_S)


class Ways:
    """All servers, running until `stack` is left."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path, only: str) -> None:
        self._stack, self._folder = stack, folder
        self.bare = Target(stack.enter_context(servers.baseline("bare", folder)), None)
        self.by_name: dict[str, Target] = {}
        self.folders: dict[str, Path] = {}
        for name, (config, replicated) in WAYS.items():
            if only in name or name == AS_IT_IS:
                self.by_name[name] = self._service(name, config, replicated=replicated)
        for server in ("uvicorn", "granian"):
            if importlib.util.find_spec(server) is None:
                print(f"{server} is not installed and is left out", file=sys.stderr)
            elif only in server:
                self.by_name[f"the application alone, {server}"] = self._alone(server)

    def _service(self, name: str, config: str, *, replicated: bool) -> Target:
        of = self.folders[name] = self._folder / f"way-{len(self.folders)}"
        url = self._stack.enter_context(servers.replicated()) if replicated else None
        if url is not None:
            config += f'[redis]\nurl = "{url}"\n'
        server = self._stack.enter_context(servers.service(of, config))
        read = partial(servers.counts_of_service, of) if url is None else partial(servers.counts_at, url)
        return self._target(server, read, knows="memory" not in config)

    def _alone(self, server: str) -> Target:
        url = self._stack.enter_context(servers.valkey())
        command = [sys.executable, str(Path(__file__).with_name("application.py")), server, url]
        running = servers.Server(server, command, self._folder / f"{server}.log")
        self._stack.callback(running.stop)
        return self._target(running, partial(servers.counts_at, url))

    @staticmethod
    def _target(server: servers.Server, read: Callable[[], Counts], *, knows: bool = True) -> Target:
        target = Target(server, lambda: settled(read, target.acknowledged), knows=knows)
        return target


def in_turn(loads: list[Callable[[], Load]], rounds: int) -> list[list[Load]]:
    """Every load once a round, the order turning; per load its rounds."""
    found: list[list[Load]] = [[] for _ in loads]
    for number in range(rounds):
        order = list(range(len(loads)))
        for index in order if number % 2 == 0 else reversed(order):
            found[index].append(loads[index]())
    return found


def singles(ways: Ways, rounds: int, seconds: float) -> Iterator[Row]:
    """One event a request, in every way."""
    sent = one_by_one("readers", EVENTS_PATH, of_readers("s", SINGLES))
    for target in ways.by_name.values():
        target.loaded(sent, seconds)  # warm, and there are earlier turns to repeat
    targets = {**ways.by_name, "bare": ways.bare}
    *ours, bare = in_turn([partial(each.loaded, sent, seconds) for each in targets.values()], rounds)
    for name, found in zip(ways.by_name, ours, strict=True):
        yield _row(f"single events, {name}", "requests/s", found, "bare ASGI", [each.per_s for each in bare], bare)


def batches(ways: Ways, rounds: int, seconds: float) -> Iterator[Row]:
    """Events in batches of several sizes, with the write key, as shipped; beside pipelined HINCRBY."""
    target = ways.by_name[AS_IT_IS]
    key = servers.write_key(ways.folders[AS_IT_IS])
    sizes = []
    for size in BATCH_SIZES:
        reads = of_readers(f"b{size}-", size * max(REQUESTS_LEAST, REQUESTS_MOST // size))
        sizes.append(in_batches(f"b{size}-", EVENTS_PATH, LINES, reads, size, key=key))
    # All that they hold at once is less than a worker lets wait (`ingest.max_pending`).
    loads = in_turn([partial(target.loaded, each, seconds, connections=CONNECTIONS) for each in sizes], rounds)
    limit = hincrby_per_s(rounds)
    for size, found in zip(BATCH_SIZES, loads, strict=True):
        theirs = limit or [each.per_s for each in found]
        yield _row(
            f"batches of {size:,}, {AS_IT_IS}", "events/s", found,
            "redis-benchmark, HINCRBY" if limit else "itself", theirs, [],
        )  # fmt: skip


def hincrby_per_s(rounds: int) -> list[float]:
    """Increments a second of each round by redis-benchmark; none where it is not installed."""
    program = shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")
    if program is None:
        print("redis-benchmark is not installed and is left out: apt-get install redis-tools", file=sys.stderr)
        return []
    with servers.valkey() as url:
        command = [program, "-s", url.removeprefix("unix://"), "-P", f"{PIPELINE}", "-n", f"{BENCHMARK_REQUESTS}"]
        command += ["-r", f"{FIELDS}", "--csv", "HINCRBY", "counts", "view|berita-__rand_int__", "1"]
        found = []
        for _ in range(rounds):
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found.append(float(done.stdout.splitlines()[-1].split('","')[1].strip('"')))
        return found


def _row(name: str, unit: str, ours: list[Load], against: str, theirs: list[float], others: list[Load]) -> Row:
    found = ratios((each.per_s for each in ours), theirs)
    value = statistics.median(each.per_s for each in ours)
    return Row(
        name, value, unit, against, statistics.median(theirs), statistics.median(found), "", None,
        {"answers": answers_of(ours + others), "ratios": found, "rounds": [round(each.per_s) for each in ours]},
    )  # fmt: skip


def main() -> None:
    """Run everything and print it."""
    given = rounds_parser(__doc__, 3, 2.0).parse_args()
    servers.stop_on_sigterm()
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-bench-")))
        ways = Ways(stack, folder, given.only)
        rows = [*singles(ways, given.rounds, given.seconds), *batches(ways, given.rounds, given.seconds)]
    notes = f"medians of {given.rounds} interleaved rounds of {given.seconds:g} s, {time.monotonic() - started:.0f} s"
    show(rows, "Ways of taking events in", notes, as_json=given.json)
    end_by(rows)


if __name__ == "__main__":
    main()
