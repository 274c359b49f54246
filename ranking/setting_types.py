"""What a setting may be: durations, sizes and names as the file writes them, and the table they stand in."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ranking.times import NO_LIMIT, parse_duration

SIZE_UNITS = {"kib": 1024, "mib": 1024**2, "b": 1}


def as_seconds(value: Any) -> Any:
    """A duration in seconds."""
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a duration such as 90s, 15m, 6h or 7d")
    return float(value)


def as_seconds_or_none(value: Any) -> Any:
    """A duration in seconds; `none` is no limit."""
    return math.inf if value == NO_LIMIT else as_seconds(value)


def as_bytes(value: Any) -> Any:
    """A size in bytes."""
    if not isinstance(value, str):
        return value
    for unit, factor in SIZE_UNITS.items():
        if value.lower().endswith(unit) and value[: -len(unit)].strip().isdigit():
            return int(value[: -len(unit)]) * factor
    raise ValueError("a size such as 65536, 512KiB or 1MiB")


Seconds = Annotated[float, BeforeValidator(as_seconds), Field(gt=0, le=100 * 365 * 86400)]
SecondsOrOff = Annotated[float, BeforeValidator(as_seconds), Field(ge=0)]
SecondsOrNone = Annotated[float, BeforeValidator(as_seconds_or_none), Field(gt=0)]
Bytes = Annotated[int, BeforeValidator(as_bytes), Field(ge=1024, le=64 * 1024**2)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
SiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Kind = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Source = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class Table(BaseModel):
    """A table of the file. Attributes carry their unit, the file's names (the aliases) do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)
