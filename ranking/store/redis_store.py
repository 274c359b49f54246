"""The Store on Redis or Valkey: standalone, by unix socket, behind Sentinel, or as a Cluster.

Invariant: whatever the network does, a repeated call has its effect once; the scripts see to it. Every driver error
leaves here as one of ours, with its cause.
"""

import math
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from redis.exceptions import AskError, MovedError, NoScriptError

from ranking.buckets import Bucket
from ranking.errors import OvertakenError, StoreRefusedError, StoreUnavailableError
from ranking.items import Item, ItemDates, as_wire, dates_from_stored, from_stored, stored
from ranking.paging import ids_of, needed_for
from ranking.sealed import CHUNK_NAMES, unpack_names, volume_of
from ranking.snapshot import Published, Snapshot, decode_stamp, digest, encode_stamp
from ranking.store import keys, sealing
from ranking.store.connection import FAILURES, Client, close, connected, every_node, is_cluster, one_node, translated
from ranking.store.durability import Ack, level_of, on_one_connection, wait_of
from ranking.store.record_call import call_of
from ranking.store.redis_desk import RedisDesk
from ranking.store.redis_findings import RedisFindings
from ranking.store.redis_logbook import RedisLogbook
from ranking.store.scripts import Script
from ranking.store.store import (
    AllTouched,
    Base,
    Batch,
    BucketCells,
    ChangedItems,
    Committed,
    DatesState,
    Lease,
    LogState,
    SealedDates,
    ServerFacts,
    StoredCounts,
    Swap,
    TouchedBuckets,
    whole_cells,
)
from ranking.visits import REASONS, SHADOW

LOOKED_AT_AT_ONCE = 500
READ_TRIES = 5
#: Shadows are looked for in so many of the latest buckets.
SHADOWED_BUCKETS = 288
KEY_WAS_COUNTED = 2
LATER_IS_PUBLISHED, ANOTHER_IS_PUBLISHED = -1, -2
ITEMS_AT_ONCE = 500
CLUSTER_SHARDS = 16
LONGEST_CHAIN = 8


RECORD = Script("record")
PUT_ITEMS = Script("put_items")
REMOVE_ITEM = Script("remove_item")
PUBLISH = Script("publish")
HOLD_LEASE = Script("hold_lease")
END_LEASE = Script("end_lease")


class RedisStore:
    """Store on the server(s) at `url`. `shards` None: what the store was made with, or else what suits its kind.

    `ack` is how safe a recorded batch shall be before `record` returns, where the server can tell.
    """

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        timeout_s: float = 5.0,
        allow_eviction: bool = False,
        ack: Ack = "commit",
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._wanted_shards = shards
        self._allow_eviction = allow_eviction
        self._shards = 0
        self._cluster = is_cluster(url)
        self._ack = ack
        self._wait = wait_of(ack, timeout_s)
        self._client: Client = None
        self._desk = RedisDesk(self._run, self._command)
        self._logbook = RedisLogbook(self._run, self._command)
        self._findings = RedisFindings(self._run, self._command)

    @property
    def desk(self) -> RedisDesk:
        """What editors say."""
        return self._desk

    @property
    def logbook(self) -> RedisLogbook:
        """How the service fares."""
        return self._logbook

    @property
    def findings(self) -> RedisFindings:
        """What lists have learned."""
        return self._findings

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over; known once open."""
        if not self._shards:
            raise RuntimeError("the store is not open")
        return self._shards

    def promise(self, ack: Ack) -> None:
        """Have batches be as safe as `ack` from the next one on."""
        self._ack, self._wait = ack, wait_of(ack, self._timeout_s)

    async def open(self) -> None:
        with translated():
            self._client = connected(self._url, timeout_s=self._timeout_s, reply_timeout_s=self._timeout_s)
            await self._check_policy()
            await self._settle_layout()

    async def close(self) -> None:
        if self._client is not None:
            await close(self._client)
        self._client = None

    async def life(self) -> str:
        with translated():
            found = await self._client.hget(keys.LAYOUT, "life")
            if found is None:
                await self._settle_layout()
                found = await self._client.hget(keys.LAYOUT, "life")
        return str((found or b"").decode())

    async def ping(self) -> None:
        with translated():
            await self._client.ping()

    async def record(self, batch: Batch, keep_s: float) -> Committed:
        names, arguments = call_of(batch, keep_s)
        if self._wait:
            outcome, level = await self._run_and_wait(RECORD, names, arguments)
        else:
            outcome, level = await self._run(RECORD, names, arguments), "commit"
        repeated = outcome == KEY_WAS_COUNTED
        return Committed(b"" if repeated else outcome, repeated, level)

    async def touched_buckets(self, site: str, shard: int, after: int) -> TouchedBuckets:
        cursor, members, reset = await self._changes(keys.touched(site, shard), site, shard, after)
        return TouchedBuckets(cursor, list(map(_bucket, members)), reset)

    async def read_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[BucketCells]:
        stored = await self.read_counts(site, shard, buckets)
        volumes = {volume_of(bucket) for bucket, counts in zip(buckets, stored, strict=True) if counts.sealed}
        names = {each: unpack_names(await self.read_names(site, shard, each, 0)) for each in volumes}
        return [
            whole_cells(counts, names.get(volume_of(bucket), []))
            for bucket, counts in zip(buckets, stored, strict=True)
        ]

    async def read_counts(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[StoredCounts]:
        return await sealing.read_counts(self._run, site, shard, buckets)

    async def read_names(self, site: str, shard: int, volume: int, first_chunk: int) -> list[bytes]:
        key = keys.names(site, shard, volume)
        with translated():
            count = int(await self._client.hget(key, "count") or 0)
            wanted = range(first_chunk, -(-count // CHUNK_NAMES))
            return list(await self._client.hmget(key, list(wanted))) if wanted else []

    async def all_touched(self, site: str, shard: int) -> AllTouched:
        with translated():
            found = await self._client.zrange(keys.touched(site, shard), 0, -1, withscores=True)
        buckets = {_bucket(member): int(score) for member, score in found}
        return AllTouched(max(buckets.values(), default=0), buckets)

    async def open_cells(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[int]:
        found: list[int] = []
        for first in range(0, len(buckets), LOOKED_AT_AT_ONCE):
            pipe = self._pipeline()
            for bucket in buckets[first : first + LOOKED_AT_AT_ONCE]:
                pipe.hlen(keys.counts(site, shard, *bucket))
            found += await self._executed(pipe)
        return found

    async def seal(self, site: str, shard: int, swap: Swap, keep_s: float) -> int:
        return await sealing.seal(self._run, site, shard, swap, keep_s)

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        if not buckets:
            return
        with translated():
            await self._client.zrem(keys.touched(site, shard), *map(keys.member, buckets))
            await self._client.unlink(*(keys.counts(site, shard, *bucket) for bucket in buckets))
            await self._client.unlink(*(keys.sealed(site, shard, *bucket) for bucket in buckets))

    async def put_items(self, site: str, items: Sequence[Item], by: str = "write") -> None:
        by_shard: dict[int, list[bytes | str]] = {}
        for item in items:
            by_shard.setdefault(keys.shard_of(item.id, self.shards), []).extend((item.id, stored(item)))
        for shard, flat in by_shard.items():
            for first in range(0, len(flat), 2 * ITEMS_AT_ONCE):
                await self._run(
                    PUT_ITEMS,
                    [keys.items(site, shard), keys.sequence(site, shard), keys.changed(site, shard)],
                    [keys.CHANGED_TTL_S, *flat[first : first + 2 * ITEMS_AT_ONCE]],
                )
        if items:
            names = [item.id for item in items]
            marks = await self._command("HMGET", keys.removed(site), *names)
            if down := [name for name, mark in zip(names, marks, strict=True) if mark is not None]:
                await self._desk.restore(site, down, by)

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        found: dict[str, bytes] = {}
        by_shard: dict[int, list[str]] = {}
        for item in ids:
            by_shard.setdefault(keys.shard_of(item, self.shards), []).append(item)
        for shard, wanted in by_shard.items():
            with translated():
                documents = await self._client.hmget(keys.items(site, shard), wanted)
            found.update(zip(wanted, documents, strict=True))
        return [from_stored(document) if (document := found.get(item)) else None for item in ids]

    async def changed_items(self, site: str, shard: int, after: int, limit: int | None = None) -> ChangedItems:
        cursor, members, reset = await self._changes(keys.changed(site, shard), site, shard, after, limit)
        dates: dict[str, ItemDates | None] = {}
        for first in range(0, len(members), 2 * ITEMS_AT_ONCE):
            part = members[first : first + 2 * ITEMS_AT_ONCE]
            with translated():
                documents = await self._client.hmget(keys.items(site, shard), part)
            for member, document in zip(part, documents, strict=True):
                dates[member.decode()] = dates_from_stored(document) if document else None
        return ChangedItems(cursor, dates, reset)

    async def read_dates(self, site: str, shard: int) -> SealedDates:
        with translated():
            found = await self._client.hgetall(keys.dates(site, shard))
        cursor, _ = int(found.pop(b"cursor", 0)), found.pop(b"entries", None)
        return SealedDates(cursor, [found[number] for number in sorted(found, key=int)])

    async def dates_state(self, site: str, shard: int) -> DatesState:
        with translated():
            cursor, entries = await self._client.hmget(keys.dates(site, shard), ["cursor", "entries"])
            fields = int(await self._client.hlen(keys.dates(site, shard)))
            unsealed = await self._client.zcount(keys.changed(site, shard), f"({int(cursor or 0)}", "+inf")
            known = await self._client.zcard(keys.changed(site, shard))
        return DatesState(int(cursor or 0), max(0, fields - 2), int(entries or 0), int(unsealed), int(known))

    async def seal_dates(
        self, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
    ) -> bool:
        return await sealing.seal_dates(self._run, site, shard, before, after, chunks)

    async def remove_item(self, site: str, item: str, now: float, by: str = "") -> bool:
        (there,) = await self.get_items(site, [item])
        await self._desk.take_down(site, item, now, by, msgspec.json.encode(as_wire(there) if there else None))
        shard = keys.shard_of(item, self.shards)
        found = await self._run(
            REMOVE_ITEM,
            [keys.items(site, shard), keys.sequence(site, shard), keys.changed(site, shard)],
            [keys.CHANGED_TTL_S, item],
        )
        return bool(found)

    async def removed_items(self, site: str) -> dict[str, float]:
        with translated():
            found = await self._client.hgetall(keys.removed(site))
        return {item.decode(): float(since) for item, since in found.items()}

    async def forget_removed(self, site: str, before: float) -> int:
        old = [item for item, since in (await self.removed_items(site)).items() if since < before]
        if old:
            await self._desk.forget_removed(site, old)
        return len(old)

    async def publish(
        self, site: str, snapshot: Snapshot, base: Base | None, epoch: int = 0, paging_s: float = 0.0
    ) -> int | None:
        stamp = snapshot.stamp
        known: Mapping[str, str] = base.digests if base else {}
        fresh = [(name, body) for name, body in snapshot.bodies.items() if known.get(name) != stamp.digests[name]]
        gone = [name for name in known if name not in stamp.digests]
        kept: AbstractSet[str] = base.orders if base else frozenset()
        wanted = snapshot.orders.keys()
        new, past, same = sorted(wanted - kept), sorted(kept - wanted), sorted(kept & wanted)
        generation = await self._run(
            PUBLISH,
            [
                keys.published(site, stamp.list), keys.generations(site),
                *(keys.order(site, stamp.list, name) for name in (*new, *past, *same)),
            ],
            [
                stamp.list, repr(stamp.generated_at), encode_stamp(stamp), keys.PUBLISHED_TTL_S, keys.news(site),
                base.generation if base else -1, len(fresh), epoch, len(new), len(past), math.ceil(paging_s),
                *(snapshot.orders[name] for name in new), *(part for pair in fresh for part in pair), *gone,
            ],
        )  # fmt: skip
        if isinstance(generation, list):
            raise OvertakenError(generation[1])
        if generation == ANOTHER_IS_PUBLISHED:
            return await self.publish(site, snapshot, None, epoch, paging_s)
        return None if generation == LATER_IS_PUBLISHED else int(generation)

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        epoch, left_ms = await self._run(
            HOLD_LEASE,
            [keys.LEASE_HOLDER, keys.LEASE_EPOCH],
            [holder, int(lease_s * 1000), -1 if above is None else above],
        )
        return Lease(epoch, left_ms / 1000)

    async def end_lease(self, holder: str) -> None:
        await self._run(END_LEASE, [keys.LEASE_HOLDER], [holder])

    async def generations(self, site: str) -> dict[str, int]:
        with translated():
            found = await self._client.hgetall(keys.generations(site))
        return {name.decode(): int(generation) for name, generation in found.items()}

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        key = keys.published(site, name)
        for _ in range(READ_TRIES):
            with translated():
                generation, document = await self._client.hmget(key, ["generation", "stamp"])
                if document is None:
                    return None
                stamp = decode_stamp(document)
                wanted = [section for section, named in stamp.digests.items() if have.get(section) != named]
                bodies = await self._client.hmget(key, [f"section:{name}" for name in wanted]) if wanted else []
            found = dict(zip(wanted, bodies, strict=True))
            # Between the two reads a newer list may have been published: a body that is not the stamp's says so.
            if all(body is not None and digest(body) == stamp.digests[section] for section, body in found.items()):
                return Published(int(generation), stamp, found)
        raise StoreUnavailableError(f"list {name} changed at every one of {READ_TRIES} attempts to read it")

    async def order(self, site: str, name: str, order: str) -> list[str] | None:
        found: list[bytes] = []
        needed: str | None = order
        while needed is not None:
            content = await self._command("GET", keys.order(site, name, needed))
            if content is None or len(found) >= LONGEST_CHAIN:
                return None
            found.append(content)
            needed = needed_for(content)  # more than one is rare: an order that others were packed against came again
        return ids_of(found)

    async def news(self, site: str) -> AsyncIterator[str]:
        with translated():
            client = (
                one_node(self._client)
                if self._cluster
                else connected(self._url, timeout_s=self._timeout_s, reply_timeout_s=None)
            )
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as listener:
                    await listener.subscribe(keys.news(site))
                    async for message in listener.listen():
                        yield message["data"].decode()
            finally:
                await close(client)

    async def salt(self, day: int, fresh: bytes, lifetime_s: float) -> bytes:
        with translated():
            there = await self._client.set(keys.salt(day), fresh, nx=True, get=True, px=max(1, int(lifetime_s * 1000)))
        return fresh if there is None else bytes(there)

    async def forget_salts(self, days: Iterable[int]) -> int:
        with translated():  # one by one: in a cluster they lie apart
            return sum([int(await self._client.delete(keys.salt(day))) for day in days])

    async def log_state(self) -> LogState:
        with translated():
            nodes = [node for node in await self._info() if node["role"] == "master"]
        return LogState(
            servers=" ".join(sorted(str(node["run_id"]) for node in nodes)),
            kept=any(int(node["aof_enabled"]) for node in nodes),
            rewriting=any(int(node["aof_rewrite_in_progress"]) + int(node["aof_rewrite_scheduled"]) for node in nodes),
            failed=any(node["aof_last_bgrewrite_status"] != "ok" for node in nodes),
        )

    async def rewrite_log(self) -> None:
        with translated():
            await self._client.execute_command("BGREWRITEAOF", **self._every_primary())

    async def shadows(self, site: str, item: str) -> dict[str, int]:
        shard = keys.shard_of(item, self.shards)
        buckets = (await self.touched_buckets(site, shard, 0)).buckets
        latest = sorted(buckets, key=lambda bucket: bucket.start_s)[-SHADOWED_BUCKETS:]
        names = [f"{SHADOW}{reason}|{item}" for reason in REASONS]
        pipe = self._pipeline()
        for bucket in latest:
            pipe.hmget(keys.counts(site, shard, *bucket), names)
        found = dict.fromkeys(REASONS, 0)
        for counts in await self._executed(pipe) if latest else ():
            for reason, count in zip(REASONS, counts, strict=True):
                found[reason] += int(count or 0)
        return {reason: count for reason, count in found.items() if count}

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        to = secrets.token_hex(8)
        with translated():
            await self._client.rpush(keys.QUESTIONS, f"{to} ".encode() + question)
            await self._client.expire(keys.QUESTIONS, keys.QUESTION_TTL_S)
        return await self._popped(keys.reply(to), wait_s)

    async def next_question(self, wait_s: float) -> tuple[str, bytes] | None:
        found = await self._popped(keys.QUESTIONS, wait_s)
        if found is None:
            return None
        to, _, question = found.partition(b" ")
        return to.decode(), question

    async def reply(self, to: str, content: bytes) -> None:
        with translated():
            await self._client.rpush(keys.reply(to), content)
            await self._client.expire(keys.reply(to), keys.QUESTION_TTL_S)

    async def _popped(self, key: str, wait_s: float) -> bytes | None:
        """The first of a list, waited for; never for longer at a time than a reply may take."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            with translated():
                found = await self._client.blpop([key], timeout=max(0.05, min(left, self._timeout_s / 2)))
            if found is not None:
                return bytes(found[1])
        return None

    async def facts(self) -> list[ServerFacts]:
        with translated():
            infos = await self._info()
        return [
            ServerFacts(
                address=f"{info.get('redis_mode', '')} {info.get('tcp_port') or 'unix socket'}".strip(),
                version=f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info.get('redis_version')}",
                policy=str(info.get("maxmemory_policy", "unknown")),
                memory=int(info.get("used_memory", 0)),
                memory_limit=int(info.get("maxmemory", 0)),
                evicted=int(info.get("evicted_keys", 0)),
                persistent=bool(int(info.get("aof_enabled", 0))),
                writes=info.get("aof_last_write_status", "ok") == "ok",
                time=int(info.get("server_time_usec", 0)) / 1e6,
            )
            for info in infos
        ]

    def _pipeline(self) -> Client:
        return self._client.pipeline(transaction=False) if not self._cluster else self._client.pipeline()

    async def _executed(self, pipe: Client) -> list[Any]:
        with translated():
            return list(await pipe.execute())

    async def _command(self, *parts: Any) -> Any:
        with translated():
            return await self._client.execute_command(*parts)

    async def _run(self, script: Script, names: list[str], arguments: list[Any]) -> Any:
        known, anew = self._client.evalsha, self._client.eval
        if script.reads:
            known, anew = self._client.evalsha_ro, self._client.eval_ro
        with translated():
            try:
                return await known(script.sha, len(names), *names, *arguments)
            except NoScriptError:
                # A server that restarted or took over has not seen the script yet.
                return await anew(script.source, len(names), *names, *arguments)

    async def _run_and_wait(self, script: Script, names: list[str], arguments: list[Any]) -> tuple[Any, Ack]:
        """What a script returns, and how safe what it has written is."""
        rest = (len(names), *names, *arguments)
        ack, wait = self._ack, self._wait
        with translated():
            for call in (("EVALSHA", script.sha, *rest), ("EVAL", script.source, *rest)):
                try:
                    outcome, waited = await on_one_connection(
                        self._client, cluster=self._cluster, key=names[0], commands=[call, wait]
                    )
                except (MovedError, AskError):
                    break
                if not isinstance(outcome, Exception):
                    return outcome, level_of(ack, waited)
                if not isinstance(outcome, NoScriptError):
                    raise outcome
        return await self._run(script, names, arguments), "commit"

    async def _changes(
        self, key: str, site: str, shard: int, after: int, limit: int | None = None
    ) -> tuple[int, list[bytes], bool]:
        """Members of a change index past a cursor, the new cursor, and whether the cursor was of another life."""
        pipe = self._pipeline()
        pipe.get(keys.sequence(site, shard))
        part = {} if limit is None else {"offset": 0, "num": limit}
        pipe.zrange(key, f"({after}", "+inf", byscore=True, withscores=True, **part)
        now, found = await self._executed(pipe)
        if int(now or 0) < after:
            cursor, members, _ = await self._changes(key, site, shard, 0, limit)
            return cursor, members, True
        if limit is not None and len(found) == limit:
            # The last change may have more members than these: leave it to the next look, or look at more.
            whole = [entry for entry in found if entry[1] < found[-1][1]]
            if not whole:
                return await self._changes(key, site, shard, after, 2 * limit)
            found = whole
        members = [member for member, _ in found]
        return max((int(score) for _, score in found), default=after), members, False

    def _every_primary(self) -> dict[str, Any]:
        return {"target_nodes": self._client.get_primaries()} if self._cluster else {}

    async def _info(self) -> list[dict[str, Any]]:
        """INFO of every node that answers: one that is away counts nothing, and is asked again at the next start.

        Raises the driver's error where none answers.
        """
        if not self._cluster:
            return [await self._client.info()]
        found: list[dict[str, Any]] = []
        failure: Exception | None = None
        for node in await every_node(self._client):
            try:
                found.append(await node.info())
            except FAILURES as error:
                failure = error
            finally:
                await close(node)
        if failure is not None and not found:
            raise failure
        return found

    async def _check_policy(self) -> None:
        policies = {str(node.get("maxmemory_policy", "noeviction")) for node in await self._info()} - {"noeviction"}
        if policies and not self._allow_eviction:
            raise StoreRefusedError(
                f"Redis has maxmemory-policy {min(policies)}, which would drop counts without a word: set it to"
                " noeviction (CONFIG SET maxmemory-policy noeviction), or accept the loss with"
                " redis.allow_eviction = true"
            )

    async def _settle_layout(self) -> None:
        """Write down, once, how this store's keys are laid out; refuse a store laid out otherwise."""
        wanted = self._wanted_shards or (CLUSTER_SHARDS if self._cluster else 1)
        await self._client.hsetnx(keys.LAYOUT, "schema", keys.SCHEMA)
        schema = int(await self._client.hget(keys.LAYOUT, "schema"))
        if schema != keys.SCHEMA:
            raise StoreRefusedError(f"this store was written with schema {schema}, this version reads {keys.SCHEMA}")
        await self._client.hsetnx(keys.LAYOUT, "shards", self._shards or wanted)
        await self._client.hsetnx(keys.LAYOUT, "life", secrets.token_hex(8))
        shards = int(await self._client.hget(keys.LAYOUT, "shards"))
        if self._wanted_shards and shards != self._wanted_shards:
            raise StoreRefusedError(
                f"this store was made with redis.shards = {shards}; it cannot be changed to {wanted} afterwards"
            )
        self._shards = shards


def _bucket(member: bytes) -> Bucket:
    width_s, _, start_s = member.partition(b":")
    return Bucket(int(width_s), int(start_s))
