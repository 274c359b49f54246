"""The Store on Redis or Valkey: standalone, by unix socket, behind Sentinel, or as a Cluster.

Its parts are in `counts`, `items`, `lists` and `edits`, on what `link` sends; here is what the scheduled work needs
beside them.
"""

import secrets
import time
from collections.abc import Iterable

from ranking.store.redis import keys
from ranking.store.redis.connection import translated
from ranking.store.redis.counts import RedisCounts
from ranking.store.redis.items import RedisItems
from ranking.store.redis.lists import RedisLists
from ranking.store.redis.scripts import LuaScript
from ranking.store.server import Lease, LogState, ServerInfo

HOLD_LEASE = LuaScript("hold_lease")
END_LEASE = LuaScript("end_lease")


class RedisStore(RedisCounts, RedisItems, RedisLists):
    """Store on the server(s) of a `Link`."""

    async def hold_lease(self, holder: str, lease_s: float, above: int | None) -> Lease:
        epoch, left_ms = await self._run(
            HOLD_LEASE,
            [keys.LEASE_HOLDER, keys.LEASE_EPOCH],
            [holder, int(lease_s * 1000), -1 if above is None else above],
        )
        return Lease(epoch, left_ms / 1000)

    async def end_lease(self, holder: str) -> None:
        await self._run(END_LEASE, [keys.LEASE_HOLDER], [holder])

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

    async def server_info(self) -> list[ServerInfo]:
        with translated():
            infos = await self._info()
        return [
            ServerInfo(
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
