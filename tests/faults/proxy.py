"""Stands between clients and their server, and loses replies of scripts after the scripts have run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import servers
from ports import free_ports

from ranking.store.redis import keys


@dataclass
class Proxy:
    """Cuts the connection in place of every `nth` script's reply (0: never); errors always come through."""

    target_port: int
    nth: int
    port: int = 0
    scripts: int = 0
    cut: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, servers.HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for each in list(self._open):
            each.close()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(servers.HOST, self.target_port)
        except OSError:
            writer.close()
            return
        pair = {writer, there_writer}
        self._open |= pair
        owed = asyncio.Event()  # a script's reply
        pumps = {
            asyncio.create_task(_pump(reader, there_writer, lambda request: _mark(owed, request))),
            asyncio.create_task(_pump(there_reader, writer, lambda reply: self._comes_through(owed, reply))),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in pumps:
                each.cancel()
            for each in pair:
                each.close()
            self._open -= pair
            await asyncio.gather(*pumps, return_exceptions=True)

    def _comes_through(self, owed: asyncio.Event, reply: bytes) -> bool:
        if not owed.is_set():
            return True
        owed.clear()
        if reply.startswith(b"-") or not self.nth:
            return True
        self.scripts += 1
        if self.scripts % self.nth:
            return True
        self.cut += 1
        return False


def _mark(owed: asyncio.Event, request: bytes) -> bool:
    if keys.RIGHTS.encode() in request:  # rights are tried once, at the start
        return True
    if b"\r\nEVAL\r\n" in request or b"\r\nEVALSHA\r\n" in request:  # those that only read may be lost and asked again
        owed.set()
    return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]) -> None:
    with contextlib.suppress(OSError):
        while (content := await reader.read(1 << 20)) and passes(content):
            writer.write(content)
            await writer.drain()


@dataclass
class Behind:
    """A store that is reached through proxies, at `url`; `direct` goes past them, where there is a way past them."""

    url: str
    direct: str
    proxies: list[Proxy]

    @property
    def cut(self) -> int:
        return sum(each.cut for each in self.proxies)


@contextlib.asynccontextmanager
async def behind_proxies(server: servers.Valkey, nth: int) -> AsyncIterator[Behind]:
    """Put a proxy before a server."""
    async with Proxy(server.port, nth) as proxy:
        yield Behind(f"redis://{servers.HOST}:{proxy.port}", server.url, [proxy])


@contextlib.asynccontextmanager
async def behind_proxies_and_sentinel(server: servers.Valkey, nth: int) -> AsyncIterator[Behind]:
    """The same, with a sentinel that knows the server by its proxy."""
    async with Proxy(server.port, nth) as proxy:
        with servers.Sentinel(proxy.port) as sentinel:
            yield Behind(sentinel.url, server.url, [proxy])


@contextlib.contextmanager
def told_of(cluster: servers.Topology) -> Iterator[list[int]]:
    """Let a cluster's nodes tell clients of other ports than their own, where proxies may stand then."""
    ports = free_ports(len(cluster.servers))
    try:
        _announce(cluster.servers, ports)
        yield ports
    finally:
        _announce(cluster.servers, [node.port for node in cluster.servers])


@contextlib.asynccontextmanager
async def in_place_of(cluster: servers.Topology, ports: list[int], nth: int) -> AsyncIterator[Behind]:
    """Put a proxy before every node of a cluster, on the ports that it tells of."""
    async with contextlib.AsyncExitStack() as stack:
        pairs = zip(cluster.servers, ports, strict=True)
        proxies = [await stack.enter_async_context(Proxy(node.port, nth, port)) for node, port in pairs]
        url = "redis+cluster://" + ",".join(f"{servers.HOST}:{port}" for port in ports)
        yield Behind(url, url, proxies)


def _announce(nodes: list[servers.Valkey], ports: list[int]) -> None:
    for node, port in zip(nodes, ports, strict=True):
        node.admin.config_set("cluster-announce-port", port)
    for node in nodes:
        servers.wait_until(lambda node=node: _told_ports(node) == set(ports), "nodes that tell of the ports")


def _told_ports(node: servers.Valkey) -> set[int]:
    return {int(primary[1]) for _, _, primary, *_ in node.admin.execute_command("CLUSTER", "SLOTS")}
