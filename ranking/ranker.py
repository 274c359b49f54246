"""Ranker: one site's lists at one moment, as a function of its counts, its items and each list's settings.

Two processes with the same counts rank alike to the last bit, whatever order the counts arrived in.
"""

import math
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

import numpy as np

from ranking import leaderboard, trending
from ranking.buckets import FloatArray
from ranking.catalogue import Catalogue
from ranking.decay import Alike
from ranking.errors import NotFoundError
from ranking.events import DEFAULT_KIND
from ranking.formula import ALL_EVENTS, Formula
from ranking.history import History
from ranking.items import Item
from ranking.leaderboard import Rows
from ranking.list_settings import ListSettings
from ranking.scoring import Horizon, Moment, Span, Sums, counts_of
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
        self._allowed = np.ones(len(self._names), dtype=np.bool_)
        for name in view.removed:
            row = history.known_row(name)
            if row is not None:
                self._allowed[row] = False
        self._counts = counts_of(history)
        self._moments: dict[Moment, Sums] = {}
        self.views = self._sums(moment).of(ALL_EVENTS, Weighing(VIEWS).of(history.channels))

    @property
    def published(self) -> FloatArray:
        """Publish time per row, epoch seconds; when it was first seen, where that is unknown."""
        return self._published

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
        score, rows = self._candidates(settings, self._moment)
        if number is not None:
            rows = rows[self._view.catalogue.section[rows] == number]
        earlier = self._earlier(settings)
        if earlier is not None and number is not None:
            before, rows_before = earlier
            earlier = before, rows_before[self._view.catalogue.section[rows_before] == number]
        return self._ranking(settings, score, rows, earlier)

    def rank_sections(self, settings: ListSettings) -> dict[str, Ranking]:
        """The list over all sections, and one for each section where the list wants them."""
        score, rows = self._candidates(settings, self._moment)
        earlier = self._earlier(settings)
        found = {WHOLE_SITE: self._ranking(settings, score, rows, earlier)}
        if settings.sections:
            section = self._view.catalogue.section
            parted = leaderboard.by_section(rows, section)
            names = self._view.catalogue.sections
            busiest = sorted(parted, key=lambda number: (-float(score[parted[number]].sum()), names[number]))
            parted_before = leaderboard.by_section(earlier[1], section) if earlier else {}
            for number in sorted(busiest[:MAX_SECTIONS], key=names.__getitem__):
                before = (earlier[0], parted_before.get(number, rows[:0])) if earlier else None
                found[names[number]] = self._ranking(settings, score, parted[number], before)
        return found

    def _ranking(
        self, settings: ListSettings, score: FloatArray, rows: Rows, earlier: tuple[FloatArray, Rows] | None
    ) -> Ranking:
        depth = max(settings.depth, settings.size)
        top = self._best(score, rows, depth)
        previous = None
        if earlier is not None:
            before = self._best(*earlier, depth)
            previous = {row: rank for rank, row in enumerate(before.tolist(), 1)}
        return Ranking(top, None if settings.kind == "latest" else score, previous)

    def _best(self, score: FloatArray, rows: Rows, limit: int) -> Rows:
        return leaderboard.best(rows, score=score, published=self._published, names=self._names, limit=limit)

    def _candidates(self, settings: ListSettings, moment: Moment) -> tuple[FloatArray, Rows]:
        """The score of every row, and the rows that may be listed."""
        age_s = moment.at - self._published
        allowed = self._allowed & (age_s <= settings.max_age_s)
        if settings.kind == "latest":
            # Only what the newsroom has described: anyone can send an event with an id of their own.
            allowed &= self._view.catalogue.stored & (age_s >= 0)
            return self._published, np.flatnonzero(allowed)
        sums = self._sums(moment)
        if settings.kind == "burst":
            score = self._burst(settings, sums)
        else:
            score = Formula(settings, self._zone).scored(sums, self._published).score
        return score, np.flatnonzero(allowed & (score > 0))

    def _burst(self, settings: ListSettings, sums: Sums) -> FloatArray:
        of_view = Weighing(VIEWS).of(sums.channels)

        def count(since: float, until: float = math.inf) -> FloatArray:
            return sums.of(Horizon(Alike(), (Span(since, until),)), of_view)

        recent = sums.moment.at - settings.short_s
        # A site younger than the baseline, or a shorter retention, is compared with what there is.
        since = max(sums.moment.at - settings.baseline_s, min(self._view.history.start(), recent))
        rate = count(since, recent) / max(recent - since, settings.short_s)
        return trending.chi_square(count(recent), rate * settings.short_s, settings.minimum)

    def _sums(self, moment: Moment) -> Sums:
        if moment not in self._moments:
            self._moments[moment] = Sums(self._counts, moment)
        return self._moments[moment]

    def _earlier(self, settings: ListSettings) -> tuple[FloatArray, Rows] | None:
        """The candidates one `movement` ago; None where there was no list."""
        if settings.kind == "latest":
            return None
        before = Moment(self._moment.at - settings.movement_s, self._moment.known_until)
        score, rows = self._candidates(settings, before)
        return (score, rows) if len(rows) else None


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
