"""Canonical addresses: the one address of an article, and the item id in it.

Readers, robots, feeds and share buttons write the same address in dozens of ways; counts kept under each of them
would be counts of nothing. `canonical` folds them into one. It is a name to count under, not a link to offer: the
site may well not answer without its `www.`, or to the order of the parameters here.

Where it is unsure, it keeps: one article counted under two names is a loss of a few views, and `item_of`'s pattern
mends it; two articles counted as one cannot be parted again. So `source`, `from`, `via`, `cid`, `id` and every
parameter not known as noise (`url_noise`) stay. Pages of one article count to the article. The fragment goes, `#!` too:
servers never see it, so a log and a beacon could not agree on it.

Rejected: the public-suffix list, a table that ages. A WHATWG parser (can_ada): it takes as long as PARTS does, 0.5 µs,
and what makes one address of many comes after it.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote, unquote_to_bytes, urljoin

from ranking.intake.items import MAX_ID_BYTES
from ranking.intake.patterns import AddressPattern, item_pattern  # noqa: F401 - a name of this module, too
from ranking.intake.url_hosts import canonical_host, shown_elsewhere
from ranking.intake.url_noise import without_noise

MAX_URL_CHARS = 2_048
SCHEME = "https://"
DIGEST_BYTES = 16

PARTS = re.compile(r"(?:(https?:)?//([^/?#]*))?(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.IGNORECASE | re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: An escape, or a character that a path or query may not hold as it is (RFC 3986, 3.3 and 3.4).
TO_SPELL = re.compile(r"%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]")
BEYOND_ASCII = re.compile(r"(?:%[89A-F][0-9A-F])+")
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
#: A path that needs nothing done but for a slash at its end, unless it starts or ends as below.
PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,=:@][A-Za-z0-9\-._~!$&'()*+,=:@]*)+/?")
#: Ends of paths that need something done.
SPECIAL_END = re.compile(r"(?:/amp|\.amp(?:\.html?)?|/index\.(?:html?|php)|/(?:page|halaman)/\d\d?)/?$", re.IGNORECASE)
SPECIAL_END_CHARS = 16
SPECIAL_START = "/amp/"
INDEX = re.compile(r"index\.(?:html?|php)")
AMP_ENDING = re.compile(r"(?<=[^.])\.amp(?=(?:\.html?)?$)", re.IGNORECASE)
SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
PORT = re.compile(r":\d+$")
PAGE_NUMBER = re.compile(r"\d\d?")


def canonical(url: str) -> str:
    """The one address of the page at `url`, which is an http(s) address, or a path of the site itself.

    canonical = "https://" + host + path + query, or path + query where `url` has no host:

    - host: lower case, as browsers send it (IDNA); without leading `www.`, `m.`, `mobile.`, `amp.`, the last dot, and
      the port if 80 or 443; of a translator's or an AMP cache's address, that of the page which it shows
    - path: escapes by RFC 3986 6.2.2 (unreserved characters decoded, hex in capitals, what must be escaped is), text in
      NFC; no empty and no dot segments, no slash at the end, no session; without `index.html` and `index.php`, `amp` as
      its first or last segment (unless it is the only one), `.amp` at the end or before a last `.html`, and `page/2`
      after two others
    - query: without noise (`url_noise`), the rest by name, equal names in their order
    - no fragment

    >>> canonical("http://www.Example.com:80//read/12/%6Audul/amp/?utm_source=x&id=7&page=2#top")
    'https://example.com/read/12/judul?id=7'
    >>> canonical("/2025/../berita/index.html?fbclid=x")
    '/berita'

    Raises:
        ValueError: `url` is no such address, or it or its canonical form is over MAX_URL_CHARS.
    """
    if len(url) > MAX_URL_CHARS:
        raise ValueError(f"must not be over {MAX_URL_CHARS} characters")
    url = url.strip()
    if CONTROL.search(url):
        raise ValueError("must not hold control characters")
    match = PARTS.fullmatch(url)
    if match is None or (match[2] is None and match[3] is None):
        raise ValueError("must start with http://, https:// or /")
    _, authority, path, query = match.groups()
    try:
        if authority is None:
            host, path = "", _path(path or "/")
        else:
            host, path = _shown(authority, path or "/")
            host, path = SCHEME + host, _path(path)
        kept = without_noise(_spell(query), path) if query else ""
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    address = f"{host}{path}?{kept}" if kept else host + path
    if len(address) > MAX_URL_CHARS:
        raise ValueError(f"must not be over {MAX_URL_CHARS} characters once escaped")
    return address


def host_of(url: str) -> str:
    """The host of the page at `url`, as `canonical` writes it but for the port; nothing where it has none.

    >>> host_of("HTTPS://m.Example.id:8443/berita"), host_of("/berita")
    ('example.id', '')

    Raises:
        ValueError: `url` is no such address.
    """
    match = PARTS.fullmatch(url.strip())
    if match is None or (match[2] is None and match[3] is None):
        raise ValueError("must start with http://, https:// or /")
    return "" if match[2] is None else PORT.sub("", _shown(match[2], match[3] or "/")[0])


def _shown(authority: str, path: str) -> tuple[str, str]:
    """Host and path of the page that an address shows, through any caches and viewers."""
    host = canonical_host(authority)
    while shown := shown_elsewhere(host, path):
        host, path = canonical_host(shown[0]), shown[1]
    return host, path


def absolute(url: str, page: str) -> str:
    """`url` as it stands on `page`, whose address may be unknown (empty).

    >>> absolute("/berita/1", "https://example.id/"), absolute("/berita/1", "")
    ('https://example.id/berita/1', '/berita/1')
    """
    return urljoin(page, url) if page and url.lstrip()[:4].lower() != "http" else url


def item_of(url: str, pattern: AddressPattern | None = None, page: str = "") -> str:
    """The item id of the page at `url`: what `pattern` finds in its canonical address, else that without scheme.

    id = group 1 of `pattern` (see `id_in`) if there is a pattern, else canonical(url) without "https://"; of an id
    over MAX_ID_BYTES, as much as fits with "~" and the BLAKE2b-16 of the whole. `page`: the address of the page on
    which `url` stands, where that is known and `url` may have no host.

    >>> item_of("https://www.example.com/berita/judul/?utm_source=x")
    'example.com/berita/judul'
    >>> item_of("https://m.example.com/read/2025/12/01/1234/judul", item_pattern(r"/read/\\d+/\\d+/\\d+/(\\d+)/"))
    '1234'

    Raises:
        ValueError: `url` is no address, or `pattern` finds no id in it: it is no article's.
    """
    address = canonical(absolute(url, page))
    if pattern is None:
        return id_of_address(address)
    item = id_in(address, pattern)
    if item is None:
        raise ValueError(f"is no item's address: {pattern.pattern} finds no id in it")
    return item


@lru_cache(maxsize=1024)
def id_in(address: str, pattern: AddressPattern) -> str | None:
    """The id that `pattern` finds anywhere in a canonical address; None if it finds none.

    Patterns are written from addresses as browsers show them, so one that fails is tried once more with a slash
    after the path.

    >>> id_in("https://example.com/read/1234", item_pattern(r"/read/(\\d+)/"))
    '1234'
    """
    match = pattern.search(address)
    if match is None:
        path, mark, query = address.partition("?")
        match = pattern.search(f"{path}/{mark}{query}")
    return _short(match[1]) if match is not None and match[1] and not match[1].isspace() else None


def id_of_address(address: str) -> str:
    """The id of a page known only by its canonical address, as `item_of` says."""
    return _short(address.removeprefix(SCHEME))


def name_at(url: str | None) -> str | None:
    """The name that an event of `url` alone is counted under without a pattern; None where it is no address.

    >>> name_at("https://www.example.com/berita/judul/?utm_source=x"), name_at("/berita"), name_at("berita")
    ('example.com/berita/judul', '/berita', None)
    """
    try:
        return id_of_address(canonical(url)) if url else None
    except ValueError:
        return None


def _short(text: str) -> str:
    if len(text) * 4 <= MAX_ID_BYTES:
        return text
    whole = text.encode()
    if len(whole) <= MAX_ID_BYTES:
        return text
    digest = blake2b(whole, digest_size=DIGEST_BYTES).hexdigest()
    return f"{whole[: MAX_ID_BYTES - len(digest) - 1].decode(errors='ignore')}~{digest}"


def _path(path: str) -> str:
    special = path[:5].lower() == SPECIAL_START or SPECIAL_END.search(path[-SPECIAL_END_CHARS:])
    if not special and PLAIN_PATH.fullmatch(path):
        return path.removesuffix("/")
    segments: list[str] = []
    for segment in SESSION.sub("", _spell(path)).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    while segments:
        last = segments[-1]
        if INDEX.fullmatch(last) or (last.lower() == "amp" and len(segments) > 1):
            segments.pop()
        elif segments[0].lower() == "amp" and len(segments) > 1:
            del segments[0]
        elif (plain := AMP_ENDING.sub("", last)) != last:
            segments[-1] = plain
        elif len(segments) > 3 and segments[-2] in ("page", "halaman") and PAGE_NUMBER.fullmatch(last):
            del segments[-2:]
        else:
            break
    return "/" + "/".join(segments)


def _spell(text: str) -> str:
    """`text` with the escapes of RFC 3986, and what they spell in NFC."""
    text = TO_SPELL.sub(_spelt, text)
    if "%" not in text or not BEYOND_ASCII.search(text):
        return text
    meant = BEYOND_ASCII.sub(_decoded, text)
    normal = unicodedata.normalize("NFC", meant)
    return NOT_ASCII.sub(lambda found: quote(found[0], safe=""), normal)


def _decoded(match: re.Match[str]) -> str:
    try:
        return unquote_to_bytes(match[0]).decode()
    except UnicodeDecodeError:
        return match[0]


def _spelt(match: re.Match[str]) -> str:
    if match[1] is None:
        return quote(match[0], safe="")
    character = chr(int(match[1], 16))
    return character if character in UNRESERVED else match[0].upper()
