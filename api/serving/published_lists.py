"""The published lists in this worker's memory, from which every read is served.

One connection to the store brings the news of all sites. It is made anew where the sites change.

While the store is away the lists in memory are served with their age. A take-down or a block removes an item from every
answer at once, also from a list that a refresh already under way publishes later.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, NamedTuple

import structlog

from api.monitoring import metrics
from api.serving.date_labels import labelled_at
from api.serving.followed_site import FollowedSite, LoadedList, cancel_all
from api.serving.kept_lists import KeptLists
from api.serving.rendered_list import NO_OVERLAY, Answer, Query, RenderedList
from api.serving.site_edits import unranked
from ranking.backoff import Backoff
from ranking.errors import NotFoundError, NotReadyError, PopulerError, unlisted_section
from ranking.freshness import age_s
from ranking.intake.items import Item
from ranking.intake.reader_filter import MARK
from ranking.published.cursor import Cursor
from ranking.published.snapshot import WHOLE_SITE
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store
from ranking.watching.alarms import ListState

log = structlog.get_logger("api")

PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
#: How often it is looked for changes that are to be kept on disk.
LOOK_EVERY_S = 1.0


class Served(NamedTuple):
    """An answer. `generated_at`: when its list was ranked; `latest_at`: when the current one was; epoch seconds."""

    answer: Answer
    generated_at: float
    latest_at: float


class PublishedLists:
    """Follows and serves the lists of all sites, and keeps them in `kept`. `clock` gives epoch seconds."""

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], float], kept: KeptLists | None = None
    ) -> None:
        self._kept = kept
        self._store = store
        self._settings = settings
        self._clock = clock
        self.changed = asyncio.Event()
        """Set when an answer may have changed. One task waits for it and clears it."""
        self._sites = {site.id: self._followed(site) for site in settings.sites}
        self._following = False
        self._leaving: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._complete = False

    async def start(self) -> None:
        """Load the published lists and follow them, also while the store is away."""
        self._following = True
        await asyncio.gather(*(site.start() for site in self._sites.values()))
        self._listen()

    async def stop(self) -> None:
        """Stop following."""
        self._following = False
        await cancel_all([self._listening] if self._listening else [])
        await asyncio.gather(*(site.stop() for site in self._sites.values()), *self._leaving)

    def use(self, settings: Settings) -> None:
        """Serve under other settings: follow new sites, forget removed ones."""
        rendered_otherwise = settings.refresh.paging_s != self._settings.refresh.paging_s
        self._settings = settings
        before = set(self._sites)
        for name in before - {site.id for site in settings.sites}:
            self._leave(self._sites.pop(name).stop())
            if self._kept is not None:
                self._kept.forget(name)
        for site in settings.sites:
            here = self._sites.get(site.id)
            if here is None:
                self._sites[site.id] = here = self._followed(site)
                if self._following:
                    here.begin()
            elif here.settings != site or rendered_otherwise:
                here.use(site)
        if self._following and before != self._sites.keys():
            self._listen()

    async def serve(self, site: str, name: str, section: str, query: Query, now: float) -> Served:
        """The part of a list that `query` selects, at `now` (epoch seconds).

        Raises:
            NotFoundError: no such list or section.
            NotReadyError: the list is not ranked yet.
            InvalidCursorError: the cursor is of another list or section.
            GoneError: the cursor has expired.
            PopulerError: the store does not answer; it is read only for a cursor of an older order.
        """
        here = self._site(site)
        edits = here.edits
        if not edits.is_current:
            await edits.make_current()
        if query.cursor is not None:
            return await self._further(here, name, section, query, query.cursor, now)
        if section.startswith(MARK):
            await self._see_to_filter(here, name, section)
        shown, rendered = self._rendered(here, name, section, now)
        at = shown.stamp.generated_at
        overlay = NO_OVERLAY if rendered.pending else edits.overlay(name, section, now)
        return Served(rendered.answer(query, overlay), at, at)

    async def _see_to_filter(self, here: FollowedSite, name: str, key: str) -> None:
        """Have a list of some items be in memory, or the process that ranks know that it is asked for."""
        shown = here.lists.get(name)
        if shown is None:
            return
        if key in shown.bodies or key in shown.provisional:
            metrics.filtered_lists["published"] += 1
            here.filter_requests.note(name, key)
        elif (body := await here.filter_requests.body(name, key)) is not None:
            here.lists[name].provisional[key] = body  # of a newer list that has arrived meanwhile, too

    async def _further(
        self, here: FollowedSite, name: str, section: str, query: Query, cursor: Cursor, now: float
    ) -> Served:
        shown, rendered = self._rendered(here, name, section, now)
        same = rendered.order == cursor.order
        order = rendered.ids if same else await here.order(name, section, cursor.order)
        left: dict[str, Item] = {}
        while True:
            shown, rendered = self._rendered(here, name, section, now)  # a newer list may have arrived meanwhile
            overlay = here.edits.overlay(name, section, now)
            put_off = {
                name for name, item in left.items() if (item.published_at or 0.0) > now or item.is_withdrawn(now)
            }
            if put_off:
                overlay = overlay._replace(hidden=overlay.hidden | put_off)
            missing = [item for item in rendered.missing(query, cursor, order, overlay) if item not in left]
            if not missing:
                entries = {name: unranked(item) for name, item in left.items()}
                answer = rendered.further(query, cursor, order, entries, overlay)
                return Served(answer, cursor.at, shown.stamp.generated_at)
            left |= await here.items_of(missing)

    async def settle(self, site: str) -> None:
        """Return once every worker shows the current edits. A site that was removed meanwhile is shown by none.

        Raises:
            PopulerError: the store does not answer.
        """
        if site in self._sites:
            await self._sites[site].edits.settle()

    async def keep_loop(self) -> None:
        """Keep on disk what is shown, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for site in list(self._sites.values()):
                try:
                    await site.keep()
                except Exception:
                    log.exception("The last lists were not kept on disk.", site=site.settings.id)

    def ranked(self) -> bool:
        """Whether every list of every site has been loaded once.

        A list or site that is added later is ranked within a refresh: the worker stays in service.
        """
        self._complete = self._complete or all(
            name in site.lists for site in self._sites.values() for name in self._settings.lists
        )
        return self._complete

    def loaded(self) -> bool:
        """Whether there is a list to serve."""
        return any(site.lists for site in self._sites.values())

    def names(self, site: str) -> list[str]:
        """Names of the site's lists; a list that was added after the start is named once it is ranked."""
        here = self._site(site).lists
        ready = self.ranked() and any(name in here for name in self._settings.lists)
        return [name for name in self._settings.lists if not ready or name in here]

    def was_shown(self, site: str, name: str, item: str, position: int | None) -> bool:
        """Whether a reader may have the item at this position of a list on the screen; None: anywhere in it."""
        here = self._sites.get(site)
        return here is not None and here.was_shown(name, item, position)

    def unedited(self, site: str, name: str) -> bool:
        """Whether no edit was made since the current list was loaded."""
        return name in self._site(site).unedited

    def oldest_age_s(self, now: float) -> float | None:
        """Age of the oldest loaded list at `now` (epoch seconds), in seconds; None without lists."""
        return max((age_s(each.generated_at, now) for each in self.listed()), default=None)

    def listed(self) -> list[ListState]:
        """The state of every loaded list."""
        return [
            ListState(site, name, shown.stamp.generated_at)
            for site, here in self._sites.items()
            for name in self._settings.lists
            if (shown := here.lists.get(name)) is not None
        ]

    def learned(self) -> list[dict[str, object]]:
        """The learned settings of the loaded lists."""
        return [
            {
                "site": site, "list": name, "half_life_s": learned.half_life_s, "since": learned.since or None,
                "forecast": learned.correction is not None, "config_version": shown.stamp.config_version,
                "why": learned.why,
            }
            for site, here in self._sites.items()
            for name, shown in here.lists.items()
            if (learned := shown.stamp.learned) is not None
        ]  # fmt: skip

    def in_effect(self, site: str, name: str) -> LearnedSetting | None:
        """The learned setting of a loaded list; None without."""
        shown = self._site(site).lists.get(name)
        return None if shown is None else shown.stamp.learned

    def sections(self, site: str, name: str) -> list[str]:
        """The sections of a loaded list."""
        shown = self._site(site).lists.get(name)
        return [] if shown is None else sorted(_sections(shown))

    def check_place(self, site: str, name: str, section: str) -> None:
        """Return if there is such a list, and such a section of it.

        Raises:
            NotFoundError: there is none.
        """
        if name not in self._settings.lists:
            raise NotFoundError(f"no list is called {name!r}; there are {', '.join(self._settings.lists)}")
        if section != WHOLE_SITE:
            self._check_section(self._site(site), section)

    def _leave(self, ending: Coroutine[Any, Any, None]) -> None:
        leaving = asyncio.create_task(ending)
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _listen(self) -> None:
        """Listen to the news of the sites that are followed now."""
        if self._listening is not None:
            self._leave(cancel_all([self._listening]))
        self._listening = asyncio.create_task(self._listen_loop(list(self._sites)))

    async def _listen_loop(self, sites: Sequence[str]) -> None:
        backoff = Backoff(PAUSE_S, LONGEST_PAUSE_S)
        while True:
            try:
                async for name, text in self._store.lists.news(sites):
                    backoff.reset()
                    if name in self._sites:
                        await self._sites[name].on_news(text)
            except PopulerError:
                await asyncio.sleep(backoff.next_s())  # the poll logs the reason

    def _site(self, site: str) -> FollowedSite:
        here = self._sites.get(site)
        if here is None:  # a reload has removed it since the request began
            raise NotFoundError(f"no site is called {site!r}")
        return here

    def _followed(self, site: SiteSettings) -> FollowedSite:
        # A name of its own: a site that is removed and added again must not share a lease with its former self.
        return FollowedSite(self._store, site, secrets.token_hex(8), self.changed.set, self._clock, self._kept)

    def _rendered(self, here: FollowedSite, name: str, section: str, now: float) -> tuple[LoadedList, RenderedList]:
        shown = here.lists.get(name)
        if shown is None or name not in self._settings.lists:
            self.check_place(here.settings.id, name, WHOLE_SITE)
            raise NotReadyError(f"list {name!r} is not ranked yet; the first refresh is on its way")
        rendered, moment = shown.rendered.get(section), labelled_at(here.settings, now)
        if rendered is None or rendered.labelled_at != moment:
            body = shown.bodies.get(section) or shown.provisional.get(section)
            if body is None and section != WHOLE_SITE and not section.startswith(MARK):
                self._check_section(here, section)
            paging_s = self._settings.refresh.paging_s
            rendered = RenderedList(here.settings, section, shown.generation, shown.stamp, body, paging_s, moment)
            if body is not None:
                shown.rendered[section] = rendered
        return shown, rendered

    def _check_section(self, here: FollowedSite, section: str) -> None:
        lists = here.lists.values()
        if not any(section in shown.bodies or section in shown.quiet for shown in lists):
            raise unlisted_section(section, {each for shown in lists for each in _sections(shown)})


def _sections(shown: LoadedList) -> Iterator[str]:
    return (section for section in shown.bodies if section != WHOLE_SITE and not section.startswith(MARK))
