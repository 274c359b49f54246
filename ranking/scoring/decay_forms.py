"""Decay forms: how each decay of `ranking.settings.decays` is made of a list's settings, and how its formula reads."""

from collections.abc import Callable
from typing import NamedTuple

from ranking.scoring.decay import Alike, Daily, Decay, HalfLife, Linear, Mix, Power
from ranking.settings.decays import FORECAST
from ranking.settings.learned import MixPart
from ranking.settings.lists import ListSettings
from ranking.times import format_duration, parse_duration


class DecayForm(NamedTuple):
    """The scoring half of a decay's row.

    `make`: the decay of an event, by a list's settings. `formula`: what an event is multiplied by, as text. `words`:
    how the list forgets, as a sentence for editors, where its curve does not tell it.
    """

    make: Callable[[ListSettings], Decay]
    formula: Callable[[ListSettings], str]
    words: str = ""


def _half_life_formula(settings: ListSettings) -> str:
    return f"2^-(age / {format_duration(settings.half_life_s)})"


def _window_formula(settings: ListSettings) -> str:
    within = f"within {format_duration(settings.window_s)}" if settings.period == "none" else settings.period
    return f"1 {within}"


DECAY_FORMS: dict[str, DecayForm] = {
    "half-life": DecayForm(
        lambda settings: HalfLife(settings.half_life_s),
        lambda settings: _half_life_formula(settings) + (", tuned on the site's past" if settings.auto else ""),
    ),
    "window": DecayForm(lambda _: Alike(), _window_formula),
    "linear": DecayForm(
        lambda settings: Linear(settings.window_s),
        lambda settings: f"(1 - age / {format_duration(settings.window_s)})",
    ),
    "power": DecayForm(
        lambda settings: Power(settings.power, settings.power_scale_s),
        lambda settings: f"(1 + age / {format_duration(settings.power_scale_s)})^-{settings.power:g}",
    ),
    "daily": DecayForm(
        lambda settings: Daily(settings.daily),
        lambda settings: f"{settings.daily:g}^(whole days of age)",
    ),
    "day-blend": DecayForm(
        lambda _: Alike(),
        lambda _: "share of the day, today's and yesterday's",
        "Views of today and yesterday count, today's the more the more of today has passed.",
    ),
    FORECAST: DecayForm(lambda settings: HalfLife(settings.half_life_s), _half_life_formula),  # until a mix is learned
}


def mix_of(part: MixPart) -> Mix:
    """The decay of an event under a part of a forecast."""
    return Mix(tuple((parse_duration(text), weight) for text, weight in part.weights.items()))


def mix_formula(mix: Mix) -> str:
    """A mix as text.

    >>> mix_formula(Mix(((1800.0, 0.7), (28_800.0, 0.3))))
    '(0.7 x 2^-(age / 30m) + 0.3 x 2^-(age / 8h))'
    """
    parts = (f"{weight:.3g} x 2^-(age / {format_duration(half_life_s)})" for half_life_s, weight in mix.parts)
    return f"({' + '.join(parts)})"
