"""What a list that learns from its past is to learn for, and what it has learned, as settings."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from ranking.settings.learned import MixPart
from ranking.settings.types import Seconds, SecondsOrNone, SecondsOrOff, Table
from ranking.times import NO_LIMIT, parse_duration

AUTO = "auto"
MIN_PINNED_S = 1.0


def _or_none(value: Any) -> Any:
    return math.inf if value == NO_LIMIT else value


class Objective(Table):
    """objective of a list: what its half-life, or its forecast, is tuned for every night.

    `changes`: how many items an hour may give way to others; infinite: any number. `pin`: a half-life that stays,
    whatever is found; infinite: none.
    """

    horizon_s: Seconds = Field(3600.0, alias="horizon", le=7 * 86400)
    changes: Annotated[float, BeforeValidator(_or_none), Field(gt=0)] = math.inf
    shortest_s: Seconds = Field(900.0, alias="shortest", ge=60)
    longest_s: Seconds = Field(86_400.0, alias="longest", le=30 * 86400)
    history_s: Seconds = Field(14 * 86_400.0, alias="history", ge=2 * 86400, le=100 * 86400)
    pin_s: SecondsOrNone = Field(math.inf, alias="pin", ge=MIN_PINNED_S)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest_s < self.shortest_s:
            raise ValueError("longest: not below shortest")
        return self

    @property
    def pinned(self) -> bool:
        """Whether the half-life stays."""
        return math.isfinite(self.pin_s)


def _as_duration(text: Any) -> Any:
    if isinstance(text, str) and parse_duration(text) > 0:
        return text
    raise ValueError("a duration such as 90s, 15m, 6h or 7d")


class Mixed(Table):
    """One part of mix; see `learned.MixPart`."""

    weights: dict[Annotated[str, BeforeValidator(_as_duration)], Annotated[float, Field(gt=0, le=1e6)]] = Field(
        min_length=1
    )
    from_age_s: SecondsOrOff = Field(0.0, alias="from_age")
    from_hour: int = Field(0, ge=0, le=23)


def mixed(parts: Iterable[MixPart]) -> tuple[Mixed, ...]:
    """What was learned as a setting."""
    return tuple(
        Mixed.model_validate({"weights": part.weights, "from_age": part.from_age_s, "from_hour": part.from_hour})
        for part in parts
    )
