"""Visible parts: what lists show, for the lists that leave it out (`without`).

A list shows its first `size` rows with what editors have pinned among them, over all sections and of each. A list
without section lists shows in every section what it shows of all.

Invariant: what is left out is the same whichever ranker a list was ranked by, as ids go from one to the other.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ranking.counts.arrays import Rows
from ranking.intake.reader_filter import MARK
from ranking.lists.ranker import Ranker, Ranking
from ranking.lists.selection import Selection, Selector
from ranking.lists.shortlist import NotProvenError
from ranking.published.edits import with_pins
from ranking.settings.lists import ListSettings


class VisibleParts:
    """What the lists of a site show at a moment and before it. `whole` gives a ranker of all rows.

    A list that was not ranked here yet (see `rank_sections`) is ranked when another asks what it shows.
    """

    def __init__(self, lists: Mapping[str, ListSettings], whole: Callable[[], Ranker]) -> None:
        self._lists = lists
        self._whole = whole
        self._named = {name for settings in lists.values() for name in settings.without}
        self._ranked: dict[str, tuple[Ranker, Selector]] = {}

    def selector(self, ranker: Ranker, name: str, settings: ListSettings) -> Selector:
        """The selector of a list, or of what a reader's filter takes of it, by a ranker and under some settings."""
        left_out = partial(self._left_out, ranker, settings.without) if settings.without else None
        return ranker.selector(settings, ranker.boosts_of(name.partition(MARK)[0]), left_out)

    def rank(self, ranker: Ranker, name: str, settings: ListSettings, section: str) -> Ranking:
        """The list `name`, or what a reader's filter takes of it, in one section.

        Raises:
            NotFoundError: no item is in that section.
        """
        return ranker.rank_selected(self.selector(ranker, name, settings), section)

    def rank_sections(self, ranker: Ranker, name: str, settings: ListSettings) -> dict[str, Ranking]:
        """The list `name` over all sections, and one for each section where the list wants them."""
        selector = self.selector(ranker, name, settings)
        rankings = ranker.rank_selected_sections(selector)
        if name in self._named:
            self._ranked[name] = ranker, selector
        return rankings

    def showing(self, name: str, section: int | None, item: str, at: float) -> bool:
        """Whether the list `name` shows an item in a section (None: over all) at a moment (epoch seconds)."""
        return item in self._shown(name, at, [section])[section]

    def _left_out(
        self, ranker: Ranker, names: Sequence[str], at: float, numbers: Sequence[int | None]
    ) -> Mapping[int | None, Rows]:
        """The rows of `ranker` that the lists `names` show at a moment (epoch seconds), by section."""
        shown = [self._shown(name, at, numbers) for name in names]
        found = {}
        for number in numbers:
            rows = [row for ids in shown for item in ids[number] if (row := ranker.row(item)) is not None]
            found[number] = np.array(rows, dtype=np.int64)
        return found

    def _shown(self, name: str, at: float, numbers: Sequence[int | None]) -> Mapping[int | None, Sequence[str]]:
        settings = self._lists[name]
        wanted = numbers if settings.sections else [None]
        try:
            ranker, selector = self._ranked.get(name) or self._of_whole(name)
            selected = selector.at(at).selected(wanted)
        except NotProvenError:  # of a moment that a shortlist does not reach back to
            ranker, selector = self._of_whole(name)
            selected = selector.at(at).selected(wanted)
        of_section = {number: _ids(ranker, name, number, settings.size, each) for number, each in selected.items()}
        return of_section if settings.sections else dict.fromkeys(numbers, of_section[None])

    def _of_whole(self, name: str) -> tuple[Ranker, Selector]:
        ranker = self._whole()
        self._ranked[name] = ranker, self.selector(ranker, name, self._lists[name])
        return self._ranked[name]


def _ids(ranker: Ranker, name: str, number: int | None, size: int, selection: Selection) -> Sequence[str]:
    """The ids that a list shows in one section."""
    ids = [ranker.pool.names[row] for row in selection.rows[:size].tolist()]
    pins = ranker.pins_of(name, ranker.section_name(number))
    pinned = {item for _, item in pins}
    return with_pins((item for item in ids if item not in pinned), pins, size) if pins else ids
