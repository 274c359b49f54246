"""Refresh: counts -> ranked lists -> publish.

`SiteView` is this process's copy of what the store knows of one site, brought up to date by what has changed since it
last looked: a refresh reads the open buckets and not the history. A ranking is a function of that view, the list's
settings and a moment; two processes with the same counts publish the same bytes, so a double run costs only CPU.

Rejected: asking Redis for decayed sums. It would do the same arithmetic on its one thread, beside the recording.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping
from datetime import UTC
from zoneinfo import ZoneInfo

from ranking.catalogue import Catalogue
from ranking.history import History
from ranking.items import Item
from ranking.ranker import Ranker, Ranking, entries
from ranking.scoring import Moment
from ranking.settings import Settings
from ranking.snapshot import Snapshot, Stamp, digest, encode_entries
from ranking.store.store import Base, Store


class SiteView:
    """What the store knows of one site, in columns."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._life = ""
        self._forget()

    def _forget(self) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history)
        self.removed: frozenset[str] = frozenset()
        self._bucket_cursors: dict[int, int] = {}
        self._item_cursors: dict[int, int] = {}
        self._details: dict[str, Item | None] = {}

    async def update(self, store: Store, keep_since: float) -> None:
        """Read what has changed. Buckets that ended before `keep_since` (epoch seconds) are left out.

        A store that was lost and started anew is read anew.
        """
        life = await store.life()
        if life != self._life:
            self._forget()
            self._life = life
        for shard in range(store.shards):
            touched = await store.touched_buckets(self.site, shard, self._bucket_cursors.get(shard, 0))
            changed = await store.changed_items(self.site, shard, self._item_cursors.get(shard, 0))
            if touched.reset or changed.reset:
                self._forget()
                return await self.update(store, keep_since)
            wanted = [bucket for bucket in touched.buckets if bucket.end_s > keep_since]
            for bucket, cells in zip(wanted, await store.read_buckets(self.site, shard, wanted), strict=True):
                self.history.replace(bucket, shard, cells.fields, cells.counts)
            for item, dates in changed.dates.items():
                self.catalogue.set(item, dates)
                self._details.pop(item, None)
            self._bucket_cursors[shard], self._item_cursors[shard] = touched.cursor, changed.cursor
        self.history.forget_before(keep_since)
        self.removed = frozenset(await store.removed_items(self.site))
        return None

    async def details(self, store: Store, rows: Iterable[int]) -> dict[int, Item]:
        """What to show of some rows; an item that nobody has described shows its id."""
        names = {row: self.history.items[row] for row in rows}
        missing = [name for name in names.values() if name not in self._details]
        for name, item in zip(missing, await store.get_items(self.site, missing), strict=True):
            self._details[name] = item
        return {row: self._details[name] or Item(id=name) for row, name in names.items()}


class Refresher:
    """Keeps one site's published lists up to date. One at a time may run `refresh`."""

    def __init__(self, store: Store, settings: Settings, site: str) -> None:
        self._store = store
        self._settings = settings
        self._view = SiteView(site)
        self._zone = next((ZoneInfo(each.timezone) for each in settings.sites if each.id == site), UTC)
        self._bases: dict[str, Base] = {}

    async def refresh(self, now: float) -> dict[str, int]:
        """Rank and publish every list for the aligned moment before `now`; generation of each list that was published.

        The arithmetic runs in a thread, so that the event loop goes on renewing leases and answering signals.
        """
        every_s = self._settings.refresh.every_s
        slot = math.floor(now / every_s) * every_s
        await self._view.update(self._store, now - self._settings.retention.keep_s)
        ranker, ranked = await asyncio.to_thread(self._ranked, slot)
        rows = {row for sections in ranked.values() for ranking in sections.values() for row in ranking.rows.tolist()}
        details = await self._view.details(self._store, rows)
        done = {}
        for name in self._settings.lists:
            snapshot = await asyncio.to_thread(self._snapshot, name, slot, ranked[name], ranker, details)
            generation = await self._publish(snapshot)
            if generation is not None:
                done[name] = generation
        return done

    def _ranked(self, slot: float) -> tuple[Ranker, dict[str, dict[str, Ranking]]]:
        ranker = Ranker(self._view, Moment(at=slot, known_until=slot), self._zone)
        return ranker, {name: ranker.rank_sections(settings) for name, settings in self._settings.lists.items()}

    def _snapshot(
        self,
        name: str,
        slot: float,
        sections: Mapping[str, Ranking],
        ranker: Ranker,
        details: Mapping[int, Item],
    ) -> Snapshot:
        settings = self._settings.lists[name]
        bodies = {
            section: encode_entries(entries(ranking, settings, ranker.views, ranker.published, details))
            for section, ranking in sections.items()
        }
        stamp = Stamp(
            list=name,
            title=settings.title,
            size=settings.size,
            generated_at=slot,
            config_version=self._settings.config_version,
            digests={section: digest(body) for section, body in bodies.items()},
        )
        return Snapshot(stamp, bodies)

    async def _publish(self, snapshot: Snapshot) -> int | None:
        name = snapshot.stamp.list
        generation = await self._store.publish(self._view.site, snapshot, self._bases.get(name))
        if generation is None:
            self._bases.pop(name, None)
        else:
            self._bases[name] = Base(generation, snapshot.stamp.digests)
        return generation
