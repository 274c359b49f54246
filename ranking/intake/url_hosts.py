"""Canonical hosts: one name of a site, and the address that a cache or a translator shows under its own host."""

import re
from functools import lru_cache

import idna

MAX_HOST_CHARS = 253
MAX_PORT = 65_535
HTTP_PORTS = frozenset({80, 443})

#: Labels that can stand before a site's own name. Two labels must be left: `m.com` is a name.
SHELL_LABELS = re.compile(r"(?:(?:www|m|mobile|amp)\.)+(?=[^.]+\.[^.])")
HOST = re.compile(r"""(\[[0-9a-f:.]+\]|[^\s"#%/:<>?@\[\\\]^`{|}]+)(?::([0-9]*))?""")

TRANSLATOR = ".translate.goog"
AMP_CACHES = (".cdn.ampproject.org", ".bing-amp.com")
#: `/c/s/` before a page that an AMP cache shows: `c` or `v`, and `s` where it was fetched by HTTPS.
CACHED = re.compile(r"/(?:c|v|wp)/(?:s/)?(?P<host>[^/]+\.[^/]+)(?P<path>/.*)?", re.DOTALL)
VIEWER = re.compile(r"/amp/(?:s/)?(?P<host>[^/]+\.[^/]+)(?P<path>/.*)?", re.DOTALL)
GOOGLE = re.compile(r"google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")


@lru_cache(maxsize=1024)
def canonical_host(authority: str) -> str:
    """The host in `authority`, with the port where it is not a usual one.

    >>> canonical_host("WWW.Bücher.example:443"), canonical_host("news-example--x-com.translate.goog")
    ('xn--bcher-kva.example', 'news.example-x.com')

    Raises:
        ValueError: there is none.
    """
    if "@" in authority:
        raise ValueError("must not hold a user name or password")
    match = HOST.fullmatch(authority.lower())
    host = match[1].removesuffix(".") if match else ""
    if not host or len(host) > MAX_HOST_CHARS or not host.isprintable() or "" in host.split("."):
        raise ValueError("must have a host, such as https://example.com/")
    if not host.isascii():
        host = ".".join(map(_as_ascii, host.split(".")))
    if host.endswith(TRANSLATOR) and (translated := _translated(host.removesuffix(TRANSLATOR))):
        host = translated
    host = SHELL_LABELS.sub("", host, count=1) if SHELL_LABELS.match(host) else host
    port = int(match[2]) if match and match[2] else 443
    if port > MAX_PORT:
        raise ValueError(f"must have a port up to {MAX_PORT}")
    return host if port in HTTP_PORTS else f"{host}:{port}"


def shown_elsewhere(host: str, path: str) -> tuple[str, str] | None:
    """Host and path of the page that an AMP cache or Google's viewer shows at an address; None: it shows its own.

    >>> shown_elsewhere("news-example.cdn.ampproject.org", "/c/s/news.example/berita/x")
    ('news.example', '/berita/x')
    """
    if host.endswith(AMP_CACHES):
        found = CACHED.fullmatch(path)
    elif host.startswith("google.") and GOOGLE.fullmatch(host):
        found = VIEWER.fullmatch(path)
    else:
        return None
    return None if found is None else (found["host"], found["path"] or "/")


def _translated(label: str) -> str | None:
    """The host that Google Translate writes as one label: `-` for a dot, `--` for a dash."""
    host = label.replace("--", "\0").replace("-", ".").replace("\0", "-")
    parts = host.split(".")
    return host if len(parts) > 1 and all(parts) else None


def _as_ascii(label: str) -> str:
    """A label as browsers send it; as it is where IDNA has no form for it."""
    if label.isascii():
        return label
    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except idna.IDNAError:
        return label
