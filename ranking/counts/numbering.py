"""Numbering: names as small numbers, which index the columns."""

from collections.abc import Callable, Sequence

import numpy as np

from ranking.counts.arrays import Ints


class Numbering:
    """Gives each name a number, counted from 0 in the order of first sight and kept for good.

    >>> sections = Numbering()
    >>> sections.number("Politik"), sections.number("Olahraga"), sections.number("Politik"), sections.known("Budaya")
    (0, 1, 0, None)
    >>> sections.names
    ['Politik', 'Olahraga']
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.names: list[str] = []
        #: The number of a name, or None if it was never seen; the bound method of a dict, as it is called per count.
        self.known: Callable[[str], int | None] = self._numbers.get

    def number(self, name: str) -> int:
        """The number of a name, given out on first sight."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def numbers(self, names: Sequence[str]) -> Ints:
        """The numbers of names, (names,) int32, given out on first sight."""
        numbers, before = self._numbers, len(self.names)
        given = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
        if len(numbers) > before:
            new = np.flatnonzero(given >= before).tolist()
            self.names.extend(dict.fromkeys([names[place] for place in new]))
        return given
