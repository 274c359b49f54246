"""Addresses of pages: where readers read the items of which nobody knows where their pages are.

An event's word for it is worth nothing by itself, so the job that reads pages asks for some items (`wanted_pages`) and
believes a page only about an id that it names. A worker keeps the addresses of what was read last, without asking of
each event whether somebody wants it, and looks for those that are wanted every few seconds.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from ranking.intake.events import Event
from ranking.intake.urls import MAX_URL_CHARS
from ranking.settings.sites import SiteSettings
from ranking.store.logbook import Logbook

#: Addresses of a site that a worker keeps: 2 MB at most usual lengths.
MOST_KEPT: Final = 5_000
LOOK_EVERY_S: Final = 15.0


class PageAddresses:
    """Those that one worker has seen. `clock` gives epoch seconds."""

    def __init__(self, logbook: Logbook, clock: Callable[[], float]) -> None:
        self._logbook = logbook
        self._clock = clock
        self._kept: defaultdict[str, OrderedDict[str, str]] = defaultdict(OrderedDict)
        self._looked_at: dict[str, float] = {}

    def add(self, site: SiteSettings, events: Sequence[Event]) -> None:
        """Keep where some events say that they were read, if a job reads the pages of their site."""
        if not site.discover or site.own_hosts is None:
            return
        kept = self._kept[site.id]
        for event in events:
            if event.page.startswith("http") and len(event.page) <= MAX_URL_CHARS:
                kept[event.item] = event.page
        while len(kept) > MOST_KEPT:
            kept.popitem(last=False)

    async def flush(self) -> None:
        """Note the addresses that are wanted.

        Raises:
            PopulerError: the store does not take them; the next flush tries again.
        """
        now = self._clock()
        for site, kept in list(self._kept.items()):
            if not kept or -LOOK_EVERY_S < now - self._looked_at.get(site, 0.0) < LOOK_EVERY_S:
                continue
            wanted = await self._logbook.wanted_pages(site)
            pages = {item: kept[item] for item in wanted if item in kept}
            if pages:
                await self._logbook.note_pages(site, pages)
                for item, page in pages.items():
                    if kept.get(item) == page:  # else it was read elsewhere meanwhile, or given up
                        del kept[item]
            self._looked_at[site] = now
