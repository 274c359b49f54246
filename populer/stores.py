"""The store that a command or a child process works on: an address, or the bundled server's socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ranking.errors import PopulerError, StoreUnavailableError
from ranking.settings.service import Settings
from ranking.store.counts import Ack
from ranking.store.redis.store import RedisStore

#: A store that has not answered by then is away.
PATIENCE_S = 5.0


def open_store(settings: Settings, url: str, known_shards: int = 0, known_life: str = "") -> RedisStore:
    """The store at `url`, not yet connected; `known_shards` and `known_life` as `RedisStore` takes them."""
    redis = settings.redis
    return RedisStore(
        url,
        shards=redis.shards,
        timeout_s=redis.timeout_s,
        allow_eviction=redis.allow_eviction,
        ack=ack_of(settings),
        known_shards=known_shards,
        known_life=known_life,
        confirms=settings.redis.url is None,  # a server of ours has its own disk, whose failures it tells too late
    )


@contextlib.asynccontextmanager
async def opened_store(settings: Settings, url: str) -> AsyncIterator[RedisStore]:
    """The store at `url` for a command: connected, and closed at the end.

    Raises:
        PopulerError: it does not answer, or cannot be used.
    """
    store = open_store(settings, url)
    try:
        await store.open()
        yield store
    except StoreUnavailableError as error:
        advice = "is the service running?" if settings.redis.url is None else "start it, or correct redis.url"
        raise PopulerError(f"{str(error).removesuffix('.')}; {advice}") from error
    finally:
        await store.close()


async def reached_store(settings: Settings, url: str, known_shards: int = 0, known_life: str = "") -> tuple[int, str]:
    """How many shards the store at `url` was made with, and its life; the known one while another is held.

    Raises:
        StoreUnavailableError: it does not answer.
        StoreDeniedError: it takes nothing from us now.
        StoreRefusedError: it, or its address, cannot be used.
    """
    store = open_store(settings, url, known_shards, known_life)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await store.open()
            life = await store.server.life()
    except TimeoutError as error:
        raise StoreUnavailableError(f"Redis has not answered within {PATIENCE_S:g} s") from error
    else:
        return store.shards, known_life if life.held_since is not None else life.name
    finally:
        await store.close()


def ack_of(settings: Settings) -> Ack:
    """What the store has to promise before events are acknowledged."""
    return "commit" if settings.ingest.ack == "memory" else settings.ingest.ack
