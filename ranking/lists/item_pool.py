"""ItemPool: items with their counts and dates, and their scores in a list at a moment.

All of a site's items are one pool; the few that matter to a question of the past are a smaller one, of which the past
is cheap to compute.

Invariant: sums of the same items have the same bits in both.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple, Self

import numpy as np

from ranking.counts.arrays import FloatArray, Groups, Mask, Rows, Sections
from ranking.errors import InvalidQuestionError
from ranking.intake.item_filter import ItemFilter
from ranking.lists.rules import Candidates, Rule, Ruling, listable
from ranking.scoring.bursts import VIEWS, BurstItems, Bursts, SectionLevels
from ranking.scoring.decay import Alike, HalfLife
from ranking.scoring.formula import ALL_EVENTS, Formula, Scored, Term
from ranking.scoring.sums import Counts, Horizon, Moment, Span, Sums
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S

MONTH_S = 30 * DAY_S


class PoolFacts(NamedTuple):
    """Facts of the rows of a pool beside their counts.

    `published`: (rows,) float64, epoch seconds. `section`: (rows,) int32, NO_SECTION for none. `stored`, `taken_down`,
    `blocked`, `known`, `withdrawn`: (rows,) bool, whether an item is described, taken down, blocked by an editor,
    described or named by an event with the site's key, hidden or over by its own word. `taken`: by a list's
    filter the rows that it takes, (rows,) bool. `group`: (rows,) int32, NO_GROUP for none.
    """

    published: FloatArray
    section: Sections
    stored: Mask
    taken_down: Mask
    blocked: Mask
    known: Mask
    withdrawn: Mask
    taken: Mapping[ItemFilter, Mask]
    group: Groups

    @property
    def never_listed(self) -> Mask:
        """The rows that are in no list whatever is read, (rows,) bool: taken down, blocked or withdrawn."""
        return self.taken_down | self.blocked | self.withdrawn

    def only(self, rows: Rows) -> "PoolFacts":
        """The facts of some rows."""
        published, section, stored, taken_down, blocked, known, withdrawn, taken, group = self
        return PoolFacts(
            published[rows], section[rows], stored[rows], taken_down[rows], blocked[rows], known[rows], withdrawn[rows],
            {of_list: takes[rows] for of_list, takes in taken.items()}, group[rows],
        )  # fmt: skip


class ItemPool:
    """Items, which are its rows. `start` is when the site's counts begin (epoch seconds), `zone` where its days do.

    `factors`: (rows,) float64, the boosts of the rows' scores; None: there are none.
    """

    def __init__(
        self,
        names: Sequence[str],
        counts: Counts,
        facts: PoolFacts,
        start: float,
        zone: tzinfo,
        factors: FloatArray | None = None,
    ) -> None:
        self.names = names
        self.counts = counts
        self.facts = facts
        self._start = start
        self._zone = zone
        self._factors = factors
        self._moments: dict[Moment, Sums] = {}
        self._levels: SectionLevels | None = None

    def only(self, rows: Rows) -> "ItemPool":
        """The pool of some rows, which become rows 0, 1, … of it."""
        names, facts = [self.names[row] for row in rows.tolist()], self.facts.only(rows)
        factors = None if self._factors is None else self._factors[rows]
        return ItemPool(names, self.counts.only(rows), facts, self._start, self._zone, factors)

    def boosted(self, factors: FloatArray) -> "ItemPool":
        """The same pool with boosts, (rows,) float64. The two share their sums."""
        pool = ItemPool(self.names, self.counts, self.facts, self._start, self._zone, factors)
        pool._moments = self._moments
        return pool

    def within(self, start: float, levels: SectionLevels | None) -> Self:
        """The same pool as a part of a site whose counts begin at `start`, and whose sections have these levels.

        The two share their sums, and so when their counts begin.
        """
        pool = copy.copy(self)
        pool._start, pool._levels = start, levels
        pool.counts.start = start
        return pool

    def levels(self, settings: ListSettings, moment: Moment) -> SectionLevels:
        """The levels of the sections by these items alone, for a list that compares sections."""
        return self._bursts(settings).levels(self.sums(moment))

    def views(self, moment: Moment) -> FloatArray:
        """All counted views per row, (rows,) float64."""
        return self.sums(moment).total(ALL_EVENTS, VIEWS.per_channel(self.counts.channels))

    def sums(self, moment: Moment) -> Sums:
        """The sums at a moment, which lists share."""
        if moment not in self._moments:
            self._moments[moment] = Sums(self.counts, moment)
        return self._moments[moment]

    def forget(self, moment: Moment) -> None:
        """Drop the sums at a moment that is done with."""
        self._moments.pop(moment, None)

    def candidates(self, settings: ListSettings, moment: Moment) -> Candidates:
        """Every row under a list's formula, and under those of its rules that look at a row alone."""
        facts = self.facts
        age_s = moment.at - facts.published
        ruling = Ruling(len(age_s))
        ruling.out(Rule.TAKEN_DOWN, facts.taken_down)
        ruling.out(Rule.BLOCKED, facts.blocked)
        ruling.out(Rule.WITHDRAWN, facts.withdrawn)
        for of_list in settings.filters:
            ruling.out(Rule.FILTERED, ~self._taken(of_list))
        by_name = Rule.NOT_KNOWN if settings.shows == "known" else Rule.NOT_DESCRIBED
        ruling.out(by_name, ~listable(settings.shows, facts.stored, facts.known))
        # What was neither dated, seen nor read has no publication that could lie ahead, and no score.
        ruling.out(Rule.NOT_YET_PUBLISHED, (age_s < 0) & (np.isfinite(age_s) | (settings.kind == "latest")))
        if settings.min_age_s:
            ruling.out(Rule.TOO_NEW, age_s < settings.min_age_s)
        if not math.isinf(settings.max_age_s):
            ruling.out(Rule.TOO_OLD, age_s > settings.max_age_s)
        if settings.kind == "latest":
            return Candidates(facts.published, facts.published, ruling.codes)
        counted, score, usual = self._scored(settings, moment)
        if self._factors is not None:
            score = score * self._factors
        if minimum := settings.minimum if settings.kind == "burst" else settings.min_count:
            few = counted < minimum
            ruling.out(Rule.BELOW_MINIMUM, few & (score <= 0) if settings.hold_s else few)
        ruling.out(Rule.NO_SCORE, score <= 0)
        if settings.floor:
            ruling.out(Rule.BELOW_FLOOR, score < settings.floor)
        return Candidates(score, counted, ruling.codes, usual)

    def _taken(self, of_list: ItemFilter) -> Mask:
        """The rows that a filter takes.

        Raises:
            InvalidQuestionError: the view has not asked it of the descriptions.
        """
        found = self.facts.taken.get(of_list)
        if found is None:
            raise InvalidQuestionError(
                "allow, deny: are tried in the settings' file alone; leave them as they are there"
            )
        return found

    def terms(self, settings: ListSettings, moment: Moment, row: int) -> list[Term]:
        """The terms of a row's score, see `Term`; none in a latest list."""
        if settings.kind == "latest":
            return []
        sums = self.sums(moment)
        if settings.kind == "burst":
            parts = _burst_terms(settings.method, self._unscaled(settings, sums), row)
        else:
            alone = self.only(np.array([row], dtype=np.int64))
            parts = Formula(settings, self._zone).terms(alone.sums(moment), alone.facts.published)
        if settings.scale != "none":
            scale = self._scale(settings, moment, self._unscaled(settings, sums).score)
            parts.append(Term("scale", "/", float(scale[row])))
        if self._factors is not None:
            parts.append(Term("boost", "x", float(self._factors[row])))
        return parts

    def widened(self, settings: ListSettings, moment: Moment) -> FloatArray:
        """Sum per row, (rows,) float64, if the list looked further back.

        All that is kept, halved per span it looks at.
        """
        span_s = Formula(settings, self._zone).span_s(moment.at)
        return self.sums(moment).total(Horizon(HalfLife(span_s)), self._of_channel(settings))

    def read(self, settings: ListSettings, span: Span, moment: Moment) -> FloatArray:
        """Sum per row over a span of time, every event alike, (rows,) float64."""
        return self.sums(moment).total(Horizon(Alike(), (span,)), self._of_channel(settings))

    def _of_channel(self, settings: ListSettings) -> FloatArray:
        return Formula(settings, self._zone).channel_weights(self.counts.channels)

    def _scored(self, settings: ListSettings, moment: Moment) -> Scored:
        found = self._unscaled(settings, self.sums(moment))
        if settings.scale == "none":
            return found
        return found._replace(score=found.score / self._scale(settings, moment, found.score))

    def _unscaled(self, settings: ListSettings, sums: Sums) -> Scored:
        if settings.kind == "burst":
            return self._bursts(settings).scored(sums)
        return Formula(settings, self._zone).scored(sums, self.facts.published)

    def _bursts(self, settings: ListSettings) -> Bursts:
        facts = self.facts
        items = BurstItems(facts.published, facts.section, listable(settings.shows, facts.stored, facts.known))
        return Bursts(settings, self.counts, items, self._start, self._zone, self._levels)

    def _scale(self, settings: ListSettings, moment: Moment, score: FloatArray) -> FloatArray:
        """Divisor of every row's score, (rows,) float64, which gives small sections a place beside great ones.

        The section's best score, or 1 if that is less (Reddit's `normalized_hot.py`), or log10(2 + the events of the
        section in 30 days) (Lemmy's `utils.sql`). Items without a section are one section.
        """
        section = self.facts.section + 1
        if settings.scale == "section-best":
            best = np.ones(int(section.max(initial=0)) + 1)
            np.maximum.at(best, section, score)
            return best[section]
        month = Horizon(Alike(), (Span(moment.at - MONTH_S),))
        events = self.sums(moment).total(month, np.where(self._of_channel(settings) > 0, 1.0, 0.0))
        active = np.bincount(section, weights=np.floor(events))  # whole numbers, whose sum has one value in any order
        scale: FloatArray = np.log10(2.0 + active)[section]
        return scale


def _burst_terms(method: str, scored: Scored, row: int) -> list[Term]:
    """The terms of a burst: an excess is the events less those that are usual, others are a number of their own."""
    score = float(scored.score[row])
    if method != "excess" or scored.usual is None or score <= 0:
        return [Term(method, "=", score)]
    return [Term("events", "=", float(scored.counted[row])), Term("usual", "+", -float(scored.usual[row]))]
