"""What a replay has come to: events by outcome, and the lines that say so."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from populer.log_files.rows import Faults
from populer.sending import EventsAnswer


@dataclass(slots=True)
class ReplayReport:
    """What became of a replay, so far. Counts are events unless they say otherwise.

    `sent` counts an event once however often its batch was tried; what is in `sent` and in no other count was
    not acknowledged. `left_out` has the lines of access logs that were never sent, as they are no page views, by
    reason. `formats` has the format of each file. `shift_s` is what `as_of_now` added to every time stamp. `finished`:
    all files went through.
    """

    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    invalid: Faults = field(default_factory=Faults)
    unreadable: Faults = field(default_factory=Faults)
    acknowledged_batches: int = 0
    spooled_batches: int = 0
    seconds: float = 0.0
    shift_s: float = 0.0
    finished: bool = False

    @property
    def acknowledged(self) -> int:
        """Events the service answered for, whatever the answer."""
        return self.accepted + self.duplicate + sum(self.filtered.values()) + self.invalid.count

    def add(self, batch: "ReplayBatch", answer: EventsAnswer) -> None:
        """Count one acknowledged batch."""
        self.acknowledged_batches += 1
        self.spooled_batches += answer.ack == "spool"
        self.accepted += answer.accepted
        self.duplicate += answer.duplicate
        for reason, events in answer.filtered.items():
            self.filtered[reason] = self.filtered.get(reason, 0) + events
        for invalid in answer.invalid:
            self.invalid.add(batch.path, batch.line(invalid.index), invalid.error)
        self.invalid.count += max(0, answer.invalid_total - len(answer.invalid))


def render_report(report: ReplayReport) -> str:
    """The report as a few lines for a terminal."""
    filtered = Counter(report.filtered) + Counter(report.left_out)
    rate = report.acknowledged / report.seconds if report.seconds > 0 else 0.0
    lines = [
        *(
            f"{'standard input' if name == '-' else name}: read as {format}"
            for name, format in report.formats.items()
            if format
        ),
        f"{report.acknowledged:,} of {report.sent:,} events sent were acknowledged "
        f"in {report.seconds:.1f} s ({rate:,.0f}/s; batches: {report.acknowledged_batches:,})",
        f"  accepted    {report.accepted:>12,}",
        f"  duplicate   {report.duplicate:>12,}",
        f"  filtered    {filtered.total():>12,}{_reasons(filtered)}",
        *fault_lines(report.invalid, report.unreadable),
    ]
    if report.spooled_batches:
        lines.append(f"in the service's spool until its Redis is back: {report.spooled_batches:,} batches")
    if report.finished and 0 < report.sent == report.invalid.count and ": ts: " in report.invalid.first[0]:
        lines.append("none counted: if the log is from the past, --as-of-now moves its last event to now")
    if not report.finished:
        again = "" if report.shift_s else "; run again within 24 h, the same command counts nothing twice"
        lines.append(f"stopped before the end{again}")
    return "\n".join(lines)


def fault_lines(invalid: Faults, unreadable: Faults) -> list[str]:
    """How many rows the service refused and how many could not be read, each with the first of them."""
    return [
        f"  {what:<12}{faults.count:>12,}" + "".join(f"\n    {text}" for text in faults.first)
        for what, faults in (("invalid", invalid), ("unreadable", unreadable))
    ]


def _reasons(filtered: dict[str, int]) -> str:
    if not filtered:
        return ""
    return "  (" + ", ".join(f"{reason} {events:,}" for reason, events in sorted(filtered.items())) + ")"


class ReplayBatch(NamedTuple):
    """Rows of one file, encoded: `lines` has the line of each, `key` is the idempotency key.

    `latest_ts` in epoch seconds, known only where a pace needs it; `read_bytes`: read from the file for this.
    """

    path: Path
    body: bytes
    lines: Sequence[int]
    key: str = ""
    latest_ts: float | None = None
    read_bytes: int = 0

    def line(self, index: int) -> int:
        """The file's line of the row at `index`; the batch's first line if the index makes no sense."""
        return self.lines[index] if 0 <= index < len(self.lines) else self.lines[0]
