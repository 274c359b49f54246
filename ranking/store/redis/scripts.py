"""The scripts of lua/, and how they are run."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any


class LuaScript:
    """A file of lua/, and the name that the server knows it by. One that `reads` alone may run on a full server."""

    def __init__(self, name: str, *, reads: bool = False) -> None:
        self.reads = reads
        self.source = files("ranking.store.redis").joinpath("lua", f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()


READ_HASHES = LuaScript("read_hashes", reads=True)

#: Runs a script with its keys and arguments.
Run = Callable[[LuaScript, list[str], list[Any]], Awaitable[Any]]
