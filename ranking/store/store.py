"""Store: the handful of operations the core needs from whatever keeps the counts.

Every operation raises StoreUnavailableError when trying again may help and StoreRefusedError when something must be
changed first. An operation that is repeated after StoreUnavailableError has its effect once.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ranking.buckets import Bucket
from ranking.items import Item, ItemDates
from ranking.snapshot import Published, Snapshot
from ranking.visits import Asking

Counts = Mapping[Bucket, Mapping[str, int]]


class Batch(NamedTuple):
    """Counts of one shard, numbered by their writer: bucket -> field (`history.field`) -> events.

    `once`: the idempotency key of the request that the batch is; None for a batch of many requests. `asking`: the
    events that count only if the store says so; their cells are among the counts, with what counts for sure, maybe 0.
    """

    site: str
    shard: int
    writer: str
    number: int
    counts: Counts
    once: str | None = None
    asking: Asking | None = None

    @property
    def events(self) -> int:
        """How many events it holds."""
        return sum(sum(cells.values()) for cells in self.counts.values()) + (
            len(self.asking.visits) if self.asking else 0
        )


class Committed(NamedTuple):
    """A batch is in the store. `outcomes`: of its visits, each as `visits` names it.

    `repeated`: a batch with its idempotency key was there before, and nothing of this one was counted. `level`: how
    safe it is: commit (in the server's memory), replica (in another server's too) or disk.
    """

    outcomes: bytes = b""
    repeated: bool = False
    level: str = "commit"


class TouchedBuckets(NamedTuple):
    """Buckets changed since a cursor. `reset` says that the cursor was of another life: start from nothing."""

    cursor: int
    buckets: list[Bucket]
    reset: bool


class ChangedItems(NamedTuple):
    """Items changed since a cursor; None for one that is gone."""

    cursor: int
    dates: dict[str, ItemDates | None]
    reset: bool


class BucketCells(NamedTuple):
    """One bucket's counts as stored; `fields` and `counts` have one length."""

    fields: list[bytes]
    counts: list[int]


class Base(NamedTuple):
    """A published list in short: its generation, and its sections with their bodies' digests."""

    generation: int
    digests: Mapping[str, str]


class ServerFacts(NamedTuple):
    """What the operator is told about a server. Memory in bytes, `time` its clock in epoch seconds.

    `memory_limit` 0: none; `evicted`: keys that it dropped for want of memory; `persistent`: it keeps an append-only
    file; `writes`: the last write to that succeeded.
    """

    address: str
    version: str
    policy: str
    memory: int
    memory_limit: int
    evicted: int
    persistent: bool
    writes: bool
    time: float


class LogState(NamedTuple):
    """How the server's append-only log stands, over all primaries.

    `servers` names them and their starts; `kept`: there is a log; `rewriting`: one is being rewritten now or is about
    to be; `failed`: the last rewrite of one did not succeed.
    """

    servers: str
    kept: bool
    rewriting: bool
    failed: bool


class Store(Protocol):
    """See the module's docstring. Times in epoch seconds, durations in seconds."""

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over."""
        ...

    async def open(self) -> None:
        """Connect, and check that this store can be used as it is."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...

    async def life(self) -> str:
        """The name of this store's content; another name: it was lost, and what is there now began anew."""
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def record(self, batch: Batch, keep_s: float) -> Committed:
        """Count a batch, once however often it is called."""
        ...

    async def touched_buckets(self, site: str, shard: int, after: int) -> TouchedBuckets:
        """Buckets whose counts changed after the cursor `after` (0: all)."""
        ...

    async def read_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[BucketCells]:
        """The counts of some buckets, in their order."""
        ...

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        """Forget buckets that have outlived the retention."""
        ...

    async def put_items(self, site: str, items: Sequence[Item]) -> None:
        """Store items, and lift their take-down if they had one."""
        ...

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        """Stored items in the order of `ids`."""
        ...

    async def changed_items(self, site: str, shard: int, after: int) -> ChangedItems:
        """Items changed after the cursor `after` (0: all)."""
        ...

    async def remove_item(self, site: str, item: str, now: float) -> bool:
        """Take an item down everywhere. False: it was not stored (it is taken down all the same)."""
        ...

    async def removed_items(self, site: str) -> dict[str, float]:
        """Items that are taken down, and since when."""
        ...

    async def forget_removed(self, site: str, before: float) -> int:
        """Forget take-downs from before a moment (epoch seconds); how many."""
        ...

    async def publish(self, site: str, snapshot: Snapshot, base: Base | None) -> int | None:
        """Publish a list and return its generation. None: a list of this slot or a later one is there already.

        `base` is what the caller believes to be published; where it is, only what differs from it is sent.
        """
        ...

    async def generations(self, site: str) -> dict[str, int]:
        """Generation of every published list."""
        ...

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        """A published list, without the bodies whose digests are in `have` (section -> digest)."""
        ...

    def news(self, site: str) -> AsyncIterator[str]:
        """What changes, as it changes: `list NAME GENERATION` and `item ID`. Ends by raising StoreUnavailableError."""
        ...

    async def salt(self, day: int, fresh: bytes, lifetime_s: float) -> bytes:
        """The salt of a day (days since the epoch): `fresh` where it has none yet, gone `lifetime_s` from now."""
        ...

    async def forget_salts(self, days: Iterable[int]) -> int:
        """Delete the salts of some days; how many there were."""
        ...

    async def log_state(self) -> LogState:
        """Whether what was deleted may still be read in the server's log."""
        ...

    async def rewrite_log(self) -> None:
        """Have every primary begin to rewrite its log, which leaves out what was deleted before."""
        ...

    async def facts(self) -> list[ServerFacts]:
        """What the operator is told about the server, or each of a cluster's."""
        ...
