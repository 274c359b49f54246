"""Rows of Parquet, as `populer export` writes it and others do: columns go by the names that a csv may use.

Times that have no zone are UTC. DuckDB reads it, a part at a time; it comes with the extra `parquet`.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from populer.log_files.item_rows import ITEM_NAMES, ItemReading
from populer.log_files.json_rows import event_from_fields
from populer.log_files.rows import EventRow, Faults, why_bad_event
from ranking.errors import PopulerError

MAGIC = b"PAR1"
ROWS_AT_ONCE = 10_000


def is_parquet(content: io.BufferedReader) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    return content.peek(len(MAGIC)).startswith(MAGIC)


def parquet_events(path: Path, unreadable: Faults, left_out: dict[str, int]) -> Iterator[tuple[int, EventRow]]:
    """Events of the Parquet file at `path`, each with its place; see `read_events`."""
    for number, fields in _rows(path):
        try:
            event = event_from_fields(fields, left_out)
        except (msgspec.ValidationError, ValueError) as error:
            unreadable.add(path, number, str(error))
            continue
        if event is None:
            continue
        if reason := why_bad_event(event):
            unreadable.add(path, number, reason)
        else:
            yield number, event


def parquet_items(path: Path, reading: ItemReading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Fields of the items of the Parquet file at `path`."""
    for number, fields in _rows(path):
        yield number, ITEM_NAMES.fields(fields, reading.unread)


def duckdb() -> Any:
    """The module that reads and writes Parquet.

    Raises:
        PopulerError: it is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise PopulerError("Parquet needs DuckDB: install populer[parquet], or use csv") from None
    return duckdb


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    module = duckdb()
    try:
        with module.connect() as connection:
            table = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in table.description]
            parts = iter(lambda: table.fetchmany(ROWS_AT_ONCE), [])
            for number, row in enumerate(chain.from_iterable(parts), 1):
                yield number, {name: _plain(each) for name, each in zip(names, row, strict=True) if each is not None}
    except module.Error as error:
        raise PopulerError(
            f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}; name another file"
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value
