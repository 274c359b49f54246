"""The store's part that keeps items and the dates of those whose content is sealed."""

from typing import NamedTuple

from ranking.intake.items import ItemDates


class ChangedItems(NamedTuple):
    """Items changed since a cursor; None for one that is gone."""

    cursor: int
    dates: dict[str, ItemDates | None]
    reset: bool


class SealedDates(NamedTuple):
    """What ranking knows of a shard's items up to the change `cursor`: chunks (`dates.unpack_dates`), oldest first."""

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
