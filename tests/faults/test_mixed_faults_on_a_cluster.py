"""Three processes that rank, two services and a cluster with replicas, under faults of every kind: the ledger holds.

What was answered as being on a replica, or on disk, is counted once; every other batch once or not at all. What comes
next is drawn from a seed, which a failure names. POPULER_SOAK=1 goes on for an hour.
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
import servers
from ledger import Ledger, Sender, await_counted, counted
from service import MODULE, Service, children_of, environment, serving, wait_until
from soak import LONG, either
from stage import do_one_of

T = TypeVar("T")

SEED = random.SystemRandom().randrange(10**6) if LONG else 20_251_201
LASTS_S = float(os.environ.get("POPULER_SOAK_S", "3600")) if LONG else 20.0
LONGEST_S = either(0.5, 6.0)
BETWEEN_EVENTS = 300
RECOVERS_WITHIN_S = 120.0
SITES = ("default", "kedua", "ketiga")
SAFE = ("replica", "spool")
KEY = "kunci-tulis-"

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300 + int(LASTS_S))]


class Ranking:
    """A `populer serve --only jobs` that is started again when it was killed as a whole."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.log = folder.with_suffix(".log")
        self._command = [*MODULE, "serve", "--only", "jobs", "--data", str(folder), "--config", str(config)]
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=environment(), start_new_session=True
            )

    def end(self) -> None:
        for pid in (*children_of(self.process.pid), self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


class Stage:
    """All that can be killed, stalled and moved."""

    def __init__(self, cluster: servers.Topology, services: list[Service], ranking: list[Ranking]) -> None:
        self._nodes = [*cluster.servers, *cluster.replicas]
        self._services = services
        self._ranking = ranking
        self._chance = random.Random(SEED)
        self.done: list[str] = []

    def do_something(self) -> None:
        """One fault, for as long as chance will have it."""
        faults: dict[str, Callable[[float], None]] = {
            "kill a worker": self._kill_worker,
            "kill a ranking process": self._kill_ranking,
            "kill all of a ranking host": self._kill_ranking_host,
            "stall a process": self._stall_process,
            "stall a node": self._stall_node,
            "lose a primary": self._lose_primary,
            "cut connections": self._cut,
        }
        do_one_of(faults, self._chance, LONGEST_S, self.done)

    def _kill_worker(self, _: float) -> None:
        _signal(self._any(self._services).children(), self._chance, signal.SIGKILL)

    def _kill_ranking(self, _: float) -> None:
        _signal(children_of(self._any(self._ranking).process.pid), self._chance, signal.SIGKILL)

    def _kill_ranking_host(self, for_s: float) -> None:
        host = self._any(self._ranking)
        host.end()
        time.sleep(for_s)
        host.start()

    def _stall_process(self, for_s: float) -> None:
        found = [pid for each in self._services for pid in each.children()]
        found += [pid for each in self._ranking for pid in children_of(each.process.pid)]
        pid = _signal(found, self._chance, signal.SIGSTOP)
        time.sleep(for_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _stall_node(self, for_s: float) -> None:
        node = self._any(self._nodes)
        node.send(signal.SIGSTOP)
        time.sleep(min(for_s, 1.0))  # shorter than it takes the others to call it lost
        node.send(signal.SIGCONT)

    def _lose_primary(self, for_s: float) -> None:
        """Kill a primary whose replica is in step, wait for that to take over, and bring it back as its replica."""
        primaries = [node for node in self._nodes if _is_primary(node)]
        ready = [node for node in primaries if len(node.admin.role()[2]) == 1]
        if len(primaries) != 3 or not ready:
            return
        lost = self._any(ready)
        lost.kill()
        others = [node for node in self._nodes if node is not lost]
        servers.wait_until(lambda: sum(map(_is_primary, others)) == len(primaries), "a replica to take over")
        time.sleep(for_s)
        lost.start()
        servers.wait_until(lambda: servers.in_step(lost), "the node that was lost in step")

    def _cut(self, _: float) -> None:
        node = self._any(self._nodes)
        node.admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _any(self, things: list[T]) -> T:
        return self._chance.choice(things)


def _is_primary(node: servers.Valkey) -> bool:
    return bool(node.admin.role()[0] == b"master")


def _signal(pids: list[int], chance: random.Random, number: signal.Signals) -> int:
    pid = chance.choice(pids) if pids else 0
    with contextlib.suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)
    return pid


@contextlib.contextmanager
def stage_of(folder: Path, cluster: servers.Topology) -> Iterator[tuple[list[Service], list[Ranking]]]:
    config = folder / "populer.toml"
    sites = "".join(f"[[sites]]\nid = '{site}'\nkeys.write = '{KEY}{site}'\n" for site in SITES)
    config.write_text(
        '[ingest]\nbots = false\ndedupe_window = "0s"\nack = "replica"\nspool_after = "200ms"\n'
        '[refresh]\nevery = "1s"\nlease = "3s"\n[retention]\nbucket = "10s"\nseal_after = "1s"\n'
        f'[redis]\nurl = "{cluster.url}"\ntimeout = "1s"\n{sites}'
    )
    with contextlib.ExitStack() as stack:
        services = [
            stack.enter_context(serving(folder / f"api-{number}", "--config", str(config), "--only", "api"))
            for number in range(2)
        ]
        ranking = [Ranking(folder / f"jobs-{number}", config) for number in range(3)]
        for each in ranking:
            stack.callback(each.end)
        yield services, ranking


def test_ledger_holds_whatever_happens_to_a_cluster_and_to_those_who_use_it(tmp_path: Path) -> None:
    with servers.cluster(replicas=3) as cluster, stage_of(tmp_path, cluster) as (services, ranking):
        for node in (*cluster.servers, *cluster.replicas):
            node.admin.config_set("appendonly", "yes")  # a node that comes back has what it had
        ledgers = {site: Ledger() for site in SITES}
        with contextlib.ExitStack() as stack:
            senders = [
                stack.enter_context(
                    Sender(
                        service,
                        ledgers[site],
                        keyed=True,
                        pause_s=either(0.05, 0.02),
                        site=site,
                        key=f"{KEY}{site}",
                        safe=SAFE,
                    )
                )
                for service, site in itertools.product(services, SITES)
            ]
            stage = Stage(cluster, services, ranking)
            try:
                until = time.monotonic() + LASTS_S
                while time.monotonic() < until:
                    stage.do_something()
                    for ledger in ledgers.values():
                        goal = ledger.acked + BETWEEN_EVENTS
                        wait_until(lambda ledger=ledger, goal=goal: ledger.acked >= goal, RECOVERS_WITHIN_S)
                for sender in senders:
                    sender.finish()
                for site, ledger in ledgers.items():
                    await_counted(ledger, cluster.url, site)
                    lists_are_of_now(services, site)
                for service in services:
                    assert service.stop() == 0
                for site, ledger in ledgers.items():
                    ledger.check(counted(cluster.url, site))
            except AssertionError as error:
                raise AssertionError(f"seed {SEED}, after {len(stage.done)}: {stage.done[-20:]}") from error
        for log in (*(each.log for each in services), *(each.log for each in ranking)):
            assert "Traceback" not in log.read_text(), log
        sent = {site: (ledger.sent, ledger.acked) for site, ledger in ledgers.items()}
        print(f"{len(stage.done)} faults; events sent and acknowledged: {sent}")  # noqa: T201


def lists_are_of_now(services: list[Service], site: str) -> None:
    """Return once each service serves a list of after this moment."""
    since = time.time()
    for service in services:
        with httpx2.Client(base_url=service.url, trust_env=False, timeout=30) as http:
            path = f"/v1/lists/populer?site={site}"
            wait_until(
                lambda http=http, path=path: http.get(path).json().get("generated_at", 0.0) > since, RECOVERS_WITHIN_S
            )
