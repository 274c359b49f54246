"""How long tuning takes: fourteen days of hourly lists under many half-lives, beside weighing every count anew.

`python bench/tune.py [--json] [--cells 833000] [--candidates 24] [--sampled 12]`; about a minute with the defaults.

What is measured: everything from a site's counts in memory to evidence with its intervals over days; reading the counts
is not. The baseline is what one writes first in numpy: at every step, for every candidate, the weight of each count so
far, one bincount, the best ten, their reads; without rules, dates or measures. It runs at every n-th step only and is
scaled up, which the row says. Both choose the same items, which is checked. A list that the short way does not know
(hysteresis) is measured too. Growth: the time of all cells over that of a quarter of them, and of all candidates over
that of a quarter; 4 would be linear, less is the share that does not grow.
"""

import time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import servers  # isort: skip  # noqa: F401 - it makes a checkout importable
import numpy as np
import numpy.typing as npt
from readership import WIDTH_S, bucketfuls, items, name
from report import Row, parser_of, show

from ranking.counts.buckets import Bucket
from ranking.counts.catalogue import Catalogue
from ranking.counts.fields import field
from ranking.counts.history import History
from ranking.published.edits import Edits
from ranking.settings.lists import ListSettings
from ranking.times import DAY_S, HOUR_S
from ranking.tuning.evidence import Candidate, Evidence, evidence_of
from ranking.tuning.outcome import Judging
from ranking.tuning.walk_forward import Plan, Wanted, plan_walk

END_S = 1_764_522_000
DAYS, MADE_DAYS = 14, 30
K = 10
GOAL_S, GOAL_CELLS, GOAL_CANDIDATES = 20.0, 833_000, 24
LINEAR = 4.0
ZONE = ZoneInfo("Asia/Jakarta")


class Site:
    """Drawn counts of the last fourteen days; see `ranking.lists.ranker.View`."""

    def __init__(self, cells: int) -> None:
        made = cells * MADE_DAYS // DAYS
        self.history = History()
        self.catalogue = Catalogue(self.history)
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        ids = [name(item) for item in range(items(made))]
        for each in bucketfuls(made, END_S):
            if each.start_s < END_S - DAYS * DAY_S:
                continue
            fields, counts = [], []
            for kind, (found, events) in each.counts.items():
                fields += [field(kind, ids[item]).encode() for item in found.tolist()]
                counts += events.tolist()
            self.history.replace(Bucket(WIDTH_S, each.start_s), 0, fields, counts)
        self.columns = self.history.columns()
        self.cells = len(self.columns.cell)


def half_lives(candidates: int) -> list[float]:
    """From a quarter of an hour to a week, evenly in their logarithm. Seconds."""
    found = np.geomspace(0.25 * HOUR_S, 7 * DAY_S, candidates)
    return [float(each) for each in found.round()]


class Took(NamedTuple):
    """What was found, and in how many seconds."""

    evidence: Evidence
    seconds: float


def ours(site: Site, plan: Plan, candidates: int, kind: str = "half-lives", **settings: Any) -> Took:
    """Tune by the product: `candidates` half-lives or windows."""
    tried = []
    for each in half_lives(candidates):
        span = f"{each:g}s"
        changes: dict[str, Any] = {"half_life": span} if kind == "half-lives" else {"decay": "window", "window": span}
        tried.append(Candidate({kind: span}, ListSettings.model_validate({**changes, **settings})))
    started = time.perf_counter()
    found = evidence_of(site, tried, tried[0].settings, plan, Judging(K), ZONE)
    return Took(found, time.perf_counter() - started)


class Plain(NamedTuple):
    """The lists of the baseline: candidate x step, and what each scored; and seconds per step."""

    scores: list[list[npt.NDArray[np.float64]]]
    seconds: float


def plain(site: Site, moments: list[float], candidates: int) -> Plain:
    """The same by plain numpy, at some moments."""
    columns, rows = site.columns, len(site.history.items)
    item = columns.cell_item[columns.cell].astype(np.intp)
    channel_weights = np.array([3.0 if channel == "click" else 1.0 for channel in site.history.channels])
    is_view = np.array([channel == "view" for channel in site.history.channels])
    counts = columns.counts * channel_weights[columns.cell_channel[columns.cell]]
    reads = columns.counts * is_view[columns.cell_channel[columns.cell]]
    end_s = (columns.start_s + columns.width_s)[columns.bucket]
    middle_s = (columns.start_s + columns.width_s / 2)[columns.bucket]
    scores, started = [], time.perf_counter()
    for at in moments:
        known = end_s <= at
        later = (end_s > at) & (end_s <= at + HOUR_S)
        came = np.bincount(item[later], weights=reads[later], minlength=rows)
        best = np.sort(np.partition(came, rows - K)[rows - K :])
        found = []
        for half_life_s in half_lives(candidates):
            weights = counts[known] * np.exp2((middle_s[known] - at) / half_life_s)
            score = np.bincount(item[known], weights=weights, minlength=rows)
            listed = np.argpartition(score, rows - K)[rows - K :]
            assert came[listed].sum() <= best.sum()
            found.append(np.sort(score[listed])[::-1])
        scores.append(found)
    return Plain(scores, (time.perf_counter() - started) / len(moments))


def agree(site: Site, found: Evidence, moments: list[float], other: Plain) -> None:
    """Both list items of equal scores at every sampled step."""
    moments_of = found.plan.moments
    for at, scores in zip(moments, other.scores, strict=True):
        step = moments_of.index(at)
        for each, expected in zip(found.measured, scores, strict=True):
            listed = each.trace.rows[step]
            half_life_s = each.candidate.settings.half_life_s
            assert np.allclose(np.sort(_scores(site, listed, at, half_life_s))[::-1], expected), (at, half_life_s)


def _scores(site: Site, listed: npt.NDArray[np.int32], at: float, half_life_s: float) -> npt.NDArray[np.float64]:
    columns = site.columns
    channel_weights = np.array([3.0 if channel == "click" else 1.0 for channel in site.history.channels])
    entries = np.flatnonzero(np.isin(columns.cell_item[columns.cell], listed))
    cell, bucket = columns.cell[entries], columns.bucket[entries]
    age_s = at - columns.start_s[bucket] - columns.width_s[bucket] / 2
    known = columns.start_s[bucket] + columns.width_s[bucket] <= at
    weights = (
        columns.counts[entries] * channel_weights[columns.cell_channel[cell]] * np.exp2(-age_s / half_life_s) * known
    )
    sums = np.bincount(columns.cell_item[cell], weights=weights, minlength=int(listed.max()) + 1)
    return np.asarray(sums[listed], dtype=np.float64)


def measured(cells: int, candidates: int, sampled: int) -> list[Row]:
    """All rows."""
    site, small = Site(cells), Site(cells // 4)
    plan = plan_walk(site.columns, Wanted(warmup_s=HOUR_S), END_S)
    few = plan_walk(small.columns, Wanted(warmup_s=HOUR_S), END_S)
    whole = ours(site, plan, candidates)
    moments = plan.moments[:: max(plan.steps // sampled, 1)]
    other = plain(site, moments, candidates)
    agree(site, whole.evidence, moments, other)
    work = f"{candidates} half-lives, {plan.steps} hourly steps, {site.cells:,} cells"
    by_hand = f"plain numpy, {len(moments)} of {plan.steps} steps, scaled"
    by_hand_s = other.seconds * plan.steps
    asked = site.cells >= 0.95 * GOAL_CELLS and candidates >= GOAL_CANDIDATES
    goal = (f"<= {GOAL_S:g} s", whole.seconds <= GOAL_S) if asked else ("", None)
    rows = [Row(work, whole.seconds, "s", by_hand, by_hand_s, whole.seconds / by_hand_s, *goal, {})]
    windows = ours(site, plan, candidates, kind="windows")
    named, named_by_hand = work.replace("half-lives", "windows"), by_hand.replace("numpy", "numpy on half-lives")
    rows.append(Row(named, windows.seconds, "s", named_by_hand, by_hand_s, windows.seconds / by_hand_s, "", None, {}))
    long_way = ours(site, plan, max(candidates // 12, 1), hysteresis=0.1)
    each_s = long_way.seconds / max(candidates // 12, 1)
    rows.append(
        Row("one candidate with hysteresis", each_s, "s", "one without", whole.seconds / candidates,
            each_s / (whole.seconds / candidates), "", None, {})
    )  # fmt: skip
    for what, took in (("cells", ours(small, few, candidates)), ("candidates", ours(site, plan, candidates // 4))):
        growth = whole.seconds / took.seconds
        rows.append(
            Row(f"four times the {what}", whole.seconds, "s", f"a quarter of the {what}", took.seconds, growth,
                f"<= {LINEAR:g} x", growth <= LINEAR * 1.1, {})
        )  # fmt: skip
    return rows


def main() -> None:
    """Entry point."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=GOAL_CELLS + 40_000)
    parser.add_argument("--candidates", type=int, default=GOAL_CANDIDATES)
    parser.add_argument("--sampled", type=int, default=12)
    given = parser.parse_args()
    rows = measured(given.cells, given.candidates, given.sampled)
    show(rows, "Tuning", "lists of both agree at the sampled steps", as_json=given.json)


if __name__ == "__main__":
    main()
