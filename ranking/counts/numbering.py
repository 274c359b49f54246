"""Numbering: names as small numbers, which index the columns."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from ranking.counts.arrays import Ints


class Numbering:
    """Gives each name a number, counted from 0 in the order of first sight and kept for good.

    >>> sections = Numbering()
    >>> sections.number("Politik"), sections.number("Olahraga"), sections.number("Politik"), sections.known("Budaya")
    (0, 1, 0, None)
    >>> sections.names, sections.known_numbers(["Olahraga", "Budaya"], unknown=-1).tolist()
    (['Politik', 'Olahraga'], [1, -1])
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.names: list[str] = []
        #: The number of a name, or None if it was never seen; the bound method of a dict, as it is called per count.
        self.known = self._numbers.get

    def number(self, name: str) -> int:
        """The number of a name, given out on first sight."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def known_numbers(self, names: Sequence[str], unknown: int) -> Ints:
        """The numbers of names, (names,) int32; `unknown` for one that was never seen."""
        return np.fromiter(map(self.known, names, repeat(unknown)), dtype=np.int32, count=len(names))

    def numbers(self, names: Sequence[str]) -> Ints:
        """The numbers of names, (names,) int32, given out on first sight."""
        numbers, before = self._numbers, len(self.names)
        given = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
        if len(numbers) > before:
            new = np.flatnonzero(given >= before).tolist()
            self.names.extend(dict.fromkeys([names[place] for place in new]))
        return given


class JoinedNumbering(Numbering):
    """A numbering of items, in which names can be joined to an item: they have its number from then on.

    The number that such a name had, or is given, stays its own (`own`) and is what `names` has it under.

    >>> items = JoinedNumbering()
    >>> items.number("12345"), items.join("example.id/berita/12345", "12345"), items.number("example.id/berita/12345")
    (0, None, 0)
    >>> items.own("example.id/berita/12345"), items.joined_to(0), items.names
    (1, ['example.id/berita/12345'], ['12345', 'example.id/berita/12345'])
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: dict[str, int] = {}
        self.joined: dict[int, list[str]] = {}

    def own(self, name: str) -> int | None:
        """The number that `names` has a name under; None if it was never seen."""
        number = self._own.get(name)
        return self.known(name) if number is None else number

    def joined_to(self, number: int) -> list[str]:
        """The names that are joined to the item of a number."""
        return self.joined.get(number, [])

    def join(self, name: str, item: str) -> tuple[int, int] | None:
        """Join a name to an item, and with it those that are joined to it.

        The two numbers, if the name had one before.

        Raises:
            ValueError: it is joined already, or the item is joined to it.
        """
        before, number = self.known(name), self.number(item)
        own = self.number(name)
        if own == number or name in self._own:
            raise ValueError(f"{name!r} and {item!r} are joined already")
        self._own[name] = own
        others = self.joined.pop(own, [])
        for each in (name, *others):
            self._numbers[each] = number
        self.joined.setdefault(number, []).extend([name, *others])
        return None if before is None else (own, number)
