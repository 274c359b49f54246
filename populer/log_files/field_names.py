"""Names that exports give to fields: columns of a csv header, keys of a JSON object."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


def plain_name(name: str) -> str:
    """A column's name in lower case, with underscores for spaces and dashes.

    >>> plain_name(" Event-Time "), plain_name("article ID")
    ('event_time', 'article_id')
    """
    return re.sub(r"[\s-]+", "_", name.strip().lower())


class FieldNames:
    """Fields by any of their names; `columns`: the names of each field, the preferred one first."""

    def __init__(self, columns: Mapping[str, Sequence[str]]) -> None:
        self._field_of = {name: field for field, names in columns.items() for name in names}
        self._order = {name: place for names in columns.values() for place, name in enumerate(names)}

    def fields(self, given: Mapping[str, Any], unread: set[str] | None = None) -> dict[str, Any]:
        """The fields of a JSON object by our names; of two names for a field the preferred one that says something.

        Names that are no field's go into `unread`.
        """
        fields: dict[str, Any] = {}
        for name in sorted(given, key=lambda name: self._order.get(plain_name(name), 0)):
            field = self._field_of.get(plain_name(name))
            if field is None:
                if unread is not None:
                    unread.add(name)
            elif given[name] not in (None, "") and field not in fields:
                fields[field] = given[name]
        return fields
