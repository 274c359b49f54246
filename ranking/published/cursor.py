"""Paging: how a list is walked while it moves, without a repeat or a gap.

The order of a list's items has a name made of its content. A cursor names the order of the first page's generation and
names the places of it that have been answered; every further page is the next part of that order, even if another one
is published meanwhile. The store keeps orders for a while after they were replaced, so any worker can go on with any
walk.

Rejected: cursors that say "after this score", as an item whose score changes between two pages is seen twice or never.

How an order is kept: `ranking.published.orders`.
"""

import re
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ranking.errors import InvalidCursorError

CURSOR = re.compile(r"(\d{1,15})\.(\d{1,15})\.([0-9a-f]{16})\.(\d{1,4})\.(\d{1,4})((?:\.\d{1,4}-\d{1,4})*)", re.ASCII)
MAX_CURSOR_CHARS = 4_000
#: The longest time that a cache holds a first page before its reader goes on from it.
CACHED_S = 120.0


class Cursor(NamedTuple):
    """Where a walk is.

    It began with `generation`, of the moment `at` (epoch seconds), in the order called `order`. `shown` places were
    answered. Of the order all before `reached` was answered or left out, and of what follows the spans in `ahead` (each
    first and last), where a pin or a boost put them further up.
    """

    generation: int
    at: float
    order: str
    shown: int
    reached: int
    ahead: tuple[tuple[int, int], ...] = ()

    def text(self) -> str:
        """The cursor as text for an address.

        >>> Cursor(57, 1764532145.0, "00c0ffee00c0ffee", 7, 6, ((12, 12), (30, 31))).text()
        '57.1764532145000.00c0ffee00c0ffee.7.6.12-12.30-31'
        """
        numbers = f"{self.generation}.{round(self.at * 1000)}.{self.order}.{self.shown}.{self.reached}"
        return numbers + "".join(f".{first}-{last}" for first, last in self.ahead)


def cursor_from(text: str) -> Cursor:
    """The inverse of `Cursor.text`.

    Raises:
        InvalidCursorError: `text` is no cursor.
    """
    match = CURSOR.fullmatch(text) if len(text) <= MAX_CURSOR_CHARS else None
    if match is None:
        raise InvalidCursorError("cursor: take it from `next` of the answer before, or leave it out")
    generation, at_ms, order, shown, reached, ahead = match.groups()
    spans = (span.split("-") for span in ahead.split(".")[1:])
    return Cursor(
        int(generation),
        int(at_ms) / 1000,
        order,
        int(shown),
        int(reached),
        tuple((int(first), int(last)) for first, last in spans),
    )


def epoch_of(at: float, paging_s: float) -> int:
    """The span of time that the moment `at` (epoch seconds) lies in, half as long as a walk may take (`paging_s`).

    It is part of a first page's ETag. Without it a cache's page would be confirmed for hours, and the cursor in it
    would be one of hours ago.
    """
    return int(at // (paging_s / 2))


def kept_for_s(paging_s: float) -> float:
    """How long an order is kept after it was replaced, so that each of its cursors is good for `paging_s`."""
    return 1.5 * paging_s + CACHED_S if paging_s else 0.0


class PagePart(NamedTuple):
    """A part of an order: its places, and where the walk goes on; `reached` None: at the end."""

    places: Sequence[int]
    reached: int | None
    ahead: tuple[tuple[int, int], ...] = ()


def part_after(cursor: Cursor, left_out: Collection[bool], limit: int) -> PagePart:
    """The next `limit` places of the walk. `left_out` says of each place of the order whether it is left out."""
    taken = {place for first, last in cursor.ahead for place in range(first, min(last + 1, len(left_out)))}
    open_ = [
        place for place, is_out in enumerate(left_out) if place >= cursor.reached and not is_out and place not in taken
    ]
    places = open_[:limit]
    return rest_of(left_out, taken.union(range(min(cursor.reached, len(left_out))), places), places)


def rest_of(left_out: Collection[bool], answered: AbstractSet[int], places: Sequence[int]) -> PagePart:
    """The part that is `places`, where all that was answered up to and with it is `answered`."""
    reached = next((place for place, is_out in enumerate(left_out) if not is_out and place not in answered), None)
    if reached is None:
        return PagePart(places, None)
    return PagePart(places, reached, _spans(sorted(place for place in answered if place > reached)))


def _spans(places: Sequence[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and spans[-1][1] == place - 1:
            spans[-1] = spans[-1][0], place
        else:
            spans.append((place, place))
    return tuple(spans)
