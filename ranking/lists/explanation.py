"""Explanation: why an item is at its rank, or in no list, as values."""

from typing import NamedTuple

from ranking.lists.rank_moves import Move
from ranking.lists.rules import Rule
from ranking.scoring.formula import Term

SENTENCES = {
    Rule.LISTED: "it may be listed",
    Rule.TAKEN_DOWN: "it was taken down",
    Rule.BLOCKED: "an editor has blocked it",
    Rule.WITHDRAWN: "it is hidden, or its expires_at is over",
    Rule.FILTERED: "the list does not allow it, or denies it, by what descriptions say of it",
    Rule.NOT_KNOWN: (
        "it is waiting for a description: only public events have named it. Describe it (PUT /v1/items, or a feed), or"
        " send an event on it with the site's write key"
    ),
    Rule.NOT_DESCRIBED: (
        "it is waiting for a description, and the list shows described items only. Describe it (PUT /v1/items, or a"
        " feed)"
    ),
    Rule.NOT_YET_PUBLISHED: "its publication lies in the future",
    Rule.TOO_OLD: "it was published longer ago than max_age",
    Rule.TOO_NEW: "it was published less than min_age ago",
    Rule.BELOW_MINIMUM: "it has fewer events than the list's minimum",
    Rule.NO_SCORE: "nothing of what it has counts in this list",
    Rule.BELOW_FLOOR: "its score is below the list's floor",
    Rule.BELOW_SECTION_FLOOR: "it has fewer events than section_floor asks for in its section",
    Rule.OTHER_VERSION: "another language version of its group is read more, and the group is listed once",
    Rule.OTHER_SECTION: "it is in another section",
    Rule.LISTED_LONG: "it has been listed for max_tenure",
    Rule.SHOWN_ELSEWHERE: "it is shown in {}, and this list leaves out what that shows",
    Rule.OVER_SECTION_CAP: "max_per_section items of its section stand above it",
}


class BucketPart(NamedTuple):
    """The part of one bucket in a score.

    `part` = events x share of the bucket that counts x decay, before the channel's weight. `voided` events are none of
    `events`: they are void.
    """

    start_s: float
    width_s: float
    age_s: float
    events: float
    weight: float
    part: float
    voided: float = 0.0


class ChannelPart(NamedTuple):
    """The part of one channel in a score: `part` = weight x the sum of its buckets' parts."""

    channel: str
    kind: str
    source: str | None
    position: int | None
    weight: float
    events: float
    decayed: float
    part: float
    buckets: list[BucketPart]
    voided: float = 0.0


class VoidPart(NamedTuple):
    """A void of the item: its number, span (epoch seconds; `until` None: no end), of what, and what events weigh."""

    void: int
    since: float
    until: float | None
    kinds: tuple[str, ...]
    sources: tuple[str, ...]
    share: float


class Neighbour(NamedTuple):
    """The row above or below, and the difference of the scores."""

    rank: int
    item: str
    score: float
    margin: float


class Explanation(NamedTuple):
    """Why an item is at its rank, or in no list. Times in epoch seconds; `rank` None: it is not listed.

    `rule` names what keeps it out and `why` says it; `place` is the rank that its score alone would give it among all
    that may be listed. `boost` is the factor by which editors have its score multiplied; `left_out` has its shadow
    counts by reason. `voids` are in force, and `voided` events weigh nothing because of them. `terms` come to the
    score. In a burst list `counted` are the events of now, of which `usual` would have been usual, and `times_usual` is
    how many times that they are; None: the list does not know. `moves` are what has put it elsewhere than its score
    alone would, and `shown` is its place once pins are laid over the list.
    """

    item: str
    list_name: str
    section: str
    at: float
    rank: int | None
    place: int | None
    rule: str
    why: str
    published: float | None
    age_s: float | None
    formula: str
    counted: float
    shaped: float
    aging: float
    boost: float
    score: float | None
    usual: float | None
    times_usual: float | None
    terms: list[Term]
    shown: int | None
    moves: list[Move]
    channels: list[ChannelPart]
    left_out: dict[str, int]
    voided: float
    voids: list[VoidPart]
    above: Neighbour | None
    below: Neighbour | None
