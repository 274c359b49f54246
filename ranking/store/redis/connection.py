"""From `redis.url` to a client: standalone, unix socket, Sentinel, Cluster. And from driver errors to ours.

`rediss+sentinel` and `rediss+cluster` speak TLS to every server, the sentinels too, under the parameters that `rediss`
takes. User and password in the address are the data servers'; sentinels have their own as parameters, or none.

redis-py's own retries are off. It would send a whole pipeline again after a lost reply and count everything twice; our
callers repeat a call whose script knows that it ran before. Its pool raises when all connections are in use: calls take
turns (see `turns`).
"""

import contextlib
import traceback
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ranking.errors import StoreDeniedError, StoreMovingError, StoreRefusedError, StoreUnavailableError
from ranking.store.redis.turns import MOST_CONNECTIONS, BoundedCluster, BoundedRedis, Turns

Client = Any  # redis-py's three clients share no base with typed commands; what is called on them is held by the tests

CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
TLS_PARAMETERS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
SENTINEL_PARAMETERS = ("sentinel_username", "sentinel_password")
SENTINEL_PORT = 26379
CLUSTER_PORT = 6379
#: How errors begin of a server that would take the same call under other rights, or with its replicas.
DENIALS = ("NOREPLICAS", "ACL failure in script", "The user executing the script can't")
FAILURES = (RedisError, RedisClusterException, OSError)
_PASSING = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    ReadOnlyError,
    OSError,
)
#: What the driver says after the last of its redirections: it was told TRYAGAIN each time.
TTL_EXHAUSTED = "TTL exhausted"


def is_cluster(url: str) -> bool:
    """Whether `url` names a Redis Cluster."""
    return url.partition("://")[0] in CLUSTER_SCHEMES


def connected(url: str, *, timeout_s: float, reply_timeout_s: float | None) -> Client:
    """A client for `url`; it connects when it is first used, and its commands take turns.

    `timeout_s` bounds connecting and waiting for a turn, `reply_timeout_s` each reply (None: listens for ever).

    Raises:
        StoreRefusedError: the address has a parameter that is none.
    """
    client = _client(url, timeout_s, reply_timeout_s)
    client.turns = Turns(MOST_CONNECTIONS, timeout_s)
    return client


def _client(url: str, timeout_s: float, reply_timeout_s: float | None) -> Client:
    options: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": reply_timeout_s,
        "socket_connect_timeout": timeout_s,
    }
    parts = urlsplit(url)
    if parts.scheme not in CLUSTER_SCHEMES + SENTINEL_SCHEMES:
        return BoundedRedis.from_pool(ConnectionPool.from_url(url, **options))
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.password:
        options["password"] = unquote(parts.password)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    of_sentinels, tls = _parameters(parts.scheme, parts.query)
    options |= tls
    if parts.scheme in CLUSTER_SCHEMES:
        return BoundedCluster(startup_nodes=[ClusterNode(*_host_port(host, CLUSTER_PORT)) for host in hosts], **options)
    name, _, database = parts.path.lstrip("/").partition("/")
    sentinel = Sentinels(
        [_host_port(host, SENTINEL_PORT) for host in hosts],
        sentinel_kwargs={
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            **of_sentinels,
            **tls,
        },
    )
    return sentinel.master_for(name or "mymaster", BoundedRedis, db=int(database or 0), **options)


def _parameters(scheme: str, query: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What an address says of the sentinels' own user, and of TLS."""
    given = dict(parse_qsl(query))
    secure = scheme.startswith("rediss")
    known = (SENTINEL_PARAMETERS if scheme in SENTINEL_SCHEMES else ()) + (TLS_PARAMETERS if secure else ())
    for name in given:
        if name not in known:
            there = f"; there are {', '.join(known)}" if known else ""
            raise StoreRefusedError(f"redis.url: {name} is no parameter of {scheme}://{there}")
    own = {name.removeprefix("sentinel_"): value for name, value in given.items() if name in SENTINEL_PARAMETERS}
    tls: dict[str, Any] = {name: value for name, value in given.items() if name in TLS_PARAMETERS}
    if "ssl_check_hostname" in tls:
        tls["ssl_check_hostname"] = tls["ssl_check_hostname"].lower() not in ("0", "false", "no")
    return own, {"ssl": True, **tls} if secure else {}


class Sentinels(Sentinel):
    """Every configured sentinel, also when two discoveries race (the driver may drop one).

    The driver puts the one that answered first by swapping it with what is first by then: of two callers who ask at
    once, the second writes it over another, which is never asked again, and never closed.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]], **options: Any) -> None:
        super().__init__(addresses, **options)  # type: ignore[no-untyped-call]
        self._every = tuple(self.sentinels)

    async def discover_master(self, service_name: str) -> Any:
        """Address of the primary."""
        try:
            return await super().discover_master(service_name)
        finally:
            first = self.sentinels[0]
            self.sentinels = [first, *(each for each in self._every if each is not first)]


async def close(client: Client) -> None:
    """Let go of a client's connections, those to the sentinels too."""
    with contextlib.suppress(*FAILURES):
        await client.aclose()
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for sentinel in manager.sentinels if manager is not None else ():
        with contextlib.suppress(*FAILURES):
            await sentinel.aclose()


def one_node(cluster: Client) -> Client:
    """A client for any one node of a cluster, without a reply timeout: messages on a channel reach every node."""
    return _of_node(cluster, cluster.get_default_node(), None)


async def every_node(cluster: Client) -> list[Client]:
    """A client for each node of a cluster: an error of one does not close the others, as the cluster's own would."""
    await cluster.initialize()
    timeout_s = cluster.connection_kwargs["socket_timeout"]
    return [_of_node(cluster, node, timeout_s) for node in cluster.get_nodes()]


def _of_node(cluster: Client, node: ClusterNode, reply_timeout_s: float | None) -> Client:
    given = cluster.connection_kwargs
    tls = {name: value for name, value in given.items() if name.startswith("ssl_")}
    return Redis(
        host=node.host,
        port=int(node.port),
        username=given.get("username"),
        password=given.get("password"),
        socket_timeout=reply_timeout_s,
        socket_connect_timeout=given["socket_connect_timeout"],
        retry=Retry(NoBackoff(), 0),
        **({"ssl": True, **tls} if tls else {}),
    )


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise driver errors as ours.

    Unavailable where trying again may help, denied where the server must be changed, refused where the call is wrong.
    """
    try:
        yield
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise StoreDeniedError(
            f"Redis does not let us in: {error}; check the user and password in redis.url"
        ) from error
    except OutOfMemoryError as error:
        raise StoreDeniedError(
            "Redis is at its memory limit and takes no more writes: raise maxmemory, or lower retention.keep"
        ) from error
    except RedisClusterException as error:  # it stands beside redis-py's other errors, not among them
        if isinstance(error.__cause__ or error.__context__, AuthenticationError) or "password" in str(error):
            raise StoreDeniedError(f"Redis does not let us in: {error}; check the password in redis.url") from error
        raise StoreUnavailableError(f"Redis Cluster does not answer: {error}") from error
    except TryAgainError as error:
        raise StoreMovingError from error
    except _PASSING as error:
        if TTL_EXHAUSTED in str(error):
            raise StoreMovingError from error
        raise StoreUnavailableError(f"Redis does not answer: {str(error) or type(error).__name__}") from error
    except ResponseError as error:
        raise _refusal(str(error)) from error
    except RedisError as error:
        raise StoreUnavailableError(f"Redis: {error}") from error
    except (AttributeError, RuntimeError, TypeError) as error:
        if not _is_drivers(error):
            raise
        raise StoreUnavailableError("Redis does not answer: the connection was closed while it was used") from error


def _is_drivers(error: Exception) -> bool:
    """Whether an error that is none of its own was raised in redis-py.

    Its cluster client closes every connection when one command is told that the cluster is down; other commands then
    find their streams gone while they connect or send, and asyncio's transports call what they have no more.
    """
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("redis.") for frame, _ in frames)


def _refusal(message: str) -> StoreRefusedError:
    if message.startswith("MISCONF"):
        return StoreDeniedError(f"Redis cannot write to its disk and takes no more writes: {message}")
    if message.startswith(DENIALS):
        return StoreDeniedError(f"Redis denies it: {message}")
    return StoreRefusedError(f"Redis refused: {message}")


def _host_port(text: str, default_port: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() else (text, default_port)
