"""Edits: the pins, blocks, boosts and voids of a site, and which of them are in force at a moment.

An edit is a pin (an item at a place of one list), a block (an item in no list of the site), a boost (a factor on an
item's score in one list) or a void (events of an item that weigh nothing, or a share). What has an end is over by
itself when its time comes, wherever it is read. Pins and blocks are laid over a published list when it is read; a boost
is part of the ranking from the next refresh on, and until then moves the item within what is published; a void is part
of the ranking alone (see `scoring.voids`).

Rejected: ranking anew for every edit, as an editor cannot wait for it.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from ranking.errors import InvalidEditError
from ranking.intake.events import MAX_NAME_CHARS

LEAST_FACTOR, MOST_FACTOR = 0.1, 10.0
LAST_POSITION = 1_000
MAX_REASON_CHARS = 500
#: More than a newsroom can keep an eye on; each of them is in every worker's memory.
MAX_EDITS = 10_000
#: Voids of a site. Every ranking goes through all of them.
MAX_VOIDS = 200
#: Kinds, and sources, that one void may name.
MAX_VOID_NAMES = 50

T = TypeVar("T")


class Subject(NamedTuple):
    """The object of an edit. `list` and `section` are empty in a block, `section` in a boost and for the whole site.

    In a void `list` is empty and `section` has its number, as an item may have several.
    """

    kind: str
    list: str
    section: str
    item: str


class Pin(msgspec.Struct, frozen=True):
    """A fixed place of an item in one list (1-based). Times in epoch seconds; `until` None: until it is lifted."""

    position: int
    until: float | None = None
    set_at: float = 0.0


class Block(msgspec.Struct, frozen=True):
    """Keeps an item out of all lists of the site, from `since` on (epoch seconds; UNSET: from when it was made)."""

    reason: str = ""
    until: float | None = None
    set_at: float = 0.0
    since: float | msgspec.UnsetType = msgspec.UNSET


class Boost(msgspec.Struct, frozen=True):
    """A factor on an item's score in one list."""

    factor: float
    until: float | None = None
    set_at: float = 0.0


class Void(msgspec.Struct, frozen=True):
    """Makes the events of an item of `[since, until)` (epoch seconds) weigh `share` of what they would.

    `until` None: those to come too. `kinds` and `sources`: of these alone; empty: of all. It is in force until it is
    lifted.
    """

    since: float = msgspec.field(name="from")
    until: float | None = msgspec.field(name="to", default=None)
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    share: float = 0.0
    set_at: float = 0.0


Edit = Pin | Block | Boost | Void
#: kind of an edit -> its form
FORMS: dict[str, type[Edit]] = {"pin": Pin, "block": Block, "boost": Boost, "void": Void}


class InForce(NamedTuple):
    """The edits that hold at a moment and up to `until` (epoch seconds, exclusive).

    `pins`: (list, section) -> position and item, the latest pin first; `boosts`: list -> item -> factor; `voids`:
    item -> number and void.
    """

    until: float
    blocked: frozenset[str]
    pins: Mapping[tuple[str, str], Sequence[tuple[int, str]]]
    boosts: Mapping[str, Mapping[str, float]]
    voids: Mapping[str, Sequence[tuple[int, Void]]]


class Edits(msgspec.Struct, frozen=True):
    """All edits of a site as of one edition: a number that grows with each edit and take-down."""

    edition: int = 0
    edits: dict[Subject, Edit] = {}

    def in_force(self, now: float) -> InForce:
        """The edits in force at `now` (epoch seconds)."""
        until = math.inf
        blocked: set[str] = set()
        pins: dict[tuple[str, str], list[tuple[float, str, int]]] = {}
        boosts: dict[str, dict[str, float]] = {}
        voids: dict[str, list[tuple[int, Void]]] = {}
        for subject, edit in self.edits.items():
            if is_over(edit, now):
                continue
            if isinstance(edit, Void):
                voids.setdefault(subject.item, []).append((int(subject.section), edit))
                continue
            until = min(until, math.inf if edit.until is None else edit.until)
            if isinstance(edit, Block):
                if edit.since is not msgspec.UNSET and edit.since > now:
                    until = min(until, edit.since)
                else:
                    blocked.add(subject.item)
            elif isinstance(edit, Pin):
                pins.setdefault(subject[1:3], []).append((-edit.set_at, subject.item, edit.position))
            else:
                boosts.setdefault(subject.list, {})[subject.item] = edit.factor
        latest_first = {
            place: [(position, item) for _, item, position in sorted(pinned)] for place, pinned in pins.items()
        }
        numbered = {item: sorted(of_item, key=lambda each: each[0]) for item, of_item in voids.items()}
        return InForce(until, frozenset(blocked), latest_first, boosts, numbered)

    def over(self, now: float) -> Iterator[Subject]:
        """The edits whose time is over at `now` (epoch seconds)."""
        return (subject for subject, edit in self.edits.items() if is_over(edit, now))


def is_over(edit: Edit, now: float) -> bool:
    """Whether an edit's time is over at `now` (epoch seconds)."""
    return not isinstance(edit, Void) and edit.until is not None and edit.until <= now


def check_edit(edit: Edit, now: float) -> None:
    """Return if this edit can be made at `now` (epoch seconds).

    Raises:
        InvalidEditError: the sentence names the field.
    """
    if is_over(edit, now):
        raise InvalidEditError("until: is over already; leave it out for no end")
    if isinstance(edit, Pin) and not 1 <= edit.position <= LAST_POSITION:
        raise InvalidEditError(f"position: expected a whole number from 1 to {LAST_POSITION}, found {edit.position}")
    if isinstance(edit, Boost) and not LEAST_FACTOR <= edit.factor <= MOST_FACTOR:
        raise InvalidEditError(f"factor: expected a number from {LEAST_FACTOR} to {MOST_FACTOR}, found {edit.factor}")
    if isinstance(edit, Block) and len(edit.reason) > MAX_REASON_CHARS:
        raise InvalidEditError(f"reason: must not be over {MAX_REASON_CHARS} characters")
    if isinstance(edit, Void):
        _check_void(edit)


def _check_void(void: Void) -> None:
    if void.until is not None and void.until <= void.since:
        raise InvalidEditError("to: must lie after from; leave it out for no end")
    if not 0.0 <= void.share < 1.0:
        raise InvalidEditError(f"share: expected a number from 0 to less than 1, found {void.share}")
    for field, names in (("kinds", void.kinds), ("sources", void.sources)):
        if len(names) > MAX_VOID_NAMES or not all(0 < len(name) <= MAX_NAME_CHARS for name in names):
            raise InvalidEditError(
                f"{field}: expected up to {MAX_VOID_NAMES} names of 1 to {MAX_NAME_CHARS} characters; none stands for"
                " all"
            )


def with_pins(ranked: Iterable[T], pins: Sequence[tuple[int, T]], limit: int) -> list[T]:
    """The first `limit` places of a list with `pins`, the latest of them first, laid over what is ranked.

    A pin has exactly its place. Of several for one place the latest has it, and the others the next that are free. In a
    list that is too short for a pin's place the pin comes at the end.

    >>> "".join(with_pins("abcdef", [(2, "X"), (5, "Y")], 7))
    'aXbcYde'
    >>> "".join(with_pins("abcdef", [(2, "X"), (2, "Y"), (3, "Z")], 7))
    'aXZYbcd'
    >>> "".join(with_pins("a", [(9, "Y"), (5, "X")], 7))
    'aXY'
    """
    wanted: dict[int, deque[T]] = {}
    for position, pinned in pins:
        wanted.setdefault(position, deque()).append(pinned)
    rest, waiting, page = iter(ranked), deque[T](), list[T]()
    while len(page) < limit:
        here = wanted.pop(len(page) + 1, None)
        if here:
            page.append(here.popleft())
            waiting += here
        elif waiting:
            page.append(waiting.popleft())
        else:
            for item in rest:
                page.append(item)
                break
            else:
                waiting.extend(item for position in sorted(wanted) for item in wanted.pop(position))
                if not waiting:
                    break
    return page


class Placed(Protocol):
    """What a place of a published list says of its item."""

    @property
    def id(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def source(self) -> str: ...


def places_under(
    entries: Sequence[Placed], ranked_with: Mapping[str, float], boosts: Mapping[str, float]
) -> list[tuple[int, float | None]]:
    """Places of a list that was `ranked_with` other boosts, in their order under `boosts`, with their scores."""
    factors = {}
    for place, entry in enumerate(entries):
        factor = boosts.get(entry.id, 1.0) / ranked_with.get(entry.id, 1.0)
        if factor != 1.0:
            factors[place] = factor
    ranked = len(entries) - sum(entry.source == "fill" for entry in entries)
    filled = [(place, entries[place].score) for place in range(ranked, len(entries))]
    return with_boosts([entry.score for entry in entries[:ranked]], factors) + filled


def with_boosts(scores: Sequence[float | None], factors: Mapping[int, float]) -> list[tuple[int, float | None]]:
    """Places of a ranked list in their order, with their scores, once `factors` (place -> factor) are applied.

    Only those move, to where the first lower score is; the others keep their order, which need not be that of the
    scores alone. A place without a score stays.

    >>> with_boosts([9.0, 8.0, 4.0, 3.0], {2: 2.2, 0: 0.5})
    [(2, 8.8), (1, 8.0), (0, 4.5), (3, 3.0)]
    """
    ranked = [(place, score) for place, score in enumerate(scores) if place not in factors or score is None]
    changed = [(place, score * factors[place]) for place, score in enumerate(scores) if place in factors and score]
    for place, score in sorted(changed, key=lambda each: (-each[1], each[0])):
        lower = (at for at, (_, other) in enumerate(ranked) if other is not None and other < score)
        ranked.insert(next(lower, len(ranked)), (place, score))
    return ranked
