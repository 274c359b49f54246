"""A spooled batch as a row: what it holds, and whether it is as it was written."""

from hashlib import blake2b
from typing import Any

import msgspec

from ranking.counts.buckets import Bucket
from ranking.intake.visits import ConditionalVisits
from ranking.store.counts import Batch

Row = tuple[Any, ...]

PAGE = 4096
FRAME = 24  # bytes before each page in the write-ahead log
COLUMNS = 9

_Cells = list[tuple[int, int, dict[str, int]]]


class _Content(msgspec.Struct, array_like=True, gc=False):
    """What of a batch stands in no column of its own. Rows of an earlier version have no `named`."""

    cells: _Cells
    visits: ConditionalVisits | None
    named: dict[str, int] = {}


_content = msgspec.msgpack.Decoder(_Content)


def payload_of(batch: Batch) -> bytes:
    """What of a batch stands in no column of its own."""
    cells = [(bucket.width_s, bucket.start_s, dict(fields)) for bucket, fields in batch.counts.items()]
    return msgspec.msgpack.encode(_Content(cells, batch.visits, dict(batch.named)))


class DamagedError(Exception):
    """A row is not what was written, or there are fewer than were."""


def checksum(facts: Row, payload: bytes) -> bytes:
    """What a row with these columns and this payload must carry."""
    return blake2b(msgspec.msgpack.encode(facts) + payload, digest_size=16).digest()


def batch_of(row: Row) -> Batch:
    """A row's batch. Raises DamagedError if anything in it is not as it was written."""
    try:
        *facts, kept, payload = row
        if checksum(tuple(facts), payload) == kept:
            content = _content.decode(payload)
            counts = {Bucket(width_s, start_s): fields for width_s, start_s, fields in content.cells}
            _, site, shard, writer, number, once, _ = facts
            return Batch(site, shard, writer, number, counts, once, content.visits, content.named)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        pass  # a row of other columns or types than ours
    raise DamagedError(f"row {row[0]} is not as it was written")
