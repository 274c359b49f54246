"""The servers behind a store: whether they answer, what they are, how their logs stand."""

import secrets
from collections.abc import Iterable

from ranking.store.redis import keys
from ranking.store.redis.connection import translated
from ranking.store.redis.link import LIFE_BYTES, Link
from ranking.store.redis.scripts import LuaScript
from ranking.store.server import Life, LogState, ServerInfo
from ranking.store.shards import shard_of

HOLD = LuaScript("hold")
ACCEPT = LuaScript("accept")
TIME = LuaScript("time", reads=True)


class RedisServer:
    """ServerState on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def life(self) -> Life:
        name, held = await self._present()
        if held is None and name not in self._link.lives:
            if self._link.lives:
                held = await self._link.run(HOLD, [keys.LAYOUT], [name])
            if held is None:
                self._link.lives.add(name)
        return _life(name, held)

    async def accept(self) -> Life:
        await self._present()
        name, held = await self._link.run(ACCEPT, [keys.LAYOUT], [secrets.token_hex(LIFE_BYTES)])
        return _life(name, held)

    async def hold(self) -> bool:
        """Hold the store: no lists are made of it until it is accepted. Whether it was held before."""
        _, held = await self._present()
        await self._link.run(HOLD, [keys.LAYOUT], [""])
        return held is not None

    async def hold_emptied(self, site: str, shards: Iterable[int]) -> bool:
        with translated():
            marked = [await self._link.client.exists(keys.mark(site, shard)) for shard in shards]
        if all(marked):
            return False
        await self._link.run(HOLD, [keys.LAYOUT], [""])
        return True

    async def _present(self) -> tuple[bytes, bytes | None]:
        with translated():
            name, held = await self._link.client.hmget(keys.LAYOUT, ["life", "held"])
            if name is None:
                await self._link.settle_layout()
                name, held = await self._link.client.hmget(keys.LAYOUT, ["life", "held"])
        return name or b"", held

    async def time(self) -> float:
        seconds, microseconds = await self._link.run(TIME, [keys.LAYOUT], [])
        return int(seconds) + int(microseconds) / 1e6

    async def ping(self) -> None:
        with translated():
            await self._link.client.ping()

    async def secured(self, site: str, items: Iterable[str] = ()) -> str:
        shards = dict.fromkeys(shard_of(item, self._link.shards) for item in items)
        return await self._link.secured([keys.secured(site), *(keys.secured(site, shard) for shard in shards)])

    async def log_state(self) -> LogState:
        with translated():
            nodes = [node for node in await self._link.info() if node["role"] == "master"]
        return LogState(
            servers=" ".join(sorted(str(node["run_id"]) for node in nodes)),
            kept=any(int(node["aof_enabled"]) for node in nodes),
            rewriting=any(int(node["aof_rewrite_in_progress"]) + int(node["aof_rewrite_scheduled"]) for node in nodes),
            failed=any(node["aof_last_bgrewrite_status"] != "ok" for node in nodes),
        )

    async def rewrite_log(self) -> None:
        with translated():
            await self._link.client.execute_command("BGREWRITEAOF", **self._link.every_primary())

    async def server_info(self) -> list[ServerInfo]:
        with translated():
            infos = await self._link.info()
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
                clients=int(info.get("connected_clients", 0)),
            )
            for info in infos
        ]


def _life(name: bytes, held: bytes | None) -> Life:
    return Life(name.decode(), None if held is None else float(held))
