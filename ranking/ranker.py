"""Ranker: one site's lists at one moment, as a function of its counts, its items and each list's settings.

Two processes with the same counts rank alike to the last bit, whatever order the counts arrived in.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

import numpy as np

from ranking.buckets import FloatArray
from ranking.catalogue import Catalogue
from ranking.errors import NotFoundError
from ranking.history import History
from ranking.items import Item
from ranking.leaderboard import Rows
from ranking.list_settings import ListSettings
from ranking.pool import Facts, Pool
from ranking.rules import Rule
from ranking.scoring import Moment, counts_of
from ranking.selection import Past, Selector
from ranking.snapshot import WHOLE_SITE, Entry

#: More sections than any newsroom has; a site that files every author as a section gets lists for the busiest ones.
MAX_SECTIONS = 100


class Ranking(NamedTuple):
    """One list of one section: rows of the history, best first, with what is shown beside each."""

    rows: Rows
    score: FloatArray | None
    previous: Mapping[int, int] | None  # row -> rank one `movement` ago; None: there was no list then
    filled: int = 0  # how many rows at the end are not there by their rank but fill the list up


class View(Protocol):
    """What is known of a site: its counts, its items' dates and sections, and the items that are taken down."""

    history: History
    catalogue: Catalogue
    removed: frozenset[str]


class Ranker:
    """Ranks the lists of one site at one moment; what several lists share is computed once.

    `zone` is the site's, for lists that go by its calendar.
    """

    def __init__(self, view: View, moment: Moment, zone: tzinfo = UTC) -> None:
        self._catalogue = view.catalogue
        self._known_row = view.history.known_row
        self.moment = moment
        self.zone = zone
        history = view.history
        removed = [row for row in map(history.known_row, view.removed) if row is not None]
        taken_down = np.zeros(len(history.items), dtype=np.bool_)
        taken_down[removed] = True
        catalogue = view.catalogue
        first_event = history.first_event() if catalogue.undated.any() else np.full(len(taken_down), np.inf)
        facts = Facts(catalogue.published(first_event), catalogue.section, catalogue.stored, taken_down)
        self.pool = Pool(history.items, counts_of(history), facts, history.start(), zone)
        self.views = self.pool.views(moment)

    @property
    def published(self) -> FloatArray:
        """Publish time per row, epoch seconds; when it was first seen, where that is unknown."""
        return self.pool.facts.published

    def row(self, item: str) -> int | None:
        """The row of an item; None if nothing is known of it."""
        return self._known_row(item)

    def rank(self, settings: ListSettings, section: str) -> Ranking:
        """One list of one section (`WHOLE_SITE`: of all).

        Raises:
            NotFoundError: no item is in that section.
        """
        number = self._number(section)
        past = Past(self.pool, settings, self.moment.known_until)
        return self._ranked(settings, Selector(self.pool, settings, self.moment, past), past, [number])[number]

    def rule_of(self, settings: ListSettings, section: str, row: int) -> Rule:
        """What keeps a row out of a list of one section; that others are better does not."""
        past = Past(self.pool, settings, self.moment.known_until)
        return Selector(self.pool, settings, self.moment, past).rule_of(row, self._number(section))

    def _number(self, section: str) -> int | None:
        number = None if section == WHOLE_SITE else self._catalogue.section_number(section)
        if number is None and section != WHOLE_SITE:
            raise NotFoundError(f"no item is in a section called {section!r}")
        return number

    def rank_sections(self, settings: ListSettings) -> dict[str, Ranking]:
        """The list over all sections, and one for each section where the list wants them."""
        past = Past(self.pool, settings, self.moment.known_until)
        now = Selector(self.pool, settings, self.moment, past)
        names = self._catalogue.sections
        numbers = self._busiest(now.sections()) if settings.sections else []
        ranked = self._ranked(settings, now, past, [None, *sorted(numbers, key=names.__getitem__)])
        return {WHOLE_SITE if number is None else names[number]: found for number, found in ranked.items()}

    def _busiest(self, numbers: Sequence[int]) -> Sequence[int]:
        """The sections with the most views of all that is kept, if there are too many: the same ones in every list."""
        if len(numbers) <= MAX_SECTIONS:
            return numbers
        filed = self.pool.facts.section >= 0
        views = np.bincount(self.pool.facts.section[filed], weights=np.floor(self.views[filed]))  # whole, so exact
        return sorted(numbers, key=lambda number: (-views[number], self._catalogue.sections[number]))[:MAX_SECTIONS]

    def _ranked(
        self, settings: ListSettings, now: Selector, past: Past, numbers: Sequence[int | None]
    ) -> dict[int | None, Ranking]:
        selected = now.selected(numbers)
        before = self._earlier(settings, past, numbers)
        score = None if settings.kind == "latest" else now.candidates.score
        return {
            number: Ranking(found.rows, score, None if before is None else before[number], found.filled)
            for number, found in selected.items()
        }

    def _earlier(
        self, settings: ListSettings, past: Past, numbers: Sequence[int | None]
    ) -> dict[int | None, Mapping[int, int]] | None:
        """Ranks one `movement` ago, by row; None where there was no list."""
        if settings.kind == "latest":
            return None
        before = Moment(self.moment.at - settings.movement_s, self.moment.known_until)
        then = Selector(self.pool, settings, before, past)
        if not then.candidates.rows.size:
            return None
        return {
            number: {row: rank for rank, row in enumerate(found.rows.tolist(), 1)}
            for number, found in then.selected(numbers).items()
        }


def entries(
    ranking: Ranking,
    settings: ListSettings,
    views: FloatArray,
    published: FloatArray,
    details: Mapping[int, Item],
) -> list[Entry]:
    """A ranking as the entries of a list. `views` and `published` have one entry per row."""
    found = []
    for rank, row in enumerate(ranking.rows.tolist(), 1):
        item = details[row]
        was = None if ranking.previous is None else ranking.previous.get(row)
        found.append(
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
                is_new=ranking.previous is not None and rank <= settings.size and (was is None or was > settings.size),
            )
        )
    return found
