"""The fetcher: one GET of the service's own, with a bound on everything that the other side decides.

A name is resolved once for each hop; all of a request goes to the address that was looked at, so that a name which
answers otherwise a moment later changes nothing. Time is bounded as a whole and not between bytes: a server that
dribbles is cut off. The body is unpacked here, by pieces, so that its size is that of what comes out.

Rejected: following the proxies of the environment. They resolve names themselves.
"""

import asyncio
import ssl
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Self

import httpx2

import ranking
from jobs.fetching.public_addresses import Resolve, is_public, resolve
from ranking.errors import PopulerError

DEADLINE_S: Final = 10.0
MAX_REDIRECTS: Final = 3
MAX_PORT: Final = 65_535
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USUAL_PORTS: Final = frozenset({80, 443})
#: The name that robots.txt calls us by.
ROBOT: Final = "Populer"
ACCEPT: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,application/json;q=0.9,*/*;q=0.5"


class FetchError(PopulerError):
    """An address that gave nothing; the message says why, without the address."""


class Known(NamedTuple):
    """What an earlier answer said of itself, to be asked whether it has changed."""

    etag: str = ""
    last_modified: str = ""


UNKNOWN: Final = Known()


class Fetched(NamedTuple):
    """An answer. `url`: where it came from after redirects; `status`: 304 where nothing has changed."""

    url: str
    status: int
    content: bytes = b""
    known: Known = UNKNOWN
    headers: httpx2.Headers = httpx2.Headers()


#: Whether an address may be asked, beyond what the fetcher looks at itself.
IsOwn = Callable[[str], bool]


class Fetcher:
    """Fetches by GET. Use as an async context manager; many requests at once are fine.

    Args:
        contact: an address where its owner is found, for the agent string.
        allow_private: connect to addresses that are not public, too, and to any port.
        resolver: answers with the addresses of a host.
        deadline_s: the time of one request, redirects and all.
    """

    def __init__(
        self,
        contact: str = "",
        *,
        allow_private: bool = False,
        resolver: Resolve = resolve,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        about = f" (+{contact})" if contact else ""
        self.agent = f"{ROBOT}/{ranking.__version__}{about}"
        self._allow_private = allow_private
        self._resolver = resolver
        self._deadline_s = deadline_s

    async def __aenter__(self) -> Self:
        self._http = httpx2.AsyncClient(
            headers={"User-Agent": self.agent, "Accept": ACCEPT, "Accept-Encoding": "gzip"},
            verify=ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,
            timeout=self._deadline_s,
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, url: str, *, most: int, is_own: IsOwn, known: Known = UNKNOWN, named: bool = False) -> Fetched:
        """The answer of `url`, at most `most` bytes unpacked.

        `is_own` answers for each hop's address; `named`: an operator has named this address, so its port is fine.

        Raises:
            FetchError: it may not be asked, or gave no whole answer in time.
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._followed(url, most, is_own, known, named)
        except TimeoutError:
            raise FetchError(f"gave no whole answer within {self._deadline_s:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError) as error:
            raise FetchError(f"cannot be fetched ({_reason(error)})") from None

    async def _followed(self, url: str, most: int, is_own: IsOwn, known: Known, named: bool) -> Fetched:
        ports = USUAL_PORTS | ({_parsed(url).port} if named else frozenset())
        for _ in range(MAX_REDIRECTS + 1):
            if not is_own(url):
                raise FetchError(f"leads to {_parsed(url).host}, which is none of the site's hosts")
            request = await self._pinned(url, ports, known)
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code not in REDIRECTS or "Location" not in response.headers:
                    return await _answer(response, url, most)
                url = str(_parsed(url).join(response.headers["Location"]).copy_with(fragment=None))
            finally:
                await response.aclose()
        raise FetchError(f"redirects more than {MAX_REDIRECTS} times")

    async def _pinned(self, url: str, ports: frozenset[int | None], known: Known) -> httpx2.Request:
        """A request to the one address that its host has been resolved to."""
        parsed = _parsed(url)
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        if port not in ports and not self._allow_private:
            raise FetchError(f"leads to port {port}, which is not asked")
        host = parsed.raw_host.decode("ascii")
        try:
            found = await self._resolver(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise FetchError(f"is of host {parsed.host}, which has no address") from None
        allowed = found if self._allow_private else [each for each in found if is_public(each)]
        if not allowed:
            raise FetchError(f"is of host {parsed.host}, which is at a private address: see service.fetch_private")
        headers = {"Host": parsed.netloc.decode("ascii")}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        pinned = parsed.copy_with(host=allowed[0])
        return self._http.build_request("GET", pinned, headers=headers, extensions={"sni_hostname": host})


def _parsed(url: str) -> httpx2.URL:
    parsed = httpx2.URL(url)
    is_web = parsed.scheme in ("http", "https") and parsed.host and not parsed.userinfo
    if not is_web or (parsed.port or 0) > MAX_PORT:
        raise FetchError("is no http(s) address")
    return parsed


async def _answer(response: httpx2.Response, url: str, most: int) -> Fetched:
    headers = response.headers
    known = Known(headers.get("ETag", "")[:1024], headers.get("Last-Modified", "")[:1024])
    content = await _body(response, most) if response.status_code == 200 else b""
    return Fetched(url, response.status_code, content, known, headers)


async def _body(response: httpx2.Response, most: int) -> bytes:
    too_large = FetchError(f"has over {most / 1024:,.0f} KiB")
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip", "x-gzip"):
        raise FetchError(f"is packed as {packing[:20]}, which was not asked for")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > most:
        raise too_large
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in packing else None
    content = bytearray()
    async for piece in response.aiter_raw():
        try:
            content += piece if unpacker is None else unpacker.decompress(piece, most + 1 - len(content))
        except zlib.error:
            raise FetchError("is damaged inside its packed stream") from None
        if len(content) > most:
            raise too_large
    if unpacker is not None and not unpacker.eof:
        raise FetchError("breaks off inside its packed stream")
    return bytes(content)


def _reason(error: Exception) -> str:
    if "CERTIFICATE" in str(error):
        return "its TLS certificate is not trusted"
    if isinstance(error, httpx2.ConnectError):
        return "no connection"
    return str(error)[:200] or type(error).__name__
