"""Burst lists: the recent events of every item against its own past, from the same counts as any other list.

A peak may be held: an item that stood out is shown for a while, fading from the moment at which it stood out most. The
peak is measured anew at every refresh, at past moments that are aligned to the clock.

Of an item that is younger than the baseline the past is short. By `excess`, the part of the baseline before its
publication has what the section's items that are being read usually have: the mean of the logarithms of 1 + events, so
that one giant does not speak for them all. The mean of the whole site counts as one item of each section.

Rejected: to keep the peak. A kept peak depends on when it was measured, so two processes would disagree, a list of a
past moment could not be had, and a late event would change nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ranking.calendar import NO_PERIOD, period_span
from ranking.counts.arrays import NO_SECTION, FloatArray, Mask, Rows, Sections
from ranking.intake.events import DEFAULT_KIND
from ranking.scoring import burst_measures
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.decay import Alike, HalfLife
from ranking.scoring.formula import Formula, Scored
from ranking.scoring.sums import Counts, Horizon, Moment, Span, Sums
from ranking.settings.lists import ListSettings

VIEWS = ChannelWeights({DEFAULT_KIND: 1.0})
MOST_PEAKS = 96  # moments at which a past burst is measured: every half hour in two days
PEAK_STEP_S = 300.0
LEVELS = 2.0**20  # to an octave of what is usual
MOST_NUMBERS = 4_000_000  # of one table of items by moments: 32 MB


def compares_sections(settings: ListSettings) -> bool:
    """Whether a list expects of a young item what the items of its section usually have."""
    by_span = settings.method == "excess" and settings.period == NO_PERIOD
    return settings.kind == "burst" and by_span and settings.poisson_floor


class Edges(NamedTuple):
    """The two spans that a burst at one moment compares, in epoch seconds.

    What is expected in `[since, until)` is what happened in `[before, since)`, per `over_s` seconds, in `short_s`.
    """

    before: float
    since: float
    until: float
    over_s: float = 1.0
    short_s: float = 1.0


class BurstItems(NamedTuple):
    """What a burst list knows of its items beside their counts.

    `published`: (rows,) float64, epoch seconds; `section`: (rows,) int32; `listable`: (rows,) bool, whether the list
    may show them.
    """

    published: FloatArray
    section: Sections
    listable: Mask


class SectionLevels(NamedTuple):
    """What items that are read now usually have, by section, no section first; whole numbers, whose sums are exact.

    `levels`: (sections + 1,) float64, the sum of their levels (see LEVELS); `items`: (sections + 1,) float64, how many
    they are; `of_site`: both of the whole site.
    """

    levels: FloatArray
    items: FloatArray
    of_site: tuple[float, float]


class Bursts:
    """One burst list's formula over a site's counts. `start` is when the site's counts begin.

    `levels`: those of the whole site, where the counts are a part of it; None: the counts are whole.
    """

    def __init__(
        self,
        settings: ListSettings,
        counts: Counts,
        items: BurstItems,
        start: float,
        zone: tzinfo,
        levels: SectionLevels | None = None,
    ) -> None:
        self._levels = levels
        self._settings = settings
        self._counts = counts
        self._items = items
        self._in_section: FloatArray | None = None  # what items of each row's section usually have in `short`
        self._channel_weights = Formula(settings, zone).channel_weights(counts.channels)
        self._start = start
        self._zone = zone

    def scored(self, sums: Sums) -> Scored:
        """Per row: the events that `minimum` is compared with, and how far they stand out."""
        now = self._now(sums)
        return self._with_peaks(sums, now) if self._settings.hold_s else now

    def _now(self, sums: Sums) -> Scored:
        settings, edges = self._settings, self._edges(sums.moment.at)
        match settings.method:
            case "ratio":
                recent, longer = (self._decayed(sums, span_s) for span_s in (settings.short_s, settings.baseline_s))
                return Scored(recent, burst_measures.ratio(recent, longer, settings.minimum))
            case "acceleration":
                at, short_s = sums.moment.at, settings.short_s
                starts = [at - short_s * number for number in range(4)]
                newest, middle, oldest = (self._count(sums, since, until) for until, since in pairwise(starts))
                return Scored(newest, burst_measures.acceleration(newest, middle, oldest, settings.minimum))
            case "z-score" | "ewma":
                observed = self._count(sums, edges.since)
                return Scored(observed, self._against_spans(sums, observed, edges))
            case _:
                observed, earlier = self._count(sums, edges.since), self._count(sums, edges.before, edges.since)
                if compares_sections(settings):
                    self._in_section = self._usual_in_section(observed, earlier, edges)
                scored = self._compared(observed, earlier, edges, slice(None))
                # A held score is of another moment; and nothing is usual of a site that has just begun.
                unknown = settings.hold_s or edges.since - max(self._start, edges.before) < settings.short_s
                return scored._replace(usual=None) if unknown else scored

    def _usual_in_section(self, observed: FloatArray, earlier: FloatArray, edges: Edges) -> FloatArray:
        """What items of each row's section usually have in `short_s`, (rows,) float64, events."""
        found = self._levels or self._levels_of(observed, earlier, edges)
        of_site = found.of_site[0] / max(found.of_site[1], 1)
        usual = np.exp2((found.levels + of_site) / (found.items + 1) / LEVELS) - 1.0
        return np.asarray(usual[self._items.section - NO_SECTION])

    def levels(self, sums: Sums) -> SectionLevels:
        """What items that are read now usually have, of these counts alone; for a list that `compares_sections`."""
        edges = self._edges(sums.moment.at)
        return self._levels_of(self._count(sums, edges.since), self._count(sums, edges.before, edges.since), edges)

    def _levels_of(self, observed: FloatArray, earlier: FloatArray, edges: Edges) -> SectionLevels:
        """It is of items that were read now, which every shortlist has, and of whole numbers.

        An item that was read before was there for `short_s` at least: one without a date begins with its first read.
        """
        read = self._items.listable & (observed > 0)
        number = self._items.section - NO_SECTION
        size = int(number.max(initial=0)) + 1
        usual = earlier[read] / np.maximum(self._there_s(edges, read), edges.short_s) * edges.short_s
        weights = np.floor(LEVELS * np.log2(1.0 + usual))
        levels = np.asarray(np.bincount(number[read], weights=weights, minlength=size), dtype=np.float64)
        items: FloatArray = np.bincount(number[read], minlength=size).astype(np.float64)
        return SectionLevels(levels, items, (float(levels.sum()), float(items.sum())))

    def _there_s(self, edges: Edges, rows: Rows | Mask | slice) -> FloatArray:
        """How much of the baseline each of some rows was published for, float64, seconds."""
        since = np.maximum(self._items.published[rows], edges.before)
        return np.clip(edges.since - since, 0.0, edges.over_s)

    def _compared(self, observed: FloatArray, earlier: FloatArray, edges: Edges, rows: Rows | slice) -> Scored:
        """The bursts of some rows, of which these are the events now and before."""
        settings = self._settings
        expected = earlier / edges.over_s * edges.short_s
        if self._in_section is not None:
            expected = expected + self._in_section[rows] * (1.0 - self._there_s(edges, rows) / edges.over_s)
        match settings.method:
            case "share":
                both = observed + earlier
                enough = both >= max(settings.minimum, 1.0)
                return Scored(both, np.where(enough, burst_measures.ratio(observed, both, 0.0), 0.0))
            case "excess":
                usual = np.maximum(expected, burst_measures.MIN_EXPECTED) if settings.poisson_floor else expected
                return Scored(observed, burst_measures.excess(observed, usual, settings.minimum), usual)
            case _:
                score = burst_measures.chi_square(observed, expected, settings.minimum)
                return Scored(observed, score, np.maximum(expected, burst_measures.MIN_EXPECTED))

    def _edges(self, at: float) -> Edges:
        settings = self._settings
        if settings.period != NO_PERIOD:  # compared with the whole of the period before it
            since, _ = period_span(settings.period, at, self._zone, settings.week_start)
            before, _ = period_span(settings.period, since - 1, self._zone, settings.week_start)
            return Edges(before, since, at)
        since = at - settings.short_s
        # A site younger than the baseline, or a shorter retention, is compared with what there is.
        before = max(at - settings.baseline_s, min(self._start, since))
        return Edges(before, since, at, max(since - before, settings.short_s), settings.short_s)

    def _against_spans(self, sums: Sums, observed: FloatArray, edges: Edges) -> FloatArray:
        """Against the spans of equal length before it, the oldest first. Only rows that may stand out are looked at."""
        settings = self._settings
        rows = np.flatnonzero((observed >= settings.minimum) & (observed > 0))
        spans = max(1, math.floor((edges.since - edges.before) / settings.short_s))
        some = self._counts.only(rows)
        of_moments = [edges.since - settings.short_s * number for number in range(spans, -1, -1)]
        counts = (_between(some, sums.moment, self._channel_weights, *pair) for pair in pairwise(of_moments))
        mean, variance = np.zeros(len(rows)), np.zeros(len(rows))
        if settings.method == "ewma":
            alpha = 1.0 - 2.0 ** (-settings.short_s / settings.half_life_s)
            for count in counts:
                off = count - mean
                mean, variance = mean + alpha * off, (1.0 - alpha) * (variance + alpha * off * off)
        else:
            square = np.zeros(len(rows))
            for count in counts:
                mean += count
                square += count * count
            mean /= spans
            variance = np.maximum(square / spans - mean * mean, 0.0)
        score = np.zeros(len(observed))
        score[rows] = burst_measures.z_score(
            observed[rows], mean, np.sqrt(variance), settings.minimum, poisson_floor=settings.poisson_floor
        )
        return score

    def _with_peaks(self, sums: Sums, now: Scored) -> Scored:
        """The highest burst of the held past, the first of equals, faded since then; with the events it was made of."""
        at, hold_s = sums.moment.at, self._settings.hold_s
        step_s = PEAK_STEP_S * max(1, math.ceil(hold_s / MOST_PEAKS / PEAK_STEP_S))
        first, last = math.floor((at - hold_s) / step_s) + 1, math.ceil(at / step_s) - 1
        edges = [self._edges(step_s * number) for number in range(first, last + 1)]
        peak, counted, when = now.score.copy(), now.counted.copy(), np.full(len(now.score), at)
        for rows, found in self._past_peaks(sums, edges) if edges else ():
            higher = found.peak >= peak[rows]
            chosen = rows[higher]
            peak[chosen], when[chosen], counted[chosen] = (column[higher] for column in found)
        return Scored(counted, burst_measures.held(peak, at - when, self._settings.peak_half_life_s))

    def _past_peaks(self, sums: Sums, edges: Sequence[Edges]) -> Iterator[tuple[Rows, "Peaks"]]:
        """Rows that may have had a burst, in parts, and the highest that each had."""
        grid = sorted({point for each in edges for point in (each.before, each.since, each.until)})
        place = {point: number for number, point in enumerate(grid)}
        steps = [Horizon(Alike(), (Span(*pair),)).weights(self._counts.columns, sums.moment) for pair in pairwise(grid)]
        lively = self._count(sums, edges[0].since)
        rows = np.flatnonzero((lively >= self._settings.minimum) & (lively > 0))
        among, size = self._counts.only(rows), max(1, MOST_NUMBERS // len(grid))
        for start in range(0, len(rows), size):
            part = np.arange(start, min(len(rows), start + size))
            yield rows[part], self._peaks(among.only(part), rows[part], steps, edges, place)

    def _peaks(
        self,
        some: Counts,
        rows: Rows,
        steps: Sequence[FloatArray],
        edges: Sequence[Edges],
        place: Mapping[float, int],
    ) -> "Peaks":
        """The peaks of `rows`, of which these are the counts."""
        until = np.zeros((len(place), some.size))  # views of every row, from the first place on
        for number, bucket_weights in enumerate(steps, 1):
            until[number] = until[number - 1] + some.item_sums(some.cell_sums(bucket_weights), self._channel_weights)
        peak, counted, when = np.zeros(some.size), np.zeros(some.size), np.zeros(some.size)
        for each in edges:
            before, since, end = (until[place[point]] for point in (each.before, each.since, each.until))
            then = self._compared(end - since, since - before, each, rows)
            higher = then.score > peak
            peak[higher], counted[higher], when[higher] = then.score[higher], then.counted[higher], each.until
        return Peaks(peak, when, counted)

    def _count(self, sums: Sums, since: float, until: float = math.inf) -> FloatArray:
        return sums.total(Horizon(Alike(), (Span(since, until),)), self._channel_weights)

    def _decayed(self, sums: Sums, half_life_s: float) -> FloatArray:
        return sums.total(Horizon(HalfLife(half_life_s)), self._channel_weights)


class Peaks(NamedTuple):
    """Per row, (rows,) float64 each: the highest burst, its moment (epoch seconds), its events for `minimum`."""

    peak: FloatArray
    when: FloatArray
    counted: FloatArray


def _between(counts: Counts, moment: Moment, channel_weights: FloatArray, since: float, until: float) -> FloatArray:
    weights = Horizon(Alike(), (Span(since, until),)).weights(counts.columns, moment)
    return counts.item_sums(counts.cell_sums(weights), channel_weights)
