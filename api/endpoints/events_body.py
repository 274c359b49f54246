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
from ranking.errors import InvalidEventError
from ranking.intake.events import WireEvent, wire_event

T = TypeVar("T")
MAX_EVENTS = 10_000
#: Bad events that an answer names.
NAMED = 10
#: A public body whose first events are all bad is refused as a whole after so many of them.
HOPELESS = 1_000
SHOWN_BYTES = 60


class Bad(msgspec.Struct, frozen=True, order=True):
    """Why the event at `index` (0-based) cannot be counted."""

    index: int
    error: str


class BadEvents:
    """How many events cannot be counted, and why the first few of them cannot."""

    __slots__ = ("count", "first")

    def __init__(self, first: Sequence[Bad] = ()) -> None:
        self.first = list(first)
        self.count = len(self.first)

    def add(self, index: int, error: Exception) -> None:
        """Count the event at `index`, which is later than those before."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(Bad(index, sentence_of(error)))

    def add_all(self, other: "BadEvents") -> None:
        """Count those of another stage as well."""
        self.count += other.count
        self.first = sorted([*self.first, *other.first])[:NAMED]


def sentence_of(error: Exception) -> str:
    """Why an event is bad."""
    return str(error) if isinstance(error, InvalidEventError) else plain_sentence(error)


class Parsed(msgspec.Struct, frozen=True):
    """Readable events, their places in the body of `count` events, and the unreadable ones."""

    events: Sequence[WireEvent]
    places: Sequence[int]
    bad: BadEvents
    count: int


class _Object(WireEvent, gc=False):
    """One event, or an envelope around many."""

    events: list[msgspec.Raw] | None = None


#: What the decoders raise for a text that is not JSON, not UTF-8, or not of the wanted form.
UNREADABLE = (msgspec.DecodeError, ValueError)

_array = msgspec.json.Decoder(list[WireEvent])
_raw_array = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(WireEvent)
_anything = msgspec.json.Decoder()
_object_decoder = msgspec.json.Decoder(_Object)


def all_good(events: Sequence[WireEvent]) -> Parsed:
    """A body of these events and no others."""
    return Parsed(events, range(len(events)), BadEvents(), len(events))


def one_bad(sentence: str) -> Parsed:
    """A body of one event that cannot be counted."""
    return Parsed([], [], BadEvents([Bad(0, sentence)]), 1)


def lone_event(body: bytes | bytearray) -> WireEvent | None:
    """The event that a body is, as browsers write it; None: `parse` has more to say of it."""
    try:
        content = _object_decoder.decode(body)
    except UNREADABLE:
        return None
    return content if content.events is None else None


def parse(body: bytes, content_type: bytes, give_up_after: int | None = None) -> Parsed:
    """Events of a body. Where its first `give_up_after` events are all bad, so are the others, unseen.

    Raises:
        Problem: 400, the body is not JSON; 422, it is JSON in none of the four forms; 413, too many events.
    """
    text = body.strip()
    if not text:
        raise Problem(400, "empty body", 'send an event such as {"item": "…", "kind": "view"}')
    try:
        if b"ndjson" in content_type:
            return _lines(text, give_up_after)
        if text[:1] == b"[":
            return _elements(text, give_up_after)
        if text[:1] == b"{":
            return _object(text, give_up_after)
    except RecursionError:
        raise Problem(400, "malformed JSON", "the body is nested too deeply to be events") from None
    raise Problem(
        422 if is_json(text) else 400,
        "malformed events",
        f"expected an event, an array of events or one event a line, found {_shown(text)}",
    )


def _object(text: bytes, give_up_after: int | None) -> Parsed:
    try:
        content = _object_decoder.decode(text)
    except msgspec.ValidationError as error:
        sentence = plain_sentence(error)
        if sentence.startswith("events"):
            raise Problem(422, "malformed events", sentence) from None
        if _opens_with_a_whole_line(text):
            return _lines(text, give_up_after)
        try:
            return all_good([_loose(text, error)])
        except msgspec.ValidationError:
            return one_bad(sentence)
    except UNREADABLE as error:
        if _opens_with_a_whole_line(text):
            return _lines(text, give_up_after)
        return _tolerant(text, error, give_up_after)
    if content.events is None:
        return all_good([content])
    return _raws(content.events, give_up_after)


def _elements(text: bytes, give_up_after: int | None) -> Parsed:
    try:
        return all_good(_bounded(_array.decode(text)))
    except UNREADABLE:
        pass
    try:
        return _raws(_raw_array.decode(text), give_up_after)
    except UNREADABLE as error:
        return _tolerant(text, error, give_up_after)


def _raws(raws: list[msgspec.Raw], give_up_after: int | None) -> Parsed:
    return _each([partial(_decoded, raw) for raw in _bounded(raws)], give_up_after)


def _opens_with_a_whole_line(text: bytes) -> bool:
    """Whether the first of several lines is JSON by itself: then they are events, and not one document laid out."""
    first, newline, _ = text.partition(b"\n")
    try:
        json.loads(first)
    except ValueError:
        return False
    return bool(newline)


def _lines(text: bytes, give_up_after: int | None) -> Parsed:
    lines = _bounded([line for line in text.split(b"\n") if line and not line.isspace()])
    try:
        return all_good([_event.decode(line) for line in lines])
    except UNREADABLE:
        return _each([partial(_line, line) for line in lines], give_up_after)


def _decoded(text: bytes | msgspec.Raw) -> WireEvent:
    try:
        return _event.decode(text)
    except msgspec.ValidationError as error:
        return _loose(text, error)


def _loose(text: bytes | msgspec.Raw, error: msgspec.ValidationError) -> WireEvent:
    """The event that the strict decoder refuses with `error`, if its fields are only written otherwise."""
    try:
        return wire_event(_anything.decode(text))
    except UNREADABLE:
        raise error from None


def _line(line: bytes) -> WireEvent:
    try:
        return _event.decode(line)
    except msgspec.ValidationError as error:
        return _loose(line, error)
    except UNREADABLE as error:
        try:
            content = json.loads(line)
        except ValueError:
            raise error from None
        return wire_event(content)


def _tolerant(text: bytes, error: Exception, give_up_after: int | None) -> Parsed:
    """Python's parser takes NaN and Infinity, which are not JSON yet written: such an event is bad, not its batch."""
    try:
        content: Any = json.loads(text)
    except ValueError:
        raise Problem(400, "malformed JSON", f"{plain_sentence(error)}; the body starts {_shown(text)}") from None
    if isinstance(content, dict) and isinstance(content.get("events"), list):
        content = content["events"]
    elements = content if isinstance(content, list) else [content]
    return _each([partial(wire_event, each) for each in _bounded(elements)], give_up_after)


def _each(readers: list[Callable[[], WireEvent]], give_up_after: int | None) -> Parsed:
    events: list[WireEvent] = []
    places: list[int] = []
    bad = BadEvents()
    for index, read in enumerate(readers):
        try:
            events.append(read())
        except (*UNREADABLE, OverflowError) as error:
            bad.add(index, error)
            if bad.count == give_up_after and not events:
                bad.count = len(readers)
                break
        else:
            places.append(index)
    return Parsed(events, places, bad, len(readers))


def _bounded(events: list[T]) -> list[T]:
    """`events`, if they are not too many for one request."""
    if len(events) > MAX_EVENTS:
        raise Problem(413, "too many events", f"send at most {MAX_EVENTS} events at once")
    return events


def _shown(text: bytes) -> str:
    start = text[:SHOWN_BYTES].decode("utf-8", "replace")
    return repr(start + "…") if len(text) > SHOWN_BYTES else repr(start)
