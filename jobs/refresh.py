"""The job that keeps the published lists up to date."""

from ranking.refresh import Refresher
from ranking.settings import Settings
from ranking.store.store import Store


class RefreshLists:
    """Refreshes the lists of every site; each keeps its view between runs."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._refreshers = {site.id: Refresher(store, settings, site.id) for site in settings.sites}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Refresh one site at `now` (epoch seconds) in the term `epoch`; generation of each list that was published."""
        return await self._refreshers[site].refresh(now, epoch)
