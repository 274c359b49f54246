"""An item's reads by the hour or day, in all and by source."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any, Final, Literal

import msgspec
import numpy as np

from ranking.calendar import midnight
from ranking.counts.arrays import Longs
from ranking.counts.fields import referrer_of
from ranking.intake.events import CLICK, DEFAULT_KIND, channel_kind
from ranking.lists.ranker import View
from ranking.reporting.range_counts import columns_under_voids, source_of, summed
from ranking.times import DAY_S, HOUR_S

Step = Literal["hour", "day"]
STEPS: Final = ("hour", "day")
MOST_STEPS: Final = 1_000


class ItemHistory(msgspec.Struct, frozen=True, tag="history"):
    """How was `item` read from `since` until `until` (epoch seconds), by steps?

    `since` None: from its publication on, or from its first event where that is unknown.
    """

    site: str
    item: str
    until: float
    since: float | None = None
    step: Step = "hour"


def item_history(view: View, row: int, question: ItemHistory, at: float, zone: tzinfo) -> dict[str, Any]:
    """The answer from the counts of an item's row.

    What lies in a bucket that is wider than a step, or straddles the edges of two, counts where its middle is.
    """
    columns = columns_under_voids(view, at)
    entries = np.flatnonzero((columns.cell_item == row)[columns.cell])
    bucket = columns.bucket[entries]
    first = float(columns.start_s[bucket].min(initial=question.until))
    published = float(view.catalogue.published_of(np.array([row]), np.array([first]))[0])
    kept_since = min(view.history.start(), question.until)
    since = max(min(published, first), kept_since) if question.since is None else question.since
    edges = np.array(list(_edges(since, question.until, question.step, zone)))
    place: Longs = np.searchsorted(edges, columns.start_s[bucket] + columns.width_s[bucket] / 2, side="right") - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    channel = columns.cell_channel[columns.cell[entries]]

    channels = view.history.channels
    kinds = [channel_kind(name) for name in channels]
    sources = [source_of(name) for name in channels]

    def counted(is_chosen: Callable[[int], bool]) -> Longs:
        """Events of each step in the channels whose numbers are chosen, (steps,) int64."""
        mask = np.array([is_chosen(number) for number in range(len(channels))], dtype=np.bool_)
        some = np.flatnonzero(inside & mask[channel])
        return np.rint(summed(place[some], columns.counts[entries[some]], len(edges) - 1)).astype(np.int64)

    def both(source: str | None) -> dict[str, list[int]]:
        """Views and clicks of each step from one source; None: from all."""
        of_source = [source in (None, name) for name in sources]
        views = counted(lambda number: kinds[number] == DEFAULT_KIND and of_source[number])
        if source is not None:  # plain views have those in them that say where their visit began
            begun = counted(lambda number: referrer_of(channels[number]) != "" and source in ("", sources[number]))
            views = views + (begun if source else -begun)
        clicks = counted(lambda number: kinds[number] == CLICK and of_source[number])
        return {"views": views.tolist(), "clicks": clicks.tolist()}

    own = {sources[number] for number in np.unique(channel[inside]).tolist()}
    whole = both(None)
    return {
        "from": float(edges[0]),
        "to": float(edges[-1]),
        "step": question.step,
        "steps": edges[:-1].tolist(),
        **whole,
        "total": {name: sum(counts) for name, counts in whole.items()},
        "sources": [{"name": name or None, **both(name)} for name in sorted(own)],
    }


def _edges(since: float, until: float, step: Step, zone: tzinfo) -> Iterator[float]:
    """The edges of the steps that hold a range, at most MOST_STEPS of them, the last; hours begin with local ones."""
    since = max(since, until - (MOST_STEPS - 1) * (HOUR_S if step == "hour" else DAY_S))
    at = midnight(since, zone)
    if step == "hour":
        at += (since - at) // HOUR_S * HOUR_S
    while at < until:
        yield at
        at = at + HOUR_S if step == "hour" else midnight(at, zone, 1)
    yield at
