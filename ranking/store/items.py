"""The part of a store that keeps items, their dates and take-downs."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from ranking.intake.items import Item, ItemDates


class ChangedItems(NamedTuple):
    """Items changed since a cursor; None for one that is gone."""

    cursor: int
    dates: dict[str, ItemDates | None]
    reset: bool


class NamedItems(NamedTuple):
    """Items that events with the site's key have named, which are not described; noted since a cursor."""

    cursor: int
    items: list[str]
    reset: bool


class SealedDates(NamedTuple):
    """What ranking knows of a shard's items up to the change `cursor`: chunks of `item_dates`, the oldest first."""

    cursor: int
    chunks: list[bytes]


class DatesState(NamedTuple):
    """How far the items' dates are sealed.

    Up to the change `cursor`, in `chunks` with `entries`; `unsealed` items have changed since, and `known` ever.
    """

    cursor: int
    chunks: int
    entries: int
    unsealed: int
    known: int


class ItemStore(Protocol):
    """Items as the newsroom describes them, their dates, take-downs. Raises what `Store` raises."""

    async def put_items(
        self,
        site: str,
        items: Sequence[Item],
        by: str = "write",
        named: Sequence[Collection[str]] | None = None,
        *,
        lift: bool = False,
    ) -> set[str]:
        """Store items; the ids of those that were not, as they are taken down. `by`: the name of the key.

        `named`: for each item the fields that it changes, where it is stored already; None: all. `lift`: lift the
        take-down of an item that has one.
        """
        ...

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        """Stored items in the order of `ids`."""
        ...

    async def unknown_items(self, site: str, shard: int, ids: Sequence[str], now: float, keep_s: float) -> set[str]:
        """Those of `ids` that only the public has named: nobody described them or vouched for them."""
        ...

    async def changed_items(self, site: str, shard: int, after: int, limit: int | None = None) -> ChangedItems:
        """Items changed after the cursor `after` (0: all); with a `limit` about that many, oldest change first."""
        ...

    async def read_dates(self, site: str, shard: int) -> SealedDates:
        """What is sealed of the items' dates."""
        ...

    async def dates_state(self, site: str, shard: int) -> DatesState:
        """How far the items' dates are sealed."""
        ...

    async def seal_dates(
        self, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
    ) -> bool:
        """Add chunks behind those of `before` (in the place of all, if its cursor is 0), so that it is as in `after`.

        False: nothing was done, somebody else has added some.
        """
        ...

    async def named_items(self, site: str, shard: int, volume: int, after: int) -> NamedItems:
        """Items that events of a volume have named with the site's key, noted after the cursor `after` (0: all)."""
        ...

    async def named(self, site: str, item: str, volumes: Iterable[int]) -> bool:
        """Whether an event of one of these volumes has named an item with the site's key."""
        ...

    async def remove_item(self, site: str, item: str, now: float, by: str = "") -> bool:
        """Take an item down everywhere. False: it was not stored (it is taken down all the same).

        `by`: the name of the key.
        """
        ...

    async def forget_items(self, site: str, items: Iterable[str]) -> None:
        """Forget the descriptions of items, which are taken down already."""
        ...

    async def removed_items(self, site: str) -> dict[str, float]:
        """Items that are taken down, and since when."""
        ...

    async def forget_removed(self, site: str, before: float) -> int:
        """Forget take-downs from before a moment (epoch seconds); how many."""
        ...
