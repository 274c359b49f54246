"""The job that clears away what outlived the retention: buckets still named in the index, and old take-downs."""

from ranking.settings.service import Settings
from ranking.store.limits import GRACE_S, REMOVED_KEEP_S
from ranking.store.protocol import Store


class Prune:
    """Forgets buckets past `retention.keep`, and take-downs of a year ago.

    The buckets' keys expire by themselves; the index of them does not.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._keep_s = settings.retention.keep_s

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Prune one site at `now` (epoch seconds); how much was forgotten."""
        dropped = 0
        for shard in range(self._store.shards):
            touched = await self._store.counts.touched_buckets(site, shard, 0)
            old = [bucket for bucket in touched.buckets if bucket.end_s + self._keep_s + GRACE_S <= now]
            await self._store.counts.drop_buckets(site, shard, old)
            dropped += len(old)
        forgotten = await self._store.items.forget_removed(site, now - REMOVED_KEEP_S)
        return {"buckets": dropped, "take_downs": forgotten}
