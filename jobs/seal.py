"""The job that packs the counts of buckets that are over, and drops those of items that nobody described."""

from jobs.refresh import RefreshLists
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.unknown_items import UnknownItems
from ranking.settings.service import Settings
from ranking.store.protocol import Store


class SealBuckets:
    """Seals the buckets of every site. Each sealer keeps what it knows of the site's names while that is ranked here.

    Which names stand for another item is asked of the site's view in `refresh`; before there is one nothing is dropped.
    """

    def __init__(self, store: Store, settings: Settings, refresh: RefreshLists) -> None:
        self._store = store
        self._retention = settings.retention
        self._refresh = refresh
        self._sites: dict[str, tuple[Sealer, UnknownItems]] = {}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Seal one site at `now` (epoch seconds): spans written, spans left as they were changing, counts dropped."""
        self._sites = {name: each for name, each in self._sites.items() if self._refresh.site(name)}
        sealer, unknown = self._sites.get(site) or self._made(site)
        self._sites[site] = sealer, unknown
        done = await sealer.seal(now)
        ranked = self._refresh.site(site)
        dropped = 0 if ranked is None else await unknown.drop(now, ranked.view.names.is_alias)
        return {"sealed": done.written, "left": done.left, "unknown": dropped}

    def _made(self, site: str) -> tuple[Sealer, UnknownItems]:
        sealer = Sealer(self._store, self._retention, site)
        return sealer, UnknownItems(self._store, self._retention, site, sealer)
