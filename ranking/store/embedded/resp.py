"""RESP in a few lines: one command to a server on a unix socket, and its answer.

Enough to wait for the bundled server, to ask it how it is and to tell it to end. Every command has a connection
of its own, and the caller says how long each read or write may take. Failures are kept apart (no socket,
nobody listening, silence, a refusal), as the owner of the server acts differently on each.

Rejected: the client library, which belongs to `link`.
"""

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_LOADING_S = 60.0  # without a byte of progress while it reads its append-only file
_POLL_S = 0.02


class RefusedError(Exception):
    """The server's answer was an error; its text is the message."""


def ask(path: Path, *words: str, timeout_s: float) -> list[bytes]:
    """One command to the server at socket `path`. Raises OSError (so TimeoutError) and RefusedError."""
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(os.fsencode(path))
        connection.sendall(b"".join(parts))
        with connection.makefile("rb") as stream:
            return _read_answer(stream)


def info(path: Path, section: str, *, timeout_s: float) -> dict[str, str]:
    """One section of the server's INFO. Raises as `ask` does."""
    lines = ask(path, "INFO", section, timeout_s=timeout_s)[0].decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def await_ready(path: Path, alive: Callable[[], bool], patience_s: float, *, answer_s: float) -> bool:
    """Wait for an answer at socket `path`; False once the server is gone, silent, or loading without progress.

    An error other than LOADING is an answer too: a full disk, say, is reported to every client as such.
    """
    loaded_bytes = -1
    deadline = time.monotonic() + patience_s
    while alive():
        try:
            ask(path, "PING", timeout_s=answer_s)
        except RefusedError as refusal:
            if not str(refusal).startswith("LOADING"):
                return True
            with contextlib.suppress(OSError, RefusedError):
                persistence = info(path, "persistence", timeout_s=answer_s)
                now_bytes = int(persistence.get("loading_loaded_bytes", "0"))
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


def _read_answer(stream: BinaryIO) -> list[bytes]:
    """One RESP2 answer, arrays flattened, a missing value as empty."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
    mark, rest = line[:1], line[1:-2]
    if mark == b"-":
        raise RefusedError(rest.decode(errors="replace"))
    if mark == b"*":
        return [value for _ in range(int(rest)) for value in _read_answer(stream)]
    if mark == b"$":
        size = max(int(rest), 0)
        body = stream.read(size + 2) if int(rest) >= 0 else b"\r\n"
        if len(body) != size + 2:
            raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
        return [body[:-2]]
    return [rest]
