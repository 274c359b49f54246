"""The job that ends the use of old salts: out of the store, and out of the server's log of what was written.

An append-only log still holds what was deleted until it is rewritten, so the job asks for that once a day, when the use
of yesterday's salt is over, and looks at the next run whether it was done. What it has seen done it keeps in memory
only: after a restart the log is rewritten once more.

Not reached from here: the logs of replicas, snapshots (RDB), and backups of either. A service with those must rewrite
or rotate them itself; the bundled server has none.
"""

import structlog

from ranking.errors import StoreRefusedError
from ranking.recording.salts import day_of, is_over
from ranking.store.protocol import Store

log = structlog.get_logger("jobs.salts")

LOOKED_BACK_DAYS = 3
"""Older salts are gone by their lifetime."""


class ForgetSalts:
    """Deletes the salts whose use is over, then has the log rewritten. They are of no site."""

    def __init__(self, store: Store, *, overlap_s: float) -> None:
        self._store = store
        self._overlap_s = overlap_s
        self._asked: tuple[int, str] | None = None  # for which day, of which servers
        self.clean_until: int | None = None  # the last day whose salt is nowhere
        self._refused = False

    def use(self, *, overlap_s: float) -> None:
        """Go by another overlap from the next run on."""
        self._overlap_s = overlap_s

    async def __call__(self, site: str, now: float, epoch: int) -> dict[str, int]:
        """Forget what is over at `now` (epoch seconds); how many salts were deleted, how many rewrites asked for."""
        over = day_of(now) - (1 if is_over(day_of(now) - 1, now, self._overlap_s) else 2)
        deleted = await self._store.salts.forget_salts(range(over - LOOKED_BACK_DAYS, over + 1))
        if deleted:  # a worker with a slow clock, or a store from a backup, may bring one back
            self._asked = self.clean_until = None
        asked = 0 if self.clean_until == over else await self._rewrite(over)
        return {"salts": deleted, "rewrites": asked}

    async def _rewrite(self, over: int) -> int:
        state = await self._store.server.log_state()
        if not state.kept:
            self.clean_until = over
        elif state.rewriting:
            return 0  # where it is not ours, it may have begun before the salt was deleted: ask when it has ended
        elif self._asked == (over, state.servers) and not state.failed:
            self.clean_until = over
        else:
            try:
                await self._store.server.rewrite_log()
            except StoreRefusedError as error:
                if not self._refused:
                    log.warning("the server does not rewrite its log, which still holds old salts", error=str(error))
                self._refused = True
                return 0
            self._refused = False
            self._asked = over, state.servers
            return 1
        return 0
