"""The store that a command or a child process works on: an address, or the bundled server's socket."""

from ranking.settings.service import Settings
from ranking.store.redis.durability import Ack
from ranking.store.redis.store import RedisStore


def open_store(settings: Settings, url: str) -> RedisStore:
    """The store at `url`, not yet connected."""
    redis = settings.redis
    return RedisStore(
        url,
        shards=redis.shards,
        timeout_s=redis.timeout_s,
        allow_eviction=redis.allow_eviction,
        ack=_ack(settings),
    )


def _ack(settings: Settings) -> Ack:
    return "commit" if settings.ingest.ack == "memory" else settings.ingest.ack
