"""Which sites a store holds, and how one is cleared away."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from ranking.counts.sealed import volume_of
from ranking.store import limits
from ranking.store.redis import keys
from ranking.store.redis.archive import AT_ONCE, desk_hashes, edits_in, feed_hashes
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import READ_HASHES
from ranking.store.sites import Cleared
from ranking.times import DAY_S


class RedisSites:
    """The register of sites, on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def missing(self, configured: Collection[str], now: float) -> dict[str, float]:
        found: dict[bytes, bytes] = await self._link.command("HGETALL", keys.SITES)
        known = {site.decode(): since for site, since in found.items()}
        fresh = {site: b"" for site in configured if known.get(site) != b""}
        fresh |= {site: repr(now).encode() for site, since in known.items() if site not in configured and not since}
        if fresh:
            await self._link.command("HSET", keys.SITES, *chain.from_iterable(fresh.items()))
        return {site: float(since) for site, since in (known | fresh).items() if since}

    async def clear(self, site: str, lists: Iterable[str], now: float, keep_s: float, *, followed: bool) -> Cleared:
        gone = Cleared()
        for shard in range(self._link.shards):
            gone = _sum(gone, await self._clear_shard(site, shard, now, keep_s, followed=followed))
        edits = edits_in(await self._link.run(READ_HASHES, desk_hashes(site), []))
        published = {name.decode() for name in await self._link.command("HGETALL", keys.generations(site))}
        names = [keys.aliases(site), keys.removed(site), keys.former(site), keys.learned(site), keys.discovery(site)]
        names += [*feed_hashes(site), keys.filters(site), keys.pulse(site), keys.concentration(site)]
        names += [keys.nights(site, name) for name in {*published, *lists}]
        names += [keys.places(site, int(now // DAY_S) - back) for back in range(limits.PLACES_DAYS + 2)]
        if not followed:
            names += [keys.edits(site), keys.generations(site), keys.workers(site)]
            names += [keys.published(site, name) for name in published]
            await self._link.command("HDEL", keys.SITES, site)
        else:
            fields = [name for name in await self._link.command("HGETALL", keys.edits(site)) if name != b"edition"]
            if fields:
                await self._link.command("HDEL", keys.edits(site), *fields)
        return _sum(gone, Cleared(await self._unlink(names), 0, 0, edits, 0 if followed else len(published)))

    async def _clear_shard(self, site: str, shard: int, now: float, keep_s: float, *, followed: bool) -> Cleared:
        touched = [
            keys.bucket_of(each) for each in await self._link.command("ZRANGE", keys.touched(site, shard), 0, -1)
        ]
        items = int(await self._link.command("HLEN", keys.items(site, shard)))
        names = [key(site, shard, *bucket) for bucket in touched for key in (keys.counts, keys.sealed)]
        volumes = set(map(volume_of, touched))
        names += [key(site, shard, volume) for volume in volumes for key in (keys.names, keys.named)]
        names += [keys.known(site, shard, int(now) // int(keep_s) - back) for back in (0, 1)]
        names += [keys.ids(site, shard, int(now) // DAY_S - back) for back in (0, 1)]
        names += [keys.touched(site, shard), keys.items(site, shard), keys.changed(site, shard)]
        names += [
            keys.dates(site, shard),
            keys.dropped(site, shard),
            keys.pending(site, shard),
            keys.budget(site, shard),
        ]
        if not followed:
            names += [keys.sequence(site, shard), keys.mark(site, shard)]
        gone = await self._unlink(names)
        if followed:
            await self._link.command("INCR", keys.sequence(site, shard))
            fresh = secrets.token_hex(8)
            await self._link.command("SET", keys.mark(site, shard), fresh, "EX", keys.CHANGED_TTL_S)
        return Cleared(gone, len(touched), items, 0, 0)

    async def _unlink(self, names: Sequence[str]) -> int:
        """Delete keys that lie in one slot; how many there were."""
        parts = [names[first : first + AT_ONCE] for first in range(0, len(names), AT_ONCE)]
        return sum([int(await self._link.command("UNLINK", *part)) for part in parts])


def _sum(one: Cleared, other: Cleared) -> Cleared:
    return Cleared(*(a + b for a, b in zip(one, other, strict=True)))
