"""Spooling: batches that the store could not take wait on disk, and go to it in their order when it is back.

A batch keeps its writer and number while it waits, so one whose first outcome was never learned is counted once.
Invariant: while a lane (writer, site, shard) has batches waiting, nothing of that lane goes to the store past them; the
recorder asks `waiting` before each batch. Spools that dead workers left behind are replayed beside our own.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.recording.recorder import BatchStore
from ranking.store.counts import Batch

PEEK_AT_ONCE = 100
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
LOOK_FOR_ORPHANS_S = 15.0
#: While batches wait, each waits so much longer and the next one grows: few large ones are brought back in less time.
GATHER_S = 0.005

Lane = tuple[str, str, int]


class BatchSpool(Protocol):
    """A spool as it is used here; its calls block. See `store.spool`."""

    @property
    def events(self) -> int: ...

    @property
    def reason(self) -> str | None: ...

    def append(self, batch: Batch) -> bool: ...

    def peek(self, limit: int, *, after: int = 0) -> list[tuple[int, Batch]]: ...

    def remove(self, row_ids: Iterable[int]) -> None: ...

    def sync(self) -> None: ...

    def resize(self, max_bytes: int) -> None: ...

    def close(self, *, delete_if_empty: bool = False) -> None: ...

    def __len__(self) -> int: ...


class Spooling:
    """Keeps batches in `own`, and brings them and those of orphans to `store`.

    `find_orphans` takes over spools of dead workers; `on_change` is told when the spool starts or ends to be in use.
    """

    def __init__(
        self,
        own: BatchSpool,
        store: BatchStore,
        *,
        keep_s: float,
        find_orphans: Callable[[], Sequence[BatchSpool]] = tuple,
        on_change: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._own = own
        self._store = store
        self._keep_s = keep_s
        self._find_orphans = find_orphans
        self._on_change = on_change
        self._waiting: Counter[Lane] = Counter()
        self._replaying: asyncio.Task[None] | None = None
        self._adopting: asyncio.Task[None] | None = None

    @property
    def events(self) -> int:
        """How many events wait in our own spool."""
        return self._own.events

    async def use(self, *, keep_s: float, max_bytes: int) -> None:
        """Go by another retention, and keep at most so much on disk."""
        self._keep_s = keep_s
        await asyncio.to_thread(self._own.resize, max_bytes)

    def start(self) -> None:
        """Look for what dead workers left, now and every now and then."""
        self._adopting = asyncio.create_task(self._adopt_orphans_loop())

    async def stop(self) -> None:
        """Replay no more; what waits is there for the next start."""
        for task in (self._replaying, self._adopting):
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.1)
        await asyncio.to_thread(self._own.close, delete_if_empty=True)

    def waiting(self, lane: Lane) -> bool:
        """Whether batches of this lane wait: then its next one has to wait behind them."""
        return self._waiting[lane] > 0

    async def keep(self, batch: Batch) -> None:
        """Keep a batch on disk.

        Raises:
            StoreUnavailableError: there is no room for it; nothing of it was kept.
        """
        if self._waiting.total():
            await asyncio.sleep(GATHER_S)
        if not await asyncio.to_thread(self._own.append, batch):
            raise StoreUnavailableError(f"the store is away, and {self._own.reason or 'the spool is full'}")
        if not self._waiting.total():
            self._on_change(True)
        self._waiting[_lane(batch)] += 1
        if self._replaying is None or self._replaying.done():
            self._replaying = asyncio.create_task(self._replay_own())

    async def _replay_own(self) -> None:
        while self._waiting.total():
            await self._replay(self._own)
        self._on_change(False)

    async def _adopt_orphans_loop(self) -> None:
        while True:
            for orphan in await asyncio.to_thread(self._find_orphans):
                try:
                    await self._replay(orphan)
                finally:
                    await asyncio.shield(asyncio.to_thread(orphan.close, delete_if_empty=True))
            await asyncio.sleep(LOOK_FOR_ORPHANS_S)

    async def _replay(self, spool: BatchSpool) -> None:
        """Bring all that waits in `spool` to the store. A lane whose shard is away does not hold up the others."""
        pause_s, after = FIRST_PAUSE_S, 0
        held: set[Lane] = set()
        while len(spool):
            rows = await asyncio.to_thread(spool.peek, PEEK_AT_ONCE, after=after)
            done = []
            tried = False
            for row_id, batch in rows:
                after = row_id
                if _lane(batch) in held:
                    continue
                tried = True
                try:
                    await self._store.record(batch, self._keep_s)
                except (StoreUnavailableError, StoreRefusedError):
                    held.add(_lane(batch))
                else:
                    done.append((row_id, batch))
            await asyncio.to_thread(spool.remove, [row_id for row_id, _ in done])
            if spool is self._own:
                self._waiting.subtract(Counter(_lane(batch) for _, batch in done))
            if done:
                pause_s = FIRST_PAUSE_S
            if not tried:  # what is left is held: make it survive a power loss, and begin again
                await asyncio.to_thread(spool.sync)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                after = 0
                held.clear()


def _lane(batch: Batch) -> Lane:
    return batch.writer, batch.site, batch.shard
