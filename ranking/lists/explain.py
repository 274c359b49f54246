"""Explain: why an item is at its rank, in numbers that add up to its score.

What a score is made of is computed anew for the one item, by the code that ranks and from the same counts, so the score
here is the ranked one to the last bit: `counted` is the sum of the channels' parts in their order, a channel's part its
weight times the sum of its buckets' parts, a bucket's part its events times what one of them counts at its age; and the
score is what `terms` come to, one after the other: shape, bonus, aging, revival, scale and boost are named there.
Shadow counts (events that were left out) are told by reason; they weigh nothing.
"""

import math
from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.counts.buckets import ages
from ranking.intake.events import channel_kind
from ranking.lists.rank_moves import Move, PlacedRow, moves, shown
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Rule
from ranking.scoring.decay import Alike
from ranking.scoring.describe import described
from ranking.scoring.formula import Formula, Term
from ranking.scoring.sums import Horizon
from ranking.settings.lists import ListSettings

#: Terms that are no part of what a list counts.
AFTER_SHAPE = ("aging", "revival", "scale", "boost")
SENTENCES = {
    Rule.LISTED: "it may be listed",
    Rule.TAKEN_DOWN: "it was taken down",
    Rule.BLOCKED: "an editor has blocked it",
    Rule.NOT_DESCRIBED: "nobody has described it (PUT /v1/items), and a latest list shows described items only",
    Rule.NOT_YET_PUBLISHED: "its publication lies in the future",
    Rule.TOO_OLD: "it was published longer ago than max_age",
    Rule.TOO_NEW: "it was published less than min_age ago",
    Rule.BELOW_MINIMUM: "it has fewer events than the list's minimum",
    Rule.NO_SCORE: "nothing of what it has counts in this list",
    Rule.BELOW_FLOOR: "its score is below the list's floor",
    Rule.BELOW_SECTION_FLOOR: "it has fewer events than section_floor asks for in its section",
    Rule.OTHER_SECTION: "it is in another section",
    Rule.LISTED_LONG: "it has been listed for max_tenure",
    Rule.OVER_SECTION_CAP: "max_per_section items of its section stand above it",
}


class BucketPart(NamedTuple):
    """What one bucket adds. `part` = events x share of the bucket that counts x decay, before the channel's weight."""

    start_s: float
    width_s: float
    age_s: float
    events: float
    weight: float
    part: float


class ChannelPart(NamedTuple):
    """What one channel adds: `part` = weight x the sum of its buckets' parts."""

    channel: str
    kind: str
    source: str | None
    position: int | None
    weight: float
    events: float
    decayed: float
    part: float
    buckets: list[BucketPart]


class Neighbour(NamedTuple):
    """Who stands above or below, and by how much."""

    rank: int
    item: str
    score: float
    margin: float


class Explanation(NamedTuple):
    """Why an item is at its rank, or in no list. Times in epoch seconds; `rank` None: it is not listed.

    `rule` names what keeps it out and `why` says it; `place` is the rank that its score alone would give it among all
    that may be listed. `boost` is the factor by which editors have its score multiplied; `left_out` has its shadow
    counts by reason. `terms` come to the score. `moves` are what has put it elsewhere than its score alone would, and
    `shown` is its place once pins are laid over the list.
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
    terms: list[Term]
    shown: int | None
    moves: list[Move]
    channels: list[ChannelPart]
    left_out: dict[str, int]
    above: Neighbour | None
    below: Neighbour | None


def explain(
    ranker: Ranker, item: str, name: str, settings: ListSettings, section: str, left_out: dict[str, int]
) -> Explanation | None:
    """Why `item` is where it is in list `name` with these settings; None if nothing is known of it.

    Raises:
        NotFoundError: no item is in that section.
    """
    row = ranker.row(item)
    if row is None:
        return None
    boosts = ranker.boosts_of(name)
    candidates = ranker.boosted(boosts).candidates(settings, ranker.moment)
    ranking = ranker.rank(settings, section, boosts)
    listed = ranking.rows.tolist()
    rank = listed.index(row) + 1 if row in listed else None
    score = float(candidates.score[row])
    rule = ranker.rule_of(settings, section, row, boosts)
    published = float(ranker.published[row])
    age_s = ranker.moment.at - published if math.isfinite(published) else None
    formula = Formula(settings, ranker.zone)
    terms = ranker.boosted(boosts).terms(settings, ranker.moment, row)
    asked = PlacedRow(name, settings, section, listed, row)
    place_shown, pinned = shown(ranker, asked)
    channels = [] if settings.kind == "latest" else _channels(ranker, row, formula, settings, age_s or 0.0)
    return Explanation(
        item=item,
        list_name=name,
        section=section,
        at=ranker.moment.at,
        rank=rank,
        place=_place(candidates.score, candidates.rows, row) if candidates.rule[row] == Rule.LISTED else None,
        rule=rule.name.lower(),
        why=SENTENCES[rule] if rule is not Rule.LISTED or rank is not None else "others score more: see place",
        published=None if age_s is None else published,
        age_s=age_s,
        formula=described(settings, formula.horizon(ranker.moment.at, age_s or 0.0).decay),
        counted=float(candidates.counted[row]),
        shaped=amount(takewhile(lambda term: term.name not in AFTER_SHAPE, terms)),
        aging=float(formula.aged(np.array([0.0 if age_s is None else age_s]))[0]),
        boost=1.0 if settings.kind == "latest" else boosts.get(item, 1.0),
        score=None if settings.kind == "latest" else score,
        terms=terms,
        shown=place_shown,
        moves=[*moves(ranker, asked, candidates, ranker.rows_of(section)), *pinned],
        channels=channels,
        left_out=left_out,
        above=_neighbour(ranker, candidates.score, listed, rank, row, -1),
        below=_neighbour(ranker, candidates.score, listed, rank, row, +1),
    )


def amount(terms: Iterable[Term]) -> float:
    """What terms come to.

    >>> amount([Term("events", "=", 3.0), Term("aging", "x", 0.5), Term("revival", "+", 2.0), Term("scale", "/", 7.0)])
    0.5
    """
    found = 0.0
    for term in terms:
        match term.operation:
            case "+":
                found += term.value
            case "x":
                found *= term.value
            case "/":
                found /= term.value
            case _:
                found = term.value
    return found


def _channels(ranker: Ranker, row: int, formula: Formula, settings: ListSettings, age_s: float) -> list[ChannelPart]:
    """The item's channels in the order in which they are added up, each with its buckets in theirs."""
    counts, moment = ranker.pool.counts.only(np.array([row], dtype=np.int64)), ranker.moment
    columns = counts.columns
    horizon = formula.horizon(moment.at, age_s) if settings.kind == "ranked" else Horizon(Alike())
    channel_weights = formula.channel_weights(counts.channels)
    bucket_weights = horizon.weights(columns, moment)
    decayed = counts.cell_sums(bucket_weights)
    bucket_ages = ages(columns.width_s, columns.start_s, moment.at)
    found = []
    for cell in columns.cell_order.tolist():
        channel = int(columns.cell_channel[cell])
        entries = np.flatnonzero((columns.cell == cell) & (columns.start_s[columns.bucket] < moment.at))
        buckets = [
            BucketPart(
                start_s=float(columns.start_s[bucket]),
                width_s=float(columns.width_s[bucket]),
                age_s=float(bucket_ages[bucket]),
                events=float(columns.counts[entry]),
                weight=float(bucket_weights[bucket]),
                part=float(columns.counts[entry] * bucket_weights[bucket]),
            )
            for entry, bucket in zip(entries.tolist(), columns.bucket[entries].tolist(), strict=True)
        ]
        found.append(
            _channel_part(counts.channels[channel], float(channel_weights[channel]), float(decayed[cell]), buckets)
        )
    return found


def _channel_part(name: str, weight: float, decayed: float, buckets: list[BucketPart]) -> ChannelPart:
    _, _, origin = name.partition("@")
    source, _, position = origin.partition("#")
    return ChannelPart(
        channel=name,
        kind=channel_kind(name),
        source=source or None,
        position=int(position) if position else None,
        weight=weight,
        events=sum(bucket.events for bucket in buckets),
        decayed=decayed,
        part=decayed * weight,
        buckets=buckets,
    )


def _place(score: FloatArray, rows: Rows, row: int) -> int:
    """The rank that its score gives a row among `rows`; those that tie with it come after it."""
    return 1 + int(np.count_nonzero(score[rows] > score[row]))


def _neighbour(
    ranker: Ranker, score: FloatArray, listed: list[int], rank: int | None, row: int, step: int
) -> Neighbour | None:
    if rank is None or not 1 <= rank + step <= len(listed):
        return None
    other = listed[rank + step - 1]
    return Neighbour(rank + step, ranker.pool.names[other], float(score[other]), float(abs(score[other] - score[row])))
