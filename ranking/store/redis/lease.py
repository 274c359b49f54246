"""The lease on the scheduled work, in Redis."""

from ranking.store.lease import Lease
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript

HOLD_LEASE = LuaScript("hold_lease")
END_LEASE = LuaScript("end_lease")


class RedisLease:
    """LeaseStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        epoch, left_ms = await self._link.run(
            HOLD_LEASE,
            [keys.LEASE_HOLDER, keys.LEASE_EPOCH],
            [holder, int(lease_s * 1000), -1 if above is None else above],
        )
        return Lease(epoch, left_ms / 1000)

    async def end_lease(self, holder: str) -> None:
        await self._link.run(END_LEASE, [keys.LEASE_HOLDER], [holder])
