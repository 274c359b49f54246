"""The body of `POST /v1/events` -> events, each on its own: a bad one does not take the others with it.

Forms: one event, an array, `{"events": […]}`, or one event a line (NDJSON). The content type is a hint only:
`sendBeacon` sends JSON as text/plain, and `curl -d` calls it a form.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from api.problems import Problem, plain_sentence
from ranking.events import WireEvent

MAX_EVENTS = 10_000
SHOWN_BYTES = 60


class Bad(msgspec.Struct, frozen=True, order=True):
    """Why the event at `index` (0-based) cannot be counted."""

    index: int
    error: str


class Parsed(NamedTuple):
    """Readable events with their index in the body, and the unreadable ones."""

    events: list[tuple[int, WireEvent]]
    bad: list[Bad]


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw] | None = None


_array = msgspec.json.Decoder(list[WireEvent])
_raw_array = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(WireEvent)
_envelope = msgspec.json.Decoder(_Envelope)


def parse(body: bytes, content_type: bytes) -> Parsed:
    """Events of a body.

    Raises:
        Problem: 400, the body is not JSON in one of the four forms; 413, too many events.
    """
    text = body.strip()
    if not text:
        raise Problem(400, "empty body", 'send an event such as {"item": "…", "kind": "view"}')
    try:
        if b"ndjson" in content_type:
            return _lines(text)
        if text[:1] == b"[":
            return _bounded(_elements(text))
        if text[:1] == b"{":
            return _object(text)
    except RecursionError:
        raise Problem(400, "malformed JSON", "the body is nested too deeply to be events") from None
    raise Problem(
        400, "malformed JSON", f"expected an event, an array of events or one event a line, found {_shown(text)}"
    )


def _object(text: bytes) -> Parsed:
    try:
        envelope = _envelope.decode(text)
    except msgspec.ValidationError as error:
        raise Problem(400, "malformed events", f"events: {plain_sentence(error)}") from None
    except msgspec.DecodeError as error:
        if b"\n" in text:
            return _lines(text)
        return _tolerant(text, error)
    if envelope.events is not None:
        return _bounded(_each([lambda raw=raw: _event.decode(raw) for raw in envelope.events]))  # type: ignore[misc]
    return _each([lambda: _event.decode(text)])


def _elements(text: bytes) -> Parsed:
    try:
        return Parsed(list(enumerate(_array.decode(text))), [])
    except msgspec.ValidationError:
        raws = _raw_array.decode(text)
        return _each([lambda raw=raw: _event.decode(raw) for raw in raws])  # type: ignore[misc]
    except msgspec.DecodeError as error:
        return _tolerant(text, error)


def _lines(text: bytes) -> Parsed:
    lines = [line for line in text.split(b"\n") if line and not line.isspace()]
    if len(lines) > MAX_EVENTS:
        raise _too_many()
    return _each([lambda line=line: _line(line) for line in lines])  # type: ignore[misc]


def _line(line: bytes) -> WireEvent:
    try:
        return _event.decode(line)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        try:
            return msgspec.convert(json.loads(line), WireEvent)
        except ValueError:
            raise error from None


def _tolerant(text: bytes, error: msgspec.DecodeError) -> Parsed:
    """Python's parser takes NaN and Infinity, which are not JSON yet written: such an event is bad."""
    try:
        content: Any = json.loads(text)
    except ValueError:
        raise Problem(400, "malformed JSON", f"{plain_sentence(error)}; the body starts {_shown(text)}") from None
    if isinstance(content, dict) and isinstance(content.get("events"), list):
        content = content["events"]
    elements = content if isinstance(content, list) else [content]
    return _bounded(_each([lambda each=each: msgspec.convert(each, WireEvent) for each in elements]))  # type: ignore[misc]


def _each(readers: list[Callable[[], WireEvent]]) -> Parsed:
    events: list[tuple[int, WireEvent]] = []
    bad: list[Bad] = []
    for index, read in enumerate(readers):
        try:
            events.append((index, read()))
        except (msgspec.DecodeError, ValueError) as error:
            bad.append(Bad(index, plain_sentence(error)))
    return Parsed(events, bad)


def _bounded(parsed: Parsed) -> Parsed:
    if len(parsed.events) + len(parsed.bad) > MAX_EVENTS:
        raise _too_many()
    return parsed


def _too_many() -> Problem:
    return Problem(413, "too many events", f"send at most {MAX_EVENTS} events at once")


def _shown(text: bytes) -> str:
    start = text[:SHOWN_BYTES].decode("utf-8", "replace")
    return repr(start + "…") if len(text) > SHOWN_BYTES else repr(start)
