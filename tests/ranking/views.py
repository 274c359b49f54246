"""A site as the ranker sees it, from plain counts and dates."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any

from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.catalogue import Catalogue
from ranking.counts.fields import field
from ranking.counts.history import History
from ranking.counts.labels import Labels
from ranking.intake.items import ItemDates
from ranking.lists.ranker import Ranker
from ranking.published.edits import Edits
from ranking.published.snapshot import WHOLE_SITE
from ranking.scoring.sums import Moment
from ranking.settings.lists import ListSettings, only_used
from ranking.settings.service import Settings

WIDTH_S = 300


class Site:
    """Counts and items of one site; see `ranking.lists.ranker.View`."""

    def __init__(self) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history)
        self.catalogue.labels = Labels()
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        self._counts: dict[Bucket, dict[str, int]] = {}

    def see(self, item: str, ts: float, n: int = 1, channel: str = "view", width_s: int = WIDTH_S) -> None:
        """Count `n` events of an item at `ts`."""
        bucket = Bucket(width_s, bucket_start(ts, width_s))
        cells = self._counts.setdefault(bucket, {})
        name = field(channel, item)
        cells[name] = cells.get(name, 0) + n
        self.history.replace(bucket, 0, [each.encode() for each in cells], cells.values())

    def put(
        self, item: str, published_at: float | None = None, section: str | None = None, group: str | None = None
    ) -> None:
        """Describe an item."""
        dates = ItemDates(section=section, published_at=published_at, first_seen=math.inf, group=group)
        self.catalogue.set(item, dates)

    def ranker(self, at: float, known_until: float | None = None, zone: tzinfo = UTC) -> Ranker:
        """A ranker for a moment that everything before it was recorded at."""
        return Ranker(self, Moment(at, at if known_until is None else known_until), zone)

    def scores(self, settings: ListSettings, at: float, **moment: Any) -> dict[str, float]:
        """The list over all sections, in its order, with its scores."""
        ranking = self.ranker(at, **moment).rank(settings, WHOLE_SITE)
        assert ranking.score is not None
        return {self.history.items[row]: float(ranking.score[row]) for row in ranking.rows.tolist()}

    def listed(self, settings: ListSettings, at: float, section: str = WHOLE_SITE, **moment: Any) -> list[str]:
        """The items of a list in its order."""
        return [self.history.items[row] for row in self.ranker(at, **moment).rank(settings, section).rows.tolist()]


def in_use(**table: Any) -> dict[str, Any]:
    """Those of a table's settings that have an effect in its list."""
    return only_used("it", table, ())


def list_of(**settings: Any) -> ListSettings:
    """The settings of a list, as its table has them."""
    return Settings.model_validate({"lists": {"it": settings}}).lists["it"]


def site_of(events: Mapping[str, Iterable[tuple[float, int]]]) -> Site:
    """A site of items that were seen at some moments, so many times each."""
    site = Site()
    for item, seen in events.items():
        for ts, n in seen:
            site.see(item, ts, n)
    return site


def history_of(buckets: Mapping[Bucket, Mapping[str, int]]) -> History:
    """A history of one shard from plain counts: bucket -> field -> events."""
    history = History()
    for bucket, counts in buckets.items():
        history.replace(bucket, 0, (name.encode() for name in counts), counts.values())
    return history
