"""Moves: what has put an item at another rank than its score alone would.

Boosts come first, as they are part of the score; then the rules that leave better ones out, the hysteresis at the cut,
and what editors have pinned, which is laid over the list when it is read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import Rows
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Candidates, Rule
from ranking.published.edits import composed
from ranking.settings.lists import ListSettings

#: How many better ones are asked why they are not listed.
MOST_ASKED = 100
NAMES = {
    Rule.OVER_SECTION_CAP: "max_per_section",
    Rule.LISTED_LONG: "max_tenure",
    Rule.BELOW_SECTION_FLOOR: "section_floor",
}


class Move(NamedTuple):
    """What moved an item, and by how many places: up, or down if less than 0. `position`: the place of its pin."""

    by: str
    places: int
    why: str
    position: int | None = None


class PlacedRow(NamedTuple):
    """A list of one section as it is ranked, and the row that is asked about."""

    name: str
    settings: ListSettings
    section: str
    rows: Sequence[int]
    row: int


def moves(ranker: Ranker, listed: PlacedRow, candidates: Candidates, among: Rows) -> list[Move]:
    """What moved the row within the list. `candidates` are those of the list, `among` the eligible of its section."""
    found: list[Move] = []
    boosts = ranker.boosts_of(listed.name)
    if boosts and listed.settings.kind != "latest":
        plain = ranker.pool.candidates(listed.settings, ranker.moment)
        before, after = (_better(each, among, listed.row) for each in (plain, candidates))
        if places := len(before) - len(after):
            own = ranker.pool.names[listed.row] in boosts
            found.append(Move("boost", places, f"an editor has boosted {'it' if own else 'others'}"))
    if listed.row not in listed.rows:
        return found
    return found + list(_by_rules(ranker, listed, candidates, among))


def shown(ranker: Ranker, listed: PlacedRow) -> tuple[int | None, list[Move]]:
    """The place on the first page with what editors have pinned there, and how they moved it; None: it is not there."""
    names, facts = ranker.pool.names, ranker.pool.facts
    gone = {names[row] for row in np.flatnonzero(facts.blocked | facts.taken_down).tolist()}
    pins = [pin for pin in ranker.pins_of(listed.name, listed.section) if pin[1] not in gone]
    item = names[listed.row]
    pinned = {name for _, name in pins}
    ranked = [names[row] for row in listed.rows]
    page = composed((name for name in ranked if name not in pinned), pins, len(ranked) + len(pins))
    place = page.index(item) + 1 if item in page else None
    position = next((position for position, name in pins if name == item), None)
    rank = ranked.index(item) + 1 if item in ranked else None
    places = 0 if rank is None or place is None else rank - place
    if position is not None:
        return place, [Move("pin", places, f"an editor has pinned it at {position}", position)]
    if places:
        return place, [Move("pin", places, "editors have pinned others")]
    return place, []


def _by_rules(ranker: Ranker, listed: PlacedRow, candidates: Candidates, among: Rows) -> Iterator[Move]:
    above = set(listed.rows[: listed.rows.index(listed.row)])
    better = _better(candidates, among, listed.row)
    passed = [row for row in better.tolist() if row not in above]
    out = [row for row in passed if row not in set(listed.rows)]
    boosts = ranker.boosts_of(listed.name)
    reasons = Counter(ranker.rule_of(listed.settings, listed.section, row, boosts) for row in out[:MOST_ASKED])
    for rule, many in sorted(reasons.items()):
        if rule in NAMES:
            yield Move(NAMES[rule], many, f"{NAMES[rule]} leaves {many} out that score more")
    own = candidates.score[listed.row]
    stays = len(passed) - len(out)
    weaker = sum(1 for row in above if candidates.score[row] < own)
    if stays:
        yield Move("hysteresis", stays, f"it was there before {stays} that score more, but not clearly")
    if weaker:
        yield Move("hysteresis", -weaker, f"{weaker} that score less were there before and are not clearly beaten")


def _better(candidates: Candidates, among: Rows, row: int) -> Rows:
    """Which of some rows score more than one."""
    eligible = among[candidates.rule[among] == Rule.LISTED]
    better: Rows = eligible[candidates.score[eligible] > candidates.score[row]]
    return better
