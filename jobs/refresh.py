"""The job that keeps the published lists up to date."""

import time
from collections import deque
from collections.abc import Collection
from typing import NamedTuple

import structlog

from ranking.errors import StoreHeldError
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.site_parts import Alone, Peers, SitePart
from ranking.settings.service import Settings
from ranking.store.protocol import Store

log = structlog.get_logger("jobs")

#: So many refreshes in a row say how long one takes: the first reads all that there is.
STEADY_RUNS = 3


class _Followed(NamedTuple):
    site: RankedSite
    refresher: Refresher
    took_s: deque[float]


class RefreshLists:
    """Refreshes the lists of every site; each keeps its view between runs, and when the settings change."""

    def __init__(self, store: Store, settings: Settings, peers: Peers | None = None) -> None:
        self._peers = peers or Alone()
        self._store = store
        self._settings = settings
        self._sites: dict[str, _Followed] = {}
        self._held: set[str] = set()
        #: When the store was last found to have gone back, by site, epoch seconds.
        self.went_back_at: dict[str, float] = {}

    def use(self, settings: Settings) -> None:
        """Rank under these settings from each site's next run on; forget the sites that are gone."""
        self._settings = settings
        known = {site.id for site in settings.sites}
        self._sites = {name: followed for name, followed in self._sites.items() if name in known}

    def forget(self, sites: Collection[str]) -> None:
        """Forget sites: other processes rank them now."""
        for name in set(sites).difference(self.parted):  # of those it may hold a part
            self._sites.pop(name, None)

    def site(self, name: str) -> RankedSite | None:
        """A site as its lists are ranked; None before its first run."""
        followed = self._sites.get(name)
        return None if followed is None else followed.site

    @property
    def process(self) -> str:
        """The name of this process among those that hold parts of a site."""
        return self._peers.holder

    @property
    def parted(self) -> list[str]:
        """The sites whose items are shared out to several processes."""
        return [site.id for site in self._settings.sites if site.jobs_processes > 1]

    def part(self, site: str, now: float) -> SitePart:
        """The part of a site that this process holds, under the settings in effect; `now` in epoch seconds."""
        return self._follow(site, now).refresher.part

    def _follow(self, site: str, now: float) -> _Followed:
        followed = self._sites.get(site)
        if followed is None:
            ranked = RankedSite(self._store, self._settings, site)
            refresher = Refresher(ranked, self._peers)
            followed = self._sites[site] = _Followed(ranked, refresher, deque(maxlen=STEADY_RUNS))
        elif followed.site.settings is not self._settings:
            followed.site.use(self._settings, since=now)
        return followed

    def took_s(self, name: str) -> float:
        """How long each of a site's last refreshes took at least, in seconds; 0 before there were enough of them."""
        followed = self._sites.get(name)
        return 0.0 if followed is None or len(followed.took_s) < STEADY_RUNS else min(followed.took_s)

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Refresh one site at `now` (epoch seconds) in the term `epoch`; generation of each list that was published."""
        followed = self._follow(site, now)
        lost, began = followed.site.view.times_lost, time.monotonic()
        try:
            published = await followed.refresher.refresh(now, epoch)
        except StoreHeldError as error:
            if site not in self._held:
                log.error(str(error), site=site)
            self._held.add(site)
            return {"held": 1}
        self._held.discard(site)
        followed.took_s.append(time.monotonic() - began)
        if followed.site.view.times_lost > lost:
            self.went_back_at[site] = now
            log.warning(
                "The store has gone back to an earlier state or is another one. Everything was read anew. Send again"
                " what was answered shortly before.",
                site=site,
            )
        return published
