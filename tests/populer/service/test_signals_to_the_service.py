"""Signals that are no kill: SIGHUP has the settings read, and a stop in the first second is a stop."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from service import MODULE, STOP_S, Service, environment, serving, wait_until

IS_ASKED_TO_STOP = (
    "import os, signal, sys; sys.argv[0] = 'populer'; import populer; os.kill(os.getpid(), signal.{}); signal.pause()"
)


def config(service: Service) -> dict[str, Any]:
    with service.client() as client:
        found: dict[str, Any] = client.get("/readyz").json()["config"]
    return found


def test_sighup_has_the_settings_read_and_ends_nothing(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.populer]\ntitle = "Satu"\n')
    with serving(tmp_path / "data", "--config", str(file)) as service:
        for applied in (1, 2):  # the file has not changed
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda applied=applied: config(service)["applied"] == applied)  # type: ignore[misc]
        file.write_text('[lists.populer]\ntitel = "Dua"\n')
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: config(service)["refused"] >= 1)
        file.write_text('[lists.populer]\ntitle = "Tiga"\n')
        service.process.send_signal(signal.SIGHUP)
        with service.client() as client:
            wait_until(lambda: client.get("/v1/lists/populer").json()["title"] == "Tiga")
        assert service.stop() == 0


def test_sighup_is_nothing_to_a_service_without_a_file(tmp_path: Path) -> None:
    with serving(tmp_path / "data", cwd=tmp_path) as service:
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: config(service)["refusal"] is None)
        file = tmp_path / "populer.toml"
        file.write_text('[lists.populer]\ntitle = "Satu"\n')  # one that comes is followed all the same
        wait_until(lambda: config(service)["applied"] == 1)
        assert config(service)["refused"] == 0
        assert service.stop() == 0


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_while_modules_are_imported_is_a_stop(command: str, name: str) -> None:
    done = subprocess.run([sys.executable, "-c", IS_ASKED_TO_STOP.format(name), command], timeout=STOP_S, check=False)
    assert done.returncode == 0


def test_other_commands_are_ended_by_a_signal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IS_ASKED_TO_STOP.format("SIGTERM"), "replay"], timeout=STOP_S, check=False
    )
    assert done.returncode == -signal.SIGTERM


def test_a_program_that_imports_the_client_keeps_its_signals() -> None:
    program = (
        "import signal, sys; its = signal.getsignal(signal.SIGINT); import populer.client; "
        "sys.exit(signal.getsignal(signal.SIGINT) is not its)"
    )
    for name in ("serve", "replay"):  # of another program, such as manage.py
        command = [sys.executable, "-c", program, name]
        assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks the system which signals are caught")
def test_a_stop_as_soon_as_it_can_be_heard_ends_with_0(tmp_path: Path) -> None:
    for later_s in (0.0, 0.3, 1.0):
        with subprocess.Popen(
            [*MODULE, "serve", "--data", str(tmp_path / "data"), "--port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True,
        ) as process:  # fmt: skip
            wait_until(lambda process=process: _catches(process.pid, signal.SIGTERM))  # type: ignore[misc]
            time.sleep(later_s)
            process.terminate()
            assert process.wait(STOP_S) == 0


def _catches(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
