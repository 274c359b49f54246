"""Incremental ranking of a site's lists, at the cost of what is read and not of what was ever counted.

Between refreshes it keeps each list's shortlist (see `shortlist`), drawn from what had been counted some hours before,
with the counts of their rows. They are drawn anew once the history has closed more hours, after the lists of that
moment are published.

Invariant: all of it is derived. Without it, at the first refresh and where it proves nothing, all rows are ranked, and
the lists are the same.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np

from ranking.counts.arrays import FloatArray, Rows
from ranking.counts.catalogue import Catalogue
from ranking.counts.columns import FrozenHistory
from ranking.counts.history import History
from ranking.counts.row_subset import ByRow, RowSubset
from ranking.lists.fronts import (
    Front,
    Levels,
    ListLevels,
    Lists,
    PartOfList,
    WholeSite,
    front_of,
    levels_of,
    part_of_list,
)
from ranking.lists.item_pool import PoolFacts
from ranking.lists.item_voids import without_void_events
from ranking.lists.ranker import Ranker, Ranking, View, mask_of
from ranking.lists.shortlist import (
    NotProvenError,
    Reach,
    Shortlist,
    ShortlistPool,
    Whole,
    fits,
    reach_of,
    shortlist_of,
)
from ranking.lists.visible_parts import VisibleParts
from ranking.scoring.bursts import compares_sections
from ranking.scoring.sums import Counts, Moment
from ranking.settings.lists import ListSettings
from ranking.settings.without import ranking_order

T = TypeVar("T")
#: How many times wider a shortlist is drawn after one that proved nothing, and when to give up.
WIDER, WIDEST = 4.0, 64.0
#: A subset that has grown to this many rows, and times as many as it began with, is drawn anew.
MANY_ROWS, GROWN = 50_000, 4


class Ranked(NamedTuple):
    """One list: rankings by section, of rows of this ranker."""

    ranker: Ranker
    sections: Mapping[str, Ranking]


def listed_names(rankings: Sequence[Ranked]) -> set[str]:
    """The ids of all that is listed."""
    rows: dict[int, list[Rows]] = {}  # by the ranker that they are of
    rankers = {id(each.ranker): each.ranker for each in rankings}
    for each in rankings:
        rows.setdefault(id(each.ranker), []).extend(ranking.rows for ranking in each.sections.values())
    return {
        rankers[number].pool.names[row]
        for number, parts in rows.items()
        for row in np.unique(np.concatenate(parts)).tolist()
    }


class IncrementalRanker:
    """Ranks the lists of one site. Nobody else may take snapshots of its history or mark its catalogue."""

    def __init__(self) -> None:
        self._base: _Base | None = None
        self._wider: dict[str, float] = {}

    def ranked(self, view: View, moment: Moment, zone: tzinfo, lists: Lists) -> dict[str, Ranked]:
        """Every list over all sections and of each."""
        whole = cache(lambda: Ranker(view, moment, zone))
        visible = VisibleParts(lists, whole)

        def ranked_list(ranker: Ranker, name: str, settings: ListSettings) -> Ranked:
            return Ranked(ranker, visible.rank_sections(ranker, name, settings))

        return self._of_few(view, moment, zone, lists, ranked_list, whole)

    def levels(self, view: View, moment: Moment, zone: tzinfo, lists: Lists, start: float) -> ListLevels:
        """What the sections of this part of a site usually have, for the lists that compare sections."""

        def levels_of_list(ranker: Ranker, name: str, settings: ListSettings) -> list[Levels]:
            return levels_of(ranker, name, settings, lists, start) if compares_sections(settings) else []

        whole = cache(lambda: Ranker(view, moment, zone))
        return self._of_few(view, moment, zone, lists, levels_of_list, whole)

    def front(
        self, view: View, moment: Moment, zone: tzinfo, lists: Lists, site: WholeSite, wider: float = 1.0
    ) -> Front:
        """The front of this part of a site; see `fronts`."""
        whole = cache(lambda: Ranker(view, moment, zone))

        def part(ranker: Ranker, name: str, settings: ListSettings) -> PartOfList:
            return part_of_list(ranker, name, settings, lists, site, wider)

        if wider > 1.0:  # a shortlist is proven as far as usual
            return front_of({name: part(whole(), name, lists[name]) for name in lists})
        return front_of(self._of_few(view, moment, zone, lists, part, whole))

    def _of_few(
        self,
        view: View,
        moment: Moment,
        zone: tzinfo,
        lists: Lists,
        make: Callable[[Ranker, str, ListSettings], T],
        whole: Callable[[], Ranker],
    ) -> dict[str, T]:
        """What `make` makes of each list by a ranker: of its shortlist where that is proven, else of all rows."""
        self._wider = {name: wider for name, wider in self._wider.items() if name in lists}
        base = self._base if self._base is not None and self._base.is_of(view, zone) else None
        few = None if base is None else base.ranker(view, moment)
        found = {}
        for name in ranking_order(lists):
            settings = lists[name]
            shortlist = None if base is None else base.shortlist(name, settings, reach_of(name, lists))
            if base is not None and few is not None and shortlist is not None:
                try:
                    found[name] = make(few, name, shortlist.settings)
                    continue
                except NotProvenError:
                    base.drop(settings)
                    self._wider[name] = self._wider.get(name, 1.0) * WIDER
            found[name] = make(whole(), name, settings)
        return found

    def prepare(self, view: View, zone: tzinfo, lists: Lists) -> None:
        """Draw the shortlists that the next refresh can use and that are not drawn yet."""
        counted = math.isfinite(view.history.closed_until)  # a calendar has no day at the beginning of time
        wanted = {
            name: settings
            for name, settings in lists.items()
            if fits(settings) and self._wider.get(name, 1.0) <= WIDEST and (counted or not settings.by_calendar)
        }
        if self._base is None or not self._base.is_of(view, zone) or self._base.is_worn():
            self._base = None  # before the next one takes as much memory
            self._base = _Base(view.history, view.catalogue, zone) if wanted else None
        if self._base is not None:
            self._base.draw(wanted, lists, self._wider)


class _Base:
    """The counts of some hours ago, the shortlists drawn from them, and the counts of their rows as they are now."""

    def __init__(self, history: History, catalogue: Catalogue, zone: tzinfo) -> None:
        self._history = history
        self._catalogue = catalogue
        self._zone = zone
        self._snapshot: FrozenHistory = history.snapshot()
        catalogue.mark()
        self._subset = RowSubset(history, self._snapshot, ByRow(self._snapshot.columns, len(history.items)))
        self._first_rows = 0
        self._shortlists: dict[str, Shortlist] = {}
        self._levels: dict[str, list[Shortlist]] = {}  # of sections that are ranked under half-lives of their own

    def is_of(self, view: View, zone: tzinfo) -> bool:
        """Whether it was made of this view."""
        return self._history is view.history and self._catalogue is view.catalogue and self._zone == zone

    def is_worn(self) -> bool:
        """Whether another would be cheaper to use."""
        grown = len(self._subset) > max(MANY_ROWS, GROWN * self._first_rows)
        return grown or self._history.closed_until != self._snapshot.until

    def shortlist(self, name: str, settings: ListSettings, reach: Reach) -> Shortlist | None:
        """The shortlist of a list under these settings that reaches so far, if there is one."""
        found = self._shortlists.get(name)
        return found if found is not None and found.settings == settings and found.reach == reach else None

    def drop(self, settings: ListSettings) -> None:
        """Forget a shortlist that proves nothing."""
        gone = {name for name, shortlist in self._shortlists.items() if shortlist.settings == settings}
        self._shortlists = {name: shortlist for name, shortlist in self._shortlists.items() if name not in gone}
        self._levels = {name: levels for name, levels in self._levels.items() if name not in gone}

    def draw(self, lists: Lists, every: Lists, wider: Mapping[str, float]) -> None:
        """Draw the shortlists of these lists, of `every` list of the site, that are not drawn yet."""
        reaches = {name: reach_of(name, every) for name in lists}
        same = {name: found for name in lists if (found := self.shortlist(name, lists[name], reaches[name]))}
        new = {name: each for name, each in lists.items() if name not in same}
        self._levels = {name: levels for name, levels in self._levels.items() if name in same}
        if not new:
            self._shortlists = same
            return
        history, catalogue = self._history, self._catalogue
        whole = Whole(
            Counts(self._snapshot.columns, history.channels, len(history.items)),
            catalogue.published(history.first_event()),
            catalogue.section,
            catalogue.stored,
            catalogue.known,
            self._snapshot.until,
            self._zone,
            catalogue.taken(slice(0, len(history.items))),
        )
        self._shortlists = same | {
            name: shortlist_of(each, whole, reaches[name], wider.get(name, 1.0)) for name, each in new.items()
        }
        for name, each in new.items():
            self._levels[name] = [
                shortlist_of(level, whole, reaches[name], wider.get(name, 1.0), self._numbers_at(each, half_life_s))
                for half_life_s, level in each.levels.items()
            ]
            for shortlist in (self._shortlists[name], *self._levels[name]):
                self._subset.add(shortlist.rows)
        self._first_rows = len(self._subset)

    def _numbers_at(self, settings: ListSettings, half_life_s: float) -> list[int]:
        """The numbers of the sections whose lists have a half-life of their own."""
        names = (name for name, each in settings.section_half_lives.items() if each == half_life_s)
        return [number for name in names if (number := self._catalogue.section_number(name)) is not None]

    def ranker(self, view: View, moment: Moment) -> Ranker:
        """A ranker of the rows that may be in these lists at a moment."""
        history, subset = self._history, self._subset
        in_force = view.edits.in_force(moment.at)
        subset.follow()
        subset.add(self._catalogue.changed())
        boosted = (history.known_row(item) for boosts in in_force.boosts.values() for item in boosts)
        subset.add(np.array([row for row in boosted if row is not None], dtype=np.int64))
        counts = Counts(subset.columns(), history.channels, len(subset), in_order=False)
        rows = subset.rows
        facts = PoolFacts(
            self._catalogue.published_of(rows, self._first_event(counts, rows)),
            self._catalogue.section[rows],
            self._catalogue.stored[rows],
            mask_of(view.removed, self._known_row, len(rows)),
            mask_of(in_force.blocked, self._known_row, len(rows)),
            self._catalogue.known_of(rows),
            self._catalogue.withdrawn(rows, moment.at),
            self._catalogue.taken(rows),
            self._catalogue.group[rows],
        )
        # The bounds on other rows are of all that was counted: a void takes from it, and gives nothing that it has not.
        counts = without_void_events(counts, in_force.voids, self._known_row)
        pool = ShortlistPool(subset.names, counts, facts, history.start(), self._zone)
        every = chain(self._shortlists.values(), *self._levels.values())
        pool.shortlists = {id(each.settings): each for each in every}
        return Ranker(view, moment, self._zone, pool, self._known_row)

    def _known_row(self, item: str) -> int | None:
        row = self._history.known_row(item)
        return None if row is None else self._subset.place(row)

    def _first_event(self, counts: Counts, rows: Rows) -> FloatArray:
        """Start of the earliest bucket of each row without a publish time, (rows,) float64, epoch seconds; else inf."""
        first = np.full(len(rows), np.inf)
        columns = counts.columns
        undated = self._catalogue.undated_of(rows)
        if undated.any():
            item = columns.cell_item[columns.cell]
            wanted = undated[item]
            np.minimum.at(first, item[wanted], columns.start_s[columns.bucket[wanted]])
        return first
