"""Sealing: open counts -> sealed ones, and sealed ones -> coarser ones as they age.

A bucket is sealed `retention.seal_after` after its end. From an age on (`retention.roll_up`) its counts are kept by the
hour, then by the day. Whatever counts in the span of what is written goes into it: the bucket's own open counts, those
of finer buckets, and what was sealed there before. An event that comes later opens the bucket anew and is in it after
the next run, so none is ever too late while `retention.keep` lasts.

Where a void begins or ends inside an hour or a day, that one keeps its finer buckets: else the void would be of a part
of its events, and what it had taken would come back.

Invariant: at every moment each event is in the store exactly once. A swap is one call, which does nothing if anything
in the span has changed since it was read; a run that dies between two calls has done nothing that is half, and two runs
at once are in each other's way at most.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.item_dates import CHUNK_ITEMS, pack_dates
from ranking.counts.sealed import names_digest, pack_counts, unpack_counts, volume_of
from ranking.refreshing.volume_names import VolumeNames
from ranking.settings.service import RetentionSettings
from ranking.store.counts import NAMES_CHANGED, SPAN_CHANGED, AllTouched, StoredCounts, Swap
from ranking.store.items import DatesState
from ranking.store.protocol import Store

NAMES_TRIES = 3
PARTS_AT_ONCE = 20
#: This much is packed in two milliseconds: not worth a thread.
CELLS_INLINE = 2_000
#: Dates are sealed again once this many items have changed, and one in DATES_SHARE of all.
DATES_AT_LEAST, DATES_SHARE = 5_000, 20


class Sealed(NamedTuple):
    """The result of a run: spans written, and spans left for the next run because they were changing."""

    written: int
    left: int


def spans(
    buckets: Iterable[Bucket], now: float, retention: RetentionSettings, edges: Collection[float] = ()
) -> dict[Bucket, list[Bucket]]:
    """The spans to seal at `now` (epoch seconds): each span's bucket -> the buckets in it, oldest first.

    A span is as wide as `retention.roll_up` says for its age; where something coarser is there already, it is that. A
    bucket that is alone in its span and as wide is in the answer too, sealed or not. `edges`: moments (epoch seconds)
    that no wider span is made over.
    """
    known = set(buckets)
    over = {
        bucket for bucket in known if bucket.end_s + retention.seal_after_s <= now < bucket.end_s + retention.keep_s
    }
    widths = sorted({bucket.width_s for bucket in over} | retention.roll_up.tiers.keys(), reverse=True)
    parts_of_span: dict[Bucket, list[Bucket]] = {}
    for bucket in sorted(over, key=lambda bucket: (bucket.start_s, bucket.width_s)):
        span = next(
            wider
            for width_s in widths
            if (wider := Bucket(width_s, bucket_start(bucket.start_s, width_s))).end_s >= bucket.end_s
            and (wider in over or (_is_due(wider, now, retention) and not _is_cut(wider, edges)))
        )
        parts_of_span.setdefault(span, []).append(bucket)
    return parts_of_span


async def void_edges(store: Store, site: str, now: float) -> frozenset[float]:
    """Where the voids in force at `now` begin and end; all epoch seconds."""
    voids = (await store.edits.read(site)).in_force(now).voids
    return frozenset(
        edge for of_item in voids.values() for _, void in of_item for edge in (void.since, void.until or 0)
    )


def _overlap(one: Bucket, other: Bucket) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def _is_cut(span: Bucket, edges: Collection[float]) -> bool:
    return any(span.start_s < edge < span.end_s for edge in edges)


def _is_due(span: Bucket, now: float, retention: RetentionSettings) -> bool:
    return now >= span.end_s + retention.roll_up.tiers.get(span.width_s, float("inf"))


class Sealer:
    """Seals one site's counts. It keeps the names that it has numbered; one at a time may run `seal`."""

    def __init__(self, store: Store, retention: RetentionSettings, site: str) -> None:
        self._store = store
        self._retention = retention
        self._site = site
        self._life = ""
        self._names: dict[tuple[int, int], VolumeNames] = {}  # by shard and volume
        self._done: dict[int, dict[Bucket, int]] = {}  # shard -> buckets that were wholly sealed at a change number

    async def seal(self, now: float) -> Sealed:
        """Seal what is to be sealed at `now` (epoch seconds)."""
        life = (await self._store.server.life()).name
        if life != self._life:
            self._life, self._names, self._done = life, {}, {}
        edges = await void_edges(self._store, self._site, now)
        done = Sealed(0, 0)
        for shard in range(self._store.shards):
            await self.seal_dates(shard)
            sealed = await self._seal_shard(shard, now, edges)
            done = Sealed(done.written + sealed.written, done.left + sealed.left)
        return done

    async def _seal_shard(self, shard: int, now: float, edges: Collection[float]) -> Sealed:
        touched = await self._store.counts.all_touched(self._site, shard)
        done = {each: at for each, at in self._done.get(shard, {}).items() if touched.buckets.get(each) == at}
        self._done[shard] = done
        unsealed = await self._unsealed(shard, touched, now, edges)
        cursor, changed, written = touched.cursor, set[Bucket](), set[Bucket]()
        for group in _groups(unsealed):
            # All that has changed by now is left; what the group holds is read after, and what changes then is refused.
            since = await self._store.counts.touched_buckets(self._site, shard, cursor)
            cursor, changed = since.cursor, changed | (set(since.buckets) - written)
            spans_left = [span for span in group if not any(_overlap(span, each) for each in changed)]
            parts = [part for span in spans_left for part in unsealed[span]]
            stored = iter(await self._store.counts.read_counts(self._site, shard, parts))
            for span in spans_left:
                of_span = list(islice(stored, len(unsealed[span])))
                at = await self.rewrite(shard, span, unsealed[span], of_span, cursor)
                if at is not None:
                    done[span] = at
                    written.add(span)
        used = set(map(volume_of, unsealed))
        self._names = {key: names for key, names in self._names.items() if key[0] != shard or key[1] in used}
        return Sealed(len(written), len(unsealed) - len(written))

    async def seal_dates(self, shard: int) -> None:
        """Seal the items' dates where many have changed; anew, where most of what is sealed is out of date."""
        before = await self._store.items.dates_state(self._site, shard)
        if before.unsealed < max(DATES_AT_LEAST, before.known // DATES_SHARE):
            return
        if before.entries > 2 * before.known:
            before = DatesState(0, 0, 0, before.known, before.known)
        chunks, cursor, entries = [], before.cursor, before.entries
        while True:
            changed = await self._store.items.changed_items(self._site, shard, cursor, CHUNK_ITEMS)
            if changed.reset:
                return
            if not changed.dates:
                break
            chunks.append(await asyncio.to_thread(pack_dates, changed.dates))
            cursor, entries = changed.cursor, entries + len(changed.dates)
        after = DatesState(cursor, before.chunks + len(chunks), entries, 0, before.known)
        await self._store.items.seal_dates(self._site, shard, before, after, chunks)

    async def _unsealed(
        self, shard: int, touched: AllTouched, now: float, edges: Collection[float]
    ) -> dict[Bucket, list[Bucket]]:
        """The spans that hold anything open or finer than they are."""
        done = self._done[shard]
        wanted = {
            span: parts
            for span, parts in spans(touched.buckets, now, self._retention, edges).items()
            if span not in done or parts != [span]
        }
        alone = [span for span, parts in wanted.items() if parts == [span]]
        for span, cells in zip(alone, await self._store.counts.open_cells(self._site, shard, alone), strict=True):
            if not cells:
                done[span] = touched.buckets[span]
                del wanted[span]
        return wanted

    async def rewrite(
        self, shard: int, span: Bucket, parts: Sequence[Bucket], stored: Sequence[StoredCounts], cursor: int
    ) -> int | None:
        """Seal `stored` in the place of a span's parts, as they were read after the change `cursor`.

        The change number of that; None: the span or its names have changed since, and nothing was done.
        """
        for _ in range(NAMES_TRIES):
            names = await self._names_of(shard, volume_of(span))
            try:
                if sum(len(each.open.fields) + len(each.sealed) for each in stored) < CELLS_INLINE:
                    swap = _packed(span, parts, stored, names, cursor)
                else:
                    swap = await asyncio.to_thread(_packed, span, parts, stored, names, cursor)
                at = await self._store.counts.seal(self._site, shard, swap, self._retention.keep_s)
            except BaseException:
                self._forget_names(shard, span)  # whether the new ones are in the store is not known
                raise
            if at not in (SPAN_CHANGED, NAMES_CHANGED):
                names.keep(swap.digest_after)
                return at
            self._forget_names(shard, span)
            if at == SPAN_CHANGED:
                return None
        return None

    async def _names_of(self, shard: int, volume: int) -> VolumeNames:
        names = self._names.get((shard, volume))
        if names is None:
            digest = await self._store.counts.names_digest(self._site, shard, volume)
            chunks = await self._store.counts.read_names(self._site, shard, volume, 0)
            names = self._names[shard, volume] = await asyncio.to_thread(VolumeNames, chunks, digest)
        return names

    def _forget_names(self, shard: int, span: Bucket) -> None:
        self._names.pop((shard, volume_of(span)), None)


def _groups(unsealed: dict[Bucket, list[Bucket]]) -> Iterator[list[Bucket]]:
    """Spans, in groups of about PARTS_AT_ONCE buckets."""
    group: list[Bucket] = []
    parts = 0
    for span, of_span in unsealed.items():
        group.append(span)
        parts += len(of_span)
        if parts >= PARTS_AT_ONCE:
            yield group
            group, parts = [], 0
    if group:
        yield group


def _packed(
    span: Bucket, parts: Sequence[Bucket], stored: Sequence[StoredCounts], names: VolumeNames, cursor: int
) -> Swap:
    channel_counts = [part for counts in stored for part in unpack_counts(counts.sealed)]
    channel_counts += [part for counts in stored for part in names.numbered(counts.open)]
    chunks = names.new_chunks()
    return Swap(
        target=span,
        value=pack_counts(channel_counts),
        parts=parts,
        cursor=cursor,
        names_before=names.stored,
        digest_before=names.digest,
        names_after=len(names),
        digest_after=names_digest(names.digest, chunks),
        chunks=chunks,
    )
