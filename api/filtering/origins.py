"""Origins: the pages from which a site takes events.

A browser sends `Origin` with every POST and every cross-origin `fetch`, and no page can forge it; images and older
browsers send only `Referer`. Origin decides, and Referer where there is none. This keeps other people's pages from
counting for a site; it is no authentication, as a client that is no browser can send any header.

An origin is compared as a browser would write it: scheme, host and port, each normalised, never as text that begins or
ends with something. `https://*.example.id` is every host below example.id, at any depth, and not example.id itself.
"""

import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import idna

LONGEST_ORIGIN: Final = 300
"""Bytes of scheme, host and port: a host name has at most 253. Longer text is no origin."""

REMEMBERED: Final = 1024
"""Cached decisions: under 1 MB per site and worker."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LONGEST_HOST = 253

# A backslash, a space or an @ is refused: programs disagree on how to read an address with one.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/?#@\\:\[\]]+)(?::([0-9]{1,5}))?", re.I | re.A)
_PAGE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")


class Origin(NamedTuple):
    """The origin of a page. `host` is in lower case and punycode; `port` is None without a default."""

    scheme: str
    host: str
    port: int | None


class Origins:
    """The origins of one site. Without patterns none is allowed.

    Raises ValueError for a pattern that is no `scheme://host` or `scheme://host:port`; the host may begin with `*.`.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._exact: set[Origin] = set()
        below: dict[tuple[str, int | None], list[str]] = {}
        for pattern in patterns:
            wild, origin = _pattern(pattern)
            if wild:
                below.setdefault((origin.scheme, origin.port), []).append(f".{origin.host}")
            else:
                self._exact.add(origin)
        self._below = {place: tuple(endings) for place, endings in below.items()}
        self._remembered = functools.lru_cache(maxsize=REMEMBERED)(self._look)

    def allows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request with these headers (names in lower case) comes from one of the site's pages.

        Without Origin and Referer it does not, nor with the `Origin: null` of a sandbox or a file. Never raises.

        >>> origins = Origins(["https://*.example.id"])
        >>> origins.allows({b"origin": b"https://m.example.id"}), origins.allows({b"origin": b"https://evilexample.id"})
        (True, False)
        """
        said = headers.get(b"origin")
        if said is None:
            page = _PAGE.match(headers.get(b"referer", b"")[: LONGEST_ORIGIN + 1])
            if page is None:
                return False
            said = page[0]
        return len(said) <= LONGEST_ORIGIN and self._remembered(said)

    def _look(self, said: bytes) -> bool:
        try:
            origin = _origin(said.decode())
        except ValueError:
            return False
        return origin in self._exact or origin.host.endswith(self._below.get((origin.scheme, origin.port), ()))


def _pattern(pattern: str) -> tuple[bool, Origin]:
    """A pattern as an origin, and whether it stands for all hosts below it."""
    try:
        return _wild_or_not(pattern)
    except ValueError as error:
        raise ValueError(
            f"an origin is written like https://www.example.id, https://*.example.id or http://localhost:3000;"
            f" {pattern!r} is not: {error}"
        ) from None


def _wild_or_not(pattern: str) -> tuple[bool, Origin]:
    scheme, mark, rest = pattern.partition("://")
    if not mark:
        raise ValueError("it has no scheme")
    if re.search(r"[/?#]", rest):
        raise ValueError("it has a path, and an origin has none, not even a last /")
    if len(pattern) > LONGEST_ORIGIN:
        raise ValueError("it is too long")
    wild = rest.startswith("*.")
    origin = _origin(f"{scheme}://{rest[2:] if wild else rest}")
    if wild and "." not in origin.host and origin.host != "localhost":
        raise ValueError("it would let in everything below a top-level domain")
    if wild and (origin.host[0] == "[" or origin.host.rpartition(".")[2].isdigit()):
        raise ValueError("an address has nothing below it")
    return wild, origin


def _origin(text: str) -> Origin:
    """Raises ValueError, which UnicodeError and idna's errors are as well, for what is no origin."""
    parsed = _ORIGIN.fullmatch(text)
    if parsed is None:
        raise ValueError("it is no scheme, host and port")
    scheme = parsed[1].lower()
    port = DEFAULT_PORTS.get(scheme) if parsed[3] is None else int(parsed[3])
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"there is no port {port}")
    return Origin(scheme, _host(parsed[2]), port)


def _host(text: str) -> str:
    if text[0] == "[":
        return f"[{ipaddress.IPv6Address(text[1:-1])}]"
    # As browsers do it: UTS 46, which folds case and width, and keeps what IDNA 2003 would turn into another name.
    host = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
    host = host.removesuffix(".")
    if len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is no name of a host")
    return host
