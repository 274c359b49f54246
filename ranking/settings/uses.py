"""Which settings a list uses, by its kind, its decay and what else it has chosen; the others are refused where named.

A setting that does nothing is a mistake that nobody sees: its author believes that the list forgets by it. Only what an
operator's own table names is looked at, so presets and defaults may carry what a list does not use.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ranking.calendar import NO_PERIOD
from ranking.settings.decays import AGINGS, DECAYS, FORECAST
from ranking.settings.presets import preset_settings

if TYPE_CHECKING:
    from ranking.settings.lists import ListSettings

_ALWAYS = (
    "preset", "kind", "title", "size", "depth", "listed", "allow", "deny", "sections", "without", "max_age", "min_age",
    "max_per_section", "max_tenure", "hysteresis", "fill",
)  # fmt: skip
_WEIGHING = ("weights", "self_click_weight", "position_bias", "position_cap")
_SCORING = ("floor", "scale", "section_floor", "section_minimum", "movement")
_RANKED = ("bonus_kinds", "shape", "exponent", "min_count", "revival", "revival_weights", "decay", "aging")
_BY_DECAY = tuple(name for row in DECAYS.values() for name in row.uses)
_BY_AGING = tuple(name for names in AGINGS.values() for name in names)
_BURST = ("method", "short", "baseline", "minimum", "poisson_floor", "hold", "peak_half_life")

#: Kind -> the settings that a list of it may use, whatever else it has chosen.
KINDS: dict[str, frozenset[str]] = {
    "ranked": frozenset([*_ALWAYS, *_WEIGHING, *_SCORING, *_RANKED, *_BY_DECAY, *_BY_AGING, "week_start"]),
    "burst": frozenset([*_ALWAYS, *_WEIGHING, *_SCORING, *_BURST, "period", "week_start", "half_life"]),
    "latest": frozenset(_ALWAYS),
}

_BY_SPANS = ("short", "baseline")
#: Method of a burst -> the settings that change it.
METHODS: dict[str, tuple[str, ...]] = {
    "chi-square": ("period", *_BY_SPANS),
    "z-score": ("poisson_floor", *_BY_SPANS),
    "ewma": ("poisson_floor", "half_life", *_BY_SPANS),
    "ratio": _BY_SPANS,
    "share": ("period", *_BY_SPANS),
    "excess": ("poisson_floor", "period", *_BY_SPANS),
    "acceleration": ("short",),
}


class _Choice(NamedTuple):
    """A setting whose value decides which others are used."""

    setting: str
    kinds: tuple[str, ...]
    uses: Mapping[str, Collection[str]]


_CHOICES = (
    _Choice("kind", ("ranked", "burst", "latest"), KINDS),
    _Choice("decay", ("ranked",), {name: row.uses for name, row in DECAYS.items()}),
    _Choice("aging", ("ranked",), AGINGS),
    _Choice("method", ("burst",), METHODS),
)


class _Need(NamedTuple):
    """What must be so for some settings to be used, and how to make it so."""

    settings: tuple[str, ...]
    met: Callable[["ListSettings"], bool]
    without: str
    action: str


_NEEDS = (
    _Need(
        ("objective",),
        lambda each: each.kind != "ranked" or each.auto or each.decay == FORECAST,
        "where nothing is tuned",
        'set half_life = "auto" or decay = "forecast"',
    ),
    _Need(("revival_weights",), lambda each: each.revival_s > 0, 'with revival = "0s"', "set revival"),
    _Need(("position_cap",), lambda each: each.position_bias > 0, "with position_bias = 0", "set position_bias"),
    _Need(("section_minimum",), lambda each: each.section_floor > 0, "with section_floor = 0", "set section_floor"),
    _Need(("peak_half_life",), lambda each: each.hold_s > 0, 'with hold = "0s"', "set hold"),
    _Need(
        ("week_start",),
        lambda each: each.period == "this week",
        'with another period than "this week"',
        'set period = "this week"',
    ),
    _Need(
        ("short", "baseline"),
        lambda each: each.kind != "burst" or each.period == NO_PERIOD,
        "with a period, which is held against the whole of the one before",
        'set period = "none"',
    ),
)


def idle_reasons(settings: "ListSettings", named: Iterable[str]) -> dict[str, str]:
    """Of the settings `named` in a list's table, those that do nothing in it -> a sentence with why and what to do."""
    return {name: reason for name in named if (reason := _reason(settings, name))}


def without_idle(settings: "ListSettings", table: Mapping[str, Any], kept: Collection[str]) -> dict[str, Any]:
    """`table` without what does nothing under `settings`, but for what `kept` names: that is to be refused."""
    idle = idle_reasons(settings, table.keys() - set(kept))
    return {name: value for name, value in table.items() if name not in idle}


def _reason(settings: "ListSettings", name: str) -> str:
    if name in _also_used(settings):
        return ""
    for choice in _CHOICES:
        value = getattr(settings, choice.setting)
        users = [each for each, uses in choice.uses.items() if name in uses]
        if settings.kind in choice.kinds and users and value not in users:
            ways = " or ".join(f'{choice.setting} = "{each}"' for each in users)
            chosen = f'{choice.setting} = "{value}"{_giver(settings, choice.setting)}'
            return f"has no effect with {chosen}. Remove it, or set {ways}."
    for need in _NEEDS:
        if name in need.settings and not need.met(settings):
            return f"has no effect {need.without}. Remove it, or {need.action}."
    return ""


def _giver(settings: "ListSettings", name: str) -> str:
    """The preset, in brackets, if a setting has its value from there."""
    of_preset = preset_settings(settings.preset).get(name) == getattr(settings, name)
    return f" (of preset {settings.preset})" if of_preset else ""


def _also_used(settings: "ListSettings") -> frozenset[str]:
    """Settings that are used by something else than what they are there for."""
    used: list[str] = []
    if settings.kind == "ranked" and settings.revival_s:  # it sinks by gravity
        used += AGINGS["gravity"]
    if settings.fill == "widen" and settings.kind != "burst":  # it looks further back by the span that the list has
        used += ["window", "period"]
        if settings.kind == "latest":
            used += ["decay", "half_life", *_WEIGHING]
    return frozenset(used)
