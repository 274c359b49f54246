"""Early warning: which of the coming stories `trending` shows before `populer` does.

`python bench/trending.py [--json] [--reads FOLDER] [--half-life 2h]`; about a minute. FOLDER has `events.csv.gz` and
`items.csv.gz` of a site, by default ../shared/data/article-reads; without it nothing is measured.

Repeats of a visitor are left out as the service leaves them out. At every full hour from the eighth day on the lists of
ten are ranked by the product from what was counted by then. An entry is an item that comes into the ten of `populer`
and was not there in the 24 hours before.
  recall      share of the entries that a list showed at one of the six hours before
  lead        hours from the first of these to the entry, of those that it showed
  precision   share of what a list shows that is in the ten of `populer` within the next six hours
  overlap     share of what a list shows that is in the ten of `populer` at that moment
The baseline is chi-square, which also leaves out what `populer` shows; "all" are lists that leave out nothing. The
difference of two recalls has an interval over draws of days, of 95 per cent.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import servers  # isort: skip  # noqa: F401 - it makes a checkout importable
import numpy as np
from report import Row, parser_of, show

from populer.log_files.log_site import LogSite, Rules
from ranking.lists.ranker import Ranker
from ranking.lists.visible_parts import VisibleParts
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings
from ranking.times import DAY_S, HOUR_S
from ranking.tuning.measures import draws_of_days

READS = Path(__file__).resolve().parents[2] / "shared" / "data" / "article-reads"
ZONE = ZoneInfo("Asia/Seoul")
K, EARLIER_H, AWAY_H, WARMUP_H = 10, 6, 24, 7 * 24
CANDIDATES: dict[str, dict[str, Any]] = {
    "excess": {},
    "chi-square": {"method": "chi-square"},
    "excess without a prior of the section": {"poisson_floor": False},
    "z-score": {"method": "z-score"},
    "excess, all": {"without": "none"},
    "chi-square, all": {"method": "chi-square", "without": "none"},
}

Shown = dict[int, list[str]]  # hour -> the ids that a list shows


class Found(NamedTuple):
    """How a list did; `hits`, `entries`: by day, (days,) float64."""

    recall: float
    lead_h: float
    precision: float
    overlap: float
    hits: np.ndarray[Any, np.dtype[np.float64]]
    entries: np.ndarray[Any, np.dtype[np.float64]]


def site_of(folder: Path) -> LogSite:
    """The reads of a site, counted as the service counts."""
    rules = Rules(300, ZONE, Settings().ingest.dedupe_window_s)
    site = LogSite()
    site.describe([folder / "items.csv.gz"], rules)
    site.count([folder / "events.csv.gz"], rules)
    return site


def shown_by_lists(site: LogSite, half_life: str) -> dict[str, Shown]:
    """What each list shows at every full hour, `populer` among them."""
    tables = {name.replace(" ", "-").replace(",", ""): {"kind": "burst", "without": "populer", **table}
              for name, table in CANDIDATES.items()}  # fmt: skip
    names = dict(zip(tables, CANDIDATES, strict=True))
    common = {"size": K, "depth": K, "sections": False}
    given = {
        "populer": {**common, "half_life": half_life},
        **{name: {**common, **each} for name, each in tables.items()},
    }
    lists = Settings.model_validate({"lists": given}).lists
    start = int(site.history.start()) // HOUR_S
    shown: dict[str, Shown] = {"populer": {}, **{name: {} for name in CANDIDATES}}
    for hour in range(start + WARMUP_H, int(site.known_until) // HOUR_S + 1):
        ranker = Ranker(site, Moment(hour * HOUR_S, hour * HOUR_S), ZONE)
        visible = VisibleParts(lists, lambda ranker=ranker: ranker)  # type: ignore[misc]
        for name in given:
            selector = visible.selector(ranker, name, lists[name])
            rows = selector.selected([None])[None].rows
            shown[names.get(name, name)][hour] = [ranker.pool.names[row] for row in rows.tolist()]
    return shown


def entries_of(populer: Shown) -> list[tuple[int, str]]:
    """The hour and the item of each entry, in their order."""
    last: dict[str, int] = {}
    found = []
    for hour, ids in populer.items():
        for item in ids:
            if hour - min(populer) >= AWAY_H and hour - last.get(item, -AWAY_H - 1) > AWAY_H:
                found.append((hour, item))
            last[item] = hour
    return found


def measured(shown: Shown, populer: Shown) -> Found:
    """How a list did beside `populer`."""
    first = min(populer)
    days = (max(populer) - first) * HOUR_S // DAY_S + 1
    hits, entries, leads = np.zeros(days), np.zeros(days), []
    for hour, item in entries_of(populer):
        day = (hour - first) * HOUR_S // DAY_S
        seen = [earlier for earlier in range(hour - EARLIER_H, hour) if item in shown.get(earlier, ())]
        entries[day] += 1
        hits[day] += bool(seen)
        leads += [hour - seen[0]] if seen else []
    judged = [(hour, item) for hour, ids in shown.items() if hour <= max(populer) - EARLIER_H for item in ids]
    came = sum(any(item in populer[hour + later] for later in range(1, EARLIER_H + 1)) for hour, item in judged)
    both = sum(item in populer[hour] for hour, ids in shown.items() for item in ids)
    return Found(
        hits.sum() / entries.sum(), float(np.mean(leads)), came / len(judged),
        both / sum(map(len, shown.values())), hits, entries,
    )  # fmt: skip


def rows_of(folder: Path, half_life: str) -> tuple[list[Row], int]:
    """All rows, and how many entries there were."""
    shown = shown_by_lists(site_of(folder), half_life)
    found = {name: measured(shown[name], shown["populer"]) for name in CANDIDATES}
    usual, rows = found["chi-square"], list[Row]()
    draws = draws_of_days(len(usual.entries))
    for name, each in found.items():
        gains = (draws @ (each.hits - usual.hits)) / (draws @ usual.entries)
        low, high = np.quantile(gains, (0.025, 0.975)).tolist()
        for measure in ("recall", "precision", "overlap", "lead_h"):
            value, baseline = getattr(each, measure), getattr(usual, measure)
            goal = measure == "recall" and name == "excess"
            more = {"answers": f"{low:+.3f} to {high:+.3f}"} if measure == "recall" else {}
            rows.append(
                Row(
                    f"{measure.removesuffix('_h')}, {name}", value, "h" if measure == "lead_h" else "", "chi-square",
                    baseline, value / baseline if baseline else 1.0, ">= chi-square" if goal else "",
                    value >= baseline if goal else None, more,
                )
            )  # fmt: skip
    return rows, int(usual.entries.sum())


def main() -> None:
    """Entry point."""
    parser = parser_of(__doc__)
    parser.add_argument("--reads", type=Path, default=READS)
    parser.add_argument("--half-life", default="2h", help="of populer")
    given = parser.parse_args()
    started = time.monotonic()
    if not (given.reads / "events.csv.gz").exists():
        show([], "Trending", f"nothing was measured: there are no reads in {given.reads}", as_json=given.json)
        return
    rows, entries = rows_of(given.reads, given.half_life)
    notes = f"{entries} entries into populer; {time.monotonic() - started:.0f} s in all"
    show(rows, "Trending", notes, as_json=given.json)


if __name__ == "__main__":
    main()
