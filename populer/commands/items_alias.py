"""`populer items alias`: other addresses and ids of items out of a csv, such as a list of redirects."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urljoin

import msgspec

from populer.commands.replay import check_losses
from populer.commands.replay_report import fault_lines
from populer.log_files.files import Reading, read_aliases
from populer.log_files.page_requests import site_address
from populer.log_files.remote import is_address
from populer.log_files.rows import Faults
from populer.sending import ServiceClient

#: A pair may be two names: what an item pattern finds in its address, and that.
PAIRS_A_BATCH = 250


@dataclass(slots=True)
class AliasReport:
    """What became of the pairs of a file, so far."""

    sent: int = 0
    made: int = 0
    invalid: Faults = field(default_factory=Faults)
    unreadable: Faults = field(default_factory=Faults)


def run(file: Path, *, to: str, site: str | None, key: str, base: str | None, allow_losses: bool) -> None:
    """Make the aliases of a file and print the report.

    Raises:
        PopulerError: the file cannot be used, the service does not answer or refuses, or, unless `allow_losses`, some
            pairs or all could not be used.
    """
    report = AliasReport()
    try:
        asyncio.run(make_aliases(file, to=to, site=site, key=key, base=base, report=report))
    finally:
        if report.sent or report.unreadable.count:
            print(render(report))  # noqa: T201
    if not allow_losses:
        lost = report.unreadable.count + report.invalid.count
        usable = report.sent - report.invalid.count
        check_losses(lost, usable, report.sent + report.unreadable.count, "pairs")


async def make_aliases(
    path: Path, *, to: str, site: str | None, key: str, base: str | None, report: AliasReport
) -> None:
    """Send the pairs of the file at `path` in batches; `base` is the site's address, of paths. Raises as `run`."""
    base = base and site_address(base)
    pairs = read_aliases(path, Reading(report.unreadable))
    async with ServiceClient(to, site=site, key=key) as client:
        while batch := await asyncio.to_thread(lambda: list(islice(pairs, PAIRS_A_BATCH))):
            answer = await client.put_aliases(msgspec.json.encode(list(_entries(batch, base))))
            report.sent += len(batch)
            report.made += answer.made
            for invalid in answer.invalid:
                report.invalid.add(path, batch[invalid.index][0], invalid.error)


def _entries(pairs: list[tuple[int, str, str]], base: str | None) -> Iterator[dict[str, str | list[str]]]:
    for _, name, item in pairs:
        alias, meant = _whole(name, base), _whole(item, base)
        yield {
            "url" if _is_page(meant) else "item": meant,
            "urls" if _is_page(alias) else "ids": [alias],
        }


def _whole(text: str, base: str | None) -> str:
    return urljoin(base, text) if base and text.startswith("/") else text


def _is_page(text: str) -> bool:
    return text.startswith("/") or is_address(text)


def render(report: AliasReport) -> str:
    """The report as a few lines for a terminal."""
    return "\n".join(
        [
            f"{report.sent:,} pairs sent: {report.made:,} names are new",
            *fault_lines(report.invalid, report.unreadable),
        ]
    )
