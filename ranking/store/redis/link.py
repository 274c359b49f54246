"""Link: one store's connection, the commands and scripts that are sent over it, and how its keys are laid out.

Invariant: whatever the network does, a repeated call has its effect once; the scripts see to it. Every driver error
leaves here as one of ours, with its cause.

A store need not be open to be used: until it is, and between two addresses, it is away like one that does not answer.
"""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.exceptions import AskError, MovedError, NoScriptError

from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.store.counts import LEVELS, Ack
from ranking.store.redis import keys
from ranking.store.redis.connection import FAILURES, Client, close, connected, every_node, is_cluster, translated
from ranking.store.redis.durability import Waits, on_one_connection
from ranking.store.redis.rights import check_rights
from ranking.store.redis.scripts import LuaScript

CLUSTER_SHARDS = 16


def place_of(url: str) -> str:
    """The address of a store without what may change while it stays the same: user, password, parameters.

    >>> place_of("rediss://populer:secret@db.example:6380/1?ssl_ca_certs=/ca.pem")
    'rediss://db.example:6380/1'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def usual_shards(url: str) -> int:
    """How many shards a store at `url` is made with unless it is told."""
    return CLUSTER_SHARDS if is_cluster(url) else 1


#: Of the random name of a store's life.
LIFE_BYTES = 8


class Link:
    """The server(s) at `url`. `shards` None: what the store was made with, or else what suits its kind.

    `known_shards`: what it was made with, as far as it is known before it is open (0: not at all); `known_life`: what
    the content was called that the service worked with last (empty: not known). `confirms`: whether
    a batch is safe only once the server's append-only file has it (see `durability`).
    `ack` is how safe a recorded batch shall be before `record` returns, where the server can tell.
    """

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        timeout_s: float = 5.0,
        allow_eviction: bool = False,
        ack: Ack = "commit",
        known_shards: int = 0,
        known_life: str = "",
        confirms: bool = False,
    ) -> None:
        self.confirms = confirms
        self.url = url
        self.timeout_s = timeout_s
        self._wanted_shards = shards
        self._allow_eviction = allow_eviction
        self._shards = known_shards
        self._schema = keys.SCHEMA
        self.lives = {known_life.encode()} if known_life else set[bytes]()
        """Lives of the store that this process has worked with."""
        self.cluster = is_cluster(url)
        self._waits = Waits(ack, timeout_s)
        self._opening = asyncio.Lock()
        self._client: Client = None
        self.is_open = False
        """Whether the store has answered at its present address, and is one that can be used."""

    @property
    def client(self) -> Client:
        """The client of the open store.

        Raises:
            StoreUnavailableError: it is not open.
        """
        if not self.is_open:
            raise StoreUnavailableError("Redis has not answered yet")
        return self._client

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over; known once open."""
        if not self._shards:
            raise RuntimeError("the store is not open")
        return self._shards

    def promise(self, ack: Ack) -> None:
        """Have batches be as safe as `ack` from the next one on."""
        self._waits = Waits(ack, self.timeout_s)

    async def open(self) -> None:
        async with self._opening:
            if self.is_open:
                return
            url = self.url
            with translated():
                client = _client_of(url, self.timeout_s)
            try:
                with translated():
                    await check_rights(client, cluster=self.cluster, patience_s=self.timeout_s)
                    await self._check_policy(client)
                    await self.settle_layout(client)
            except BaseException:
                await close(client)
                raise
            self._client, self.is_open = client, True

    async def use(self, url: str) -> None:
        """Go on at another address; the store is away until it has been opened there. Calls on their way fail."""
        async with self._opening:
            await self.close()
            if place_of(url) != place_of(self.url):
                self.lives.clear()  # an operator's word: it is another store
            self.url, self.cluster = url, is_cluster(url)
            self._waits = Waits(self._waits.ack, self.timeout_s)

    async def close(self) -> None:
        client, self._client, self.is_open = self._client, None, False
        if client is not None:
            await close(client)

    def pipeline(self) -> Client:
        return self.client.pipeline(transaction=False) if not self.cluster else self.client.pipeline()

    async def executed(self, pipe: Client) -> list[Any]:
        with translated():
            async with self.client.turns:
                return list(await pipe.execute())

    async def command(self, *parts: Any) -> Any:
        with translated():
            return await self.client.execute_command(*parts)

    async def run(self, script: LuaScript, names: list[str], arguments: list[Any]) -> Any:
        known, anew = self.client.evalsha, self.client.eval
        if script.reads:
            known, anew = self.client.evalsha_ro, self.client.eval_ro
        with translated():
            try:
                return await known(script.sha, len(names), *names, *arguments)
            except NoScriptError:
                # A server that restarted or took over has not seen the script yet.
                return await anew(script.source, len(names), *names, *arguments)

    async def run_and_wait(self, script: LuaScript, names: list[str], arguments: list[Any]) -> tuple[Any, Ack]:
        """What a script returns, and how safe what it has written is."""
        waits = self._waits
        with translated():
            server = self._server_of(names[0])
        wait = waits.command(server)
        if not wait:
            return await self.run(script, names, arguments), "commit"
        rest = (len(names), *names, *arguments)
        with translated():
            for call in (("EVALSHA", script.sha, *rest), ("EVAL", script.source, *rest)):
                try:
                    outcome, waited = await on_one_connection(
                        self.client, cluster=self.cluster, key=names[0], commands=[call, wait]
                    )
                except (MovedError, AskError):
                    break
                if not isinstance(outcome, Exception):
                    return outcome, waits.level(server, waited)
                if not isinstance(outcome, NoScriptError):
                    raise outcome
        return await self.run(script, names, arguments), "commit"

    async def secured(self, names: Iterable[str]) -> Ack:
        """How safe all is that was written before, by anybody, where the keys `names` belong: the least safe of it.

        A key of `names` is written, as servers wait for nothing but what their connection has written.
        """
        waits, levels, done = self._waits, list[Ack](), set[str]()
        for name in names:
            with translated():
                server = self._server_of(name)
            if server not in done:
                done.add(server)
                levels.append(await self._secured(name, server, waits))
        if self.confirms and "commit" in levels:
            await self.command("PING")
        return min(levels, key=LEVELS.index, default="commit")

    async def _secured(self, name: str, server: str, waits: Waits) -> Ack:
        wait = waits.command(server)
        if not wait:
            return "commit"
        write = ("SET", name, "", "EX", keys.SECURED_TTL_S)
        with translated():
            try:
                written, waited = await on_one_connection(
                    self.client, cluster=self.cluster, key=name, commands=[write, wait]
                )
            except (MovedError, AskError):
                return "commit"  # it is on the move; the next call finds it
            if isinstance(written, Exception):
                raise written
        return waits.level(server, waited)

    async def changes(
        self, key: str, site: str, shard: int, after: int, limit: int | None = None, mark: str = ""
    ) -> tuple[int, list[bytes], bool]:
        """Members of a change index past a cursor, the new cursor, and whether the cursor was of another store.

        It was where the store has had fewer changes, or has not the `mark` that was left at the cursor (empty: none).
        """
        pipe = self.pipeline()
        pipe.get(keys.sequence(site, shard))
        pipe.get(keys.mark(site, shard))
        part = {} if limit is None else {"offset": 0, "num": limit}
        pipe.zrange(key, f"({after}", "+inf", byscore=True, withscores=True, **part)
        now, marked, found = await self.executed(pipe)
        if int(now or 0) < after or (mark and marked != mark.encode()):
            cursor, members, _ = await self.changes(key, site, shard, 0, limit)
            return cursor, members, True
        if limit is not None and len(found) == limit:
            # The last change may have more members than these: leave it to the next look, or look at more.
            whole = [entry for entry in found if entry[1] < found[-1][1]]
            if not whole:
                return await self.changes(key, site, shard, after, 2 * limit)
            found = whole
        members = [member for member, _ in found]
        return max((int(score) for _, score in found), default=after), members, False

    def _server_of(self, key: str) -> str:
        """Name of the server that has a key, as far as the client knows."""
        if not self.cluster:
            return ""
        node = self.client.get_node_from_key(key)
        return str(node.name) if node is not None else ""

    def every_primary(self) -> dict[str, Any]:
        return {"target_nodes": self.client.get_primaries()} if self.cluster else {}

    async def info(self, client: Client = None) -> list[dict[str, Any]]:
        """INFO of every node that answers: one that is away counts nothing, and is asked again at the next start.

        Raises the driver's error where none answers.
        """
        client = client or self.client
        if not self.cluster:
            return [await client.info()]
        found: list[dict[str, Any]] = []
        failure: Exception | None = None
        for node in await every_node(client):
            try:
                found.append(await node.info())
            except FAILURES as error:
                failure = error
            finally:
                await close(node)
        if failure is not None and not found:
            raise failure
        return found

    async def _check_policy(self, client: Client) -> None:
        nodes = await self.info(client)
        policies = {str(node.get("maxmemory_policy", "noeviction")) for node in nodes} - {"noeviction"}
        if policies and not self._allow_eviction:
            raise StoreRefusedError(
                f"Redis has maxmemory-policy {min(policies)}, which would drop counts without a word: set it to"
                " noeviction (CONFIG SET maxmemory-policy noeviction), or accept the loss with"
                " redis.allow_eviction = true"
            )

    async def raise_schema(self) -> None:
        """Have versions that cannot read what is written from now on refuse the store at their start."""
        if self._schema < keys.SCHEMA:
            await self.command("HSET", keys.LAYOUT, "schema", keys.SCHEMA)
            self._schema = keys.SCHEMA

    async def settle_layout(self, client: Client = None) -> None:
        """Write down, once, how this store's keys are laid out; refuse a store laid out otherwise."""
        client = client or self.client
        wanted = self._wanted_shards or usual_shards(self.url)
        await client.hsetnx(keys.LAYOUT, "schema", keys.SCHEMA)
        self._schema = int(await client.hget(keys.LAYOUT, "schema"))
        if self._schema not in keys.READABLE_SCHEMAS:
            raise StoreRefusedError(
                f"this store was written with schema {self._schema}, this version reads"
                f" {' and '.join(map(str, keys.READABLE_SCHEMAS))}: use the version it was last used with, or later"
            )
        await client.hsetnx(keys.LAYOUT, "shards", self._shards or wanted)
        await client.hsetnx(keys.LAYOUT, "life", secrets.token_hex(LIFE_BYTES))
        life, held = await client.hmget(keys.LAYOUT, ["life", "held"])
        if not self.lives and held is None:
            self.lives.add(life)
        shards = int(await client.hget(keys.LAYOUT, "shards"))
        if self._wanted_shards and shards != self._wanted_shards:
            raise StoreRefusedError(
                f"this store was made with redis.shards = {shards}; it cannot be changed to {wanted} afterwards"
            )
        if self._shards not in (0, shards):
            raise StoreRefusedError(
                f"this store was made with redis.shards = {shards}, and this process works with {self._shards}:"
                " restart the service"
            )
        self._shards = shards


def _client_of(url: str, timeout_s: float) -> Client:
    """A client for the data at `url`.

    Raises:
        StoreRefusedError: it is no address.
    """
    try:
        return connected(url, timeout_s=timeout_s, reply_timeout_s=timeout_s)
    except ValueError as error:
        # What cannot be read of an address may be its password: it is not repeated.
        raise StoreRefusedError("redis.url: expected an address such as redis://127.0.0.1:6379/0") from error
