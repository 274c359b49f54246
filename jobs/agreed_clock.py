"""Work that destroys by the clock, done only where the store's clock agrees with this process's.

What is pruned, forgotten or made coarser does not come back. A host that begins before its clock is set, or one that
was resumed from a snapshot, would take everything for too old.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from ranking.errors import ClocksDifferError
from ranking.store.server import ServerState

#: Everything that goes by the clock has an hour of grace.
MAY_DIFFER_S: Final = 60.0


class OnAgreedClock:
    """Runs a job of one site where the clocks agree."""

    def __init__(self, server: ServerState, run: Callable[[str, float, int], Awaitable[dict[str, int]]]) -> None:
        self._server = server
        self._run = run

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Run it at `now` (epoch seconds); what it did.

        Raises:
            ClocksDifferError: nothing was done.
        """
        ahead_s = now - await self._server.time()
        if abs(ahead_s) > MAY_DIFFER_S:
            raise ClocksDifferError(ahead_s)
        return await self._run(site, now, epoch)
