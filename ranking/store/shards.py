"""Which shard keeps an item, and which process holds a shard."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ranking.rendezvous import weight

T = TypeVar("T")


def shard_of(item: str, shards: int) -> int:
    """The shard that keeps an item and its counts.

    >>> shard_of("berita-1", 1), shard_of("berita-1", 16)
    (0, 2)
    """
    return zlib.crc32(item.encode("utf-8", "surrogatepass")) % shards if shards > 1 else 0


def by_shard(items: Iterable[T], shards: int, id_of: Callable[[T], str]) -> dict[int, list[T]]:
    """`items` by the shard that keeps each, in their order; `id_of` gives the id of one."""
    found: dict[int, list[T]] = {}
    for item in items:
        found.setdefault(shard_of(id_of(item), shards), []).append(item)
    return found


def shared_out(shards: int, processes: Sequence[str]) -> dict[str, list[int]]:
    """The shards that each process holds, as many as any other up to one; most stay where they are when one goes.

    It goes by rendezvous hashing (see `ranking.rendezvous`), with a bound on what each takes.

    >>> shared_out(5, ["a", "b"])
    {'a': [2, 4], 'b': [0, 1, 3]}
    """
    most = -(-shards // len(processes))
    held: dict[str, list[int]] = {process: [] for process in sorted(processes)}
    for shard in range(shards):
        free = [process for process in held if len(held[process]) < most]
        held[max(free, key=lambda process: weight(process, f"{shard}"))].append(shard)
    return held
