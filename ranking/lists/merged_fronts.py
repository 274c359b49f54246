"""Merged fronts: the fronts of all parts of a site -> its lists, as one process would rank them.

The rows of the fronts are a pool, which has scores at the moments that the fronts are of. What looks at a whole list is
done here, by the code that ranks a whole site: caps, what other lists show, tenure, fillers, pins.

A cap per section, where items are language versions of each other, may use up more rows of a section than fronts bring:
that is found (`NotProvenError`), and wider fronts are to be asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_GROUP, NO_SECTION, FloatArray, Mask, Rows
from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.counts.item_dates import DatesColumns
from ranking.lists import ordering
from ranking.lists.fronts import Front, ListFront, Lists, has_widened_order, moments_of, reach_of_front
from ranking.lists.incremental import Ranked
from ranking.lists.item_pool import ItemPool, PoolFacts
from ranking.lists.ranker import Ranker
from ranking.lists.rules import Candidates, Rule
from ranking.lists.selection import Selector
from ranking.lists.shortlist import NotProvenError
from ranking.lists.visible_parts import VisibleParts
from ranking.published.edits import Edits
from ranking.scoring.sums import Counts, Moment, counts_of
from ranking.settings.lists import ListSettings
from ranking.settings.without import ranking_order


@dataclass
class _View:
    """See `ranking.lists.ranker.View`; what was taken down, and the dates, are in the fronts."""

    history: History
    catalogue: Catalogue
    edits: Edits
    removed: frozenset[str] = frozenset()


class _FrontRanker(Ranker):
    """A ranker of the rows of fronts. `gone`: pinned items that may not be shown."""

    def __init__(self, view: _View, moment: Moment, zone: tzinfo, pool: "_FrontPool", gone: frozenset[str]) -> None:
        super().__init__(view, moment, zone, pool)
        self._gone = gone

    def _is_gone(self, item: str) -> bool:
        return item in self._gone


class _FrontPool(ItemPool):
    """The rows of all fronts. It knows their scores at the moments that the fronts are of, boosts included."""

    def __init__(self, names: Sequence[str], counts: Counts, facts: PoolFacts, zone: tzinfo, views: FloatArray) -> None:
        super().__init__(names, counts, facts, np.inf, zone)
        self._views = views
        self._found: dict[tuple[int, float], tuple[Candidates, FloatArray]] = {}

    def put(self, settings: ListSettings, at: float, candidates: Candidates, widened: FloatArray) -> None:
        """Set what a list has of every row at a moment (epoch seconds)."""
        self._found[id(settings), at] = candidates, widened

    def boosted(self, factors: FloatArray) -> ItemPool:
        return self

    def views(self, moment: Moment) -> FloatArray:
        return self._views

    def candidates(self, settings: ListSettings, moment: Moment) -> Candidates:
        return self._found[id(settings), moment.at][0]

    def widened(self, settings: ListSettings, moment: Moment) -> FloatArray:
        return self._found[id(settings), moment.at][1]


def merged_fronts(
    fronts: Sequence[Front], lists: Lists, edits: Edits, moment: Moment, zone: tzinfo
) -> dict[str, Ranked]:
    """Every list over all sections and of each, of the fronts of all parts of a site.

    Raises:
        NotProvenError: wider fronts are needed.
    """
    ranker, pool = _ranker(fronts, edits, moment, zone)
    starts = np.cumsum([0, *(len(front.names) for front in fronts)])
    for name, settings in lists.items():
        for number, at in enumerate(moments_of(name, lists, moment.at)):
            parts = [front.lists[name][number] for front in fronts]
            size = len(pool.names)
            pool.put(settings, at, *_candidates(parts, starts, size, settings))
            if settings.max_per_section and (pool.facts.group != NO_GROUP).any():
                _check(pool, settings, Moment(at, moment.known_until), parts, starts, reach_of_front(settings, lists))
    visible = VisibleParts(lists, lambda: ranker)
    return {name: Ranked(ranker, visible.rank_sections(ranker, name, lists[name])) for name in ranking_order(lists)}


def _ranker(fronts: Sequence[Front], edits: Edits, moment: Moment, zone: tzinfo) -> tuple[_FrontRanker, _FrontPool]:
    names = [name for front in fronts for name in front.names]
    if len(set(names)) < len(names):
        raise ValueError("an item is in two fronts")
    published = _column([front.published for front in fronts])
    sections, section = _numbered([front.sections for front in fronts], [front.section for front in fronts])
    groups, group = _numbered([front.groups for front in fronts], [front.group for front in fronts])
    stored: Mask = np.frombuffer(b"".join(front.stored for front in fronts), dtype=np.bool_)
    history, size = History(), len(names)
    catalogue = Catalogue(history)
    forever, unknown = np.full(size, np.inf), np.zeros(size, dtype=np.uint64)
    catalogue.set_many(
        DatesColumns(names, sections, section, published, published, stored, unknown, forever, groups, group)
    )
    no: Mask = np.zeros(size, dtype=np.bool_)
    facts = PoolFacts(published, catalogue.section, stored, no, no, ~no, no, {}, catalogue.group)
    pool = _FrontPool(names, counts_of(history), facts, zone, _column([front.views for front in fronts]))
    gone = frozenset(item for front in fronts for item in front.gone)
    return _FrontRanker(_View(history, catalogue, edits), moment, zone, pool, gone), pool


def _column(parts: Sequence[bytes]) -> FloatArray:
    return np.frombuffer(b"".join(parts))


def _numbered(names: Sequence[Sequence[str]], numbers: Sequence[bytes]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """All names, and the numbers of the parts as indexes of these; below 0 stays -1."""
    every = sorted({name for part in names for name in part})
    place = {name: number for number, name in enumerate(every)}
    found = []
    for part, of_part in zip(names, numbers, strict=True):
        into = np.array([*(place[name] for name in part), -1], dtype=np.int64)
        found.append(into[np.maximum(np.frombuffer(of_part, dtype=np.int32), -1)])
    return every, np.concatenate(found)


def _candidates(
    parts: Sequence[ListFront], starts: npt.NDArray[np.int64], size: int, settings: ListSettings
) -> tuple[Candidates, FloatArray]:
    """What a list has of all rows; one that no front brings for it is out of it."""
    rows = np.concatenate([np.frombuffer(part.rows, np.int32) + at for part, at in zip(parts, starts, strict=False)])
    rule = np.full(size, Rule.TAKEN_DOWN, dtype=np.int8)
    rule[rows] = np.frombuffer(b"".join(part.rule for part in parts), dtype=np.int8)

    def spread(columns: list[bytes]) -> FloatArray:
        found = np.zeros(size)
        found[rows] = _column(columns)
        return found

    usual = spread([part.usual for part in parts]) if any(part.usual for part in parts) else None
    widened = spread([part.widened for part in parts]) if has_widened_order(settings) else np.zeros(size)
    counted = spread([part.counted for part in parts])
    return Candidates(spread([part.score for part in parts]), counted, rule, usual), widened


def _check(
    pool: _FrontPool,
    settings: ListSettings,
    moment: Moment,
    parts: Sequence[ListFront],
    starts: npt.NDArray[np.int64],
    enough: int,
) -> None:
    """Return if so many rows of each section are left once of each group one is, among those that are sure.

    Raises:
        NotProvenError: rows that no front brings may be among them.
    """
    selector, facts = Selector(pool, settings, moment), pool.facts
    for number, (rows, score) in enumerate(selector.orders()):
        found = [np.frombuffer(part.lasts[number], np.int32) + at for part, at in zip(parts, starts, strict=False)]
        lasts: Rows = np.concatenate(found).astype(np.int64)
        left = ordering.one_of_each(rows, facts.group, score=score, published=facts.published, names=pool.names)
        for section, of_section in ordering.by_section(lasts, facts.section - NO_SECTION).items():
            own = rows[facts.section[rows] - NO_SECTION == section]
            order = ordering.best(own, score=score, published=facts.published, names=pool.names, limit=max(1, len(own)))
            sure = order[: int(np.flatnonzero(np.isin(order, of_section))[0]) + 1]
            if np.isin(sure, left).sum() < enough:
                raise NotProvenError
