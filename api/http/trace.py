"""Trace context of a request (W3C Trace Context): the `traceparent` that it brings, else a new one.

An answer carries the request's trace under a span of ours, and so do the log lines of the request, so that what a proxy
or an application has logged is found again here. No span is sent anywhere: of the flags only "sampled" is passed on.
A trace is kept as the line of its answer's head, the one form that every request needs.

Invariant: a task that outlives the request that began it logs no trace.
"""

import asyncio
import os
import re
import weakref
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

NAME = b"traceparent"
#: Where a request's scope has the line.
TRACE = "populer.trace"
_VALUE = slice(len(NAME) + 2, -2)
_ID = slice(len(NAME) + 5, len(NAME) + 37)
_LENGTH = 55
_FORM = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]([0-9a-f])(?:\Z|-)")
_current: ContextVar["tuple[bytes, weakref.ref[asyncio.Task[Any]] | None] | None"] = ContextVar("trace", default=None)


def _random_spans() -> Iterator[bytes]:
    while True:
        digits = os.urandom(8_192).hex().encode()
        yield from (digits[at : at + 16] for at in range(0, len(digits), 16))


_spans = _random_spans()
#: The first half of a new trace's id is the process's own, the other half random, as is its span.
_NEW = b"traceparent: 00-%b%%b-%%b-00\r\n" % next(_spans)


def trace_line(given: bytes | None) -> bytes:
    """The `traceparent` line that answers a request with this `traceparent`; of a new trace where it is malformed.

    >>> trace_line(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")[:49]
    b'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-'
    >>> trace_id(trace_line(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01")) == "0" * 32
    False
    """
    span = next(_spans)
    # Version 00 has exactly these four fields; a later one may have more behind a dash.
    if given is not None and (given[:2] != b"00" or len(given) == _LENGTH) and (known := _FORM.match(given)):
        return b"traceparent: 00-%b-%b-0%d\r\n" % (known[1], span, int(known[2], 16) & 1)
    return _NEW % (span, span)


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The line that answers a request with these headers; of a new trace where they name two."""
    given = None
    for name, value in headers:
        if name == NAME:
            given = value if given is None else b""
    return trace_line(given)


def trace_id(line: bytes) -> str:
    """The trace's id in a line."""
    return line[_ID].decode()


def trace_header(line: bytes) -> tuple[bytes, bytes]:
    """Name and value of a line."""
    return NAME, line[_VALUE]


def enter(line: bytes) -> None:
    """Have the log lines of the running task name this trace."""
    task = asyncio.current_task()
    _current.set((line, None if task is None else weakref.ref(task)))


def current_trace_id() -> str | None:
    """The trace of the request that the running task serves."""
    entered = _current.get()
    if entered is None or entered[1] is None:
        return None
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread without an event loop
        return None
    return trace_id(entered[0]) if task is not None and entered[1]() is task else None
