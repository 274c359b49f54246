"""The processes that a benchmark measures: a real `populer serve`, and the baselines, each on a port of its own.

What a worker uses (CPU, memory) is read from outside, by `ps` and /proc; what the stores hold is read through the code
that ranks. Everything lives in one temporary folder and is stopped at the end, whatever happened.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout measures itself, installed or not
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from ports import HOST, free_ports, is_listening

ROOT = Path(__file__).resolve().parents[1]
STOP_S, START_S, POLL_S = 15.0, 20.0, 0.05
CHILD = "populer.service.child_process"
#: Every event counts, whoever sends it; and the settings as shipped, but for limits that so few addresses would reach.
ALL_COUNT = '[ingest]\ndedupe_window = "0s"\nbots = false\nnetwork_allowance = 0\naddress_limit = 100_000_000\n'
AS_SHIPPED = "[ingest]\naddress_limit = 100_000_000\n"


class Usage(NamedTuple):
    """What a process has used: CPU seconds, and memory in bytes."""

    cpu_s: float
    rss: int


class Server:
    """A running server. `pids` are the processes that may be its worker, `store` the address of its counts."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        environment = {key: value for key, value in os.environ.items() if not key.startswith("POPULER_")}
        environment["PYTHONPATH"] = str(ROOT)
        with log.open("ab") as to:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=to, text=True, env=environment, cwd=ROOT
            )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line.startswith("ready http://"):
            self.stop()
            raise SystemExit(f"{name} did not start:\n{log.read_text()[-2000:]}")
        address = urlsplit(line.split()[1])
        self.host, self.port = str(address.hostname), int(address.port or 80)

    def pids(self) -> list[int]:
        """Its processes that answer requests, or might: workers and jobs look alike from outside."""
        listed = _ps("-A", "-ww", "-o", "pid=,ppid=,args=")
        rows = [line.split(None, 2) for line in listed.splitlines()]
        children = [int(pid) for pid, ppid, args in rows if int(ppid) == self.process.pid and CHILD in args]
        return children or [self.process.pid]

    def busiest(self) -> int:
        """The process that has used most CPU: under load that is the worker."""
        return max(self.pids(), key=lambda pid: usage(pid).cpu_s)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        self.process.kill()
        self.process.wait(STOP_S)
        if self.process.stdout:
            self.process.stdout.close()


class Counts(NamedTuple):
    """What a store holds, by item: events that count, repeats, and events beyond their network's share."""

    counted: dict[str, int]
    repeated: dict[str, int]
    over_share: dict[str, int]


@contextlib.contextmanager
def service(folder: Path, config: str, *, workers: int = 1) -> Iterator[Server]:
    """`populer serve --workers …` with the settings in `config` and its data in the new `folder`."""
    folder.mkdir()
    settings = folder / "populer.toml"
    settings.write_text(config)
    command = [sys.executable, "-m", "populer", "serve", "--workers", f"{workers}", "--port", "0"]
    command += ["--config", str(settings), "--data", str(folder / "data")]
    server = Server("the service", command, folder / "service.log")
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def baseline(name: str, folder: Path, *arguments: str) -> Iterator[Server]:
    """A server of baselines.py."""
    command = [sys.executable, str(Path(__file__).with_name("baselines.py")), name, *arguments]
    server = Server(name, command, folder / f"{name}.log")
    try:
        yield server
    finally:
        server.stop()


def run_until_stopped(running: subprocess.Popen[bytes], port: int) -> None:
    """Say `ready http://…` once a server of ours answers on `port`, and wait for its end; SIGTERM ends it."""
    signal.signal(signal.SIGTERM, lambda *_: running.terminate())
    until = time.monotonic() + START_S
    while time.monotonic() < until and running.poll() is None:
        if is_listening(port):
            print(f"ready http://{HOST}:{port}", flush=True)
            break
        time.sleep(POLL_S)
    running.wait()


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """A Valkey just like the service's own, on its own; its address."""
    from ranking.store.embedded.server import EmbeddedValkey

    with tempfile.TemporaryDirectory(prefix="populer-bench-") as folder, EmbeddedValkey(Path(folder)) as server:
        yield server.url


@contextlib.contextmanager
def replicated() -> Iterator[str]:
    """A Valkey with a replica, both on ports of the loopback and without a file; the address of the first."""
    import redis

    from ranking.store.embedded.launch import server_program

    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(2):
            ports += free_ports(1)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-bench-"))
            command = [str(server_program()), "--port", f"{ports[-1]}", "--bind", "127.0.0.1", "--dir", folder]
            command += ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
            command += ["--replicaof", f"127.0.0.1 {ports[0]}"] if len(ports) > 1 else []
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
        until = time.monotonic() + STOP_S
        with redis.Redis(port=ports[1]) as replica:
            while True:
                with contextlib.suppress(redis.RedisError):
                    if replica.info("replication").get("master_link_status") == "up":
                        break
                if time.monotonic() > until:
                    raise SystemExit("a Valkey with a replica did not start")
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{ports[0]}"


def write_key(folder: Path) -> str:
    """The key that a service in `folder` has made for its site."""
    from populer.service import site_keys

    return site_keys.read(folder / "data")["default"]["write"]


def counts_of_service(folder: Path) -> Counts:
    """All counts in the store of the service in `folder`."""
    from ranking.store.embedded.data_dir import socket_url

    return counts_at(socket_url(folder / "data"))


def counts_at(url: str) -> Counts:
    """All counts in the store at `url`."""
    from ranking.store.redis.store import RedisStore

    async def read() -> Counts:
        found = Counts({}, {}, {})
        by_channel = {"view": found.counted, "!duplicate": found.repeated, "!concentrated": found.over_share}
        store = RedisStore(url)
        await store.open()
        for shard in range(store.shards):
            buckets = (await store.counts.touched_buckets("default", shard, 0)).buckets
            for stored in await store.counts.read_counts("default", shard, buckets):
                assert not stored.sealed, "a benchmark ends before anything is sealed"
                for field, count in zip(stored.open.fields, stored.open.counts, strict=True):
                    channel, _, item = field.decode().partition("|")
                    if (part := by_channel.get(channel)) is not None:
                        part[item] = part.get(item, 0) + count
        await store.close()
        return found

    return asyncio.run(read())


def usage(pid: int) -> Usage:
    """What process `pid` has used so far; CPU to a hundredth of a second where there is /proc, else as ps says."""
    rss = int(_ps("-o", "rss=", "-p", str(pid)) or 0) * 1024
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Usage((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), rss)
    seconds = 0.0
    for part in _ps("-o", "time=", "-p", str(pid)).strip().replace("-", ":").split(":"):
        seconds = 60 * seconds + float(part or 0)  # nothing where the process is gone
    return Usage(seconds, rss)


def stop_on_sigterm() -> None:
    """Let SIGTERM end this process the way Ctrl-C does: every server is stopped on the way out."""

    def leave(*_: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout  # noqa: S607
