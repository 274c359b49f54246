"""Reading logs and catalogues: files of events or items, as csv or ndjson, plain or gzip.

A reader is a generator of `(line, row)` and holds one row at a time: any file takes the same memory. One bad
row is no reason to stop: it is counted in a `Reading`, with its line and the reason. A file that is wrong as
a whole (missing, empty, cut off, in another encoding, without the needed columns) raises a PopulerError that
says what to do. Gzip is told by its first bytes, never by the name: logs get renamed.

A csv line without a quote, which is nearly every line of a log, is split by `str.split`; only the others go
through the csv module. That is a little faster (1.8 s against 2.1 s for 1.9 million rows), and an unclosed
quote costs one row instead of the rest of the file.
"""

import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from ranking.errors import PopulerError
from ranking.events import DEFAULT_KIND
from ranking.times import LATEST_EPOCH_S, parse_moment

FORMATS = ("csv", "ndjson")
FORMAT_OF_SUFFIX = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = ",;\t"
MAX_LINES_A_ROW = 100
SHOWN_FAULTS = 5

#: Names a csv header may use for a field, the preferred one first; upper and lower case are the same.
EVENT_COLUMNS: Mapping[str, Sequence[str]] = {
    "ts": ("ts", "ts_epoch_seconds", "timestamp", "time"),
    "item": ("item", "item_id"),
    "visitor": ("visitor", "visitor_id"),
    "kind": ("kind",),
    "source": ("source",),
    "position": ("position",),
    "url": ("url",),
    "id": ("id", "event_id"),
}
ITEM_COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("item_id", "id", "item"),
    "title": ("title",),
    "url": ("url",),
    "section": ("section",),
    "published_at": ("published_at", "published_epoch", "published"),
    "image": ("image",),
    "author": ("author",),
    "tags": ("tags",),
}
TAG_SEPARATOR = re.compile(r"\s*[|;,]\s*")


class EventRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One event of a log, encoded as the service takes it. `ts` in epoch seconds; None means unknown."""

    item: str | None = None
    ts: float | None = None
    visitor: str | None = None
    kind: str = DEFAULT_KIND
    source: str | None = None
    position: int | None = None
    url: str | None = None
    id: str | None = None


class ItemRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One item of a catalogue, as the service takes it. Readers give `published_at` in epoch seconds."""

    id: str
    title: str | None = None
    url: str | None = None
    section: str | None = None
    published_at: float | str | None = None
    image: str | None = None
    author: str | None = None
    tags: tuple[str, ...] | None = None


Row = TypeVar("Row", EventRow, ItemRow)
Lines = Iterator[tuple[int, str]]


@dataclass(slots=True)
class Faults:
    """Rows that went wrong: how many, and the first few as `file:line: reason`."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: Path, line: int, reason: str) -> None:
        """Count one row; `line` is 1-based."""
        self.count += 1
        if len(self.first) < SHOWN_FAULTS:
            self.first.append(f"{path.name}:{line}: {reason}")


@dataclass(slots=True)
class Reading:
    """How far a reader is, and what it could not read. Readings that share an `unreadable` add up in it."""

    unreadable: Faults = field(default_factory=Faults)
    _raw: BinaryIO | None = None
    _bytes_read: int = 0

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far, compressed ones where it is compressed."""
        if self._raw is not None and self._raw.seekable():
            self._bytes_read = self._raw.tell()
        return self._bytes_read

    def opened(self, raw: BinaryIO) -> None:
        """The reader opened its file."""
        self._raw = raw

    def closing(self) -> None:
        """The reader is about to close its file."""
        self._bytes_read = self.bytes_read
        self._raw = None


def read_events(
    path: Path, format: str | None = None, reading: Reading | None = None
) -> Iterator[tuple[int, EventRow]]:
    """Events of the log at `path` in its order, each with its 1-based line number.

    Args:
        path: a csv or ndjson file, plain or gzip.
        format: one of FORMATS; None guesses it from the name, else from the first line.
        reading: counts unreadable rows and bytes read; a throwaway one if absent.

    Raises:
        PopulerError: the file as a whole cannot be read. Raised while iterating, as the file is opened then.
    """
    reading = reading or Reading()
    known = _checked_format(format)
    with _opened(path, reading) as text:
        line, first = _first_line(path, text)
        if _format(path, known, first) == "csv":
            header = _Header(path, first, EVENT_COLUMNS)
            header.need(("ts",), ("item", "url"))
            yield from _csv_events(path, header, enumerate(text, line + 1), reading.unreadable)
        else:
            lines = enumerate(chain((first,), text), line)
            for number, event in _documents(path, lines, msgspec.json.Decoder(EventRow), reading.unreadable):
                if reason := _why_bad_event(event):
                    reading.unreadable.add(path, number, reason)
                else:
                    yield number, event


def read_items(path: Path, format: str | None = None, reading: Reading | None = None) -> Iterator[tuple[int, ItemRow]]:
    """Items of the catalogue at `path`, as `read_events` does events.

    Publish times may be epoch seconds or ISO 8601 (without an offset: UTC). Tags in a csv cell are separated
    by `|`, `;` or `,`.
    """
    reading = reading or Reading()
    known = _checked_format(format)
    with _opened(path, reading) as text:
        line, first = _first_line(path, text)
        if _format(path, known, first) == "csv":
            header = _Header(path, first, ITEM_COLUMNS)
            header.need(("id",))
            rows = _csv_items(path, header, enumerate(text, line + 1), reading.unreadable)
        else:
            lines = enumerate(chain((first,), text), line)
            rows = _documents(path, lines, msgspec.json.Decoder(ItemRow), reading.unreadable)
        for number, item in rows:
            try:
                _check_item(item)
            except ValueError as error:
                reading.unreadable.add(path, number, str(error))
            else:
                yield number, item


def _csv_events(path: Path, header: "_Header", lines: Lines, unreadable: Faults) -> Iterator[tuple[int, EventRow]]:
    at = header.at
    ts_at, item_at, visitor_at, kind_at = at["ts"], at["item"], at["visitor"], at["kind"]
    source_at, position_at, url_at, id_at = at["source"], at["position"], at["url"], at["id"]
    rarer = max(source_at, position_at, url_at, id_at) >= 0
    for line, cells in _rows(path, header, lines, unreadable):
        try:
            event = EventRow(
                cells[item_at] or None,
                _ts(cells[ts_at]),
                cells[visitor_at] or None,
                cells[kind_at] or DEFAULT_KIND,
            )
            if rarer:
                event.source = cells[source_at] or None
                event.position = _position(cells[position_at])
                event.url = cells[url_at] or None
                event.id = cells[id_at] or None
        except ValueError as error:
            unreadable.add(path, line, str(error))
            continue
        if event.item is None and event.url is None:
            unreadable.add(path, line, "has neither an item nor a url")
        else:
            yield line, event


def _csv_items(path: Path, header: "_Header", lines: Lines, unreadable: Faults) -> Iterator[tuple[int, ItemRow]]:
    at = header.at
    for line, cells in _rows(path, header, lines, unreadable):
        tags = tuple(tag for tag in TAG_SEPARATOR.split(cells[at["tags"]].strip()) if tag)
        yield (
            line,
            ItemRow(
                id=cells[at["id"]],
                title=cells[at["title"]] or None,
                url=cells[at["url"]] or None,
                section=cells[at["section"]] or None,
                published_at=cells[at["published_at"]] or None,
                image=cells[at["image"]] or None,
                author=cells[at["author"]] or None,
                tags=tags or None,
            ),
        )


def _documents(
    path: Path, lines: Lines, decoder: msgspec.json.Decoder[Row], unreadable: Faults
) -> Iterator[tuple[int, Row]]:
    """One JSON document a line; blank lines are passed over."""
    for line, text in lines:
        try:
            yield line, decoder.decode(text)
        except msgspec.DecodeError as error:
            if text.strip():
                unreadable.add(path, line, str(error))


def _ts(text: str) -> float | None:
    """Epoch seconds, as nearly every log has them, or ISO 8601."""
    if not text:
        return None
    try:
        ts = float(text)
    except ValueError:
        ts = -1.0  # fails the range below; ISO text is looked at there, off the fast path
    if 0.0 <= ts <= LATEST_EPOCH_S:
        return ts
    try:
        return parse_moment(text)
    except ValueError as error:
        raise ValueError(f"ts: must be {error}{_milliseconds_hint(ts)}") from None


def _position(text: str) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        raise ValueError(f"position: must be a whole number, not {text!r}") from None


def _why_bad_event(event: EventRow) -> str | None:
    if not event.item and not event.url:
        return "has neither an item nor a url"
    ts = event.ts
    if ts is not None and not 0.0 <= ts <= LATEST_EPOCH_S:
        return f"ts: must be epoch seconds, not {ts:.0f}{_milliseconds_hint(ts)}"
    return None


def _milliseconds_hint(ts: float) -> str:
    return " (milliseconds? it takes seconds)" if LATEST_EPOCH_S < ts < LATEST_EPOCH_S * 1000 else ""


def _check_item(item: ItemRow) -> None:
    """Brings the publish time to epoch seconds; ValueError with the reason if the item cannot be one."""
    if not item.id or item.id.isspace():
        raise ValueError("has no id")
    published = item.published_at
    if published is None or published == "":
        item.published_at = None
        return
    try:
        item.published_at = parse_moment(published if isinstance(published, str) else repr(published))
    except ValueError as error:
        raise ValueError(f"published_at: must be {error}") from None


class _Header:
    """The first line of a csv: its delimiter, its width, and at which index each field stands (-1: nowhere).

    Rows get one empty cell appended, so that index -1 reads as empty: no branch per optional column and row.
    """

    def __init__(self, path: Path, line: str, columns: Mapping[str, Sequence[str]]) -> None:
        self.delimiter = max(DELIMITERS, key=line.count)
        try:
            names = next(csv.reader((line,), delimiter=self.delimiter))
        except csv.Error as error:
            raise PopulerError(f"{path}: the first line is not a csv header ({error})") from None
        found = [name.strip().lower() for name in names]
        self.width = len(names)
        self.at = {
            name: next((found.index(word) for word in words if word in found), -1) for name, words in columns.items()
        }
        self._path, self._columns, self._found = path, columns, found

    def need(self, *groups: Sequence[str]) -> None:
        """PopulerError unless at least one field of each group has a column."""
        for group in groups:
            if max(self.at[name] for name in group) < 0:
                accepted = " or ".join(word for name in group for word in self._columns[name])
                found = ", ".join(self._found)[:100]
                raise PopulerError(f"{self._path}: its first line must name a column {accepted}; it has {found}")


def _rows(path: Path, header: _Header, lines: Lines, unreadable: Faults) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row plus one empty cell. A row not as wide as the header was cut or shifted."""
    delimiter, width = header.delimiter, header.width
    for line, text in lines:
        if '"' in text:
            yield from _quoted_rows(path, header, (line, text), lines, unreadable)
            continue
        cells = text.rstrip("\n").split(delimiter)
        if len(cells) == width:
            cells.append("")
            yield line, cells
        elif text.strip():
            unreadable.add(path, line, _why_bad_width(len(cells), width))


def _quoted_rows(
    path: Path, header: _Header, first: tuple[int, str], lines: Lines, unreadable: Faults
) -> Iterator[tuple[int, list[str]]]:
    """The row that starts with line `first`, which has a quote, and may go on over the following lines.

    If it cannot be read, only its first line is lost: the others it had taken are looked at again as rows.
    """
    waiting = deque((first,))
    while waiting:
        taken: list[tuple[int, str]] = []
        texts = _taking(waiting, lines, taken)
        reason = None
        try:
            cells = next(csv.reader(texts, delimiter=header.delimiter, strict=True), [])
        except csv.Error as error:
            cells = []
            reason = "a quote opens and does not close" if "end of data" in str(error) else str(error)
        line = taken[0][0]
        if len(cells) == header.width:
            cells.append("")
            yield line, cells
            continue
        if taken[0][1].strip():
            unreadable.add(path, line, reason or _why_bad_width(len(cells), header.width))
        waiting.extendleft(reversed(taken[1:]))


def _taking(waiting: deque[tuple[int, str]], lines: Lines, taken: list[tuple[int, str]]) -> Iterator[str]:
    """Texts of the waiting lines, then of the file's; what was asked for is noted in `taken`."""
    while len(taken) < MAX_LINES_A_ROW:
        entry = waiting.popleft() if waiting else next(lines, None)
        if entry is None:
            return
        taken.append(entry)
        yield entry[1]


def _why_bad_width(found: int, wanted: int) -> str:
    return f"has {found} columns where the header has {wanted}"


def _checked_format(format: str | None) -> str | None:
    if format is not None and format not in FORMATS:
        raise PopulerError(f"the format {format!r} is not known here: use {' or '.join(FORMATS)}")
    return format


def _format(path: Path, known: str | None, first: str) -> str:
    """The format asked for, else by the file's name, else by its first line."""
    if known is not None:
        return known
    name = path.name.lower().removesuffix(".gz")
    if by_name := FORMAT_OF_SUFFIX.get(Path(name).suffix):
        return by_name
    match first.lstrip()[:1]:
        case "{":
            return "ndjson"
        case "[":
            raise PopulerError(
                f"{path} is one JSON array: write one object a line (jq -c '.[]' does) and name it .ndjson"
            )
        case "<":
            raise PopulerError(f"{path} looks like XML or HTML: csv and ndjson files are known here")
        case _:
            return "csv"


def _first_line(path: Path, text: Iterable[str]) -> tuple[int, str]:
    """The first line that is not blank, with its number."""
    for line, first in enumerate(text, 1):
        if first.strip():
            return line, first
    raise PopulerError(f"{path} is empty: name a csv or ndjson file")


@contextmanager
def _opened(path: Path, reading: Reading) -> Iterator[io.TextIOWrapper]:
    """The file as text, decompressed where it is gzip; what can be wrong with it becomes a sentence."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == GZIP_MAGIC
            with io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if packed else raw, "utf-8-sig") as text:
                reading.opened(raw)
                try:
                    yield text
                finally:
                    reading.closing()
    except FileNotFoundError:
        raise PopulerError(f"{path} does not exist: check the name and the folder") from None
    except IsADirectoryError:
        raise PopulerError(f"{path} is a folder: name the files in it") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise PopulerError(f"{path} breaks off or is damaged inside its gzip stream: copy or fetch it again") from None
    except UnicodeDecodeError:
        raise PopulerError(
            f"{path} is not UTF-8 text, plain or gzip: convert it, as iconv -f windows-1252 -t utf-8 does"
        ) from None
    except OSError as error:
        raise PopulerError(
            f"{path} cannot be read ({error.strerror or error}): check its permissions and disk"
        ) from None
