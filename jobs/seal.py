"""The job that packs the counts of buckets that are over, and drops those of items that nobody described."""

from jobs.refresh import RefreshLists
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.unknown_items import UnknownItems
from ranking.settings.service import Settings
from ranking.store.protocol import Store


class SealBuckets:
    """Seals the buckets of every site; each sealer keeps what it knows of the site's names between runs.

    Which names stand for another item is asked of the site's view in `refresh`; before there is one nothing is dropped.
    """

    def __init__(self, store: Store, settings: Settings, refresh: RefreshLists) -> None:
        self._refresh = refresh
        retention = settings.retention
        self._sealers = {site.id: Sealer(store, retention, site.id) for site in settings.sites}
        self._unknown = {name: UnknownItems(store, retention, name, each) for name, each in self._sealers.items()}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Seal one site at `now` (epoch seconds): spans written, spans left as they were changing, counts dropped."""
        done = await self._sealers[site].seal(now)
        ranked = self._refresh.site(site)
        dropped = 0 if ranked is None else await self._unknown[site].drop(now, ranked.view.names.is_alias)
        return {"sealed": done.written, "left": done.left, "unknown": dropped}
