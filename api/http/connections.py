"""Connections: an answer is one write, and those that are slow on purpose, or dead without saying so, are closed.

An answer that is always the same need not be taken apart and checked each time: a handler may hand it over as it goes
out (`asgi.Prepared`), which saves a sixth of what the fastest request costs.

uvicorn closes a connection that is idle between two requests, but waits for ever for one that opens and says nothing,
or sends half a request. A thousand of those cost an attacker nothing and us our file descriptors. Each connection
notes when it began to owe us a request; a sweep closes those that owe it for too long. A timer per request would do
the same for a tenth of what recording an event costs.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.asgi import AT_ONCE, CUT

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

    def write_now(self, data: bytes) -> None:
        """Send `data` behind what is kept."""
        self._send()
        self._transport.write(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._kept:
            data = b"".join(self._kept)
            self._kept.clear()
            if not self._transport.is_closing():  # the client may have hung up in this very turn
                self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        self._send()
        return getattr(self._transport, name)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes since when (event loop seconds) it waits for a request to be complete.

    `idle_since`: since when for one to begin, where uvicorn has not set a timer for that.
    """

    owes_since: float | None = None
    idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.owes_since = self.loop.time()
        self._writer = OneWrite(transport, self.loop)
        self._extensions = {AT_ONCE: self._answer_at_once, CUT: transport.abort}
        super().connection_made(self._writer)  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        self.idle_since = None
        if self.owes_since is None:
            self.owes_since = self.loop.time()
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_message_complete(self) -> None:
        self.owes_since = None
        super().on_message_complete()

    def overdue(self, now_s: float, within_s: float) -> bool:
        """Whether it should be closed: it owes a request for longer than `within_s`, or is idle for too long."""
        owes, idle = self.owes_since, self.idle_since
        return (owes is not None and owes < now_s - within_s) or (
            idle is not None and idle < now_s - self.timeout_keep_alive
        )

    def _answer_at_once(self, status: int, rest: bytes) -> bool:
        """Send a whole answer, `rest` being what follows the status line and the headers that all answers have.

        False: it must go the long way, as the request is not the latest one or its connection ends with it.
        """
        cycle = self.cycle
        if self.pipeline or not cycle.keep_alive or cycle.response_started or cycle.disconnected:
            return False
        always = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        self._writer.write_now(b"".join([STATUS_LINE[status], *always, rest]))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.server_state.total_requests += 1
        self.idle_since = self.loop.time()
        self.flow.resume_reading()
        return True


async def close_slow_ones(connections: Iterable[Any], patience_s: Callable[[], float]) -> None:
    """Close connections that owe a request for longer than `patience_s()` seconds, or are idle; until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(min(SWEEP_EVERY_S, patience_s() / 4))
        now_s, within_s = loop.time(), patience_s()
        for connection in list(connections):
            if isinstance(connection, TimedProtocol) and connection.overdue(now_s, within_s):
                connection.transport.close()
