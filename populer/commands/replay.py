"""Replaying logs: events of files, recorded through the service's ingest as any server would record them.

Rows are read and encoded in a thread, a batch at a time and only when one of the `in_flight` slots is free,
so memory stays flat however slow the service is. A batch's idempotency key comes from the line it starts at, the
site and the very bytes sent: a lost reply counts once, and so does the same log read again after an interruption,
also under another name, packed, or grown since. A name, size or modification time in the key would recount a log
that was rotated. (`as_of_now` moves the bytes with the clock: run again, it is another
log.)

The report is filled as answers arrive, so whoever passed it in knows what was acknowledged if it stops
halfway.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from populer.commands.options import DEFAULT_TO, progress_bar
from populer.commands.replay_report import ReplayBatch, ReplayReport, render_report
from populer.log_files.files import STANDARD_INPUT, Reading, read_events
from populer.log_files.page_requests import PageRules, page_rules
from populer.log_files.progress import Bar
from populer.log_files.rows import EventRow, Row, seconds_of
from populer.sending import USUAL_PATIENCE, Patience, ServiceClient
from ranking.errors import PopulerError

if TYPE_CHECKING:
    from rich.progress import Progress

#: Half of the service's default `ingest.max_body`.
MAX_BODY_BYTES = 512 * 1024
#: At a given speed, no batch spans more than this much of real time, else a quiet site's events would come in
#: lumps.
BATCH_SPAN_S = 1.0
ROWS_A_LOOK = 50_000


def run(
    files: Sequence[Path],
    *,
    to: str,
    site: str | None,
    key: str,
    format: str | None,
    speed: str,
    as_of_now: bool,
    item_pattern: str | None,
    base: str | None,
    allow_losses: bool = False,
) -> None:
    """Replay and print the report, also of what was acknowledged before a failure.

    Raises:
        PopulerError: an option or a file cannot be used, the service does not answer or refuses, or, unless
            `allow_losses`, some lines or all could not be used.
    """
    report = ReplayReport()
    try:
        with progress_bar(in_bytes=True) as progress:
            asyncio.run(
                replay(
                    files, to=to, site=site, key=key, now=time.time(), format=format, speed=_speed(speed),
                    as_of_now=as_of_now, item_pattern=item_pattern, base=base, progress=progress, report=report,
                )
            )  # fmt: skip
    finally:
        if report.sent or report.left_out or report.unreadable.count:
            print(render_report(report))  # noqa: T201
    lost = report.unreadable.count + report.invalid.count
    used = report.acknowledged - report.invalid.count - sum(report.filtered.values())
    if not allow_losses:
        check_losses(lost, used, report.sent + report.unreadable.count + sum(report.left_out.values()), "lines")


def check_losses(lost: int, used: int, found: int, what: str) -> None:
    """Return if everything that was found could be used.

    Raises:
        PopulerError: some of it, or all, could not.
    """
    if lost or (found and not used):
        unusable = f"{lost:,} of {found:,}" if used else f"all {found:,}"
        raise PopulerError(
            f"{unusable} {what} could not be used: correct them as the report says, or pass --allow-losses"
        )


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        raise PopulerError(f"--speed: expected a number or max, found {text!r}") from None


class Pace:
    """When events are due if a log is replayed at `speed` times real time; None is as fast as it goes."""

    def __init__(self, speed: float | None) -> None:
        if speed is not None and not (speed > 0 and math.isfinite(speed)):
            raise PopulerError(f"--speed must be a number above 0 or max, not {speed}")
        self._speed = speed
        self._first_ts: float | None = None
        self._due_s = 0.0

    @property
    def span_s(self) -> float:
        """How much of the log's time one batch may span, in seconds."""
        return math.inf if self._speed is None else BATCH_SPAN_S * self._speed

    def due_s(self, ts: float | None) -> float:
        """Seconds after the start at which an event of `ts` (epoch seconds) is due; never going back."""
        if self._speed is None or ts is None:
            return self._due_s
        if self._first_ts is None:
            self._first_ts = ts
        self._due_s = max(self._due_s, (ts - self._first_ts) / self._speed)
        return self._due_s


async def replay(
    files: Sequence[Path],
    *,
    key: str,
    now: float,
    to: str = DEFAULT_TO,
    site: str | None = None,
    format: str | None = None,
    speed: float | None = None,
    as_of_now: bool = False,
    batch: int = 2000,
    in_flight: int = 4,
    item_pattern: str | None = None,
    base: str | None = None,
    patience: Patience = USUAL_PATIENCE,
    progress: "Progress | None" = None,
    report: ReplayReport | None = None,
) -> ReplayReport:
    """Record the events of `files`, one file after the other, through the service at `to`.

    Args:
        files: csv, ndjson or access logs, plain or compressed, `-` for standard input; all of one `format` if given.
        key: the site's write key; without one the service would not honour the events' own times.
        now: epoch seconds; only `as_of_now` looks at it.
        speed: so many times real time, by the events' times; None is as fast as the service takes them.
        as_of_now: shift all times by the same amount so that the last event lies at `now`.
        batch: most events in a batch.
        in_flight: most batches sent and not yet answered.
        item_pattern: finds an item's id in the addresses of an access log.
        base: the site's address, where an access log does not name the host.
        report: filled while this runs; a new one if absent.

    Raises:
        PopulerError: a file cannot be read, or the service does not answer or refuses. Batches already sent
            are waited for if the file is at fault; `report` has what was acknowledged.
    """
    report = ReplayReport() if report is None else report
    started_s = time.monotonic()
    try:
        pace = Pace(speed)
        pages = page_rules(item_pattern, base, key)
        async with ServiceClient(to, site=site, key=key, patience=patience) as client:
            if as_of_now:
                latest_ts = await _latest_ts(files, format, pages, Bar(progress, "finding the last event", files))
                report.shift_s = 0.0 if latest_ts is None else now - latest_ts
            batches = _batches(files, format, pages, batch, site=site, report=report, span_s=pace.span_s)
            bar = Bar(progress, "replaying", files)
            await _send_all(client, batches, pace=pace, in_flight=in_flight, report=report, bar=bar)
        report.finished = True
    finally:
        report.seconds = time.monotonic() - started_s
    return report


async def _send_all(
    client: ServiceClient,
    batches: Iterator[ReplayBatch],
    *,
    pace: Pace,
    in_flight: int,
    report: ReplayReport,
    bar: Bar,
) -> None:
    slots = asyncio.Semaphore(in_flight)
    clock = asyncio.get_running_loop().time
    started_s: float | None = None
    failure: Exception | None = None

    async def send(batch: ReplayBatch) -> None:
        try:
            report.add(batch, await client.post_events(batch.body, batch.key))
            bar.advance(batch.read_bytes)
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as sending:
            while True:
                await slots.acquire()
                try:
                    batch = await asyncio.to_thread(next, batches, None)
                except PopulerError as error:
                    failure = error  # raised after the batches in flight were answered
                    break
                if batch is None:
                    break
                started_s = clock() if started_s is None else started_s
                wait_s = started_s + pace.due_s(batch.latest_ts) - clock()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                report.sent += len(batch.lines)
                sending.create_task(send(batch))
    except ExceptionGroup as failures:
        failure = failures.exceptions[0]  # the batches in flight tend to fail together, for one reason
    if failure is not None:
        raise failure


def _batches(
    files: Sequence[Path],
    format: str | None,
    pages: PageRules,
    size: int,
    *,
    site: str | None,
    report: ReplayReport,
    span_s: float,
) -> Iterator[ReplayBatch]:
    """Batches of at most `size` events of one file that span at most `span_s`, times shifted.

    If a file breaks off, the rows that do not fill a batch are left: the mended file would cut the next batch
    elsewhere, and they would count twice.
    """
    encode = msgspec.json.Encoder().encode_lines
    for path in files:
        reading = Reading(report.unreadable, report.left_out)
        done_bytes = 0
        for rows in _cut(read_events(path, format, reading, pages), size, span_s, report.shift_s):
            if any(event.until is not None for _, event in rows):
                raise PopulerError(
                    f"{path} has counts that were exported, and a service takes single events: `populer tune --events`"
                    " and `populer restore` take counts"
                )
            read_bytes, done_bytes = reading.bytes_read - done_bytes, reading.bytes_read
            for lines, events, body in fitting(rows, encode):
                latest_ts = _latest(events) if span_s < math.inf else None
                yield ReplayBatch(path, body, lines, _key(site or "", lines[0], body), latest_ts, read_bytes)
                read_bytes = 0
        report.formats[path.name] = reading.format


def _key(site: str, line: int, body: bytes) -> str:
    """The idempotency key of `body`, which starts at `line` of a log."""
    return blake2b(f"{site}\0{line}\0".encode() + body, digest_size=16).hexdigest()


def _cut(
    rows: Iterator[tuple[int, EventRow]], size: int, span_s: float, shift_s: float
) -> Iterator[list[tuple[int, EventRow]]]:
    """`rows` shifted and cut into lists of at most `size` rows and `span_s` seconds of the log."""
    if not shift_s and span_s == math.inf:
        while taken := list(islice(rows, size)):
            yield taken
        return
    taken = []
    start_ts: float | None = None
    for row in rows:
        event = row[1]
        if event.ts is not None:
            ts = seconds_of(event.ts) + shift_s
            if shift_s:
                event.ts = ts
            start_ts = ts if start_ts is None else start_ts
            if taken and ts - start_ts > span_s:
                yield taken
                taken, start_ts = [], ts
        taken.append(row)
        if len(taken) == size:
            yield taken
            taken, start_ts = [], None
    if taken:
        yield taken


def fitting(
    rows: Sequence[tuple[int, Row]], encode: Callable[[list[Row]], bytes]
) -> Iterator[tuple[list[int], list[Row], bytes]]:
    """`rows` as bodies of at most MAX_BODY_BYTES, halved until they fit: the lines, the rows, the body."""
    body = encode([row for _, row in rows])
    if len(body) <= MAX_BODY_BYTES or len(rows) == 1:
        yield [line for line, _ in rows], [row for _, row in rows], body
        return
    half = len(rows) // 2
    yield from fitting(rows[:half], encode)
    yield from fitting(rows[half:], encode)


def _latest(events: Iterable[EventRow]) -> float | None:
    return max((seconds_of(event.ts) for event in events if event.ts is not None), default=None)


async def _latest_ts(files: Sequence[Path], format: str | None, pages: PageRules, bar: Bar) -> float | None:
    """The latest time in `files`, in epoch seconds; a first pass over them."""
    latest: float | None = None
    for path in files:
        if path == STANDARD_INPUT or (path.exists() and not path.is_file() and not path.is_dir()):
            raise PopulerError(f"--as-of-now reads a log twice and {path} is a stream: save it as a file first")
        reading = Reading()
        rows = bar.over(read_events(path, format, reading, pages), reading)
        while looked := await asyncio.to_thread(list, islice(rows, ROWS_A_LOOK)):
            found = _latest(event for _, event in looked)
            latest = found if latest is None else max(latest, found if found is not None else latest)
    return latest
