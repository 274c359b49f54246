"""However it is told to stop, it answers what it has taken, ends with 0 within 10 s and leaves no process (P6)."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from ledger import Ledger, Sender, counted
from service import Service, environment, serving, wait_until
from soak import either
from stage import nothing_waits, settings_file

from ranking.store.embedded.server import EmbeddedValkey

EXIT_WITHIN_S = 10
SEVERAL = "3"

Stop = Callable[[Service], None]


def sigterm(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)


def sigint(service: Service) -> None:
    service.process.send_signal(signal.SIGINT)


def sigint_twice(service: Service) -> None:
    sigint(service)
    sigint(service)


def sigint_until_it_ends(service: Service) -> None:
    while service.process.poll() is None:
        sigint(service)
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(0.01)


def sigint_to_the_foreground_group(service: Service) -> None:
    """What a terminal does at Ctrl-C."""
    os.killpg(service.process.pid, signal.SIGINT)


STOPS: list[Stop] = [sigterm, sigint, sigint_twice, sigint_until_it_ends, sigint_to_the_foreground_group]
EVERY = list(itertools.product(STOPS, ["1", SEVERAL], ["idle", "loaded"]))
#: Every way to stop on several busy workers, and every other value at least once.
SOME = [*((stop, SEVERAL, "loaded") for stop in STOPS), (sigterm, "1", "idle"), (sigint_twice, "1", "loaded")]


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def left_behind(data_dir: Path) -> str:
    """Processes that name the data directory."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if str(data_dir) in line)


@pytest.mark.soak
@pytest.mark.parametrize(("stop", "workers", "load"), either(SOME, EVERY * 5))
def test_a_stop_loses_nothing_and_leaves_nothing_behind(tmp_path: Path, stop: Stop, workers: str, load: str) -> None:
    ledger = Ledger()
    with ExitStack() as stack:
        arguments = ("--config", settings_file(tmp_path), "--workers", workers)
        service = stack.enter_context(serving(tmp_path / "data", *arguments))
        senders = [
            stack.enter_context(Sender(service, ledger, keyed=keyed))
            for keyed in ((False, False, True, True) if load == "loaded" else ())
        ]
        if load == "loaded":
            wait_until(lambda: ledger.acked > either(2_000, 20_000))
        processes = [*service.children(), service.valkey_pid]
        stop(service)
        assert service.process.wait(EXIT_WITHIN_S) == 0
        for sender in senders:
            sender.finish()
        assert not list(filter(running, processes))
        assert left_behind(service.data_dir) == ""
        assert "Traceback" not in service.log.read_text()
        assert nothing_waits(service)
    with EmbeddedValkey(tmp_path / "data") as valkey:
        ledger.check(counted(valkey.url))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("until", ["valkey.pid", "metrics"])
def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, until: str) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "populer", "serve", "--data", str(data), "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
    try:
        wait_until((data / until).exists)
        process.send_signal(number)
        assert process.wait(EXIT_WITHIN_S) == 0
        assert left_behind(data) == ""
        assert "ready" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
