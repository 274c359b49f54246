"""The job that tunes, every night, the lists that learn from their past.

A night is over at three o'clock of the site's time; what was counted until then is looked at, once. Where there was too
little, it is tried again every hour. It reads the counts from the store by itself: tuning takes seconds, in which the
view that lists are ranked from must go on.
"""

import asyncio
import math
from datetime import tzinfo

import structlog

from ranking.refreshing.site_view import SiteView
from ranking.settings.learned import LearnedSetting, Tuned
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.times import HOUR_S
from ranking.tuning.nightly import needed_s, night_before, suggestion_with_sections

log = structlog.get_logger("jobs")


class SuggestHalfLives:
    """Tunes the lists of every site that learn."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._lists = {name: each for name, each in settings.lists.items() if each.learns}
        self._filters = settings.item_filters
        self._zones = {site.id: site.zone for site in settings.sites}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Tune the lists of one site for which it is time at `now` (epoch seconds); how many, and how many moved."""
        zone = self._zones[site]
        due = {name: at for name in self._lists if (at := await self._due(site, name, now, zone)) is not None}
        if not due:
            return {}
        view = SiteView(site, filters=self._filters)
        longest_s = max(needed_s(self._lists[name]) for name in due)
        await view.update(self._store, min(due.values()) - longest_s)
        learned = await self._store.findings.in_effect(site)
        found = [await self._tuned(view, name, at, learned.get(name), zone) for name, at in due.items()]
        noted = [each for each in found if each.trials or each.at == night_before(now, zone)]
        written = [each for each in noted if await self._store.findings.note(site, each)]
        for each in written:
            log.info("a list was tuned", site=site, list=each.list, moved=each.moved, why=each.why)
        return {"tuned": len(written), "moved": sum(each.moved for each in written)}

    async def _due(self, site: str, name: str, now: float, zone: tzinfo) -> float | None:
        """The moment that a list is to be tuned for; None: it has been."""
        night = night_before(now, zone)
        last = await self._store.findings.nights(site, name, 1)
        if not last or last[0].at < night:
            return night
        hour = math.floor(now / HOUR_S) * HOUR_S
        return None if last[0].trials or last[0].at >= hour else hour

    async def _tuned(self, view: SiteView, name: str, at: float, before: LearnedSetting | None, zone: tzinfo) -> Tuned:
        settings = self._lists[name]
        return await asyncio.to_thread(
            suggestion_with_sections, view, name, settings, before or begun(settings), at, zone
        )


def begun(settings: ListSettings) -> LearnedSetting:
    """The setting that a list applies before it has learned anything."""
    return LearnedSetting(settings.half_life_s, 0.0)
