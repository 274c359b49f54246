"""The part of a store that keeps counts: batches in, buckets out."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from ranking.counts.buckets import Bucket
from ranking.intake.visits import ConditionalVisits

#: What `CountStore.seal` returns where it changed nothing.
SPAN_CHANGED, NAMES_CHANGED = 0, -1

#: How safe what was written is: in the server's memory, in another server's too, on disk. The least safe first.
Ack = Literal["commit", "replica", "disk"]
LEVELS: Final[tuple[Ack, ...]] = ("commit", "replica", "disk")

Counts = Mapping[Bucket, Mapping[str, int]]


class Batch(NamedTuple):
    """Counts of one shard, numbered by their writer: bucket -> field (`fields.field`) -> events.

    `once`: the idempotency key of the request that the batch is; None for a batch of many requests. `visits`: the
    events that count only if the store agrees; their cells are among the counts, with what counts for sure, maybe 0.
    `named`: items that events with the site's key have named -> the latest volume (`sealed.volume_of`) of those events.
    `after`: the number before, where several may write in one name: if another has counted since, it is refused.
    """

    site: str
    shard: int
    writer: str
    number: int
    counts: Counts
    once: str | None = None
    visits: ConditionalVisits | None = None
    named: Mapping[str, int] = {}
    after: int | None = None

    @property
    def events(self) -> int:
        """How many events it holds."""
        return sum(sum(cells.values()) for cells in self.counts.values()) + (
            len(self.visits.cells) if self.visits else 0
        )


class Committed(NamedTuple):
    """A batch is in the store. `outcomes`: of its visits, each as `visits` names it.

    `repeated`: a batch with its idempotency key was there before, and nothing of this one was counted. Not
    `confirmed`: the server may have failed to write it to its append-only file; the next batch that counts, or
    `confirm`, says that it has not.
    """

    outcomes: bytes = b""
    repeated: bool = False
    level: Ack = "commit"
    confirmed: bool = True


class TouchedBuckets(NamedTuple):
    """Buckets changed since a cursor. `reset`: the store is another one or an older one, start from nothing."""

    cursor: int
    buckets: list[Bucket]
    reset: bool


class BucketCells(NamedTuple):
    """One bucket's counts as stored; `fields` and `counts` have one length."""

    fields: list[bytes]
    counts: list[int]


class StoredCounts(NamedTuple):
    """One bucket as stored: what is open in it, and what is sealed (`sealed.unpack_counts`; empty where nothing is).

    `sealed_at` is the shard's change number of the sealing, 0 where nothing is sealed. At that change nothing was open
    in the bucket's span, and no finer bucket had counts there.
    """

    open: BucketCells
    sealed: bytes
    sealed_at: int


class AllTouched(NamedTuple):
    """Every bucket of a shard that may have counts, with the sequence of its last change; `cursor` is the highest."""

    cursor: int
    buckets: dict[Bucket, int]


class Swap(NamedTuple):
    """Sealed counts, and what they are to replace.

    `target` is the bucket of their span, `value` the counts packed. They are all that counted in that span, in `parts`
    (the target itself may be among them), after every change up to `cursor` and before any other. The volume had
    `names_before` names of a digest (`sealed.names_digest`), and has `names_after` with those of `chunks`, which go
    over the chunks of these numbers.
    """

    target: Bucket
    value: bytes
    parts: Sequence[Bucket]
    cursor: int
    names_before: int
    digest_before: str
    names_after: int
    digest_after: str
    chunks: Mapping[int, bytes]


class CountStore(Protocol):
    """Counts of all sites, in buckets, spread over shards. Raises what `Store` raises."""

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over."""
        ...

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        """Count a batch, once however often it is called; without `wait` no replica and no disk is waited for.

        Raises:
            OtherWriterError: its `after` is not the number that its writer had last.
        """
        ...

    async def last_number(self, site: str, shard: int, writer: str) -> int | None:
        """The number of the last batch that a writer had counted within a week; None: of none."""
        ...

    async def confirm(self) -> None:
        """Return if every batch is written that was committed before the call and not confirmed.

        Raises:
            StoreDeniedError: the server could not write; batches that are not confirmed are lost if it ends.
        """
        ...

    async def touched_buckets(self, site: str, shard: int, after: int, mark: str = "") -> TouchedBuckets:
        """Buckets whose counts changed after the cursor `after` (0: all).

        With a `mark`, a store that does not have it resets the cursor.
        """
        ...

    async def leave_mark(self, site: str, shard: int, before: str, mark: str, cursor: int) -> bool:
        """Put `mark` in the place of the mark `before` (empty: of any), once all changes up to `cursor` were read.

        A store that has the mark has all that its writer has read of the shard. False: nothing was done, as the store
        has another mark or fewer changes.
        """
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

    async def dropped_until(self, site: str, shard: int) -> int:
        """The end of the span (epoch seconds) up to which counts of unknown items were dropped; 0: of none."""
        ...

    async def note_dropped(self, site: str, shard: int, until: int) -> None:
        """Note what `dropped_until` says from now on."""
        ...

    async def names_digest(self, site: str, shard: int, volume: int) -> str:
        """The digest of a volume's names; empty where none was written. Ask for it before they are read."""
        ...

    async def put_names(
        self, site: str, shard: int, volume: int, count: int, digest: str, chunks: Mapping[int, bytes]
    ) -> bool:
        """Put chunks of a volume's names, `count` of `digest` so far, in the place of others; there is one more then.

        False: nothing was done, as there are other names.
        """
        ...

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        """Forget buckets that have outlived the retention."""
        ...

    async def drop_cells(self, site: str, shard: int, fields: Mapping[Bucket, Sequence[bytes]]) -> None:
        """Drop open counts of some buckets by their fields."""
        ...

    async def shadows(self, site: str, names: Sequence[str]) -> dict[str, int]:
        """Events of some names that were left out, by reason, in the buckets that are not sealed yet."""
        ...
