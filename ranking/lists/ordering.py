"""Scores -> ranked rows. The caller has filtered already: filters come before the limit.

Invariant: the order is by score, then the newer publication, then the id, so that equal scores do not flicker from one
refresh to the next, in any order of arrival.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ranking.counts.arrays import NO_SECTION, FloatArray, Groups, Rows, Sections

STRIPES = 64  # of many values, from whose highest a bound on the highest of all is taken
WIDER = 4  # how many times a list's length is looked at before its sections are taken apart


def best(rows: Rows, *, score: FloatArray, published: FloatArray, names: Sequence[str], limit: int) -> Rows:
    """The `limit` best of `rows`, best first.

    `score`, `published`: (all rows,) float64, the latter in epoch seconds; `names` has the id of every row.
    """
    of_rows = score.take(rows)
    if len(rows) > limit:
        cut = _nth_highest(of_rows, limit)
        rows = rows[of_rows >= cut]  # few, so that the rest costs nothing
        is_above = score[rows] > cut
        above, level = rows[is_above], rows[~is_above]
        rows = np.concatenate([above, _newest(level, published, names, limit - len(above))])
        of_rows = score[rows]
    return _ordered(rows, of_rows, published[rows], names)


def best_by_section(
    rows: Rows, section: Sections, *, score: FloatArray, published: FloatArray, names: Sequence[str], limit: int
) -> dict[int, Rows]:
    """What `best` gives of each section's rows, by its number, for all of them in one pass; thousands cost no more.

    `section`: (all rows,) int32; rows without a section are in none. The other parameters are those of `best`.
    """
    rows = rows[section[rows] >= 0]
    if not len(rows):
        return {}
    rows = rows[np.lexsort((-published[rows], -score[rows], section[rows]))]
    numbers, of_rows, at = section[rows], score[rows], published[rows]
    tied = (numbers[1:] == numbers[:-1]) & (of_rows[1:] == of_rows[:-1]) & (at[1:] == at[:-1])
    crowded = set(numbers[1:][tied].tolist())  # their names decide
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    ends = [*starts[1:].tolist(), len(rows)]
    found = {}
    for number, start, end in zip(numbers[starts].tolist(), starts.tolist(), ends, strict=True):
        some = rows[start:end]
        if number in crowded:
            some = best(some, score=score, published=published, names=names, limit=limit)
        found[number] = some[:limit]
    return found


def one_of_each(rows: Rows, group: Groups, *, score: FloatArray, published: FloatArray, names: Sequence[str]) -> Rows:
    """`rows` with the best of each group alone; `group`: (all rows,) int, below 0 for none."""
    grouped = rows[group[rows] >= 0]
    if not len(grouped):
        return rows
    ordered = _ordered(grouped, score[grouped], published[grouped], names)
    _, firsts = np.unique(group[ordered], return_index=True)
    return rows[~np.isin(rows, np.delete(ordered, firsts))]


def best_capped(
    rows: Rows,
    *,
    score: FloatArray,
    published: FloatArray,
    names: Sequence[str],
    limit: int,
    section: Sections,
    cap: int,
    taken: Counter[int],
) -> Rows:
    """The `limit` best of `rows`, no more than `cap` of one section; items without a section are not capped.

    `section`: (all rows,) int32. `taken` counts the items listed already by section, and is brought up to date. The
    other parameters are those of `best`.
    """

    def firsts(some: Rows, count: int) -> Rows:
        return best(some, score=score, published=published, names=names, limit=count)

    ordered = firsts(rows, WIDER * limit)
    chosen = _within_cap(ordered, section, cap, taken, limit)
    if len(chosen) < limit and len(ordered) < len(rows):  # who is over the cap stands before the rest
        parted = by_section(rows, section)
        every = [firsts(some, cap - taken[number]) for number, some in parted.items() if taken[number] < cap]
        free = firsts(rows[section[rows] == NO_SECTION], limit)
        chosen = firsts(np.concatenate([free, *every]), limit).tolist()
    taken.update(section[chosen].tolist())
    return np.array(chosen, dtype=np.int64)


def _within_cap(ordered: Rows, section: Sections, cap: int, taken: Counter[int], limit: int) -> list[int]:
    counts, chosen = Counter(taken), []
    for row, number in zip(ordered.tolist(), section[ordered].tolist(), strict=True):
        if number == NO_SECTION or counts[number] < cap:
            counts[number] += 1
            chosen.append(row)
    return chosen[:limit]


def by_section(rows: Rows, section: Sections) -> dict[int, Rows]:
    """`rows` parted by their section's number; rows without a section (-1) are in none."""
    rows = rows[section[rows] >= 0]
    numbers = section[rows]
    if len(numbers) and numbers.max() <= np.iinfo(np.int16).max:
        numbers = numbers.astype(np.int16)  # which numpy sorts five times as fast
    order = np.argsort(numbers, kind="stable")
    rows, numbers = rows[order], numbers[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    return dict(zip(numbers[starts].tolist(), np.split(rows, starts[1:]), strict=True)) if len(rows) else {}


def percentile(values: FloatArray, percent: float) -> float:
    """The least value that `percent` of all values do not exceed; 0 where there are none.

    Source: the nearest-rank percentile.

    >>> [percentile(np.array([1.0, 2.0, 3.0, 10.0]), percent) for percent in (0, 25, 26, 75, 99)]
    [1.0, 1.0, 2.0, 3.0, 10.0]
    """
    if not len(values):
        return 0.0
    place = max(0, math.ceil(percent / 100 * len(values)) - 1)
    return float(np.partition(values, place)[place])


def _newest(rows: Rows, published: FloatArray, names: Sequence[str], limit: int) -> Rows:
    """The first `limit` by publication and id of rows whose scores tie; a crowd of ties is cut before it is sorted."""
    of_rows = published[rows]
    if len(rows) > limit:
        newest = of_rows >= _nth_highest(of_rows, limit)
        rows, of_rows = rows[newest], of_rows[newest]
    return _ordered(rows, np.zeros(len(rows)), of_rows, names)[:limit]


def _nth_highest(values: FloatArray, n: int) -> float:
    """The n-th highest of some numbers, which are at least n; none is NaN."""
    width = len(values) // STRIPES
    if width > n:
        # The highest of each column are `width` of the values, so the n-th of those is at most the n-th of all.
        columns = values[: STRIPES * width].reshape(STRIPES, width).max(axis=0)
        values = values[values >= np.partition(columns, width - n)[width - n]]
    return float(np.partition(values, len(values) - n)[len(values) - n])


def _ordered(rows: Rows, score: FloatArray, published: FloatArray, names: Sequence[str]) -> Rows:
    """`rows`, which have these scores and publish times; names are compared only where both are equal."""
    order = np.lexsort((-published, -score))
    rows, score, published = rows[order], score[order], published[order]
    apart = (score[1:] != score[:-1]) | (published[1:] != published[:-1])
    if apart.all():
        return rows
    crowds = np.split(rows, np.flatnonzero(apart) + 1)
    return np.concatenate([sorted(crowd.tolist(), key=names.__getitem__) for crowd in crowds]).astype(np.int64)
