"""Recording through the core, without HTTP. What is known here of the recorder's signature is known nowhere else."""

import asyncio
from typing import Any

import servers
from ledger import Ledger, Sent, counts_of

from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.events import Event
from ranking.record import BatchStore, Recorder

SITE = "koran"
BUCKET_S = 300
KEEP_S = 50 * 365 * 86400.0
NOON_S = 1_764_565_200.0


def recorder(store: BatchStore, writer: str = "one", *, deadline_s: float = 10.0, **options: Any) -> Recorder:
    """A recorder of a process called `writer`."""
    return Recorder(
        store, writer=writer, bucket_s=BUCKET_S, keep_s=KEEP_S, deadline_s=deadline_s, max_pending=10**6, **options
    )


def views(item: str, count: int = 1) -> list[Event]:
    return [Event(item, "view", NOON_S + 1.0)] * count


async def record(to: Recorder, sent: Sent, once: str | None = None) -> int:
    """Record a batch; how many of its events had been counted before. Raises as the recorder does."""
    events = [event for item, count in sent.items.items() for event in views(item, count)]
    return (await to.record(SITE, events, once)).repeated


async def keep_recording(to: Recorder, ledger: Ledger, until: asyncio.Event, shard: int = 0, shards: int = 1) -> None:
    """Record batches of one shard, one after the other, and write down which were acknowledged."""
    while not until.is_set():
        sent = ledger.write(5, shard, shards)
        try:
            await record(to, sent)
        except (StoreUnavailableError, StoreRefusedError):
            continue
        ledger.acknowledge(sent)


async def compare(ledger: Ledger, url: str) -> None:
    """Hold the ledger to what the store at `url` has counted."""
    async with servers.opened(url) as store:
        ledger.check(await counts_of(store, SITE))


async def reach(ledger: Ledger, events: int) -> None:
    async def there() -> bool:
        return ledger.acked >= events

    await servers.eventually(there, f"{events} acknowledged events")
