"""SiteView: this process's copy of what the store knows of one site, brought up to date by what has changed.

A view that follows reads the open buckets and not the history. It may be read while buckets are being sealed and
rolled up: a bucket is read with both its parts at one moment, and where counts have moved from one bucket into another
in the meantime, what moved is read again. No event that was counted before an update began is missed or counted twice.

A store may go back: to a replica that lagged, to a backup. Its change numbers soon pass those that were read, so a view
that follows leaves a random mark in each shard once it has read its changes. A store that has the mark has all that was
read up to it; from one that does not, everything is read anew.

Counts of an item's other names are in its row (see `joined_names`); so that most are from the beginning, descriptions
and aliases are read before the counts.
"""

import asyncio
import math
import secrets
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from ranking.counts.arrays import NO_ROW
from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.catalogue import Catalogue
from ranking.counts.columns import ChannelCounts
from ranking.counts.history import History
from ranking.counts.item_dates import unpack_dates
from ranking.counts.labels import Labels
from ranking.counts.sealed import unpack_counts, volume_end, volume_of
from ranking.errors import StoreHeldError, StoreRefusedError, StoreUnavailableError
from ranking.intake.item_filter import ItemFilter
from ranking.intake.items import Item
from ranking.published.edits import Edits
from ranking.refreshing.joined_names import JoinedNames
from ranking.refreshing.label_reader import LabelReader
from ranking.refreshing.volume_rows import VolumeRows
from ranking.store.protocol import Store
from ranking.store.shards import shard_of
from ranking.times import HOUR_S

#: The names of a month are gone through once for each of these: as many buckets as can be held while they are read.
READ_AT_ONCE = 1_000
UNPACKED_BETWEEN_PAUSES = 50
READ_TRIES = 20
#: An item's former address is noted a moment after the item has changed: whoever sees the change looks once more.
LOOKS_AFTER_ITEMS = 2
MARK_BYTES = 8
#: Rows whose items are gone are dropped when most of at least so many are such.
MANY_ROWS = 10_000
CELLS_BETWEEN_PAUSES = 50_000
#: A report by author or tag is seldom asked for once: labels stay for the next one.
LABELS_KEPT_S = HOUR_S


class SiteView:
    """A copy of what the store knows of one site, in columns.

    `marks`: it leaves marks, as the one view that the site's lists are ranked from. `filters`: those of the lists that
    are to be ranked; with any, all descriptions are read one by one. `shards`: those that it follows, and with them
    every name as an item of its own; None: all.
    """

    def __init__(
        self,
        site: str,
        *,
        marks: bool = False,
        filters: Iterable[ItemFilter] = (),
        shards: Collection[int] | None = None,
    ) -> None:
        self.site = site
        self.shards = None if shards is None else frozenset(shards)
        self._filters = frozenset(filters)
        self.times_lost = 0
        """How many times the store was no longer the one that was followed."""
        self._life = ""
        self._leaves_marks = marks
        self._keep_since = -math.inf  # what ended before is left out
        self._labels_until = -math.inf  # reports ask for labels while `_keep_since` is before
        self._forget()

    def _forget(self) -> None:
        self.history = History()
        self.catalogue = Catalogue(self.history, all_known=False, filters=self._filters)
        self.names = JoinedNames(self.history, self.catalogue, joins=self.shards is None)
        self._aliases_edition = self._former_version = -1
        self._former_looks = 0
        self.removed: frozenset[str] = frozenset()
        self.edits = Edits()
        self._bucket_cursors: dict[int, int] = {}
        self._item_cursors: dict[int, int] = {}
        self._volumes: dict[tuple[int, int], int] = {}  # shard and volume -> cursor of the items named there
        self._rows = VolumeRows(self.site)
        self._details: dict[str, Item | None] = {}
        self._label_reader = LabelReader(self.site, 0)
        self._looked_over_at = -math.inf  # where closed ended when rows were last looked over
        self._marks: dict[int, str] = {}  # shard -> the mark left there
        self._unmarked: set[int] = set()  # shards of which something was read since

    async def update(self, store: Store, keep_since: float) -> None:
        """Read what has changed. Buckets that ended before `keep_since` (epoch seconds) are left out.

        A store that was lost and started anew, or has gone back, is read anew; so is one of which an update was cut
        short, as no mark says that it has what was read. So is all where `keep_since` is earlier than before: the clock
        was put back, or more is kept.

        Raises:
            StoreHeldError: the store has lost what it had, and the view that lists are ranked from stays as it is.
        """
        for _ in range(READ_TRIES):
            life, held_since = await store.server.life()
            if self._leaves_marks and held_since is not None:
                raise StoreHeldError
            if (self._leaves_marks and self._unmarked) or keep_since < self._keep_since:
                self._forget()
            self._keep_since = keep_since
            if life == self._life and await self._follow(store, keep_since):
                break
            if life == self._life and self._marks and await store.server.hold_emptied(self.site, self._marks):
                raise StoreHeldError
            self.times_lost += self._life != ""
            self._forget()
            self._life = life
        else:
            raise StoreUnavailableError(f"the store went back at every one of {READ_TRIES} attempts to read it")
        self.history.forget_before(keep_since)
        self.catalogue.forget_before(keep_since)
        self._rows.forget_before(keep_since)
        removed = await store.items.removed_items(self.site)
        self.removed = frozenset(item for item in removed if not self.names.is_alias(item))
        if self.history.closed_until != self._looked_over_at:
            self._looked_over_at = self.history.closed_until
            await asyncio.to_thread(self._drop_dead_rows)

    async def _follow(self, store: Store, keep_since: float) -> bool:
        """Read what has changed in every shard. False: the store is not the one that was followed."""
        await self._follow_edits(store)
        followed = range(store.shards) if self.shards is None else sorted(self.shards)
        for shard in followed:
            if not await self._follow_items(store, shard):
                return False
        await self._follow_addresses(store)
        if not self._joined():
            self._forget()
            return await self._follow(store, keep_since)
        for shard in followed:
            whole = (
                await self._follow_counts(store, shard, keep_since)
                and await self._follow_named(store, shard, keep_since)
                and await self._leave_mark(store, shard)
            )
            if not whole:
                return False
        return True

    async def _leave_mark(self, store: Store, shard: int) -> bool:
        """Leave a mark where something was read, or none is there. False: the store has gone back meanwhile."""
        if not self._leaves_marks or (shard in self._marks and shard not in self._unmarked):
            return True
        of_volumes = (cursor for (part, _), cursor in self._volumes.items() if part == shard)
        read = max(self._bucket_cursors.get(shard, 0), self._item_cursors.get(shard, 0), *of_volumes, 0)
        mark = secrets.token_hex(MARK_BYTES)
        if not await store.counts.leave_mark(self.site, shard, self._marks.get(shard, ""), mark, read):
            return False
        self._marks[shard] = mark
        self._unmarked.discard(shard)
        return True

    async def _follow_edits(self, store: Store) -> None:
        self.edits = await store.edits.read(self.site)
        if self.shards is None and self.edits.edition != self._aliases_edition:
            self.names.set_aliases(await store.edits.aliases(self.site))
            self._former_version = -1
            self._aliases_edition = self.edits.edition

    async def _follow_addresses(self, store: Store) -> None:
        """Read which addresses items have had before, if that may have changed."""
        if self.shards is not None:
            return
        if self._former_version >= 0:
            if not self._former_looks:
                return
            self._former_looks -= 1
            if await store.edits.former_version(self.site) == self._former_version:
                return
        former = await store.edits.former_addresses(self.site)
        self.names.set_former(former.items)
        self._former_version = former.version

    def _joined(self) -> bool:
        """Join what has come to be one item. False: something is to be parted, which takes reading the counts anew."""
        if not self.names.settle():
            return False
        self._take_moves()
        return True

    def _take_moves(self) -> None:
        """Let the names of the volumes have the rows that theirs have gone into."""
        if moved := self.names.moved():
            place = np.arange(len(self.history.items) + 1, dtype=np.int32)
            place[NO_ROW] = NO_ROW
            for row, into in reversed(moved.items()):
                place[row] = place[into]
            self._rows.renumber(place)

    def _drop_dead_rows(self) -> None:
        """Give up the rows of items that have no counts any more and are not described, where they are most of all."""
        rows = len(self.history.items)
        if rows < MANY_ROWS:
            return
        living = np.flatnonzero(self.history.rows_with_counts() | self.names.in_use()).astype(np.int32)
        if 2 * len(living) > rows:
            return
        place = np.full(rows + 1, NO_ROW, dtype=np.int32)
        place[living] = np.arange(len(living), dtype=np.int32)
        history = self.history.compacted(living)
        self.catalogue = self.catalogue.compacted(history, living)
        self.names = self.names.compacted(history, self.catalogue, living)
        self.history = history
        self._rows.renumber(place)
        self._details = {item: kept for item, kept in self._details.items() if history.known_row(item) is not None}

    async def choose(self, store: Store, filters: Collection[ItemFilter]) -> bool:
        """Know which items each filter that readers ask for takes; those chosen before are forgotten.

        What descriptions say beside dates is read when the first is asked for, and given up with the last. False: there
        is more of it than one call reads, and no filter is known yet.
        """
        if not filters and self._keep_since >= self._labels_until:
            self.catalogue.labels = None
            self.catalogue.choose(())
            return True
        is_known = await self._read_labels(store)
        await asyncio.to_thread(self.catalogue.choose, filters if is_known else ())
        return is_known

    async def label(self, store: Store) -> bool:
        """Know what descriptions say beside dates, for LABELS_KEPT_S. False: there is more than one call reads."""
        self._labels_until = self._keep_since + LABELS_KEPT_S
        return await self._read_labels(store)

    async def _read_labels(self, store: Store) -> bool:
        if self.catalogue.labels is None:
            self.catalogue.labels, self._label_reader = Labels(), LabelReader(self.site, store.shards)
        return await self._label_reader.read(store, self.catalogue.labels, self.history, self._item_cursors)

    async def details(self, store: Store, rows: Iterable[int]) -> dict[int, Item]:
        """The items of some rows; of one that nobody has described only its id."""
        names = {row: self.history.items[row] for row in rows}
        by_name = await self.details_of(store, names.values())
        return {row: by_name[name] for row, name in names.items()}

    async def details_of(self, store: Store, names: Collection[str]) -> dict[str, Item]:
        """The items of some ids, as `details` gives them."""
        missing = [name for name in names if name not in self._details or not self._follows(name, store.shards)]
        for name, item in zip(missing, await store.items.get_items(self.site, missing), strict=True):
            self._details[name] = item
        return {name: self._details[name] or Item(id=name) for name in names}

    def _follows(self, item: str, shards: int) -> bool:
        """Whether a change of an item's description is seen here."""
        return self.shards is None or shard_of(item, shards) in self.shards

    async def _follow_items(self, store: Store, shard: int) -> bool:
        """Read the items that have changed. False: the store is not the one that was followed."""
        cursor = self._item_cursors.get(shard)
        known = cursor is not None
        if cursor is None:
            cursor = 0
            if not self._filters:
                sealed = await store.items.read_dates(self.site, shard)
                for chunk in sealed.chunks:
                    self.names.describe_many(unpack_dates(chunk))
                    await asyncio.sleep(0)
                cursor = sealed.cursor
            self.names.described_all()
        changed = await store.items.changed_items(self.site, shard, cursor)
        if changed.reset and known:
            return False
        if changed.dates:
            self._unmarked.add(shard)
            self._former_looks = LOOKS_AFTER_ITEMS
        for item, dates in changed.dates.items():
            self.names.describe(item, dates)
            self._details.pop(item, None)
        self._item_cursors[shard] = changed.cursor
        return True

    async def _follow_named(self, store: Store, shard: int, keep_since: float) -> bool:
        """Read which items events with the site's key have named. False: the store is not the one that was followed."""
        for place, cursor in list(self._volumes.items()):
            if place[0] != shard:
                continue
            until = volume_end(place[1])
            if until <= keep_since:
                del self._volumes[place]
                continue
            named = await store.items.named_items(self.site, *place, cursor)
            if named.reset:
                return False
            if named.items:
                self._unmarked.add(shard)
            self.names.meet(list(named.items))
            self.catalogue.set_named(named.items, until)
            self._volumes[place] = named.cursor
        return True

    async def _follow_counts(self, store: Store, shard: int, keep_since: float) -> bool:
        """Read the buckets that have changed, until none of them was rolled up meanwhile.

        False: the store is not the one that was followed.
        """
        read: set[Bucket] = set()
        for _ in range(READ_TRIES):
            before = self._bucket_cursors.get(shard, 0)
            touched = await store.counts.touched_buckets(self.site, shard, before, self._marks.get(shard, ""))
            if touched.reset:
                return False
            if touched.buckets:
                self._unmarked.add(shard)
            if read and not any(map(_Spans(touched.buckets).hold, read)):
                return True
            wanted = [bucket for bucket in touched.buckets if bucket.end_s > keep_since]
            for bucket in wanted:
                self._volumes.setdefault((shard, volume_of(bucket)), 0)
            sealed_at: dict[Bucket, int] = {}
            for first in range(0, len(wanted), READ_AT_ONCE):
                part = wanted[first : first + READ_AT_ONCE]
                sealed_at.update(zip(part, await self._read(store, shard, part), strict=True))
            # When a bucket was sealed nothing finer was left in its span: what is held of it is in the bucket now, but
            # for what has changed since and was read with it.
            sealings = _Spans(bucket for bucket, at in sealed_at.items() if at > before)
            held = list(self.history.buckets(shard)) if sealings else []
            self.history.drop(shard, [each for each in held if each not in sealed_at and sealings.hold(each)])
            self._bucket_cursors[shard] = touched.cursor
            read |= sealed_at.keys()
            if not read:
                return True
        raise StoreUnavailableError(f"counts were rolled up at every one of {READ_TRIES} attempts to read them")

    async def _read(self, store: Store, shard: int, buckets: Sequence[Bucket]) -> list[int]:
        """Take over some buckets as they are now; the change number of each one's sealing."""
        stored = await store.counts.read_counts(self.site, shard, buckets)
        sealed: list[list[ChannelCounts]] = []
        for bucket, counts in zip(buckets, stored, strict=True):
            sealed.append(self._unpacked(shard, bucket, counts.sealed))
            if len(sealed) % UNPACKED_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)
        await self._rows.read(store, shard, buckets, sealed, self.names)
        taken = 0
        for bucket, parts, counts in zip(buckets, sealed, stored, strict=True):
            known = self._rows.placed(shard, bucket, parts)
            known += self.history.parts_of(counts.open.fields, counts.open.counts, self.names.row_of_new)
            self.history.replace_parts(bucket, shard, known)
            taken += sum(len(part.numbers) for part in known)
            if taken > CELLS_BETWEEN_PAUSES:  # millions take seconds, and a lease wants renewing
                taken = 0
                await asyncio.sleep(0)
        return [counts.sealed_at for counts in stored]

    def _unpacked(self, shard: int, bucket: Bucket, value: bytes) -> list[ChannelCounts]:
        try:
            return unpack_counts(value)
        except StoreRefusedError as error:
            place = f"site {self.site}, shard {shard}, bucket of {bucket.width_s} s from {bucket.start_s}"
            raise StoreRefusedError(f"sealed counts of {place}: {error}") from error


class _Spans:
    """The spans of some buckets."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._buckets = frozenset(buckets)
        self._widths_s = {bucket.width_s for bucket in self._buckets}

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def hold(self, inner: Bucket) -> bool:
        """Whether a bucket lies in one of them, and is finer."""
        return any(
            width_s > inner.width_s
            and (span := Bucket(width_s, bucket_start(inner.start_s, width_s))) in self._buckets
            and inner.end_s <= span.end_s
            for width_s in self._widths_s
        )
