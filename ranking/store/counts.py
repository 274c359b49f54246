"""The store's part that keeps counts: batches in, buckets out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ranking.counts.buckets import Bucket
from ranking.counts.sealed import as_fields, unpack_counts
from ranking.intake.visits import ConditionalVisits

Counts = Mapping[Bucket, Mapping[str, int]]


class Batch(NamedTuple):
    """Counts of one shard, numbered by their writer: bucket -> field (`history.field`) -> events.

    `once`: the idempotency key of the request that the batch is; None for a batch of many requests. `visits`: the
    events that count only if the store agrees; their cells are among the counts, with what counts for sure, maybe 0.
    """

    site: str
    shard: int
    writer: str
    number: int
    counts: Counts
    once: str | None = None
    visits: ConditionalVisits | None = None

    @property
    def events(self) -> int:
        """How many events it holds."""
        return sum(sum(cells.values()) for cells in self.counts.values()) + (
            len(self.visits.cells) if self.visits else 0
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


def whole_cells(stored: StoredCounts, names: Sequence[bytes]) -> BucketCells:
    """Both parts of a bucket added up, whose volume has these names."""
    found = as_fields(unpack_counts(stored.sealed), names)
    for name, count in zip(stored.open.fields, stored.open.counts, strict=True):
        found[name] = found.get(name, 0) + count
    return BucketCells(list(found), list(found.values()))


class AllTouched(NamedTuple):
    """Every bucket of a shard that may have counts, with the sequence of its last change; `cursor` is the highest."""

    cursor: int
    buckets: dict[Bucket, int]


class Swap(NamedTuple):
    """Sealed counts, and what they are to replace.

    `target` is the bucket of their span, `value` the counts packed. They are all that counted in that span, in `parts`
    (the target itself may be among them), after every change up to `cursor` and before any other. The volume had
    `names_before` names, and has `names_after` with those of `chunks`, which go over the chunks of these numbers.
    """

    target: Bucket
    value: bytes
    parts: Sequence[Bucket]
    cursor: int
    names_before: int
    names_after: int
    chunks: Mapping[int, bytes]
