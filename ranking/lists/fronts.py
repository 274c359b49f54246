"""Fronts: what a process that holds a part of a site's items says of it, so that the whole site's lists can be made.

A front has, for each list and each moment that it looks at, the part's first rows in every order that the list takes
rows from, of each section as many as the list can use up, with their exact scores; no row of the part that is left out
stands before the last of them. The first rows of the whole are among the first rows of its parts, so a list that is
made of all fronts (see `merged_fronts`) is the list of the whole.

Invariant: the same to the last bit. Which rows are in which part has no say in it.

Two things of the whole site are known before: when its counts begin, and for a list that compares sections what each
usually has. Both are exact whatever the parts are: the least of moments, and sums of whole numbers.

Rejected: fronts of counts, from which the leader would score: what was read in the last hours is most of them, at every
refresh. Fronts by section without a bound on their rows: nobody could say how large one is.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_GROUP, NO_SECTION, FloatArray, Ints, Rows
from ranking.intake.reader_filter import MARK
from ranking.lists import ordering
from ranking.lists.item_pool import PoolFacts
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Candidates
from ranking.lists.selection import Selector, tenure_looks
from ranking.lists.shortlist import depth_of
from ranking.scoring.bursts import SectionLevels, compares_sections
from ranking.scoring.sums import Moment
from ranking.settings.lists import ListSettings

Lists = Mapping[str, ListSettings]
#: Section (None: none) -> the sum of its items' levels and how many they are; see `SectionLevels`.
Levels = dict[str | None, tuple[float, float]]
#: Of each list that compares sections, at each of its moments in their order.
ListLevels = dict[str, list[Levels]]


class ListFront(msgspec.Struct, array_like=True):
    """One list at one moment: rows of the front, int32, with what `Candidates` has of each; float64, rules int8.

    `widened`: the order of what fills it up, empty where it has none. `lasts`: for each order, int32, the last row of
    each section of which there are more.
    """

    rows: bytes
    score: bytes
    counted: bytes
    rule: bytes
    usual: bytes
    widened: bytes
    lasts: list[bytes]


class Front(msgspec.Struct, array_like=True):
    """The front of a part of a site.

    `names`: ids of its rows; `published`, `views`: float64; `section`, `group`: int32, indexes of `sections` and
    `groups`, below 0 for none; `stored`: bool. `gone`: pinned items that may not be shown. `lists`: by name, one for
    each of the list's `moments_of`.
    """

    names: list[str]
    published: bytes
    views: bytes
    section: bytes
    group: bytes
    stored: bytes
    sections: list[str]
    groups: list[str]
    gone: list[str]
    lists: dict[str, list[ListFront]]


class WholeSite(NamedTuple):
    """What a part has to know of the whole site: when its counts begin (epoch seconds), and what sections have."""

    start: float
    levels: ListLevels


def moments_of(name: str, lists: Lists, at: float) -> list[float]:
    """The moments at which the list `name` is looked at where all are ranked for `at`, latest first. Epoch seconds."""
    settings = lists[name]
    bases = {at}
    if settings.kind != "latest":
        bases.add(at - settings.movement_s)
    for other, each in lists.items():
        if name in each.without:
            bases.update(_bases(other, lists, at))
    return sorted(bases | {look for base in bases for look in tenure_looks(settings, base)}, reverse=True)


def _bases(name: str, lists: Lists, at: float) -> set[float]:
    """The moments at which what other lists show is left out of the list `name`."""
    settings = lists[name]
    bases = {at} if settings.kind == "latest" else {at, at - settings.movement_s}
    return bases.union(*(_bases(other, lists, at) for other, each in lists.items() if name in each.without))


def reach_of_front(settings: ListSettings, lists: Lists) -> int:
    """How many rows of each section a list can use up: its depth, what others show, and what was listed long."""
    long = 0 if math.isinf(settings.max_tenure_s) else settings.size
    return depth_of(settings) + sum(lists[other].size for other in settings.without) + long


def levels_of(ranker: Ranker, name: str, settings: ListSettings, lists: Lists, start: float) -> list[Levels]:
    """The levels of a part's sections in a list that compares sections, at each of its moments; `start` of the site."""
    pool, moment = ranker.pool.within(start, None), ranker.moment
    sections, found = [None, *ranker.sections], []
    for at in moments_of(name, lists, moment.at):
        levels = pool.levels(settings, Moment(at, moment.known_until))
        pairs = zip(levels.levels.tolist(), levels.items.tolist(), strict=True)
        found.append({section: pair for section, pair in zip(sections, pairs, strict=False) if pair[1]})
    return found


def merged_levels(parts: Sequence[Sequence[Levels]]) -> list[Levels]:
    """The levels of the whole of which these are the parts, at each moment."""
    merged: list[Levels] = []
    for of_parts in zip(*parts, strict=True):
        found: Levels = {}
        for levels in of_parts:
            for section, (level, items) in levels.items():
                before = found.get(section, (0.0, 0.0))
                found[section] = before[0] + level, before[1] + items
        merged.append(found)
    return merged


def _numbered(levels: Levels, ranker: Ranker) -> SectionLevels:
    found = [levels.get(section, (0.0, 0.0)) for section in [None, *ranker.sections]]
    of_site = sum(level for level, _ in levels.values()), sum(items for _, items in levels.values())
    by_section = np.array(found)
    return SectionLevels(by_section[:, 0], by_section[:, 1], of_site)


class _Part(NamedTuple):
    """A list of a part at one moment, in rows of its ranker."""

    rows: Rows
    candidates: Candidates
    widened: FloatArray | None
    lasts: list[Rows]


class PartOfList(NamedTuple):
    """A list of a part at all its moments, in rows of `ranker`."""

    ranker: Ranker
    at_moments: list[_Part]


def part_of_list(
    ranker: Ranker, name: str, settings: ListSettings, lists: Lists, whole: WholeSite, wider: float = 1.0
) -> PartOfList:
    """The first rows of a list, `wider` times as many of each section as it can use up.

    Raises:
        NotProvenError: by a ranker of some rows, where others may stand before them.
    """
    pool, moment = ranker.boosted(ranker.boosts_of(name.partition(MARK)[0])), ranker.moment
    limit = int(reach_of_front(settings, lists) * wider)
    by_section = settings.sections or bool(settings.max_per_section)
    found = []
    for number, at in enumerate(moments_of(name, lists, moment.at)):
        levels = _numbered(whole.levels[name][number], ranker) if compares_sections(settings) else None
        then = Moment(at, moment.known_until)
        selector = Selector(pool.within(whole.start, levels), settings, then)
        orders = selector.orders()
        parts = [_firsts(*order, pool.facts, pool.names, limit, by_section=by_section) for order in orders]
        rows = np.unique(np.concatenate([rows for rows, _ in parts]))
        widened = pool.widened(settings, then) if has_widened_order(settings) else None
        found.append(_Part(rows, selector.candidates, widened, [lasts for _, lasts in parts]))
        if math.isfinite(settings.max_tenure_s):  # looks are many, and no other list's
            pool.forget(then)
    return PartOfList(ranker, found)


def has_widened_order(settings: ListSettings) -> bool:
    """Whether a list is filled up by another order than that of its scores."""
    return settings.widens and not settings.scored_by_any_event


def _firsts(
    rows: Rows, score: FloatArray, facts: PoolFacts, names: Sequence[str], limit: int, *, by_section: bool
) -> tuple[Rows, Rows]:
    """The first rows of each section, one of each group; and the last of each section of which there are more."""
    number = (facts.section - NO_SECTION) if by_section else np.zeros_like(facts.section)
    group = number.astype(np.int64) * (int(facts.group.max(initial=0)) + 1) + facts.group
    group[facts.group < 0] = NO_GROUP
    rows = ordering.one_of_each(rows, group, score=score, published=facts.published, names=names)
    nothing: Rows = np.zeros(0, dtype=np.int64)
    firsts, lasts = [nothing], [nothing]
    for some in ordering.by_section(rows, number).values():
        best = ordering.best(some, score=score, published=facts.published, names=names, limit=limit)
        firsts.append(best)
        if len(some) > limit:
            lasts.append(best[-1:])
    return np.concatenate(firsts), np.concatenate(lasts)


def front_of(parts: Mapping[str, PartOfList]) -> Front:
    """The front of a part, of its lists. There is one list at least."""
    rankers = {id(part.ranker): part.ranker for part in parts.values()}
    shown: dict[int, list[Rows]] = {number: [] for number in rankers}
    for part in parts.values():
        shown[id(part.ranker)] += [each.rows for each in part.at_moments]
    names: dict[str, int] = {}
    places: dict[int, Ints] = {}
    chosen: list[tuple[Ranker, Rows]] = []
    for number, ranker in rankers.items():  # of two rankers of one site the second has some of the first's rows, too
        rows = np.unique(np.concatenate(shown[number]))
        of_rows = [ranker.pool.names[row] for row in rows.tolist()]
        new = np.array([name not in names for name in of_rows], dtype=np.bool_)
        places[number] = np.full(len(ranker.pool.names), -1, dtype=np.int32)
        places[number][rows] = [names.setdefault(name, len(names)) for name in of_rows]
        chosen.append((ranker, rows[new]))
    ranker = next(iter(rankers.values()))
    return Front(
        list(names),
        _joined(each.published[rows] for each, rows in chosen),
        _joined(each.views[rows] for each, rows in chosen),
        _joined(each.pool.facts.section[rows] for each, rows in chosen),
        _joined(each.pool.facts.group[rows] for each, rows in chosen),
        _joined(each.pool.facts.stored[rows] for each, rows in chosen),
        list(ranker.sections),
        list(ranker.groups),
        sorted(ranker.gone_pins()),
        {
            name: [_encoded(each, places[id(part.ranker)]) for each in part.at_moments]
            for name, part in parts.items()
        },
    )  # fmt: skip


def _joined(columns: Iterable[npt.NDArray[np.generic]]) -> bytes:
    return b"".join(column.tobytes() for column in columns)


def _encoded(part: _Part, place: Ints) -> ListFront:
    rows, candidates = part.rows, part.candidates
    return ListFront(
        place[rows].tobytes(),
        candidates.score[rows].tobytes(),
        candidates.counted[rows].tobytes(),
        candidates.rule[rows].tobytes(),
        b"" if candidates.usual is None else candidates.usual[rows].tobytes(),
        b"" if part.widened is None else part.widened[rows].tobytes(),
        [place[lasts].tobytes() for lasts in part.lasts],
    )
