"""Connections: what one may cost, in bytes that are sent and not read, and in time.

The parser (llhttp) and uvicorn bound nothing: a head, a trailer or an address without an end is kept as long as it
comes, an answer that nobody reads as long as the client stays. Here a head has at most 64 KiB and 100 fields, an
address 8 KiB, and trailers are bounded alike and dropped. A connection is cut when its client takes nothing of what
waits for it for 10 s, when it owes a request for longer than `service.request_timeout`, or is idle for too long. The
sweep looks at all connections in turn: a timer per request would cost a tenth of what recording an event does.

Invariant: what one connection holds is bounded by these figures, one turn's bytes (256 KiB) and one answer. An
exception in a callback ends parsing at once; `_unparsed` counts the bytes that came since a body's last or a request.

An answer that is always the same need not be taken apart and checked each time: a handler may hand it over as it goes
out (`asgi.Prepared`), which saves a sixth of what the fastest request costs.
"""

import asyncio
import contextlib
import fcntl
import termios
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.http.asgi import AT_ONCE, CUT, WAS_CUT, Prepared, Scope
from api.http.connection_limits import ConnectionLimits
from api.http.one_write import OneWrite
from api.http.problems import Problem
from api.http.trace import TRACE

SWEEP_EVERY_S = 0.25
#: Longest time in which a client may take nothing of what waits for it.
UNREAD_S: Final = 10.0
MAX_HEAD_BYTES: Final = 65_536
MAX_FIELDS: Final = 100
MAX_URL_BYTES: Final = 8_192
#: Requests that are sent ahead of their answers and kept.
MAX_AHEAD: Final = 32
#: A client that is refused has this long to read why.
LINGER_S: Final = 1.0
#: Hop-by-hop fields of an upgrade that is not made.
UPGRADE_FIELDS: Final = frozenset({b"upgrade", b"http2-settings"})
VERSIONS: Final = ("1.1", "1.0")

MALFORMED = Problem(400, "malformed request", "this is no HTTP/1.1 request; send one")
NO_ONE_HOST = Problem(400, "bad Host", "a request has one Host header; send exactly one")
UNKNOWN_VERSION = Problem(505, "unknown version", "this service speaks HTTP/1.1; send that")
NO_TUNNEL = Problem(405, "method not allowed", "this service is no proxy; send CONNECT to one")
LONG_URL = Problem(414, "address too long", f"the address is over {MAX_URL_BYTES} bytes; ask for less at once")
LARGE_HEAD = Problem(
    431, "headers too large", f"the headers are over {MAX_HEAD_BYTES} bytes or {MAX_FIELDS} fields; send fewer"
)


#: Takes a request whose body is there without a task: its scope, its body, and what to call, later, with the answer.
#: False: nothing was done, and the application is to serve it.
Take = Callable[[Scope, bytearray, Callable[[Prepared], None]], bool]


class _RefusedError(Exception):
    """Ends the parsing of a request; `_refusal` says why."""


class _Always:
    """Headers of every answer, and their lines; uvicorn makes others once a second."""

    headers: ClassVar[Sequence[tuple[bytes, bytes]]] = ()
    lines: ClassVar[bytes] = b""


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds; see the module.

    It notes since when (event loop seconds) it waits for a request to be complete. `idle_since`: since when for one to
    begin, where uvicorn has not set a timer for that.
    """

    owes_since: float | None = None
    idle_since: float | None = None
    _refusal: Problem | None = None
    _ended = _upgrading = _in_head = _in_body = False
    _unstarted: RequestResponseCycle | None = None
    _admitted = _cut = False
    _sender: Any = None
    _hosts = _received = _unparsed = 0
    _waiting_bytes = 0
    _unread_since: float | None = None

    def __init__(self, *arguments: Any, limits: ConnectionLimits | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._take: Take | None = getattr(self.app, "take", None)
        self.headers = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.owes_since = self.loop.time()
        self._transport = transport
        self._writer = OneWrite(transport, self.loop)
        self._extensions = {AT_ONCE: self._answer_at_once, CUT: transport.abort, WAS_CUT: lambda: self._cut}
        super().connection_made(self._writer)  # type: ignore[arg-type]
        if self._limits is not None:
            self._admitted, self._sender = self._limits.enter(self.client[0] if self.client else None)
            if not self._admitted:
                self._ended = True
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limits is not None and self._admitted:
            self._admitted = False
            self._limits.leave(self._sender)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._unset_keepalive_if_required()
        self._received = len(data)
        self._unparsed += len(data)
        refusal = None
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = self._without_upgrade() + data[upgrade.args[0] :]
            if self._unparsed > MAX_HEAD_BYTES or len(self.headers) > MAX_FIELDS:  # a head or trailers go on and on
                refusal = LARGE_HEAD
        except httptools.HttpParserError:
            refusal = self._refusal or MALFORMED
        if self._unstarted is not None:
            self._start_unstarted()
        if refusal is not None:
            self._refuse(refusal)

    def on_message_begin(self) -> None:
        self.idle_since = None
        self._hosts = 0
        if self.owes_since is None:
            self.owes_since = self.loop.time()
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_URL_BYTES:
            self._stop(LONG_URL)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            self._stop(MALFORMED if version == "0.9" else UNKNOWN_VERSION)
        if len(self.headers) > MAX_FIELDS:
            self._stop(LARGE_HEAD)
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._stop(NO_ONE_HOST)
        if self._unparsed + self._received > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            self._stop(LARGE_HEAD)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._stop(NO_TUNNEL)
            self._upgrading = True  # the parser stops behind the head, and is given another without the upgrade
            return
        if len(self.pipeline) >= MAX_AHEAD:
            self._stop(MALFORMED)
        self._in_head = True
        super().on_headers_complete()
        self._in_head = False
        if self._limits is not None and self._limits.leaving:
            self.cycle.keep_alive = False
        self._in_body = True
        self.headers = []  # for trailers, which nobody asks for

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        self.owes_since = None
        self._in_body = False
        self._unparsed = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            if self._unstarted is cycle and self._take is not None and cycle.keep_alive:
                self._unstarted = None
                if self._take(cycle.scope, cycle.body, partial(self._answer, cycle)):  # type: ignore[arg-type]
                    return
                super()._start_asgi_task(cycle, self.app)
            cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._in_head and self._take is not None:
            self._unstarted = cycle  # a task begins when this turn's bytes are read; perhaps it takes none
        else:
            super()._start_asgi_task(cycle, app)

    def _start_unstarted(self) -> None:
        cycle, self._unstarted = self._unstarted, None
        if cycle is not None:
            super()._start_asgi_task(cycle, self.app)

    def _answer(self, cycle: RequestResponseCycle, answer: Prepared) -> None:
        """Answer a request that was taken without a task."""
        if not (cycle is self.cycle and self._answer_at_once(answer)):
            super()._start_asgi_task(cycle, answer)  # type: ignore[arg-type]  # uvicorn's types of messages

    def overdue(self, now_s: float, within_s: float) -> bool:
        """Whether it should be cut: it owes a request for longer than `within_s`, is idle or reads nothing."""
        owes, idle = self.owes_since, self.idle_since
        return (
            (owes is not None and owes < now_s - within_s)
            or (idle is not None and idle < now_s - self.timeout_keep_alive)
            or self._is_unread(now_s)
        )

    def shutdown(self) -> None:
        """End the connection once it owes nothing: a request that has begun to come is answered first."""
        if self.owes_since is None or not self._unparsed:
            super().shutdown()

    def cut(self) -> None:
        """End the connection, whatever waits to be sent."""
        self._cut = True
        self._transport.abort()

    def _is_unread(self, now_s: float) -> bool:
        """Whether its client has taken nothing of what waits for it for `UNREAD_S`."""
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            self._unread_since = None
            return False
        waiting += _waiting_in_kernel(self._transport)
        if self._unread_since is None or waiting < self._waiting_bytes:
            self._unread_since = now_s
        self._waiting_bytes = waiting
        return self._unread_since < now_s - UNREAD_S

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _without_upgrade(self) -> bytes:
        """The head that was parsed, without the upgrade that it asks for; a parser that has seen nothing reads it."""
        head = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                kept = b", ".join(token for token in tokens if token.lower() not in UPGRADE_FIELDS)
                head.append(b"connection: " + (kept or b"keep-alive"))
            elif name not in UPGRADE_FIELDS:
                head.append(b"%b: %b" % (name, value))
        self._upgrading = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*head, b"", b""])

    def _stop(self, refusal: Problem) -> None:
        self._refusal = refusal
        raise _RefusedError

    def _refuse(self, problem: Problem) -> None:
        """Read no more. The request that cannot be read is answered if its turn has come and no answer has begun."""
        self._ended = True
        if self._limits is not None:
            self._limits.refused("malformed")
        self.owes_since = None
        cycle: RequestResponseCycle | None = self.cycle
        self._transport.pause_reading()
        if self._in_body and cycle is not None:
            if self.pipeline or cycle.response_started:
                self.loop.call_later(LINGER_S, self._transport.abort)
                return
            cycle.disconnected = True
            cycle.message_event.set()
        elif cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # the connection ends with the last request that could be read
            return
        headers = [
            *self.server_state.default_headers, *problem.headers,
            (b"content-length", b"%d" % len(problem.body)), (b"connection", b"close"),
        ]  # fmt: skip
        head = [STATUS_LINE[problem.status], *(b"%b: %b\r\n" % header for header in headers), b"\r\n"]
        self._writer.write_now(b"".join([*head, problem.body]))
        self._transport.write_eof()  # its client need not wait for the end; what it still sends lets no answer be lost
        self.loop.call_later(LINGER_S, self._transport.abort)

    def _answer_at_once(self, answer: Prepared) -> bool:
        """Send a whole answer.

        False: it must go the long way, as the request is not the latest one, its connection ends with it, or its
        client has not read what came before.
        """
        cycle = self.cycle
        if (
            self.pipeline
            or self.flow.write_paused
            or not cycle.keep_alive
            or cycle.response_started
            or cycle.disconnected
        ):
            return False
        headers = cycle.default_headers
        if headers is not _Always.headers:
            _Always.headers, _Always.lines = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        trace = cycle.scope.get(TRACE)
        lines = _Always.lines if trace is None else _Always.lines + trace  # type: ignore[operator]
        self._writer.write_now(STATUS_LINE[answer.status] + lines + answer.rest)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.server_state.total_requests += 1
        self.idle_since = self.loop.time()
        self.flow.resume_reading()
        return True


def _waiting_in_kernel(transport: asyncio.Transport) -> int:
    """Bytes that were sent and that the client's machine has not acknowledged; 0 where that cannot be told."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        unsent = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return int.from_bytes(unsent, "little")
    return 0


async def close_slow_ones(
    connections: Iterable[Any], patience_s: Callable[[], float], counted: Callable[[str], None] = lambda _: None
) -> None:
    """Cut connections that are overdue, request being owed for longer than `patience_s()`; until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(min(SWEEP_EVERY_S, patience_s() / 4))
        now_s, within_s = loop.time(), patience_s()
        for connection in list(connections):
            if isinstance(connection, TimedProtocol) and connection.overdue(now_s, within_s):
                counted("slow")
                connection.cut()
