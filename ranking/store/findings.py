"""The part of a store that keeps what lists have learned."""

from collections.abc import Mapping
from typing import Protocol

from ranking.settings.learned import LearnedSetting, Tuned


class Findings(Protocol):
    """The part of a store that keeps what lists have learned. Raises what `Store` raises."""

    async def in_effect(self, site: str) -> Mapping[str, LearnedSetting]:
        """What the lists of a site have learned and now apply, by list."""
        ...

    async def note(self, site: str, tuned: Tuned) -> bool:
        """Keep a night's finding and apply its `after`. False: that night or a later one is there already."""
        ...

    async def nights(self, site: str, name: str, limit: int) -> list[Tuned]:
        """The last nights of a list, the newest first; the last 100 are kept, for a year."""
        ...
