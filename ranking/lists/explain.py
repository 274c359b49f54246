"""Explain why an item is at its rank, in numbers that add up to its score.

What a score is made of is computed anew for the one item, by the code that ranks and from the same counts, so the score
here is the ranked one to the last bit: `counted` is the sum of the channels' parts in their order, a channel's part its
weight times the sum of its buckets' parts, a bucket's part its events times what one of them counts at its age; and the
score is what `terms` come to, one after the other: shape, bonus, aging, every feature of a forecast, revival, scale and
boost are named there.
Shadow counts (events that were left out) are given by reason; they weigh nothing. Nor do events that an editor has made
void, which are none of a bucket's events here.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import takewhile

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.counts.buckets import ages
from ranking.counts.fields import is_shadow
from ranking.intake.events import channel_kind, channel_position, channel_source
from ranking.lists.explanation import SENTENCES, BucketPart, ChannelPart, Explanation, Neighbour, VoidPart
from ranking.lists.rank_moves import PlacedRow, moves, place_with_pins
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Rule
from ranking.lists.visible_parts import VisibleParts
from ranking.scoring.decay import Alike
from ranking.scoring.describe import described
from ranking.scoring.formula import Formula, Term
from ranking.scoring.sums import Horizon
from ranking.settings.decays import FORECAST
from ranking.settings.lists import ListSettings

NO_LISTS: Mapping[str, ListSettings] = {}
#: Terms that are no part of what a list counts.
AFTER_SHAPE = ("aging", FORECAST, "revival", "scale", "boost")


def explain(
    ranker: Ranker,
    item: str,
    name: str,
    settings: ListSettings,
    section: str,
    left_out: dict[str, int],
    lists: Mapping[str, ListSettings] = NO_LISTS,
) -> Explanation | None:
    """Explain where `item` stands in the list `name` with these settings; None if nothing is known of it.

    `lists`: the site's, of which it may leave out some.

    Raises:
        NotFoundError: no item is in that section.
    """
    row = ranker.row(item)
    if row is None:
        return None
    boosts, visible = ranker.boosts_of(name), VisibleParts(lists, lambda: ranker)
    number = ranker.section_number(section)
    selector = visible.selector(ranker, name, settings).of(number)
    settings, candidates = selector.settings, selector.candidates
    listed = ranker.rank_selected(selector, section).rows.tolist()
    rank = listed.index(row) + 1 if row in listed else None
    score = float(candidates.score[row])
    (rule,) = selector.rules_of([row], number)
    shown_in = [other for other in settings.without if visible.showing(other, number, item, ranker.moment.at)]
    published = float(ranker.published[row])
    age_s = ranker.moment.at - published if math.isfinite(published) else None
    formula = Formula(settings, ranker.zone)
    terms = selector.pool.terms(settings, ranker.moment, row)
    placed = PlacedRow(name, section, selector, listed, row)
    place_shown, pinned = place_with_pins(ranker, placed)
    channels = [] if settings.kind == "latest" else _channels(ranker, row, formula, settings)
    return Explanation(
        item=item,
        list_name=name,
        section=section,
        at=ranker.moment.at,
        rank=rank,
        place=_place(candidates.score, candidates.rows, row) if candidates.rule[row] == Rule.LISTED else None,
        rule=rule.name.lower(),
        why=SENTENCES[rule].format(" and ".join(shown_in))
        if rule is not Rule.LISTED or rank is not None
        else "others score more: see place",
        published=None if age_s is None else published,
        age_s=age_s,
        formula=described(settings),
        counted=float(candidates.counted[row]),
        shaped=amount(takewhile(lambda term: term.name.partition(":")[0] not in AFTER_SHAPE, terms)),
        aging=float(formula.aged(np.array([0.0 if age_s is None else age_s]))[0]),
        boost=1.0 if settings.kind == "latest" else boosts.get(item, 1.0),
        score=None if settings.kind == "latest" else score,
        usual=None if candidates.usual is None else float(candidates.usual[row]),
        times_usual=None if candidates.times_usual is None else float(candidates.times_usual[row]),
        terms=terms,
        shown=place_shown,
        moves=[*moves(ranker, placed), *pinned],
        channels=channels,
        left_out=left_out,
        voided=sum(channel.voided for channel in channels),
        voids=[
            VoidPart(number, void.since, void.until, void.kinds, void.sources, void.share)
            for number, void in ranker.voids_of(item)
        ],
        above=_neighbour(ranker, candidates.score, listed, rank, row, -1),
        below=_neighbour(ranker, candidates.score, listed, rank, row, +1),
    )


def amount(terms: Iterable[Term]) -> float:
    """The score that terms come to, one after the other; see `Term`.

    >>> amount([Term("events", "=", 3.0), Term("aging", "x", 0.5), Term("revival", "+", 2.0), Term("scale", "/", 7.0)])
    0.5
    """
    score = 0.0
    for term in terms:
        match term.operation:
            case "+":
                score += term.value
            case "x":
                score *= term.value
            case "/":
                score /= term.value
            case _:
                score = term.value
    return score


def _channels(ranker: Ranker, row: int, formula: Formula, settings: ListSettings) -> list[ChannelPart]:
    """The item's channels in the order in which they are added up, each with its buckets in theirs."""
    counts, moment = ranker.pool.counts.only(np.array([row], dtype=np.int64)), ranker.moment
    columns = counts.columns
    horizon = formula.horizon(moment.at) if settings.kind == "ranked" else Horizon(Alike())
    channel_weights = formula.channel_weights(counts.channels)
    bucket_weights = horizon.weights(columns, moment)
    decayed = counts.cell_sums(bucket_weights)
    voided = np.zeros(len(columns.counts)) if counts.recorded is None else counts.recorded - columns.counts
    bucket_ages = ages(columns.width_s, columns.start_s, moment.at)
    channel_parts = []
    for cell in columns.cell_order.tolist():
        channel = int(columns.cell_channel[cell])
        if is_shadow(counts.channels[channel]):
            continue
        entries = np.flatnonzero((columns.cell == cell) & (columns.start_s[columns.bucket] < moment.at))
        buckets = [
            BucketPart(
                start_s=float(columns.start_s[bucket]),
                width_s=float(columns.width_s[bucket]),
                age_s=float(bucket_ages[bucket]),
                events=float(columns.counts[entry]),
                weight=float(bucket_weights[bucket]),
                part=float(columns.counts[entry] * bucket_weights[bucket]),
                voided=float(voided[entry]),
            )
            for entry, bucket in zip(entries.tolist(), columns.bucket[entries].tolist(), strict=True)
        ]
        channel_parts.append(
            _channel_part(counts.channels[channel], float(channel_weights[channel]), float(decayed[cell]), buckets)
        )
    return channel_parts


def _channel_part(name: str, weight: float, decayed: float, buckets: list[BucketPart]) -> ChannelPart:
    return ChannelPart(
        channel=name,
        kind=channel_kind(name),
        source=channel_source(name) or None,
        position=channel_position(name),
        weight=weight,
        events=sum(bucket.events for bucket in buckets),
        decayed=decayed,
        part=decayed * weight,
        buckets=buckets,
        voided=sum(bucket.voided for bucket in buckets),
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
