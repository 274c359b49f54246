"""Scores -> ranked rows. The caller has filtered already: filters come before the limit. Ties are stable.

Order: score, then the newer publication, then the id. So equal scores do not flicker from one refresh to the
next, whatever order the counts arrived in.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ranking.buckets import FloatArray

Rows = npt.NDArray[np.int64]


def best(rows: Rows, *, score: FloatArray, published: FloatArray, names: Sequence[str], limit: int) -> Rows:
    """The `limit` best of `rows`, best first.

    `score` and `published` (epoch seconds) have one entry per row of the history; `names` gives the id of a row.
    """
    if len(rows) > limit:
        cut = _nth_highest(score[rows], limit)
        above = rows[score[rows] > cut]
        rows = np.concatenate([above, _newest(rows[score[rows] == cut], published, names, limit - len(above))])
    return _ordered(rows, score, published, names)


def by_section(rows: Rows, section: npt.NDArray[np.int32]) -> dict[int, Rows]:
    """`rows` parted by their section's number; rows without a section (-1) are in none."""
    rows = rows[section[rows] >= 0]
    rows = rows[np.argsort(section[rows], kind="stable")]
    numbers, starts = np.unique(section[rows], return_index=True)
    return dict(zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True)) if len(rows) else {}


def _newest(rows: Rows, published: FloatArray, names: Sequence[str], limit: int) -> Rows:
    """The first `limit` by publication and id of rows whose scores tie; a crowd of ties is cut before it is sorted."""
    if len(rows) > limit:
        rows = rows[published[rows] >= _nth_highest(published[rows], limit)]
    return _ordered(rows, np.zeros(len(published)), published, names)[:limit]


def _nth_highest(values: FloatArray, n: int) -> float:
    return float(np.partition(values, len(values) - n)[len(values) - n])


def _ordered(rows: Rows, score: FloatArray, published: FloatArray, names: Sequence[str]) -> Rows:
    return np.array(sorted(rows.tolist(), key=lambda row: (-score[row], -published[row], names[row])), dtype=np.int64)
