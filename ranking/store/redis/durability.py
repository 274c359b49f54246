"""How safe a batch is when it is answered: in the server's memory, on a replica too, or on the server's disk.

The wait goes out with the write, on the same connection: servers wait for what their connection has written, and for
nothing on another one. What cannot be waited for (no replica, no append-only file, a server that does not know the
command) leaves the batch at `commit`, and that is what its answer says. After one wait in vain nothing waits for that
server for some seconds: without a replica every batch would take as long as the longest wait.

A server answers a write that its append-only file then has no room for, and refuses those that follow. It has tried
before its answer leaves, so the next write that it takes confirms those before, and where none follows a ping, which is
refused like a write. That is exact where writes to the file are never put off (any `appendfsync` but `everysec`), as
the bundled server does not.

Rejected: a ping after every batch, which is one in ten of what a small batch costs, and INFO, 40 times a ping's bytes.
"""

from time import monotonic
from typing import Any, Final

from redis.exceptions import AskError, MovedError, ResponseError

from ranking.store.counts import Ack
from ranking.store.redis.connection import Client

LONGEST_WAIT_S: Final = 1.0
"""A replica or a disk that is slower holds nothing up; its batches are answered as committed."""
WAITS_AGAIN_S: Final = 5.0
"""How long nothing waits for a server whose replica or disk did not answer in time."""


def wait_of(ack: Ack, timeout_s: float) -> tuple[Any, ...]:
    """The command that waits for a level; none for `commit`. `timeout_s` is that of a reply."""
    wait_ms = int(1000 * min(LONGEST_WAIT_S, timeout_s / 2))
    return {"commit": (), "replica": ("WAIT", 1, wait_ms), "disk": ("WAITAOF", 1, 0, wait_ms)}[ack]


def level_of(ack: Ack, reply: Any) -> Ack:
    """The level that the wait's reply proves."""
    done = reply[0] if isinstance(reply, list) and reply else reply
    return ack if isinstance(done, int) and done >= 1 else "commit"


class Waits:
    """Which servers are waited for. `ack` is the level that is wanted, `timeout_s` that of a reply."""

    def __init__(self, ack: Ack, timeout_s: float) -> None:
        self.ack = ack
        self._command = wait_of(ack, timeout_s)
        self._suspended_until: dict[str, float] = {}

    def command(self, server: str) -> tuple[Any, ...]:
        """The command that waits for `server`; none while it is not waited for."""
        return () if monotonic() < self._suspended_until.get(server, 0.0) else self._command

    def level(self, server: str, reply: Any) -> Ack:
        """The level that the reply of `server` proves; a wait in vain is the last one for WAITS_AGAIN_S."""
        level = level_of(self.ack, reply)
        if level != self.ack:
            self._suspended_until[server] = monotonic() + WAITS_AGAIN_S
        return level


async def on_one_connection(client: Client, *, cluster: bool, key: str, commands: list[tuple[Any, ...]]) -> list[Any]:
    """The replies of commands that go out together, errors of the server among them; `key` says where they belong.

    Raises:
        MovedError, AskError: the key belongs elsewhere (a cluster only).
    """
    async with client.turns:
        if cluster:
            return await _on_node(client, key, commands)
        pipe = client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return list(await pipe.execute(raise_on_error=False))


async def _on_node(client: Client, key: str, commands: list[tuple[Any, ...]]) -> list[Any]:
    node = client.get_node_from_key(key)
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands(commands))
        replies = []
        for _ in commands:
            try:
                replies.append(await connection.read_response())
            except ResponseError as error:
                replies.append(error)
    except BaseException:
        await connection.disconnect()  # replies may still be on their way: nobody else may read them
        raise
    finally:
        node.release(connection)
    moved = next((reply for reply in replies if isinstance(reply, MovedError | AskError)), None)
    if moved is not None:
        raise moved
    return replies
