"""The places at which readers have lately seen the items of a site's lists: what proves a click of the public.

Anyone can send a click, and a click weighs more than a view. It is believed where the list that it names has shown the
item at the place that it names, in an order that a reader may still have on the screen: the present one, or one that
was replaced within `KEPT_S`. Every worker knows the orders that it has followed itself; one that has just started knows
the present ones alone.

A reader may have seen an item up to `SHIFT` places further up than it stands here: above it the open article was left
out, or a pin that counts on the first page alone.

What left its place is kept per item and list, not per generation, as most generations have most items where they were.
The most recent `MAX_LEFT` are kept of each list.

Rejected: the orders that the store keeps for paging; a click would cost a round trip, and they are not indexed by item.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

import msgspec

from api.serving.rendered_list import Overlay
from ranking.published.edits import places_under, with_pins
from ranking.published.snapshot import Stamp
from ranking.times import HOUR_S

KEPT_S: Final = 2.0 * HOUR_S
SHIFT: Final = 3
MAX_LEFT: Final = 20_000
"""Places left, per list: 5 MB where all of them are in use."""
PRUNE_EVERY_S: Final = 60.0


class _Row(msgspec.Struct, frozen=True, gc=False):
    """The part of a published entry that its place depends on."""

    id: str
    score: float | None
    source: str


_rows = msgspec.msgpack.Decoder(list[_Row])


def order_shown(body: bytes, ranked_with: Mapping[str, float], overlay: Overlay) -> list[str]:
    """Ids of a published section as readers see them: under the boosts, pins and blocks of `overlay`."""
    rows = _rows.decode(body)
    ids = [row.id for row in rows]
    if overlay.boosts != ranked_with:
        ids = [ids[place] for place, _ in places_under(rows, ranked_with, overlay.boosts)]
    hidden = overlay.hidden
    pins = [(position, entry.id) for position, entry in overlay.pins if entry.id not in hidden]
    if not pins and hidden.isdisjoint(ids):
        return ids
    apart = {item for _, item in pins}
    return with_pins((item for item in ids if item not in hidden and item not in apart), pins, len(ids) + len(pins))


class _ListPlaces:
    """The places of one list. `left`: item -> place -> when a reader may last have been given it (epoch seconds)."""

    __slots__ = ("_left", "_orders", "_places", "_pruned_at", "count")

    def __init__(self) -> None:
        self._orders: Mapping[str, Sequence[str]] = {}
        self._places: dict[str, set[int]] | None = {}
        self._left: dict[str, dict[int, float]] = {}
        self._pruned_at = 0.0
        self.count = 0

    def put(self, orders: Mapping[str, Sequence[str]], now: float) -> None:
        for section, ids in self._orders.items():
            others = orders.get(section, ())
            if ids == others:
                continue
            for place, (item, other) in enumerate(zip_longest(ids, others[: len(ids)]), 1):
                if item != other:
                    left = self._left.setdefault(item, {})
                    self.count += place not in left
                    left[place] = now
        self._orders, self._places = orders, None
        if self.count > MAX_LEFT or not 0 <= now - self._pruned_at < PRUNE_EVERY_S:
            self._prune(now)

    def has(self, item: str, position: int | None, now: float) -> bool:
        if self._places is None:
            self._places = {}
            for ids in self._orders.values():
                for place, each in enumerate(ids, 1):
                    self._places.setdefault(each, set()).add(place)
        return any(_is_at(place, position) for place in self._places.get(item, ())) or any(
            now - at <= KEPT_S and _is_at(place, position) for place, at in self._left.get(item, {}).items()
        )

    def _prune(self, now: float) -> None:
        """Forget what is older than `KEPT_S`, and of more than `MAX_LEFT` the older half."""
        kept = [
            (at, item, place) for item, left in self._left.items() for place, at in left.items() if now - at <= KEPT_S
        ]
        if len(kept) > MAX_LEFT:
            kept = sorted(kept)[-(MAX_LEFT // 2) :]
        self._left = {}
        for at, item, place in kept:
            self._left.setdefault(item, {})[place] = at
        self.count, self._pruned_at = len(kept), now


class _ShownOrder(NamedTuple):
    """The ids of a section as readers see them, and what that follows from."""

    digest: str
    overlay: Overlay
    boosts: Mapping[str, float]
    ids: Sequence[str]


class ShownPlaces:
    """The places of the lists of one site. Times in epoch seconds."""

    def __init__(self) -> None:
        self._lists: dict[str, _ListPlaces] = {}
        self._shown: dict[str, dict[str, _ShownOrder]] = {}

    def note(
        self,
        name: str,
        stamp: Stamp,
        bodies: Mapping[str, bytes],
        overlay_of: Callable[[str], Overlay],
        now: float,
    ) -> None:
        """Note that from `now` on a published list is shown, each section under its overlay."""
        before, noted = self._shown.get(name, {}), dict[str, _ShownOrder]()
        for section, body in bodies.items():  # of thousands, nearly all are as they were
            digest, overlay, order = stamp.digests[section], overlay_of(section), before.get(section)
            if order is None or order.digest != digest or order.overlay is not overlay or order.boosts != stamp.boosts:
                order = _ShownOrder(digest, overlay, stamp.boosts, order_shown(body, stamp.boosts, overlay))
            noted[section] = order
        self._shown[name] = noted
        self.put(name, {section: order.ids for section, order in noted.items()}, now)

    def put(self, name: str, orders: Mapping[str, Sequence[str]], now: float) -> None:
        """Note that from `now` on the list `name` shows its sections in these `orders` (section -> ids)."""
        self._lists.setdefault(name, _ListPlaces()).put(orders, now)

    def has(self, name: str, item: str, position: int | None, now: float) -> bool:
        """Whether a reader may have the item at `position` of the list on the screen; None: anywhere in it."""
        places = self._lists.get(name)
        return places is not None and places.has(item, position, now)


def _is_at(place: int, position: int | None) -> bool:
    return position is None or place - SHIFT <= position <= place
