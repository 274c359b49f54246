"""The job that writes down since when nothing is read on a site, and what is usual there at this time."""

from jobs.refresh import RefreshLists
from ranking.settings.service import Settings
from ranking.store.protocol import Store


class TakePulse:
    """Takes the pulse of a site from what its lists were last ranked by."""

    def __init__(self, store: Store, settings: Settings, lists: RefreshLists) -> None:
        self._store = store
        self._span_s = settings.alarms.quiet_s
        self._lists = lists

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Take the pulse of one site; how many spans of the past say what is usual."""
        refresher = self._lists.refresher(site)
        pulse = None if refresher is None or not self._span_s else await refresher.pulse(self._span_s)
        if pulse is None:
            return {}
        await self._store.logbook.note_pulse(site, pulse)
        return {"spans": 0 if pulse.usual is None else pulse.usual.spans}
