"""Which shard keeps an item."""

import zlib


def shard_of(item: str, shards: int) -> int:
    """The shard that keeps an item and its counts.

    >>> shard_of("berita-1", 1), shard_of("berita-1", 16)
    (0, 2)
    """
    return zlib.crc32(item.encode("utf-8", "surrogatepass")) % shards if shards > 1 else 0
