"""JoinedNames: which names count as which item, followed as items are described and aliases are made.

A name stands for another item where an alias says so, where it is the address of an item that is described, as an event
that names no item is counted under its address, and where it was one and is no other's now. The counts of all names of
an item are in the item's row of the history, those of the past too, and nothing in the store is rewritten.

Of several items that are described with one address, those that have it as their id are counted with the first of the
others to have been described. Others stay apart: two ids are two items until an alias says that they are not. In a
circle of aliases all names stand for the first by name.

Invariant: what is joined follows from the aliases and descriptions alone, in whichever order they came. Names are
joined as that comes to be known. Where a name is to be parted from an item again, `settle` says so: its counts are in
the item's cells, and the site is read anew.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from ranking.counts.addresses import (
    NO_ADDRESS,
    NOT_DESCRIBED,
    ItemAddresses,
    mark_of_address,
    mark_of_name,
    marks_of_name,
    path_of_name,
)
from ranking.counts.arrays import NO_ROW, Ints, Mask
from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.counts.item_dates import DatesColumns
from ranking.intake.items import ItemDates


class JoinedNames:
    """The names of one site's items. Items are described through it, so that `catalogue` knows of no joined name.

    `joins` False: every name is an item of its own, as where the others of an item are in another process.
    """

    def __init__(self, history: History, catalogue: Catalogue, *, joins: bool = True) -> None:
        self._joins = joins
        self._history = history
        self._catalogue = catalogue
        self._addresses = ItemAddresses()
        self._aliases: Mapping[str, str] = {}
        self._former: Mapping[str, str] = {}
        self._by_mark: dict[int, list[str]] = {}  # names that counts are under, by the addresses they may stand for
        self._circled: set[str] = set()  # names that were found in circles
        self._changed_names: set[str] = set()
        self._changed_marks: set[int] = set()
        self._moved: dict[int, int] = {}

    def set_aliases(self, aliases: Mapping[str, str]) -> None:
        """Set the aliases, name -> item."""
        self._note_changes(self._aliases, aliases)
        self._aliases = aliases

    def set_former(self, former: Mapping[str, str]) -> None:
        """Set the addresses that items have had before, name -> item; an item that has one now wins."""
        self._note_changes(self._former, former)
        self._former = former

    def _note_changes(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        changed = {name for name, _ in before.items() ^ after.items()}
        self._changed_names |= changed
        self._changed_marks.update(map(mark_of_name, changed))  # a path may be that of a name with a host

    def describe(self, item: str, dates: ItemDates | None) -> None:
        """Set what is known of an item; None: the store has it no more."""
        row = self._history.own_row(item)
        row = self._history.item_row(item) if row is None else row
        before = self._addresses.mark(row)
        mark = NOT_DESCRIBED if dates is None else mark_of_address(dates.url) if self._joins else NO_ADDRESS
        if mark != before:
            self._addresses.set(row, mark)
            self._changed_names.add(item)
            self._changed_marks |= {before, mark}
        if dates is None:
            self._describe_no_more(item)
        if self._history.item_of(item) == item:
            self._catalogue.set(item, dates)
        else:
            self._catalogue.set_first_seen(row, np.inf if dates is None else dates.first_seen)

    def describe_many(self, dates: DatesColumns) -> None:
        """Set what is known of many items, none of which is joined yet."""
        address = dates.address if self._joins else np.where(dates.stored, NO_ADDRESS, dates.address)
        self._addresses.set_many(self._catalogue.set_many(dates), address)
        for place in np.flatnonzero(~dates.stored).tolist():
            self._describe_no_more(dates.ids[place])

    def described_all(self) -> None:
        """Note that what `describe_many` was given is whole."""
        self._changed_marks.update(self._addresses.shared())

    def meet(self, names: Sequence[str]) -> Ints:
        """Rows of names that counts are under, (names,) int32, given out on first sight: of their items' where they
        stand for one.
        """
        rows = self._history.known_rows(names)
        places = np.flatnonzero(rows == NO_ROW).tolist()
        if not places:
            return rows
        new = [names[place] for place in places]
        marks = [self._note(name) for name in new]
        flat = np.array([mark for of_name in marks for mark in of_name], dtype=np.uint64)
        by_mark = zip(self._addresses.has(flat).tolist(), self._addresses.only_rows(flat).tolist(), strict=True)
        pairs: dict[str, str] = {}
        for name, of_name in zip(new, marks, strict=True):
            of_items = [row for is_address, row in islice(by_mark, len(of_name)) if is_address]
            is_alias = _named(self._aliases, name) is not None or _named(self._former, name) is not None
            if len(of_items) == 1 and of_items[0] != NO_ROW and not is_alias:
                # As `_path` does, and ten times as fast.
                pairs[name] = self._history.item_of(self._history.items[of_items[0]])
            elif of_items or is_alias:
                self._add_pairs(pairs, name, self._path(name))
        if pairs:
            self._join(pairs)
            return self._history.item_rows(names)
        rows[places] = self._history.item_rows(new)
        return rows

    def row_of_new(self, name: str) -> int:
        """The row of a name that counts are under and that was never seen."""
        return int(self.meet([name])[0])

    def settle(self) -> bool:
        """Join what has come to be one item since the last call. False: a name is to be parted from its item."""
        if not self._changed_names and not self._changed_marks:
            return True
        history, names = self._history, self._changed_names | self._circled
        for mark in self._changed_marks - {NOT_DESCRIBED, NO_ADDRESS}:
            names.update(self._by_mark.get(mark, ()))
            names.update(history.items[row] for row in self._addresses.rows(mark))
        self._changed_names, self._changed_marks = set(), set()
        pairs: dict[str, str] = {}
        for name in names:
            if history.own_row(name) is None:
                continue
            path, item = self._path(name), history.item_of(name)
            if item not in (name, path[-1] if path else None):  # what it is joined to goes into another item, too
                if not path or self._path(item)[-1:] != path[-1:]:
                    return False
                name, path = item, self._path(item)  # noqa: PLW2901 - it takes the name with it
            if not self._add_pairs(pairs, name, path):
                return False
        if pairs:
            self._join(pairs)
        return True

    def moved(self) -> dict[int, int]:
        """Which rows went into which since the last call."""
        moved, self._moved = self._moved, {}
        return moved

    def is_alias(self, name: str) -> bool:
        """Whether a name stands for another item."""
        return self._history.item_of(name) != name

    def in_use(self) -> Mask:
        """The rows of described items, joined or not, and of those that they are joined to, (rows,) bool."""
        in_use = self._addresses.described(len(self._history.items))
        for name, row in self._history.joined_pairs():
            own = self._history.own_row(name)
            in_use[row] |= own is not None and in_use[own]
        return in_use

    def compacted(self, history: History, catalogue: Catalogue, rows: npt.NDArray[np.integer]) -> "JoinedNames":
        """The same beside `history` and `catalogue`, which have these rows alone."""
        other = JoinedNames(history, catalogue, joins=self._joins)
        other._aliases, other._former, other._circled = self._aliases, self._former, self._circled
        other._addresses = self._addresses.compacted(rows)
        for name in history.items[len(rows) :]:  # the rows that joined names have of their own
            before, row = self._history.own_row(name), history.own_row(name)
            if before is not None and row is not None:
                other._addresses.set(row, self._addresses.mark(before))
                catalogue.set_first_seen(row, self._catalogue.first_seen_of(before))
        for mark, names in self._by_mark.items():
            if living := [name for name in names if history.own_row(name) is not None]:
                other._by_mark[mark] = living
        return other

    def _describe_no_more(self, item: str) -> None:
        """Take an item for a name that counts are under, as it may be: it has a row, so `meet` passes it over."""
        self._note(item)
        self._changed_names.add(item)

    def _join(self, pairs: Mapping[str, str]) -> None:
        moved = self._history.join(pairs)
        for row, into in moved.items():
            self._catalogue.join(row, into)
        self._moved |= moved

    def _add_pairs(self, pairs: dict[str, str], name: str, path: Sequence[str]) -> bool:
        """Add a name, and those between it and its item, to what is to be joined. False: one is joined elsewhere."""
        if not path:
            return True
        if self.is_alias(path[-1]):
            return False
        item_row = self._history.own_row(path[-1])
        if item_row is None or self._addresses.mark(item_row) == NOT_DESCRIBED:
            self._note(path[-1])
        for step in (name, *path[:-1]):
            item = self._history.item_of(step)
            if item == path[-1]:
                continue
            if item != step:
                return False
            self._note(step)
            pairs[step] = path[-1]
        return True

    def _path(self, name: str) -> list[str]:
        """The names that a name stands for, the item last; none where it stands for itself."""
        path = [name]
        while (step := self._step(path[-1])) is not None:
            if step in path:
                circle = path[path.index(step) :]
                self._circled.update(circle)
                first = min(circle)
                return [] if first == name else [*(each for each in path[1:] if each != first), first]
            path.append(step)
        return path[1:]

    def _step(self, name: str) -> str | None:
        """The name that an alias, or else the description of an item, makes of a name."""
        if (item := _named(self._aliases, name)) is not None:
            return item if item != name else None
        marks, row = marks_of_name(name), self._history.own_row(name)
        described = NOT_DESCRIBED if row is None else self._addresses.mark(row)
        if described != NOT_DESCRIBED and described not in marks:
            return None  # it is an item of its own
        rows = [row for mark in marks if mark > NO_ADDRESS for row in self._addresses.rows(mark)]
        first = min(rows, key=self._precedence, default=None)
        item = self._history.items[first] if first is not None else _named(self._former, name)
        return None if item == name else item

    def _precedence(self, row: int) -> tuple[bool, float, str]:
        name = self._history.items[row]
        return self._addresses.mark(row) in marks_of_name(name), self._catalogue.first_seen_of(row), name

    def _note(self, name: str) -> tuple[int, ...]:
        marks = marks_of_name(name)
        for mark in marks:
            names = self._by_mark.setdefault(mark, [])
            if name not in names:
                names.append(name)
        return marks


def _named(aliases: Mapping[str, str], name: str) -> str | None:
    """What aliases make of a name, or of its path, as items may be described with a path of the site."""
    item = aliases.get(name)
    if item is None and aliases and (path := path_of_name(name)) is not None:
        item = aliases.get(path)
    return item
