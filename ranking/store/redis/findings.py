"""What lists have learned, in Redis. See `keys` for what lies where."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ranking.settings.learned import LearnedSetting, Tuned
from ranking.store import limits
from ranking.store.redis import keys
from ranking.store.redis.scripts import LuaScript, Run

TUNED = LuaScript("tuned")


class RedisFindings:
    """Findings on what `run` and `command` reach."""

    def __init__(self, run: Run, command: Callable[..., Awaitable[Any]]) -> None:
        self._run = run
        self._command = command

    async def in_effect(self, site: str) -> Mapping[str, LearnedSetting]:
        found: dict[bytes, bytes] = await self._command("HGETALL", keys.learned(site))
        return {name.decode(): msgspec.json.decode(value, type=LearnedSetting) for name, value in found.items()}

    async def note(self, site: str, tuned: Tuned) -> bool:
        where = [keys.learned(site), keys.nights(site, tuned.list)]
        after, night = msgspec.json.encode(tuned.after), msgspec.json.encode(tuned)
        said = [tuned.list, repr(tuned.at), after, night, limits.NIGHTS, keys.LEARNED_TTL_S]
        return bool(await self._run(TUNED, where, said))

    async def nights(self, site: str, name: str, limit: int) -> list[Tuned]:
        found = await self._command("LRANGE", keys.nights(site, name), 0, limit - 1)
        return [msgspec.json.decode(night, type=Tuned) for night in found]
