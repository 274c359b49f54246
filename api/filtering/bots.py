"""Robots, prefetches and foreign fetches, by the headers of a request.

The marks of robots are those of the PyPI packages `crawler-user-agents` and `crawlerdetect` (both MIT), taken as data,
and `robot_marks`: all go into one RE2 set, which looks for all of them in a single pass. Python's `re` needs 250 to
480 µs for what takes the set about one, and its time depends on what a stranger writes; RE2's is linear in the length.
The name of an Android phone is not looked at: there are phones called Sonic, Fever and Butterfly, as robots are.

Guaranteed, and held by the tests: every sample that the first package ships is a robot; in-app browsers, web views and
televisions are readers, while the previews that chat programs fetch for a link are not; no bytes raise; a stranger's
user agents fill neither the memory (they are cut before they are remembered, and only so many are) nor the time.

Not promised: a robot that calls itself Chrome passes; the limits by visitor are for those. A native app that reports
its own reads under its own name passes, but not under the bare name of its HTTP library (`okhttp/4.12`). What comes
with a write key speaks for others: its user agent and purpose say nothing, so the caller leaves it unasked.
"""

import functools
import re
from typing import Final, Literal

import re2  # type: ignore[import-untyped]
import structlog
from crawlerdetect.providers.crawlers import data as CRAWLER_PATTERNS  # type: ignore[import-untyped]  # noqa: N812
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from api.filtering.robot_marks import FURTHER, NARROWED, REFUSING_READERS, SAMPLES_ONLY

log = structlog.get_logger("api")

Refusal = Literal["robot", "prefetch", "fetch"]

LONGEST_USER_AGENT: Final = 512
"""Bytes that are looked at: nearly twice the longest of the package's samples. Marks after that are not seen."""

REMEMBERED: Final = 4096
"""User agents whose judgement is kept: at most 512 B each, so about 3 MB a worker."""

AUTOMATON_BYTES: Final = 16 << 20
"""What RE2 may spend on its automaton. With its default of 8 MiB it starts over again and again."""

PHONE: Final = re.compile(rb"Mozilla/[0-9.]++ \((?:Linux|Android)(?:[^()]++|\([^()]*+\))*+\)", re.IGNORECASE)
"""The first brackets of an Android's or a television's user agent, where its model stands."""

IN_APP_PHONE: Final = re.compile(rb" Android \([^()]*+\)")
"""Where Instagram and its like name the model once more."""

ROBOTS_PHONE: Final = rb"(?i)https?:|@|compatible;|(?:bot|crawler|spider)/[0-9]"
"""What no phone is called: in the first brackets it is a robot that speaks of itself."""

PURPOSE_HEADERS: Final = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
AHEAD_OF_A_READER: Final = frozenset({b"prefetch", b"prerender", b"preview", b"instant"})

NOT_A_BEACONS_MODE: Final = frozenset({b"navigate", b"nested-navigate", b"websocket"})
NOT_A_BEACONS_DESTINATION: Final = frozenset({
    b"audio", b"audioworklet", b"document", b"embed", b"fencedframe", b"font", b"frame", b"iframe", b"json",
    b"manifest", b"nested-document", b"object", b"paintworklet", b"report", b"script", b"serviceworker",
    b"sharedworker", b"style", b"track", b"video", b"webidentity", b"worker", b"xslt",
})  # fmt: skip

A_BEACONS: Final = frozenset({b"cors", b"no-cors", b"same-origin", b"empty", b"image"})  # nearly all: not taken apart
_WATCHED: Final = PURPOSE_HEADERS | {b"user-agent", b"sec-fetch-mode", b"sec-fetch-dest"}


class Robots:
    """Knows a robot by its user agent. Safe to share between threads; reads nothing after it is made."""

    def __init__(self) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # bytes are bytes: what is no UTF-8 is matched as well
        options.max_mem = AUTOMATON_BYTES
        options.never_capture = True
        options.log_errors = False
        self._robots_phone = re2.compile(ROBOTS_PHONE, options)
        self._marks = re2.Set.SearchSet(options)
        self._in_whole = re2.Set.SearchSet(options)
        unread: list[str] = []
        for pattern in (*FURTHER, *(f"(?i){each}" for each in CRAWLER_PATTERNS if each not in REFUSING_READERS)):
            _add(self._marks, pattern, unread)
        for entry in CRAWLER_USER_AGENTS_DATA:
            name: str = entry["pattern"]
            if name in SAMPLES_ONLY or not _add(self._marks, NARROWED.get(name, name), unread):
                for sample in entry.get("instances", ()):
                    self._in_whole.Add(b"^" + re2.escape(sample.encode()) + b"$")
        self._marks.Compile()
        for entry in CRAWLER_USER_AGENTS_DATA:
            name = entry["pattern"]
            if name in SAMPLES_ONLY or name in unread:
                continue
            if any(self._hidden(sample.encode()) for sample in entry.get("instances", ())):
                _add(self._in_whole, NARROWED.get(name, name), unread)
        self._in_whole.Compile()
        if unread:  # none as of 1.67 and 0.4.2
            log.warning("Patterns of robots cannot be compiled; only their samples are known.", patterns=unread)
        self._remembered = functools.lru_cache(maxsize=REMEMBERED)(self._look)

    def _hidden(self, sample: bytes) -> bool:
        """Whether a robot's name stands where a phone's does, and nowhere else."""
        rest = self._without_phone(sample)
        return rest is not sample and not self._marks.Match(rest)

    def _without_phone(self, user_agent: bytes) -> bytes:
        found = PHONE.match(user_agent)
        if found is None or self._robots_phone.search(found[0]):
            return user_agent
        rest = user_agent[found.end() :]
        return b"Mozilla/5.0 (Linux)" + (IN_APP_PHONE.sub(b" Android", rest) if b" Android (" in rest else rest)

    def _look(self, user_agent: bytes) -> Literal["robot"] | None:
        if self._marks.Match(self._without_phone(user_agent)) or self._in_whole.Match(user_agent):
            return "robot"
        return None

    def reason(self, user_agent: bytes | None) -> Literal["robot"] | None:
        """Why nobody reads under this user agent; None for a reader. A missing one is a robot's: browsers send theirs.

        >>> robots = Robots()
        >>> robots.reason(b"WhatsApp/2.23.20.0")
        'robot'
        >>> robots.reason(b"Mozilla/5.0 (Linux; Android 14; CPH2591; wv) Mobile Safari/537.36 WhatsApp/2.23.20.0")
        """
        if user_agent is None:
            return "robot"
        return self._remembered(user_agent[:LONGEST_USER_AGENT])

    def refusal(self, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Why an event with these headers is not a reader's; None where it is. Names are in lower case, as in ASGI.

        A robot is named before a prefetch, a prefetch before a fetch. Of several user agents the first is judged.
        """
        user_agent: bytes | None = None
        ahead = opened = False
        for name, value in headers:
            if name in _WATCHED:
                if name == b"user-agent":
                    user_agent = value if user_agent is None else user_agent
                elif name in PURPOSE_HEADERS:
                    ahead = ahead or _ahead(value)
                elif value not in A_BEACONS:
                    opened = opened or _opened(name, value)
        if self.reason(user_agent) is not None:
            return "robot"
        if ahead:
            return "prefetch"
        return "fetch" if opened else None


def _add(marks: "re2.Set", pattern: str, unread: list[str]) -> bool:
    try:
        marks.Add(pattern.encode())
    except re2.error:
        unread.append(pattern)
        return False
    return True


def _ahead(value: bytes) -> bool:
    """Whether a purpose header says that a browser requested this ahead of its reader.

    The page's own requests carry the mark as long as it is prerendered and lose it when the reader comes.
    `Sec-Purpose` (Chrome, Firefox) is a structured field, `prefetch;prerender`; `Purpose` is older Chrome's and
    Safari's, `X-Moz` older Firefox's, `X-Purpose` older Safari's and the Facebook app's.

    >>> _ahead(b"prefetch;anonymous-client-ip"), _ahead(b"")
    (True, False)
    """
    tokens = value.lower().replace(b",", b";").split(b";")
    return any(token.strip() in AHEAD_OF_A_READER for token in tokens)


def _opened(name: bytes, value: bytes) -> bool:
    """Whether a Fetch Metadata header says that no page sent this: somebody opened the event's address, or embeds it.

    What a page sends as an event is `sendBeacon`, `fetch`, XHR or `<a ping>` (destination `empty`, mode `cors`,
    `no-cors` or `same-origin`) or an image (destination `image`). A mode of `navigate` is the address bar, a link or a
    frame; any other destination is somebody using the address as a script, a style sheet, a film.

    Only known wrong values refuse: the standard tells servers to ignore values that they do not know, and browsers
    before Chrome 80, Firefox 90 and Safari 16.4, plain HTTP and apps send none. `Sec-Fetch-Site` is not read:
    beacons rightly go to other sites, and web views and extensions have been seen to send `none`.

    >>> _opened(b"sec-fetch-mode", b"navigate"), _opened(b"sec-fetch-dest", b"image")
    (True, False)
    """
    if name == b"sec-fetch-mode":
        return _token(value) in NOT_A_BEACONS_MODE
    return name == b"sec-fetch-dest" and _token(value) in NOT_A_BEACONS_DESTINATION


def _token(value: bytes) -> bytes:
    return value.partition(b";")[0].strip().lower()
