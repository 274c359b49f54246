"""What was refused of items that nobody had described: counted once they are.

New items that the public names are bounded (`ingest.new_items`), and the first reads of a new article may fall under
that bound. The script that counts keeps them by the hash of the item, in bounded memory; what makes items known calls
`restore`. An event is in the counts or here, never in both: the script that moves it does so in one step.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from ranking.counts.fields import field
from ranking.intake.visits import short_hash
from ranking.store.redis import keys
from ranking.store.redis.connection import translated
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript

RESTORE_ITEM = LuaScript("restore_item")
TRIES = 5


async def restore(link: Link, site: str, shard: int, items: Sequence[str]) -> None:
    """Count what was refused of `items`, which are known now: nothing more is refused of them."""
    if not items:
        return
    key = keys.pending(site, shard)
    hashes = [short_hash(item) for item in items]
    with translated():
        found = await link.client.hmget(key, hashes)
    for item, name, value in zip(items, hashes, found, strict=True):
        packed = value
        for _ in range(TRIES):  # a call that was on its way may have refused one more
            if packed is None or await _restored(link, site, shard, item, name, packed):
                break
            with translated():
                packed = await link.client.hget(key, name)


async def _restored(link: Link, site: str, shard: int, item: str, name: bytes, packed: bytes) -> bool:
    entry = msgspec.msgpack.decode(packed)
    names = [keys.pending(site, shard), keys.sequence(site, shard), keys.touched(site, shard)]
    arguments: list[Any] = [name, packed, keys.CHANGED_TTL_S]
    for at in range(0, len(entry), 4):
        member, expires_at, channel, count = entry[at : at + 4]
        names.append(keys.counts(site, shard, *keys.bucket_of(member)))
        arguments += [member, int(expires_at), field(channel, item), int(count)]
    return bool(await link.run(RESTORE_ITEM, names, arguments))
