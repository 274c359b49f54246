"""Rights: what a user of the server must be allowed, tried when the store is opened.

A right that is missing shows late: a service whose user may not subscribe serves, and hears of no change. So every
command is tried once at the start, on a key of its own, with what it takes to be checked and to do nothing.

Left out is BGREWRITEAOF, which cannot be tried without being done; without it the log keeps what was deleted until the
server rewrites it by itself, and the job that asks for it says so.

Rejected: ACL DRYRUN and ACL GETUSER, rights that an operator has no reason to give.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ranking.errors import MissingRightsError
from ranking.store.redis import keys
from ranking.store.redis.connection import Client, close, one_node
from ranking.store.redis.scripts import LuaScript

LACKING_RIGHTS = LuaScript("lacking_rights")
KEYS, CHANNELS = "~populer:*", "&populer:*"
NO_SCRIPT = "0" * 40
LIFETIME_S, FAR_S, SOON_S = 5, 4_102_444_800, 0.01
#: A connection that is lost, or hangs, says nothing of rights: what was tried on it is tried again.
TRIES = 3
K = keys.RIGHTS
#: By the first the key is text: most of the others find it of the wrong type, and do nothing. The last remove it.
COMMANDS: tuple[tuple[Any, ...], ...] = (
    ("set", K, 0, "EX", LIFETIME_S), ("get", K), ("incr", K), ("exists", K), ("ttl", K), ("pttl", K),
    ("hget", K, "f"), ("hset", K, "f", 0), ("hsetnx", K, "f", 0), ("hdel", K, "f"), ("hlen", K), ("hmget", K, "f"),
    ("hgetall", K), ("hexists", K, "f"), ("hincrby", K, "f", 1), ("hrandfield", K), ("sadd", K, "m"),
    ("smismember", K, "m"), ("zadd", K, 0, "m"), ("zrem", K, "m"), ("zcard", K), ("zcount", K, 0, 0),
    ("zrange", K, 0, 0), ("zrangebyscore", K, 0, 0), ("zscore", K, "m"), ("zmscore", K, "m"), ("lindex", K, 0),
    ("lpush", K, 0), ("rpush", K, 0), ("lrange", K, 0, 0), ("ltrim", K, 0, 0), ("time",),
    ("ping",), ("info", "server"), ("publish", K, ""), ("expireat", K, FAR_S), ("expire", K, LIFETIME_S),
    ("unlink", K), ("del", K),
)  # fmt: skip


async def check_rights(client: Client, *, cluster: bool, patience_s: float) -> None:
    """Return if the user of `client` has every right; `patience_s` bounds the wait for a subscription.

    Raises:
        MissingRightsError: some are missing; the message names them.
    """
    probes: dict[str, Callable[[], Any]] = {
        "eval": lambda: client.eval(LACKING_RIGHTS.source, 1, K, msgspec.msgpack.encode(COMMANDS)),
        "evalsha": lambda: client.evalsha(NO_SCRIPT, 1, K),
        "evalsha_ro": lambda: client.evalsha_ro(NO_SCRIPT, 1, K),
        "eval_ro": lambda: client.eval_ro("return 1", 1, K),
        "blpop": lambda: client.blpop([keys.reply("rights")], timeout=SOON_S),  # Redis 7.0 has none in scripts
    }
    lacking: list[str] = []
    for name, probe in probes.items():
        try:
            reply = await _tried(probe)
        except NoPermissionError as error:
            lacking.append(_right(name, str(error)))
        except NoScriptError:
            pass
        else:
            lacking += _lacking_in(reply) if name == "eval" else []
    if "+eval" not in lacking and KEYS not in lacking:
        lacking += await _tried(lambda: _lacking_to_hear(client, cluster, patience_s))
    if lacking:
        raise MissingRightsError(
            f"The user in redis.url lacks rights on the server: {' '.join(dict.fromkeys(lacking))}. Allow them with"
            " ACL SETUSER; docs/ops.md has the least that is needed."
        )


async def _tried(probe: Callable[[], Any]) -> Any:
    for _ in range(TRIES - 1):
        with contextlib.suppress(RedisConnectionError, RedisTimeoutError):
            return await probe()
    return await probe()


def _lacking_in(reply: list[bytes]) -> list[str]:
    said = [each.decode() for each in reply]
    return [_right(command, why) for command, why in zip(said[::2], said[1::2], strict=True)]


def _right(command: str, said: str) -> str:
    """The right whose want a server's sentence about a command tells of."""
    if "channel" in said:
        return CHANNELS
    return KEYS if " key" in said else f"+{command}"


async def _lacking_to_hear(client: Client, cluster: bool, patience_s: float) -> list[str]:
    node = one_node(client) if cluster else client
    try:
        async with node.pubsub() as listener:
            await listener.subscribe(K)
            await listener.get_message(timeout=patience_s)
            await listener.unsubscribe(K)
            await listener.get_message(timeout=patience_s)
    except NoPermissionError as error:
        name = next((name for name in ("unsubscribe", "subscribe") if f"'{name}'" in str(error)), "subscribe")
        return [_right(name, str(error))]
    finally:
        if cluster:
            with contextlib.suppress(Exception):
                await close(node)
    return []
