"""Ranker: one site's lists at one moment, as a function of its counts, its items and each list's settings.

Two processes with the same counts rank alike to the last bit, whatever order the counts arrived in.
"""

import math
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

import numpy as np

from ranking import leaderboard
from ranking.buckets import FloatArray
from ranking.bursts import Bursts
from ranking.catalogue import Catalogue
from ranking.errors import NotFoundError
from ranking.events import DEFAULT_KIND
from ranking.formula import ALL_EVENTS, Formula
from ranking.history import History
from ranking.items import Item
from ranking.leaderboard import Rows
from ranking.list_settings import ListSettings
from ranking.rules import Candidates, Rule, Ruling
from ranking.scoring import Counts, Moment, Sums, counts_of
from ranking.snapshot import WHOLE_SITE, Entry
from ranking.weighing import Weighing

#: More sections than any newsroom has; a site that files every author as a section gets lists for the busiest ones.
MAX_SECTIONS = 100
VIEWS = {DEFAULT_KIND: 1.0}


class Ranking(NamedTuple):
    """One list of one section: rows of the history, best first, with what is shown beside each."""

    rows: Rows
    score: FloatArray | None
    previous: Mapping[int, int] | None  # row -> rank one `movement` ago; None: there was no list then


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
        self._view = view
        self._moment = moment
        self._zone = zone
        history = view.history
        self._names = history.items
        self._published = view.catalogue.published(history.first_event())
        removed = [row for row in map(history.known_row, view.removed) if row is not None]
        self._taken_down = np.zeros(len(self._names), dtype=np.bool_)
        self._taken_down[removed] = True
        self._counts = counts_of(history)
        self._moments: dict[Moment, Sums] = {}
        self.views = self._sums(moment).of(ALL_EVENTS, Weighing(VIEWS).of(history.channels))

    @property
    def published(self) -> FloatArray:
        """Publish time per row, epoch seconds; when it was first seen, where that is unknown."""
        return self._published

    @property
    def moment(self) -> Moment:
        """The moment that is ranked for."""
        return self._moment

    @property
    def zone(self) -> tzinfo:
        """The site's time zone."""
        return self._zone

    def row(self, item: str) -> int | None:
        """The row of an item; None if nothing is known of it."""
        return self._view.history.known_row(item)

    def name(self, row: int) -> str:
        """The id of a row's item."""
        return self._names[row]

    def counts_of_row(self, row: int) -> Counts:
        """The counts of one row alone, as row 0."""
        return self._counts.only(np.array([row], dtype=np.int64))

    def rank(self, settings: ListSettings, section: str) -> Ranking:
        """One list of one section (`WHOLE_SITE`: of all).

        Raises:
            NotFoundError: no item is in that section.
        """
        number = None
        if section != WHOLE_SITE:
            number = self._view.catalogue.section_number(section)
            if number is None:
                raise NotFoundError(f"no item is in a section called {section!r}")
        now, earlier = self.candidates(settings, self._moment), self._earlier(settings)
        return self._ranking(settings, now, self._of_section(now, number), earlier, number)

    def rank_sections(self, settings: ListSettings) -> dict[str, Ranking]:
        """The list over all sections, and one for each section where the list wants them."""
        now, earlier = self.candidates(settings, self._moment), self._earlier(settings)
        found = {WHOLE_SITE: self._ranking(settings, now, now.rows, earlier, None)}
        if settings.sections:
            names = self._view.catalogue.sections
            parted = leaderboard.by_section(now.rows, self._view.catalogue.section)
            busiest = sorted(parted, key=lambda number: (-float(now.score[parted[number]].sum()), names[number]))
            for number in sorted(busiest[:MAX_SECTIONS], key=names.__getitem__):
                found[names[number]] = self._ranking(settings, now, parted[number], earlier, number)
        return found

    def candidates(self, settings: ListSettings, moment: Moment) -> Candidates:
        """Every row under a list's formula and rules."""
        ruling = Ruling(len(self._names))
        ruling.out(Rule.TAKEN_DOWN, self._taken_down)
        age_s = moment.at - self._published
        if settings.kind == "latest":
            ruling.out(Rule.NOT_DESCRIBED, ~self._view.catalogue.stored)
            ruling.out(Rule.NOT_YET_PUBLISHED, age_s < 0)
        ruling.out(Rule.TOO_OLD, age_s > settings.max_age_s)
        if settings.min_age_s:
            ruling.out(Rule.TOO_NEW, age_s < settings.min_age_s)
        if settings.kind == "latest":
            return Candidates(self._published, self.views, ruling.codes)
        sums, minimum = self._sums(moment), settings.min_count
        if settings.kind == "burst":
            start = self._view.history.start()
            counted, score = Bursts(settings, self._counts, start, self._zone).scored(sums)
            minimum = settings.minimum
        else:
            counted, score = Formula(settings, self._zone).scored(sums, self._published)
        if minimum:
            ruling.out(Rule.BELOW_MINIMUM, (counted < minimum) & (counted > 0))
        ruling.out(Rule.NO_SCORE, score <= 0)
        if settings.floor:
            ruling.out(Rule.BELOW_FLOOR, score < settings.floor)
        return Candidates(score, counted, ruling.codes)

    def _of_section(self, candidates: Candidates, number: int | None) -> Rows:
        rows = candidates.rows
        return rows if number is None else rows[self._view.catalogue.section[rows] == number]

    def _ranking(
        self, settings: ListSettings, now: Candidates, rows: Rows, earlier: Candidates | None, section: int | None
    ) -> Ranking:
        top = self._best(settings, now, rows)
        previous = None
        if earlier is not None:
            before = self._best(settings, earlier, self._of_section(earlier, section))
            previous = {row: rank for rank, row in enumerate(before.tolist(), 1)}
        return Ranking(top, None if settings.kind == "latest" else now.score, previous)

    def _best(self, settings: ListSettings, candidates: Candidates, rows: Rows) -> Rows:
        depth = max(settings.depth, settings.size)
        return leaderboard.best(rows, score=candidates.score, published=self._published, names=self._names, limit=depth)

    def _sums(self, moment: Moment) -> Sums:
        if moment not in self._moments:
            self._moments[moment] = Sums(self._counts, moment)
        return self._moments[moment]

    def _earlier(self, settings: ListSettings) -> Candidates | None:
        """The candidates one `movement` ago; None where there was no list."""
        if settings.kind == "latest":
            return None
        before = Moment(self._moment.at - settings.movement_s, self._moment.known_until)
        found = self.candidates(settings, before)
        return found if len(found.rows) else None


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
                is_new=ranking.previous is not None and rank <= settings.size and (was is None or was > settings.size),
            )
        )
    return found
