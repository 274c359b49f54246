"""Board: the published lists in this worker's memory. A read touches nothing else.

When the store is away it goes on serving what it has and says how old that is. A take-down or a block removes an item
from every answer at once, whatever list a refresh that was already under way may still publish.
"""

import asyncio
import secrets
from typing import NamedTuple

from api.serving.date_labels import labelled_at
from api.serving.followed_site import FollowedSite, LoadedList
from api.serving.rendered_list import Answer, Query, RenderedList
from ranking.errors import NotFoundError, NotReadyError, unknown_section
from ranking.published.cursor import Cursor
from ranking.published.snapshot import WHOLE_SITE, Entry
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings, SiteSettings
from ranking.store.protocol import Store
from ranking.watching.alarms import ListState


class Served(NamedTuple):
    """An answer, the moment (epoch seconds) that its list was ranked for, and that of the list as it is now."""

    answer: Answer
    generated_at: float
    latest_at: float


class PublishedLists:
    """Follows and serves the lists of all sites."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.changed = asyncio.Event()
        """Set whenever something else may be served than before; for one to wait for, and clear."""
        self._sites = {site.id: self._followed(site) for site in settings.sites}
        self._following = False
        self._leaving: set[asyncio.Task[None]] = set()
        self._complete = False

    async def start(self) -> None:
        """Take over what is published, then follow it. A store that is away is followed all the same."""
        self._following = True
        await asyncio.gather(*(site.start() for site in self._sites.values()))

    async def stop(self) -> None:
        """Follow no more."""
        self._following = False
        await asyncio.gather(*(site.stop() for site in self._sites.values()), *self._leaving)

    def use(self, settings: Settings) -> None:
        """Go by other settings: follow the sites that came, forget those that are gone."""
        rendered_otherwise = settings.refresh.paging_s != self._settings.refresh.paging_s
        self._settings = settings
        for name in self._sites.keys() - {site.id for site in settings.sites}:
            leaving = asyncio.create_task(self._sites.pop(name).stop())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        for site in settings.sites:
            here = self._sites.get(site.id)
            if here is None:
                self._sites[site.id] = here = self._followed(site)
                if self._following:
                    here.begin()
            elif here.settings != site or rendered_otherwise:
                here.use(site)

    async def serve(self, site: str, name: str, section: str, query: Query, now: float) -> Served:
        """Part of a list, at `now` (epoch seconds).

        Raises:
            NotFoundError: no such list or section.
            NotReadyError: the list was not ranked yet.
            InvalidCursorError: the cursor is of another list or section.
            GoneError: what the cursor names is kept no longer.
            PopulerError: the store does not answer, and is asked only where a cursor names what is past.
        """
        here = self._site(site)
        edits = here.edits
        if not edits.sure:
            await edits.make_sure()
        if query.cursor is not None:
            return await self._further(here, name, section, query, query.cursor, now)
        shown, rendered = self._rendered(here, name, section, now)
        at = shown.stamp.generated_at
        return Served(rendered.answer(query, edits.overlay(name, section, now)), at, at)

    async def _further(
        self, here: FollowedSite, name: str, section: str, query: Query, cursor: Cursor, now: float
    ) -> Served:
        shown, rendered = self._rendered(here, name, section, now)
        same = rendered.order == cursor.order
        order = rendered.ids if same else await here.order(name, section, cursor.order)
        entries: dict[str, Entry] = {}
        while True:
            shown, rendered = self._rendered(here, name, section, now)  # while we waited, another may have come
            overlay = here.edits.overlay(name, section, now)
            missing = [item for item in rendered.missing(query, cursor, order, overlay) if item not in entries]
            if not missing:
                answer = rendered.further(query, cursor, order, entries, overlay)
                return Served(answer, cursor.at, shown.stamp.generated_at)
            entries |= await here.entries_of(missing)

    async def settle(self, site: str) -> None:
        """Return when every worker shows what editors say now. A site that has gone meanwhile is shown by none.

        Raises:
            PopulerError: the store does not answer.
        """
        if site in self._sites:
            await self._sites[site].edits.settle()

    def ranked(self) -> bool:
        """Whether there was a moment when every list of every site had been published.

        A list or a site that comes later than that is ranked in a moment: no reason to be taken out of service.
        """
        self._complete = self._complete or all(
            name in site.lists for site in self._sites.values() for name in self._settings.lists
        )
        return self._complete

    def names(self, site: str) -> list[str]:
        """The site's lists; those that came since the worker was ready once they are ranked."""
        here = self._site(site).lists
        ready = self.ranked() and any(name in here for name in self._settings.lists)
        return [name for name in self._settings.lists if not ready or name in here]

    def unedited(self, site: str, name: str) -> bool:
        """Whether editors have changed nothing since the list that is served came here."""
        return name in self._site(site).unedited

    def oldest(self) -> float | None:
        """The moment (epoch seconds) of the oldest list shown; None where there is none."""
        return min((each.generated_at for each in self.listed()), default=None)

    def listed(self) -> list[ListState]:
        """Every list shown, and the moment that it was ranked for."""
        return [
            ListState(site, name, shown.stamp.generated_at)
            for site, here in self._sites.items()
            for name in self._settings.lists
            if (shown := here.lists.get(name)) is not None
        ]

    def learned(self) -> list[dict[str, object]]:
        """What the lists that learn from their past are ranked by, as shown."""
        return [
            {
                "site": site, "list": name, "half_life_s": learned.half_life_s, "since": learned.since or None,
                "forecast": bool(learned.mix), "config_version": shown.stamp.config_version,
            }
            for site, here in self._sites.items()
            for name, shown in here.lists.items()
            if (learned := shown.stamp.learned) is not None
        ]  # fmt: skip

    def in_effect(self, site: str, name: str) -> LearnedSetting | None:
        """What a list that learns from its past is ranked by, as shown."""
        shown = self._site(site).lists.get(name)
        return None if shown is None else shown.stamp.learned

    def sections(self, site: str, name: str) -> list[str]:
        """The sections that a list of a site is published for."""
        shown = self._site(site).lists.get(name)
        return [] if shown is None else sorted(section for section in shown.bodies if section != WHOLE_SITE)

    def check_place(self, site: str, name: str, section: str) -> None:
        """Return if there is such a list, and such a section of it.

        Raises:
            NotFoundError: there is none.
        """
        if name not in self._settings.lists:
            raise NotFoundError(f"no list is called {name!r}; there are {', '.join(self._settings.lists)}")
        if section != WHOLE_SITE:
            self._check_section(self._site(site), section)

    def _site(self, site: str) -> FollowedSite:
        here = self._sites.get(site)
        if here is None:  # a reload has taken it away since the request began
            raise NotFoundError(f"no site is called {site!r}")
        return here

    def _followed(self, site: SiteSettings) -> FollowedSite:
        # A name of its own: a site that is gone and soon back says so of the one that is gone only.
        return FollowedSite(self._store, site, secrets.token_hex(8), self.changed.set)

    def _rendered(self, here: FollowedSite, name: str, section: str, now: float) -> tuple[LoadedList, RenderedList]:
        shown = here.lists.get(name)
        if shown is None or name not in self._settings.lists:
            self.check_place(here.settings.id, name, WHOLE_SITE)
            raise NotReadyError(f"list {name!r} is not ranked yet; the first refresh is on its way")
        rendered, moment = shown.rendered.get(section), labelled_at(here.settings, now)
        if rendered is None or rendered.labelled_at != moment:
            body = shown.bodies.get(section)
            if body is None and section != WHOLE_SITE:
                self._check_section(here, section)
            paging_s = self._settings.refresh.paging_s
            rendered = RenderedList(here.settings, section, shown.generation, shown.stamp, body, paging_s, moment)
            if body is not None:
                shown.rendered[section] = rendered
        return shown, rendered

    def _check_section(self, here: FollowedSite, section: str) -> None:
        if not any(section in shown.bodies for shown in here.lists.values()):
            known = {name for shown in here.lists.values() for name in shown.bodies if name != WHOLE_SITE}
            raise unknown_section(section, known)
