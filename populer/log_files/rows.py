"""Rows of logs and catalogues as the service takes them, what makes one unusable, and the count of those."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ranking.intake.events import DEFAULT_KIND
from ranking.times import LATEST_EPOCH_S, in_seconds, moment_or_wall_clock, parse_moment

SHOWN_FAULTS = 5
#: What exports of analytics call a view; None: what they record beside views, which is left out and counted. Fields
#: that are called `kind` are ours, and hold whatever kinds the site has.
OTHER_KINDS: Mapping[str, str | None] = {
    "pageview": "view", "page_view": "view",
    "heartbeat": None, "vheartbeat": None, "videostart": None,  # Parse.ly
    "user_engagement": None, "session_start": None, "first_visit": None,  # Google Analytics
}  # fmt: skip


class EventRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One event of a log, encoded as the service takes it.

    `ts` in epoch seconds, or text that has no offset: the wall clock of the site; None means unknown. `events`: how
    many there were from `ts` until `until`, of counts that were exported; the service takes none of these.
    """

    item: str | None = None
    ts: float | str | None = None
    visitor: str | None = None
    kind: str = DEFAULT_KIND
    source: str | None = None
    position: int | None = None
    url: str | None = None
    id: str | None = None
    events: int = 1
    until: float | str | None = None


class ItemRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One item of a catalogue, as the service takes it. Readers give `published_at` in epoch seconds.

    Without an `id` the service makes one of the `url`. The first of `sections` is the one that is shown.
    """

    id: str | None = None
    title: str | None = None
    url: str | None = None
    section: str | None = None
    published_at: float | str | None = None
    image: str | dict[str, Any] | None = None
    author: str | None = None
    tags: tuple[str, ...] | None = None
    sections: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    modified_at: float | str | None = None
    expires_at: float | str | None = None
    summary: str | None = None
    language: str | None = None
    type: str | None = None
    premium: bool | str | None = None
    hidden: bool | str | None = None
    group: str | None = None


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
    if isinstance(ts, float) and not 0.0 <= ts <= LATEST_EPOCH_S:
        return f"ts: must be a time since the epoch, not {ts:.0f}"
    return None


def kind_of(name: str, left_out: dict[str, int]) -> str | None:
    """The kind of an event that an export of analytics calls `name`; None: it is no view, and is counted so.

    >>> left_out = {}
    >>> kind_of("page_view", left_out), kind_of("share", left_out), kind_of("heartbeat", left_out), left_out
    ('view', 'share', None, {'heartbeat': 1})
    """
    kind = OTHER_KINDS.get(name, name)
    if kind is None:
        left_out[name] = left_out.get(name, 0) + 1
    return kind


def seconds_of(ts: float | str) -> float:
    """Epoch seconds of an event's time, to compare it with others of its log: a wall clock is read as UTC."""
    return parse_moment(ts) if isinstance(ts, str) else ts


def check_item(item: ItemRow) -> None:
    """Brings the publish time to epoch seconds; ValueError with the reason if the item cannot be one.

    A time without an offset is left as it is written: the service knows the site's zone. So is what is no time: the
    service leaves it out, names it, and stores the rest.
    """
    if (not item.id or item.id.isspace()) and not item.url:
        raise ValueError("has neither an id nor a url")
    item.id = item.id or None
    published = item.published_at
    if published is None or published == "":
        item.published_at = None
        return
    text = published if isinstance(published, str) else repr(in_seconds(published))
    with contextlib.suppress(ValueError):
        item.published_at = moment_or_wall_clock(text)
