"""Importing a catalogue: items of a file, upserted through the service in batches.

One batch is sent at a time: where a file describes an item twice, the later row has to win.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from populer.commands.options import DEFAULT_TO, progress_bar
from populer.commands.replay import check_losses, fitting
from populer.commands.replay_report import ReplayBatch, fault_lines
from populer.log_files.files import Reading, read_items
from populer.log_files.progress import Bar
from populer.log_files.remote import fetched, fetched_file, is_address
from populer.log_files.rows import Faults
from populer.sending import USUAL_PATIENCE, ItemsAnswer, Patience, ServiceClient
from ranking.errors import PopulerError
from ranking.intake.urls import host_of

if TYPE_CHECKING:
    from rich.progress import Progress

ITEMS_A_BATCH = 500


def run(place: str, *, to: str, site: str | None, key: str, format: str | None, allow_losses: bool = False) -> None:
    """Import what is at `place`, a file's name or an address, and print the report, also of a part.

    Raises:
        PopulerError: the file cannot be used, the service does not answer or refuses, or, unless `allow_losses`, some
            items or all could not be used.
    """
    report = ImportReport()
    try:
        with (
            progress_bar(in_bytes=True) as progress,
            fetched_file(place) if is_address(place) else nullcontext(Path(place)) as file,
        ):
            address = place if is_address(place) else ""
            asyncio.run(
                import_items(
                    file, to=to, site=site, key=key, format=format, progress=progress, report=report, address=address
                )
            )
    finally:
        if report.sent or report.unreadable.count or report.left_out:
            print(render_import_report(report))  # noqa: T201
    lost = report.unreadable.count + report.invalid.count
    if not (report.sent or lost or report.left_out):
        raise PopulerError(f"{place} has no items: name a file or a feed that has some")
    if not allow_losses:
        check_losses(lost, report.stored + report.down, report.sent + report.unreadable.count, "items")
        if report.ignored.count:
            raise PopulerError(
                f"{report.ignored.count:,} fields of items could not be used: correct them as the report says, or pass"
                " --allow-losses"
            )


@dataclass(slots=True)
class ImportReport:
    """What became of an import, so far. Counts are items unless they say otherwise; see `ReplayReport`.

    `ignored`: fields that cannot be used, of items that are stored; `down`: items that are taken down and stay so.
    `left_out`: what is no item that readers can open, by reason; `unread`: names of columns that are no item's fields.
    """

    sent: int = 0
    stored: int = 0
    invalid: Faults = field(default_factory=Faults)
    unreadable: Faults = field(default_factory=Faults)
    ignored: Faults = field(default_factory=Faults)
    down: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    acknowledged_batches: int = 0
    seconds: float = 0.0
    finished: bool = False

    def add(self, batch: ReplayBatch, answer: ItemsAnswer) -> None:
        """Count one acknowledged batch."""
        self.acknowledged_batches += 1
        self.stored += answer.stored
        for invalid in answer.invalid:
            self.invalid.add(batch.path, batch.line(invalid.index), invalid.error)
        refused = {invalid.index for invalid in answer.invalid}
        for index, item in enumerate(answer.items):
            for why in item.ignored:
                self.ignored.add(batch.path, batch.line(index), why)
            if not item.ok and index not in refused:
                self.down += 1


async def import_items(
    path: Path,
    *,
    key: str,
    to: str = DEFAULT_TO,
    site: str | None = None,
    format: str | None = None,
    batch: int = ITEMS_A_BATCH,
    patience: Patience = USUAL_PATIENCE,
    progress: "Progress | None" = None,
    report: ImportReport | None = None,
    address: str = "",
) -> ImportReport:
    """Upsert the items of the file at `path` through the service at `to`.

    Args:
        path: a catalogue, plain or compressed; see `read_items`.
        address: where it was fetched from.
        key: the site's write key.
        batch: most items in a batch.
        report: filled while this runs; a new one if absent.

    Raises:
        PopulerError: the file cannot be read, or the service does not answer or refuses; `report` has what
            was acknowledged.
    """
    report = ImportReport() if report is None else report
    started_s = time.monotonic()
    bar = Bar(progress, "importing", [path])
    batches = _batches(path, format, batch, report, address)
    try:
        async with ServiceClient(to, site=site, key=key, patience=patience) as client:
            while (items := await asyncio.to_thread(next, batches, None)) is not None:
                report.sent += len(items.lines)
                report.add(items, await client.put_items(items.body))
                bar.advance(items.read_bytes)
        report.finished = True
    finally:
        report.seconds = time.monotonic() - started_s
    return report


def _batches(path: Path, format: str | None, size: int, report: ImportReport, address: str) -> Iterator[ReplayBatch]:
    encode = msgspec.json.Encoder().encode
    reading = Reading(report.unreadable, report.left_out, report.unread)
    done_bytes = 0

    def more(sitemap: str) -> bytes:
        return fetched(sitemap, host_of(address or sitemap))

    rows = read_items(path, format, reading, address, more)
    while taken := list(islice(rows, size)):
        read_bytes, done_bytes = reading.bytes_read - done_bytes, reading.bytes_read
        for lines, _, body in fitting(taken, encode):
            yield ReplayBatch(path, body, lines, read_bytes=read_bytes)
            read_bytes = 0


def render_import_report(report: ImportReport) -> str:
    """The report as a few lines for a terminal."""
    lines = [
        f"{report.stored:,} of {report.sent:,} items sent were stored "
        f"in {report.seconds:.1f} s (batches: {report.acknowledged_batches:,})",
        *fault_lines(report.invalid, report.unreadable),
        *(f"  left out    {count:>12,} with {reason}" for reason, count in sorted(report.left_out.items())),
    ]
    if report.ignored.count:
        lines += [f"  fields left out {report.ignored.count:>8,}", *(f"    {text}" for text in report.ignored.first)]
    if report.down:
        lines.append(
            f"  taken down  {report.down:>12,} stay so: describe each alone (PUT /v1/items/{{id}}) to lift that"
        )
    if report.unread:
        lines.append(f"  columns that are no item's fields: {', '.join(sorted(report.unread))[:500]}")
    if not report.finished:
        lines.append("stopped before the end; run again, the same command stores nothing twice")
    return "\n".join(lines)
