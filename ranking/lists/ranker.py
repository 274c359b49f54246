"""Ranker: one site's lists at one moment, as a function of its counts, its items and each list's settings.

Invariant: two processes with the same counts rank alike to the last bit, in any order of arrival.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

import numpy as np

from ranking.counts.arrays import FloatArray, Mask, Rows
from ranking.counts.catalogue import Catalogue
from ranking.counts.history import History
from ranking.errors import unknown_section
from ranking.intake.items import Item
from ranking.intake.reader_filter import MARK
from ranking.lists.item_pool import ItemPool, PoolFacts
from ranking.lists.item_voids import without_void_events
from ranking.lists.selection import LeftOut, Selector
from ranking.published.edits import Edits, Void
from ranking.published.snapshot import WHOLE_SITE, Entry
from ranking.scoring.sums import Moment, counts_of
from ranking.settings.lists import ListSettings

NO_BOOSTS: Mapping[str, float] = {}


class Ranking(NamedTuple):
    """One list of one section.

    `rows`: (n,) int64, best first. `score`: (all rows,) float64; None in a latest list. `previous`: row -> rank one
    `movement` ago; None: there was no list then. `filled`: how many rows at the end are fillers. `times_usual`:
    (all rows,) float64, how many times its usual events each had, in a burst list that knows what is usual.
    """

    rows: Rows
    score: FloatArray | None
    previous: Mapping[int, int] | None
    filled: int = 0
    times_usual: FloatArray | None = None


class View(Protocol):
    """A site as the ranker needs it.

    `history`: its counts; `catalogue`: dates and sections of its items; `removed`: ids taken down; `edits`: pins,
    blocks, boosts and voids.
    """

    history: History
    catalogue: Catalogue
    removed: frozenset[str]
    edits: Edits


class Ranker:
    """Ranks the lists of one site at one moment; what several lists share is computed once.

    `zone` is the site's, for lists of its calendar days. `pool`: some of its items alone, with `known_row` to find the
    row that an item has there.
    """

    def __init__(
        self,
        view: View,
        moment: Moment,
        zone: tzinfo = UTC,
        pool: ItemPool | None = None,
        known_row: Callable[[str], int | None] | None = None,
    ) -> None:
        self._view = view
        self._catalogue = view.catalogue
        self._known_row = known_row or view.history.known_row
        self.moment = moment
        self.zone = zone
        in_force = view.edits.in_force(moment.at)
        self._boosts = in_force.boosts
        self._blocked = in_force.blocked
        self._pins = in_force.pins
        self._voids = in_force.voids
        self.pool = pool or _whole_pool(view, moment, zone)
        self.views = self.pool.views(moment)

    @property
    def published(self) -> FloatArray:
        """Publish time per row, (rows,) float64, epoch seconds; when it was first seen, where that is unknown."""
        return self.pool.facts.published

    @property
    def sections(self) -> Sequence[str]:
        """The names of the sections, by their numbers."""
        return self._catalogue.sections

    @property
    def groups(self) -> Sequence[str]:
        """The names of the groups of language versions, by their numbers."""
        return self._catalogue.groups

    def gone_pins(self) -> set[str]:
        """The pinned items that may not be shown."""
        return {item for pins in self._pins.values() for _, item in pins if self._is_gone(item)}

    def row(self, item: str) -> int | None:
        """The row of an item; None if nothing is known of it."""
        return self._known_row(item)

    def boosts_of(self, name: str) -> Mapping[str, float]:
        """The boosts in force in the list `name`: item -> factor of its score."""
        return self._boosts.get(name, NO_BOOSTS)

    def voids_of(self, item: str) -> Sequence[tuple[int, Void]]:
        """The voids in force of an item, with their numbers."""
        return self._voids.get(item, ())

    def pins_of(self, name: str, section: str) -> Sequence[tuple[int, str]]:
        """The pins in a section of the list `name` of items that may be shown: position and item, the latest first."""
        return [pin for pin in self._pins.get((name, section), ()) if not self._is_gone(pin[1])]

    def _is_gone(self, item: str) -> bool:
        row = self._view.history.known_row(item)  # an item that is pinned may be none of this pool's
        withdrawn = row is not None and self._catalogue.withdrawn(slice(row, row + 1), self.moment.at).any()
        return item in self._view.removed or item in self._blocked or bool(withdrawn)

    def rows_of(self, section: str) -> Rows:
        """The rows of a section (`WHOLE_SITE`: all).

        Raises:
            NotFoundError: no item is in that section.
        """
        number, sections = self.section_number(section), self.pool.facts.section
        return np.arange(len(sections)) if number is None else np.flatnonzero(sections == number)

    def boosted(self, boosts: Mapping[str, float]) -> ItemPool:
        """The pool with some items' scores multiplied by a factor."""
        factors = np.ones(len(self.pool.names))
        known = {row: factor for item, factor in boosts.items() if (row := self._known_row(item)) is not None}
        if not known:
            return self.pool
        factors[list(known)] = list(known.values())
        return self.pool.boosted(factors)

    def rank(self, settings: ListSettings, section: str, boosts: Mapping[str, float] = NO_BOOSTS) -> Ranking:
        """One list of one section (`WHOLE_SITE`: of all); `boosts` are factors of items' scores.

        Raises:
            NotFoundError: no item is in that section.
        """
        return self.rank_selected(self.selector(settings, boosts), section)

    def selector(
        self, settings: ListSettings, boosts: Mapping[str, float] = NO_BOOSTS, left_out: LeftOut | None = None
    ) -> Selector:
        """The selector of one list at this moment; `boosts` as for `rank`. Making it scores the pool."""
        numbered = ((self._catalogue.section_number(section), section) for section in settings.section_half_lives)
        levels = {number: settings.in_section(section) for number, section in numbered if number is not None}
        return Selector(self.boosted(boosts), settings, self.moment, left_out=left_out, levels=levels)

    def rank_selected(self, selector: Selector, section: str) -> Ranking:
        """Rank one list of one section by a selector that is there already.

        Raises:
            NotFoundError: no item is in that section.
        """
        number = self.section_number(section)
        return self._ranked(selector, [number])[number]

    def section_number(self, section: str) -> int | None:
        """The number of a section; None stands for the whole site, and for what readers' filters take of it.

        Raises:
            NotFoundError: no item is in that section.
        """
        if section.startswith(MARK):
            return None
        number = None if section == WHOLE_SITE else self._catalogue.section_number(section)
        if number is None and section != WHOLE_SITE:
            raise unknown_section(section, self._catalogue.sections)
        return number

    def section_name(self, number: int | None) -> str:
        """The inverse of `section_number`."""
        return WHOLE_SITE if number is None else self._catalogue.sections[number]

    def rank_sections(self, settings: ListSettings, boosts: Mapping[str, float] = NO_BOOSTS) -> dict[str, Ranking]:
        """The list over all sections, and one for each section where the list wants them; `boosts` as for `rank`."""
        return self.rank_selected_sections(self.selector(settings, boosts))

    def rank_selected_sections(self, now: Selector) -> dict[str, Ranking]:
        """What `rank_sections` gives, by a selector that is there already."""
        names = self._catalogue.sections
        numbers = now.sections() if now.settings.sections else []
        ranked = self._ranked(now, [None, *sorted(numbers, key=names.__getitem__)])
        return {self.section_name(number): ranking for number, ranking in ranked.items()}

    def _ranked(self, now: Selector, numbers: Sequence[int | None]) -> dict[int | None, Ranking]:
        selected = now.selected(numbers)
        before = self._earlier(now, numbers)
        ranked, times = now.settings.kind != "latest", now.candidates.times_usual
        return {
            number: Ranking(
                selection.rows,
                now.of(number).candidates.score if ranked else None,
                None if before is None else before[number],
                selection.filled,
                times,
            )
            for number, selection in selected.items()
        }

    def _earlier(self, now: Selector, numbers: Sequence[int | None]) -> dict[int | None, Mapping[int, int]] | None:
        """Ranks one `movement` ago, by row; None where there was no list."""
        if now.settings.kind == "latest":
            return None
        then = now.at(self.moment.at - now.settings.movement_s)
        if not then.candidates.rows.size:
            return None
        return {
            number: {row: rank for rank, row in enumerate(selection.rows.tolist(), 1)}
            for number, selection in then.selected(numbers).items()
        }


def mask_of(items: Iterable[str], known_row: Callable[[str], int | None], size: int) -> Mask:
    """The rows of `items` as a mask, (size,) bool."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[[row for row in map(known_row, items) if row is not None]] = True
    return mask


def _whole_pool(view: View, moment: Moment, zone: tzinfo) -> ItemPool:
    history, catalogue = view.history, view.catalogue
    size = len(history.items)
    in_force = view.edits.in_force(moment.at)
    first_event = history.first_event() if catalogue.undated.any() else np.full(size, np.inf)
    facts = PoolFacts(
        catalogue.published(first_event),
        catalogue.section,
        catalogue.stored,
        mask_of(view.removed, history.known_row, size),
        mask_of(in_force.blocked, history.known_row, size),
        catalogue.known,
        catalogue.withdrawn(slice(0, size), moment.at),
        catalogue.taken(slice(0, size)),
        catalogue.group,
    )
    counts = without_void_events(counts_of(history), in_force.voids, history.known_row)
    return ItemPool(history.items, counts, facts, history.start(), zone)


def entries(
    ranking: Ranking,
    settings: ListSettings,
    views: FloatArray,
    published: FloatArray,
    details: Mapping[int, Item],
) -> list[Entry]:
    """A ranking as the entries of a list.

    `views`, `published`: (rows,) float64, events and epoch seconds. `details` has the item of each ranked row.
    """
    shown = []
    for rank, row in enumerate(ranking.rows.tolist(), 1):
        item = details[row]
        was = None if ranking.previous is None else ranking.previous.get(row)
        shown.append(
            Entry(
                rank=rank,
                id=item.id,
                title=item.title or item.id,
                url=item.url,
                section=item.section,
                published_at=float(published[row]) if math.isfinite(published[row]) else None,
                image=item.image,
                score=None if ranking.score is None else float(ranking.score[row]),
                views=round(float(views[row])),
                previous_rank=was,
                source="fill" if rank > len(ranking.rows) - ranking.filled else "ranked",
                times_usual=None if ranking.times_usual is None else float(ranking.times_usual[row]),
                is_new=ranking.previous is not None and rank <= settings.size and (was is None or was > settings.size),
            )
        )
    return shown
