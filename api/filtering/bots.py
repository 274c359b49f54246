"""Robots, prefetches and foreign fetches, by the headers of a request.

The marks of robots are those of the PyPI package `crawler-user-agents` (MIT), taken as data: its patterns go into one
RE2 set, which looks for all of them in a single pass. Python's `re` needs 250 to 480 µs for what takes the set about
one, and its time depends on what a stranger writes; RE2's is linear in the length.

Guaranteed, and held by the tests: every sample that the package ships is a robot; in-app browsers, web views and
televisions are readers, while the previews that chat programs fetch for a link are not; no bytes raise; a stranger's
user agents fill neither the memory (they are cut before they are remembered, and only so many are) nor the time.

Not promised: a robot that calls itself Chrome passes; the limits by visitor are for those. A native app that reports
its own reads under its own name passes, but not under the bare name of its HTTP library (`okhttp/4.12`). What comes
with a write key speaks for others: its user agent and purpose say nothing, so the caller leaves it unasked.
"""

import functools
from typing import Final, Literal

import re2  # type: ignore[import-untyped]
import structlog
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

log = structlog.get_logger("api")

Refusal = Literal["robot", "prefetch", "fetch"]

LONGEST_USER_AGENT: Final = 512
"""Bytes that are looked at: nearly twice the longest of the package's samples. Marks after that are not seen."""

REMEMBERED: Final = 4096
"""User agents whose judgement is kept: at most 512 B each, so about 3 MB a worker."""

AUTOMATON_BYTES: Final = 16 << 20
"""What RE2 may spend on its automaton. With its default of 8 MiB it starts over again and again: 11 µs instead of 2."""

NARROWED: Final = {
    # A link preview starts with the app's name; a reader in the app's own browser is a browser first, the name last.
    "WhatsApp": r"^WhatsApp",
    "Viber": r"^Viber",
    "Tumblr\\/": r"^Tumblr/",
    "Bluesky\\/": r"^Bluesky/",
    # The package means a Czech payment service; to millions of Indonesians GoPay is the app they open links in.
    "GoPay": r"^GoPay",
    # The library when it speaks for itself; apps and web views name it after their own name.
    "okhttp": r"^okhttp",
    # Sogou's robots are spiders; its phone browser and its keyboard's web view are not.
    "Sogou": r"Sogou.{0,20}[sS]pider",
    # A name of its own; not the end of a build number (`…240617.008/`).
    "008\\/": r"(?:^|[ ;(])008/",
}
"""Patterns of the package that would refuse real readers, and what is looked for in their place."""

SAMPLES_ONLY: Final = frozenset({"AP3A\\.240617\\.008", "MetaIAB Facebook"})
"""Patterns that are wrong: only the very samples they were made from are robots.

`AP3A.240617.008` is no robot but the build of Android 15 that Oppo, OnePlus, Realme and Xiaomi phones carry: it would
refuse everyone who reads in Instagram, Facebook or any other web view on one. `MetaIAB Facebook` is what the browser
inside the Facebook app has called itself since 2025 (ua-parser/uap-core#665, shalanah/inapp-spy#57).
"""

FURTHER: Final = (
    # No name, only "Mozilla/5.0", or no letter at all: no browser sends that.
    r"^\W*$", r"^Mozilla/[0-9.]+\W*$",
    # A contact address, and names that say it: `… (+https://example.org/why)`, `ExampleBot/1.0`.
    r"\+ ?https?://", r"(?i)(?:bot|crawler|spider)/[0-9]", r"(?i)compatible; [^()]*(?:bot|crawl|spider)",
    # Browsers without a reader.
    r"(?i)headless", r"PhantomJS", r"SlimerJS", r"HtmlUnit", r"jsdom/", r"Cypress/", r"CasperJS", r"Prerender",
    # HTTP libraries and tools, where they speak for themselves.
    r"(?i)^curl", r"(?i)^libcurl", r"(?i)^wget", r"(?i)^python", r"(?i)python-requests", r"(?i)aiohttp", r"^Java/",
    r"^Java-http-client", r"(?i)libwww-perl", r"(?i)^lwp", r"^Go-http-client", r"^go-resty", r"^fasthttp", r"^node",
    r"^undici", r"(?i)node-fetch", r"(?i)axios", r"^got\b", r"^superagent", r"^Deno/", r"^Bun/", r"^Dart/",
    r"(?i)scrapy", r"^Ruby", r"^Faraday", r"^rest-client", r"^Typhoeus", r"^http\.rb", r"^PHP", r"^GuzzleHttp",
    r"^Symfony", r"^reqwest", r"^hyper/", r"^ureq", r"^Jakarta Commons-HttpClient", r"^Apache-HttpAsyncClient",
    r"^RestSharp", r"^WinHttp", r"^PostmanRuntime", r"(?i)^insomnia/", r"^HTTPie", r"^xh/",
    r"^ApacheBench", r"^Apache-JMeter", r"^k6/", r"^Grafana k6", r"^hey/", r"^oha/", r"^Siege", r"^Artillery",
)  # fmt: skip
"""What the package leaves out or writes too narrowly."""

PURPOSE_HEADERS: Final = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
AHEAD_OF_A_READER: Final = frozenset({b"prefetch", b"prerender", b"preview", b"instant"})

NOT_A_BEACONS_MODE: Final = frozenset({b"navigate", b"nested-navigate", b"websocket"})
NOT_A_BEACONS_DESTINATION: Final = frozenset({
    b"audio", b"audioworklet", b"document", b"embed", b"fencedframe", b"font", b"frame", b"iframe", b"json",
    b"manifest", b"nested-document", b"object", b"paintworklet", b"report", b"script", b"serviceworker",
    b"sharedworker", b"style", b"track", b"video", b"webidentity", b"worker", b"xslt",
})  # fmt: skip

_A_BEACONS: Final = frozenset({b"cors", b"no-cors", b"same-origin", b"empty", b"image"})  # nearly all: not taken apart
_WATCHED: Final = PURPOSE_HEADERS | {b"user-agent", b"sec-fetch-mode", b"sec-fetch-dest"}


class Robots:
    """Knows a robot by its user agent. Safe to share between threads; reads nothing after it is made."""

    def __init__(self) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # bytes are bytes: what is no UTF-8 is matched as well
        options.max_mem = AUTOMATON_BYTES
        options.never_capture = True
        options.log_errors = False
        marks = re2.Set.SearchSet(options)
        unread: list[str] = []
        for entry in CRAWLER_USER_AGENTS_DATA:
            name: str = entry["pattern"]
            if name not in SAMPLES_ONLY:
                try:
                    marks.Add(NARROWED.get(name, name).encode())
                    continue
                except re2.error:
                    unread.append(name)
            for sample in entry.get("instances", ()):
                marks.Add(b"^" + re2.escape(sample.encode()) + b"$")
        for pattern in FURTHER:
            marks.Add(pattern.encode())
        marks.Compile()
        if unread:  # none as of 1.67
            log.warning("Patterns of robots cannot be compiled; only their samples are known.", patterns=unread)
        self._marks = marks
        self._remembered = functools.lru_cache(maxsize=REMEMBERED)(self._look)

    def _look(self, user_agent: bytes) -> Literal["robot"] | None:
        return "robot" if self._marks.Match(user_agent) else None

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
                elif value not in _A_BEACONS:
                    opened = opened or _opened(name, value)
        if self.reason(user_agent) is not None:
            return "robot"
        if ahead:
            return "prefetch"
        return "fetch" if opened else None


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
