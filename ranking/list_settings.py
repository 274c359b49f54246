"""Settings of a list: which ranking it is, how long it is, and how it forgets."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ranking.events import DEFAULT_KIND
from ranking.setting_types import Kind, Seconds, SecondsOrNone, Table

MIN_HALF_LIFE_S = 1.0
MAX_LISTED = 1_000


class ListSettings(Table):
    """[lists.NAME]: one ranking."""

    kind: Literal["ranked", "burst", "latest"] = "ranked"
    title: str = ""
    size: int = Field(10, ge=1, le=MAX_LISTED)
    depth: int = Field(200, ge=1, le=MAX_LISTED)
    half_life_s: SecondsOrNone = Field(7200.0, alias="half_life", ge=MIN_HALF_LIFE_S)
    max_age_s: SecondsOrNone = Field(math.inf, alias="max_age")
    weights: dict[Kind, Annotated[float, Field(ge=0, le=1e6)]] = Field({DEFAULT_KIND: 1.0, "click": 3.0})
    sections: bool = True
    movement_s: Seconds = Field(3600.0, alias="movement")
    short_s: Seconds = Field(3600.0, alias="short")
    baseline_s: Seconds = Field(7 * 86400.0, alias="baseline")
    minimum: float = Field(5.0, ge=0, le=1e9)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "burst" and self.baseline_s <= self.short_s:
            raise ValueError("baseline: longer than short")
        return self


DEFAULT_LISTS: dict[str, dict[str, Any]] = {
    "populer": {"title": "Populer", "size": 7},
    "trending": {"title": "Trending", "kind": "burst", "size": 7},
    "update": {"title": "UPDATE", "kind": "latest", "size": 10},
}
