"""The connection of a child process to the store: opened as soon as the store answers, at the address that holds now.

A process does not wait for its store: a worker serves the lists that it has and keeps events on disk until it is there.
"""

import asyncio
from collections.abc import Callable

import structlog

from ranking.errors import PopulerError, StoreDeniedError, StoreRefusedError
from ranking.store.redis.store import RedisStore

log = structlog.get_logger("populer")

LOOK_EVERY_S = 0.5
#: A store that has not answered by then is away, and the process begins without it.
PATIENCE_S = 2.0


class StoreConnection:
    """Keeps `store` open at the address that `url` gives."""

    def __init__(self, store: RedisStore, url: Callable[[], str]) -> None:
        self._store = store
        self._url = url
        self._tried = asyncio.Event()
        self._problem: str | None = None

    async def look(self) -> None:
        """Return once the store is open, or is away: it denied, did not answer, or has not for PATIENCE_S."""
        try:
            await asyncio.wait_for(self._tried.wait(), PATIENCE_S)
        except TimeoutError:
            log.warning("The store has not answered yet. This process begins without it.")

    async def keep_open_loop(self) -> None:
        """Open the store whenever it is not open, or its address is another; until cancelled."""
        while True:
            await self._open()
            self._tried.set()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _open(self) -> None:
        store, url = self._store, self._url()
        if store.url != url:
            log.info("The address of the store has changed. This process connects to the new one.")
            await store.use(url)
        if store.is_open:
            return
        try:
            await store.open()
        except PopulerError as error:
            self._say(error)
        except Exception:  # the next look may find it otherwise
            log.exception("The store was not opened. It is tried again.")
        else:
            if self._problem is not None:
                log.info("The store answers.")
            self._problem = None

    def _say(self, error: PopulerError) -> None:
        """Log why the store cannot be used, once."""
        problem = str(error)
        if problem == self._problem:
            return
        self._problem = problem
        if isinstance(error, StoreRefusedError) and not isinstance(error, StoreDeniedError):
            log.error("The store at redis.url cannot be used.", error=problem)
        else:
            log.warning("The store does not answer. This process works without it until it does.", error=problem)
