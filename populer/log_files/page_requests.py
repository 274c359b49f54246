"""Requests of an access log, whatever its format, made into views of items.

A request counts if a reader may have opened a page with it. Every other one is left out under the first of REASONS that
applies. Prefetches cannot be told: logs do not hold what marks them.

The visitor is a keyed hash of address and user agent, made here: neither leaves this machine. The key comes from the
site's write key (`visitor_key`), so the same visitor is known again in the next file and by the same command run
again, whose batches must be the same bytes, while nobody without the key can try out addresses. A random key would
break the first, one from the log's first line the second: that line can be guessed. The service hashes once more,
with a salt of the day. No visitor where the user agent is not logged: whole towns share one carrier's address.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, Protocol

from populer.log_files.rows import EventRow
from ranking.errors import PopulerError
from ranking.intake.patterns import AddressPattern, item_pattern
from ranking.intake.urls import SCHEME, canonical, id_in, id_of_address

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
    "listing": "a front page, a section, a search, or a health check",
    "pattern": "the item pattern finds no id in its address",
}
SEEN = frozenset({b"200", b"304"})


NOT_IN_A_URL = re.compile(rb"[^\x21-\x7e]")
METHOD = re.compile(rb"[A-Z][A-Z_-]{0,30}")
ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")
UNKNOWN = frozenset({b"", b"-", b"unknown"})
#: A name of a site: no address, no list of addresses, none of the words for "unknown".
SITE_NAME = re.compile(rb"(?=[^:]*[A-Za-z])(?!unknown$)[^\s,:\[\]]+(?::\d+)?")

ASSET = re.compile(
    r"\.(?:css|m?js|cjs|map|wasm|json|jsonld|webmanifest|xml|xsl|xslt|txt|csv|ya?ml|sql|bak|env|log|ini|conf"
    r"|png|jpe?g|jfif|gif|webp|avif|svgz?|ico|cur|bmp|tiff?|heic|psd|woff2?|ttf|otf|eot"
    r"|mp[34]|m4[av]|ogg|og[av]|opus|wav|flac|aac|webm|mov|avi|mkv|m3u8?|ts|mpd|vtt|srt|swf|flv"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|rtf|epub|ps|zip|gz|tgz|bz2|xz|7z|rar|tar|jar|deb|rpm|apk|exe|dmg|iso|bin)$"
    r"|^/(?:wp-(?:admin|content|includes|json)|cgi-bin|\.[^/]*)(?:/|$)|/(?:wp-login|wp-cron|xmlrpc)\.php$",
    re.IGNORECASE,
)
ASSET_ALWAYS = re.compile(r"^/(?:wp-(?:admin|content|includes|json)|cgi-bin|\.[^/]*)(?:/|$)", re.IGNORECASE)
#: What a page is called whose slug only looks like a file's name: words under another page, or a wiki's page.
SLUG = re.compile(
    r"^/(?:[^/]+/)+[a-z]+(?:-[a-z0-9]+)*-[a-z0-9]*\.(?:m?js|ts|css|json|txt|log|env|ini|conf|sql|map|bin|bak|ps)$|/[^/:]+:[^/]*$",
    re.IGNORECASE,
)
ASSET_FOLDER = re.compile(
    r"/(?:assets?|static|js|css|scripts?|styles?|dist|build|bundles?|chunks?|lib|libs|vendor|plugins?|themes?|media|uploads?"
    r"|files?|images?|img|fonts?|cdn|public|node_modules|wp-[a-z]+|_[a-z]+|download(?:s)?|\.[^/]*)/",
    re.IGNORECASE,
)
#: Topics that are called as a feed is.
FEED_AS_TOPIC = re.compile(
    r"/(?:topik|topics?|tags?|labels?|forum|threads?|wiki|kamus|istilah|glos[^/]*)/(?:feeds?|rss2?|atom|rdf)$",
    re.IGNORECASE,
)
#: As the tracker has it.
FRONT_PAGE = re.compile(
    r"/?(?:index\.\w+)?(?:\?(?!(?:.*&)?(?:p|(?:\w+_)?id)=\w).*)?"
    r"|/_*(?:health(?:z|[-_]?checks?)?|livez|readyz|liveness|readiness|ping|server-status|nginx_status|stub_status)",
    re.IGNORECASE,
)
#: What of a query names an article, as the tracker has it.
ID = re.compile(r"[?&](p|(\w+_)?id)=\w+")
#: Of "PATH AND ID,QUERY": lists by their path, and searches (`s`, `q`) where no id and no path of two segments names an
#: article. The tracker's words.
LISTING = re.compile(
    r"^[^,]*/(tag|author|penulis|category|kategori|search|cari)[/?,]|^/[^/?]*,.*[?&][sq]=", re.IGNORECASE
)
FEED = re.compile(
    r"\.(?:rss|atom|rdf)$|/(?:feeds?|rss2?|atom|rdf)(?:\.xml|\.php)?$|/feed/(?:rss2?|atom|rdf)$"
    r"|[?&](?:feed|flav|format|type)=(?:rss|atom|rdf|feed)[^&/]*(?:&|$)",
    re.IGNORECASE,
)


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
    return PageRules(found, "" if base is None else site_address(base), visitor_key(write_key))


def site_address(base: str) -> str:
    """The address of `--base` as events name it, without a slash at its end.

    Raises:
        PopulerError: it is none, or has a path.
    """
    try:
        address = canonical(base).rstrip("/")
    except ValueError as error:
        raise PopulerError(f"--base {error}, not {base[:80]!r}") from None
    if address.removeprefix(SCHEME).count("/") or "?" in address or not address:
        raise PopulerError("--base must be an address without a path, such as https://news.example.com")
    return address


def visitor_key(write_key: str) -> bytes:
    """visitor_key = BLAKE2b-32(write key), personalised: the hashes made with it say nothing about the write key."""
    return blake2b(write_key.encode("utf-8", "surrogateescape"), digest_size=32, person=b"populer-visitor").digest()


class LoggedRequest(NamedTuple):
    """One line of an access log. `agent` as it was sent; None: none was sent or, not `agent_logged`, it is not known.

    `request`: method, target and protocol as bytes. `ts` as `EventRow` has it.
    """

    site: bytes | None
    address: bytes
    ts: float | str
    request: bytes
    status: bytes
    agent: bytes | None
    agent_logged: bool = True


class PageReader:
    """Makes views of requests."""

    def __init__(self, rules: PageRules) -> None:
        if rules.robots is None:
            from api.filtering.bots import Robots

            self._robots: KnowsRobots = Robots()
        else:
            self._robots = rules.robots
        self._rules = rules

    def view(self, asked: LoggedRequest) -> EventRow | str:
        """The view that a request is, or the reason why it is none."""
        target = _target(asked.request, asked.status)
        if not target.startswith("/"):
            return target
        site = asked.site
        base = SCHEME + site.decode("latin-1") if site and SITE_NAME.fullmatch(site) else self._rules.base
        try:
            page = canonical(base + target)
        except ValueError:
            return "malformed"
        place = page[page.find("/", len(SCHEME)) :] if page.startswith(SCHEME) else page
        path = place.partition("?")[0]
        is_folder = target.partition("?")[0].endswith("/")
        if not is_folder and ASSET.search(path) and (not SLUG.search(path) or ASSET_FOLDER.search(path)):
            return "asset"
        if is_folder and ASSET_ALWAYS.search(path):
            return "asset"
        if (FEED.search(path) and (is_folder or not FEED_AS_TOPIC.search(path))) or (
            "?" in place and FEED.search(place)
        ):
            return "feed"
        if asked.agent_logged and (reason := self._robots.reason(asked.agent)):
            return reason
        pattern = self._rules.pattern
        if pattern is None:
            if _is_listing(place, path):
                return "listing"
            item: str | None = id_of_address(page)
        else:
            item = id_in(page, pattern)
        if item is None:
            return "pattern"
        return EventRow(item, asked.ts, self._visitor(asked))

    def _visitor(self, asked: LoggedRequest) -> str | None:
        """visitor = BLAKE2b-8(address + NUL + user agent) under the key, in hex; None if one is unknown."""
        key, address = self._rules.key, first_address(asked.address)
        if key is None or not asked.agent_logged or asked.agent is None or address is None:
            return None
        return blake2b(b"%b\0%b" % (address, asked.agent), digest_size=VISITOR_BYTES, key=key).hexdigest()


def _is_listing(place: str, path: str) -> bool:
    """Whether a place of a site, whose path is `path`, is a front page, a section, a search or a health check."""
    if path.count("/") == 1 and FRONT_PAGE.fullmatch(place):
        return True
    query = place[len(path) :]
    named = ID.search(query)
    return LISTING.search(f"{path}{named[0] if named else ''},{query}") is not None


def first_address(addresses: bytes) -> bytes | None:
    """The reader's address in a list as X-Forwarded-For has it; None: unknown.

    >>> first_address(b"unknown, 203.0.113.7, 10.0.0.1")
    b'203.0.113.7'
    """
    if b"," not in addresses and addresses not in UNKNOWN:
        return addresses
    known = (each.strip() for each in addresses.split(b","))
    return next((each for each in known if each not in UNKNOWN), None)


def _target(request: bytes, status: bytes) -> str:
    """The path and query asked for, in ASCII; or why it is no page's, which does not start with a slash."""
    method, _, rest = request.partition(b" ")
    target, _, protocol = rest.rpartition(b" ")
    if not protocol.startswith(b"HTTP/"):
        target = rest
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
