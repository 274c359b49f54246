"""Recording through the core, without HTTP. What is known here of the recorder's signature is known nowhere else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Container, Sequence
from typing import Any

import pytest
import servers
from ledger import Ledger, Sent, counts_of

from ranking.errors import StoreUnavailableError
from ranking.intake.events import Event
from ranking.recording.lanes import BatchStore
from ranking.recording.recorder import Recorder

SITE = "koran"
BUCKET_S = 300
KEEP_S = 50 * 365 * 86400.0
NOON_S = 1_764_565_200.0
#: For tests whose servers fall silent: redis-py forgets to close a connection, now and then, that was still being made
#: when its time was up. It is closed when it is collected, with a warning.
FORGETS_CONNECTIONS = [
    pytest.mark.usefixtures("collected"),
    pytest.mark.filterwarnings(
        r"ignore:Exception ignored in. <(function StreamWriter|socket\.socket):pytest.PytestUnraisableExceptionWarning"
    ),
]
#: No outage that a test makes lasts this long.
OUTAGE_S = 60.0


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


@contextlib.asynccontextmanager
async def recording(to: Sequence[Recorder], ledger: Ledger, clients: int, shards: int = 1) -> AsyncIterator[None]:
    """Clients that record batches one after the other while the block runs, and have every answer at its end.

    Each keeps to one shard. StoreRefusedError is raised: no fault here is one that somebody has to mend.
    """
    done = asyncio.Event()

    async def keep_recording(number: int) -> None:
        while not done.is_set():
            sent = ledger.write(5, number * shards // clients, shards)
            with contextlib.suppress(StoreUnavailableError):
                await record(to[number % len(to)], sent)
                ledger.acknowledge(sent)

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(keep_recording(number))
        yield
        done.set()


async def compare(ledger: Ledger, url: str, may_be_lost: Container[str] = ()) -> None:
    """Hold the ledger to what the store at `url` has counted."""
    async with servers.opened(url) as store:
        ledger.check(await counts_of(store, SITE), may_be_lost)


async def reach(ledger: Ledger, events: int) -> None:
    async def there() -> bool:
        return ledger.acked >= events

    await servers.eventually(there, f"{events} acknowledged events", OUTAGE_S)
