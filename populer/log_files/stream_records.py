"""Records of a log such as Kafka's -> events, by the names that its writers give to an event's fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ranking.errors import InvalidEventError
from ranking.intake.events import Event, Intake, WireEvent, checked_event, wire_event

#: In place of a path: the record's own key, and the moment when it was written.
KEY: Final = "@key"
TIMESTAMP: Final = "@timestamp"

Decode = Callable[[bytes, bytes | None, float | None], Sequence[WireEvent]]

_event = msgspec.json.Decoder(WireEvent)
_events = msgspec.json.Decoder(list[WireEvent])
_anything = msgspec.json.Decoder()


class BadRecordError(Exception):
    """A record of no use; `reason` is one of a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decoder(fields: Mapping[Any, str]) -> Decode:
    """The reader of a record's events, out of its value, its key and its time (epoch seconds).

    It raises BadRecordError for a record that is no JSON, or no event. An event without a time has the record's.
    """
    paths = {field: path.split(".") for field, path in fields.items()}

    def decode(value: bytes, key: bytes | None, written_at: float | None) -> Sequence[WireEvent]:
        if not value:
            raise BadRecordError("empty")
        events = [_mapped(value, key, written_at, paths)] if paths else _plain(value)
        for event in events:
            if event.ts is None:
                event.ts = written_at
        return events

    return decode


def events_of(wires: Sequence[WireEvent], intake: Intake) -> Sequence[Event]:
    """The events of a record, checked.

    Raises:
        BadRecordError: one of them cannot be counted; the reason is the field that is at fault.
    """
    try:
        return [checked_event(wire, intake) for wire in wires]
    except InvalidEventError as error:
        raise BadRecordError(str(error).partition(":")[0][:20]) from None


def _plain(value: bytes) -> Sequence[WireEvent]:
    try:
        return _events.decode(value) if value[:1] == b"[" else [_event.decode(value)]
    except msgspec.ValidationError:
        return [_converted(_decoded(value))]
    except (msgspec.DecodeError, ValueError):
        raise BadRecordError("unreadable") from None


def _mapped(value: bytes, key: bytes | None, written_at: float | None, paths: Mapping[Any, Sequence[str]]) -> WireEvent:
    record = _decoded(value)
    known = {KEY: None if key is None else key.decode("utf-8", "replace"), TIMESTAMP: written_at}
    fields = {
        field: known[path[0]] if len(path) == 1 and path[0] in known else _at(record, path)
        for field, path in paths.items()
    }
    return _converted({field: inner for field, inner in fields.items() if inner is not None})


def _decoded(value: bytes) -> Any:
    try:
        return _anything.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadRecordError("unreadable") from None


def _converted(document: Any) -> WireEvent:
    try:
        return wire_event(document)
    except (msgspec.ValidationError, ValueError):
        raise BadRecordError("fields") from None


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record
