"""Decays and agings: a row for each, with its name, the settings that it uses and whether a score under it only falls.

`ranking.scoring.decay_forms` has the other half of a decay's row: how it is made of a list's settings, and its formula.
It stands there because settings may not import scoring; a test holds that both have the same names.

A new decay is a row here, a row there, and the settings that it uses in `ListSettings`.
"""

from typing import NamedTuple

FORECAST = "forecast"


class DecayRow(NamedTuple):
    """What settings, lists and pages know of a decay.

    `uses`: the settings that change it; `slides`: those of them that the ops page offers beside it; `label`: its name
    there. `fades`: an item that is not read any more never scores more than before. `by_calendar`: weights depend on
    the site's days. `identity`: the settings that tell one such list from another.
    """

    label: str
    uses: tuple[str, ...]
    slides: tuple[str, ...] = ()
    fades: bool = True
    by_calendar: bool = False
    identity: tuple[str, ...] = ("decay", "window")


DECAYS: dict[str, DecayRow] = {
    "half-life": DecayRow(
        "by a half-life",
        uses=("half_life", "auto", "objective", "window", "period"),
        slides=("half_life", "window"),
        identity=("half_life",),
    ),
    "window": DecayRow("not at all within a window", uses=("window", "period"), slides=("window",)),
    "linear": DecayRow("evenly over a window", uses=("window", "period"), slides=("window",)),
    "power": DecayRow(
        "fast, then ever slower",
        uses=("power", "power_scale", "window", "period"),
        slides=("power", "power_scale", "window"),
    ),
    "daily": DecayRow("by steps of a day", uses=("daily", "window", "period"), slides=("daily", "window")),
    "day-blend": DecayRow("today against yesterday", uses=(), fades=False, by_calendar=True),
    FORECAST: DecayRow(
        "by a half-life, corrected by a forecast",
        uses=("half_life", "auto", "objective", "window", "period"),
        slides=("half_life", "window"),
        identity=("decay",),
    ),
}

#: Aging of the item -> the settings that change it.
AGINGS: dict[str, tuple[str, ...]] = {
    "none": (),
    "half-life": ("aging_half_life",),
    "gravity": ("gravity", "gravity_offset"),
}
