"""Rows of a csv log or catalogue: columns found by the names in its header, cells made into events and items.

Invariant: a quote that is not closed costs one row, and no file is read into memory for it.

Rejected: splitting lines without a quote by `str.split`. It saved 0.15 µs of the microsecond that reading a row takes,
and was a second way through every file.
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from populer.log_files.field_names import plain_name
from populer.log_files.item_rows import ITEM_COLUMNS, ItemReading
from populer.log_files.rows import EventRow, Faults, Lines, kind_of
from ranking.errors import PopulerError
from ranking.intake.events import DEFAULT_KIND
from ranking.times import LATEST_EPOCH_S, moment_or_wall_clock

DELIMITERS = ",;\t"
MAX_LINES_A_ROW = 100

#: Names that a csv header or a JSON object may use for a field, the preferred one first; upper and lower case are the
#: same, and so are spaces, dashes and underscores.
EVENT_COLUMNS: Mapping[str, Sequence[str]] = {
    "ts": ("ts", "ts_epoch_seconds", "timestamp", "time", "datetime", "date", "created_at", "event_time", "epoch",
           "unix_time", "timestamp_ms", "ts_ms", "timestamp_info_nginx_ms"),
    "item": ("item", "item_id", "article_id", "article", "content_id", "post_id", "story_id", "page_id"),
    "visitor": ("visitor_site_id", "visitor", "visitor_id", "user", "user_id", "session_id", "session", "client_id",
                "reader_id", "user_pseudo_id"),
    "kind": ("kind", "event", "event_type", "event_name", "action"),
    "source": ("source",),
    "position": ("position",),
    "url": ("url", "page_url", "page_location", "link"),
    "id": ("id", "event_id"),
    "events": ("events",),
    "until": ("until",),
}  # fmt: skip
ALIAS_COLUMNS: Mapping[str, Sequence[str]] = {
    "from": ("from", "alias", "source", "old", "old_url", "source_url", "from_url", "redirect_from"),
    "to": ("to", "item", "target", "new", "item_id", "id", "new_url", "target_url", "to_url", "redirect_to"),
}  # fmt: skip
SHOWN_NAMES = 2


def csv_events(
    path: Path, first: str, lines: Lines, unreadable: Faults, left_out: dict[str, int]
) -> Iterator[tuple[int, EventRow]]:
    """Events of the csv at `path`, whose header is `first` and whose rows are `lines`; see `read_events`."""
    header = _Header(path, first, EVENT_COLUMNS)
    header.need(("ts",), ("item", "url"))
    at = header.at
    ts_at, item_at, visitor_at, kind_at = at["ts"], at["item"], at["visitor"], at["kind"]
    source_at, position_at, url_at, id_at = at["source"], at["position"], at["url"], at["id"]
    others_kinds = kind_at >= 0 and "kind" not in header.found
    rarer, counted = max(source_at, position_at, url_at, id_at) >= 0, min(at["events"], at["until"]) >= 0
    for line, cells in _rows(path, header, lines, unreadable):
        kind = cells[kind_at] or DEFAULT_KIND
        if others_kinds:
            ours = kind_of(kind, left_out)
            if ours is None:
                continue
            kind = ours
        try:
            event = EventRow(
                cells[item_at] or None,
                _ts(cells[ts_at]),
                cells[visitor_at] or None,
                kind,
            )
            if rarer:
                event.source = cells[source_at] or None
                event.position = _position(cells[position_at])
                event.url = cells[url_at] or None
                event.id = cells[id_at] or None
            if counted:
                event.events, event.until = int(cells[at["events"]]), _ts(cells[at["until"]])
        except ValueError as error:
            unreadable.add(path, line, str(error))
            continue
        if event.item is None and event.url is None:
            unreadable.add(path, line, "has neither an item nor a url")
        else:
            yield line, event


def csv_items(path: Path, first: str, lines: Lines, reading: ItemReading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Fields of the items of the csv at `path`, whose header is `first` and whose rows are `lines`."""
    header = _Header(path, first, ITEM_COLUMNS)
    header.need(("id", "url"))
    reading.unread.update(header.unread)
    places = [(name, place) for name, place in header.at.items() if place >= 0]
    for line, cells in _rows(path, header, lines, reading.unreadable):
        yield line, {name: cells[place] for name, place in places if cells[place]}


def csv_aliases(path: Path, first: str, lines: Lines, unreadable: Faults) -> Iterator[tuple[int, str, str]]:
    """Pairs of the csv at `path`, as `csv_items` reads it: line, another address or id, the item's."""
    header = _Header(path, first, ALIAS_COLUMNS)
    header.need(("from",), ("to",))
    for line, cells in _rows(path, header, lines, unreadable):
        name, item = cells[header.at["from"]].strip(), cells[header.at["to"]].strip()
        if name and item:
            yield line, name, item
        else:
            unreadable.add(path, line, "names no pair: both columns must be filled")


def _ts(text: str) -> float | str | None:
    """Epoch seconds, as nearly every log has them, or a time as people write it."""
    if not text:
        return None
    try:
        ts = float(text)
    except ValueError:
        ts = -1.0  # fails the range below; text is looked at there, off the fast path
    if 0.0 <= ts <= LATEST_EPOCH_S:
        return ts
    try:
        return moment_or_wall_clock(text)
    except ValueError as error:
        raise ValueError(f"ts: must be {error}, not {text!r}") from None


def _position(text: str) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        raise ValueError(f"position: must be a whole number, not {text!r}") from None


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
        found = [plain_name(name) for name in names]
        self.width = len(names)
        self.at = {
            name: next((found.index(word) for word in words if word in found), -1) for name, words in columns.items()
        }
        self.unread = [name for place, name in enumerate(names) if place not in self.at.values() and name.strip()]
        self._path, self._columns, self.found = path, columns, found

    def need(self, *groups: Sequence[str]) -> None:
        """PopulerError unless at least one field of each group has a column."""
        for group in groups:
            if max(self.at[name] for name in group) < 0:
                accepted = " or ".join(word for name in group for word in self._columns[name][:SHOWN_NAMES])
                found = ", ".join(self.found)[:100]
                raise PopulerError(f"{self._path}: its first line must name a column {accepted}; it has {found}")


def _rows(path: Path, header: _Header, lines: Lines, unreadable: Faults) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row plus one empty cell. A row not as wide as the header was cut or shifted.

    If a row over several lines cannot be read, only its first line is lost: the others are looked at again as rows.
    """
    waiting = deque[tuple[int, str]]()
    taken: list[tuple[int, str]] = []  # the lines of the row that is being read

    def texts() -> Iterator[str]:
        while len(taken) < MAX_LINES_A_ROW and (entry := waiting.popleft() if waiting else next(lines, None)):
            taken.append(entry)
            yield entry[1]

    def give_up(reason: str) -> None:
        line, text = taken[0]
        if text.strip():
            unreadable.add(path, line, reason)
        waiting.extendleft(reversed(taken[1:]))

    width, at_end = header.width, False
    while not at_end:
        try:
            for cells in csv.reader(texts(), delimiter=header.delimiter, strict=True):
                if len(cells) == width:
                    cells.append("")
                    yield taken[0][0], cells
                else:
                    give_up(_why_bad_width(len(cells), width))
                taken.clear()
            at_end = True
        except csv.Error as error:
            give_up("a quote opens and does not close" if "end of data" in str(error) else str(error))
            taken.clear()


def _why_bad_width(found: int, wanted: int) -> str:
    return f"has {found} columns where the header has {wanted}"
