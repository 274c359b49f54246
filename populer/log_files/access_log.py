"""Web servers' access logs: lines in the *combined* format of nginx and Apache, made into views of items.

*Common* (no referer, no user agent) and *vhost_combined* (host first) are told line by line; what an operator added
at the end of a line is passed over. Lines are bytes: what a stranger sends ends up in a log as it came. Addresses may
be a list, as X-Forwarded-For has it: they are never a host's name.

A line counts if a reader may have opened a page with it. Every other one is counted under one of REASONS, or as
unreadable with its number: views + left out + unreadable = lines. A reason never quotes a line, which holds an address.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from populer.log_files.page_requests import SITE_NAME, LoggedRequest, PageReader, PageRules
from populer.log_files.rows import EventRow, Faults
from ranking.times import LATEST_EPOCH_S

MAX_LINE_BYTES = 65_536
BLANK = "blank"

LINE = re.compile(
    rb"""
    (?: (?P<vhost> [^\s",]+ ) [ ] (?= [^\s"]+ (?: ,[ ]?[^\s",]+ )* [ ]-[ ]\S+[ ]\[ ) )?
    (?P<address> [^\s",]+ (?: ,[ ]?[^\s",]+ )* ) [ ] \S+ [ ] .{1,256}? [ ] \[ (?P<stamp> [^\]"]{1,40} ) \] [ ]
    " (?P<request> (?: [^"\\] | \\. )*+ ) " [ ] (?P<status> \d{3} | - ) [ ] (?: \d++ | - )
    (?:
        [ ] (?: " (?: [^"\\] | \\. )*+ " | - )
        [ ] (?: " (?P<agent> (?: [^"\\] | \\. )*+ ) " (?= [ ] | $ ) | " (?P<unescaped> .* ) " | - (?= [ ] | $ ) )
    |
        (?P<common> (?! [ ] ["-] ) )
    )
    """,
    re.VERBOSE,
)
#: For a look at what went wrong in a line.
STAMP = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
TIMED = re.compile(rb' \[([^\]"]{1,40})\] "')
ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
#: What Traefik adds; it logs user agents only where it is told to.
TRAEFIK_END = re.compile(rb' \d+ "[^"]*" "[^"]*" \d+ms\s*$')


class LogBytes(Protocol):
    """A file's bytes, decompressed."""

    def readline(self, size: int, /) -> bytes: ...


def looks_combined(first: bytes) -> bool:
    """Whether a file that starts so, with at least its first line, is an access log."""
    return LINE.match(first.lstrip(b"\0\r\n").split(b"\n", 1)[0].rstrip()) is not None


Parse = Callable[[bytes], LoggedRequest | str]
"""Reads one line: a request, or why it is none. Raises a ValueError where it cannot be read, with the reason."""


def page_views(
    path: Path,
    content: LogBytes,
    rules: PageRules,
    unreadable: Faults,
    left_out: dict[str, int],
    parse: Parse,
) -> Iterator[tuple[int, EventRow]]:
    """The views in an access log, each with its 1-based line number.

    Args:
        path: names the log in faults.
        content: the log from its first line on, decompressed.
        unreadable: counts lines that cannot be read.
        left_out: counts the other lines that are no views, by reason.
        parse: reads a line of the log's format.
    """
    reader = PageReader(rules)
    for number, line in enumerate(_lines(content), 1):
        try:
            asked = parse(line)
        except ValueError as error:
            unreadable.add(path, number, str(error))
            continue
        event = asked if isinstance(asked, str) else reader.view(asked)
        if isinstance(event, str):
            left_out[event] = left_out.get(event, 0) + 1
        else:
            yield number, event


def combined_request(line: bytes) -> LoggedRequest | str:
    """The request in a line of a combined or common log, or why it is none.

    Raises:
        ValueError: the line cannot be read, with the reason.
    """
    found = LINE.match(line)
    if found is None:
        if line.isspace() or not line:
            return BLANK
        raise ValueError(_why_unreadable(line))
    vhost, address, stamp, request, status, agent, unescaped, common = found.groups()
    if agent is None:
        agent = unescaped
    unlogged = common is not None or (agent == b"-" and TRAEFIK_END.search(line) is not None)
    if vhost is not None and not SITE_NAME.fullmatch(vhost):
        address = b"%b, %b" % (vhost, address)  # a list without commas
    if b"\\" in request:
        request = _unescaped(request)
    return LoggedRequest(vhost, address, time_of_stamp(stamp), request, status, _sent(agent), not unlogged)


def _lines(content: LogBytes) -> Iterator[bytes]:
    """Lines without their ends; of one over MAX_LINE_BYTES, only that much is ever held."""
    while line := content.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (more := content.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
        if line.startswith(b"\0"):  # left by a log that was truncated while its server went on writing
            line = line.lstrip(b"\0")
        yield line.rstrip(b"\r\n")


def _sent(agent: bytes | None) -> bytes | None:
    """A user agent as it was sent; None where none was."""
    if agent is None or agent == b"-":
        return None
    return _unescaped(agent) if b"\\" in agent else agent


def _unescaped(text: bytes) -> bytes:
    r"""`text` as it was before the server escaped it: `\xHH` (nginx, Apache), `\"`, `\\`, `\t` (Apache)."""
    return ESCAPED.sub(_escape_meant, text)


def _escape_meant(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else CONTROLS.get(found[2], found[2])


@lru_cache(maxsize=4096)
def time_of_stamp(stamp: bytes) -> float:
    """Epoch seconds of a log's time, such as `01/Dec/2025:02:29:00 +0700`; a leap second is the next minute's first.

    Raises:
        ValueError: it is none; the reason, as every reason here, does not quote it.
    """
    found = STAMP.fullmatch(stamp)
    if found is not None:
        day, month, year, hour, minute, second, offset = (part.decode() for part in found.groups())
        leap_s = second == "60"
        written = f"{year}-{_month(month)}-{day}T{hour}:{minute}:{'59' if leap_s else second}{offset[:3]}:{offset[3:]}"
        try:
            ts = datetime.fromisoformat(written).timestamp() + leap_s
        except (ValueError, OverflowError):
            ts = -1.0
        if 0 <= ts <= LATEST_EPOCH_S:
            return ts
    raise ValueError("its time is none such as [01/Dec/2025:02:29:00 +0700]")


def _month(name: str) -> str:
    """`01` to `12`; `00`, which is none, for what is no month's name."""
    at = "JanFebMarAprMayJunJulAugSepOctNovDec".find(name)
    return f"{at // 3 + 1:02}" if at >= 0 and at % 3 == 0 else "00"


def _why_unreadable(line: bytes) -> str:
    if len(line) >= MAX_LINE_BYTES - 1:
        return f"is over {MAX_LINE_BYTES:,} bytes"
    timed = TIMED.search(line)
    if timed is None:
        return "is no line of a combined or common access log"
    time_of_stamp(timed[1])
    return "breaks off, or a quote in it is not escaped"
