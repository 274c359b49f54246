"""Recent views: how often items were viewed lately, in equal steps, to show where a list is going."""

import math
from typing import Any

import msgspec
import numpy as np

from ranking.counts.fields import channels_of
from ranking.counts.history import History
from ranking.intake.events import DEFAULT_KIND
from ranking.times import DAY_S

#: As many steps as a line of a few centimetres can show.
MOST_STEPS = 48
MOST_ITEMS = 100
MOST_SPAN_S = 7.0 * DAY_S


class RecentViews(msgspec.Struct, frozen=True, tag="recent"):
    """How often were `items` of a site viewed in the last `span_s` seconds?"""

    site: str
    items: list[str]
    span_s: float


def recent_views(history: History, question: RecentViews, at: float, bucket_s: int) -> dict[str, Any]:
    """Answer a question as a JSON document: views of each item by step, the oldest first, the last one ending at `at`.

    A step is a whole number of buckets long. What lies in a coarser bucket, or in one that straddles an edge, counts
    where its middle is.
    """
    step_s = bucket_s * max(1, math.ceil(question.span_s / MOST_STEPS / bucket_s))
    steps = max(1, math.ceil(question.span_s / step_s))
    end = -(-at // bucket_s) * bucket_s
    start = end - steps * step_s
    columns = history.columns()
    rows = {item: row for item in question.items if (row := history.known_row(item)) is not None}
    views = channels_of(history.channels, DEFAULT_KIND)
    wanted = np.zeros(len(history.items), dtype=np.bool_)
    wanted[list(rows.values())] = True
    cells = wanted[columns.cell_item] & views[columns.cell_channel]
    step_of = np.floor((columns.start_s + columns.width_s / 2 - start) / step_s)
    inside = (step_of >= 0) & (step_of < steps)
    first = columns.first_of(inside)
    entries = first + np.flatnonzero(cells[columns.cell[first:]] & inside[columns.bucket[first:]])
    place = np.zeros(len(history.items), dtype=np.intp)
    place[list(rows.values())] = np.arange(len(rows))
    views_at = np.zeros((len(rows), steps))
    of_item = place[columns.cell_item[columns.cell[entries]]]
    np.add.at(views_at, (of_item, step_of[columns.bucket[entries]].astype(np.intp)), columns.counts[entries])
    counts = dict(zip(rows, views_at.astype(np.int64).tolist(), strict=True))
    return {
        "at": at,
        "start": start,
        "step_s": step_s,
        "views": {item: counts.get(item, [0] * steps) for item in question.items},
    }
