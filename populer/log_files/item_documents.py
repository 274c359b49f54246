"""Catalogues that are one document: a JSON array, a feed, a sitemap, or an index of sitemaps."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from jobs.sources.documents import read_document
from jobs.sources.entries import Document, SourceEntry, SourceError
from populer.log_files.item_rows import ITEM_NAMES, ItemReading, one_and_all
from populer.log_files.rows import ItemRow
from ranking.errors import PopulerError

MIB: Final = 1024**2
MAX_ARRAY_BYTES: Final = 512 * MIB
MAX_FEED_BYTES: Final = 64 * MIB
MOST_SITEMAPS: Final = 500
#: Fetches a further document that one names: its address -> its content.
FetchMore = Callable[[str], bytes]


def array_items(path: Path, content: bytes, reading: ItemReading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Fields of the items of a JSON array, each with the line that it begins in."""
    if len(content) > MAX_ARRAY_BYTES:
        raise PopulerError(f"{path} is a JSON array of over {MAX_ARRAY_BYTES // MIB} MiB: write one object a line")
    try:
        raws = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise PopulerError(f"{path} is a JSON array that cannot be read ({error}): write or fetch it again") from None
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    at, line = 0, 1
    for raw in raws:
        begins = content.index(bytes(raw), at)
        line += content.count(b"\n", at, begins)
        at = begins
        try:
            yield line, ITEM_NAMES.fields(decode(raw), reading.unread)
        except msgspec.DecodeError as error:
            reading.unreadable.add(path, line, str(error))
        line += content.count(b"\n", at, at + len(raw))
        at += len(raw)


def feed_items(
    path: Path, content: bytes, reading: ItemReading, address: str, more: FetchMore
) -> Iterator[tuple[int, ItemRow]]:
    """Items of a feed or a sitemap, each with its place in it; those of the sitemaps that an index names, too."""
    try:
        document = read_document(content, address, MAX_FEED_BYTES)
    except SourceError as error:
        raise PopulerError(f"{path} {error}: name a feed or a news sitemap that can be read") from None
    yield from _entries(path, document, reading)
    if len(document.sitemaps) > MOST_SITEMAPS:
        reading.unreadable.add(path, 0, f"names {len(document.sitemaps)} sitemaps; the {MOST_SITEMAPS} newest are read")
    for sitemap in document.sitemaps[:MOST_SITEMAPS]:
        name = Path(sitemap.rpartition("/")[2] or sitemap)
        try:
            found = read_document(more(sitemap), sitemap, MAX_FEED_BYTES)
        except PopulerError as error:
            reading.unreadable.add(name, 0, str(error))
        else:
            yield from _entries(name, found, reading)


def _entries(path: Path, document: Document, reading: ItemReading) -> Iterator[tuple[int, ItemRow]]:
    for place, reason in document.faults:
        reading.unreadable.add(path, place, f"entry {place} {reason}")
    if document.passed_over:
        reason = "no news of a sitemap"
        reading.left_out[reason] = reading.left_out.get(reason, 0) + document.passed_over
    for place, entry in document.entries:
        yield place, row_of_entry(entry)


def row_of_entry(entry: SourceEntry) -> ItemRow:
    """An entry as a row of a catalogue."""
    row = msgspec.convert(msgspec.to_builtins(entry), ItemRow)
    row.section, row.sections = one_and_all(entry.sections)
    row.author, row.authors = one_and_all(entry.authors)
    return row
