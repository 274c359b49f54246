"""Three jobs processes, and whichever leads is paused or killed: lists go on, and no generation comes twice or late.

POPULER_SOAK=1 runs the long form, which also holds how long a takeover may take.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from redis.client import PubSub

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
TAKEOVERS = 50 if SOAK else 6
EVERY_S, LEASE_S = 0.25, 0.75
#: A takeover is measured from outside, by a process that shares the machine's cores with four others.
PATIENCE_S = 0.5
SITE, LIST = "default", "populer"
RAW: dict[str, Any] = {"refresh": {"every": f"{EVERY_S}s", "lease": f"{LEASE_S}s"}}


class Jobs:
    """A jobs process as `populer serve` starts one."""

    def __init__(self, url: str, log: Path, raw: dict[str, Any] = RAW) -> None:
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

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Team:
    """Jobs processes on one store; a killed one is replaced."""

    def __init__(self, server: servers.Valkey, log: Path, size: int) -> None:
        self._server = server
        self._log = log
        self.members = [Jobs(server.unix_url, log) for _ in range(size)]

    @property
    def leader(self) -> Jobs | None:
        holder = self._server.admin.get(keys.LEASE_HOLDER)
        pid = int(holder.decode().split(":")[1]) if holder else 0
        return next((member for member in self.members if member.process.pid == pid), None)

    def replace(self, member: Jobs) -> None:
        member.kill()
        self.members[self.members.index(member)] = Jobs(self._server.unix_url, self._log)

    def end(self) -> None:
        for member in self.members:
            member.kill()


@contextlib.contextmanager
def team(server: servers.Valkey, log: Path, size: int = 3) -> Iterator[Team]:
    members = Team(server, log, size)
    try:
        yield members
    finally:
        members.end()


def epoch_published(server: servers.Valkey) -> int:
    return int(server.admin.hget(keys.published(SITE, LIST), "epoch") or 0)


def generations_heard(listener: PubSub) -> list[int]:
    found = []
    while message := listener.get_message(timeout=0.05):
        kind, _, rest = message["data"].decode().partition(" ")
        if kind == "list" and rest.startswith(f"{LIST} "):
            found.append(int(rest.rpartition(" ")[2]))
    return found


@pytest.mark.timeout(600 if SOAK else 120)
def test_no_leader_rolls_a_list_back(server: servers.Valkey, tmp_path: Path) -> None:
    listener = server.admin.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(keys.news(SITE))
    servers.wait_until(lambda: listener.get_message(timeout=1) or listener.subscribed, "the listener")
    took_s = []
    with team(server, tmp_path / "log", 3) as jobs:
        servers.wait_until(lambda: epoch_published(server), "a first list")
        for number in range(TAKEOVERS):
            servers.wait_until(lambda: jobs.leader, "a leader")
            leader, before = jobs.leader, epoch_published(server)
            assert leader is not None
            lost_at = time.monotonic()
            leader.send(signal.SIGKILL if number % 3 == 2 else signal.SIGSTOP)
            servers.wait_until(lambda before=before: epoch_published(server) > before, "a list of another leader")
            took_s.append(time.monotonic() - lost_at)
            if number % 3 == 2:
                jobs.replace(leader)
            else:
                leader.send(signal.SIGCONT)
        servers.wait_until(lambda: jobs.leader, "a leader at the end")
        heard = generations_heard(listener)
    listener.close()
    assert len(heard) > TAKEOVERS
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    if SOAK:
        print(f"{TAKEOVERS} takeovers, the longest took {max(took_s):.2f} s")  # noqa: T201 - the soak's figure
        assert max(took_s) <= LEASE_S + EVERY_S + PATIENCE_S


def test_a_process_that_stops_in_order_is_followed_without_waiting_for_its_lease(
    server: servers.Valkey, tmp_path: Path
) -> None:
    with team(server, tmp_path / "log", 2) as jobs:
        servers.wait_until(lambda: epoch_published(server) and jobs.leader, "a first list")
        leader, before = jobs.leader, epoch_published(server)
        assert leader is not None
        leader.send(signal.SIGTERM)
        assert leader.process.wait(10) == 0
        servers.wait_until(lambda: epoch_published(server) > before, "a list of another leader")
        assert jobs.leader not in (leader, None)


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
