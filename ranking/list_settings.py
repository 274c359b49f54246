"""Settings of a list: which ranking it is, how long it is, and how it forgets."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ranking.events import DEFAULT_KIND
from ranking.presets import NO_PRESET, checked_preset, preset_settings
from ranking.setting_types import Kind, Seconds, SecondsOrNone, SecondsOrOff, Table

MIN_HALF_LIFE_S = 1.0
MIN_OFFSET_S = 60.0
MAX_LISTED = 1_000
MAX_WEIGHT = 1e6

#: Whose events a weight is for: of a kind, or of a kind from one source.
Weighed = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(@[A-Za-z0-9_.:-]{1,64})?$")]
Weights = dict[Weighed, Annotated[float, Field(ge=0, le=MAX_WEIGHT)]]


class ListSettings(Table):
    """[lists.NAME]: one ranking. No allowed value makes a score infinite: see the bounds of each."""

    preset: Annotated[str, AfterValidator(checked_preset)] = NO_PRESET
    kind: Literal["ranked", "burst", "latest"] = "ranked"
    title: str = ""
    size: int = Field(10, ge=1, le=MAX_LISTED)
    depth: int = Field(200, ge=1, le=MAX_LISTED)

    weights: Weights = Field({DEFAULT_KIND: 1.0, "click": 3.0})
    self_click_weight: float = Field(1.0, ge=0, le=1_000)
    position_bias: float = Field(0.0, ge=0, le=4)
    position_cap: int = Field(10, ge=1, le=1_000)
    bonus_kinds: tuple[Kind, ...] = ()

    decay: Literal["half-life", "window", "linear", "power", "daily", "day-blend"] = "half-life"
    half_life_s: SecondsOrNone = Field(7200.0, alias="half_life", ge=MIN_HALF_LIFE_S)
    window_s: SecondsOrNone = Field(math.inf, alias="window")
    power: float = Field(1.0, gt=0, le=10)
    power_scale_s: Seconds = Field(3600.0, alias="power_scale", ge=MIN_OFFSET_S)
    daily: float = Field(0.8, gt=0, le=1)

    shape: Literal["plain", "minus-one", "plus-one", "log", "discourse-top"] = "plain"
    exponent: float = Field(1.0, gt=0, le=4)

    aging: Literal["none", "half-life", "gravity"] = "none"
    aging_half_life_s: SecondsOrNone = Field(6 * 3600.0, alias="aging_half_life", ge=MIN_HALF_LIFE_S)
    gravity: float = Field(1.8, gt=0, le=10)
    gravity_offset_s: Seconds = Field(7200.0, alias="gravity_offset", ge=MIN_OFFSET_S)
    max_age_s: SecondsOrNone = Field(math.inf, alias="max_age")

    revival_s: SecondsOrOff = Field(0.0, alias="revival")
    revival_weights: Weights = Field({})

    sections: bool = True
    min_count: float = Field(0.0, ge=0, le=1e12)
    floor: float = Field(0.0, ge=0, le=1e12)

    movement_s: Seconds = Field(3600.0, alias="movement")
    short_s: Seconds = Field(3600.0, alias="short")
    baseline_s: Seconds = Field(7 * 86400.0, alias="baseline")
    minimum: float = Field(5.0, ge=0, le=1e9)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "burst" and self.baseline_s <= self.short_s:
            raise ValueError("baseline: longer than short")
        if self.decay == "linear" and math.isinf(self.window_s):
            raise ValueError('window: a duration such as 1d, over which decay = "linear" falls to nothing')
        if self.exponent != 1.0 and self.shape not in ("plain", "minus-one"):
            raise ValueError('exponent: 1, or shape = "plain" or "minus-one", the shapes that have one')
        return self


DEFAULT_LISTS: dict[str, dict[str, Any]] = {
    "populer": {"title": "Populer", "size": 7},
    "trending": {"title": "Trending", "kind": "burst", "size": 7},
    "update": {"title": "UPDATE", "kind": "latest", "size": 10},
}


def with_defaults(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """A list's table over what its preset stands for, over what the list of this name is without one."""
    default = {"title": name.capitalize(), **DEFAULT_LISTS.get(name, {})}
    return {**default, **preset_settings(table.get("preset")), **table}
