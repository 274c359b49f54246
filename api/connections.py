"""Connections: an answer is one write, and those that are slow on purpose, or dead without saying so, are closed.

uvicorn closes a connection that is idle between two requests, but waits for ever for one that opens and says nothing,
or sends half a request. A thousand of those cost an attacker nothing and us our file descriptors. Each connection
notes when it began to owe us a request; a sweep closes those that owe it for too long. A timer per request would do
the same for a tenth of what recording an event costs.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SWEEP_EVERY_S = 0.25


class OneWrite:
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes the head and the body of an answer one after the other; two system calls, and two packets, cost more
    than counting an event. What is kept goes out before anything that ends or changes the connection.
    """

    __slots__ = ("_kept", "_loop", "_transport", "get_extra_info", "is_closing", "pause_reading", "resume_reading")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Send `data` with all else that is written in this turn."""
        if not self._kept:
            self._loop.call_soon(self._send)
        self._kept.append(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._kept:
            data = b"".join(self._kept)
            self._kept.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        self._send()
        return getattr(self._transport, name)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes since when (event loop seconds) it waits for a request to be complete."""

    owes_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.owes_since = self.loop.time()
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        if self.owes_since is None:
            self.owes_since = self.loop.time()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self.owes_since = None
        super().on_message_complete()


async def close_slow_ones(connections: Iterable[Any], patience_s: Callable[[], float]) -> None:
    """Close connections that owe a whole request for longer than `patience_s()` seconds; until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(min(SWEEP_EVERY_S, patience_s() / 4))
        late = loop.time() - patience_s()
        for connection in list(connections):
            since = getattr(connection, "owes_since", None)
            if since is not None and since < late and connection.transport is not None:
                connection.transport.close()
