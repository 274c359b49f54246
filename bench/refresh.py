"""How long lists take: to rank, to keep up, to start; and how that grows with what is counted.

`python bench/refresh.py [--json] [--cells N,N,…] [--no-rivals]`; about four minutes with the defaults.

For 10^5, 10^6 and 10^7 counts of a made-up month (readership.py: a tenth as many described items, 20 sections) a store
is filled as it lies once buckets are sealed, and a process of its own follows it as the jobs process does: it starts
cold, then publishes five lists with a list for each section at every step, between which a batch of events is recorded.
Its memory is that of the whole process at its highest, sealing included. The scores of a list, and its top, are those
of one of several, which share the counts as they lie ready.

What a refresh costs once the process runs follows what is read and not what was ever counted. The last rows say how it
grows while readers grow with the past, as above; and while only the past grows (steady.py), against ranking all rows.

Baselines, each in the same run on the same counts:
  numpy.bincount   the one pass over all counts that no list can do without, its weights made beforehand
  ZUNIONSTORE      hourly sorted sets with WEIGHTS on the same Valkey, the way Redis itself can rank by decay
  ZINCRBY          forward decay: one sorted set whose scores grow as events come. Its list is a read of the top, and
                   its half-life is fixed for ever
  DuckDB, ClickHouse (chdb), polars   in memory, two threads, over the single events and over the counts
                   (`.ci/locked parquet bench` names them; `make bench` installs them)
The hundred best of each must be ours: `answers` says how many are. They see finer or coarser ages than 5 minutes do, so
a few may differ at the end. "from all counts" is the list of a process that keeps nothing but the counts; "again" that
of one that has ranked before, as the jobs process has, and it is held to be the same list.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

import servers  # isort: skip - it makes a checkout importable
import filling
import numpy as np
import readership
import steady
from filling import KEEP_S, SITE
from redis import Redis
from refresh_rivals import HALF_LIFE_S, TOP, TRIES, WEIGHTS, Rival, by_forward_decay, by_redis, quickest, timed
from refresh_tables import rivals as rivals_by_tables
from report import Row, parser_of, ratios, show

from ranking.counts.buckets import Bucket
from ranking.counts.history import History
from ranking.lists.incremental import IncrementalRanker
from ranking.lists.ordering import best
from ranking.published.snapshot import WHOLE_SITE
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.site_view import SiteView
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.correction import FEATURES
from ranking.scoring.decay import HalfLife
from ranking.scoring.sums import Horizon, Moment, Sums, counts_of
from ranking.settings.learned import Correction
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings
from ranking.store.counts import Batch
from ranking.store.redis.lists import RedisLists
from ranking.store.redis.store import RedisStore
from ranking.times import HOUR_S

SIZES = (100_000, 1_000_000, 10_000_000)
STEPS = 7
BATCH_EVENTS = 1_000
AT_REST_S = 60.0
MIB = 1024**2
REFRESH_GOAL_S, COLD_GOAL_S, MEMORY_GOAL_MIB, BINCOUNT_GOAL, REDIS_GOAL, DUCKDB_GOAL = 1.5, 5.0, 1536, 3.0, 50.0, 10.0
FORECAST_GOAL = 2.0
SAME_READERS_GOAL = 2.0  # nearly none: the rows that are looked at are the same
SETTINGS = Settings.model_validate(
    {
        "retention": {"keep": f"{KEEP_S:.0f}s"},
        "lists": {"day": {"half_life": "6h"}, "week": {"half_life": "1d", "max_age": "7d"}},
    }
)


class Followed(NamedTuple):
    """What a following process measured: seconds, bytes, and the ids that it ranks highest."""

    counts: int
    read_s: float
    cold_s: float
    cold_cpu_s: float
    refresh_s: float
    follow_s: float
    scores_s: float
    bincount_s: float
    top_rounds: list[float]
    peak_bytes: int
    top: list[str]
    kept_rounds: list[float]
    kept_right: int


class _NotingLists(RedisLists):
    """Notes when the last list was published; fronts are drawn after that."""

    published_at = published_cpu_s = 0.0

    async def publish(self, *arguments: Any, **named: Any) -> int | None:
        done = await super().publish(*arguments, **named)
        self.published_at, self.published_cpu_s = time.perf_counter(), time.process_time()
        return done


class _Noting(RedisStore):
    """A store with such lists."""

    @property
    def lists(self) -> _NotingLists:
        return self._noting

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._noting = _NotingLists(self._link)


async def followed(url: str, end_s: int) -> Followed:
    """What a jobs process does, measured from its start. Run in a process of its own."""
    store = _Noting(url)
    await store.open()
    refresher = Refresher(RankedSite(store, SETTINGS, SITE))
    # Each moment is later than the one before: what is asked for from an earlier one on is read as a whole again.
    moments = [end_s + step * SETTINGS.refresh.every_s for step in range(STEPS + 1)]
    started, cpu_before_s = time.perf_counter(), time.process_time()
    await refresher.site.view.update(store, moments[0] - KEEP_S)
    read_s = time.perf_counter() - started
    await refresher.refresh(moments[0])
    cold_s, cold_cpu_s = store.lists.published_at - started, store.lists.published_cpu_s - cpu_before_s
    history = refresher.site.view.history
    shared, moment, channel_weights = (
        counts_of(history),
        Moment(end_s, end_s),
        ChannelWeights(WEIGHTS).per_channel(history.channels),
    )

    def rank() -> list[str]:
        found = Sums(shared, moment).total(Horizon(HalfLife(HALF_LIFE_S)), channel_weights)
        rows = np.flatnonzero(found > 0)
        top = best(rows, score=found, published=np.zeros(len(found)), names=history.items, limit=TOP)
        return [history.items[row] for row in top]

    top_rounds, top, counts = timed(rank), rank(), len(history.columns().counts)
    scores_s = quickest(lambda: Sums(shared, moment).total(Horizon(HalfLife(HALF_LIFE_S)), channel_weights))
    shared = counts_of(History())  # a process that follows keeps none
    refresh_s, follow_s = [], []
    for step in range(1, STEPS + 1):
        await store.counts.record(_batch(step, end_s), KEEP_S)
        started = time.perf_counter()
        await refresher.site.view.update(store, moments[step] - KEEP_S)
        follow_s.append(time.perf_counter() - started)
        await refresher.refresh(moments[step])
        refresh_s.append(time.perf_counter() - started)
    await Sealer(store, SETTINGS.retention, SITE).seal(end_s + SETTINGS.retention.seal_after_s)  # the other job's share
    peak_bytes = _peak_bytes()
    await store.close()
    kept_rounds, kept_right = _kept_top(refresher.site.view, end_s)
    return Followed(
        counts=counts,
        read_s=read_s,
        cold_s=cold_s,
        cold_cpu_s=cold_cpu_s,
        refresh_s=statistics.median(refresh_s),
        follow_s=statistics.median(follow_s),
        scores_s=scores_s,
        bincount_s=_bare_pass(history),
        top_rounds=top_rounds,
        peak_bytes=peak_bytes,
        top=top,
        kept_rounds=kept_rounds,
        kept_right=kept_right,
    )


def _kept_top(view: SiteView, end_s: int) -> tuple[list[float], int]:
    """The decayed top as a process makes it again that has made it before: seconds of each try, and its right ones."""
    table = {"size": TOP, "depth": TOP, "half_life": f"{HALF_LIFE_S:.0f}s", "weights": WEIGHTS}
    lists, moment, steady = {"top": ListSettings.model_validate(table)}, Moment(end_s, end_s), IncrementalRanker()

    def rank() -> list[str]:
        ranked = steady.ranked(view, moment, UTC, lists)["top"]
        return [ranked.ranker.pool.names[row] for row in ranked.sections[WHOLE_SITE].rows[:TOP]]

    whole = rank()  # from all rows, as nothing is kept yet
    steady.prepare(view, UTC, lists)
    return timed(rank), len(set(whole) & set(rank()))


def _bare_pass(history: History) -> float:
    """Seconds of one numpy.bincount over all counts, its weights made beforehand."""
    columns = history.columns()
    item, weights = columns.cell_item[columns.cell], np.random.default_rng(1).random(len(columns.cell))
    return quickest(lambda: np.bincount(item, weights=weights, minlength=len(history.items)))


def rows(url: str, cells: int, end_s: int, *, rivals: bool) -> tuple[list[Row], float]:
    """All measurements of one size, and the seconds of a refresh."""
    asyncio.run(_filled(url, cells, end_s))
    _wait_for_rest(url)
    command = [sys.executable, __file__, "--follow", url, "--end", str(end_s)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    ours = Followed(**json.loads(done.stdout))
    largest = cells == max(SIZES)
    size = _size(ours.counts)
    sections = readership.SECTIONS
    lists = len(SETTINGS.lists)
    more = {"counts": ours.counts}
    scores_ratio = ours.scores_s / ours.bincount_s
    found = [
        _row(
            f"refresh of {lists} lists x {sections} sections, {size}", ours.refresh_s, "cold start", ours.cold_s,
            REFRESH_GOAL_S if largest else None, more,
        ),
        _row(f"of which following the counts, {size}", ours.follow_s, "cold start", ours.read_s, None, more),
        _row(
            f"cold start to published lists, {size}", ours.cold_s, "of which reading", ours.read_s,
            COLD_GOAL_S if largest else None, {**more, "cpu_s": round(ours.cold_cpu_s, 3)},
        ),
        Row(
            f"scores of a list, {size}", ours.scores_s, "s", "numpy.bincount", ours.bincount_s,
            scores_ratio, f"<= {BINCOUNT_GOAL:g} x", scores_ratio <= BINCOUNT_GOAL, more,
        ),
        Row(
            f"memory of the process, {size}", ours.peak_bytes / MIB, "MiB", "16 bytes a count",
            ours.counts * 16 / MIB, ours.peak_bytes / (ours.counts * 16), f"< {MEMORY_GOAL_MIB} MiB" if largest else "",
            ours.peak_bytes / MIB < MEMORY_GOAL_MIB if largest else None, more,
        ),
    ]  # fmt: skip
    if rivals:
        found += _against("ZUNIONSTORE", by_redis(url, cells, end_s), ours, size, REDIS_GOAL)
        found += _against("ZINCRBY, forward decay", by_forward_decay(url, cells, end_s), ours, size, None)
        for name, rival in rivals_by_tables(cells, end_s, _left_out):
            found += _against(name, rival, ours, size, DUCKDB_GOAL if name == "DuckDB, events" else None)
    return found, ours.refresh_s


def past_alone(sizes: list[int], end_s: int) -> list[Row]:
    """What the length of the past costs, with the same readers, and what leaving out what another list shows costs."""
    found, first_s = [], None
    for cells in sizes:
        each = steady.measured(cells, SETTINGS, end_s)
        first_s = first_s or each.front_s
        size = _size(each.counts)
        more = {"counts": each.counts, "of_them_in_the_last_hours": each.recent}
        found += [
            Row(
                f"ranking, the same readers, {size}", each.front_s, "s", "ranking all rows", each.whole_s,
                each.front_s / each.whole_s, "", None, more,
            ),
            Row(
                f"choosing its rows, once an hour, {size}", each.draw_s, "s", "ranking all rows", each.whole_s,
                each.draw_s / each.whole_s, "", None, more,
            ),
        ]  # fmt: skip
    alone = SETTINGS.model_copy(
        update={"lists": {name: each.model_copy(update={"without": ()}) for name, each in SETTINGS.lists.items()}}
    )
    pair = [steady.measured(sizes[0], settings, end_s).front_s for settings in (SETTINGS, alone)]
    found.append(
        Row(
            f"ranking, trending without populer, {_size(sizes[0])}", pair[0], "s", "each list by itself", pair[1],
            pair[0] / pair[1], "", None, {},
        )
    )  # fmt: skip
    plain = ListSettings.model_validate({"decay": "forecast", "half_life": "2h"})
    correction = Correction(plain.half_life_s, HOUR_S, dict.fromkeys(FEATURES, 0.02))
    pair = [
        steady.measured(sizes[0], SETTINGS.model_copy(update={"lists": {"populer": each}}), end_s).front_s
        for each in (plain.corrected(correction), plain)
    ]
    ratio = pair[0] / pair[1]
    found.append(
        Row(
            f"ranking, a forecast, {_size(sizes[0])}", pair[0], "s", "its half-life alone", pair[1], ratio,
            f"<= {FORECAST_GOAL:g} x", ratio <= FORECAST_GOAL, {},
        )
    )  # fmt: skip
    if len(sizes) > 1 and first_s is not None:
        found.append(_growth("ranking, the same readers", sizes, first_s, each.front_s, SAME_READERS_GOAL))
    return found


def _growth(what: str, sizes: list[int], first_s: float, last_s: float, goal: float | None) -> Row:
    """How many times as long it takes for the most counts as for the fewest."""
    ratio, past = last_s / first_s, max(sizes) / min(sizes)
    return Row(
        f"{what}: growth for {past:g} x the past", last_s, "s", f"with {min(sizes):.0e} counts", first_s, ratio,
        "" if goal is None else f"<= {goal:g} x", None if goal is None else ratio <= goal, {},
    )  # fmt: skip


def _size(counts: int) -> str:
    return f"{counts:.1e}".replace("e+0", "·10^")


def _against(name: str, rival: Rival, ours: Followed, size: str, goal: float | None) -> list[Row]:
    same = len(set(rival.top) & set(ours.top))
    found = []
    for how, tries, answers in (
        ("from all counts", ours.top_rounds, f"{same} of {TOP} are the same"),
        ("again", ours.kept_rounds, f"{ours.kept_right} of {TOP} as from all counts"),
    ):
        value, theirs = statistics.median(tries), statistics.median(rival.rounds)
        ratio = theirs / value
        several = {"ratios": ratios(rival.rounds, tries)} if len(rival.rounds) == len(tries) else {}
        found.append(
            Row(
                f"the decayed top {TOP} {how}, {size}", value, "s", name, theirs, ratio,
                "" if goal is None else f">= {goal:g} x as fast", None if goal is None else ratio >= goal,
                {"answers": answers, "counts": ours.counts, "rounds": tries, **several},
            )
        )  # fmt: skip
    return found


def _left_out(name: str) -> None:
    print(f"{name} is not installed and is left out: make bench", file=sys.stderr)


def _row(name: str, value: float, other: str, theirs: float, goal: float | None, more: dict[str, Any]) -> Row:
    return Row(
        name, value, "s", other, theirs, value / theirs, "" if goal is None else f"< {goal:g} s",
        None if goal is None else value < goal, more,
    )  # fmt: skip


async def _filled(url: str, cells: int, end_s: int) -> None:
    Redis.from_url(url).flushall()
    store = RedisStore(url)
    await store.open()
    await filling.fill(store, cells, end_s)
    await store.close()


def _wait_for_rest(url: str) -> None:
    """Return when the store has done with rewriting its file, which takes a core."""
    until = time.monotonic() + AT_REST_S
    with Redis.from_url(url) as redis:
        while time.monotonic() < until:
            persistence: Any = redis.info("persistence")
            if not (persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"]):
                return
            time.sleep(0.1)


def _batch(step: int, end_s: int) -> Batch:
    bucket = Bucket(readership.WIDTH_S, end_s - readership.WIDTH_S)
    counts = {f"view|{readership.name(item)}": 1 for item in range(step, step + BATCH_EVENTS)}
    return Batch(SITE, 0, "steps", step, {bucket: counts})


def _peak_bytes() -> int:
    """The most memory that this process has had. Only /proc leaves out what its parent had before it."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Run everything and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", default=",".join(map(str, SIZES)), help="about how many counts, several by commas")
    parser.add_argument("--no-rivals", action="store_true", help="leave out Redis' own ways and databases")
    parser.add_argument("--follow", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--end", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.follow:
        print(json.dumps(asyncio.run(followed(given.follow, given.end))._asdict()))
        return
    servers.stop_on_sigterm()
    started = time.monotonic()
    end_s = int(time.time()) // readership.WIDTH_S * readership.WIDTH_S
    found: list[Row] = []
    sizes, refresh_s = [int(cells) for cells in given.cells.split(",")], []
    with servers.valkey() as url:
        for cells in sizes:
            of_size, seconds = rows(url, cells, end_s, rivals=not given.no_rivals)
            found += of_size
            refresh_s.append(seconds)
    if len(sizes) > 1:
        found.append(_growth("refresh, readers and past", sizes, refresh_s[0], refresh_s[-1], None))
    found += past_alone(sizes, end_s)
    notes = f"medians of {STEPS} steps, the quickest of {TRIES} tries, {time.monotonic() - started:.0f} s in all"
    show(found, "Ranking", notes, as_json=given.json)


if __name__ == "__main__":
    main()
