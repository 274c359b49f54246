"""robots.txt: whether a page may be read, by RFC 9309.

A host whose robots.txt answers 4xx has no rules. One that answers 5xx, or nothing, wants to be left alone for a while.
"""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from jobs.fetching.fetcher import ROBOT, Fetcher, FetchError, IsOwn

if TYPE_CHECKING:
    from protego import Protego

MAX_BYTES: Final = 512 * 1024
KEPT_S: Final = 6 * 3600.0
SHUT_S: Final = 600.0
MAX_HOSTS: Final = 500
LONGEST_PAUSE_S: Final = 30.0


class _Rules(NamedTuple):
    rules: "Protego | None"  # None: nothing may be read
    until: float


class RobotsRules:
    """The rules of hosts, each fetched once in six hours; kept from one fetcher to the next."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, _Rules] = OrderedDict()
        self._turn = asyncio.Lock()

    async def may_read(self, fetcher: Fetcher, url: str, is_own: IsOwn, now: float) -> bool:
        """Whether `url` may be read at `now` (epoch seconds)."""
        rules = await self._of(fetcher, url, is_own, now)
        return rules is not None and rules.can_fetch(url, ROBOT)

    async def pause_s(self, fetcher: Fetcher, url: str, is_own: IsOwn, now: float) -> float:
        """Seconds that the host wants between two requests; 0 where it says nothing."""
        rules = await self._of(fetcher, url, is_own, now)
        return min((rules.crawl_delay(ROBOT) if rules is not None else None) or 0.0, LONGEST_PAUSE_S)

    async def sitemaps(self, fetcher: Fetcher, url: str, is_own: IsOwn, now: float) -> list[str]:
        """The sitemaps that the host of `url` names."""
        rules = await self._of(fetcher, url, is_own, now)
        return [] if rules is None else list(rules.sitemaps)

    async def _of(self, fetcher: Fetcher, url: str, is_own: IsOwn, now: float) -> "Protego | None":
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        async with self._turn:
            kept = self._hosts.get(origin)
            if kept is None or kept.until <= now:
                rules = await self._fetched(fetcher, f"{origin}/robots.txt", is_own)
                kept = self._hosts[origin] = _Rules(rules, now + (SHUT_S if rules is None else KEPT_S))
                while len(self._hosts) > MAX_HOSTS:
                    self._hosts.popitem(last=False)
            return kept.rules

    async def _fetched(self, fetcher: Fetcher, url: str, is_own: IsOwn) -> "Protego | None":
        from protego import Protego

        try:
            found = await fetcher.get(url, most=MAX_BYTES, is_own=is_own)
        except FetchError:
            return None
        if found.status >= 500:
            return None
        return Protego.parse(found.content.decode("utf-8", "replace"))
