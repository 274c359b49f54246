"""The list is the true one: counts in buckets rank as every single event, decayed by itself, would.

The difference that buckets may make is known: an age is off by half a bucket at most, so a score by
2^(width / (2 * half_life)) - 1 at most (3 % at one hour), and two items change places only if their exact scores are
nearly equal: within twice that in any case, within 1 % where the errors of more than a handful of reads cancel out.
"""

import gzip
import runpy
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from views import history_of

from ranking.counts.buckets import Bucket
from ranking.counts.fields import field
from ranking.lists.ordering import best
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.decay import HalfLife
from ranking.scoring.sums import Horizon, Moment, Sums, counts_of
from ranking.times import parse_moment

DATA = Path(__file__).parents[2] / "data"
REAL = Path(__file__).parents[3].parent / "shared" / "data" / "article-reads" / "events.csv.gz"
WIDTH_S, LISTED = 300, 10
HOUR_S = 3600.0
ONE_PER_CENT = 1.01
FIELDS = 5  # ts_epoch_seconds, item_id, visitor_id, kind, section
WEIGHTS = {"view": 1.0, "click": 3.0}
KINDS = list(WEIGHTS)

MOMENTS = [
    "2025-12-01T12:00:00+07:00", "2025-12-01T20:32:30+07:00", "2025-12-02T04:10:00+07:00", "2025-12-02T12:01:01+07:00",
    "2025-12-02T21:00:00+07:00", "2025-12-03T07:13:37+07:00", "2025-12-03T12:30:00+07:00", "2025-12-03T20:04:59+07:00",
    "2025-12-04T00:00:00+07:00",
]  # fmt: skip


class Reads(NamedTuple):
    """A log in columns; `item` indexes `names`, `kind` indexes `KINDS`."""

    ts: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    names: list[str]

    def until(self, at: float) -> "Reads":
        past = self.ts <= at
        return Reads(self.ts[past], self.item[past], self.kind[past], self.names)


def read(text: str) -> Reads:
    cells = text.replace("\n", ",").split(",")[FIELDS:-1]
    ts, items, kinds = cells[0::FIELDS], cells[1::FIELDS], cells[3::FIELDS]
    names = sorted(set(items))
    rows = {name: row for row, name in enumerate(names)}
    kind = {name: number for number, name in enumerate(KINDS)}
    columns = (map(int, ts), map(rows.__getitem__, items), map(kind.__getitem__, kinds))
    return Reads(*(np.fromiter(column, dtype=np.int64, count=len(ts)) for column in columns), names)


def exact_scores(reads: Reads, at: float, half_life_s: float) -> dict[str, float]:
    """Every event by itself: the sum of weight * 2^-(age / half-life) over the events of `ts <= at`."""
    past = reads.until(at)
    each = np.array([WEIGHTS[kind] for kind in KINDS])[past.kind] * 2.0 ** (-(at - past.ts) / half_life_s)
    summed = np.bincount(past.item, weights=each, minlength=len(reads.names))
    return {reads.names[row]: float(summed[row]) for row in np.unique(past.item).tolist()}


def engine(reads: Reads, at: float, half_life_s: float) -> tuple[list[str], dict[str, float]]:
    """The ten best, and all scores, from the counts that were recorded until `at`."""
    past = reads.until(at)
    places = len(KINDS) * len(reads.names)
    cells, counts = np.unique(
        past.ts // WIDTH_S * places + past.kind * len(reads.names) + past.item, return_counts=True
    )
    fields = [field(kind, name) for kind in KINDS for name in reads.names]
    buckets: dict[Bucket, dict[str, int]] = {}
    for cell, n in zip(cells.tolist(), counts.tolist(), strict=True):
        number, place = divmod(cell, places)
        buckets.setdefault(Bucket(WIDTH_S, number * WIDTH_S), {})[fields[place]] = n
    history = history_of(buckets)
    channel_weights = ChannelWeights(WEIGHTS).per_channel(history.channels)
    score = Sums(counts_of(history), Moment(at, at)).total(Horizon(HalfLife(half_life_s)), channel_weights)
    first = history.first_event()
    rows = best(np.flatnonzero(score > 0), score=score, published=first, names=history.items, limit=LISTED)
    return [history.items[row] for row in rows], dict(zip(history.items, score.tolist(), strict=True))


def assert_ranked_as(exact: Mapping[str, float], listed: list[str], apart: float) -> None:
    """An item whose exact score is over `apart` times another's comes before it, on the list or off it."""
    assert len(set(listed)) == min(LISTED, len(exact))
    place = {item: rank for rank, item in enumerate(listed)}
    for item, score in exact.items():
        for other in listed:
            if score > exact[other] * apart:
                assert place.get(item, LISTED) < place[other], (
                    f"{item} ({score}) belongs before {other} ({exact[other]})"
                )


@pytest.fixture(scope="module")
def reads() -> Reads:
    with (DATA / "reads_slice.csv").open(encoding="utf-8", newline="") as file:
        return read(file.read())


def test_the_slice_is_what_its_generator_writes() -> None:
    written = runpy.run_path(str(DATA / "make_slice.py"))["text"]()
    assert (DATA / "reads_slice.csv").read_bytes() == written.encode()


def test_the_slice_has_a_heavy_tail_and_no_read_on_the_edge_of_a_bucket(reads: Reads) -> None:
    per_item = sorted(Counter(reads.item.tolist()).values(), reverse=True)
    assert len(reads.ts) == 6_000
    assert sum(per_item[:40]) > 6_000 / 2
    assert sum(per_item[:5]) > sum(per_item[-200:])
    assert not (reads.ts % WIDTH_S == 0).any()


@pytest.mark.parametrize("half_life_h", [1, 2, 6])
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_ten_best_are_those_of_the_exact_calculation(reads: Reads, moment: str, half_life_h: int) -> None:
    at, half_life_s = parse_moment(moment), half_life_h * HOUR_S
    exact = exact_scores(reads, at, half_life_s)
    listed, score = engine(reads, at, half_life_s)
    assert_ranked_as(exact, listed, ONE_PER_CENT)
    assert score.keys() == exact.keys()


@pytest.mark.parametrize("half_life_h", [1, 2, 6])
def test_at_no_hour_is_a_score_or_a_place_off_by_more_than_half_a_bucket_of_age(reads: Reads, half_life_h: int) -> None:
    half_life_s = half_life_h * HOUR_S
    bound = 2 ** (WIDTH_S / (2 * half_life_s)) * (1 + 1e-9)
    start = parse_moment(MOMENTS[0])
    for at in (start + hour * HOUR_S + hour % 2 * 1337 for hour in range(-6, 60)):
        exact = exact_scores(reads, at, half_life_s)
        listed, score = engine(reads, at, half_life_s)
        assert_ranked_as(exact, listed, bound**2)
        assert all(exact[item] / bound <= score[item] <= exact[item] * bound for item in exact)


@pytest.mark.real_data
def test_the_ten_best_of_real_reads_are_those_of_the_exact_calculation() -> None:
    if not REAL.exists():
        pytest.skip(f"needs the real reads at {REAL}")
    at = parse_moment("2018-11-17T12:00:00+09:00")
    with gzip.open(REAL, "rt", encoding="utf-8") as file:
        reads = read(file.read()).until(at)
    assert len(reads.ts) > 1_500_000
    exact = exact_scores(reads, at, HOUR_S)
    listed, _ = engine(reads, at, HOUR_S)
    assert_ranked_as(exact, listed, ONE_PER_CENT)
