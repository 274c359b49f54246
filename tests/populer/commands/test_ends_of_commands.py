"""Commands that are interrupted, or whose output nobody takes, end in a line or less: never in a traceback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from ports import free_ports

sys.path.append(str(Path(__file__).parents[1]))

from service import MODULE, environment, run, serving, wait_until

IS_INTERRUPTED = (
    "import os, signal, sys; sys.argv[0] = 'populer'; import populer;"
    " os.kill(os.getpid(), signal.SIGINT); signal.pause()"
)
# Until it has imported `populer`, Ctrl-C is answered by the interpreter: the signal's default, or a traceback.
SAYS_ITS_START = (
    "import sys; sys.argv[0] = 'populer'; import populer; print('started', flush=True);"
    " from populer.cli import main; main()"
)
KEY = ("--key", "write-key-of-the-koran")


class Running:
    """A command under way, in a folder of its own, from the first moment that is its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SAYS_ITS_START, *arguments], cwd=folder, env=environment(),
                start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def interrupted(self) -> int:
        """Its exit code after Ctrl-C; what it said has no traceback."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        assert "Traceback" not in self.log.read_text()
        return code


@contextlib.contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Running]:
    command = Running(folder, *arguments)
    try:
        wait_until(lambda: "started" in command.log.read_text(), within_s=60)
        yield command
    finally:
        command.process.kill()
        command.process.wait()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An hour of events, one a second."""
    file, now = tmp_path / "events.csv", int(time.time())
    file.write_text("ts,item\n" + "".join(f"{now - second},a\n" for second in range(3600, 0, -1)))
    return file


@pytest.mark.parametrize("command", ["replay", "items", "tune", "rank", "--help"])
def test_a_command_that_is_interrupted_while_modules_are_imported_ends_so(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IS_INTERRUPTED, command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize("after_s", [0, 0.2, 0.7, 1.4, 3.0])
@pytest.mark.parametrize(
    "command", [("replay", "events.csv", *KEY), ("items", "import", "events.csv", *KEY), ("tune", "--events", "pipe")]
)
def test_a_command_that_waits_is_interrupted_at_any_moment(
    tmp_path: Path, log: Path, command: tuple[str, ...], after_s: float
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and answers nothing
        to = () if command[0] == "tune" else ("--to", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with running(tmp_path, *command, *to) as started:
            time.sleep(after_s)  # whichever moment it is
            assert started.interrupted() == 130


def test_a_replay_under_way_is_interrupted_and_says_how_far_it_came(tmp_path: Path, log: Path) -> None:
    with serving(tmp_path / "data") as service, service.client() as client:
        arguments = ("replay", str(log), "--to", service.url, "--key", service.write_key, "--speed", "1")
        with running(tmp_path, *arguments) as started:
            wait_until(lambda: 'outcome="accepted"' in client.get("/metrics").text, within_s=60)
            assert started.interrupted() == 130
            assert "accepted" in started.log.read_text()


@pytest.mark.parametrize("arguments", [("config", "show"), ("--help",), ("--version",)])
def test_output_that_a_full_disk_does_not_take_is_said_in_a_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MODULE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env=environment(),
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "populer: the output cannot be used: no space left on device\n"


@pytest.mark.parametrize("arguments", [("config", "show"), ("--help",), ("--version",)])
def test_output_that_nobody_reads_to_its_end_is_no_error_to_speak_of(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*MODULE, *arguments], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False, env=environment()
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_file_that_a_full_disk_does_not_take_is_named(tmp_path: Path, log: Path) -> None:
    log.write_text("ts,item\n" + "".join(f"{1764530940 + hour * 900},a\n" for hour in range(400)))
    arguments = ("tune", "--events", str(log), "--warmup", "1d", "--report", "/dev/full")
    done = subprocess.run(
        [*MODULE, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment()
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "/dev/full" in done.stderr


def test_what_a_file_holds_steers_no_terminal(log: Path) -> None:
    log.write_text("\x1b]0;title\x07 \x9b2J\n")
    done = run("items", "import", str(log), *KEY)
    assert done.returncode == 1
    assert "it has �]0, title�_�2j" in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


def test_a_store_that_is_configured_and_away_is_to_be_started_not_the_service(tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    config.write_text(f'[redis]\nurl = "redis://127.0.0.1:{free_ports(1)[0]}"\n')
    done = run("rank", "--config", str(config))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.endswith("; start it, or correct redis.url\n")


def test_output_that_is_read_in_part_ends_quietly() -> None:
    with subprocess.Popen(
        [*MODULE, "config", "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.parametrize("streams", [">/dev/full", ">&-", ">&- 2>&- <&-", "2>/dev/full >&-"])
def test_a_service_whose_output_nobody_takes_serves_on(tmp_path: Path, streams: str) -> None:
    (port,) = free_ports(1)
    command = f'exec "$0" -m populer serve --data data --port {port} {streams}'
    with subprocess.Popen(["/bin/sh", "-c", command, sys.executable], cwd=tmp_path, env=environment()) as process:
        try:

            def serves() -> bool:
                assert process.poll() is None
                with contextlib.suppress(httpx2.TransportError):
                    return httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
                return False

            wait_until(serves, within_s=60)
            process.send_signal(signal.SIGINT)
            assert process.wait(15) == 0
        finally:
            process.kill()


def test_a_service_says_the_next_steps_behind_its_ready_line(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        assert service.process.stdout is not None
        first, second = service.process.stdout.readline(), service.process.stdout.readline()
        assert first.startswith(f"open {service.url}/ for the lines")
        assert f"open {service.url}/ops with the admin key in {service.data_dir}/keys.json" in second
        assert service.admin_key not in first + second
