"""What a backup reads of the store beside its usual parts, and how a restore puts it back.

A shard is read while it is counted in. What was read and has not changed since is as it is at the moment of the last
call, `cut`, which reads in one piece all that has: so that together they are the shard at that moment.

Rejected: DUMP and RESTORE of whole keys, whose form is the server's own and is refused by another version of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from ranking.counts.buckets import Bucket
from ranking.counts.sealed import names_digest, volume_end
from ranking.store import limits
from ranking.store.counts import StoredCounts
from ranking.store.edits import COMMAND_LINE
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import READ_HASHES, LuaScript
from ranking.store.redis.sealing import stored_counts
from ranking.store.shards import by_shard

READ_CUT = LuaScript("read_cut", reads=True)
LOAD_ITEMS = LuaScript("load_items")
LOAD_NAMES = LuaScript("load_names")
LOAD_DESK = LuaScript("load_desk")
NAME_ITEMS = LuaScript("name_items")
AT_ONCE = 500

#: Field, value, field, value, ...
Flat = list[bytes]


class Cut(NamedTuple):
    """A shard at the moment `at` (epoch seconds): its buckets with the sequence of their last change.

    `stored`: how many items there are; `digests`: of the names of the volumes that were asked for; `items`: those that
    have changed, stored or b"" for gone; `counts`: of the buckets that were asked for.
    """

    at: float
    sequence: int
    stored: int
    touched: dict[Bucket, int]
    digests: list[str]
    items: dict[bytes, bytes]
    counts: list[StoredCounts]


class Marks(msgspec.Struct, array_like=True):
    """A set (no `values`) or a hash of a shard that has a lifetime; `name` is the end of its key."""

    name: str
    lifetime_ms: int
    members: Flat
    values: Flat | None = None


class Desk(msgspec.Struct, array_like=True):
    """What a site has beside items and counts, as it is stored.

    `hashes`: edits, take-downs, aliases and former addresses; `trail`, the newest line first; `learned` and the
    `nights` of each list; what is remembered of `feeds`, and of reading pages.
    """

    hashes: list[Flat]
    trail: Flat
    learned: Flat
    nights: dict[str, Flat]
    feeds: list[Flat]
    discovery: bytes | None

    @property
    def edits(self) -> int:
        """How many edits, take-downs and aliases there are."""
        return edits_in(self.hashes)


class RedisArchive:
    """Whole sites, on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def cut(
        self, site: str, shard: int, volumes: Sequence[int], buckets: Sequence[Bucket], items_after: int
    ) -> Cut:
        """A shard at one moment: names of `volumes`, counts of `buckets`, items changed past `items_after`."""
        names = [keys.sequence(site, shard), keys.touched(site, shard), keys.items(site, shard)]
        names += [keys.changed(site, shard), *(keys.names(site, shard, volume) for volume in volumes)]
        for bucket in buckets:
            names += keys.counts(site, shard, *bucket), keys.sealed(site, shard, *bucket)
        at, sequence, stored, touched, digests, items, parts = await self._link.run(
            READ_CUT, names, [len(volumes), items_after]
        )
        scores = {keys.bucket_of(member): int(score) for member, score in zip(touched[::2], touched[1::2], strict=True)}
        counts = [stored_counts(cells, value) for cells, value in zip(parts[::2], parts[1::2], strict=True)]
        changed = dict(zip(items[::2], items[1::2], strict=True))
        return Cut(float(at), int(sequence), int(stored), scores, [each.decode() for each in digests], changed, counts)

    async def items(self, site: str, shard: int, after: int, limit: int) -> tuple[int, dict[bytes, bytes]]:
        """Some of the items that have changed past a cursor, as they are stored (b"": gone), and the new cursor."""
        key = keys.changed(site, shard)
        cursor, members, _ = await self._link.changes(key, site, shard, after, limit)
        found: dict[bytes, bytes] = {}
        for first in range(0, len(members), AT_ONCE):
            part = members[first : first + AT_ONCE]
            stored = await self._link.command("HMGET", keys.items(site, shard), *part)
            found.update(zip(part, (document or b"" for document in stored), strict=True))
        return cursor, found

    async def salts(self, days: Iterable[int]) -> tuple[dict[int, tuple[bytes, float]], bytes | None]:
        """The salts of days with the seconds that they have left, and the secret of marks."""
        found = {}
        for day in days:
            if (salt := await self._link.command("GET", keys.salt(day))) is not None:
                found[day] = salt, int(await self._link.command("PTTL", keys.salt(day))) / 1000
        return found, await self._link.command("GET", keys.MARKS_HASHED_UNDER)

    async def named(self, site: str, shard: int, volume: int) -> list[bytes]:
        """The items that events with the site's key have named in a volume."""
        return list(await self._link.command("ZRANGE", keys.named(site, shard, volume), 0, -1))

    async def marks(self, site: str, shard: int, sets: Iterable[str], hashes: Iterable[str] = ()) -> list[Marks]:
        """Those of a shard's sets and hashes that are there, by the ends of their keys."""
        found = []
        for name, command in (*((each, "SMEMBERS") for each in sets), *((each, "HGETALL") for each in hashes)):
            key = keys.of_shard(site, shard, name)
            content = await self._link.command(command, key)
            lifetime_ms = int(await self._link.command("PTTL", key))
            if content and lifetime_ms > 0:
                is_hash = isinstance(content, dict)
                values = list(content.values()) if is_hash else None
                found.append(Marks(name, lifetime_ms, list(content), values))
        return found

    async def put_marks(self, site: str, marks: Marks) -> None:
        """Put marks into every shard, as nobody can tell of which one each is: nobody asks for it in another."""
        command, width = ("SADD", 1) if marks.values is None else ("HSET", 2)
        pairs = zip(marks.members, marks.values, strict=True) if marks.values else zip(marks.members, strict=True)
        flat = list(chain.from_iterable(pairs))
        for shard in range(self._link.shards):
            key = keys.of_shard(site, shard, marks.name)
            for first in range(0, len(flat), width * AT_ONCE):
                await self._link.command(command, key, *flat[first : first + width * AT_ONCE])
            await self._link.command("EXPIRE", key, max(1, marks.lifetime_ms // 1000))

    async def desk(self, site: str, lists: Iterable[str]) -> Desk:
        """A site's desk; `lists` are those whose nights are wanted."""
        every = [*desk_hashes(site), keys.learned(site), *feed_hashes(site)]
        hashes = await self._link.run(READ_HASHES, every, [])
        nights = {name: await self._link.command("LRANGE", keys.nights(site, name), 0, -1) for name in lists}
        return Desk(
            hashes=hashes[:4],
            trail=await self._link.command("LRANGE", keys.audit(site), 0, -1),
            learned=hashes[4],
            nights={name: found for name, found in nights.items() if found},
            feeds=hashes[5:],
            discovery=await self._link.command("GET", keys.discovery(site)),
        )

    async def put_desk(self, site: str, desk: Desk, action: str) -> None:
        """Put a desk in the place of the site's own; the trail says `action` of it."""
        texts = [[part.decode() for part in flat] for flat in (*desk.hashes, desk.trail)]  # Redis 7.0 reads no bytes
        content = msgspec.msgpack.encode(texts)
        line = msgspec.json.encode({"action": action, "item": None})[1:-1]
        said = [COMMAND_LINE, keys.AUDIT_TTL_S, limits.AUDIT_LINES, keys.news(site), line, content]
        await self._link.run(LOAD_DESK, [*desk_hashes(site), keys.audit(site)], said)
        await self._replace("HSET", keys.learned(site), desk.learned, keys.LEARNED_TTL_S)
        for key, flat in zip(feed_hashes(site), desk.feeds, strict=True):
            await self._replace("HSET", key, flat, keys.FEEDS_TTL_S)
        for name, nights in desk.nights.items():
            await self._replace("RPUSH", keys.nights(site, name), nights, keys.LEARNED_TTL_S)
        if desk.discovery is not None:
            await self._link.command("SET", keys.discovery(site), desk.discovery, "EX", keys.FEEDS_TTL_S)

    async def _replace(self, command: str, key: str, content: Flat, lifetime_s: int) -> None:
        await self._link.command("DEL", key)
        if content:
            await self._link.command(command, key, *content)
            await self._link.command("EXPIRE", key, lifetime_s)

    async def put_items(self, site: str, items: Mapping[bytes, bytes]) -> None:
        """Store items as `items` gives them."""
        for shard, part in by_shard(items, self._link.shards, bytes.decode).items():
            names = [keys.items(site, shard), keys.sequence(site, shard), keys.changed(site, shard)]
            for first in range(0, len(part), AT_ONCE):
                flat = chain.from_iterable((item, items[item]) for item in part[first : first + AT_ONCE])
                await self._link.run(LOAD_ITEMS, names, [keys.CHANGED_TTL_S, *flat])

    async def put_named(self, site: str, volume: int, items: Sequence[bytes], keep_s: float) -> None:
        """Note that events with the site's key have named items; those that are described need no note."""
        lifetime_s = int(keep_s) + limits.GRACE_S
        for shard, part in by_shard(items, self._link.shards, bytes.decode).items():
            names = [keys.items(site, shard), keys.sequence(site, shard), keys.named(site, shard, volume)]
            for first in range(0, len(part), AT_ONCE):
                some = part[first : first + AT_ONCE]
                said = [max(lifetime_s, keys.CHANGED_TTL_S), volume_end(volume) + lifetime_s, len(some), *some]
                await self._link.run(NAME_ITEMS, names, said)

    async def names_state(self, site: str, shard: int, volume: int) -> tuple[int, str]:
        """How many names a volume has, and their digest."""
        count, digest = await self._link.command("HMGET", keys.names(site, shard, volume), "count", "digest")
        return int(count or 0), (digest or b"").decode()

    async def add_names(
        self, site: str, shard: int, volume: int, before: tuple[int, str], count: int, chunks: Mapping[int, bytes],
        keep_s: float,
    ) -> bool:  # fmt: skip
        """Add names in `chunks` to those of the state `before`, `count` in all. False: there are others."""
        said = [*before, count, names_digest(before[1], chunks), volume_end(volume) + int(keep_s) + limits.GRACE_S]
        names = [keys.names(site, shard, volume)]
        return bool(await self._link.run(LOAD_NAMES, names, [*said, *chain.from_iterable(chunks.items())]))

    async def is_empty(self, site: str) -> bool:
        """Whether a site has neither counts nor items, and no editor has said anything of it."""
        for shard in range(self._link.shards):
            if await self._link.command("ZCARD", keys.touched(site, shard)):
                return False
            if await self._link.command("HLEN", keys.items(site, shard)):
                return False
        return not edits_in(await self._link.run(READ_HASHES, desk_hashes(site), []))


def desk_hashes(site: str) -> list[str]:
    """The hashes of a `Desk`, in their order."""
    return [keys.edits(site), keys.removed(site), keys.aliases(site), keys.former(site)]


def edits_in(hashes: Sequence[Flat]) -> int:
    """How many edits, take-downs and aliases are in the hashes of a desk."""
    edits, removed, aliases = hashes[:3]
    return len(set(edits[::2]) - {b"edition", b"voids"}) + (len(removed) + len(aliases)) // 2


def feed_hashes(site: str) -> list[str]:
    """How the feeds of a site have fared, and what is remembered of them."""
    return [keys.feeds(site), keys.feed_memory(site)]
