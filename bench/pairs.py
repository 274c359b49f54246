"""How much memory the store needs to know that a visitor has read an item before."""

import asyncio
import time

from redis import Redis

ITEMS = 1_000
AT_ONCE = 1_000


def memory(url: str, sizes: list[int]) -> list[int]:
    """Bytes by which the Valkey at `url`, empty until now, has grown with so many pairs in one dedupe window."""
    return asyncio.run(_grown(url, sizes))


async def _grown(url: str, sizes: list[int]) -> list[int]:
    from ranking.intake.events import Event
    from ranking.intake.visits import Identity
    from ranking.recording.batches import Admission
    from ranking.recording.recorder import Recorder
    from ranking.settings.service import Settings
    from ranking.store.redis.store import RedisStore

    settings = Settings()
    retention, ingest = settings.retention, settings.ingest
    store = RedisStore(url)
    await store.open()
    recorder = Recorder(
        store.counts, writer="bench", bucket_s=retention.bucket_s, keep_s=retention.keep_s,
        deadline_s=ingest.deadline_s, max_pending=ingest.max_pending,
        admission=Admission(span_s=int(ingest.dedupe_window_s)),
    )  # fmt: skip
    now = time.time()
    read = [Event(f"berita-{number:06d}", "view", now) for number in range(ITEMS)]
    await recorder.record("default", read, received=now)
    with Redis.from_url(url) as redis:
        before, pairs, found = int(redis.info("memory")["used_memory"]), 0, []
        for size in sizes:
            while pairs < size:
                visitors = range(pairs, min(pairs + AT_ONCE, size))
                new = [read[each % ITEMS]._replace(visitor=Identity(each.to_bytes(8, "big"))) for each in visitors]
                await recorder.record("default", new, received=now)
                pairs += len(new)
            found.append(int(redis.info("memory")["used_memory"]) - before)
    await store.close()
    return found
