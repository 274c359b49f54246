"""Sources of descriptions: how the reading of feeds and of articles' own pages has fared."""

from collections.abc import Sequence

import msgspec

MOST_NAMED = 10
#: A feed of which so many polls failed one after the other is worth attention.
FAILING = 3


class FeedState(msgspec.Struct, frozen=True):
    """One feed, as of its last poll. Times in epoch seconds.

    `tried_at`: when it was asked last; `read_at`: when it last answered as it should, changed or not; `entries`: in it
    then; `stored`: of those, described by that poll; `error`: why the last poll failed; `faults` of its entries could
    not be used, for a reason such as `fault`. `failures`: one after the other. `next_at`: not asked before.
    """

    url: str
    tried_at: float = 0.0
    read_at: float = 0.0
    kind: str = ""
    entries: int = 0
    stored: int = 0
    error: str | None = None
    faults: int = 0
    fault: str = ""
    failures: int = 0
    next_at: float = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether it has failed for so long that somebody should look."""
        return self.failures >= FAILING


class FeedMemory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the next poll of a feed needs.

    `known`: ETag and Last-Modified of its answers by address, those of an index's sitemaps too; `described`: a hash of
    each entry that was described, so that only what a feed says anew is.
    """

    known: dict[str, tuple[str, str]] = {}
    described: tuple[str, ...] = ()


class Discovery(msgspec.Struct, frozen=True):
    """What reading the pages of read articles has come to, as of `at` (epoch seconds).

    `waiting`: articles without a description whose page can be read, and has not been; `described`: by their page,
    since this process leads; `refused`: address and reason of the last pages that describe nothing. `hosts`: where the
    settings name none, those of the addresses that are read, with their reads of the last hour.
    """

    at: float = 0.0
    waiting: int = 0
    described: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, int], ...] = ()


def hosts_advice(hosts: Sequence[tuple[str, int]]) -> str:
    """What to write so that pages are read, where the settings name no host of the site; "" where none is seen.

    >>> hosts_advice([("koran.example", 12), ("m.koran.example", 1)])
    'Pages are not read, as no host is named. Name those of the site: hosts = ["koran.example", "m.koran.example"]'
    """
    if not hosts:
        return ""
    names = ", ".join(f'"{host}"' for host, _ in hosts)
    return f"Pages are not read, as no host is named. Name those of the site: hosts = [{names}]"
