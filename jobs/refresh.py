"""The job that keeps the published lists up to date."""

from typing import NamedTuple

from ranking.refreshing.refresher import Refresher
from ranking.settings.service import Settings
from ranking.store.protocol import Store


class _Ranked(NamedTuple):
    refresher: Refresher
    settings: Settings


class RefreshLists:
    """Refreshes the lists of every site; each keeps its view between runs, and when the settings change."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._sites: dict[str, _Ranked] = {}

    def use(self, settings: Settings) -> None:
        """Rank under these settings from each site's next run on; forget the sites that are gone."""
        self._settings = settings
        known = {site.id for site in settings.sites}
        self._sites = {name: ranked for name, ranked in self._sites.items() if name in known}

    def refresher(self, site: str) -> Refresher | None:
        """Who ranks the lists of a site; None before its first run."""
        ranked = self._sites.get(site)
        return None if ranked is None else ranked.refresher

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Refresh one site at `now` (epoch seconds) in the term `epoch`; generation of each list that was published."""
        settings = self._settings
        ranked = self._sites.get(site)
        if ranked is None:
            ranked = _Ranked(Refresher(self._store, settings, site), settings)
        elif ranked.settings is not settings:
            ranked.refresher.use(settings, since=now)
        self._sites[site] = ranked._replace(settings=settings)
        return await ranked.refresher.refresh(now, epoch)
