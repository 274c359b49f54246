"""Traffic: this worker's events by the minute, written down for the ops page.

What a minute holds so far is said again as a whole, so saying it twice changes nothing, and what could not be said
while the store was away is said later. It is bounded by the minutes that are kept, and costs an event one addition.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

from ranking.errors import PopulerError
from ranking.intake.visits import SHADOW
from ranking.store.logbook import Minute
from ranking.times import MINUTE_S

SAY_EVERY_S = 5.0
MOST_MINUTES = 120
"""Of each site, at any time."""

Place = tuple[str, int]  # site, minute since the epoch
#: See `Logbook.note_traffic`.
Note = Callable[[str, str, int, Minute], Awaitable[None]]


def uncounted(reason: str) -> str:
    """How traffic calls events that do not count.

    >>> uncounted("robot")
    '!robot'
    """
    return SHADOW + reason


class Traffic:
    """Events of one worker, written down by `note`."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._worker = secrets.token_hex(4)
        self._sites: dict[str, dict[int, Counter[str]]] = {}
        self._unsaid: set[Place] = set()

    def add(self, site: str, name: str, count: int, now: float) -> None:
        """Events at `now` (epoch seconds): a kind, or what `uncounted` calls a reason."""
        minute = int(now // MINUTE_S)
        minutes = self._sites.setdefault(site, {})
        events = minutes.get(minute)
        if events is None:
            while len(minutes) >= MOST_MINUTES:
                oldest = min(minutes)
                self._unsaid.discard((site, oldest))
                del minutes[oldest]
            events = minutes[minute] = Counter()
        events[name] += count
        self._unsaid.add((site, minute))

    async def say(self) -> None:
        """Write down what has changed.

        Raises:
            PopulerError: the store does not take it; it is written down another time.
        """
        for site, minute in sorted(self._unsaid):
            self._unsaid.discard((site, minute))
            try:
                await self._note(site, self._worker, minute, dict(self._sites[site].get(minute, {})))
            except PopulerError:
                self._unsaid.add((site, minute))
                raise

    async def announce_loop(self) -> None:
        """Write down every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            with contextlib.suppress(PopulerError):
                await self.say()
