"""How long ranking takes: five lists of twenty sections each, beside one bare numpy.bincount over the same cells.

`python bench/rank.py [--json] [--cells 100000,1000000,10000000] [--rounds N]`; about a minute with the defaults.

What is measured: everything from a site's counts in memory to its ranked rows, of the whole site and of every section,
with the ranks of an hour ago beside them. Not measured: reading counts from the store, titles, publishing. The counts
are drawn: items are published evenly over thirty days, some are read far more than others, and reads fade over hours.

What makes it honest: the baseline adds the same cells up, in the layout and the types in which they lie there, by one
call and without a weight; a list's scores are timed without what another list has computed before.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

import numpy as np
from report import Row, show

from ranking.buckets import Bucket
from ranking.catalogue import Catalogue
from ranking.history import History, field
from ranking.items import ItemDates
from ranking.ranker import Ranker
from ranking.scoring import Moment
from ranking.settings import Settings

AT = 1_700_000_237.0
DAYS, WIDTH_S, SECTIONS, CELLS_PER_ITEM = 30, 300, 20, 10
FADING_BUCKETS, DRAWN_PER_CELL = 200, 3  # a cell that is drawn again is still one
SEED = 7
REFRESH_GOAL_S, SCORES_GOAL, GOAL_CELLS = 1.5, 3.0, 10_000_000
LISTS: dict[str, dict[str, Any]] = {
    "populer": {},
    "trending": {},
    "update": {},
    "day": {"period": "today"},
    "hn": {"preset": "hacker-news"},
}


class Site:
    """Drawn counts; see `ranking.ranker.View`."""

    def __init__(self, cells: int) -> None:
        random = np.random.default_rng(SEED)
        items, buckets = cells // CELLS_PER_ITEM, DAYS * 86_400 // WIDTH_S
        start = int(AT) // WIDTH_S - buckets + 1
        published = random.uniform(0, buckets, items)
        appeal = random.pareto(1.1, items) + 0.05
        drawn = DRAWN_PER_CELL * cells
        item = random.choice(items, size=drawn, p=appeal / appeal.sum())
        bucket = np.minimum(published[item] + random.exponential(FADING_BUCKETS, drawn), buckets - 1).astype(np.int64)
        cell = np.unique(bucket * 2 * items + (random.random(drawn) < 0.1) * items + item)
        cell = np.sort(random.choice(cell, size=cells, replace=False))  # in the order of the buckets
        count = random.geometric(0.3, len(cell))
        fields = np.array(
            [field(kind, str(n)).encode() for kind in ("view", "click") for n in range(items)], dtype=object
        )
        self.history = History()
        edges = np.searchsorted(cell, np.arange(buckets + 1) * 2 * items)
        for number in range(buckets):
            part = slice(edges[number], edges[number + 1])
            names = fields[cell[part] % (2 * items)].tolist()
            self.history.replace(Bucket(WIDTH_S, (start + number) * WIDTH_S), 0, names, count[part].tolist())
        self.catalogue = Catalogue(self.history)
        for number, at in enumerate(((start + published) * WIDTH_S).tolist()):
            self.catalogue.set(str(number), ItemDates(section=f"section-{number % SECTIONS}", published_at=at))
        self.removed: frozenset[str] = frozenset()
        self.history.columns()


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median time of some rounds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def goal(text: str, met: bool, asked: bool) -> tuple[str, bool | None]:
    """A goal and whether it is met, where it is one."""
    return (text, met) if asked else ("", None)


def measured(cells: int, rounds: int) -> list[Row]:
    """The rows of one size."""
    site, moment = Site(cells), Moment(AT, AT)
    lists = Settings.model_validate({"lists": LISTS}).lists
    columns = site.history.columns()

    def bare() -> object:
        return np.bincount(columns.cell, weights=columns.counts, minlength=len(columns.cell_item))

    def refresh() -> object:
        ranker = Ranker(site, moment, UTC)
        return [ranker.rank_sections(settings) for settings in lists.values()]

    baseline_s = seconds(bare, rounds)
    size = f"{len(columns.cell):,} cells"
    whole_s = seconds(refresh, rounds)
    of_all = (f"{len(lists)} lists x {SECTIONS + 1}, {size}", whole_s * 1e3, "ms", "bare bincount", baseline_s * 1e3)
    asked = cells >= GOAL_CELLS
    rows = [Row(*of_all, whole_s / baseline_s, *goal(f"<= {REFRESH_GOAL_S} s", whole_s <= REFRESH_GOAL_S, asked), {})]
    pool = Ranker(site, moment, UTC).pool
    for name, settings in lists.items():

        def scores(settings: Any = settings) -> object:
            pool.forget(moment)
            return pool.candidates(settings, moment)

        took_s = seconds(scores, rounds)
        ratio = took_s / baseline_s
        one = (f"scores of {name}, {size}", took_s * 1e3, "ms", "bare bincount", baseline_s * 1e3)
        rows.append(Row(*one, ratio, *goal(f"<= {SCORES_GOAL} x", ratio <= SCORES_GOAL, asked), {}))
    return rows


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cells", default="100000,1000000,10000000")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = [row for cells in given.cells.split(",") for row in measured(int(cells), given.rounds)]
    show(rows, "Ranking", "each figure is the median of its rounds", as_json=given.json)


if __name__ == "__main__":
    main()
