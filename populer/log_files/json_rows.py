"""Rows of an ndjson log: one JSON object a line, as the service takes them, or with other names for its fields.

A line as the service takes it is decoded at once. Any other is looked at by the names that a csv may use too; numbers
may be ids, and times ISO 8601. An object that names nothing is as wrong as it was.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from populer.log_files.csv_rows import EVENT_COLUMNS
from populer.log_files.field_names import FieldNames, plain_name
from populer.log_files.item_rows import ITEM_NAMES, ItemReading
from populer.log_files.rows import EventRow, Faults, Lines, kind_of, why_bad_event
from ranking.times import in_seconds, moment_or_wall_clock

_NAMES = FieldNames(EVENT_COLUMNS)
_KINDS = "|".join(name.replace("_", "[ _-]") for name in EVENT_COLUMNS["kind"][1:])
_OTHER_KIND = re.compile(rf'"(?:{_KINDS})"\s*:', re.IGNORECASE)


def json_events(
    path: Path, lines: Lines, unreadable: Faults, left_out: dict[str, int]
) -> Iterator[tuple[int, EventRow]]:
    """Events of the ndjson at `path`; see `read_events`."""
    as_sent, as_any = msgspec.json.Decoder(EventRow), msgspec.json.Decoder(dict[str, Any])
    for line, text in lines:
        if not text.strip():
            continue
        event: EventRow | None
        try:
            event = as_sent.decode(text)
            if (
                not isinstance(event.ts, float)
                or (event.item is None and event.url is None)
                or event.events != 1
                or _OTHER_KIND.search(text)
            ):
                event = event_from_fields(as_any.decode(text), left_out)
        except (msgspec.DecodeError, ValueError) as error:
            try:
                event = event_from_fields(as_any.decode(text), left_out)
            except (msgspec.DecodeError, ValueError):
                unreadable.add(path, line, str(error))
                continue
        if event is None:
            continue
        if isinstance(event.ts, float):
            event.ts = in_seconds(event.ts)
        if reason := why_bad_event(event):
            unreadable.add(path, line, reason)
        else:
            yield line, event


def json_items(path: Path, lines: Lines, reading: ItemReading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Fields of the items of the ndjson at `path`."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line, text in lines:
        try:
            yield line, ITEM_NAMES.fields(decode(text), reading.unread)
        except msgspec.DecodeError as error:
            if text.strip():
                reading.unreadable.add(path, line, str(error))


def event_from_fields(found: Mapping[str, Any], left_out: dict[str, int]) -> EventRow | None:
    """An event out of an object whose fields go by other names; None: it is no view, and is counted in `left_out`.

    Raises:
        ValueError: a field holds what it cannot.
    """
    fields = _NAMES.fields(found)
    for name in fields.keys() & {"item", "visitor", "kind", "source", "url", "id"}:
        fields[name] = _as_text(name, fields[name])
    if "kind" in fields and "kind" not in map(plain_name, found):
        fields["kind"] = kind_of(fields["kind"], left_out)
        if fields["kind"] is None:
            return None
    if isinstance(ts := fields.get("ts"), str):
        fields["ts"] = moment_or_wall_clock(ts)
    if "until" not in fields:
        fields.pop("events", None)  # means something else
    elif isinstance(fields["until"], str):
        fields["until"] = moment_or_wall_clock(fields["until"])
    if isinstance(position := fields.get("position"), str):
        fields["position"] = int(position)
    return msgspec.convert(fields, EventRow)


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{name}: must be text, not {value!r}"[:200])
    return str(value)
