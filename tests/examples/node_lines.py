"""A program of Node that answers lines of JSON."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class NodeLines:
    """A running program."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._written, self._read = process.stdin, process.stdout

    def read(self) -> Any:
        """Its next answer."""
        line = self._read.readline()
        assert line, "Node has ended: its error is above"
        return json.loads(line)

    def ask(self, **document: Any) -> Any:
        """Its answer to a document."""
        print(json.dumps(document), file=self._written, flush=True)
        return self.read()

    def close(self) -> None:
        """Let it end."""
        with contextlib.suppress(OSError):
            self._written.close()


@contextlib.contextmanager
def running_node(*command: str, cwd: Path | None = None) -> Iterator[NodeLines]:
    """`command` until the block ends."""
    with subprocess.Popen(command, cwd=cwd, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        lines = NodeLines(process)
        yield lines
        lines.close()
