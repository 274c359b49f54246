"""Formula: a list's settings, put into the one expression that every ranking of counts is.

    score(item, t) = f( sum over kinds k of w(k) * sum over buckets b of n(item, k, b) * D(t - b) ) * G(t - published)

D is the decay of the events, G the aging of the item, f the shape. `presets` has the rankings that others use as
settings of this.

Rejected: a function per ranking, which could be neither mixed nor explained nor retuned in one way.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np

from ranking.calendar import NO_PERIOD, day_share, midnight, period_span
from ranking.counts.arrays import FloatArray
from ranking.intake.events import DEFAULT_KIND, channel_kind
from ranking.scoring import aging, shapes
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.correction import MOST, factors
from ranking.scoring.decay import MOST_HALF_LIVES, Alike, Decay, HalfLife, Later
from ranking.scoring.decay_forms import DECAY_FORMS
from ranking.scoring.sums import Counts, Horizon, Span, Sums
from ranking.settings.decays import DECAYS, FORECAST
from ranking.settings.lists import ListSettings

ALL_EVENTS = Horizon(Alike())
#: The kinds that the shape "discourse-top" counts beside views.
FIRST_LIKE, LIKE, REPLY = "first-like", "like", "reply"


#: No function here is off by more than this, and no score that is less by so much is certain.
A_LITTLE_MORE, LEAST_SCORE = 1.0 + 1e-9, 1e-290
#: A score below LOW has few digits or none. Its place is kept by its logarithm: see `_from_log`.
LOW, SMALLEST = 2.0**-MOST_HALF_LIVES, math.ulp(0.0)
#: How many thousands of half-lives are told apart.
MOST_STEPS = 64


class Scored(NamedTuple):
    """Per row, (rows,) float64 each: the sum before its shape, and the score.

    `usual`: of a burst, how many events would have been usual; None where the list does not know.
    """

    counted: FloatArray
    score: FloatArray
    usual: FloatArray | None = None


class Term(NamedTuple):
    """One step towards a score: what those before it come to is added to (+), multiplied (x) or divided (/) by `value`.

    Or it is `value` from here on (=). A score is what its terms come to, in their order, to the last bit.
    """

    name: str
    operation: str
    value: float


class Formula:
    """The expression of one list, each part on its own so that a score can be explained by them.

    `zone` is the site's: "today" begins at its midnight.
    """

    def __init__(self, settings: ListSettings, zone: tzinfo) -> None:
        self._settings = settings
        self._zone = zone

    def scored(self, sums: Sums, published: FloatArray) -> Scored:
        """Every row's score; `published`: (rows,) float64, epoch seconds."""
        age_s = sums.moment.at - published
        n, score = self._aged_sums(sums, age_s)
        score = self._corrected(score, sums, age_s)
        return Scored(n, score + self._revived(sums) if self._settings.revival_s else score)

    def _corrected(self, score: FloatArray, sums: Sums, age_s: FloatArray) -> FloatArray:
        """The scores as a forecast corrects them, (rows,) float64; one that has few digits or none stays as it is."""
        if self._settings.correction is None:
            return score
        product = score
        for _, factor in self._factors(sums, age_s):
            product = product * factor
        return np.where(score >= LOW, np.clip(product, score / MOST, score * MOST), score)

    def _correcting_terms(self, score: FloatArray, sums: Sums, age_s: FloatArray) -> list[Term]:
        """The terms by which the first row's score is corrected."""
        if score[0] < LOW:
            return []
        product, found = float(score[0]), []
        for name, factor in self._factors(sums, age_s):
            found.append(Term(f"{FORECAST}: {name}", "x", float(factor[0])))
            product *= found[-1].value
        if product != (bounded := float(self._corrected(score, sums, age_s)[0])):
            found.append(Term(f"{FORECAST}: bound", "=", bounded))
        return found

    def _factors(self, sums: Sums, age_s: FloatArray) -> Iterable[tuple[str, FloatArray]]:
        correction = self._settings.correction
        return () if correction is None else factors(correction, sums, self.channel_weights(sums.channels), age_s)

    def _aged_sums(self, sums: Sums, age_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Every row's sum and score but for its revival."""
        settings = self._settings
        if settings.bonus_kinds:
            n, bonus = self._with_bonus(sums)
            n = n + bonus
            logs = np.full(len(n), -np.inf)
        else:
            channel_weights = self.channel_weights(sums.channels)
            n = sums.total(self.horizon(sums.moment.at), channel_weights)
            logs = self._logs_of_quiet(sums, channel_weights, n)
            n = np.where(np.isfinite(logs), SMALLEST, n)
        topic = settings.shape == "discourse-top"
        shaped = shapes.discourse_top(*self._of_topic(sums, self.horizon(sums.moment.at))) if topic else self.shaped(n)
        aged = self.aged(age_s)
        score = shaped * aged
        quiet = np.isfinite(logs)
        if settings.shape == "plain" and (low := np.flatnonzero(quiet | ((n > 0) & (score < LOW)))).size:
            of_n = np.where(quiet[low], logs[low], np.log2(n[low]))
            score[low] = _from_log(settings.exponent * of_n + np.log2(aged[low]))
        return n, score

    def has_quiet(self, sums: Sums) -> bool:
        """Whether there are events that are too old for the digits of a sum under the list's half-life."""
        decay = self.horizon(sums.moment.at).decay
        return isinstance(decay, HalfLife) and sums.oldest_s > MOST_HALF_LIVES * decay.half_life_s

    def _logs_of_quiet(self, sums: Sums, channel_weights: FloatArray, n: FloatArray) -> FloatArray:
        """Binary logarithm of the sum of each row that is quiet: it has events, and no digits in `n`. Else -inf."""
        logs, horizon = np.full(len(n), -np.inf), self.horizon(sums.moment.at)
        if not isinstance(horizon.decay, HalfLife) or not self.has_quiet(sums):
            return logs
        half_life_s = horizon.decay.half_life_s
        steps = math.floor(sums.oldest_s / half_life_s / MOST_HALF_LIVES)
        left = (n < LOW) & (sums.total(Horizon(Alike(), horizon.spans), channel_weights) > 0)
        for step in range(1, min(steps, MOST_STEPS) + 1):
            if not left.any():
                break
            half_lives = step * MOST_HALF_LIVES
            later = sums.total(Horizon(Later(half_life_s, half_lives), horizon.spans), channel_weights)
            found = left & (later >= LOW)
            logs[found] = np.log2(later[found]) - half_lives
            left &= ~found
        return logs

    def terms(self, sums: Sums, published: FloatArray) -> list[Term]:
        """The terms of the first row's score; see `Term`."""
        settings, at = self._settings, sums.moment.at
        age_s = at - published
        if settings.shape == "discourse-top":
            parts = shapes.discourse_parts(*self._of_topic(sums, self.horizon(at)))
            named = zip(shapes.TOPIC_PARTS, "=++++", parts, strict=True)
            found = [Term(name, operation, float(part[0])) for name, operation, part in named]
            n = sum(parts[1:], parts[0])
        else:
            if settings.bonus_kinds:
                n, bonus = self._with_bonus(sums)
                found = [Term("events", "=", float(n[0])), Term("bonus", "+", float(bonus[0]))]
                n = n + bonus
            else:
                n = sums.total(self.horizon(at), self.channel_weights(sums.channels))
                found = [Term("events", "=", float(n[0]))]
            if settings.shape != "plain" or settings.exponent != 1.0:
                n = self.shaped(n)
                found.append(Term("shape", "=", float(n[0])))
        if settings.aging != "none":
            found.append(Term("aging", "x", float(self.aged(age_s)[0])))
        score = self._aged_sums(sums, age_s)[1]
        if settings.shape == "plain" and score[0] != (n * self.aged(age_s))[0]:
            found.append(Term("quiet", "=", float(score[0])))
        found += self._correcting_terms(score, sums, age_s)
        if settings.revival_s:
            found.append(Term("revival", "+", float(self._revived(sums)[0])))
        return found

    @property
    def fades(self) -> bool:
        """Whether what bounds the score of an item without new events never rises, and depends on that item alone."""
        settings = self._settings
        return (
            DECAYS[settings.decay].fades
            and settings.period != "yesterday"
            and settings.shape != "discourse-top"
            and settings.scale == "none"
            and not settings.revival_s
        )

    def upper_bounds(self, counts: Counts, since: float, published: FloatArray) -> Scored:
        """Upper bounds on every row's sum and score at each moment from `since` on, without new events.

        For a formula that `fades`. A bound is higher by a billionth where the last bit is not certain. `published`:
        (rows,) float64, epoch seconds.
        """
        settings, horizon = self._settings, self.horizon(since)
        cell_weights = counts.cell_sums(horizon.upper_bounds(counts.columns, since))
        channel_weights = self.channel_weights(counts.channels)
        of_bonus = self._of_kinds(counts.channels, *settings.bonus_kinds)
        n = counts.item_sums(cell_weights, channel_weights - of_bonus)
        if settings.bonus_kinds:
            n = n + np.minimum(counts.item_sums(cell_weights, of_bonus), n)
        if not isinstance(horizon.decay, Alike):
            n = n * A_LITTLE_MORE
        oldest_s = since - min(counts.start, since)
        if isinstance(horizon.decay, HalfLife) and oldest_s > MOST_HALF_LIVES * horizon.decay.half_life_s:
            # What has no digits left is listed after all else.
            events = counts.cell_sums(Horizon(Alike(), horizon.spans).upper_bounds(counts.columns, since))
            n = np.where(counts.item_sums(events, channel_weights) > 0, np.maximum(n, SMALLEST), n)
        score = self.shaped(n) * self.aged(since - published) * A_LITTLE_MORE
        if settings.correction is not None:
            score = score * MOST
        listed = n > 0 if settings.shape == "plain" else score > 0
        return Scored(n, np.where(listed, np.maximum(score, LEAST_SCORE), 0.0))

    def horizon(self, at: float) -> Horizon:
        """D, and the spans of time that count, at the moment `at` (epoch seconds)."""
        return Horizon(self._decay(), self._spans(at))

    def span_s(self, at: float) -> float:
        """The span that the list looks back, in seconds: a period, a burst's, a half-life or a window; inf for all."""
        settings = self._settings
        if settings.period != NO_PERIOD:
            since, until = period_span(settings.period, at, self._zone, settings.week_start)
            return until - since
        if settings.kind == "burst":
            return settings.short_s
        return settings.half_life_s if "half_life" in DECAYS[settings.decay].uses else settings.window_s

    def channel_weights(self, channels: Sequence[str]) -> FloatArray:
        """w: (channels,) float64."""
        return self._weighing(self._settings.weights).per_channel(channels)

    def shaped(self, n: FloatArray) -> FloatArray:
        """f of the sums, (rows,) float64 in and out."""
        match self._settings.shape:
            case "minus-one":
                return shapes.minus_one(n, self._settings.exponent)
            case "plus-one":
                return shapes.plus_one(n)
            case "log":
                return shapes.log(n)
            case _:
                return shapes.plain(n, self._settings.exponent)

    def aged(self, age_s: FloatArray) -> FloatArray:
        """G of the ages, (rows,) float64 in and out; ages in seconds since publication."""
        settings = self._settings
        match settings.aging:
            case "half-life":
                return aging.half_life(age_s, settings.aging_half_life_s)
            case "gravity":
                return aging.gravity(age_s, settings.gravity, settings.gravity_offset_s)
            case _:
                return np.ones_like(age_s)

    def _revived(self, sums: Sums) -> FloatArray:
        """Score of an item that is read again, as if new: (recent events - 1) * gravity since the first of them.

        Source: Discourse, `topic_hot_score.rb`.
        """
        settings, at = self._settings, sums.moment.at
        recent = Horizon(Alike(), (Span(since=at - settings.revival_s),))
        channel_weights = self._weighing(settings.revival_weights or settings.weights).per_channel(sums.channels)
        since = at - sums.first(recent, channel_weights)
        again = shapes.minus_one(sums.total(recent, channel_weights))
        return np.where(
            np.isfinite(since), again * aging.gravity(since, settings.gravity, settings.gravity_offset_s), 0.0
        )

    def _with_bonus(self, sums: Sums) -> tuple[FloatArray, FloatArray]:
        """What counts without the bonus kinds, and what they add: no more than that."""
        of_bonus = self._of_kinds(sums.channels, *self._settings.bonus_kinds)
        horizon = self.horizon(sums.moment.at)
        n = sums.total(horizon, self.channel_weights(sums.channels) - of_bonus)
        return n, np.minimum(sums.total(horizon, of_bonus), n)

    def _of_topic(self, sums: Sums, horizon: Horizon) -> list[FloatArray]:
        def of(kind: str, over: Horizon = horizon) -> FloatArray:
            return sums.total(over, self._of_kinds(sums.channels, kind))

        return [of(DEFAULT_KIND), of(FIRST_LIKE), of(LIKE), of(REPLY), of(REPLY, ALL_EVENTS)]

    def _of_kinds(self, channels: Sequence[str], *kinds: str) -> FloatArray:
        chosen = np.array([channel_kind(channel) in kinds for channel in channels], dtype=np.bool_)
        return np.where(chosen, self.channel_weights(channels), 0.0)

    def _weighing(self, weights: Mapping[str, float]) -> ChannelWeights:
        settings = self._settings
        return ChannelWeights(weights, settings.self_click_weight, settings.position_bias, settings.position_cap)

    def _decay(self) -> Decay:
        return DECAY_FORMS[self._settings.decay].make(self._settings)

    def _spans(self, at: float) -> tuple[Span, ...]:
        if self._settings.decay == "day-blend":
            today, passed = midnight(at, self._zone), day_share(at, self._zone)
            return Span(midnight(at, self._zone, -1), today, 1.0 - passed), Span(today, math.inf, passed)
        if self._settings.period != NO_PERIOD:
            since, until = period_span(self._settings.period, at, self._zone, self._settings.week_start)
            return (Span(max(since, at - self._settings.window_s), until),)
        return (Span(since=at - self._settings.window_s),)


def _from_log(log2: FloatArray) -> FloatArray:
    """A score of a binary logarithm, (n,) float64; one below that of LOW keeps its place and loses its value.

    >>> _from_log(np.array([-1.0, -1000.0, -2000.0])).tolist() == [0.5, LOW, LOW / 2]
    True
    """
    place: FloatArray = LOW * (MOST_HALF_LIVES / np.maximum(-log2, MOST_HALF_LIVES))
    return np.where(log2 < -MOST_HALF_LIVES, place, np.exp2(log2))
