"""Web servers' access logs: lines in the *combined* format of nginx and Apache, made into views of items.

*Common* (no referer, no user agent) and *vhost_combined* (host first) are told line by line; what an operator added
at the end of a line is passed over. Lines are bytes: what a stranger sends ends up in a log as it came.

A line counts if a reader may have opened a page with it. Every other one is counted under the first of REASONS that
applies, or as unreadable with its number: views + left out + unreadable = lines. A reason never quotes a line, which
holds an address. Prefetches cannot be told: these formats do not log what marks them.

The visitor is a keyed hash of address and user agent, made here: neither leaves this machine. The key comes from the
site's write key (`visitor_key`), so the same visitor is known again in the next file and by the same command run
again, whose batches must be the same bytes, while nobody without the key can try out addresses. A random key would
break the first, one from the log's first line the second: that line can be guessed. The service hashes once more,
with a salt of the day. No visitor where the user agent is not logged: whole towns share one carrier's address.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from populer.log_files.rows import EventRow, Faults
from ranking.errors import PopulerError
from ranking.intake.patterns import AddressPattern, item_pattern
from ranking.intake.urls import SCHEME, canonical, id_in, id_of_address
from ranking.times import LATEST_EPOCH_S

MAX_LINE_BYTES = 65_536
VISITOR_BYTES = 8

#: Why a line is no view, in the order in which they are looked at.
REASONS = {
    "blank": "nothing in the line",
    "malformed": "what was asked for is no HTTP request, or its address none",
    "proxy": "asks for a page of another server through this one",
    "method": "not GET",
    "status": "neither 200 nor 304 (unchanged since the same reader's last view)",
    "asset": "a part of a page, or an address that only programs ask for",
    "feed": "RSS or Atom",
    "robot": "its user agent, or that it sends none",
    "pattern": "the item pattern finds no id in its address",
}
SEEN = frozenset({b"200", b"304"})

LINE = re.compile(
    rb"""
    (?: (?P<vhost> [^\s"]+ ) [ ] (?= [^\s"]+[ ]-[ ]\S+[ ]\[ ) )?
    (?P<address> [^\s"]+ ) [ ] \S+ [ ] .{1,256}? [ ] \[ (?P<stamp> [^\]"]{1,40} ) \] [ ]
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
NOT_IN_A_URL = re.compile(rb"[^\x21-\x7e]")
METHOD = re.compile(rb"[A-Z][A-Z_-]{0,30}")
ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")

ASSET = re.compile(
    r"\.(?:css|m?js|cjs|map|wasm|json|jsonld|webmanifest|xml|xsl|xslt|txt|csv|ya?ml|sql|bak|env|log|ini|conf"
    r"|png|jpe?g|jfif|gif|webp|avif|svgz?|ico|cur|bmp|tiff?|heic|psd|woff2?|ttf|otf|eot"
    r"|mp[34]|m4[av]|ogg|og[av]|opus|wav|flac|aac|webm|mov|avi|mkv|m3u8?|ts|mpd|vtt|srt|swf|flv"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|rtf|epub|ps|zip|gz|tgz|bz2|xz|7z|rar|tar|jar|deb|rpm|apk|exe|dmg|iso|bin)$"
    r"|^/(?:wp-(?:admin|content|includes|json)|cgi-bin|\.[^/]*)(?:/|$)|/(?:wp-login|wp-cron|xmlrpc)\.php$",
    re.IGNORECASE,
)
FEED = re.compile(
    r"\.(?:rss|atom|rdf)$|/(?:feeds?|rss2?|atom|rdf)(?:\.xml|\.php)?$|/feed/(?:rss2?|atom|rdf)$"
    r"|[?&](?:feed|flav|format|type)=(?:rss|atom|rdf|feed)[^&/]*(?:&|$)",
    re.IGNORECASE,
)


class LogBytes(Protocol):
    """A file's bytes, decompressed."""

    def readline(self, size: int, /) -> bytes: ...


class KnowsRobots(Protocol):
    """Says why nobody reads under a user agent; None where somebody may. `api.filtering.bots.Robots` does."""

    def reason(self, user_agent: bytes | None) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PageRules:
    """How lines become views.

    `pattern` finds an item's id in an address (`ranking.intake.urls.item_of`); a page in whose address it finds none is
    no item's. `base` is the site's address, for lines that do not name the host: ids are to be the same as those of
    beacons, which do. Without `key` (see `visitor_key`) visitors stay unknown; without `robots` the service's own list
    is taken.
    """

    pattern: AddressPattern | None = None
    base: str = ""
    key: bytes | None = None
    robots: KnowsRobots | None = None


def page_rules(pattern: str | None, base: str | None, write_key: str) -> PageRules:
    """The rules that the command line's options ask for.

    Raises:
        PopulerError: an option cannot be used; the sentence names it.
    """
    try:
        found = item_pattern(pattern) if pattern is not None else None
    except ValueError as error:
        raise PopulerError(f"--item-pattern {error}") from None
    if base is not None:
        try:
            base = canonical(base).rstrip("/")
        except ValueError as error:
            raise PopulerError(f"--base {error}, not {base[:80]!r}") from None
        if base.removeprefix(SCHEME).count("/") or "?" in base or not base:
            raise PopulerError("--base must be an address without a path, such as https://news.example.com")
    return PageRules(found, base or "", visitor_key(write_key))


def visitor_key(write_key: str) -> bytes:
    """visitor_key = BLAKE2b-32(write key), personalised: the hashes made with it say nothing about the write key."""
    return blake2b(write_key.encode("utf-8", "surrogateescape"), digest_size=32, person=b"populer-visitor").digest()


def looks_combined(first: bytes) -> bool:
    """Whether a file that starts so, with at least its first line, is an access log."""
    return LINE.match(first.lstrip(b"\0\r\n").split(b"\n", 1)[0].rstrip()) is not None


def page_views(
    path: Path, content: LogBytes, rules: PageRules, unreadable: Faults, left_out: dict[str, int]
) -> Iterator[tuple[int, EventRow]]:
    """The views in an access log, each with its 1-based line number.

    Args:
        path: names the log in faults.
        content: the log from its first line on, decompressed.
        unreadable: counts lines that are none of these formats, or whose time is none.
        left_out: counts the other lines that are no views, by reason.
    """
    seen = _Reader(rules)
    for number, line in enumerate(_lines(content), 1):
        try:
            event = seen.view(line)
        except ValueError as error:
            unreadable.add(path, number, str(error))
            continue
        if isinstance(event, str):
            left_out[event] = left_out.get(event, 0) + 1
        else:
            yield number, event


class _Reader:
    def __init__(self, rules: PageRules) -> None:
        if rules.robots is None:
            from api.filtering.bots import Robots

            self._robots: KnowsRobots = Robots()
        else:
            self._robots = rules.robots
        self._rules = rules

    def view(self, line: bytes) -> EventRow | str:
        """The view in `line`, or the reason why it is none.

        Raises:
            ValueError: the line cannot be read, with the reason.
        """
        found = LINE.match(line)
        if found is None:
            if line.isspace() or not line:
                return "blank"
            raise ValueError(_why_unreadable(line))
        vhost, address, stamp, request, status, agent, unescaped, common = found.groups()
        ts = _ts(stamp)
        target = _target(request, status)
        if not target.startswith("/"):
            return target
        try:
            page = canonical((SCHEME + vhost.decode("latin-1") if vhost else self._rules.base) + target)
        except ValueError:
            return "malformed"
        at = page.find("/", len(SCHEME)) if page.startswith(SCHEME) else 0
        if ASSET.search(page.partition("?")[0], at):
            return "asset"
        if FEED.search(page.partition("?")[0], at) or ("?" in page and FEED.search(page, at)):
            return "feed"
        if agent is None:
            agent = unescaped
        if common is None and (reason := self._robots.reason(_sent(agent))):
            return reason
        pattern = self._rules.pattern
        item = id_of_address(page) if pattern is None else id_in(page, pattern)
        if item is None:
            return "pattern"
        return EventRow(item, ts, self._visitor(address, agent))

    def _visitor(self, address: bytes, agent: bytes | None) -> str | None:
        """visitor = BLAKE2b-8(address + NUL + user agent as logged) under the key, in hex; None if one is unknown."""
        key = self._rules.key
        if key is None or agent is None or address == b"-":
            return None
        return blake2b(b"%b\0%b" % (address, agent), digest_size=VISITOR_BYTES, key=key).hexdigest()


def _lines(content: LogBytes) -> Iterator[bytes]:
    """Lines without their ends; of one over MAX_LINE_BYTES, only that much is ever held."""
    while line := content.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (more := content.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
        if line.startswith(b"\0"):  # left by a log that was truncated while its server went on writing
            line = line.lstrip(b"\0")
        yield line.rstrip(b"\r\n")


def _target(request: bytes, status: bytes) -> str:
    """The path and query asked for, in ASCII; or why it is no page's, which does not start with a slash."""
    method, _, rest = request.partition(b" ")
    target, _, protocol = rest.rpartition(b" ")
    if not protocol.startswith(b"HTTP/"):
        target = rest
    if b"\\" in target:
        target = _unescaped(target)
    if not METHOD.fullmatch(method) or not target:
        return "malformed"
    if not target.startswith(b"/"):
        if method in (b"CONNECT", b"OPTIONS"):
            return "method"
        return "proxy" if ABSOLUTE.match(target) else "malformed"
    if method != b"GET":
        return "method"
    if status not in SEEN:
        return "status"
    if target.startswith(b"//"):
        target = b"/" + target.lstrip(b"/")
    return NOT_IN_A_URL.sub(_spelt, target).decode("ascii")


def _spelt(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


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
def _ts(stamp: bytes) -> float:
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
    _ts(timed[1])
    return "breaks off, or a quote in it is not escaped"
