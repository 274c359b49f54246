"""Objective: what a list that learns from its past is tuned for."""

import math
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from ranking.settings.types import Seconds, SecondsOrNone, Table
from ranking.times import DAY_S, HOUR_S, MINUTE_S, NO_LIMIT, format_duration

AUTO = "auto"
MIN_PINNED_S = 1.0


def _or_none(value: Any) -> Any:
    return math.inf if value == NO_LIMIT else value


class Objective(Table):
    """objective of a list: what its half-life, or its forecast, is tuned for every night.

    `changes`: items an hour that may give way to others; infinite: any number. `freshness_s`: the median age that the
    visible items may have; infinite: any. `variety`: sections that the visible items are of at least. `pin_s`: a
    half-life that stays, whatever the evidence; infinite: none.
    """

    horizon_s: Seconds = Field(float(HOUR_S), alias="horizon", le=7 * DAY_S)
    changes: Annotated[float, BeforeValidator(_or_none), Field(gt=0)] = math.inf
    freshness_s: SecondsOrNone = Field(math.inf, alias="freshness")
    variety: float = Field(0.0, ge=0, le=1_000)
    shortest_s: Seconds = Field(15.0 * MINUTE_S, alias="shortest", ge=MINUTE_S)
    longest_s: Seconds = Field(float(DAY_S), alias="longest", le=30 * DAY_S)
    history_s: Seconds = Field(14.0 * DAY_S, alias="history", ge=2 * DAY_S, le=100 * DAY_S)
    pin_s: SecondsOrNone = Field(math.inf, alias="pin", ge=MIN_PINNED_S)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest_s < self.shortest_s:
            raise ValueError("longest: not below shortest")
        return self

    def accepts(self, changes: float, age_s: float, sections: float) -> bool:
        """Whether a list may change so many items an hour, have this median age (seconds) and so many sections."""
        return changes <= self.changes and age_s <= self.freshness_s and sections >= self.variety

    @property
    def limits(self) -> str:
        """What it asks for beside reads, in words; empty: nothing.

        >>> Objective(changes=3, freshness="6h").limits
        'at most 3 changes an hour, a median age of at most 6h'
        """
        asked = []
        if math.isfinite(self.changes):
            asked.append(f"at most {self.changes:g} changes an hour")
        if math.isfinite(self.freshness_s):
            asked.append(f"a median age of at most {format_duration(self.freshness_s)}")
        if self.variety:
            asked.append(f"items of at least {self.variety:g} sections")
        return ", ".join(asked)

    @property
    def pinned(self) -> bool:
        """Whether the half-life stays."""
        return math.isfinite(self.pin_s)
