"""Labels: what descriptions say of the items of a site, by row, so that a new filter need not read them all again.

A label is a section, a tag, an author, a type, a language or "paid for". An item has about six, as numbers in one
array: 50,000 tags cost their names, and a million items some 90 MB, in a process whose readers filter; in others
nothing.
"""

from collections.abc import Iterable

import numpy as np

from ranking.counts.arrays import Ints, Mask
from ranking.counts.numbering import Numbering
from ranking.intake.item_filter import ItemFilter, Names
from ranking.intake.items import ItemDates
from ranking.intake.text import folded

NONE = -1
FIRST_CAPACITY = 256
PREMIUM = "premium"


class Labels:
    """The labels of rows, kept in pairs of a row and a label's number. A row that changes gets new pairs at the end."""

    def __init__(self) -> None:
        self._numbers = Numbering()
        self._spelt: dict[tuple[str, str], int] = {}  # as descriptions write them
        self._row: Ints = np.empty(FIRST_CAPACITY, dtype=np.int32)
        self._label: Ints = np.empty(FIRST_CAPACITY, dtype=np.int32)
        self._size = self._dead = 0
        self._first: Ints = np.zeros(FIRST_CAPACITY, dtype=np.int32)  # by row: where its pairs are
        self._last: Ints = np.zeros(FIRST_CAPACITY, dtype=np.int32)

    def set(self, row: int, item: ItemDates | None) -> None:
        """Set the labels of a row; None: its item is not described."""
        numbers = [] if item is None else self._numbers_of(item)
        self._reach(row)
        first, last = int(self._first[row]), int(self._last[row])
        if self._label[first:last].tolist() == numbers:
            return
        self._label[first:last] = NONE
        self._dead += last - first
        end = self._size + len(numbers)
        if end > len(self._row):
            self._make_room(end)
            end = self._size + len(numbers)
        self._row[self._size : end] = row
        self._label[self._size : end] = numbers
        self._first[row], self._last[row] = self._size, end
        self._size = end

    def add_many(self, items: Iterable[tuple[int, ItemDates]]) -> None:
        """Set the labels of many rows, each named once; most of them have none yet."""
        rows, ends, labels = list[int](), list[int](), list[int]()
        for row, item in items:
            if row < len(self._last) and self._last[row] > self._first[row]:
                self.set(row, item)
                continue
            labels += self._numbers_of(item)
            rows.append(row)
            ends.append(len(labels))
        end = self._size + len(labels)
        if end > len(self._row):
            self._make_room(end)
            end = self._size + len(labels)
        self._reach(max(rows, default=-1))
        of_rows, until = np.array(rows, dtype=np.int32), np.array(ends, dtype=np.int32)
        self._label[self._size : end] = labels
        self._row[self._size : end] = np.repeat(of_rows, np.diff(until, prepend=np.int32(0)))
        self._last[of_rows] = self._size + until
        self._first[of_rows] = self._size + np.concatenate([[0], until[:-1]])
        self._size = end

    def taken(self, of_list: ItemFilter, rows: int) -> Mask:
        """Of the first `rows` rows those that a filter without denials and url takes, (rows,) bool."""
        mask = np.ones(rows, dtype=np.bool_)
        for labels in _wanted(of_list.allow):
            mask &= self._with_any(labels, rows)
        return mask if of_list.allow.premium is not False else mask & ~self._with_any([PREMIUM], rows)

    def takes(self, of_list: ItemFilter, row: int) -> bool:
        """Whether such a filter takes one row."""
        own = set(self._label[self._first[row] : self._last[row]].tolist() if row < len(self._first) else ())
        wanted = [{self._numbers.known(label) for label in labels} for labels in _wanted(of_list.allow)]
        paid_for = self._numbers.known(PREMIUM) in own
        return all(own & each for each in wanted) and not (of_list.allow.premium is False and paid_for)

    def pairs(self, kind: str) -> tuple[Ints, Ints, list[str]]:
        """The labels of one kind, such as authors: rows and numbers, (n,) int32 both, and the names by number.

        A name is spelt as it was first.
        """
        spelt: dict[int, str] = {}
        for (of_kind, name), number in self._spelt.items():
            if of_kind == kind:
                spelt.setdefault(number, name)
        place = np.full(len(self._numbers.names) + 1, NONE, dtype=np.int32)  # its last for NONE
        place[list(spelt)] = np.arange(len(spelt), dtype=np.int32)
        number_of = place[self._label[: self._size]]
        of_kind_alone = np.flatnonzero(number_of != NONE)
        return self._row[of_kind_alone], number_of[of_kind_alone], list(spelt.values())

    def _reach(self, row: int) -> None:
        if row >= len(self._first):
            more = np.zeros(row + 1, dtype=np.int32)
            self._first, self._last = np.concatenate([self._first, more]), np.concatenate([self._last, more])

    def _numbers_of(self, item: ItemDates) -> list[int]:
        number = self._number
        found = [number("author", name) for name in item.authors or (item.author,) if name]
        found += [number("section", name) for name in item.sections or (item.section,) if name]
        found += [number("tag", name) for name in item.tags if name]
        if item.type:
            found.append(number("type", item.type))
        if item.language:
            language = item.language.lower()
            found += {number("language", language), number("language", language.partition("-")[0])}
        if item.premium:
            found.append(self._numbers.number(PREMIUM))
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def _number(self, kind: str, name: str) -> int:
        known = self._spelt.get((kind, name))
        if known is None:
            known = self._spelt[kind, name] = self._numbers.number(f"{kind} {folded(name)}")
        return known

    def _with_any(self, labels: Iterable[str], rows: int) -> Mask:
        numbers = [number for label in labels if (number := self._numbers.known(label)) is not None]
        mask = np.zeros(rows, dtype=np.bool_)
        for number in numbers:
            found = self._row[: self._size][self._label[: self._size] == number]
            mask[found[found < rows]] = True
        return mask

    def _make_room(self, size: int) -> None:
        """Drop the pairs of rows that have changed where they are most, and double the arrays otherwise."""
        alive = self._label[: self._size] != NONE
        if 2 * self._dead > self._size:
            places = np.concatenate([[0], np.cumsum(alive)]).astype(np.int32)
            self._row, self._label = self._row[: self._size][alive], self._label[: self._size][alive]
            self._first, self._last = places[self._first], places[self._last]
            size, self._size, self._dead = size - self._dead, len(self._row), 0
        more = np.empty(max(size, 2 * self._size) - len(self._row) + FIRST_CAPACITY, dtype=np.int32)
        self._row, self._label = np.concatenate([self._row, more]), np.concatenate([self._label, more])


def _wanted(names: Names) -> list[list[str]]:
    """Labels, of each group of which an item must have one."""
    kinds = {"section": names.sections, "author": names.authors, "tag": names.tags, "type": names.types}
    wanted = [[f"{kind} {name}" for name in of_kind] for kind, of_kind in kinds.items() if of_kind]
    if names.languages:
        wanted.append([f"language {name}" for name in names.languages])
    return [*wanted, [PREMIUM]] if names.premium else wanted
