"""How well lists do on sites of any size by what they are set to, each judged by what readers did in the hour after.

Logs of real reads are thinned to a part of their readers, and sections are taken as sites of their own: a small
newsroom's log looks so. Repeats within half an hour are left out, as the service leaves them out. On each: the sum of 7
days, the last 24 hours, every half-life of the grid, and night by night, from the past alone, the rule of the traffic,
`auto` and `forecast` (see `ranking.tuning.tried`). The best half-life is the best in hindsight, which nobody has.

A value is the capture of a way, its baseline that of the best half-life; `interval` is of their difference in 95 of 100
draws of days. `auto` must not end more than 1 % below the rule.
"""

import csv
import gzip
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import servers  # isort: skip  # noqa: F401 - it makes a checkout importable
import numpy as np
import numpy.typing as npt
from report import Row, parser_of, show

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import Catalogue
from ranking.counts.columns import ChannelCounts
from ranking.counts.history import History
from ranking.published.edits import Edits
from ranking.settings.lists import ListSettings
from ranking.times import HOUR_S, MINUTE_S, format_duration
from ranking.tuning.evidence import TRY, Candidate, Evidence, Measured, evidence_of, measured_of
from ranking.tuning.measures import draws_of_days, interval
from ranking.tuning.nightly import fixed_candidates
from ranking.tuning.outcome import Judging
from ranking.tuning.tried import WAYS, served_lists
from ranking.tuning.walk_forward import Wanted, plan_walk

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
K, WIDTH_S, REPEATED_S = 10, 300, 30 * MINUTE_S
SHARES, SECTIONS = (1.0, 0.1, 0.01, 0.001), (1, 20, 50, 100, 200, 400)
LEAST_OF_RULE = 0.99
WINDOWS = {"sum of 7 days": "7d", "last 24 h": "1d"}

Ints = npt.NDArray[np.int64]


class Log(NamedTuple):
    """Reads in the order of time: when (epoch seconds), of which item, by whom, in which section (numbers)."""

    name: str
    at: npt.NDArray[np.float64]
    item: Ints
    visitor: Ints
    section: Ints
    zone: ZoneInfo

    def only(self, name: str, rows: npt.NDArray[np.bool_]) -> "Log":
        """Some of the reads."""
        return Log(name, self.at[rows], self.item[rows], self.visitor[rows], self.section[rows], self.zone)


def read_log(folder: Path, zone: str, kind: str = "") -> Log:
    """A log in the data folder's common form, without the repeats of a visitor; `kind`: the only one that is read."""
    at, numbers = [], ([], [], [])  # type: ignore[var-annotated]
    known: tuple[dict[str, int], ...] = ({}, {}, {})
    with gzip.open(folder / "events.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.reader(lines):
            if row[0][0].isdigit() and (not kind or row[3] == kind):
                at.append(float(row[0]))
                for place, text in zip(range(3), (row[1], row[2], row[4]), strict=True):
                    numbers[place].append(known[place].setdefault(text, len(known[place])))
    item, visitor, section = (np.array(each, dtype=np.int64) for each in numbers)
    log = Log(folder.name, np.array(at), item, visitor, section, ZoneInfo(zone))
    return log.only(log.name, _counted(log) if "" not in known[1] else np.ones(len(at), dtype=np.bool_))


def _counted(log: Log) -> npt.NDArray[np.bool_]:
    """Those that are no repeat within half an hour of one that counts."""
    order = np.lexsort((log.at, log.item, log.visitor))
    at = log.at[order].tolist()
    again = (np.diff(log.item[order]) == 0) & (np.diff(log.visitor[order]) == 0)
    counts, last = [], -np.inf
    for moment, same in zip(at, [False, *again.tolist()], strict=True):
        counts.append(not same or moment - last >= REPEATED_S)
        if counts[-1]:
            last = moment
    found = np.zeros(len(at), dtype=np.bool_)
    found[order] = counts
    return found


def strict(log: Log, folder: Path) -> Log:
    """A log of what rose between two snapshots, each rise at the snapshot that shows it: nobody knew it before."""
    with gzip.open(folder / "lists.csv.gz", "rt", encoding="utf-8") as lines:
        seen = np.unique([float(row[0]) for row in csv.reader(lines) if row[0][0].isdigit()])
    place = np.searchsorted(seen, log.at)
    shown = log.only(log.name, place < len(seen))
    return shown._replace(at=seen[place[place < len(seen)]])


class Site:
    """A log as counts; see `ranking.lists.ranker.View`."""

    def __init__(self, log: Log) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history, all_known=True)
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        items, item = np.unique(log.item, return_inverse=True)
        self.history.item_rows([f"{each}" for each in items.tolist()])
        start = (log.at // WIDTH_S).astype(np.int64) * WIDTH_S
        order = np.argsort(start, kind="stable")
        edges = np.flatnonzero(np.diff(start[order], prepend=-1))
        for rows in np.split(order, edges[1:]):
            numbers, counts = np.unique(item[rows].astype(np.int32), return_counts=True)
            bucket = Bucket(WIDTH_S, int(start[rows[0]]))
            self.history.replace_parts(bucket, 0, [ChannelCounts("view", numbers, counts)])
        self.until = float(start.max()) + WIDTH_S


def evidence(log: Log, forecast: bool) -> Evidence:
    """All ways on one log."""
    site = Site(log)
    plan = plan_walk(site.history.columns(), Wanted(), site.until)
    own = ListSettings()
    tried = fixed_candidates(own)
    tried += [
        Candidate({TRY: name}, ListSettings.model_validate({"decay": "window", "window": window}))
        for name, window in WINDOWS.items()
    ]
    judging = Judging(K)
    found = evidence_of(site, tried, tried[0].settings, plan, judging, log.zone)
    draws, ways = draws_of_days(int(found.day[-1]) + 1), [way for way in WAYS if forecast or way != "forecast"]
    more = [
        measured_of(Candidate({TRY: way}, own), each.trace, found.backtest, found.day, draws)
        for way, each in served_lists(site, own, plan, judging, log.zone, ways).items()
    ]
    return found._replace(measured=[*found.measured, *more])


def rows_of(log: Log, *, forecast: bool) -> list[Row]:
    """One row for each way on one log."""
    found = evidence(log, forecast)
    hours = (log.at[-1] - log.at[0]) / HOUR_S
    where = f"{log.name}, {len(log.at) / hours:,.1f} reads/h"
    ways = {each.candidate.changes[TRY]: each for each in found.measured if TRY in each.candidate.changes}
    named = format_duration(found.best.candidate.settings.half_life_s)
    rows = [_row(where, way, each, found, f"best half-life, {named}") for way, each in ways.items()]
    rule = ways["rule"].capture
    auto = next(place for place, row in enumerate(rows) if row.name.endswith("auto"))
    held = ways["auto"].capture >= LEAST_OF_RULE * rule
    rows[auto] = rows[auto]._replace(goal=f">= {LEAST_OF_RULE * rule:.3f}", goal_met=held)
    return rows


def _row(where: str, way: str, one: Measured, found: Evidence, best: str) -> Row:
    gain = interval(one.trace.capture - found.best.trace.capture, found.day, draws_of_days(int(found.day[-1]) + 1))
    more: dict[str, Any] = {"days": found.days_of(one), "kept": round(one.kept, 2)}
    if gain is not None:
        more["interval"] = [round(bound, 4) for bound in gain]
        more["answers"] = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f} points"
    ratio = one.capture / found.best.capture
    return Row(f"{where}: {way}", one.capture, "captured", best, found.best.capture, ratio, "", None, more)


def logs(folder: Path, seeds: int) -> list[Log]:
    """The logs to measure on, those that are there."""
    found: list[Log] = []
    if (folder / "article-reads").exists():
        reads = read_log(folder / "article-reads", "Asia/Seoul")
        for share in SHARES:
            for seed in range(1 if share == 1.0 else seeds):
                some = np.random.default_rng(seed).random(int(reads.visitor.max()) + 1) < share
                found.append(
                    reads.only(f"article reads, {100 * share:g} % of readers, draw {seed}", some[reads.visitor])
                )
        by_size = np.argsort(-np.bincount(reads.section), kind="stable")
        for place in SECTIONS:
            found.append(reads.only(f"the author at place {place}", reads.section == by_size[place]))
    if (folder / "hn-votes").exists():
        votes = read_log(folder / "hn-votes", "UTC", "vote")
        found.append(strict(votes, folder / "hn-votes")._replace(name="Hacker News votes, strict timing"))
    return found


def main() -> None:
    """Entry point."""
    parser = parser_of(__doc__)
    parser.add_argument("--logs", type=Path, default=DATA, help="folder of the logs")
    parser.add_argument("--draws", type=int, default=1, help="draws of readers for each share")
    parser.add_argument("--no-forecast", action="store_true", help="leave the forecast out, which takes longest")
    given = parser.parse_args()
    rows = [row for log in logs(given.logs, given.draws) for row in rows_of(log, forecast=not given.no_forecast)]
    show(rows, "Quality of lists", "captured: reads of the ten listed over those of the best ten", as_json=given.json)


if __name__ == "__main__":
    main()
