"""A child's stdout, read by its parent: one line that says ready, and whatever else is printed there, for the log.

Invariant: the pipe is read until the child closes it, so no output of a child can fill it and block the child.

Rejected: taking the first line for ready. A print of any library at import would announce a worker that serves nothing.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

READ_BYTES = 65_536
#: A longer line is logged in pieces of this many bytes.
LONGEST_LINE = 8_192
#: The control characters keep it apart from anything that is printed.
READY = b"\x02ready\x03"


def say_ready() -> None:
    """Write the ready line on this process's stdout, on a line of its own."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), b"\n" + READY + b"\n")


async def relay(stdout: asyncio.StreamReader, on_ready: Callable[[], None], on_line: Callable[[str], None]) -> None:
    """Read `stdout` to its end; call `on_ready` for the ready line and `on_line` for any other that is not blank."""
    rest = b""
    while chunk := await stdout.read(READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        for line in lines:
            _take(line, on_ready, on_line)
    _take(rest, on_ready, on_line)


def _take(line: bytes, on_ready: Callable[[], None], on_line: Callable[[str], None]) -> None:
    if line == READY:
        on_ready()
    elif text := line.decode(errors="backslashreplace").strip():
        on_line(text)
