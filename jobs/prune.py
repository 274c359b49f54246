"""The job that clears away what outlived the retention: buckets still named in the index, old take-downs, old sites."""

import math
from datetime import UTC, datetime

import structlog

from ranking.settings.service import Settings
from ranking.store.limits import GRACE_S, REMOVED_KEEP_S
from ranking.store.protocol import Store

log = structlog.get_logger("jobs")


class Prune:
    """Forgets buckets past `retention.keep`, take-downs of a year ago, and sites long gone from the settings.

    The buckets' keys expire by themselves; the index of them does not.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._keep_s = settings.retention.keep_s
        self._removed_sites_s = settings.retention.removed_sites_s
        self._sites = [site.id for site in settings.sites]
        self._lists = list(settings.lists)
        self._named: set[str] = set()

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Prune one site at `now` (epoch seconds); how much was forgotten."""
        dropped = 0
        for shard in range(self._store.shards):
            touched = await self._store.counts.touched_buckets(site, shard, 0)
            old = [bucket for bucket in touched.buckets if bucket.end_s + self._keep_s + GRACE_S <= now]
            await self._store.counts.drop_buckets(site, shard, old)
            dropped += len(old)
        if site == self._sites[0]:
            await self._clear_sites(now)
        forgotten = await self._store.items.forget_removed(site, now - REMOVED_KEEP_S)
        return {"buckets": dropped, "take_downs": forgotten}

    async def _clear_sites(self, now: float) -> None:
        """Clear away sites that the settings have not named for long, and say so of others once."""
        for site, since in (await self._store.sites.missing(self._sites, now)).items():
            if since + self._removed_sites_s <= now:
                gone = await self._store.sites.clear(site, self._lists, now, self._keep_s, followed=False)
                log.warning("A site that was removed from the settings is cleared away.", site=site, **gone._asdict())
            elif site not in self._named:
                self._named.add(site)
                until = since + self._removed_sites_s
                log.warning(
                    "A site of the store is not in the settings. What it has is cleared away at a time: put it back to"
                    " keep it, or see retention.removed_sites.",
                    site=site,
                    at="never" if until == math.inf else datetime.fromtimestamp(until, UTC).isoformat(" ", "minutes"),
                )
