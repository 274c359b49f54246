"""The top of a range: what was read most in it, by item or by what items have in common."""

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from ranking.counts.arrays import FloatArray, Ints, Rows
from ranking.counts.labels import Labels
from ranking.intake.events import LIST_SOURCE
from ranking.lists.ordering import best
from ranking.lists.ranker import View
from ranking.reporting.range_counts import Range, RangeCounts, columns_under_voids, known_rows, source_of, summed

ITEM: Final = "item"
#: Of these an item may have several, and counts for each of them.
LABELS: Final = ("author", "tag")
BY: Final = (ITEM, "section", *LABELS, "source")
MOST_ROWS: Final = 1_000


class TopOfRange(msgspec.Struct, frozen=True, tag="top"):
    """What was read most from `since` until `until` (epoch seconds)?

    `by`: one of `BY`. `list_name`: of the events that came from that list alone; "": of all.
    """

    site: str
    since: float
    until: float
    by: str = ITEM
    list_name: str = ""
    limit: int = 20


class TopRow(NamedTuple):
    """One row; `name` is an id, or of a section and the like; "": of what has none."""

    name: str
    views: int
    clicks: int


class _Groups(NamedTuple):
    """Views and clicks of groups by their numbers, (groups,) float64 both, and their names."""

    names: list[str]
    views: FloatArray
    clicks: FloatArray

    def top(self, limit: int) -> list[TopRow]:
        """The greatest of those that have any, the first by views, then by clicks, then by name."""
        read = np.flatnonzero((self.views > 0) | (self.clicks > 0))
        rows = best(read, score=self.views, published=self.clicks, names=self.names, limit=limit)
        return [TopRow(self.names[row], round(self.views[row]), round(self.clicks[row])) for row in rows.tolist()]


def top_of_range(view: View, question: TopOfRange, at: float, bucket_s: int) -> tuple[dict[str, Any], list[TopRow]]:
    """The answer without its rows, and these. `view` has labels where they are asked for.

    Only known items have rows; what else was read is in `unknown`, as anyone may make up an id.
    """
    source = LIST_SOURCE + question.list_name if question.list_name else None
    asked = Range(question.since, question.until)
    counts = RangeCounts(view.history, columns_under_voids(view, at), asked, bucket_s, source)
    known = known_rows(view)
    views, clicks = counts.by_row()
    unknown = np.flatnonzero(~known & ((views > 0) | (clicks > 0)))
    document = {
        "at": at,
        "from": counts.range.since,
        "to": counts.range.until,
        "by": question.by,
        "list": question.list_name or None,
        "total": {"views": round(views[known].sum()), "clicks": round(clicks[known].sum())},
        "unknown": {
            "items": len(unknown),
            "views": round(views[unknown].sum()),
            "clicks": round(clicks[unknown].sum()),
        },
    }
    views[~known] = clicks[~known] = 0.0
    counts.keep(known)
    groups = _groups(view, question.by, counts, views, clicks)
    return document, groups.top(question.limit)


def _groups(view: View, by: str, counts: RangeCounts, views: FloatArray, clicks: FloatArray) -> _Groups:
    if by == ITEM:
        return _Groups(view.history.items, views, clicks)
    if by == "section":
        names, section = view.catalogue.sections, view.catalogue.section + 1  # NO_SECTION is the first group
        return _grouped(["", *names], section, views, clicks)
    if by == "source":
        return _by_source(counts)
    rows, number, names = _labels(view.catalogue.labels, by, len(views))
    return _grouped(names, number, views[rows], clicks[rows])


def _by_source(counts: RangeCounts) -> _Groups:
    """By where events came from; of views without a source, those that began a visit by where that began."""
    sources = [source_of(name) for name in counts.channels]
    names = list(dict.fromkeys(["", *sources]))
    of_channel = np.array([names.index(name) for name in sources], dtype=np.int32)[counts.channel]
    groups = _grouped(names, of_channel, counts.views + counts.begun, counts.clicks)
    groups.views[0] -= counts.begun.sum()
    return groups


def _labels(labels: Labels | None, kind: str, size: int) -> tuple[Rows, Ints, list[str]]:
    """Pairs of a row and the number of its label, and the names; rows without one have "", the first."""
    if labels is None:
        return np.arange(size), np.zeros(size, dtype=np.int32), [""]
    rows, number, names = labels.pairs(kind)
    inside = rows < size
    rows, number = rows[inside], number[inside]
    without = np.ones(size, dtype=np.bool_)
    without[rows] = False
    none = np.flatnonzero(without)
    return np.concatenate([none, rows]), np.concatenate([np.zeros(len(none), np.int32), number + 1]), ["", *names]


def _grouped(names: list[str], group: Ints, views: FloatArray, clicks: FloatArray) -> _Groups:
    return _Groups(names, summed(group, views, len(names)), summed(group, clicks, len(names)))
