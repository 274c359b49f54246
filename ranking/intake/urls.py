"""Canonical addresses: the one address of an article, and the item id in it.

Readers, robots, feeds and share buttons write the same address in dozens of ways; counts kept under each of them
would be counts of nothing. `canonical` folds them into one. It is a name to count under, not a link to offer: the
site may well not answer without its `www.`, or to the order of the parameters here.

Where it is unsure, it keeps: one article counted under two names is a loss of a few views, and `item_of`'s pattern
mends it; two articles counted as one cannot be parted again. So `source`, `from`, `via`, `cid`, `id` and every
parameter not known as noise stay. Pages of one article count to the article. The fragment goes, `#!` too: servers
never see it, so a log and a beacon could not agree on it.

Rejected: the public-suffix list and IDNA. They need tables that age, and a host is one of the site's own.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote

from ranking.intake.items import MAX_ID_BYTES
from ranking.intake.patterns import AddressPattern, item_pattern  # noqa: F401 - a name of this module, too

MAX_URL_CHARS = 2_048
MAX_HOST_CHARS = 253
MAX_PORT = 65_535
HTTP_PORTS = frozenset({80, 443})
SCHEME = "https://"
DIGEST_BYTES = 16

PARTS = re.compile(r"(?:(https?:)?//([^/?#]*))?(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.IGNORECASE | re.DOTALL)
#: The beginning of an address: its authority, or the slash of a path.
AUTHORITY = re.compile(r"(?:https?:)?//([^/?#]*)|/", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: Labels that can stand before a site's own name. Two labels must be left: `m.com` is a name.
SHELL_LABELS = re.compile(r"(?:(?:www|m|amp)\.)+(?=[^.]+\.[^.])")
HOST = re.compile(r"""(\[[0-9a-f:.]+\]|[^\s"#%/:<>?@\[\\\]^`{|}]+)(?::([0-9]*))?""")

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: An escape, or a character that a path or query may not hold as it is (RFC 3986, 3.3 and 3.4).
TO_SPELL = re.compile(r"%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]")
#: A path that needs nothing done, unless AMP_OR_INDEX is in it.
PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,;=:@][A-Za-z0-9\-._~!$&'()*+,;=:@]*)+")
AMP_OR_INDEX = re.compile(r"/amp(?:/|$)|\.amp(?:\.html?)?$|/index\.(?:html?|php)$")
INDEX = re.compile(r"index\.(?:html?|php)")
AMP_ENDING = re.compile(r"(?<=[^.])\.amp(?=(?:\.html?)?$)")

#: Parameters (`name=value`, spelt by RFC 3986) that say how the reader came or how the page is shown, never which
#: article it is. A `ref` that is a number may be an article's; a `page` of three digits is hardly an article's page.
NOISE = re.compile(
    r"(?:"
    r"(?:(?:utm|mtm|hsa|_hs|_x_tr|amp|itm)_|_hsenc|_hsmi)[^=]*"
    r"|(?:fb|g|d|y|ys|tw|tt)clid|msclkid|gclsrc|[gw]braid|gad_(?:source|campaignid)|srsltid|igsh(?:id)?|mibextid|li_fat_id"
    r"|mc_[ce]id|_g[al]|_gac|_openstat|_branch_match_id|__twitter_impression|epik|mkt_tok|oly_(?:anon|enc)_id|vero_id"
    r"|pk_(?:campaign|kwd|keyword|source|medium|content|cid)|at_(?:medium|campaign|format|link_\w+|custom\d|ptr_name)"
    r"|fb_(?:ref|source|action_\w+|comment_id)|ref_(?:src|url)|tblci|dicbo|xtor|ocid|ncid|cmpid|smid|smtyp|usqp"
    r"|phpsessid|amp|noamp|nonamp"
    r")(?:=.*)?"
    r"|ref(?:=(?!\d+$).*)?"
    r"|output(?:type)?=amp"
    r"|(?:page|page_num|halaman|hal)=(?:\d{1,2}|all|semua)?"
    r"|(?:single|showpage)=(?:\d|all|true)?",
    re.IGNORECASE,
)


def canonical(url: str) -> str:
    """The one address of the page at `url`, which is an http(s) address, or a path of the site itself.

    canonical = "https://" + host + path + query, or path + query where `url` has no host:

    - host: lower case, IDNA as given; without leading `www.`, `m.`, `amp.`, the last dot, and the port if 80 or 443
    - path: escapes by RFC 3986 6.2.2 (unreserved characters decoded, hex in capitals, what must be escaped is);
      no empty and no dot segments, no slash at the end; without `index.html` and `index.php`, `amp` as its first or
      last segment (unless it is the only one), and `.amp` at the end or before a last `.html`
    - query: without NOISE, the rest by name, equal names in their order
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
        address = ("" if authority is None else SCHEME + _host(authority)) + _path(path or "/")
        kept = _query(query) if query else ""
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    if kept:
        address = f"{address}?{kept}"
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
    match = AUTHORITY.match(url.strip())
    if match is None:
        raise ValueError("must start with http://, https:// or /")
    return _host_alone(match[1]) if match[1] is not None else ""


def item_of(url: str, pattern: AddressPattern | None = None) -> str:
    """The item id of the page at `url`: what `pattern` finds in its canonical address, else that without scheme.

    id = group 1 of `pattern` (see `id_in`) if there is a pattern, else canonical(url) without "https://"; of an id
    over MAX_ID_BYTES, as much as fits with "~" and the BLAKE2b-16 of the whole.

    >>> item_of("https://www.example.com/berita/judul/?utm_source=x")
    'example.com/berita/judul'
    >>> item_of("https://m.example.com/read/2025/12/01/1234/judul", item_pattern(r"/read/\\d+/\\d+/\\d+/(\\d+)/"))
    '1234'

    Raises:
        ValueError: `url` is no address, or `pattern` finds no id in it: it is no article's.
    """
    address = canonical(url)
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


def _short(text: str) -> str:
    if len(text) * 4 <= MAX_ID_BYTES:
        return text
    whole = text.encode()
    if len(whole) <= MAX_ID_BYTES:
        return text
    digest = blake2b(whole, digest_size=DIGEST_BYTES).hexdigest()
    return f"{whole[: MAX_ID_BYTES - len(digest) - 1].decode(errors='ignore')}~{digest}"


@lru_cache(maxsize=1024)
def _host_alone(authority: str) -> str:
    return re.sub(r":\d+$", "", _host(authority))


@lru_cache(maxsize=1024)
def _host(authority: str) -> str:
    """The canonical host, with the port where it is not a usual one."""
    if "@" in authority:
        raise ValueError("must not hold a user name or password")
    match = HOST.fullmatch(authority.lower())
    host = match[1].removesuffix(".") if match else ""
    if not host or len(host) > MAX_HOST_CHARS or not host.isprintable() or "" in host.split("."):
        raise ValueError("must have a host, such as https://example.com/")
    host = SHELL_LABELS.sub("", host, count=1) if SHELL_LABELS.match(host) else host
    port = int(match[2]) if match and match[2] else 443
    if port > MAX_PORT:
        raise ValueError(f"must have a port up to {MAX_PORT}")
    return host if port in HTTP_PORTS else f"{host}:{port}"


def _path(path: str) -> str:
    if PLAIN_PATH.fullmatch(path) and not AMP_OR_INDEX.search(path):
        return path
    segments: list[str] = []
    for segment in TO_SPELL.sub(_spelt, path).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    while segments:
        last = segments[-1]
        if INDEX.fullmatch(last) or (last == "amp" and len(segments) > 1):
            segments.pop()
        elif segments[0] == "amp" and len(segments) > 1:
            del segments[0]
        elif (plain := AMP_ENDING.sub("", last)) != last:
            segments[-1] = plain
        else:
            break
    return "/" + "/".join(segments)


def _query(query: str) -> str:
    kept = [part for part in TO_SPELL.sub(_spelt, query).split("&") if part and not NOISE.fullmatch(part)]
    if len(kept) > 1:
        kept.sort(key=lambda part: part.partition("=")[0])
    return "&".join(kept)


def _spelt(match: re.Match[str]) -> str:
    if match[1] is None:
        return quote(match[0], safe="")
    character = chr(int(match[1], 16))
    return character if character in UNRESERVED else match[0].upper()
