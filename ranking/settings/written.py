"""Settings by the file's names and in its words."""

import math
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ranking.times import NO_LIMIT, format_duration


def as_written(settings: BaseModel) -> dict[str, Any]:
    """A table of settings, such as a list's, as the file would say it; durations are rounded to milliseconds.

    >>> from ranking.settings.lists import ListSettings
    >>> as_written(ListSettings(half_life="90m"))["half_life"], as_written(ListSettings())["window"]
    ('1h30m', 'none')
    """
    return {name: _written(field, value) for name, field, value in _fields(settings)}


def _fields(settings: BaseModel) -> Iterator[tuple[str, str, Any]]:
    """Name in the file, name of the attribute, and value."""
    for field, facts in type(settings).model_fields.items():
        yield facts.alias or field, field, getattr(settings, field)


def _written(field: str, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _written(inner, below) for name, inner, below in _fields(value)}
    if isinstance(value, tuple):
        return [_written("", each) for each in value]
    if field.endswith("_s") and isinstance(value, float | int):
        return format_duration(value)
    return NO_LIMIT if isinstance(value, float) and math.isinf(value) else value
