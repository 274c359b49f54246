"""Rank moves: the reasons for which an item is at another rank than its score alone would give it.

Boosts come first, as they are part of the score; then the rules that leave better ones out, the hysteresis at the cut,
and what editors have pinned, which is laid over the list when it is read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ranking.counts.arrays import Rows
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Candidates, Rule
from ranking.lists.selection import Selector
from ranking.published.edits import with_pins

#: For how many better rows the rule that keeps them out is looked up.
MOST_EXPLAINED = 100
NAMES = {
    Rule.OVER_SECTION_CAP: "max_per_section",
    Rule.LISTED_LONG: "max_tenure",
    Rule.BELOW_SECTION_FLOOR: "section_floor",
    Rule.SHOWN_ELSEWHERE: "without",
    Rule.OTHER_VERSION: "group",
}


class Move(NamedTuple):
    """A reason that moved an item, and by how many places: up, or down if less than 0.

    `position`: the place of its pin.
    """

    by: str
    places: int
    why: str
    position: int | None = None


class PlacedRow(NamedTuple):
    """A row that an explanation is of, and the list of one section that it stands in or not.

    `selector` has ranked the list, as rows, best first.
    """

    name: str
    section: str
    selector: Selector
    rows: Sequence[int]
    row: int


def moves(ranker: Ranker, placed: PlacedRow) -> list[Move]:
    """The moves of the row within the list as it is ranked."""
    boost_moves: list[Move] = []
    candidates, settings, among = placed.selector.candidates, placed.selector.settings, ranker.rows_of(placed.section)
    boosts = ranker.boosts_of(placed.name)
    if boosts and settings.kind != "latest":
        plain = ranker.pool.candidates(settings, ranker.moment)
        before, after = (_better(each, among, placed.row) for each in (plain, candidates))
        if places := len(before) - len(after):
            own = ranker.pool.names[placed.row] in boosts
            boost_moves.append(Move("boost", places, f"an editor has boosted {'it' if own else 'others'}"))
    if placed.row not in placed.rows:
        return boost_moves
    better = _better(candidates, among, placed.row).tolist()
    return boost_moves + list(_by_rules(placed, better, ranker.section_number(placed.section)))


def place_with_pins(ranker: Ranker, placed: PlacedRow) -> tuple[int | None, list[Move]]:
    """The place on the first page once pins are laid over it, and how they moved the row; None: it is not there."""
    names, pins = ranker.pool.names, ranker.pins_of(placed.name, placed.section)
    item = names[placed.row]
    pinned = {name for _, name in pins}
    ranked = [names[row] for row in placed.rows]
    page = with_pins((name for name in ranked if name not in pinned), pins, len(ranked) + len(pins))
    place = page.index(item) + 1 if item in page else None
    position = next((position for position, name in pins if name == item), None)
    rank = ranked.index(item) + 1 if item in ranked else None
    places = 0 if rank is None or place is None else rank - place
    if position is not None:
        return place, [Move("pin", places, f"an editor has pinned it at {position}", position)]
    if places:
        return place, [Move("pin", places, "editors have pinned others")]
    return place, []


def _by_rules(placed: PlacedRow, better: Sequence[int], number: int | None) -> Iterator[Move]:
    """The moves of a listed row by rules and hysteresis; `better` are the rows that score more."""
    score = placed.selector.candidates.score
    listed, above = set(placed.rows), set(placed.rows[: placed.rows.index(placed.row)])
    passed = [row for row in better if row not in above]
    out = [row for row in passed if row not in listed]
    reasons = Counter(placed.selector.rules_of(out[:MOST_EXPLAINED], number))
    for rule, many in sorted(reasons.items()):
        if rule in NAMES:
            yield Move(NAMES[rule], many, f"{NAMES[rule]} leaves {many} out that score more")
    stays = len(passed) - len(out)
    weaker = sum(1 for row in above if score[row] < score[placed.row])
    if stays:
        yield Move("hysteresis", stays, f"it was there before {stays} that score more, but not clearly")
    if weaker:
        yield Move("hysteresis", -weaker, f"{weaker} that score less were there before and are not clearly beaten")


def _better(candidates: Candidates, among: Rows, row: int) -> Rows:
    """The rows of `among` that may be listed and score more than `row`."""
    eligible = among[candidates.rule[among] == Rule.LISTED]
    better: Rows = eligible[candidates.score[eligible] > candidates.score[row]]
    return better
