"""What the newsroom says of its items, in Redis: descriptions, their dates as ranking reads them, take-downs."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ranking.counts.sealed import VOLUME_S
from ranking.intake.items import Item, ItemDates, as_wire, dates_from_stored, item_from_stored, stored_from_item
from ranking.intake.urls import name_at
from ranking.intake.visits import short_hash
from ranking.store.items import ChangedItems, DatesState, NamedItems, SealedDates
from ranking.store.redis import keys, pending, sealing
from ranking.store.redis.connection import translated
from ranking.store.redis.edits import RedisEdits
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript
from ranking.store.shards import by_shard, shard_of

PUT_ITEMS = LuaScript("put_items")
REMOVE_ITEM = LuaScript("remove_item")
ITEMS_AT_ONCE = 500
ALL_FIELDS: Collection[str] = ()


class RedisItems:
    """ItemStore on a `Link`; take-downs are edits, so it needs their trail."""

    def __init__(self, link: Link, edits: RedisEdits) -> None:
        self._link = link
        self._edits = edits

    async def put_items(
        self,
        site: str,
        items: Sequence[Item],
        by: str = "write",
        named: Sequence[Collection[str]] | None = None,
        *,
        lift: bool = False,
    ) -> set[str]:
        down = await self._taken_down(site, [item.id for item in items])
        flat_of: dict[int, list[bytes | str]] = {}
        former: dict[str, str] = {}  # address -> the item that has another now
        for item, fields in zip(items, named or [ALL_FIELDS] * len(items), strict=True):
            if lift or item.id not in down:
                of_shard = flat_of.setdefault(shard_of(item.id, self._link.shards), [])
                of_shard += [item.id, stored_from_item(item), " ".join(("id", "by_page", *fields)) if named else ""]
        for shard, flat in flat_of.items():
            for first in range(0, len(flat), 3 * ITEMS_AT_ONCE):
                part = flat[first : first + 3 * ITEMS_AT_ONCE]
                moved = await self._link.run(
                    PUT_ITEMS,
                    [keys.items(site, shard), keys.sequence(site, shard), keys.changed(site, shard)],
                    [keys.CHANGED_TTL_S, *part],
                )
                await pending.restore(self._link, site, shard, [str(item) for item in part[::3]])
                former.update(zip(map(bytes.decode, moved[1::2]), map(bytes.decode, moved[::2]), strict=True))
        await self._leave_addresses(site, former)
        if lift and down:
            await self._edits.restore(site, sorted(down), by)
        return set() if lift else down

    async def _leave_addresses(self, site: str, former: Mapping[str, str]) -> None:
        """Note the addresses (url -> item) that items have no more: what is counted under them stays theirs."""
        named = {name_at(url): item for url, item in former.items()}
        await self._edits.leave_addresses(site, {name: item for name, item in named.items() if name and name != item})

    async def _taken_down(self, site: str, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that are taken down."""
        marks = await self._link.command("HMGET", keys.removed(site), *ids) if ids else []
        return {item for item, mark in zip(ids, marks, strict=True) if mark is not None}

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        found: dict[str, bytes] = {}
        for shard, wanted in by_shard(ids, self._link.shards, str).items():
            with translated():
                documents = await self._link.client.hmget(keys.items(site, shard), wanted)
            found.update(zip(wanted, documents, strict=True))
        return [item_from_stored(document) if (document := found.get(item)) else None for item in ids]

    async def unknown_items(self, site: str, shard: int, ids: Sequence[str], now: float, keep_s: float) -> set[str]:
        # Named by the public alone is what the budget for new items let in and no event with a key has named.
        volumes = range(max(0, int(now - keep_s)) // VOLUME_S, int(now) // VOLUME_S + 1)
        era = int(now) // int(keep_s)
        unknown: set[str] = set()
        for first in range(0, len(ids), ITEMS_AT_ONCE):
            part = ids[first : first + ITEMS_AT_ONCE]
            pipe = self._link.pipeline()
            pipe.hmget(keys.items(site, shard), part)
            for span in (era, era - 1):
                pipe.smismember(keys.known(site, shard, span), list(map(short_hash, part)))
            for volume in volumes:
                pipe.zmscore(keys.named(site, shard, volume), part)
            described, *facts = await self._link.executed(pipe)
            let_in, named = facts[:2], facts[2:]
            for place, item in enumerate(part):
                by_key = any(scores[place] is not None for scores in named)
                if described[place] is None and any(each[place] for each in let_in) and not by_key:
                    unknown.add(item)
        return unknown

    async def changed_items(self, site: str, shard: int, after: int, limit: int | None = None) -> ChangedItems:
        cursor, members, reset = await self._link.changes(keys.changed(site, shard), site, shard, after, limit)
        dates: dict[str, ItemDates | None] = {}
        for first in range(0, len(members), 2 * ITEMS_AT_ONCE):
            part = members[first : first + 2 * ITEMS_AT_ONCE]
            with translated():
                documents = await self._link.client.hmget(keys.items(site, shard), part)
            for member, document in zip(part, documents, strict=True):
                dates[member.decode()] = dates_from_stored(document) if document else None
        return ChangedItems(cursor, dates, reset)

    async def read_dates(self, site: str, shard: int) -> SealedDates:
        with translated():
            found = await self._link.client.hgetall(keys.dates(site, shard))
        cursor, _ = int(found.pop(b"cursor", 0)), found.pop(b"entries", None)
        return SealedDates(cursor, [found[number] for number in sorted(found, key=int)])

    async def dates_state(self, site: str, shard: int) -> DatesState:
        with translated():
            cursor, entries = await self._link.client.hmget(keys.dates(site, shard), ["cursor", "entries"])
            fields = int(await self._link.client.hlen(keys.dates(site, shard)))
            unsealed = await self._link.client.zcount(keys.changed(site, shard), f"({int(cursor or 0)}", "+inf")
            known = await self._link.client.zcard(keys.changed(site, shard))
        return DatesState(int(cursor or 0), max(0, fields - 2), int(entries or 0), int(unsealed), int(known))

    async def seal_dates(
        self, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
    ) -> bool:
        return await sealing.seal_dates(self._link.run, site, shard, before, after, chunks)

    async def named_items(self, site: str, shard: int, volume: int, after: int) -> NamedItems:
        key = keys.named(site, shard, volume)
        cursor, members, reset = await self._link.changes(key, site, shard, after)
        return NamedItems(cursor, [member.decode() for member in members], reset)

    async def named(self, site: str, item: str, volumes: Iterable[int]) -> bool:
        pipe, shard = self._link.pipeline(), shard_of(item, self._link.shards)
        for volume in volumes:
            pipe.zscore(keys.named(site, shard, volume), item)
        return any(score is not None for score in await self._link.executed(pipe))

    async def remove_item(self, site: str, item: str, now: float, by: str = "") -> bool:
        (there,) = await self.get_items(site, [item])
        await self._edits.take_down(site, item, now, by, msgspec.json.encode(as_wire(there) if there else None))
        if there is not None and there.url:
            await self._leave_addresses(site, {there.url: item})
        return await self._forget_item(site, item)

    async def forget_items(self, site: str, items: Iterable[str]) -> None:
        for item in items:
            await self._forget_item(site, item)

    async def _forget_item(self, site: str, item: str) -> bool:
        shard = shard_of(item, self._link.shards)
        found = await self._link.run(
            REMOVE_ITEM,
            [keys.items(site, shard), keys.sequence(site, shard), keys.changed(site, shard)],
            [keys.CHANGED_TTL_S, item],
        )
        return bool(found)

    async def removed_items(self, site: str) -> dict[str, float]:
        with translated():
            found = await self._link.client.hgetall(keys.removed(site))
        return {item.decode(): float(since) for item, since in found.items()}

    async def forget_removed(self, site: str, before: float) -> int:
        old = [item for item, since in (await self.removed_items(site)).items() if since < before]
        if old:
            await self._edits.forget_removed(site, old)
        return len(old)
