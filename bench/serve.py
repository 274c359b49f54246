"""How fast lists are read: the real service against a bare ASGI callable that answers the same bytes.

`python bench/serve.py [--json] [--rounds N] [--seconds S] [--only TEXT]`; about two minutes with the defaults.

What is measured: `populer serve --workers 1` as shipped, with its jobs process, which publishes every 5 s while the
lists are read. Each row asks for one form of the list "populer" (7 of 300 items); the baseline of a row is a server of
its own, on the service's uvicorn settings, that looks at nothing and answers the status, headers and bytes that the
service has answered. The row "plain" stands beside more: FastAPI that encodes the same list for each request, FastAPI
that asks Redis for the top of a sorted set each time, and, as the limit, a static file by nginx. They are loaded one
after the other, in an order that turns with every round, and a ratio is the median of the rounds' ratios. Nothing is
pinned to a core.

What makes it honest: every answer's status line and length are looked at, and `answers` says what was wrong. "exclude"
asks for the list without another item in every request, as article pages do, one in forty of them without one that it
shows. While 304s are measured no list is published, as an ETag that a client holds would go stale: their row says 304s
and nothing else. Latencies at a fixed rate count from when a request was due: lateness of the generator
(`sent_late_p99_ms`), and of a machine that others use, is in them. The commands that the store was asked meanwhile are
counted by itself and compared with those of an idle service.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import load
import servers
from baselines import fill_ranked
from report import Row, ratios, rounds_parser, show
from servers import AS_SHIPPED, Server, baseline, service, usage

ITEMS = 300
RATE_GOAL, P99_GOAL_MS, RATE = 0.7, 10.0, 1_000.0
REFRESH_S = 5.0
LIST = "/v1/lists/populer"
PEERS_OF = "plain"
STILL, STILL_WITHIN_S = '[refresh]\nevery = "1h"\nstale_after = "1d"\n', 60.0


class Kind(NamedTuple):
    """One way of reading a list: paths that are asked for in turn, what is accepted, and whether the client has it."""

    name: str
    paths: list[str]
    accepts: str = "identity"
    known: bool = False


class Load(NamedTuple):
    """Answers a second, CPU per answer (µs), latencies, and what was wrong (empty: nothing)."""

    per_s: float
    cpu_us: float
    p99_ms: float
    late_p99_ms: float
    answers: int
    trouble: str


KINDS = [
    Kind("plain", [LIST]),
    Kind("gzip", [LIST], "gzip"),
    Kind("brotli", [LIST], "gzip, deflate, br"),
    Kind("304", [LIST], "gzip", known=True),
    Kind("exclude", [f"{LIST}?exclude=berita-{n:03}" for n in range(ITEMS)], "gzip"),
    Kind("two lists", ["/v1/lists?limit=8&names=populer,update"], "gzip"),
    Kind("html", [f"{LIST}?format=html"], "gzip"),
    Kind("feed", [f"{LIST}?format=feed"], "gzip"),
    Kind("page", ["/lists/populer"], "gzip"),
]


class Reads(NamedTuple):
    """A kind's requests as they are sent, and the status of a good answer."""

    requests: list[str]
    status: int

    def load(self, server: Server, seconds: float, rate: float | None = None) -> Load:
        """Read from `server`."""
        before = {pid: usage(pid).cpu_s for pid in server.pids()}
        plan = load.Plan(server.host, server.port, self.requests, 0, seconds, rate=rate, status=self.status)
        outcome = load.run(plan)
        good = sum(outcome.acknowledged)
        worked_s = max(usage(pid).cpu_s - was for pid, was in before.items())  # the jobs process did less
        return Load(
            outcome.answers / outcome.seconds,
            1e6 * worked_s / max(1, good),
            _percentile(outcome.latencies_ms, 99),
            _percentile(outcome.lateness_ms, 99),
            good,
            "; ".join(f"{count} x {what}" for what, count in outcome.refused.items()),
        )


def fill(server: Server, folder: Path) -> None:
    """Describe the items and have them read; return once the lists show it."""
    key = {"authorization": f"Bearer {servers.write_key(folder)}"}
    items = [
        {
            "id": f"berita-{n:03}",
            "title": f"Harga Cabai Rawit Turun Tajam di {n} Pasar, Pedagang Menunggu Pasokan Baru",
            "url": f"https://www.koran.example/ekonomi/2025/12/01/{n:03}/harga-cabai-rawit-turun-tajam",
            "section": ("Ekonomi", "Olahraga", "Politik")[n % 3],
            "published_at": time.time() - 60 * n,
            "image": f"https://img.koran.example/2025/12/{n:03}.jpg",
        }
        for n in range(ITEMS)
    ]
    with httpx2.Client(base_url=f"http://{server.host}:{server.port}", headers=key, trust_env=False) as http:
        http.put("/v1/items", json=items).raise_for_status()
        events = [{"item": f"berita-{n:03}"} for n in range(ITEMS) for _ in range(max(1, 40 - n))]
        http.post("/v1/events", json=events).raise_for_status()
        while len(http.get(LIST, params={"limit": 100}).json().get("items", [])) < 100:
            time.sleep(0.1)


def prepared(kind: Kind, server: Server, folder: Path) -> tuple[Reads, Path]:
    """The requests of a kind, and a file with what the service answers to the first of them."""
    asked = {"accept-encoding": kind.accepts, "host": f"{server.host}:{server.port}"}
    with httpx2.Client(base_url=f"http://{server.host}:{server.port}", headers=asked, trust_env=False) as http:
        if kind.known:
            asked["if-none-match"] = http.get(kind.paths[0]).headers["etag"]
        with http.stream("GET", kind.paths[0], headers=asked) as answer:
            body = b"".join(answer.iter_raw())
        left = {"date"}  # uvicorn says it itself
        named = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in answer.headers.raw
            if name.decode("latin-1") not in left
        ]
    file = folder / f"{kind.name}.json"
    file.write_text(json.dumps([answer.status_code, named, body.decode("latin-1")]))
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    return Reads([f"GET {path} HTTP/1.1\r\n{head}\r\n" for path in kind.paths], answer.status_code), file


def commands(folder: Path) -> int:
    """Commands that the service's store has carried out so far."""
    from redis import Redis

    from ranking.store.embedded.data_dir import socket_url

    with Redis.from_url(socket_url(folder / "data")) as redis:
        return int(redis.info("stats")["total_commands_processed"])


def measured(kind: Kind, server: Server, folder: Path, given: argparse.Namespace) -> tuple[list[Row], float]:
    """The rows of a kind, and the CPU (µs) that an answer costs."""
    reads, file = prepared(kind, server, folder)
    with contextlib.ExitStack() as stack:
        others = {"bare ASGI, same bytes": stack.enter_context(baseline("same", folder, str(file)))}
        if kind.name == PEERS_OF:
            others |= peers(stack, folder, file)
        loads = {"": list[Load](), **{name: list[Load]() for name in others}}
        for number in range(given.rounds):
            for name in list(loads)[:: 1 if number % 2 else -1]:
                loads[name].append(reads.load(others.get(name, server), given.seconds))
        paced = reads.load(server, 2 * given.seconds, RATE)
    ours, theirs = loads.pop(""), loads.pop("bare ASGI, same bytes")
    found = _ratios(ours, theirs)
    ratio = statistics.median(found)
    cpu_us = statistics.median(each.cpu_us for each in ours)
    bare_us = statistics.median(each.cpu_us for each in theirs)
    trouble = "; ".join(filter(None, (each.trouble for each in (*ours, *theirs, paced))))
    more = {"answers": trouble or f"{sum(each.answers for each in ours):,} right"}
    return [
        Row(
            f"{kind.name}: reads", statistics.median(each.per_s for each in ours), "1/s", "bare ASGI, same bytes",
            statistics.median(each.per_s for each in theirs), ratio, f">= {RATE_GOAL}",
            ratio >= RATE_GOAL and not trouble,
            {**more, "ratios": found, "cpu_us": round(cpu_us, 1), "baseline_cpu_us": round(bare_us, 1)},
        ),
        *(
            Row(
                f"{kind.name}: reads", statistics.median(each.per_s for each in ours), "1/s", name,
                statistics.median(each.per_s for each in others_of), statistics.median(_ratios(ours, others_of)),
                "", None,
                {"answers": "; ".join(filter(None, (each.trouble for each in others_of))) or more["answers"],
                 "ratios": _ratios(ours, others_of)},
            )
            for name, others_of in loads.items()
        ),
        Row(
            f"{kind.name}: p99 at {RATE:,.0f}/s", paced.p99_ms, "ms", "the goal", P99_GOAL_MS,
            paced.p99_ms / P99_GOAL_MS, f"< {P99_GOAL_MS:g} ms", paced.p99_ms < P99_GOAL_MS and not paced.trouble,
            {"answers": paced.trouble or f"{paced.answers:,} right", "sent_late_p99_ms": round(paced.late_p99_ms, 3)},
        ),
    ], cpu_us  # fmt: skip


def _ratios(ours: list[Load], theirs: list[Load]) -> list[float]:
    return ratios((each.per_s for each in ours), (each.per_s for each in theirs))


def peers(stack: contextlib.ExitStack, folder: Path, file: Path) -> dict[str, Server]:
    """Servers of the list in `file` as others would have them, by name, running until `stack` is left."""
    url = stack.enter_context(servers.valkey())
    fill_ranked(url, file)
    found = {
        "FastAPI, JSON encoding": stack.enter_context(baseline("json", folder, str(file))),
        "FastAPI, ZREVRANGE per request": stack.enter_context(baseline("ranked", folder, url)),
    }
    if (program := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        print("nginx is not installed and is left out: apt-get install nginx-light", file=sys.stderr)
    else:
        command = [sys.executable, str(Path(__file__).with_name("static_file.py")), program, str(file)]
        found["nginx, a static file"] = Server("nginx", command, folder / "nginx.log")
        stack.callback(found["nginx, a static file"].stop)
    return found


@contextlib.contextmanager
def still_lists(server: Server, folder: Path) -> Iterator[None]:
    """No list is published meanwhile: the ETags that clients hold stay right."""
    settings = folder / "populer.toml"
    before = settings.read_text()
    settings.write_text(before + STILL)
    with httpx2.Client(base_url=f"http://{server.host}:{server.port}", trust_env=False) as http:
        until = time.monotonic() + STILL_WITHIN_S
        while time.monotonic() < until:
            tags = []
            for pause_s in (REFRESH_S + 1.0, 0.0):
                tags.append(http.get(LIST).headers["etag"])
                time.sleep(pause_s)
            if tags[0] == tags[1]:
                break
    yield
    settings.write_text(before)


def main() -> None:
    """Measure and print."""
    given = rounds_parser(__doc__, 3, 1.5).parse_args()
    servers.stop_on_sigterm()
    rows: list[Row] = []
    cpu: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="populer-bench-") as name:
        folder = Path(name)
        with service(folder / "service", AS_SHIPPED) as server:
            fill(server, folder / "service")
            for kind in KINDS:
                if given.only in kind.name:
                    with still_lists(server, folder / "service") if kind.known else contextlib.nullcontext():
                        found, cpu[kind.name] = measured(kind, server, folder, given)
                    rows += found
            if "304" in cpu and "gzip" in cpu:
                ratio = cpu["304"] / cpu["gzip"]
                rows.append(Row("304: CPU", cpu["304"], "µs", "a 200 (gzip)", cpu["gzip"], ratio, "< 1", ratio < 1, {}))
            rows.append(asked_of_store(server, folder / "service", folder))
    show(rows, "Reading lists", __doc__.split("\n\n")[2].replace("\n", " "), as_json=given.json)


def asked_of_store(server: Server, data: Path, folder: Path) -> Row:
    """What the store is asked while lists are read, beside an idle service, each from one refresh to the next."""
    reads, _ = prepared(KINDS[0], server, folder)
    found = []
    for busy in (False, True):
        before, began = commands(data), time.perf_counter()
        done = reads.load(server, REFRESH_S) if busy else time.sleep(REFRESH_S)
        found.append((commands(data) - before) / (time.perf_counter() - began))
        answers = done.per_s if done else 0.0
    per_read = max(0.0, found[1] - found[0]) / max(1.0, answers)
    return Row(
        "commands of the store per read", per_read, "", "of an idle service, 1/s", found[0], found[1] / found[0],
        "< 0.001", per_read < 0.001, {"busy_per_s": round(found[1], 1), "reads_per_s": round(answers)},
    )  # fmt: skip


def _percentile(values: list[float], percent: int) -> float:
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
