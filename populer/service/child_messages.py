"""Orders from the parent to its children: a line of JSON on stdin at the start, another with every change of settings.

The end of stdin means that the parent is gone: the child drains and leaves instead of holding the port as an orphan.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import structlog

from api.monitoring.config_state import ConfigState
from populer.config import validated
from ranking.settings.service import Settings

log = structlog.get_logger("populer")

READ_BYTES = 65_536

#: Takes a change over: the settings, None where they are as before, and what is to be said of them.
Use = Callable[[Settings | None, ConfigState], Awaitable[None]]


class Orders(NamedTuple):
    """What a child is to do.

    `raw` builds the settings. `redis_url` is the store's address, `shards` what it was made with, as far as it is known
    (0: not at all). `page_provider` names a `PageProvider` as `package.module:Class`, which an API worker makes with
    `pages_from` (epoch seconds) and the settings. `beat_fd` is where it says that its event loop turns. `draining`: it
    will be stopped, and says so where it is asked whether it is ready.
    """

    role: str
    raw: dict[str, Any]
    config: ConfigState
    redis_url: str
    shards: int = 0
    socket_fd: int | None = None
    admin_fd: int | None = None
    page_provider: str | None = None
    pages_from: float = 0.0
    beat_fd: int | None = None
    draining: bool = False

    def line(self) -> bytes:
        """As one line for the child's stdin."""
        return json.dumps({**self._asdict(), "config": self.config._asdict()}).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """The inverse of `line`."""
        found = json.loads(line)
        config = ConfigState(**found.pop("config"))
        return cls(config=config._replace(at_next_start=tuple(config.at_next_start)), **found)


class Parent:
    """The parent as its child knows it: our stdin. `orders` are the latest."""

    def __init__(self) -> None:
        """Waits for the first orders. Raises EOFError where the parent was gone before it gave any."""
        self._fd = sys.stdin.fileno()
        self._rest = b""
        self._changed = asyncio.Event()
        self._gone: Callable[[], None] = lambda: None
        while not (line := self._line()):
            if not self._read():
                raise EOFError
        self.orders = Orders.of_line(line)

    def listen(self, gone: Callable[[], None]) -> None:
        """Hear what it says from now on in the running event loop; `gone` is called when it will say no more."""
        self._gone = gone
        asyncio.get_running_loop().add_reader(self._fd, self._spoke)

    async def follow(self, taken: Orders, use: Use) -> None:
        """Have every change since the orders `taken` used, the last of several alone; until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            orders = self.orders
            try:
                await use(None if orders.raw == taken.raw else validated(orders.raw), orders.config)
            except Exception:  # the parent has tried the settings: this is a fault of ours, and no reason to end
                log.exception("A change of the settings failed in this process. The previous settings stay in effect.")
            else:
                taken = orders

    def _spoke(self) -> None:
        if not self._read():
            asyncio.get_running_loop().remove_reader(self._fd)
            self._gone()
        while line := self._line():
            self.orders = Orders.of_line(line)
            self._changed.set()

    def _read(self) -> bool:
        found = os.read(self._fd, READ_BYTES)
        self._rest += found
        return bool(found)

    def _line(self) -> bytes:
        line, end, rest = self._rest.partition(b"\n")
        if end:
            self._rest = rest
        return line if end else b""
