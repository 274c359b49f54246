"""The daily salts, and the secret of the marks, in Redis."""

from collections.abc import Iterable

from ranking.store.redis import keys
from ranking.store.redis.connection import translated
from ranking.store.redis.link import Link


class RedisSalts:
    """SaltStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def salt(self, day: int, fresh: bytes, lifetime_s: float) -> bytes:
        with translated():
            there = await self._link.client.set(
                keys.salt(day), fresh, nx=True, get=True, px=max(1, int(lifetime_s * 1000))
            )
        return fresh if there is None else bytes(there)

    async def secret(self, fresh: bytes) -> bytes:
        with translated():
            there = await self._link.client.set(keys.MARKS_HASHED_UNDER, fresh, nx=True, get=True)
        return fresh if there is None else bytes(there)

    async def forget_salts(self, days: Iterable[int]) -> int:
        with translated():  # one by one: in a cluster they lie apart
            return sum([int(await self._link.client.delete(keys.salt(day))) for day in days])
