"""Reading logs and catalogues: events as csv, ndjson or access log, items as csv or ndjson, plain or gzip.

A reader is a generator of `(line, row)` and holds one row at a time: any file takes the same memory. One bad
row is no reason to stop: it is counted in a `Reading`, with its line and the reason. A file that is wrong as
a whole (missing, empty, cut off, in another encoding, without the needed columns) raises a PopulerError that
says what to do. Gzip is told by its first bytes, never by the name: logs get renamed.
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from populer.log_files.access_log import PageRules, looks_combined, page_views
from populer.log_files.csv_rows import csv_events, csv_items
from populer.log_files.json_rows import json_events
from populer.log_files.rows import EventRow, Faults, ItemRow, Lines, Row, check_item
from ranking.errors import PopulerError

__all__ = ["FORMATS", "EventRow", "Faults", "ItemRow", "Reading", "Row", "read_events", "read_items"]

FORMATS = ("csv", "ndjson", "combined")
ITEM_FORMATS = ("csv", "ndjson")
FORMAT_OF_SUFFIX = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
GZIP_MAGIC = b"\x1f\x8b"
PEEKED_BYTES = 8192
Content = io.BufferedReader | gzip.GzipFile


@dataclass(slots=True)
class Reading:
    """How far a reader is, what it could not read, and what it left out of an access log, by reason.

    Readings that share an `unreadable` or a `left_out` add up in it.
    """

    unreadable: Faults = field(default_factory=Faults)
    left_out: dict[str, int] = field(default_factory=dict)
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
    path: Path, format: str | None = None, reading: Reading | None = None, pages: PageRules | None = None
) -> Iterator[tuple[int, EventRow]]:
    """Events of the log at `path` in its order, each with its 1-based line number.

    Args:
        path: a csv or ndjson file or an access log (`combined`), plain or gzip.
        format: one of FORMATS; None guesses it from the name, else from the first line.
        reading: counts unreadable rows, what was left out, and bytes read; a throwaway one if absent.
        pages: how the lines of an access log become views.

    Raises:
        PopulerError: the file as a whole cannot be read. Raised while iterating, as the file is opened then.
    """
    reading = reading or Reading()
    known = _checked_format(format, FORMATS)
    with _opened(path, reading) as content:
        if known == "combined" or (known is None and _is_access_log(path, content)):
            yield from page_views(path, content, pages or PageRules(), reading.unreadable, reading.left_out)
            return
        text = io.TextIOWrapper(content, "utf-8-sig")
        line, first = _first_line(path, text)
        if _format(path, known, first) == "csv":
            yield from csv_events(path, first, enumerate(text, line + 1), reading.unreadable)
        else:
            lines = enumerate(chain((first,), text), line)
            yield from json_events(path, lines, reading.unreadable)


def read_items(path: Path, format: str | None = None, reading: Reading | None = None) -> Iterator[tuple[int, ItemRow]]:
    """Items of the catalogue at `path`, as `read_events` does events.

    Publish times may be epoch seconds or ISO 8601 (without an offset: UTC). Tags in a csv cell are separated
    by `|`, `;` or `,`.
    """
    reading = reading or Reading()
    known = _checked_format(format, ITEM_FORMATS)
    with _opened(path, reading) as content:
        text = io.TextIOWrapper(content, "utf-8-sig")
        line, first = _first_line(path, text)
        if _format(path, known, first) == "csv":
            rows = csv_items(path, first, enumerate(text, line + 1), reading.unreadable)
        else:
            lines = enumerate(chain((first,), text), line)
            rows = _documents(path, lines, msgspec.json.Decoder(ItemRow), reading.unreadable)
        for number, item in rows:
            try:
                check_item(item)
            except ValueError as error:
                reading.unreadable.add(path, number, str(error))
            else:
                yield number, item


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


def _checked_format(format: str | None, known: Sequence[str]) -> str | None:
    if format is not None and format not in known:
        raise PopulerError(f"the format {format!r} is not known here: use {' or '.join(known)}")
    return format


def _is_access_log(path: Path, content: Content) -> bool:
    """Whether the name leaves it open and the first line looks it. A pipe may not show enough: it needs the format."""
    named = Path(path.name.lower().removesuffix(".gz")).suffix in FORMAT_OF_SUFFIX
    return not named and looks_combined(content.peek(PEEKED_BYTES))


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
def _opened(path: Path, reading: Reading) -> Iterator[Content]:
    """The file's bytes, decompressed where it is gzip; what can be wrong with it becomes a sentence."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == GZIP_MAGIC
            with gzip.GzipFile(fileobj=raw) if packed else raw as content:
                reading.opened(raw)
                try:
                    yield content
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
