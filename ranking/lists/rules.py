"""Rules: what keeps an item out of a list, as a code per row, so that an explanation can name it."""

from enum import IntEnum, unique
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray, Mask


@unique
class Rule(IntEnum):
    """The reasons that keep an item out; of several, the first in this order holds."""

    LISTED = 0  # nothing does
    TAKEN_DOWN = 1
    BLOCKED = 2  # by an editor
    NOT_KNOWN = 3  # listed = "known": anyone can send an event with an id of their own
    NOT_DESCRIBED = 4  # listed = "described", and latest lists
    NOT_YET_PUBLISHED = 5
    TOO_NEW = 6  # min_age
    TOO_OLD = 7  # max_age
    BELOW_MINIMUM = 8  # min_count, or a burst list's minimum
    NO_SCORE = 9
    BELOW_FLOOR = 10
    BELOW_SECTION_FLOOR = 11
    LISTED_LONG = 12  # max_tenure
    OVER_SECTION_CAP = 13  # max_per_section
    SHOWN_ELSEWHERE = 17  # without
    OTHER_SECTION = 14  # the list of a section
    FILTERED = 16  # allow, deny; stands behind WITHDRAWN
    OTHER_VERSION = 18  # another language version of the article stands higher; stands behind BELOW_SECTION_FLOOR
    WITHDRAWN = 15  # by its own word: hidden, or past its expires_at; stands behind BLOCKED


#: Rules that `fill = "widen"` sets aside: they say how much or how lately an item must be read. The others are meant.
WIDENED = (Rule.TOO_OLD, Rule.BELOW_MINIMUM, Rule.NO_SCORE, Rule.BELOW_FLOOR, Rule.BELOW_SECTION_FLOOR)


def listable(shows: str, stored: Mask, known: Mask) -> Mask:
    """The rows that a list may show for who has named them; `shows` is `ListSettings.shows`, masks as in PoolFacts."""
    match shows:
        case "known":
            return known
        case "described":
            return stored
        case _:
            return np.ones_like(known)


#: What events are compared with where nothing at all is usual.
LEAST_USUAL = 1.0


class Candidates(NamedTuple):
    """Every row under one list's formula at one moment.

    `score`: (rows,) float64. `counted`: (rows,) float64, what `min_count`, `section_floor` and a burst's `minimum` are
    compared with: the sum before its shape, in a burst list events. `rule`: (rows,) int8, codes of `Rule`. `usual`:
    (rows,) float64, the events that would have been usual, where a burst list knows.
    """

    score: FloatArray
    counted: FloatArray
    rule: npt.NDArray[np.int8]
    usual: FloatArray | None = None

    @property
    def times_usual(self) -> FloatArray | None:
        """How many times its usual events each row had, (rows,) float64, to a hundredth; None: unknown."""
        return None if self.usual is None else np.round(self.counted / np.maximum(self.usual, LEAST_USUAL), 2)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The rows that may be listed."""
        return np.flatnonzero(self.rule == Rule.LISTED)


class Ruling:
    """Rules per row under construction. They are applied in their order; a row keeps the first that keeps it out."""

    def __init__(self, size: int) -> None:
        self.codes = np.zeros(size, dtype=np.int8)

    def out(self, rule: Rule, rows: npt.NDArray[np.bool_]) -> None:
        """Keep `rows` (a mask) out by `rule`."""
        self.codes[rows & (self.codes == Rule.LISTED)] = rule
