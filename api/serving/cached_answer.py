"""Prepared answers: headers for caches, a body per content coding, and the 304.

Each is made at the first request for it and kept as long as the list it shows. A request then costs a look at two of
its headers and one write of prepared bytes.
"""

from collections.abc import Callable
from functools import cache

from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.compression import PLAIN, coding_of
from api.monitoring import metrics
from ranking.times import DAY_S

#: Shared caches revalidate after this time, so that a take-down reaches readers soon; an unchanged list is a 304.
SHARED_MAX_AGE_S = 1
STALE_WHILE_REVALIDATE_S = 60
STALE_IF_ERROR_S = DAY_S


class Ready:
    """An answer that many requests share. `pack` gives its body under a content coding."""

    __slots__ = ("_bodies", "_headers", "_pack", "_unchanged", "tag")

    def __init__(self, tag: str, headers: asgi.Headers, every_s: float, pack: Callable[[str], bytes]) -> None:
        """`headers` are those of the body; `every_s`: how often the list is refreshed, 0: it is pending."""
        self.tag = f'W/"{tag}"'.encode()
        kept = [
            ANY_ORIGIN,
            (b"etag", self.tag),
            (b"cache-control", cache_control(every_s)),
            (b"vary", b"accept-encoding"),
        ]
        self._unchanged = asgi.Prepared(304, kept, b"")
        self._headers = [*kept, *headers]
        self._pack = pack
        self._bodies: dict[str, asgi.Prepared] = {}

    async def send(self, scope: asgi.Scope, send: asgi.Send) -> None:
        """Answer 304 where the client has the body, else send it."""
        known, accepted = None, b""
        for name, value in scope["headers"]:
            if name == b"if-none-match":
                known = value
            elif name == b"accept-encoding":
                accepted = value
        if known is not None and (known == self.tag or asgi.etag_matches(known, self.tag)):
            metrics.lists_served["304"] += 1
            await self._unchanged.send(scope, send)
            return
        metrics.lists_served["200"] += 1
        coding = coding_of(accepted)
        body = self._bodies.get(coding)
        if body is None:
            said = [(b"content-encoding", coding.encode())] if coding != PLAIN else []
            body = self._bodies[coding] = asgi.Prepared(200, [*self._headers, *said], self._pack(coding))
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": body.headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await body.send(scope, send)


def surrogate_keys(site: str, name: str, generation: int) -> list[str]:
    """Keys to purge a shared cache by: a site, one of its lists, one generation of that list."""
    return [f"populer-{site}", f"populer-{site}-{name}", f"populer-{site}-{name}-{generation}"]


def key_headers(keys: list[str]) -> asgi.Headers:
    """The keys in the headers of both kinds of shared caches."""
    return [(b"surrogate-key", " ".join(keys).encode()), (b"cache-tag", ",".join(keys).encode())]


@cache  # one setting, needed by every answer
def cache_control(every_s: float) -> bytes:
    """Cache-Control of an answer: fresh until the next refresh, longer while the service is slow or away.

    `every_s` 0: it is not to be used again.
    """
    if not every_s:
        return b"no-cache"
    return (
        f"public, max-age={max(1, int(every_s))}, s-maxage={SHARED_MAX_AGE_S}, "
        f"stale-while-revalidate={STALE_WHILE_REVALIDATE_S}, stale-if-error={STALE_IF_ERROR_S}"
    ).encode()
