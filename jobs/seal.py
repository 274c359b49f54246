"""The job that packs the counts of buckets that are over."""

from ranking.refreshing.sealer import Sealer
from ranking.settings.service import Settings
from ranking.store.protocol import Store


class SealBuckets:
    """Seals the buckets of every site; each sealer keeps what it knows of the site's names between runs."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._sealers = {site.id: Sealer(store, settings.retention, site.id) for site in settings.sites}

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Seal one site at `now` (epoch seconds); spans that were written, and that were left as they were changing."""
        done = await self._sealers[site].seal(now)
        return {"sealed": done.written, "left": done.left}
