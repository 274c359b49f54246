"""Board: the published lists in this worker's memory. A read touches nothing else.

It follows the store by its news channel and, because a message can be lost, by a poll behind it. When the store is away
it goes on serving what it has and says how old that is. A take-down removes an item from every answer at once,
whatever list a refresh that was already under way may still publish.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import NamedTuple

import structlog

from api.rendering import Answer, Query, RenderedList
from ranking.errors import NotFoundError, NotReadyError, PopulerError
from ranking.settings import Settings, SiteSettings
from ranking.snapshot import WHOLE_SITE, Stamp
from ranking.store.store import Store

log = structlog.get_logger("api")

POLL_S = 1.0
LONGEST_PAUSE_S = 5.0


class Served(NamedTuple):
    """An answer, and the moment (epoch seconds) that its list was ranked for."""

    answer: Answer
    generated_at: float


class _Shown:
    """A list as it was last published."""

    def __init__(self, generation: int, stamp: Stamp, bodies: dict[str, bytes]) -> None:
        self.generation = generation
        self.stamp = stamp
        self.bodies = bodies
        self.rendered: dict[str, RenderedList] = {}


class _Site:
    def __init__(self, settings: SiteSettings) -> None:
        self.settings = settings
        self.lists: dict[str, _Shown] = {}
        self.removed: frozenset[str] = frozenset()
        self.take_downs = 0
        self.news = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def take_down(self, item: str) -> None:
        self.removed |= {item}
        self.take_downs += 1


class Board:
    """Follows and serves the lists of all sites."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._sites = {site.id: _Site(site) for site in settings.sites}
        self._following = False
        self._leaving: set[asyncio.Task[None]] = set()
        self._complete = False

    async def start(self) -> None:
        """Take over what is published, then follow it. A store that is away is followed all the same."""
        for name, site in self._sites.items():
            with contextlib.suppress(PopulerError):
                await self._take_over(name, site)
        self._following = True
        for name, site in self._sites.items():
            self._begin(name, site)

    async def stop(self) -> None:
        """Follow no more."""
        self._following = False
        await asyncio.gather(*(_ended(site.tasks) for site in self._sites.values()), *self._leaving)

    def use(self, settings: Settings) -> None:
        """Go by other settings: follow the sites that came, forget those that are gone."""
        self._settings = settings
        for name in self._sites.keys() - {site.id for site in settings.sites}:
            leaving = asyncio.create_task(_ended(self._sites.pop(name).tasks))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        for site in settings.sites:
            here = self._sites.get(site.id)
            if here is None:
                self._sites[site.id] = here = _Site(site)
                here.news.set()  # what is published for it already is worth a look now
                if self._following:
                    self._begin(site.id, here)
            elif here.settings != site:
                here.settings = site
                for shown in here.lists.values():
                    shown.rendered.clear()

    def serve(self, site: str, name: str, section: str, query: Query) -> Served:
        """Part of a list.

        Raises:
            NotFoundError: no such list or section.
            NotReadyError: the list was not ranked yet.
        """
        here = self._sites[site]
        if name not in self._settings.lists:
            raise NotFoundError(f"no list is called {name!r}; there are {', '.join(self._settings.lists)}")
        shown = here.lists.get(name)
        if shown is None:
            raise NotReadyError(f"list {name!r} is not ranked yet; the first refresh is on its way")
        rendered = shown.rendered.get(section)
        if rendered is None:
            self._check_section(here, section)
            rendered = RenderedList(here.settings, section, shown.generation, shown.stamp, shown.bodies.get(section))
            if section in shown.bodies:
                shown.rendered[section] = rendered
        return Served(rendered.answer(query, here.removed), shown.stamp.generated_at)

    def take_down(self, site: str, item: str) -> None:
        """Leave an item out of every answer from now on. A site that has gone meanwhile has no answers."""
        if site in self._sites:
            self._sites[site].take_down(item)

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
        here = self._sites[site].lists
        ready = self.ranked() and any(name in here for name in self._settings.lists)
        return [name for name in self._settings.lists if not ready or name in here]

    def oldest(self) -> float | None:
        """The moment (epoch seconds) of the oldest list shown; None where there is none."""
        shown = (site.lists.get(name) for site in self._sites.values() for name in self._settings.lists)
        return min((each.stamp.generated_at for each in shown if each), default=None)

    def _begin(self, name: str, site: _Site) -> None:
        site.tasks += [asyncio.create_task(follow(name, site)) for follow in (self._listen, self._follow)]

    def _check_section(self, here: _Site, section: str) -> None:
        if not any(section in shown.bodies for shown in here.lists.values()):
            known = sorted({name for shown in here.lists.values() for name in shown.bodies if name != WHOLE_SITE})
            there = f"; there are {', '.join(known[:20])}" if known else ""
            raise NotFoundError(f"no item is in a section called {section!r}{there}")

    async def _listen(self, name: str, site: _Site) -> None:
        pause_s = POLL_S
        while True:
            try:
                async for text in self._store.news(name):
                    pause_s = POLL_S
                    kind, _, what = text.partition(" ")
                    if kind == "item":
                        site.take_down(what)
                    site.news.set()
            except PopulerError:
                await asyncio.sleep(pause_s)  # the poll behind it says what is wrong
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _follow(self, name: str, site: _Site) -> None:
        away = False
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(site.news.wait(), POLL_S)
            site.news.clear()
            try:
                await self._take_over(name, site)
            except PopulerError as error:
                if not away:
                    log.warning("lists are served from memory", site=name, error=str(error))
                away = True
            else:
                if away:
                    log.info("lists are followed again", site=name)
                away = False

    async def _take_over(self, name: str, site: _Site) -> None:
        seen = -1
        while seen != site.take_downs:  # one that came while we were reading may not be in what we read
            seen = site.take_downs
            removed = frozenset(await self._store.removed_items(name))
            if seen == site.take_downs and removed != site.removed:
                site.removed = removed
        for list_name, generation in (await self._store.generations(name)).items():
            shown = site.lists.get(list_name)
            if shown is not None and shown.generation == generation:
                continue
            have = shown.stamp.digests if shown else {}
            found = await self._store.published(name, list_name, have)
            if found is None or (shown is not None and found.stamp.generated_at < shown.stamp.generated_at):
                continue
            kept = shown.bodies if shown else {}
            bodies = {section: found.bodies.get(section) or kept[section] for section in found.stamp.digests}
            site.lists[list_name] = _Shown(found.generation, found.stamp, bodies)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Have the tasks end."""
    following = set(tasks)
    while following:  # redis-py swallows a cancellation that comes together with a reply: say it until it is heard
        for task in following:
            task.cancel()
        _, following = await asyncio.wait(following, timeout=0.1)
