"""`populer export`: counts, items and edits as tables for those who do not speak to the service.

Counts are those that rank: of other names of an item in its own, without what was left out of them, whatever is void.
A row of them is an event, `events` times between `ts` and `until`: `populer tune --events` reads them again, and so
does DuckDB, which Parquet is made by of the same rows. No column is a word of SQL.
"""

import asyncio
import csv
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from api.http.csv_rows import without_formula
from populer.commands.options import moment, site_named, store_url
from populer.commands.rank import viewed
from populer.log_files.parquet_rows import duckdb
from populer.stores import opened_store
from ranking.counts.fields import is_shadow
from ranking.errors import PopulerError
from ranking.intake.events import channel_kind, channel_source
from ranking.intake.items import Item, as_wire, item_from_stored
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.store.limits import AUDIT_LINES

FORMATS: Final = ("parquet", "csv")
ITEMS_AT_ONCE: Final = 1_000
TIME, TEXT, NUMBER, TRUTH = "TIMESTAMP", "VARCHAR", "BIGINT", "BOOLEAN"
#: Columns of each table and their types in Parquet. Times are UTC.
TABLES: Final = {
    "counts": {
        "ts": TIME, "until": TIME, "item": TEXT, "kind": TEXT, "source": TEXT, "position": NUMBER, "events": NUMBER,
    },
    "items": {
        "id": TEXT, "title": TEXT, "url": TEXT, "section": TEXT, "sections": TEXT, "published_at": TIME,
        "modified_at": TIME, "expires_at": TIME, "first_seen": TIME, "author": TEXT, "authors": TEXT, "tags": TEXT,
        "image": TEXT, "summary": TEXT, "language": TEXT, "type": TEXT, "premium": TRUTH, "hidden": TRUTH,
        "translation_group": TEXT,
    },
    "edits": {
        "at": TIME, "edition": NUMBER, "editor": TEXT, "action": TEXT, "undoes": NUMBER, "list": TEXT, "section": TEXT,
        "void": NUMBER, "item": TEXT, "before": TEXT, "after": TEXT,
    },
}  # fmt: skip


class TimeRange(NamedTuple):
    """From a moment until another, both epoch seconds."""

    since: float
    until: float

    def holds(self, at: float) -> bool:
        """Whether a moment lies in it."""
        return self.since <= at < self.until


def run(
    settings: Settings,
    site: str | None,
    table: str,
    *,
    since: str | None,
    until: str | None,
    form: str,
    out: Path | None,
) -> None:
    """Write a table to a file, or a csv to the standard output.

    Raises:
        PopulerError: an option cannot be used, or the store does not answer.
    """
    if table not in TABLES:
        raise PopulerError(f"expected {', '.join(TABLES)}, found {table!r}")
    if form not in FORMATS:
        raise PopulerError(f"--format: expected {' or '.join(FORMATS)}, found {form!r}")
    if form == "parquet" and out is None:
        raise PopulerError("--format parquet needs --out FILE")
    chosen, now = site_named(settings, site), time.time()
    span = TimeRange(moment(since, chosen, 0.0, "--from"), moment(until, chosen, float("inf"), "--to"))
    if span.since >= span.until:
        raise PopulerError(f"--from {since}: expected a moment before --to {until}")
    rows = _ROWS[table](settings, chosen, span, now)
    try:
        if form == "parquet" and out is not None:
            _write_parquet(out, table, rows)
        else:
            asyncio.run(_write(out, table, rows))
    except BrokenPipeError:
        raise PopulerError("the standard output was closed before all was written") from None
    except OSError as error:
        raise PopulerError(f"{out}: cannot be written ({error.strerror}); name another file") from None


Rows = AsyncGenerator[Iterable[Sequence[Any]], None]


async def _write(out: Path | None, table: str, rows: Rows, *, guarded: bool = True) -> None:
    """Write a csv, once the store has answered. `guarded`: a cell that a spreadsheet takes for a formula is quoted."""
    async with aclosing(rows):  # also where the file takes no more
        part: Iterable[Sequence[Any]] | None = await anext(rows, None)
        with nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(TABLES[table])
            while part is not None:
                writer.writerows(map(_guarded, part) if guarded else part)
                part = await anext(rows, None)


def _guarded(cells: Sequence[Any]) -> list[Any]:
    return [without_formula(cell) if isinstance(cell, str) else cell for cell in cells]


def _write_parquet(out: Path, table: str, rows: Rows) -> None:
    module = duckdb()
    with tempfile.NamedTemporaryFile(dir=out.parent, suffix=".csv") as file:
        asyncio.run(_write(Path(file.name), table, rows, guarded=False))
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in TABLES[table].items())
        read = f"read_csv(?, header = true, columns = {{{columns}}}, parallel = false)"
        try:
            with module.connect() as connection:
                connection.execute(f"COPY (SELECT * FROM {read}) TO '{_quoted(out)}' (FORMAT parquet)", [file.name])  # noqa: S608
        except module.Error as error:
            said = str(error).splitlines()[0]
            raise PopulerError(f"{out}: cannot be written as Parquet ({said}); name another file") from None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


async def _counts(settings: Settings, site: SiteSettings, span: TimeRange, now: float) -> Rows:
    async with viewed(settings, store_url(settings), site, now) as (_, view):
        history = view.history
        columns = history.columns()
        wanted = (columns.start_s >= span.since) & (columns.start_s < span.until)
        places = [
            None if is_shadow(name) else (channel_kind(name), channel_source(name), name.partition("#")[2])
            for name in history.channels
        ]
        order = np.argsort(columns.start_s, kind="stable")
        of_bucket = np.argsort(columns.bucket, kind="stable")
        ends = np.searchsorted(columns.bucket[of_bucket], np.arange(len(wanted) + 1))
        for bucket in order[wanted[order]].tolist():
            ts = _time(columns.start_s[bucket])
            until = _time(columns.start_s[bucket] + columns.width_s[bucket])
            own = of_bucket[ends[bucket] : ends[bucket + 1]]
            cells, events = columns.cell[own], columns.counts[own].astype(np.int64)
            items, channels = columns.cell_item[cells].tolist(), columns.cell_channel[cells].tolist()
            yield [
                (ts, until, history.items[item], *place, n)
                for item, channel, n in zip(items, channels, events.tolist(), strict=True)
                if (place := places[channel]) is not None
            ]


async def _items(settings: Settings, site: SiteSettings, span: TimeRange, now: float) -> Rows:
    async with opened_store(settings, store_url(settings)) as store:
        for shard in range(store.shards):
            cursor = 0
            while True:
                cursor, stored = await store.archive.items(site.id, shard, cursor, ITEMS_AT_ONCE)
                if not stored:
                    break
                items = [item_from_stored(document) for document in stored.values() if document]
                yield [_item_cells(item) for item in items if span.holds(_published(item))]


def _published(item: Item) -> float:
    return item.first_seen if item.published_at is None else item.published_at


def _item_cells(item: Item) -> list[Any]:
    return _cells("items", as_wire(item) | {"image": item.image, "translation_group": item.group})


async def _edits(settings: Settings, site: SiteSettings, span: TimeRange, now: float) -> Rows:
    async with opened_store(settings, store_url(settings)) as store:
        trail = await store.edits.audit(site.id, AUDIT_LINES)
    yield [_cells("edits", line | {"editor": line["by"]}) for line in reversed(trail) if span.holds(line["at"])]


_ROWS: Final = {"counts": _counts, "items": _items, "edits": _edits}


def _cells(table: str, values: dict[str, Any]) -> list[Any]:
    return [_cell(values.get(name), kind) for name, kind in TABLES[table].items()]


def _cell(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == TIME:
        return _time(value)
    if kind == TRUTH:
        return str(value).lower()
    if isinstance(value, tuple):
        return "|".join(value)
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _time(at: float) -> str:
    """A time as csv has it.

    >>> _time(1764532140.0)
    '2025-11-30T19:49:00Z'
    """
    return datetime.fromtimestamp(float(at), UTC).isoformat().removesuffix("+00:00") + "Z"
