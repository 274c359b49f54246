"""The part of a store that knows which sites it holds, and clears one away."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol


class Cleared(NamedTuple):
    """What was cleared away of a site; `keys`: of the store's, `buckets`: those that had counts."""

    keys: int = 0
    buckets: int = 0
    items: int = 0
    edits: int = 0
    lists: int = 0


class SiteRegister(Protocol):
    """Raises what `Store` raises."""

    async def missing(self, configured: Collection[str], now: float) -> Mapping[str, float]:
        """The sites that the settings have named once and do not now, and since when that is known (epoch seconds)."""
        ...

    async def clear(self, site: str, lists: Iterable[str], now: float, keep_s: float, *, followed: bool) -> Cleared:
        """Clear away what a site has, but for its trail.

        `followed`: a service may be following it: the numbers that only grow stay, and a mark says that what was read
        is no more. `lists`: names of lists whose keys go beside those that are published.
        """
        ...
