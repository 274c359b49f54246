"""What lists have learned, in Redis. See `keys` for what lies where."""

from collections.abc import Mapping

import msgspec

from ranking.settings.learned import LearnedSetting, Tuned
from ranking.store import limits
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript

TUNED = LuaScript("tuned")


class RedisFindings:
    """Findings on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def in_effect(self, site: str) -> Mapping[str, LearnedSetting]:
        found: dict[bytes, bytes] = await self._link.command("HGETALL", keys.learned(site))
        return {name.decode(): msgspec.json.decode(value, type=LearnedSetting) for name, value in found.items()}

    async def note(self, site: str, tuned: Tuned) -> bool:
        where = [keys.learned(site), keys.nights(site, tuned.list)]
        after, night = msgspec.json.encode(tuned.after), msgspec.json.encode(tuned)
        said = [tuned.list, repr(tuned.at), after, night, limits.NIGHTS, keys.LEARNED_TTL_S]
        return bool(await self._link.run(TUNED, where, said))

    async def nights(self, site: str, name: str, limit: int) -> list[Tuned]:
        found = await self._link.command("LRANGE", keys.nights(site, name), 0, limit - 1)
        return [msgspec.json.decode(night, type=Tuned) for night in found]
