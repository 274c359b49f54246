"""Made-up readership: counts as a newsroom's month makes them, the same for the same size.

Items appear evenly over the month, one per ten counts. What is read in a bucket are mostly the newest, with a long tail
of older ones, by a Pareto law in how many items came since; a tenth of the counts are clicks.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.times import DAY_S

DAYS = 30
WIDTH_S = 300
BUCKETS = DAYS * DAY_S // WIDTH_S
SECTIONS = 20
KINDS = ("click", "view")
CELLS_EACH = 10
CLICKS = 0.1
TAIL = 0.5
EVENTS_EACH = 1.3
NEWEST = 1 / 2000

Ints = npt.NDArray[np.int64]


class Bucketful(NamedTuple):
    """The counts of one bucket: its start in epoch seconds, and per kind the items (rising) and their events."""

    start_s: int
    counts: dict[str, tuple[Ints, Ints]]


def items(cells: int) -> int:
    """How many items a readership of so many counts has."""
    return max(SECTIONS, cells // CELLS_EACH)


def name(item: int) -> str:
    """An id such as a news site's address has."""
    return f"berita/2025/{item * 2654435761 % 10**9:09d}-judul-artikel-{item}"


def names(found: Sequence[int]) -> list[str]:
    """The ids of some items."""
    return list(map(name, found))


def bucketfuls(cells: int, end_s: int, seed: int = 3) -> Iterator[Bucketful]:
    """About so many counts, oldest first, the last bucket ending at `end_s`."""
    random = np.random.default_rng(seed)
    many = items(cells)
    each = cells / BUCKETS
    for number in range(BUCKETS):
        known = max(SECTIONS, many * (number + 1) // BUCKETS)
        counts = {}
        for kind, share in zip(KINDS, (CLICKS, 1 - CLICKS), strict=True):
            wanted = random.poisson(each * share)
            # A Pareto law repeats itself at the newest items: that is what their counts are.
            behind = random.pareto(TAIL, int(wanted * EVENTS_EACH * 1.5) + 2) * known * NEWEST
            drawn = known - 1 - behind[behind < known].astype(np.int64)
            counts[kind] = np.unique(drawn[: int(wanted * EVENTS_EACH)], return_counts=True)
        yield Bucketful(end_s - (BUCKETS - number) * WIDTH_S, counts)
