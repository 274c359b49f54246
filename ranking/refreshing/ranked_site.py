"""RankedSite: the owner of one site's view, of the settings its lists are ranked under and of when that was.

Three things are made of a view: the published lists, answers to questions, the site's pulse. They take turns.

Invariant: a view is not read while it is brought up to date.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, tzinfo
from typing import Any

from ranking.errors import NotReadyError
from ranking.lists.traffic_start import with_traffic
from ranking.refreshing.site_view import SiteView
from ranking.scoring.traffic_rule import look
from ranking.settings.learned import LearnedSetting
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.times import MINUTE_S

#: How long after a moment the events before it are all counted.
ARRIVED_S = float(MINUTE_S)


class RankedSite:
    """One site as this process knows it.

    `settings` are those of the file, `effective` the same with what the lists have learned, which is `learned` by list.
    A list that has not had a night to learn from goes by the traffic.
    """

    def __init__(self, store: Store, settings: Settings, site: str) -> None:
        self.store = store
        self.settings = settings
        self.effective = settings
        self.learned: Mapping[str, LearnedSetting] = {}
        self.view = SiteView(site, marks=True, filters=settings.item_filters)
        self.zone = _zone_of(settings, site)
        self.today: dict[str, Any] | None = None
        """The last answer to how the site fares (see `report_answers`)."""
        self._settings_since = -math.inf
        self._found_for: tuple[object, ...] = ()  # what the half-lives in effect were found for
        self._ranked_at: float | None = None
        self._turn = asyncio.Lock()

    def use(self, settings: Settings, since: float) -> None:
        """Rank under other settings, not while a refresh runs.

        The lists of the present slot are published already, under the old ones: until the next one the moment that
        lists are ranked for is `since` (epoch seconds), when the settings changed.
        """
        has_other_filters = settings.item_filters != self.settings.item_filters
        self.settings = settings
        if has_other_filters:  # they are asked of every description
            self._follow_shards(self.view.shards)
        self.today = None
        self.effective = settings.under(self.learned)
        self.zone = _zone_of(settings, self.view.site)
        self._settings_since = since

    @property
    def jobs_processes(self) -> int:
        """How many processes the site's items are shared out to."""
        return next((each.jobs_processes for each in self.settings.sites if each.id == self.view.site), 1)

    def _follow_shards(self, shards: Collection[int] | None) -> None:
        """Begin anew with some shards, or all (None)."""
        self._ranked_at = None
        self.view = SiteView(self.view.site, marks=True, filters=self.settings.item_filters, shards=shards)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the view as it is."""
        async with self._turn:
            yield

    async def follow_part(self, shards: Collection[int], slot: float) -> None:
        """Bring the view up to date for the moment `slot` (epoch seconds), as one of these shards alone."""
        async with self._turn:
            if self.view.shards != frozenset(shards):
                self._follow_shards(shards)
            await self.view.update(self.store, slot - self.settings.retention.keep_s)

    @contextlib.asynccontextmanager
    async def updated(self, now: float) -> AsyncIterator[float]:
        """Hold the view, brought up to date; the aligned moment before `now` to rank it for. Both epoch seconds."""
        async with self._turn:
            slot = self.slot(now)
            if self.view.shards is not None:  # it was shared out to several processes before
                self._follow_shards(None)
            # What is too old follows from the slot, as all else does: another process must come to the same lists.
            await self.view.update(self.store, slot - self.settings.retention.keep_s)
            if any(settings.learns for settings in self.settings.lists.values()):
                await self._learn(await self.store.findings.in_effect(self.view.site), slot)
            yield slot

    async def _learn(self, noted: Mapping[str, LearnedSetting], slot: float) -> None:
        """Take over what the store has noted, and for lists without a night of their own what the traffic says."""
        moment = look(self.view.history.start(), slot)
        found_for = self.settings, noted, moment
        if found_for == self._found_for:
            return
        # The last events before a moment arrive a little later.
        self._found_for = found_for if moment is None or slot >= moment + ARRIVED_S else ()
        learned = await asyncio.to_thread(with_traffic, noted, self.settings.lists, self.view, slot)
        if learned != self.learned or self.effective is self.settings:
            self.learned, self.effective = learned, self.settings.under(learned)

    def set_ranked(self, at: float) -> None:
        """Note that the lists were ranked from the view for the moment `at` (epoch seconds)."""
        self._ranked_at = at

    @contextlib.asynccontextmanager
    async def as_ranked(self) -> AsyncIterator[float]:
        """Hold the view as the lists were last ranked from it; the moment they were ranked for, in epoch seconds.

        Raises:
            NotReadyError: nothing was ranked yet.
        """
        async with self._turn:
            if self._ranked_at is None:
                raise NotReadyError("the lists are not ranked yet; the first refresh is on its way")
            yield self._ranked_at

    def slot(self, now: float) -> float:
        """The aligned moment before `now` to rank for; both epoch seconds."""
        every_s = self.settings.refresh.every_s
        slot = math.floor(now / every_s) * every_s
        return self._settings_since if slot < self._settings_since <= now else slot


def _zone_of(settings: Settings, site: str) -> tzinfo:
    return next((each.zone for each in settings.sites if each.id == site), UTC)
