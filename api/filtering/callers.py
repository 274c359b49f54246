"""Who holds a key, and how often an address may be wrong about it.

An address that has sent `MISSES_A_MINUTE` wrong keys is answered 429 until it may try again, whatever it sends, so that
a right guess cannot be told from a wrong one. Only a key that came from there before is still taken: nobody behind a
carrier's address can shut out the newsroom's own server. Rejected: logging the addresses, which are kept nowhere.
"""

import math
from collections import Counter as Tally
from collections.abc import Callable
from typing import Final

import structlog

from api.filtering.addresses import ClientAddress
from api.filtering.internal import InternalPeers
from api.filtering.limits import Limiter
from api.http.asgi import Scope
from api.http.auth import STRANGER, Caller, KeyRing, digest_of
from api.http.problems import Problem
from api.monitoring import metrics
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

log = structlog.get_logger("api")

MISSES_A_MINUTE: Final = 20
"""By one address, over all workers."""

REMEMBERED: Final = 4_096
"""Addresses whose misses are kept, and pairs of an address and a key that came from there."""

NOTE_EVERY_S: Final = 1.0
"""A key is looked at for its sender's address so often while nobody guesses: a server sends thousands of requests."""

LOG_EVERY_S: Final = 60.0


class Callers:
    """Tells callers by their keys, for all sites. `before` is what this one takes the place of."""

    def __init__(
        self,
        settings: Settings,
        client: Callable[[Scope], ClientAddress],
        clock: Callable[[], float],
        before: "Callers | None" = None,
    ) -> None:
        self._rings = {site.id: KeyRing(site.keys) for site in settings.sites}
        self._client = client
        self._clock = clock
        self._internal = InternalPeers(settings.service)
        share = max(1, MISSES_A_MINUTE // settings.service.workers)
        self._misses: Limiter = before._misses if before else Limiter(share, share, REMEMBERED)
        self._proven: dict[tuple[str, bytes], None] = before._proven if before else {}
        self._noted_until: dict[bytes, float] = {}  # no more than there are keys
        self._unlogged: Tally[str] = before._unlogged if before else Tally()
        self._logged_at: dict[str, float] = before._logged_at if before else {}

    def is_internal(self, scope: Scope) -> bool:
        """Whether the sender may see how the service fares without a key."""
        return self._internal.is_internal(scope)

    def identify(self, scope: Scope, site: SiteSettings) -> Caller:
        """Who sent a request. Raises what `holder` raises."""
        return self.holder(
            next((value for name, value in scope["headers"] if name == b"authorization"), None), scope, site
        )

    def holder(self, given: bytes | None, scope: Scope, site: SiteSettings) -> Caller:
        """Who sent a request with this Authorization header.

        A wrong key is not taken for no key: its sender would never learn that its events count at receive time.

        Raises:
            Problem: 401, the key is none of the site's; 429, its address has sent too many of those.
        """
        if given is None:
            return STRANGER
        digest, now = digest_of(given), self._clock()
        caller = None if digest is None else self._rings[site.id].holder(digest)
        quiet = not len(self._misses)
        if caller is not None and quiet and now < self._noted_until.get(digest or b"", 0.0):
            return caller  # whence it comes was noted a moment ago, and nobody guesses
        address = self._client(scope).address
        if caller is not None and digest is not None and (quiet or (address, digest) in self._proven):
            self._noted_until[digest] = now + NOTE_EVERY_S
            self._remember(address, digest)
            return caller
        if wait_s := self._misses.wait_s(address, now):
            self._note_miss(site, "throttled", now)
            raise Problem(
                429,
                "too many wrong keys",
                "this address has sent too many wrong keys: wait, then send one of the site's",
                retry_after_s=max(1, math.ceil(wait_s)),
            )
        if caller is not None and digest is not None:
            self._remember(address, digest)
            return caller
        self._misses.take(address, 1, now)
        self._note_miss(site, "unknown", now)
        raise Problem(
            401, "unknown key", f"site {site.id} has no such key; send `Authorization: Bearer <the site's write key>`"
        )

    def _remember(self, address: str, digest: bytes) -> None:
        if (address, digest) in self._proven:
            return
        while len(self._proven) >= REMEMBERED:
            del self._proven[next(iter(self._proven))]
        self._proven[address, digest] = None

    def _note_miss(self, site: SiteSettings, reason: str, now: float) -> None:
        """Count a wrong key, and log the first one and then how many there were by the minute."""
        metrics.denied[site.id, reason] += 1
        self._unlogged[site.id] += 1
        if now - self._logged_at.get(site.id, -math.inf) >= LOG_EVERY_S:
            self._logged_at[site.id] = now
            keys = self._unlogged.pop(site.id)
            log.warning("Wrong keys were sent. Look in the proxy's log for 401 and 429.", site=site.id, wrong=keys)
