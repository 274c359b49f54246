"""Selection: which of the candidates stand in a list, in which order, and what fills it up.

Every rule is applied before the limit: seven rows are given for `size = 7` wherever seven are eligible. In this order:
what a row is by itself (`item_pool`), the floor of its section, how long it has been listed, whether another list shows
it, the cap per section, the hysteresis at the cut, and what is missing then is filled up.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ranking.counts import arrays
from ranking.counts.arrays import FloatArray, Groups, Rows
from ranking.lists import hysteresis, ordering
from ranking.lists.item_pool import ItemPool
from ranking.lists.ordering import percentile
from ranking.lists.rules import WIDENED, Rule, Ruling
from ranking.lists.shortlist import depth_of
from ranking.scoring.sums import Moment, Span
from ranking.settings.lists import ListSettings

TENURE_STEPS = 8
#: Contenders of each kind in a replay, per row of the visible part; with two the lists of real reads are the same.
CONTENDERS = 5
#: From so many sections on all are sorted together.
MANY_SECTIONS = 50
#: Rules that hold for what fills a list up as well.
MEANT = (
    Rule.TAKEN_DOWN,
    Rule.BLOCKED,
    Rule.WITHDRAWN,
    Rule.FILTERED,
    Rule.NOT_KNOWN,
    Rule.NOT_DESCRIBED,
    Rule.NOT_YET_PUBLISHED,
    Rule.TOO_NEW,
)
NO_LEVELS: Mapping[int, ListSettings] = {}
NOTHING: Rows = np.zeros(0, dtype=np.int64)
#: The rows that other lists show at a moment (epoch seconds), by section, which the list leaves out.
LeftOut = Callable[[float, Sequence[int | None]], Mapping[int | None, Rows]]


class Selection(NamedTuple):
    """One list of one section at one moment: rows, best first; the last `filled` of them fill it up."""

    rows: Rows
    filled: int = 0


class Past:
    """One list at other moments, without tenure, other lists, hysteresis and fillers. Every answer is kept."""

    def __init__(self, pool: ItemPool, settings: ListSettings, known_until: float) -> None:
        self._pool = pool
        self._settings = settings
        self._known_until = known_until
        self._tops: dict[tuple[float, int], dict[int | None, Rows]] = {}

    def tops(self, at: float, numbers: Iterable[int | None], limit: int) -> Mapping[int | None, Rows]:
        """The first `limit` rows at a moment (epoch seconds), over all sections (number None) and of some."""
        known = self._tops.setdefault((at, limit), {})
        missing = [number for number in numbers if number not in known]
        if missing:
            moment = Moment(at, self._known_until)
            known.update(Selector(self._pool, self._settings, moment, self).plain(missing, limit))
            self._pool.forget(moment)
        return known


class Selector:
    """Selects the rows of one list at one moment, over all sections (number None) or some.

    The pool is scored once, when a selector is made, and every answer is kept; `past` is shared by the selectors of one
    list at several moments. `levels`: by number the sections that are ranked under settings of their own.
    """

    def __init__(
        self,
        pool: ItemPool,
        settings: ListSettings,
        moment: Moment,
        past: Past | None = None,
        left_out: LeftOut | None = None,
        levels: Mapping[int, ListSettings] = NO_LEVELS,
    ) -> None:
        self.pool = pool
        self.settings = settings
        self.moment = moment
        self._past = past or Past(pool, settings, moment.known_until)
        self._depth = depth_of(settings)
        self.candidates = pool.candidates(settings, moment)
        self._parted: dict[int, Rows] | None = None
        self._fillers: list[Tier] | None = None
        self._left_out = left_out
        self._selected: dict[int | None, Selection] = {}
        self._at: dict[float, Selector] = {moment.at: self}
        self._level_of = levels
        self._levels: dict[float, Selector] = {}

    def at(self, at: float) -> "Selector":
        """The selector of the same list at another moment (epoch seconds), with what is known by this one."""
        if at not in self._at:
            moment = Moment(at, self.moment.known_until)
            self._at[at] = Selector(self.pool, self.settings, moment, self._past, self._left_out, self._level_of)
        return self._at[at]

    def of(self, number: int | None) -> "Selector":
        """The selector that ranks a section, or all (number None)."""
        settings = None if number is None else self._level_of.get(number)
        if settings is None:
            return self
        if settings.half_life_s not in self._levels:
            self._levels[settings.half_life_s] = Selector(self.pool, settings, self.moment, left_out=self._left_out)
        return self._levels[settings.half_life_s]

    def sections(self) -> list[int]:
        """The numbers of the sections that have something to list."""
        numbers = set(self._by_section())
        for tier in self.tiers():
            numbers |= tier.parted.keys()
        return sorted(numbers)

    def selected(self, numbers: Iterable[int | None]) -> dict[int | None, Selection]:
        """The list over all sections (None) and of each of some sections."""
        numbers = list(numbers)
        by_level: dict[Selector, list[int | None]] = {}
        for number in numbers:
            if self._level_of and number not in self._selected and (level := self.of(number)) is not self:
                by_level.setdefault(level, []).append(number)
        for level, some in by_level.items():
            self._selected.update(level.selected(some))
        if missing := [number for number in numbers if number not in self._selected]:
            shown = self._left_out(self.moment.at, missing) if self._left_out else dict.fromkeys(missing, NOTHING)
            many = len(missing) > MANY_SECTIONS and self._by_score_alone
            self._selected.update(self._of_many(shown) if many else self._of_each(shown))
        return {number: self._selected[number] for number in numbers}

    def left_out(self, number: int | None) -> Rows:
        """The rows that the list of all sections (number None) or of one leaves out, as other lists show them."""
        return self._left_out(self.moment.at, [number])[number] if self._left_out else NOTHING

    def _of_each(self, shown: Mapping[int | None, Rows]) -> dict[int | None, Selection]:
        """The list of each section of `shown`, which has the rows that other lists show there."""
        rows = {number: self._eligible(number) for number in shown}
        long = self._listed_long(rows)
        out = {number: np.concatenate([long[number], others]) for number, others in shown.items()}
        tops = {number: self._best(_without(some, out[number]), number, self._depth) for number, some in rows.items()}
        if self.settings.hysteresis:
            tops = self._kept(tops)
        return {number: self._filled(top, number, out[number]) for number, top in tops.items()}

    @property
    def _by_score_alone(self) -> bool:
        """Whether nothing but rules of single rows and their order makes the list of a section."""
        settings = self.settings
        return (
            (settings.fill == "none" or (settings.fill == "widen" and not settings.widens))
            and not settings.hysteresis
            and not settings.section_floor
            and np.isinf(settings.max_tenure_s)
        )

    def _of_many(self, shown: Mapping[int | None, Rows]) -> dict[int | None, Selection]:
        """What `_of_each` gives, in one pass over all sections."""
        facts, most = self.pool.facts, max(map(len, shown.values()))
        in_section = facts.section.astype(np.int64) * (int(facts.group.max(initial=0)) + 1) + facts.group
        in_section[(facts.group < 0) | (facts.section < 0)] = arrays.NO_GROUP
        tops = ordering.best_by_section(
            self._one_version(self.candidates.rows, in_section), facts.section,
            score=self.candidates.score, published=facts.published,
            names=self.pool.names, limit=self._depth + most,
        )  # fmt: skip
        selections = {}
        for number, others in shown.items():
            if number is None:
                rows = self._best(_without(self._eligible(None), others), None, self._depth)
            else:
                rows = _without(tops.get(number, NOTHING), others)[: self._depth]
            selections[number] = Selection(rows)
        return selections

    def plain(self, numbers: Iterable[int | None], limit: int) -> dict[int | None, Rows]:
        """The first rows of each list, without tenure, other lists, hysteresis and fillers."""
        return {number: self._best(self._eligible(number), number, limit) for number in numbers}

    def rules_of(self, rows: Sequence[int], number: int | None) -> list[Rule]:
        """The rules that keep `rows` out of the list of all sections (number None) or of one, in the order of `rows`.

        A row that others outscore is `LISTED`: it may stand in the list, if further down.
        """
        asked, section = np.array(rows, dtype=np.int64), self.pool.facts.section
        ruling = Ruling(len(asked))
        ruling.codes[:] = self.candidates.rule[asked]
        if number is not None:
            ruling.out(Rule.OTHER_SECTION, section[asked] != number)
        ruling.out(Rule.BELOW_SECTION_FLOOR, ~np.isin(asked, self._above_floor(number)))
        eligible = self._eligible(number)
        ruling.out(Rule.OTHER_VERSION, ~np.isin(asked, eligible))
        long = self._listed_long({number: eligible})[number]
        ruling.out(Rule.LISTED_LONG, np.isin(asked, long))
        others = self.left_out(number)
        ruling.out(Rule.SHOWN_ELSEWHERE, np.isin(asked, others))
        if number is None and self.settings.max_per_section:
            out = np.concatenate([long, others])
            open_to, capped = _without(eligible, out), section[asked] != arrays.NO_SECTION
            numbers = np.unique(section[asked[capped & (ruling.codes == Rule.LISTED)]]).tolist()
            firsts = np.concatenate([NOTHING, *(self._firsts_of(each, open_to) for each in numbers)])
            ruling.out(Rule.OVER_SECTION_CAP, capped & ~np.isin(asked, firsts))
        return [Rule(code) for code in ruling.codes.tolist()]

    def _firsts_of(self, number: int, rows: Rows) -> Rows:
        """The first of one section's rows, as many of them as `max_per_section` lets in."""
        return self._best(rows[self.pool.facts.section[rows] == number], number, self.settings.max_per_section)

    def _by_section(self) -> dict[int, Rows]:
        if self._parted is None:
            self._parted = ordering.by_section(self.candidates.rows, self.pool.facts.section)
        return self._parted

    def _eligible(self, number: int | None) -> Rows:
        return self._one_version(self._above_floor(number), self.pool.facts.group)

    def _one_version(self, rows: Rows, group: Groups, score: FloatArray | None = None) -> Rows:
        """`rows` with one language version of each group: the one that stands highest."""
        score, facts = self.candidates.score if score is None else score, self.pool.facts
        return ordering.one_of_each(rows, group, score=score, published=facts.published, names=self.pool.names)

    def _above_floor(self, number: int | None) -> Rows:
        if number is None:
            return self.candidates.rows
        rows = self._by_section().get(number, NOTHING)
        if self.settings.section_floor and self.settings.kind != "latest":
            counted = self.candidates.counted[rows]
            least = max(self.settings.section_minimum, percentile(counted, self.settings.section_floor))
            rows = rows[counted >= least]
        return rows

    def _best(self, rows: Rows, number: int | None, limit: int) -> Rows:
        return self._ordered(rows, self.candidates.score, number, limit, Counter())

    def _ordered(self, rows: Rows, score: FloatArray, number: int | None, limit: int, taken: Counter[int]) -> Rows:
        published, names, cap = self.pool.facts.published, self.pool.names, self.settings.max_per_section
        if number is not None or not cap:
            return ordering.best(rows, score=score, published=published, names=names, limit=limit)
        return ordering.best_capped(
            rows, score=score, published=published, names=names, limit=limit,
            section=self.pool.facts.section, cap=cap, taken=taken,
        )  # fmt: skip

    # How long it has been listed

    def _listed_long(self, eligible: Mapping[int | None, Rows]) -> Mapping[int | None, Rows]:
        """Rows that were in the visible part at every look of the last `max_tenure`, an eighth of it apart.

        The list is taken without this rule: an item that the rule leaves out comes back when its readers let go of it.
        """
        looks = tenure_looks(self.settings, self.moment.at)
        if not looks:
            return dict.fromkeys(eligible, NOTHING)
        size = self.settings.size
        long = {number: self._best(rows, number, size) for number, rows in eligible.items()}
        for look in looks:  # the oldest first: it leaves the fewest to look up
            left = [number for number, rows in long.items() if len(rows)]
            tops = self._past.tops(look, left, size)
            long.update((number, np.intersect1d(long[number], tops[number])) for number in left)
        return long

    # Who stays at the cut

    def _kept(self, tops: Mapping[int | None, Rows]) -> dict[int | None, Rows]:
        """The lists with those in their visible part who are there by hysteresis, and those who wait for it below."""
        size, margin, kept = self.settings.size, self.settings.hysteresis, dict(tops)
        steps = hysteresis.steps(self.moment.at)
        contenders = self._contenders([number for number, top in tops.items() if len(top) > size], tops, steps[0])
        if not contenders:
            return kept
        union = np.unique(np.concatenate(list(contenders.values())))
        some, past = self.pool.only(union), []
        for step in steps:
            candidates = some.candidates(self.settings, Moment(step, self.moment.known_until))
            past.append(np.where(candidates.rule == Rule.LISTED, candidates.score, 0.0))
        now = self.candidates.score[union]
        for number, rows in contenders.items():
            place, top = np.searchsorted(union, rows), tops[number]
            scores = [*(score[place] for score in past), np.where(np.isin(rows, top), now[place], 0.0)]
            stays = np.isin(top, rows[hysteresis.members(scores, size, margin)])
            kept[number] = np.concatenate([top[stays], top[~stays]])
        return kept

    def _contenders(
        self, numbers: Sequence[int | None], tops: Mapping[int | None, Rows], since: float
    ) -> dict[int | None, Rows]:
        """The rows in each list's replay: the best now, the best at its beginning, the most read in between."""
        enough = CONTENDERS * self.settings.size
        before = self._past.tops(since, numbers, enough)
        read = self.pool.read(self.settings, Span(since), self.moment)
        facts, names, contenders = self.pool.facts, self.pool.names, {}
        for number in numbers:
            most = ordering.best(
                self._eligible(number), score=read, published=facts.published, names=names, limit=enough
            )
            rows = np.unique(np.concatenate([tops[number][:enough], before[number], most]))
            in_order = sorted(rows.tolist(), key=lambda row: (-facts.published[row], names[row]))  # of equal scores
            contenders[number] = np.array(in_order, dtype=np.int64)
        return contenders

    # What fills it up

    def _filled(self, top: Rows, number: int | None, long: Rows) -> Selection:
        ranked, tiers = len(top), self.tiers() if len(top) < self._depth else ()
        taken = Counter(self.pool.facts.section[top].tolist() if tiers else ())
        for tier in tiers:
            rows = tier.rows if number is None else tier.parted.get(number, NOTHING)
            group = self.pool.facts.group
            rows = _without(rows, np.concatenate([top, long]))
            rows = rows[~np.isin(group[rows], group[top][group[top] >= 0])]
            rows = self._one_version(rows, group, tier.score)
            missing = self._depth - len(top)
            top = np.concatenate([top, self._ordered(rows, tier.score, number, missing, taken)])
        return Selection(top, len(top) - ranked)

    def orders(self) -> list[tuple[Rows, FloatArray]]:
        """Every order that the list takes rows from, as rows and their scores: the candidates, then each tier."""
        return [(self.candidates.rows, self.candidates.score), *((tier.rows, tier.score) for tier in self.tiers())]

    def tiers(self) -> list["Tier"]:
        """Rows that may fill a list up, the better ones first."""
        if self._fillers is None:
            score, rule, section = self.candidates.score, self.candidates.rule, self.pool.facts.section
            self._fillers = []
            if self.settings.fill == "latest":
                meant = np.isin(rule, MEANT)
                facts = self.pool.facts
                rows = np.flatnonzero(facts.stored & (facts.published <= self.moment.at) & ~meant)
                self._fillers = [Tier(rows, ordering.by_section(rows, section), facts.published)]
            elif self.settings.widens:
                open_to = np.isin(rule, (Rule.LISTED, *WIDENED))
                orders = [(score, score > 0)]
                if not self.settings.scored_by_any_event:
                    widened = self.pool.widened(self.settings, self.moment)
                    orders.append((widened, (score <= 0) & (widened > 0)))
                for order, mask in orders:
                    rows = np.flatnonzero(open_to & mask)
                    self._fillers.append(Tier(rows, ordering.by_section(rows, section), order))
        return self._fillers


def tenure_looks(settings: ListSettings, at: float) -> list[float]:
    """The moments at which `max_tenure` looks whether a row was listed, oldest first; all epoch seconds."""
    if math.isinf(settings.max_tenure_s):
        return []
    step_s = settings.max_tenure_s / TENURE_STEPS
    oldest = int((at - settings.max_tenure_s) // step_s)
    return [look * step_s for look in range(oldest, oldest + TENURE_STEPS + 1)]


class Tier(NamedTuple):
    """Rows that may fill a list up, also by the number of their section, and the score that orders them."""

    rows: Rows
    parted: Mapping[int, Rows]
    score: FloatArray


def _without(rows: Rows, out: Rows) -> Rows:
    return rows[~np.isin(rows, out)] if len(out) else rows
