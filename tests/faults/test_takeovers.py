"""Three jobs processes share thirty sites while they are killed, paused, stopped and started at random.

Each site goes on, no generation of a list comes twice or late, and no two processes publish in one term.
POPULER_SOAK=1 runs the long form, which also holds how long a takeover may take.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from publish_witness import Witness

from api.monitoring.config_state import ConfigState
from populer.service.child_messages import Orders
from populer.service.child_output import READY
from ranking.counts.buckets import Bucket, bucket_start
from ranking.errors import OvertakenError
from ranking.published.snapshot import WHOLE_SITE, decode_entries
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

SOAK = bool(os.environ.get("POPULER_SOAK"))
TAKEOVERS = 50 if SOAK else 5
EVERY_S, LEASE_S = 1.0, 1.5
#: A takeover is measured from outside, by a process that shares the machine's cores with five others.
PATIENCE_S = 1.0
SITES = [f"site-{number}" for number in range(30)]
SITE, LIST = "default", "populer"
RAW: dict[str, Any] = {
    "refresh": {"every": f"{EVERY_S}s", "lease": f"{LEASE_S}s"},
    "sites": [{"id": site} for site in SITES[:-1]] + [{"id": SITES[-1], "jobs": "pinned"}],
}


class Jobs:
    """A jobs process as `populer serve` starts one."""

    def __init__(self, url: str, log: Path, name: str = "", raw: dict[str, Any] = RAW) -> None:
        raw = {**raw, "service": {"jobs_name": name}}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POPULER_")}
        with log.open("ab") as to:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "populer.service.child_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=to,
                env=environment,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(Orders("jobs", raw, ConfigState(0.0), url).line())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"\n"
        assert self.process.stdout.readline() == READY + b"\n", log.read_text()

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Team:
    """Jobs processes on one store, and who of them works for which site."""

    def __init__(self, server: servers.Valkey, log: Path, size: int) -> None:
        self._server = server
        self._log = log
        self.members: list[Jobs] = []
        for _ in range(size):
            self.add()

    def add(self, name: str = "") -> Jobs:
        self.members.append(Jobs(self._server.url, self._log, name))
        return self.members[-1]

    def remove(self, member: Jobs) -> None:
        member.end()
        self.members.remove(member)

    @property
    def pids(self) -> set[int]:
        return {each.pid for each in self.members}

    @property
    def leases(self) -> dict[str, tuple[int, int]]:
        """Pid and epoch of each site's lease, of those whose process is known to live."""
        live = self._server.admin.hgetall(keys.JOBS_PROCESSES)
        found = {}
        for site, value in self._server.admin.hgetall(keys.SITE_LEASES).items():
            epoch, _, holder = value.partition(b" ")
            if holder in live:
                found[site.decode()] = (int(holder.split(b":")[1]), int(epoch))
        return {site: lease for site, lease in found.items() if site in SITES}

    def shares(self) -> bool:
        """Whether all sites are led, by members alone, and each member leads some."""
        leases = self.leases
        return len(leases) == len(SITES) and {pid for pid, _ in leases.values()} == self.pids


@contextlib.contextmanager
def team(server: servers.Valkey, log: Path, size: int = 3) -> Iterator[Team]:
    found = Team(server, log, size)
    try:
        yield found
    finally:
        for member in found.members:
            member.end()


@contextlib.contextmanager
def witness(server: servers.Valkey) -> Iterator[Witness]:
    found = Witness(server)
    try:
        yield found
    finally:
        found.close()


def epochs_published(server: servers.Valkey) -> dict[str, int]:
    return {site: int(server.admin.hget(keys.published(site, LIST), "epoch") or 0) for site in SITES}


def hurt(jobs: Team, chance: random.Random) -> tuple[str, Jobs]:
    """Do something to one of the processes; what, and to which."""
    victim, fault = chance.choice(jobs.members), chance.choice(["kill", "pause", "stop", "start"])
    if fault == "kill":
        victim.send(signal.SIGKILL)
    elif fault == "pause":
        victim.send(signal.SIGSTOP)
    elif fault == "stop":
        victim.send(signal.SIGTERM)
    else:
        victim = jobs.add()
    return fault, victim


def mend(jobs: Team, fault: str, victim: Jobs, chance: random.Random) -> None:
    """Let there be three again."""
    if fault == "pause":
        victim.send(signal.SIGCONT)
    elif fault == "start":
        jobs.remove(chance.choice(jobs.members))
    else:
        if fault == "stop":
            assert victim.process.wait(20) == 0
        jobs.remove(victim)
        jobs.add()


@pytest.mark.timeout(1800 if SOAK else 300)
def test_every_site_goes_on_and_none_is_published_by_two_in_one_term(server: servers.Valkey, tmp_path: Path) -> None:
    chance = random.Random(18)
    took_s: list[float] = []
    with witness(server) as seen, team(server, tmp_path / "log", 3) as jobs:
        servers.wait_until(lambda: all(epochs_published(server).values()), "first lists")
        servers.wait_until(jobs.shares, "each to have its share")
        while len(took_s) < TAKEOVERS:
            seen.settle(jobs.pids)
            before, leases = epochs_published(server), jobs.leases
            at = time.monotonic()
            fault, victim = hurt(jobs, chance)
            lost = [site for site, (pid, _) in leases.items() if pid == victim.pid]

            def refreshed(lost: list[str] = lost, before: dict[str, int] = before) -> bool:
                epochs = epochs_published(server)
                return all(epochs[site] > before[site] for site in lost)

            servers.wait_until(refreshed, f"lists of other processes after a {fault}")
            if lost:
                took_s.append(time.monotonic() - at)
            seen.settle(jobs.pids)
            mend(jobs, fault, victim, chance)
            servers.wait_until(jobs.shares, f"each to have its share after a {fault}")
        generations = {site: seen.generations[site, LIST][-1] for site in SITES}
        servers.wait_until(
            lambda: all(seen.generations[site, LIST][-1] > generations[site] for site in SITES),
            "lists of all at the end",
        )
    for place, found in seen.generations.items():
        assert found == list(range(1, len(found) + 1)), place
    for place, found in seen.epochs.items():
        assert found == sorted(found), f"{place}: an earlier term went over a later one"
    assert len(seen.publishers) >= len(SITES)
    assert seen.settled > sum(map(len, seen.generations.values())) / 2
    assert {term: pids for term, pids in seen.publishers.items() if len(pids) > 1} == {}
    if SOAK:
        print(f"{len(took_s)} takeovers, the longest took {max(took_s):.2f} s")  # noqa: T201 - the soak's figure
        assert max(took_s) <= LEASE_S + EVERY_S + PATIENCE_S


def test_a_pinned_site_is_of_the_process_of_that_name_while_it_lives(server: servers.Valkey, tmp_path: Path) -> None:
    with team(server, tmp_path / "log", 2) as jobs:
        servers.wait_until(jobs.shares, "each to have its share")
        pinned = jobs.add("pinned")
        servers.wait_until(
            lambda: jobs.shares() and jobs.leases.get(SITES[-1], (0, 0))[0] == pinned.pid, "the pinned site"
        )
        before = epochs_published(server)[SITES[-1]]
        pinned.send(signal.SIGTERM)
        assert pinned.process.wait(20) == 0
        servers.wait_until(lambda: epochs_published(server)[SITES[-1]] > before, "a list of one that stands in")


class Sleeper:
    """A store whose caller falls asleep in the middle of its first publish."""

    def __init__(self, store: RedisStore) -> None:
        self._store, self.lists = store, self
        self.asleep, self.awake = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store if hasattr(self._store, name) else self._store.lists, name)

    async def publish(self, *arguments: Any) -> int | None:
        self.asleep.set()
        await self.awake.wait()
        return await self._store.lists.publish(*arguments)


async def test_a_leader_that_fell_asleep_while_it_published_changes_nothing_when_it_wakes(
    server: servers.Valkey,
) -> None:
    at = servers.NOW
    bucket = Bucket(300, bucket_start(at - 400, 300))
    settings = Settings.model_validate(
        {"retention": {"keep": servers.FOR_EVER}, "lists": {"populer": {"listed": "all"}}}
    )
    async with servers.opened(server.unix_url) as store:
        await store.counts.record(Batch(SITE, 0, "one", 1, {bucket: {"view|old": 1}}), settings.retention.keep_s)
        sleeper: Any = Sleeper(store)
        paused = asyncio.create_task(Refresher(RankedSite(sleeper, settings, SITE)).refresh(at, 1))
        await sleeper.asleep.wait()
        await store.counts.record(Batch(SITE, 0, "one", 2, {bucket: {"view|new": 5}}), settings.retention.keep_s)
        assert await Refresher(RankedSite(store, settings, SITE)).refresh(at - 20, 2) == {
            "populer": 1,
            "trending": 1,
            "update": 1,
        }
        sleeper.awake.set()
        with pytest.raises(OvertakenError):
            await paused
        found = await store.lists.published(SITE, LIST, {})
        assert found is not None
        assert found.generation == 1
        assert [entry.id for entry in decode_entries(found.bodies[WHOLE_SITE])] == ["new", "old"]
