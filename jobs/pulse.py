"""The job that writes down since when nothing is read on a site, what is usual, and what waits for a description."""

import asyncio

import msgspec
import numpy as np

from jobs.refresh import RefreshLists
from ranking.errors import NotReadyError
from ranking.lists.rules import listable
from ranking.refreshing.ranked_site import RankedSite
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.watching.pulse import pulse_of
from ranking.watching.waiting import Waiting, waiting_of


class TakePulse:
    """Takes the pulse of a site from what its lists were last ranked by."""

    def __init__(self, store: Store, settings: Settings, lists: RefreshLists) -> None:
        self._store = store
        self._span_s = settings.alarms.quiet_s
        self._lists = lists

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Take the pulse of one site; how many spans of the past say what is usual."""
        ranked = self._lists.site(site)
        if ranked is None:
            return {}
        try:
            async with ranked.as_ranked() as at:
                pulse = await asyncio.to_thread(pulse_of, ranked.view.history, at, ranked.zone, self._span_s)
                waiting = await asyncio.to_thread(_waiting, ranked, at)
                catalogue = ranked.view.catalogue
                known, described = int(catalogue.known.sum()), int(catalogue.stored.sum())
        except NotReadyError:
            return {}
        took_s, went_back_at = self._lists.took_s(site), self._lists.went_back_at.get(site)
        pulse = msgspec.structs.replace(
            pulse, waiting=waiting, refresh_s=took_s, went_back_at=went_back_at, known=known, described=described
        )
        await self._store.logbook.note_pulse(site, pulse)
        return {"spans": 0 if pulse.usual is None else pulse.usual.spans, "waiting": waiting.items}


def _waiting(ranked: RankedSite, at: float) -> Waiting:
    view = ranked.view
    gone = view.removed | view.edits.in_force(at).blocked
    stored, known = view.catalogue.stored, view.catalogue.known
    shown = np.ones_like(known)
    for settings in ranked.effective.lists.values():
        if settings.kind != "latest":  # others go by what is read
            shown &= listable(settings.shows, stored, known)
    return waiting_of(view.history, shown, gone, at)
