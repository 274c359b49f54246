"""The job that keeps the published lists up to date."""

from typing import NamedTuple

import structlog

from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.protocol import Store

log = structlog.get_logger("jobs")


class _Followed(NamedTuple):
    site: RankedSite
    refresher: Refresher


class RefreshLists:
    """Refreshes the lists of every site; each keeps its view between runs, and when the settings change."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._sites: dict[str, _Followed] = {}

    def use(self, settings: Settings) -> None:
        """Rank under these settings from each site's next run on; forget the sites that are gone."""
        self._settings = settings
        known = {site.id for site in settings.sites}
        self._sites = {name: followed for name, followed in self._sites.items() if name in known}

    def site(self, name: str) -> RankedSite | None:
        """A site as its lists are ranked; None before its first run."""
        followed = self._sites.get(name)
        return None if followed is None else followed.site

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Refresh one site at `now` (epoch seconds) in the term `epoch`; generation of each list that was published."""
        followed = self._sites.get(site)
        if followed is None:
            ranked = RankedSite(self._store, self._settings, site)
            followed = self._sites[site] = _Followed(ranked, Refresher(ranked))
        elif followed.site.settings is not self._settings:
            followed.site.use(self._settings, since=now)
        lost = followed.site.view.times_lost
        published = await followed.refresher.refresh(now, epoch)
        if followed.site.view.times_lost > lost:
            log.warning(
                "The store has gone back to an earlier state or is another one. Everything was read anew. Send again"
                " what was answered shortly before.",
                site=site,
            )
        return published
