"""Traffic: this worker's events per minute, stored for the ops page.

A minute is written as a whole each time it changes, so a repeated write changes nothing, and minutes that could not be
written while the store was away are written later. Memory is bounded by the minutes kept; an event costs one addition.
"""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

from api.monitoring.flushing import Span, store_spans
from ranking.intake.visits import SHADOW
from ranking.store.logbook import Minute
from ranking.times import MINUTE_S

MOST_MINUTES = 120
"""Minutes kept per site."""

#: See `Logbook.note_traffic`.
Note = Callable[[str, str, int, Minute], Awaitable[None]]


def uncounted(reason: str) -> str:
    """The name under which traffic counts events that were left out for `reason`.

    >>> uncounted("robot")
    '!robot'
    """
    return SHADOW + reason


class Traffic:
    """Events of one worker, stored by `note`."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._worker = secrets.token_hex(4)
        self._sites: dict[str, dict[int, Counter[str]]] = {}
        self._unsaved: set[Span] = set()

    def add(self, site: str, name: str, count: int, now: float) -> None:
        """Add events at `now` (epoch seconds). `name` is a kind, or a reason's `uncounted` name."""
        minute = int(now // MINUTE_S)
        minutes = self._sites.setdefault(site, {})
        events = minutes.get(minute)
        if events is None:
            while len(minutes) >= MOST_MINUTES:
                oldest = min(minutes)
                self._unsaved.discard((site, oldest))
                del minutes[oldest]
            events = minutes[minute] = Counter()
        events[name] += count
        self._unsaved.add((site, minute))

    async def flush(self) -> None:
        """Store the minutes that have changed.

        Raises:
            PopulerError: the store does not take them; the next flush tries again.
        """
        await store_spans(self._unsaved, self._store_minute)

    async def _store_minute(self, site: str, minute: int) -> None:
        await self._note(site, self._worker, minute, dict(self._sites[site].get(minute, {})))
