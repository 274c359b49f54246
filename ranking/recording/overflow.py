"""Overflow: batches that the store could not take wait in a spool on disk and go to the store in order once it is back.

A batch keeps its writer and number while it waits, so one whose first outcome was never learned is counted once. Spools
of workers that ended are replayed beside our own. A failure of a replay is logged and the replay tried again.

Invariant: while a lane (writer, site, shard) has batches waiting, nothing of that lane goes to the store past them; the
recorder looks at `waiting` before each batch.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog

from ranking.backoff import Backoff
from ranking.errors import KeyReusedError, StoreRefusedError, StoreUnavailableError
from ranking.recording.lanes import BatchStore
from ranking.store.counts import Batch

log = structlog.get_logger("ranking.recording.overflow")

PEEK_AT_ONCE = 100
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
#: After what is a fault of the spool or of ours, and no store that is away.
FIRST_FAULT_PAUSE_S, LONGEST_FAULT_PAUSE_S = 1.0, 60.0
LOOK_FOR_ORPHANS_S = 15.0
#: While batches wait, each waits so much longer and the next one grows: few large ones are brought back in less time.
GATHER_S = 0.005

Lane = tuple[str, str, int]


class BatchSpool(Protocol):
    """A spool as the overflow uses it; its calls block. See `ranking.store.spool`."""

    @property
    def events(self) -> int: ...

    @property
    def size(self) -> int: ...

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
    """Keeps batches in `own`, and replays them and those of orphans to `store`.

    `find_orphans` takes over the spools of ended workers; `on_change` is called when our spool fills (True) and when it
    is empty again (False).
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
        self._full = False
        self._in_use_since: float | None = None
        self._replaying: asyncio.Task[None] | None = None
        self._adopting: asyncio.Task[None] | None = None

    @property
    def events(self) -> int:
        """Events that wait in our own spool."""
        return self._own.events

    @property
    def size(self) -> int:
        """Bytes of our own spool on disk."""
        return self._own.size

    @property
    def in_use_s(self) -> float:
        """Seconds since events began to wait in our own spool, 0 where none do: none of them waits for longer."""
        return 0.0 if self._in_use_since is None else time.monotonic() - self._in_use_since

    @property
    def has_room(self) -> bool:
        """Whether our own spool has taken the last batch that it was given."""
        return not self._full

    async def use(self, *, keep_s: float, max_bytes: int) -> None:
        """Record with another retention from now on, and keep at most `max_bytes` on disk."""
        self._keep_s = keep_s
        await asyncio.to_thread(self._own.resize, max_bytes)

    def start(self) -> None:
        """Replay the spools of ended workers, now and every LOOK_FOR_ORPHANS_S."""
        self._adopting = asyncio.create_task(self._adopt_orphans_loop())

    async def stop(self) -> None:
        """End the replays; what waits stays on disk for the next start."""
        for task in (self._replaying, self._adopting):
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.1)
        await asyncio.to_thread(self._own.close, delete_if_empty=True)

    def waiting(self, lane: Lane) -> bool:
        """Whether batches of `lane` wait, so that its next one has to wait behind them."""
        return self._waiting[lane] > 0

    async def keep(self, batch: Batch) -> None:
        """Keep a batch on disk.

        Raises:
            StoreUnavailableError: the spool has no room; nothing of the batch was kept.
        """
        if self._waiting.total():
            await asyncio.sleep(GATHER_S)
        self._full = not await asyncio.to_thread(self._own.append, batch)
        if self._full:
            raise StoreUnavailableError(f"the store is away, and {self._own.reason or 'the spool is full'}")
        if not self._waiting.total():
            self._in_use_since = time.monotonic()
            self._on_change(True)
        self._waiting[_lane(batch)] += 1
        if self._replaying is None or self._replaying.done():
            self._replaying = asyncio.create_task(self._replay_own())

    async def _replay_own(self) -> None:
        backoff = Backoff(FIRST_FAULT_PAUSE_S, LONGEST_FAULT_PAUSE_S)
        while self._waiting.total():
            try:
                await self._replay(self._own)
            except Exception:
                log.exception("The replay of the spool failed. It is tried again.")
                await asyncio.sleep(backoff.next_s())
            if not len(self._own):  # also where a failure left some of them counted as waiting
                self._waiting.clear()
        self._in_use_since = None
        self._on_change(False)

    async def _adopt_orphans_loop(self) -> None:
        while True:
            try:
                await self._adopt_orphans()
            except Exception:
                log.exception("The spools of ended workers were not all replayed. They are tried again.")
            await asyncio.sleep(LOOK_FOR_ORPHANS_S)

    async def _adopt_orphans(self) -> None:
        for orphan in await asyncio.to_thread(self._find_orphans):
            try:
                await self._replay(orphan)
            except Exception:
                log.exception("The spool of an ended worker was not replayed. It is tried again.")
            finally:
                await asyncio.shield(asyncio.to_thread(orphan.close, delete_if_empty=True))

    async def _replay(self, spool: BatchSpool) -> None:
        """Record all that waits in `spool`. A lane whose shard is away does not hold up the others."""
        backoff, after = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), 0
        held, faulty = set[Lane](), set[Lane]()
        while len(spool):
            rows = await asyncio.to_thread(spool.peek, PEEK_AT_ONCE, after=after)
            done = []
            tried = False
            for row_id, batch in rows:
                after, lane = row_id, _lane(batch)
                if lane in held:
                    continue
                tried = True
                try:
                    await self._store.record(batch, self._keep_s, wait=False)  # its events are answered
                except (StoreUnavailableError, StoreRefusedError):
                    held.add(lane)
                except KeyReusedError:
                    log.warning(
                        "A spooled batch was dropped: another worker took its Idempotency-Key with another body.",
                        site=batch.site,
                        events=batch.events,
                    )
                    done.append((row_id, batch))
                except Exception:  # the batch stays where it is, and so do those behind it in its lane
                    if lane not in faulty:
                        log.exception("A spooled batch was not recorded. It is tried again.", site=batch.site)
                    faulty.add(lane)
                    held.add(lane)
                else:
                    faulty.discard(lane)
                    done.append((row_id, batch))
            if done and not await self._is_confirmed():  # they stay where they are, to be recorded again
                held.update(_lane(batch) for _, batch in done)
                done = []
            await asyncio.to_thread(spool.remove, [row_id for row_id, _ in done])
            if spool is self._own:
                self._waiting.subtract(Counter(_lane(batch) for _, batch in done))
            if done:
                backoff.reset()
            if not tried:  # what is left is held: make it survive a power loss, and begin again
                await asyncio.to_thread(spool.sync)
                await asyncio.sleep(backoff.next_s())
                after = 0
                held.clear()

    async def _is_confirmed(self) -> bool:
        """Whether all that was recorded is safe from the end of the server."""
        try:
            await self._store.confirm()
        except (StoreUnavailableError, StoreRefusedError):
            return False
        return True


def _lane(batch: Batch) -> Lane:
    return batch.writer, batch.site, batch.shard
