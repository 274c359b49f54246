"""How a list forgets: as a formula, in an editor's words and as a curve.

A half-life says little to an editor; "after 2 h a view counts half, after 24 h nothing" does. Curves of several lists
are drawn over the same ages, so that they can be laid one over the other.
"""

import math
from datetime import UTC

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.scoring.decay_forms import DECAY_FORMS
from ranking.scoring.formula import Formula
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S, MINUTE_S, format_duration, spoken_duration

POINTS = 61
#: A curve is drawn to where less than this is left, and to a week at most.
FADED = 0.02
LEAST_SPAN_S, MOST_SPAN_S = float(HOUR_S), 7.0 * DAY_S
#: Below this share people would rather read "nothing".
NOTHING = 0.005


def weights(settings: ListSettings, ages_s: FloatArray) -> FloatArray | None:
    """Weight of one event at each age, 1 when it is new: (ages,) float64. None where age alone does not decide it.

    `ages_s`: (ages,) float64, seconds.
    """
    if settings.kind != "ranked" or settings.by_calendar:
        return None
    decay = Formula(settings, UTC).horizon(0.0).decay
    return np.where(ages_s <= settings.window_s, decay(ages_s) / decay(np.zeros(1)), 0.0)


def ages_for(*lists: ListSettings) -> FloatArray:
    """Ages over which these lists' curves change: (POINTS,) float64, seconds, rising from 0."""
    longest = max((_faded_at(each) for each in lists), default=LEAST_SPAN_S)
    return np.linspace(0.0, min(max(longest, LEAST_SPAN_S), MOST_SPAN_S), POINTS)


def curve(settings: ListSettings, ages_s: FloatArray) -> list[float] | None:
    """`weights`, rounded to be sent."""
    exact = weights(settings, ages_s)
    return None if exact is None else [round(weight, 4) for weight in exact.tolist()]


def in_words(settings: ListSettings) -> str:
    """How a list forgets, as a sentence.

    >>> in_words(ListSettings(half_life="6h"))
    'After 6 h a view counts half, after 24 h 6 %.'
    >>> in_words(ListSettings(half_life="none", window="1d"))
    'A view counts in full for 24 h, then not at all.'
    >>> in_words(ListSettings(half_life="none", aging="gravity", max_age="7d"))
    'A view counts the same however old it is. An item counts half when it is 56 min old. Items over 7 d are left out.'
    >>> in_words(ListSettings(decay="linear", window="8h"))
    'After 4 h a view counts half, after 8 h nothing.'
    >>> in_words(ListSettings(kind="burst"))
    'Views of the last 1 h are held against what the 7 d before let expect.'
    """
    parts = [_of_events(settings), _of_items(settings)]
    if settings.max_age_s < math.inf:
        parts.append(f"Items over {spoken_duration(settings.max_age_s)} are left out.")
    return " ".join(part for part in parts if part)


def _of_events(settings: ListSettings) -> str:
    if settings.kind == "latest":
        return "The newest item stands first, whatever is read."
    if settings.kind == "burst":
        spans = spoken_duration(settings.short_s), spoken_duration(settings.baseline_s)
        return f"Views of the last {spans[0]} are held against what the {spans[1]} before let expect."
    if words := DECAY_FORMS[settings.decay].words:
        return words
    if settings.by_calendar:
        return f"Views of {settings.period} count, by the site's calendar."
    half_s, gone_s = _falls_to(settings, 0.5), _falls_to(settings, 0.0)
    if half_s is None:
        return "A view counts the same however old it is."
    edge = weights(settings, np.array([half_s * 0.999, half_s * 1.001]))
    if edge is not None and edge[0] > 0.999 and edge[1] <= NOTHING:
        return f"A view counts in full for {spoken_duration(half_s)}, then not at all."
    later_s = gone_s if gone_s is not None and gone_s <= 4 * half_s else _round_after(half_s)
    left = weights(settings, np.array([later_s]))
    percent = "nothing" if left is None or left[0] <= NOTHING else f"{100 * left[0]:.0f} %"
    return f"After {spoken_duration(half_s)} a view counts half, after {spoken_duration(later_s)} {percent}."


def _of_items(settings: ListSettings) -> str:
    if settings.aging == "none" or settings.kind != "ranked":
        return ""
    ages = np.concatenate([[0.0], np.geomspace(MINUTE_S, 100 * DAY_S, 4000)])
    aged = Formula(settings, UTC).aged(ages)
    half = np.flatnonzero(aged <= aged[0] / 2)
    return f"An item counts half when it is {spoken_duration(float(ages[half[0]]))} old." if len(half) else ""


def _falls_to(settings: ListSettings, share: float) -> float | None:
    """The age in seconds at which an event first counts no more than `share`; None: at no age below 400 days."""
    low, high = 0.0, 400.0 * DAY_S
    left = weights(settings, np.array([high]))
    if left is None or left[0] > share:
        return None
    while high - low > max(1e-3, 1e-6 * high):
        middle = (low + high) / 2
        left = weights(settings, np.array([middle]))
        low, high = (low, middle) if left is not None and left[0] <= share else (middle, high)
    return high


def _faded_at(settings: ListSettings) -> float:
    faded_s, half_s = _falls_to(settings, FADED), _falls_to(settings, 0.5)
    return min(faded_s or math.inf, 8 * half_s) if half_s else DAY_S


def _round_after(half_s: float) -> float:
    """An age that people think in, well after the half."""
    rounded = (HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 3 * DAY_S, 7 * DAY_S)
    return next((each for each in rounded if each >= 2.99 * half_s), 4 * half_s)


SCALES = {
    "none": "",
    "section-best": ", / the best score of its section",
    "section-activity": ", / log10(2 + events of its section in 30 days)",
}


def described(settings: ListSettings) -> str:
    """A list's formula as text.

    >>> described(ListSettings(half_life="2h"))
    'sum over channels of weight x sum over buckets of events x 2^-(age / 2h)'
    """
    if settings.kind == "latest":
        return "the newest publication first"
    if settings.kind == "burst":
        spans = (format_duration(settings.short_s), format_duration(settings.baseline_s))
        method = "events beyond the usual" if settings.method == "excess" else settings.method
        text = f"{method} of the last {spans[0]} against the {spans[1]} before"
        if settings.hold_s:
            peak, half_life = format_duration(settings.hold_s), format_duration(settings.peak_half_life_s)
            text += f", the highest of the last {peak}, fading since with a half-life of {half_life}"
        return text + SCALES[settings.scale]
    factor = DECAY_FORMS[settings.decay].formula(settings)
    text = f"sum over channels of weight x sum over buckets of events x {factor}"
    if settings.shape != "plain" or settings.exponent != 1:
        exponent = "" if settings.exponent == 1 else f" ^ {settings.exponent:g}"
        text = f"{settings.shape}({text}){exponent}"
    if settings.aging == "half-life":
        text += f", x 2^-(age of the item / {format_duration(settings.aging_half_life_s)})"
    elif settings.aging == "gravity":
        offset_h = settings.gravity_offset_s / HOUR_S
        text += f", x (age of the item in hours + {offset_h:g})^-{settings.gravity:g}"
    if settings.correction is not None:
        text += f", x the forecast of the next {format_duration(settings.correction.horizon_s)}, see its terms"
    if settings.revival_s:
        text += f", + (events of the last {format_duration(settings.revival_s)} - 1) x gravity since the first of them"
    return text + SCALES[settings.scale]
