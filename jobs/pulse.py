"""The job that writes down since when nothing is read on a site, and what is usual there at this time."""

import asyncio

from jobs.refresh import RefreshLists
from ranking.errors import NotReadyError
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.watching.pulse import pulse_of


class TakePulse:
    """Takes the pulse of a site from what its lists were last ranked by."""

    def __init__(self, store: Store, settings: Settings, lists: RefreshLists) -> None:
        self._store = store
        self._span_s = settings.alarms.quiet_s
        self._lists = lists

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Take the pulse of one site; how many spans of the past say what is usual."""
        ranked = self._lists.site(site)
        if ranked is None or not self._span_s:
            return {}
        try:
            async with ranked.as_ranked() as at:
                pulse = await asyncio.to_thread(pulse_of, ranked.view.history, at, ranked.zone, self._span_s)
        except NotReadyError:
            return {}
        await self._store.logbook.note_pulse(site, pulse)
        return {"spans": 0 if pulse.usual is None else pulse.usual.spans}
