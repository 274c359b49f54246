"""Counts in Redis: recorded in buckets, read with what is sealed of them, sealed, dropped."""

from collections.abc import Mapping, Sequence
from itertools import chain, cycle
from typing import Any

from ranking.counts.buckets import Bucket
from ranking.counts.fields import field
from ranking.counts.sealed import CHUNK_NAMES, names_digest
from ranking.errors import KeyReusedError, OtherWriterError
from ranking.intake.visits import REASONS, SHADOW
from ranking.store.counts import (
    AllTouched,
    Batch,
    Committed,
    StoredCounts,
    Swap,
    TouchedBuckets,
)
from ranking.store.redis import keys, pending, sealing
from ranking.store.redis.connection import translated
from ranking.store.redis.link import Link
from ranking.store.redis.record_call import call_of, naming_of
from ranking.store.redis.scripts import LuaScript
from ranking.store.shards import by_shard

RECORD = LuaScript("record")
NAME_ITEMS = LuaScript("name_items")
PUT_NAMES = LuaScript("put_names")
DROP_CELLS = LuaScript("drop_cells")
LEAVE_MARK = LuaScript("leave_mark")
LOOKED_AT_AT_ONCE = 500
#: Shadows are looked for in so many of the latest buckets.
SHADOWED_BUCKETS = 288
KEY_WAS_COUNTED, KEY_OF_ANOTHER_BODY, OTHER_WRITER = 2, 3, 4


class RedisCounts:
    """CountStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._named: dict[tuple[str, int, str], int] = {}  # site, shard, writer -> its batch whose items are named

    @property
    def shards(self) -> int:
        return self._link.shards

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        lane = (batch.site, batch.shard, batch.writer)
        if batch.named and self._named.get(lane) != batch.number:
            # Before it counts, as a repeat of the batch would not come this far; once, however often it is repeated.
            new = await self._link.run(NAME_ITEMS, *naming_of(batch, keep_s))
            await pending.restore(self._link, batch.site, batch.shard, [item.decode() for item in new])
            self._named[lane] = batch.number
        names, arguments = call_of(batch, keep_s)
        if wait:
            outcome, level = await self._link.run_and_wait(RECORD, names, arguments)
        else:
            outcome, level = await self._link.run(RECORD, names, arguments), "commit"
        if outcome == KEY_OF_ANOTHER_BODY:
            raise KeyReusedError
        if outcome == OTHER_WRITER:
            raise OtherWriterError(f"the last batch of {batch.writer} is not number {batch.after}")
        repeated = outcome == KEY_WAS_COUNTED
        return Committed(b"" if repeated else outcome, repeated, level, not self._link.confirms or level != "commit")

    async def last_number(self, site: str, shard: int, writer: str) -> int | None:
        kept = await self._link.command("GET", keys.writer(site, shard, writer))
        return None if kept is None else int(bytes(kept).partition(b" ")[0])

    async def confirm(self) -> None:
        if self._link.confirms:
            await self._link.command("PING")

    async def touched_buckets(self, site: str, shard: int, after: int, mark: str = "") -> TouchedBuckets:
        cursor, members, reset = await self._link.changes(keys.touched(site, shard), site, shard, after, mark=mark)
        return TouchedBuckets(cursor, list(map(keys.bucket_of, members)), reset)

    async def leave_mark(self, site: str, shard: int, before: str, mark: str, cursor: int) -> bool:
        names = [keys.mark(site, shard), keys.sequence(site, shard)]
        return bool(await self._link.run(LEAVE_MARK, names, [before, mark, cursor, keys.CHANGED_TTL_S]))

    async def read_counts(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[StoredCounts]:
        return await sealing.read_counts(self._link.run, site, shard, buckets)

    async def read_names(self, site: str, shard: int, volume: int, first_chunk: int) -> list[bytes]:
        key = keys.names(site, shard, volume)
        with translated():
            count = int(await self._link.client.hget(key, "count") or 0)
            wanted = range(first_chunk, -(-count // CHUNK_NAMES))
            return list(await self._link.client.hmget(key, list(wanted))) if wanted else []

    async def all_touched(self, site: str, shard: int) -> AllTouched:
        with translated():
            found = await self._link.client.zrange(keys.touched(site, shard), 0, -1, withscores=True)
        buckets = {keys.bucket_of(member): int(score) for member, score in found}
        return AllTouched(max(buckets.values(), default=0), buckets)

    async def open_cells(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[int]:
        found: list[int] = []
        for first in range(0, len(buckets), LOOKED_AT_AT_ONCE):
            pipe = self._link.pipeline()
            for bucket in buckets[first : first + LOOKED_AT_AT_ONCE]:
                pipe.hlen(keys.counts(site, shard, *bucket))
            found += await self._link.executed(pipe)
        return found

    async def seal(self, site: str, shard: int, swap: Swap, keep_s: float) -> int:
        await self._link.raise_schema()
        return await sealing.seal(self._link.run, site, shard, swap, keep_s)

    async def dropped_until(self, site: str, shard: int) -> int:
        with translated():
            return int(await self._link.client.get(keys.dropped(site, shard)) or 0)

    async def note_dropped(self, site: str, shard: int, until: int) -> None:
        with translated():
            await self._link.client.set(keys.dropped(site, shard), until, ex=keys.CHANGED_TTL_S)

    async def names_digest(self, site: str, shard: int, volume: int) -> str:
        with translated():
            return (await self._link.client.hget(keys.names(site, shard, volume), "digest") or b"").decode()

    async def put_names(
        self, site: str, shard: int, volume: int, count: int, digest: str, chunks: Mapping[int, bytes]
    ) -> bool:
        await self._link.raise_schema()
        arguments: list[Any] = [count, digest, names_digest(digest, chunks), *chain.from_iterable(chunks.items())]
        return bool(await self._link.run(PUT_NAMES, [keys.names(site, shard, volume)], arguments))

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        if not buckets:
            return
        with translated():
            await self._link.client.zrem(keys.touched(site, shard), *map(keys.member, buckets))
            await self._link.client.unlink(*(keys.counts(site, shard, *bucket) for bucket in buckets))
            await self._link.client.unlink(*(keys.sealed(site, shard, *bucket) for bucket in buckets))

    async def drop_cells(self, site: str, shard: int, fields: Mapping[Bucket, Sequence[bytes]]) -> None:
        names = [keys.sequence(site, shard), keys.touched(site, shard)]
        names += [keys.counts(site, shard, *bucket) for bucket in fields]
        parts = ((keys.member(bucket), len(cells), *cells) for bucket, cells in fields.items())
        await self._link.run(DROP_CELLS, names, list(chain.from_iterable(parts)))

    async def shadows(self, site: str, names: Sequence[str]) -> dict[str, int]:
        left_out = dict.fromkeys(REASONS, 0)
        for shard, of_shard in by_shard(names, self._link.shards, str).items():
            buckets = (await self.touched_buckets(site, shard, 0)).buckets
            latest = sorted(buckets, key=lambda bucket: bucket.start_s)[-SHADOWED_BUCKETS:]
            fields = [field(SHADOW + reason, name) for name in of_shard for reason in REASONS]
            pipe = self._link.pipeline()
            for bucket in latest:
                pipe.hmget(keys.counts(site, shard, *bucket), fields)
            for counts in await self._link.executed(pipe) if latest else ():
                for reason, count in zip(cycle(REASONS), counts, strict=False):
                    left_out[reason] += int(count or 0)
        return {reason: count for reason, count in left_out.items() if count}
