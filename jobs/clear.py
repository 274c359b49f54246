"""The job that clears away sites long gone from the settings."""

import math
from datetime import UTC, datetime

import structlog

from ranking.settings.service import Settings
from ranking.store.protocol import Store

log = structlog.get_logger("jobs")


class ClearSites:
    """Clears away the sites of the store that the settings have not named for `retention.removed_sites`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._keep_s = settings.retention.keep_s
        self._removed_sites_s = settings.retention.removed_sites_s
        self._sites = [site.id for site in settings.sites]
        self._lists = list(settings.lists)
        self._named: set[str] = set()

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Clear away what is due at `now` (epoch seconds), and say so of others once; how many sites."""
        cleared = 0
        for gone, since in (await self._store.sites.missing(self._sites, now)).items():
            if since + self._removed_sites_s <= now:
                counts = await self._store.sites.clear(gone, self._lists, now, self._keep_s, followed=False)
                log.warning("A site that was removed from the settings is cleared away.", site=gone, **counts._asdict())
                cleared += 1
            elif gone not in self._named:
                self._named.add(gone)
                until = since + self._removed_sites_s
                log.warning(
                    "A site of the store is not in the settings. What it has is cleared away at a time: put it back to"
                    " keep it, or see retention.removed_sites.",
                    site=gone,
                    at="never" if until == math.inf else datetime.fromtimestamp(until, UTC).isoformat(" ", "minutes"),
                )
        return {"cleared": cleared}
