"""Rows of logs and catalogues as the service takes them, what makes one unusable, and the count of those.

What every format's reader has in common: `sources` opens files and tells their format, `csv_rows` reads csv.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path
from typing import TypeVar

import msgspec

from ranking.intake.events import DEFAULT_KIND
from ranking.times import LATEST_EPOCH_S, parse_moment

SHOWN_FAULTS = 5


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


def why_bad_event(event: EventRow) -> str | None:
    """Why an event cannot be one; None if it can."""
    if not event.item and not event.url:
        return "has neither an item nor a url"
    ts = event.ts
    if ts is not None and not 0.0 <= ts <= LATEST_EPOCH_S:
        return f"ts: must be a time since the epoch, not {ts:.0f}"
    return None


def in_seconds(since_epoch: float) -> float:
    """A time since the epoch in seconds. What no year up to 9999 has as seconds is ms, µs or ns.

    >>> in_seconds(1541343601.5), in_seconds(1541343601500.0), in_seconds(1541343601500000.0)
    (1541343601.5, 1541343601.5, 1541343601.5)
    """
    for _ in range(3):
        if not since_epoch > LATEST_EPOCH_S:
            break
        since_epoch /= 1000.0
    return since_epoch


ELSEWHERE = timezone(timedelta(hours=1))


def check_item(item: ItemRow) -> None:
    """Brings the publish time to epoch seconds; ValueError with the reason if the item cannot be one.

    A time without an offset is left as it is written: the service knows the site's zone.
    """
    if not item.id or item.id.isspace():
        raise ValueError("has no id")
    published = item.published_at
    if published is None or published == "":
        item.published_at = None
        return
    if isinstance(published, float | int):
        published = in_seconds(published)
    elif published.strip().isdecimal() and float(published) > LATEST_EPOCH_S:
        published = in_seconds(float(published))
    text = published if isinstance(published, str) else repr(published)
    try:
        in_utc, elsewhere = parse_moment(text), parse_moment(text, ELSEWHERE)
    except ValueError as error:
        raise ValueError(f"published_at: must be {error}, not {published!r}") from None
    if in_utc == elsewhere:
        item.published_at = in_utc
