"""CSV as spreadsheets read it, with no cell that one would take for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
FORMULA = tuple("=+-@\t\r\n")


def csv_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Some rows as text."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def without_formula(text: str) -> str:
    """A cell with this text that no spreadsheet computes.

    >>> without_formula("=1+1"), without_formula("1+1")
    ("'=1+1", '1+1')
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = "|".join(value)
    return without_formula(value) if isinstance(value, str) else str(value)
