"""A worker that is killed, wherever it is, loses nothing it acknowledged and counts nothing twice (P1, P8)."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fail_points import COMMITTING, REPLAYING, SPOOLING, environment
from ledger import Ledger, Sender, await_counted, counted
from service import Service, serving, wait_until
from soak import LONG, either
from stage import nothing_waits, settings_file

from ranking.store.embedded.server import EmbeddedValkey

KILLS_EACH = either(1, 20)
EVENTS_IN_ALL = either(0, 100_000)
EVENTS_A_BATCH = either(50, 200)
WORKERS = 2


class Stage:
    """A service of two workers on a Valkey that can be taken away, and clients that never rest."""

    def __init__(self, service: Service, valkey: EmbeddedValkey, points: Path, senders: list[Sender]) -> None:
        self.service = service
        self.valkey = valkey
        self.chance = random.Random(20_251_201)
        self._ledger = senders[0].ledger
        self._points = points
        self._senders = senders

    def take_store_away(self) -> None:
        assert self.valkey.pid is not None
        os.kill(self.valkey.pid, signal.SIGKILL)
        wait_until(lambda: not self.valkey.alive())

    def arm(self, point: str) -> None:
        (self._points / point).touch()

    def await_death(self, point: str) -> None:
        """Return when a worker has died at an armed point."""
        wait_until(lambda: not (self._points / point).exists())

    def go_on(self) -> None:
        """Return when there are as many processes as before, and clients are acknowledged again."""
        wait_until(lambda: len(self.service.children()) == WORKERS + 1)
        self.let_pass(EVENTS_A_BATCH)

    def let_pass(self, events: int) -> None:
        """Return when so many more events were acknowledged."""
        self.reach(self._ledger.acked + events)

    def reach(self, events: int) -> None:
        """Return when so many events were acknowledged since the start."""
        wait_until(lambda: self._ledger.acked >= events, 300)

    def compare(self) -> None:
        """Stop everything, and compare what was counted with what was sent."""
        for sender in self._senders:
            sender.finish()
        await_counted(self._ledger, self.valkey.url)
        assert self.service.stop() == 0
        assert nothing_waits(self.service)
        self._ledger.check(counted(self.valkey.url))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    points, ledger = tmp_path / "points", Ledger()
    points.mkdir()
    with ExitStack() as stack:
        valkey = stack.enter_context(EmbeddedValkey(tmp_path / "store"))
        file = settings_file(tmp_path, valkey.url, spool_after="50ms")
        arguments = ("--config", file, "--workers", str(WORKERS))
        service = stack.enter_context(serving(tmp_path / "data", *arguments, env=environment(points)))
        senders = [
            stack.enter_context(Sender(service, ledger, events=EVENTS_A_BATCH, keyed=keyed))
            for keyed in (False, False, True, True)
        ]
        yield Stage(service, valkey, points, senders)


def commit(stage: Stage, point: str) -> None:
    stage.arm(point)
    stage.await_death(point)


def spool(stage: Stage, point: str) -> None:
    stage.take_store_away()
    stage.arm(point)
    stage.await_death(point)
    stage.valkey.ensure()


def replay(stage: Stage, point: str) -> None:
    stage.take_store_away()
    stage.let_pass(10 * EVENTS_A_BATCH)
    stage.arm(point)
    stage.valkey.ensure()
    stage.await_death(point)


def anywhere(stage: Stage, _: str) -> None:
    stage.let_pass(stage.chance.randrange(EVENTS_A_BATCH, 20 * EVENTS_A_BATCH))
    os.kill(stage.chance.choice(stage.service.children()), signal.SIGKILL)


KILLS = {
    **dict.fromkeys(COMMITTING, commit),
    **dict.fromkeys(SPOOLING, spool),
    **dict.fromkeys(REPLAYING, replay),
    "anywhere": anywhere,
}


@pytest.mark.soak
@pytest.mark.parametrize("points", [[point] for point in KILLS] if LONG else [list(KILLS)])
def test_a_killed_worker_loses_and_doubles_nothing(stage: Stage, points: list[str]) -> None:
    for point in points * KILLS_EACH:
        KILLS[point](stage, point)
        stage.go_on()
    stage.reach(EVENTS_IN_ALL)
    stage.compare()
