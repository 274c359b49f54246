"""Reading logs and catalogues: events as csv, ndjson or access log, items as csv, JSON or feed, plain or compressed.

A reader is a generator of `(line, row)` and holds one row at a time: any file takes the same memory. One bad
row is no reason to stop: it is counted in a `Reading`, with its line and the reason. A file that is wrong as
a whole (missing, empty, cut off, in another encoding, without the needed columns) raises a PopulerError that
says what to do. Compression is told by the first bytes, never by the name: logs get renamed. `-` is standard input.
"""

import bz2
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from populer.log_files.access_log import Parse, combined_request, looks_combined, page_views
from populer.log_files.csv_rows import csv_aliases, csv_events, csv_items
from populer.log_files.item_rows import item_rows
from populer.log_files.json_rows import json_events, json_items
from populer.log_files.other_logs import alb_parser, json_parser, looks_alb, looks_json, looks_w3c, w3c_parser
from populer.log_files.page_requests import PageRules
from populer.log_files.parquet_rows import is_parquet, parquet_events, parquet_items
from populer.log_files.rows import EventRow, Faults, ItemRow, check_item
from ranking.errors import PopulerError

if TYPE_CHECKING:
    from populer.log_files.item_documents import FetchMore

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMATS = ("csv", "ndjson", "combined", "json", "w3c", "alb")
ITEM_FORMATS = ("csv", "ndjson", "json", "feed")
#: What a JSON Feed says of itself near its beginning.
JSON_FEED = re.compile(rb"jsonfeed\.org\\?/version")
FORMAT_OF_SUFFIX = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
PARSERS: Mapping[str, Callable[[], Parse]] = {
    "combined": lambda: combined_request,
    "json": json_parser,
    "w3c": w3c_parser,
    "alb": alb_parser,
}
NAME_OF_FORMAT = {
    "csv": "csv", "ndjson": "ndjson", "combined": "combined access log", "json": "access log in JSON",
    "w3c": "W3C access log", "alb": "access log of an AWS load balancer",
}  # fmt: skip
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
PACKINGS: Mapping[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": zstd.ZstdFile,
}
PEEKED_BYTES = 8192
STANDARD_INPUT = Path("-")
Content = io.BufferedReader


@dataclass(slots=True)
class Reading:
    """How far a reader is, the format it took, what it could not read, and what it left out of a log or a catalogue.

    Readings that share an `unreadable` or a `left_out` add up in it. `unread`: names of a catalogue's columns that are
    none of an item's fields.
    """

    unreadable: Faults = field(default_factory=Faults)
    left_out: dict[str, int] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    format: str = ""
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
        path: a csv or ndjson file or an access log, plain or compressed; `-` is standard input.
        format: one of FORMATS; None guesses it from the name, else from the first line.
        reading: counts unreadable rows, what was left out, and bytes read; a throwaway one if absent.
        pages: how the lines of an access log become views.

    Raises:
        PopulerError: the file as a whole cannot be read. Raised while iterating, as the file is opened then.
    """
    reading = reading or Reading()
    known = _checked_format(format, FORMATS)
    with _opened(path, reading) as content:
        if is_parquet(content):
            reading.format = "parquet"
            yield from parquet_events(path, reading.unreadable, reading.left_out)
            return
        log = known if known in PARSERS else None if known is not None else _access_log(path, content)
        if log is not None:
            reading.format = NAME_OF_FORMAT[log]
            rules, parse = pages or PageRules(), PARSERS[log]()
            yield from page_views(path, content, rules, reading.unreadable, reading.left_out, parse)
            return
        text = io.TextIOWrapper(content, "utf-8-sig")
        line, first = _first_line(path, text)
        kind = reading.format = _format(path, known, first)
        if kind == "csv":
            yield from csv_events(path, first, enumerate(text, line + 1), reading.unreadable, reading.left_out)
        else:
            lines = enumerate(chain((first,), text), line)
            yield from json_events(path, lines, reading.unreadable, reading.left_out)


def read_items(
    path: Path,
    format: str | None = None,
    reading: Reading | None = None,
    address: str = "",
    more: "FetchMore | None" = None,
) -> Iterator[tuple[int, ItemRow]]:
    """Items of the catalogue at `path`, as `read_events` does events: a csv, ndjson, a JSON array, a feed or a sitemap.

    Publish times may be epoch seconds or ISO 8601 (without an offset: the site's). Tags in a csv cell are separated
    by `|`, `;` or `,`. A feed's entries have their place in it for a line. `address`: where the file was fetched from;
    `more` fetches the sitemaps that an index names.
    """
    reading = reading or Reading()
    known = _checked_format(format, ITEM_FORMATS)
    with _opened(path, reading) as content:
        kind = known or _document_kind(content)
        if is_parquet(content):
            rows = item_rows(parquet_items(path, reading), reading, path)
        elif kind in ("feed", "json"):
            from populer.log_files import item_documents as documents  # the commands that read logs need none of it

            if kind == "feed":
                whole = content.read(documents.MAX_FEED_BYTES + 1)
                rows = documents.feed_items(path, whole, reading, address, more or _no_more)
            else:
                whole = content.read(documents.MAX_ARRAY_BYTES + 1)
                rows = item_rows(documents.array_items(path, whole, reading), reading, path)
        else:
            text = io.TextIOWrapper(content, "utf-8-sig")
            line, first = _first_line(path, text)
            if _format(path, known, first) == "csv":
                found = csv_items(path, first, enumerate(text, line + 1), reading)
            else:
                found = json_items(path, enumerate(chain((first,), text), line), reading)
            rows = item_rows(found, reading, path)
        for number, item in rows:
            try:
                check_item(item)
            except ValueError as error:
                reading.unreadable.add(path, number, str(error))
            else:
                yield number, item


def read_aliases(path: Path, reading: Reading) -> Iterator[tuple[int, str, str]]:
    """Pairs of the csv at `path`, plain or compressed: line, another address or id of an item, the item's."""
    with _opened(path, reading) as content:
        text = io.TextIOWrapper(content, "utf-8-sig")
        line, first = _first_line(path, text)
        yield from csv_aliases(path, first, enumerate(text, line + 1), reading.unreadable)


def _document_kind(content: Content) -> str | None:
    """`json` for a JSON array, `feed` for XML and for a JSON Feed, by the first bytes; None for rows."""
    start = content.peek(PEEKED_BYTES)
    if start.startswith((b"\xff\xfe<", b"\xfe\xff\0<")):
        return "feed"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    return "feed" if text.startswith(b"<") or (text.startswith(b"{") and JSON_FEED.search(text)) else None


def _no_more(address: str) -> bytes:
    raise PopulerError("is named by an index and was not fetched")


def _checked_format(format: str | None, known: Sequence[str]) -> str | None:
    if format is not None and format not in known:
        raise PopulerError(f"the format {format!r} is not known here: use {' or '.join(known)}")
    return format


def _access_log(path: Path, content: Content) -> str | None:
    """The format of an access log, by its first line, where the name leaves it open; None: it is none.

    A pipe may not show enough: it needs the format.
    """
    if _suffix(path) == ".csv":
        return None
    start = content.peek(PEEKED_BYTES).removeprefix(b"\xef\xbb\xbf")
    first = start.lstrip(b"\0\r\n").split(b"\n", 1)[0].rstrip()
    if first.startswith(b"{"):
        return "json" if looks_json(first) else None
    if _suffix(path) in FORMAT_OF_SUFFIX:
        return None
    if looks_w3c(first):
        return "w3c"
    if looks_alb(first):
        return "alb"
    return "combined" if looks_combined(start) else None


def _suffix(path: Path) -> str:
    name = path.name.lower()
    for packed in PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _format(path: Path, known: str | None, first: str) -> str:
    """The format asked for, else by the file's name, else by its first line."""
    if known is not None:
        return known
    if by_name := FORMAT_OF_SUFFIX.get(_suffix(path)):
        return by_name
    match first.lstrip()[:1]:
        case "{":
            return "ndjson"
        case "[":
            raise PopulerError(
                f"{path} is one JSON array: write one object a line (jq -c '.[]' does) and name it .ndjson"
            )
        case "<":
            raise PopulerError(f"{path} looks like XML or HTML: logs are csv, ndjson or access logs")
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
    """The file's bytes, decompressed where they are packed; what can be wrong with it becomes a sentence."""
    try:
        with _raw(path) as raw, _unpacked(raw) as content:
            reading.opened(raw)
            try:
                yield content
            finally:
                reading.closing()
    except FileNotFoundError:
        raise PopulerError(f"{path} does not exist: check the name and the folder") from None
    except IsADirectoryError:
        raise PopulerError(f"{path} is a folder: name the files in it") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstd.ZstdError):
        raise PopulerError(
            f"{path} breaks off or is damaged inside its packed stream: copy or fetch it again"
        ) from None
    except UnicodeDecodeError:
        raise PopulerError(
            f"{path} is not UTF-8 text, plain or packed: convert it, as iconv -f windows-1252 -t utf-8 does"
        ) from None
    except OSError as error:
        raise PopulerError(
            f"{path} cannot be read ({error.strerror or error}): check its permissions and disk"
        ) from None


def _raw(path: Path) -> Content:
    return path.open("rb") if path != STANDARD_INPUT else open(sys.stdin.fileno(), "rb", closefd=False)


def _unpacked(raw: Content) -> Content:
    """What is in a gzip, bzip2, xz or zstd stream; `raw` itself if it is none of them."""
    start = raw.peek(8)
    for magic, opener in PACKINGS.items():
        if start.startswith(magic):
            unpacked: Any = opener(raw)
            return cast(Content, unpacked if hasattr(unpacked, "peek") else io.BufferedReader(unpacked))
    return raw
