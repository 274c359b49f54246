"""The published lists in Redis: snapshots, the orders that walks go by, and the news of them."""

import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ranking.errors import OvertakenError, StoreUnavailableError
from ranking.published.orders import ids_of, needed_for
from ranking.published.snapshot import Published, Snapshot, decode_stamp, digest, encode_stamp
from ranking.store.limits import PLACES_DAYS
from ranking.store.lists import News, PublishedBase
from ranking.store.redis import keys
from ranking.store.redis.connection import close, connected, one_node, translated
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript
from ranking.times import DAY_S, HOUR_S

PUBLISH = LuaScript("publish")
PUT_BACK_LIST = LuaScript("put_back_list")
READ_TRIES = 5
LATER_IS_PUBLISHED, ANOTHER_IS_PUBLISHED = -1, -2
LONGEST_CHAIN = 8


class RedisLists:
    """ListStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def publish(
        self, site: str, snapshot: Snapshot, base: PublishedBase | None, epoch: int = 0, paging_s: float = 0.0
    ) -> int | None:
        above = base.generation if base else 0
        generation = await self._published_on(site, snapshot, base, epoch, paging_s, above)
        if generation == ANOTHER_IS_PUBLISHED:
            generation = await self._published_on(site, snapshot, None, epoch, paging_s, above)
        return None if generation == LATER_IS_PUBLISHED else generation

    async def _published_on(
        self, site: str, snapshot: Snapshot, base: PublishedBase | None, epoch: int, paging_s: float, above: int
    ) -> int:
        stamp = snapshot.stamp
        known: Mapping[str, str] = base.digests if base else {}
        fresh = [(name, body) for name, body in snapshot.bodies.items() if known.get(name) != stamp.digests[name]]
        gone = [name for name in known if name not in stamp.digests]
        kept: AbstractSet[str] = base.orders if base else frozenset()
        wanted = snapshot.orders.keys()
        new, past, same = sorted(wanted - kept), sorted(kept - wanted), sorted(kept & wanted)
        generation = await self._link.run(
            PUBLISH,
            [
                keys.published(site, stamp.list), keys.generations(site),
                *(keys.order(site, stamp.list, name) for name in (*new, *past, *same)),
            ],
            [
                stamp.list, repr(stamp.generated_at), encode_stamp(stamp), keys.PUBLISHED_TTL_S, keys.news(site),
                base.generation if base else -1, len(fresh), epoch, len(new), len(past), math.ceil(paging_s),
                above,
                *(snapshot.orders[name] for name in new), *(part for pair in fresh for part in pair), *gone,
            ],
        )  # fmt: skip
        if isinstance(generation, list):
            raise OvertakenError(generation[1])
        return int(generation)

    async def put_back(self, site: str, published: Published) -> None:
        stamp = published.stamp
        said = [stamp.list, published.generation, repr(stamp.generated_at), encode_stamp(stamp), keys.PUBLISHED_TTL_S]
        bodies = [part for pair in published.bodies.items() for part in pair]
        await self._link.run(
            PUT_BACK_LIST, [keys.published(site, stamp.list), keys.generations(site)], [*said, *bodies]
        )

    async def generations(self, site: str) -> dict[str, int]:
        with translated():
            found = await self._link.client.hgetall(keys.generations(site))
        return {name.decode(): int(generation) for name, generation in found.items()}

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        key = keys.published(site, name)
        for _ in range(READ_TRIES):
            with translated():
                generation, document = await self._link.client.hmget(key, ["generation", "stamp"])
                if document is None:
                    return None
                stamp = decode_stamp(document)
                wanted = [section for section, named in stamp.digests.items() if have.get(section) != named]
                bodies = await self._link.client.hmget(key, [f"section:{name}" for name in wanted]) if wanted else []
            found = dict(zip(wanted, bodies, strict=True))
            # Between the two reads a newer list may have been published: a body that is not the stamp's says so.
            if all(body is not None and digest(body) == stamp.digests[section] for section, body in found.items()):
                return Published(int(generation), stamp, found)
        raise StoreUnavailableError(f"list {name} changed at every one of {READ_TRIES} attempts to read it")

    async def order(self, site: str, name: str, order: str) -> list[str] | None:
        found: list[bytes] = []
        needed: str | None = order
        while needed is not None:
            content = await self._link.command("GET", keys.order(site, name, needed))
            if content is None or len(found) >= LONGEST_CHAIN:
                return None
            found.append(content)
            needed = needed_for(content)  # more than one is rare: an order that others were packed against came again
        return ids_of(found)

    async def note_filter(self, site: str, request: str, at: float) -> None:
        with translated():
            await self._link.client.hset(keys.filters(site), request, repr(at))
            await self._link.client.expire(keys.filters(site), keys.FILTERS_TTL_S)

    async def filters(self, site: str) -> dict[str, float]:
        with translated():
            found = await self._link.client.hgetall(keys.filters(site))
        return {request.decode(): float(at) for request, at in found.items()}

    async def forget_filters(self, site: str, requests: Iterable[str]) -> None:
        with translated():
            await self._link.client.hdel(keys.filters(site), *requests)

    async def note_places(self, site: str, at: float, places: bytes) -> None:
        key = keys.places(site, int(at // DAY_S))
        with translated():
            await self._link.client.hset(key, str(int(at // HOUR_S)), places)
            await self._link.client.expire(key, keys.PLACES_TTL_S)

    async def places(self, site: str, since: float, until: float) -> list[bytes]:
        last_day = int(until // DAY_S)
        found: dict[int, bytes] = {}
        for day in range(max(int(since // DAY_S), last_day - PLACES_DAYS), last_day + 1):
            with translated():
                of_day = await self._link.client.hgetall(keys.places(site, day))
            found |= {int(hour): places for hour, places in of_day.items()}
        return [found[hour] for hour in sorted(found) if since // HOUR_S <= hour < until / HOUR_S]

    async def news(self, sites: Sequence[str]) -> AsyncIterator[News]:
        site_of = {keys.news(site).encode(): site for site in sites}
        with translated():
            client = (
                one_node(self._link.client)
                if self._link.cluster
                else connected(self._link.url, timeout_s=self._link.timeout_s, reply_timeout_s=None)
            )
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as listener:
                    await listener.subscribe(*site_of)
                    async for message in listener.listen():
                        yield News(site_of[message["channel"]], message["data"].decode())
            finally:
                await close(client)
