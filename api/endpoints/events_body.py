"""The body of `POST /v1/events` -> events, each by itself: an invalid one does not reject the others.

Forms: one event, an array, `{"events": […]}`, or one event a line (NDJSON). The content type is a hint only:
`sendBeacon` sends JSON as text/plain, and `curl -d` calls it a form.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from api.http.json_body import is_json
from api.http.problems import Problem, plain_sentence
from ranking.intake.events import WireEvent

T = TypeVar("T")
MAX_EVENTS = 10_000
SHOWN_BYTES = 60


class Bad(msgspec.Struct, frozen=True, order=True):
    """Why the event at `index` (0-based) cannot be counted."""

    index: int
    error: str


class Parsed(msgspec.Struct, frozen=True):
    """Readable events, their places in the body, and the unreadable ones."""

    events: Sequence[WireEvent]
    places: Sequence[int]
    bad: Sequence[Bad] = ()


class _Object(WireEvent, gc=False):
    """One event, or an envelope around many."""

    events: list[msgspec.Raw] | None = None


#: What the decoders raise for a text that is not JSON, not UTF-8, or not of the wanted form.
UNREADABLE = (msgspec.DecodeError, ValueError)

_array = msgspec.json.Decoder(list[WireEvent])
_raw_array = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(WireEvent)
_object_decoder = msgspec.json.Decoder(_Object)


def all_good(events: Sequence[WireEvent]) -> Parsed:
    """A body of these events and no others."""
    return Parsed(events, range(len(events)))


def parse(body: bytes, content_type: bytes) -> Parsed:
    """Events of a body.

    Raises:
        Problem: 400, the body is not JSON; 422, it is JSON in none of the four forms; 413, too many events.
    """
    text = body.strip()
    if not text:
        raise Problem(400, "empty body", 'send an event such as {"item": "…", "kind": "view"}')
    try:
        if b"ndjson" in content_type:
            return _lines(text)
        if text[:1] == b"[":
            return _elements(text)
        if text[:1] == b"{":
            return _object(text)
    except RecursionError:
        raise Problem(400, "malformed JSON", "the body is nested too deeply to be events") from None
    raise Problem(
        422 if is_json(text) else 400,
        "malformed events",
        f"expected an event, an array of events or one event a line, found {_shown(text)}",
    )


def _object(text: bytes) -> Parsed:
    try:
        content = _object_decoder.decode(text)
    except msgspec.ValidationError as error:
        sentence = plain_sentence(error)
        if sentence.startswith("events"):
            raise Problem(422, "malformed events", sentence) from None
        return Parsed([], [], [Bad(0, sentence)])
    except UNREADABLE as error:
        return _lines(text) if _opens_with_a_whole_line(text) else _tolerant(text, error)
    if content.events is None:
        return all_good([content])
    return _raws(content.events)


def _elements(text: bytes) -> Parsed:
    try:
        return all_good(_bounded(_array.decode(text)))
    except UNREADABLE:
        pass
    try:
        return _raws(_raw_array.decode(text))
    except UNREADABLE as error:
        return _tolerant(text, error)


def _raws(raws: list[msgspec.Raw]) -> Parsed:
    return _each([partial(_event.decode, raw) for raw in _bounded(raws)])


def _opens_with_a_whole_line(text: bytes) -> bool:
    """Whether the first of several lines is JSON by itself: then they are events, and not one document laid out."""
    first, newline, _ = text.partition(b"\n")
    try:
        json.loads(first)
    except ValueError:
        return False
    return bool(newline)


def _lines(text: bytes) -> Parsed:
    lines = _bounded([line for line in text.split(b"\n") if line and not line.isspace()])
    try:
        return all_good([_event.decode(line) for line in lines])
    except UNREADABLE:
        return _each([partial(_line, line) for line in lines])


def _line(line: bytes) -> WireEvent:
    try:
        return _event.decode(line)
    except msgspec.ValidationError:
        raise
    except UNREADABLE as error:
        try:
            content = json.loads(line)
        except ValueError:
            raise error from None
        return msgspec.convert(content, WireEvent)


def _tolerant(text: bytes, error: Exception) -> Parsed:
    """Python's parser takes NaN and Infinity, which are not JSON yet written: such an event is bad, not its batch."""
    try:
        content: Any = json.loads(text)
    except ValueError:
        raise Problem(400, "malformed JSON", f"{plain_sentence(error)}; the body starts {_shown(text)}") from None
    if isinstance(content, dict) and isinstance(content.get("events"), list):
        content = content["events"]
    elements = content if isinstance(content, list) else [content]
    return _each([partial(msgspec.convert, each, WireEvent) for each in _bounded(elements)])


def _each(readers: list[Callable[[], WireEvent]]) -> Parsed:
    events: list[WireEvent] = []
    places: list[int] = []
    bad: list[Bad] = []
    for index, read in enumerate(readers):
        try:
            events.append(read())
        except (*UNREADABLE, OverflowError) as error:
            bad.append(Bad(index, plain_sentence(error)))
        else:
            places.append(index)
    return Parsed(events, places, bad)


def _bounded(events: list[T]) -> list[T]:
    """`events`, if they are not too many for one request."""
    if len(events) > MAX_EVENTS:
        raise Problem(413, "too many events", f"send at most {MAX_EVENTS} events at once")
    return events


def _shown(text: bytes) -> str:
    start = text[:SHOWN_BYTES].decode("utf-8", "replace")
    return repr(start + "…") if len(text) > SHOWN_BYTES else repr(start)
