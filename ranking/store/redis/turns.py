"""Turns: the bound on how many calls of one process are under way in its store at once; the others wait.

Invariant: a client never has more calls under way than connections, so the driver never finds its pool empty: it would
raise where a call has only to wait. A call that waits holds no connection.

Rejected: the driver's pool that waits. A call that is cancelled while it gives its connection back loses it for good,
and a cluster's nodes have no such pool.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError

MOST_CONNECTIONS = 32
"""Connections of one process to its store, beside that of the news. More calls at once only queue in the server."""

LARGE_BYTES = 65_536
"""A larger command may take several turns of the event loop to be sent, which the driver bounds."""


class Turns:
    """At most `most` at a time: `async with turns:`. Who has waited `patience_s` gives up with the driver's error."""

    def __init__(self, most: int, patience_s: float) -> None:
        self._free = asyncio.Semaphore(most)
        self._patience_s = patience_s

    async def __aenter__(self) -> None:
        if not self._free.locked():  # the usual case, without a timer
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            raise RedisConnectionError(f"no connection became free within {self._patience_s:g} s") from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()


class BoundedRedis(Redis):
    """One server, also behind sentinels, whose commands take `turns`; what goes past them takes one of its own."""

    turns: Turns

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply to a command.

        Of what the driver does around a call, its repeats are off anyway; its metrics and the task that it makes for
        every write (before Python 3.12) cost as much as counting five events.
        """
        pool: Any = self.connection_pool
        async with self.turns:
            connection = pool.get_available_connection()
            try:
                if not await _is_usable(connection):
                    await pool.ensure_connection(connection)
                await _send(connection, args)
                return await self.parse_response(connection, args[0], **options)
            finally:
                await pool.release(connection)


class BoundedCluster(RedisCluster):
    """A cluster whose commands take `turns`; what goes past them takes one of its own."""

    turns: Turns

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """The reply to a command."""
        async with self.turns:
            return await super().execute_command(*args, **kwargs)


async def _is_usable(connection: Any) -> bool:
    """Whether a connection can be used as it is. One with something to read was closed by the server."""
    try:
        return connection.is_connected and not await connection.can_read()
    except RedisConnectionError:  # it is being closed
        return False


async def _send(connection: Any, command: Sequence[Any]) -> None:
    """Send a command; one that is not large goes out at once, and the driver waits for its reply only so long."""
    packed = connection.pack_command(*command)
    if sum(map(len, packed)) > LARGE_BYTES:
        await connection.send_packed_command(packed)
        return
    try:
        connection._writer.writelines(packed)
    except (OSError, RuntimeError, AttributeError) as error:  # its transport was closed in this very turn
        await connection.disconnect(nowait=True)
        raise RedisConnectionError(f"the connection was closed: {error}") from error
