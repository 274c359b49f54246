"""Nested tables, as a settings file has them: values by dotted names, one table over another, values as text."""

import contextlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Raw = dict[str, Any]


def from_text(text: str) -> Any:
    """What a text of the environment or the command line says: an array or table as in the file, or as JSON."""
    if text[:1] not in ("[", "{"):
        return text
    with contextlib.suppress(ValueError):
        return json.loads(text)
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(f"value = {text}")["value"]
    return text


def put(tables: Raw, steps: list[str], value: Any) -> None:
    """Set a value in the table that the steps lead to."""
    *path, last = steps
    for step in path:
        inner = tables.setdefault(step, {})
        tables = inner if isinstance(inner, dict) else tables
    tables[last] = value


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Raw:
    """`upper` over `lower`, table by table; neither is changed."""
    tables = dict(lower)
    for name, value in upper.items():
        below = tables.get(name)
        tables[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return tables


def leaves(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested tables by its dotted name."""
    for name, value in values.items():
        dotted = f"{under}.{name}" if under else name
        if isinstance(value, dict):
            yield from leaves(value, dotted)
        elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            for number, entry in enumerate(value):
                yield from leaves(entry, f"{dotted}.{number}")
        else:
            yield dotted, value
