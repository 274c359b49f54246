"""Catalogue: the facts that ranking needs of every item, in columns beside the history's rows.

Only dates, sections and who has named an item live here, for a million items a few dozen megabytes. Titles and links
are read for the listed items alone.

An item is known once it is described, or named by an event that came with the site's key; that holds as long as such an
event may be kept. Other ids are whatever a stranger has sent.
"""

import copy
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import NO_GROUP, NO_SECTION, FloatArray, Ints, Mask
from ranking.counts.history import History
from ranking.counts.item_dates import DatesColumns
from ranking.counts.labels import Labels
from ranking.counts.numbering import Numbering
from ranking.intake.item_filter import ItemFilter
from ranking.intake.items import ItemDates

FIRST_CAPACITY = 64
#: So many changed rows are asked of a filter together.
MANY_RELABELLED = 500


class Catalogue:
    """Columns with one entry per item row of `history`, which gives out the rows.

    `all_known`: every item is, as in a log that the newsroom has written itself. `filters`: those of lists, which are
    asked of every description; what is sealed of dates does not do for them. `labels`: what descriptions say beside
    dates, for the filters that readers ask for (`choose`); None: nobody does.
    """

    labels: Labels | None = None

    def __init__(self, history: History, *, all_known: bool = True, filters: Iterable[ItemFilter] = ()) -> None:
        self._history = history
        self._filters = {each: np.full(FIRST_CAPACITY, each.takes(None)) for each in filters}
        self._chosen: dict[ItemFilter, Mask] = {}
        self._relabelled: set[int] = set()
        self._all_known = all_known
        self._kept_since = -np.inf
        self._sections = Numbering()
        self.sections = self._sections.names
        self._published = np.full(FIRST_CAPACITY, np.nan)
        self._first_seen = np.full(FIRST_CAPACITY, np.inf)
        self._section = np.full(FIRST_CAPACITY, NO_SECTION, dtype=np.int32)
        self._groups = Numbering()
        self.groups = self._groups.names
        self._group = np.full(FIRST_CAPACITY, NO_GROUP, dtype=np.int32)
        self._stored = np.zeros(FIRST_CAPACITY, dtype=np.bool_)
        self._named_until = np.full(FIRST_CAPACITY, -np.inf)
        self._listed_until = np.full(FIRST_CAPACITY, np.inf)
        self._changed = np.zeros(FIRST_CAPACITY, dtype=np.bool_)

    def set(self, item: str, dates: ItemDates | None) -> None:
        """Set the dates and the section of an item; None: the store has it no more."""
        row = self._history.item_row(item)
        self._reach(row + 1)
        known = dates or ItemDates(first_seen=np.inf)
        self._published[row] = np.nan if known.published_at is None else known.published_at
        self._first_seen[row] = known.first_seen
        self._section[row] = NO_SECTION if known.section is None else self._sections.number(known.section)
        self._group[row] = NO_GROUP if known.group is None else self._groups.number(known.group)
        self._stored[row] = dates is not None
        self._listed_until[row] = known.listed_until
        for of_list, takes in self._filters.items():
            takes[row] = of_list.takes(dates)
        self.label(row, dates)
        self._changed[row] = True

    def label(self, row: int, dates: ItemDates | None) -> None:
        """Set the labels of a row alone; None: its item is not described."""
        if self.labels is not None:
            self.labels.set(row, dates)
            self._relabelled.add(row)

    @property
    def chosen(self) -> Collection[ItemFilter]:
        """The filters that readers ask for."""
        return self._chosen.keys()

    def choose(self, filters: Collection[ItemFilter]) -> None:
        """Know of each of these filters which rows it takes, and no more of those that were chosen before."""
        rows, labels = self._rows(), self.labels
        if labels is None:
            self._chosen, self._relabelled = {}, set()
            return
        chosen = {}
        for of_list in filters:
            mask = self._chosen.get(of_list)
            if mask is None or len(self._relabelled) > MANY_RELABELLED:
                mask = labels.taken(of_list, rows)
            else:
                unlabelled = np.full(rows - len(mask), labels.takes(of_list, rows))
                mask = np.concatenate([mask, unlabelled])
                for row in self._relabelled:
                    mask[row] = labels.takes(of_list, row)
            chosen[of_list] = mask
        self._chosen, self._relabelled = chosen, set()

    def set_many(self, dates: DatesColumns) -> Ints:
        """Set the dates and sections of many items, each named once; their rows, (items,) int32."""
        rows = self._history.item_rows(dates.ids)
        self._reach(len(self._history.items))
        numbers = np.array([*map(self._sections.number, dates.sections), NO_SECTION], dtype=np.int32)
        self._published[rows] = dates.published
        self._first_seen[rows] = dates.first_seen
        self._section[rows] = numbers[dates.section]
        groups = np.array([*map(self._groups.number, dates.groups), NO_GROUP], dtype=np.int32)
        self._group[rows] = groups[dates.group]
        self._stored[rows] = dates.stored
        self._listed_until[rows] = dates.until
        self._changed[rows] = True
        return rows

    def set_named(self, items: Sequence[str], until: float) -> None:
        """Note that events with the site's key have named `items`, the last before `until` (epoch seconds)."""
        if not items:
            return
        rows = self._history.item_rows(items)
        self._reach(len(self._history.items))
        self._named_until[rows] = np.maximum(self._named_until[rows], until)
        self._changed[rows] = True

    def join(self, row: int, into: int) -> None:
        """Forget what lists know of a row whose name stands for the item of another; that one is named as both were."""
        self._reach(len(self._history.items))
        self._named_until[into] = max(self._named_until[into], self._named_until[row])
        self._named_until[row] = -np.inf
        self._published[row], self._section[row], self._stored[row] = np.nan, NO_SECTION, False
        self._listed_until[row], self._group[row] = np.inf, NO_GROUP
        for of_list, takes in self._filters.items():
            takes[row] = of_list.takes(None)
        self.label(row, None)
        self._changed[[row, into]] = True

    def first_seen_of(self, row: int) -> float:
        """When the service first heard of the item of a row, in epoch seconds; inf where it is not described."""
        self._reach(row + 1)
        return float(self._first_seen[row])

    def set_first_seen(self, row: int, moment: float) -> None:
        """Set what `first_seen_of` says of a row that is joined to another."""
        self._reach(row + 1)
        self._first_seen[row] = moment

    def forget_before(self, moment: float) -> None:
        """Forget who was named by events that are kept no more, all before `moment` (epoch seconds)."""
        self._kept_since = moment

    def compacted(self, history: History, rows: npt.NDArray[np.integer]) -> "Catalogue":
        """The same facts of these rows alone, beside the rows of `history`, which has them in this order."""
        other = copy.copy(self)
        other._history = history
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                setattr(other, name, column[rows])
        other._filters = {of_list: takes[rows] for of_list, takes in self._filters.items()}
        other.labels, other._chosen, other._relabelled = None, {}, set()
        return other

    def changed(self) -> npt.NDArray[np.int64]:
        """The rows that were set since the last `mark`, (n,) int64."""
        return np.flatnonzero(self._changed[: self._rows()])

    def mark(self) -> None:
        """Count `changed` from now on."""
        self._changed[:] = False

    def section_number(self, name: str) -> int | None:
        """The number of a section, or None if no item has been in it."""
        return self._sections.known(name)

    @property
    def section(self) -> npt.NDArray[np.int32]:
        """Section number per row, (rows,) int32; NO_SECTION where it has none."""
        rows = self._rows()  # it may replace the array
        return self._section[:rows]

    @property
    def group(self) -> npt.NDArray[np.int32]:
        """Number of each row's group of language versions, (rows,) int32; NO_GROUP where it is in none."""
        rows = self._rows()
        return self._group[:rows]

    @property
    def stored(self) -> npt.NDArray[np.bool_]:
        """Whether the newsroom has described the item of each row, (rows,) bool."""
        rows = self._rows()
        return self._stored[:rows]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Whether the newsroom has described or named the item of each row, (rows,) bool."""
        return self.known_of(slice(0, self._rows()))

    def known_of(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.bool_]:
        """Whether the item of each of some rows is known, as `known`."""
        known: npt.NDArray[np.bool_] = self._stored[rows] | (self._named_until[rows] > self._kept_since)
        return np.ones_like(known) if self._all_known else known

    def withdrawn(self, rows: npt.NDArray[np.integer] | slice, at: float) -> npt.NDArray[np.bool_]:
        """Whether the item of each of some rows is hidden, or its time over, at a moment (epoch seconds)."""
        over: npt.NDArray[np.bool_] = self._listed_until[rows] <= at
        return over

    def taken(self, rows: npt.NDArray[np.integer] | slice) -> dict[ItemFilter, npt.NDArray[np.bool_]]:
        """For each filter whether it takes the item of each of some rows; of those chosen, as of the last `choose`."""
        return {of_list: takes[rows] for of_list, takes in (*self._filters.items(), *self._chosen.items())}

    @property
    def undated(self) -> npt.NDArray[np.bool_]:
        """Whether the publish time of each row is unknown, (rows,) bool."""
        rows = self._rows()
        unknown: npt.NDArray[np.bool_] = np.isnan(self._published[:rows])
        return unknown

    def published(self, first_event: FloatArray) -> FloatArray:
        """Publish time per row, (rows,) float64, epoch seconds; where it is unknown, when the item was first seen.

        `first_event`: (rows,) float64, epoch seconds, the earliest counted event of each row.
        """
        return self.published_of(slice(0, self._rows()), first_event)

    def published_of(self, rows: npt.NDArray[np.integer] | slice, first_event: FloatArray) -> FloatArray:
        """Publish time of some rows, as `published`; `first_event` has one entry for each of them."""
        known = self._published[rows]
        return np.where(np.isnan(known), np.minimum(self._first_seen[rows], first_event), known)

    def undated_of(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Whether the publish time of each of some rows is unknown, (len(rows),) bool."""
        unknown: npt.NDArray[np.bool_] = np.isnan(self._published[rows])
        return unknown

    def _rows(self) -> int:
        rows = len(self._history.items)
        self._reach(rows)
        return rows

    def _reach(self, rows: int) -> None:
        if rows <= len(self._published):
            return
        more = max(rows, 2 * len(self._published)) - len(self._published)
        self._published = np.concatenate([self._published, np.full(more, np.nan)])
        self._first_seen = np.concatenate([self._first_seen, np.full(more, np.inf)])
        self._section = np.concatenate([self._section, np.full(more, NO_SECTION, dtype=np.int32)])
        self._group = np.concatenate([self._group, np.full(more, NO_GROUP, dtype=np.int32)])
        self._stored = np.concatenate([self._stored, np.zeros(more, dtype=np.bool_)])
        self._named_until = np.concatenate([self._named_until, np.full(more, -np.inf)])
        self._listed_until = np.concatenate([self._listed_until, np.full(more, np.inf)])
        for of_list, takes in self._filters.items():
            self._filters[of_list] = np.concatenate([takes, np.full(more, of_list.takes(None))])
        self._changed = np.concatenate([self._changed, np.zeros(more, dtype=np.bool_)])
