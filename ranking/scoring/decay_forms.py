"""Decay forms: how each decay of `ranking.settings.decays` is made of a list's settings, and how its formula reads."""

from collections.abc import Callable
from typing import NamedTuple

from ranking.scoring.decay import Alike, Daily, Decay, HalfLife, Linear, Power
from ranking.settings.decays import FORECAST
from ranking.settings.lists import ListSettings
from ranking.times import format_duration


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
    FORECAST: DecayForm(lambda settings: HalfLife(settings.half_life_s), _half_life_formula),
}
