"""The leases of jobs processes on sites, in Redis.

All of them lie in one slot, as a process that lives is one fact for all its sites. What a term fences lies with each
site: the published list knows the epoch that has ranked it.
"""

import secrets
from collections.abc import Collection, Mapping
from typing import Any, Final

from ranking.store.lease import JobsProcess, Leases, SiteLease
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript

HOLD_LEASES = LuaScript("hold_leases")
READ_LEASES = LuaScript("read_leases", reads=True)
KEYS: Final = [keys.JOBS_PROCESSES, keys.SITE_LEASES, keys.LEASE_HOLDER, keys.LEASE_EPOCH]
MARK_BYTES: Final = 8
MARK: Final = ""


class RedisLease:
    """LeaseStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def hold(
        self, process: JobsProcess, known: Leases, take: Mapping[str, int], give_up: Collection[str]
    ) -> Leases:
        changes = [len(take), *(part for each in take.items() for part in each), *give_up]
        about = f"{process.settings} {process.name}"
        found = await self._hold(process.holder, int(process.left_s * 1000), about, known.mark, changes)
        return _leases(found, known)

    async def leave(self, holder: str) -> None:
        await self._hold(holder, 0, "", "", [0])

    async def leases(self) -> Leases:
        return _leases(await self._link.run(READ_LEASES, KEYS, []), Leases())

    async def _hold(self, holder: str, length_ms: int, about: str, mark: str, changes: list[Any]) -> Any:
        new_mark = secrets.token_hex(MARK_BYTES)
        return await self._link.run(
            HOLD_LEASES, KEYS, [holder, length_ms, about, mark, new_mark, keys.LEASES_TTL_S, *changes]
        )


def _leases(found: list[Any], known: Leases) -> Leases:
    """What the scripts return, where `known` was known."""
    now, elder, elder_left_ms, epoch, processes, leases = found
    live = [_process(processes[i], processes[i + 1], int(now)) for i in range(0, len(processes), 2)]
    live = sorted((each for each in live if each.left_s > 0), key=lambda each: (each.name, each.holder))
    before = SiteLease(elder.decode(), int(epoch)) if elder else None
    left_s = max(elder_left_ms, 0) / 1000
    if not leases:
        return Leases(tuple(live), known.sites, before, left_s, known.mark)
    values = {field.decode(): value.decode() for field, value in zip(leases[::2], leases[1::2], strict=True)}
    mark, holders = values.pop(MARK, ""), {each.holder for each in live}
    terms = {site: value.partition(" ") for site, value in values.items()}
    sites = {site: SiteLease(holder, int(epoch)) for site, (epoch, _, holder) in terms.items() if holder in holders}
    return Leases(tuple(live), sites, before, left_s, mark)


def _process(holder: bytes, value: bytes, now_ms: int) -> JobsProcess:
    until_ms, settings, name = value.decode().split(" ", 2)
    return JobsProcess(holder.decode(), name, settings, (int(until_ms) - now_ms) / 1000)
