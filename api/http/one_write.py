"""A transport on which an answer is one write."""

import asyncio


class OneWrite:
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes the head and the body of an answer one after the other; two system calls, and two packets, cost more
    than counting an event. What is kept goes out before the connection is closed.
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
