"""Attempts: who sends events to this worker for which item, summarised for the alarm and the ops page.

An event costs one entry of a list, which is summarised when it is long or the summary is stored. A slice is written as
a whole each time it has changed, so a repeated write changes nothing; what could not be written while the store was
away is written later, of the last two slices. Memory is bounded, whatever is sent.
"""

from collections.abc import Awaitable, Callable, Sequence
from secrets import token_hex

from api.monitoring.flushing import Span, store_spans
from ranking.intake.events import Event
from ranking.watching.concentration import SLICE_S, Attempt, Summary, abridged, merged, summary_of

#: Slices of a site in memory.
MOST_SLICES = 2
#: Attempts that wait to be summarised: a few milliseconds' work, and a megabyte.
MOST_WAITING = 10_000

#: See `Logbook.note_attempts`.
Note = Callable[[str, str, int, Summary], Awaitable[None]]


class Attempts:
    """Attempts of one worker, stored by `note`."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._worker = token_hex(4)
        self._waiting: list[Attempt] = []
        self._place = ("", 0)  # site and slice of those that wait
        self._slices: dict[Span, Summary] = {}
        self._unsaved: set[Span] = set()

    def add(self, site: str, events: Sequence[Event], network: bytes, agent: bytes, now: float) -> None:
        """Count attempts of one sender at `now` (epoch seconds); `network` and `agent` are hashes of 8 bytes."""
        waiting = self._waiting
        place = site, int(now // SLICE_S)
        if place != self._place or len(waiting) >= MOST_WAITING:
            self._summarise()
            waiting, self._place = self._waiting, place
        for event in events:
            waiting.append((event.item, network, agent))

    def _summarise(self) -> None:
        if not self._waiting:
            return
        place, waiting = self._place, self._waiting
        self._waiting = []
        before, summary = self._slices.get(place), summary_of(waiting)
        self._slices[place] = summary if before is None else merged([before, summary])
        self._unsaved.add(place)
        for old in [span for span in self._slices if span[1] <= place[1] - MOST_SLICES]:
            del self._slices[old]
            self._unsaved.discard(old)

    async def flush(self) -> None:
        """Store the slices that have changed.

        Raises:
            PopulerError: the store does not take them; the next flush tries again.
        """
        self._summarise()
        await store_spans(self._unsaved, self._store_slice)

    async def _store_slice(self, site: str, number: int) -> None:
        summary = self._slices.get((site, number))
        if summary is not None:  # else it was given up while the store refused it
            await self._note(site, self._worker, number, abridged(summary))
