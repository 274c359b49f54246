"""Store: the handful of operations the core needs from whatever keeps the counts.

Every operation raises StoreUnavailableError when trying again may help and StoreRefusedError when something must be
changed first. An operation that is repeated after StoreUnavailableError has its effect once.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from ranking.counts.buckets import Bucket
from ranking.intake.items import Item
from ranking.published.snapshot import Published, Snapshot
from ranking.store.counts import AllTouched, Batch, BucketCells, Committed, StoredCounts, Swap, TouchedBuckets
from ranking.store.edits import EditStore
from ranking.store.findings import Findings
from ranking.store.items import ChangedItems, DatesState, SealedDates
from ranking.store.logbook import Logbook
from ranking.store.server import Lease, LogState, ServerInfo

#: What `Store.seal` answers where it changed nothing.
SPAN_CHANGED, NAMES_CHANGED = 0, -1


class PublishedBase(NamedTuple):
    """A published list in short: its generation, its sections with their bodies' digests, the orders kept for it."""

    generation: int
    digests: Mapping[str, str]
    orders: AbstractSet[str] = frozenset()


class Store(Protocol):
    """See the module's docstring. Times in epoch seconds, durations in seconds."""

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over."""
        ...

    @property
    def desk(self) -> EditStore:
        """What editors say."""
        ...

    @property
    def logbook(self) -> Logbook:
        """How the service fares."""
        ...

    @property
    def findings(self) -> Findings:
        """What lists have learned."""
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
        """The counts of some buckets, in their order, whether they are open or sealed."""
        ...

    async def read_counts(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[StoredCounts]:
        """Some buckets as they are stored, in their order, each as it is at one moment."""
        ...

    async def read_names(self, site: str, shard: int, volume: int, first_chunk: int) -> list[bytes]:
        """The chunks of a volume's names from `first_chunk` on; see `sealed.unpack_names`."""
        ...

    async def all_touched(self, site: str, shard: int) -> AllTouched:
        """All buckets of a shard."""
        ...

    async def open_cells(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[int]:
        """How many cells are open in each of some buckets."""
        ...

    async def seal(self, site: str, shard: int, swap: Swap, keep_s: float) -> int:
        """Put sealed counts in the place of what they were made of, if nothing has changed there since.

        The change number of the swap; SPAN_CHANGED or NAMES_CHANGED where nothing was done. Repeated after
        StoreUnavailableError it answers SPAN_CHANGED if it had been done.
        """
        ...

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        """Forget buckets that have outlived the retention."""
        ...

    async def put_items(self, site: str, items: Sequence[Item], by: str = "write") -> None:
        """Store items, and lift their take-down if they had one. `by`: the name of the key."""
        ...

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        """Stored items in the order of `ids`."""
        ...

    async def changed_items(self, site: str, shard: int, after: int, limit: int | None = None) -> ChangedItems:
        """Items changed after the cursor `after` (0: all); with a `limit` about so many, those that changed first."""
        ...

    async def read_dates(self, site: str, shard: int) -> SealedDates:
        """What is sealed of the items' dates."""
        ...

    async def dates_state(self, site: str, shard: int) -> DatesState:
        """How far the items' dates are sealed."""
        ...

    async def seal_dates(
        self, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
    ) -> bool:
        """Add chunks behind those of `before` (in the place of all, if its cursor is 0), so that it is as in `after`.

        False: nothing was done, somebody else has added some.
        """
        ...

    async def remove_item(self, site: str, item: str, now: float, by: str = "") -> bool:
        """Take an item down everywhere. False: it was not stored (it is taken down all the same).

        `by`: the name of the key.
        """
        ...

    async def removed_items(self, site: str) -> dict[str, float]:
        """Items that are taken down, and since when."""
        ...

    async def forget_removed(self, site: str, before: float) -> int:
        """Forget take-downs from before a moment (epoch seconds); how many."""
        ...

    async def publish(
        self, site: str, snapshot: Snapshot, base: PublishedBase | None, epoch: int = 0, paging_s: float = 0.0
    ) -> int | None:
        """Publish a list and return its generation. None: a list of this slot or a later one is there already.

        `base` is what the caller believes to be published; where it is, only what differs from it is sent. `epoch` is
        the term of the caller's lease: a later term's list of an earlier slot goes over an earlier term's. 0: none.
        Orders that are no longer needed are kept for another `paging_s`.

        Raises:
            OvertakenError: a later term has published already.
        """
        ...

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        """Take or renew the lease on the scheduled work for `lease_s` from now.

        `above` None goes on with the term that runs; otherwise a new one begins, whose epoch is above that number.
        """
        ...

    async def end_lease(self, holder: str) -> None:
        """Let go of the lease, if `holder` has it."""
        ...

    async def generations(self, site: str) -> dict[str, int]:
        """Generation of every published list."""
        ...

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        """A published list, without the bodies whose digests are in `have` (section -> digest)."""
        ...

    async def order(self, site: str, name: str, order: str) -> list[str] | None:
        """The items of the list `name` in the order of that name; None: it is kept no longer."""
        ...

    def news(self, site: str) -> AsyncIterator[str]:
        """What changes, as it changes (see `keys.news`). Ends by raising StoreUnavailableError."""
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

    async def shadows(self, site: str, item: str) -> dict[str, int]:
        """Events on an item that were left out lately, by reason; of the buckets that are not sealed yet."""
        ...

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        """Put a question to whichever process ranks, and wait for its reply; None: none came."""
        ...

    async def next_question(self, wait_s: float) -> tuple[str, bytes] | None:
        """A question that nobody has taken yet, and where its reply goes; None: there was none."""
        ...

    async def reply(self, to: str, content: bytes) -> None:
        """Reply to a question."""
        ...

    async def facts(self) -> list[ServerInfo]:
        """What the operator is told about the server, or each of a cluster's."""
        ...
