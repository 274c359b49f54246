"""stdout and stderr of a command, whatever became of them: a pipe that was closed, a full disk, none at all."""

import contextlib
import os
import sys


def open_closed_streams() -> None:
    """Let a standard stream that is closed lead nowhere, so that no file or socket takes its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # a child's stderr is ours
            setattr(sys, name, os.fdopen(number, mode))


def say(*lines: str) -> None:
    """Print lines at once. Where nobody takes them they are dropped: that ends no service."""
    with contextlib.suppress(OSError):
        for line in lines:
            print(line)  # noqa: T201
        sys.stdout.flush()
