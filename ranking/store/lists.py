"""The part of a store that keeps the published lists."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from ranking.published.snapshot import Published, Snapshot


class PublishedBase(NamedTuple):
    """A published list in short: its generation, its sections with their bodies' digests, the orders kept for it."""

    generation: int
    digests: Mapping[str, str]
    orders: AbstractSet[str] = frozenset()


class News(NamedTuple):
    """A message about a change of one site (see `keys.news`)."""

    site: str
    text: str


class ListStore(Protocol):
    """Published lists, the orders that readers page through, and news of both. Raises what `Store` raises."""

    async def publish(
        self, site: str, snapshot: Snapshot, base: PublishedBase | None, epoch: int = 0, paging_s: float = 0.0
    ) -> int | None:
        """Publish a list and return its generation, which never falls, whatever the store has lost.

        None: a list of this slot or a later one is there already. `base` is what the caller believes to be published;
        where it is, only what differs from it is sent. `epoch` is the term of the caller's lease, 0: none. A later term
        goes over an earlier one's list and a caller with a lease over its own `base`, whatever slot that has.
        Orders that are no longer needed are kept for another `paging_s`.

        Raises:
            OvertakenError: a later term has published already.
        """
        ...

    async def put_back(self, site: str, published: Published) -> None:
        """Put a list back that was published, where the store has lost it. One of its generation or later stays."""
        ...

    async def generations(self, site: str) -> dict[str, int]:
        """Generation of every published list."""
        ...

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        """A published list, without the bodies whose digests are in `have` (section -> digest)."""
        ...

    async def order(self, site: str, name: str, order: str) -> list[str] | None:
        """The items of the list `name` in the order of that name; None: it is kept no longer."""
        ...

    async def note_filter(self, site: str, request: str, at: float) -> None:
        """Note that readers have asked for a list of some items at `at` (epoch seconds)."""
        ...

    async def filters(self, site: str) -> dict[str, float]:
        """The lists of some items that readers ask for, with when one did last (epoch seconds)."""
        ...

    async def forget_filters(self, site: str, requests: Iterable[str]) -> None:
        """Forget that readers have asked for these."""
        ...

    async def note_places(self, site: str, at: float, places: bytes) -> None:
        """Keep the pages of the lists at a moment (epoch seconds), one of each hour, for PLACES_DAYS days at most."""
        ...

    async def places(self, site: str, since: float, until: float) -> list[bytes]:
        """What was kept of the hours from `since` until `until` (epoch seconds), the oldest first."""
        ...

    def news(self, sites: Sequence[str]) -> AsyncIterator[News]:
        """Messages about changes of these sites, as they happen, over one connection. At least one site.

        Ends by raising StoreUnavailableError.
        """
        ...
