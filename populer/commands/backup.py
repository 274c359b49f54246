"""`populer backup`: everything that sites cannot be told again, in one file, while the service runs.

Each shard of a site's counts is as it was at one moment, with all batches that were counted before and none that came
after; the file says which moment. It is read bucket by bucket while it changes, and what has changed is read again,
less each time, until one call reads the rest (see `ranking/store/redis/archive.py`). What editors said is of one
moment, too.

Not in it: who has been seen (visitors, networks, event ids; with `--keys` the ids and the repeats of the running
window), requests' idempotency keys, what was refused of items that nobody has described, the ops page's pictures, and
the past week's places in lists.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from populer.commands.backup_file import BackupWriter, Index, Place, ShardIndex, SiteIndex
from populer.commands.options import progress_bar, site_named, store_url
from populer.service import site_keys
from populer.service.left_behind import bundled_store
from populer.stores import opened_store
from ranking import __version__
from ranking.counts.buckets import Bucket
from ranking.counts.sealed import volume_of
from ranking.counts.varints import pack_texts, varints_from
from ranking.errors import PopulerError
from ranking.published.snapshot import encode_stamp
from ranking.recording.salts import day_of
from ranking.settings.service import Settings
from ranking.store.counts import StoredCounts
from ranking.store.redis.store import RedisStore
from ranking.times import DAY_S

BUCKETS_AT_ONCE = 50
ITEMS_AT_ONCE = 1_000
#: Chunks of a thousand names in a record.
CHUNKS_AT_ONCE = 64
#: How often what has changed is read again before a cut; under any load the second finds little.
TRIES = 100
#: Called with what was done of how much.
Tick = Callable[[int, int], None]


def run(settings: Settings, target: Path, site: str | None, *, with_keys: bool, bundled: bool) -> None:
    """Write the backup and print what is in it. `bundled`: of the data directory's own store, whatever `redis.url`.

    Raises:
        PopulerError: the store does not answer, or the file cannot be written.
    """
    sites = [site_named(settings, site).id] if site else [each.id for each in settings.sites]
    now = time.time()
    name = datetime.fromtimestamp(now, UTC).strftime("populer-%Y%m%dT%H%M%SZ.backup")
    path = target / name if target.is_dir() else target
    try:
        with BackupWriter(path) as file:
            source = bundled_store(settings.service.data_dir) if bundled else nullcontext(store_url(settings))
            with source as url, _progress() as tick:
                index, size = asyncio.run(written(settings, url, file, sites, now, tick, with_keys=with_keys))
    except OSError as error:
        raise PopulerError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    print(f"{path}: {size:,} bytes")  # noqa: T201
    for each, part in index.sites.items():
        moments = [shard.at for shard in part.shards]
        print(  # noqa: T201
            f"site {each}: {part.items:,} items, counts of {part.buckets:,} buckets, {part.edits:,} edits;"
            f" counts as of {_said(min(moments))}{f' to {_said(max(moments))}' if len(moments) > 1 else ''}"
        )


async def written(
    settings: Settings, url: str, file: BackupWriter, sites: Sequence[str], now: float, tick: Tick, *, with_keys: bool
) -> tuple[Index, int]:
    """Write a backup of `sites` at `now` (epoch seconds); its index, and its size in bytes."""
    async with opened_store(settings, url) as store:
        generated = site_keys.read(settings.service.data_dir) if with_keys else {}
        parts = {}
        for site in sites:
            writer = _SiteWriter(store, settings, file, site, tick, with_keys=with_keys)
            parts[site] = msgspec.structs.replace(await writer.write(now), keys=generated.get(site))
        salts, secret = await store.archive.salts((day_of(now) - 1, day_of(now))) if with_keys else (None, None)
    index = Index(__version__, now, time.time(), parts, salts, secret)
    return index, file.finish(index)


class _SiteWriter:
    """Writes one site."""

    def __init__(
        self, store: RedisStore, settings: Settings, file: BackupWriter, site: str, tick: Tick, *, with_keys: bool
    ) -> None:
        self._store, self._settings, self._file, self._site, self._tick = store, settings, file, site, tick
        self._with_keys = with_keys
        self._done = self._all = 0

    async def write(self, now: float) -> SiteIndex:
        shards = [await self._shard(shard, now) for shard in range(self._store.shards)]
        generations = await self._store.lists.generations(self._site)
        lists = [await self._store.lists.published(self._site, name, {}) for name in generations]
        published = [(each.generation, encode_stamp(each.stamp), each.bodies) for each in lists if each is not None]
        learning = {*self._settings.lists, *await self._store.findings.in_effect(self._site)}
        desk = await self._store.archive.desk(self._site, sorted(learning))
        return SiteIndex(
            shards=[index for index, _ in shards],
            desk=self._file.add(desk),
            lists=self._file.add(published),
            keys=None,
            buckets=sum(len(index.buckets) for index, _ in shards),
            items=sum(items for _, items in shards),
            edits=desk.edits,
        )

    async def _shard(self, shard: int, now: float) -> tuple[ShardIndex, int]:
        """Write a shard as it is at one moment; where it is, and how many items it has."""
        counts, archive, site = self._store.counts, self._store.archive, self._site
        places: dict[Bucket, Place] = {}
        names: dict[int, tuple[str, list[Place]]] = {}
        items, item_cursor, cursor = list[Place](), 0, 0
        dropped_until = await counts.dropped_until(site, shard)
        changing: list[Bucket] = []
        for attempt in range(TRIES):
            while True:
                item_cursor, some = await archive.items(site, shard, item_cursor, ITEMS_AT_ONCE)
                if not some:
                    break
                items.append(self._file.add(some))
            touched = await counts.touched_buckets(site, shard, cursor)
            if touched.reset:
                raise PopulerError(f"the store went back while site {site} was read; begin again")
            self._all += len(touched.buckets)
            for first in range(0, len(touched.buckets), BUCKETS_AT_ONCE):
                part = touched.buckets[first : first + BUCKETS_AT_ONCE]
                self._add_counts(places, part, await counts.read_counts(site, shard, part))
                self._done += len(part)
                self._tick(self._done, self._all)
            changing = [] if not attempt else list({*changing[-BUCKETS_AT_ONCE:], *touched.buckets})
            cursor = touched.cursor
            volumes = sorted(set(map(volume_of, places)))
            for volume in volumes:
                await self._add_names(names, shard, volume)
            cut = await archive.cut(site, shard, volumes, changing, item_cursor)
            late = {bucket for bucket, at in cut.touched.items() if at > cursor} - set(changing)
            if not late and cut.sequence >= cursor and cut.digests == [names[volume][0] for volume in volumes]:
                break
        else:
            raise PopulerError(f"counts of site {site} changed at each of {TRIES} attempts to read them; try again")
        self._add_counts(places, changing, cut.counts)
        if cut.items:
            items.append(self._file.add(cut.items))
        index = ShardIndex(
            at=cut.at,
            buckets=[(*bucket, places[bucket]) for bucket in sorted(cut.touched)],
            names={volume: found for volume, (_, found) in names.items()},
            items=items,
            dropped_until=dropped_until,
        )
        for volume in volumes:
            if named := await archive.named(site, shard, volume):
                index.named[volume] = self._file.add(named)
        index.marks = self._file.add(await archive.marks(site, shard, *self._marks_kept(now)))
        return index, cut.stored

    def _marks_kept(self, now: float) -> tuple[list[str], list[str]]:
        """Names of a shard's sets and hashes that go along."""
        era, day = int(now) // int(self._settings.retention.keep_s), int(now) // DAY_S
        sets, hashes = [f"known:{each}" for each in (era - 1, era)], list[str]()
        if self._with_keys:
            sets += [f"ids:{each}" for each in (day - 1, day)]
            if span_s := int(self._settings.ingest.dedupe_window_s):
                hashes = [f"seen:{span_s}:{int(now) // span_s + step}" for step in (-1, 0, 1)]
        return sets, hashes

    def _add_counts(
        self, places: dict[Bucket, Place], buckets: Sequence[Bucket], counts: Sequence[StoredCounts]
    ) -> None:
        for bucket, each in zip(buckets, counts, strict=True):
            numbers = varints_from(np.array(each.open.counts, dtype=np.int64))
            places[bucket] = self._file.add((pack_texts(each.open.fields, 1), numbers, each.sealed))

    async def _add_names(self, names: dict[int, tuple[str, list[Place]]], shard: int, volume: int) -> None:
        """Write a volume's names, unless they were written as they are."""
        digest = await self._store.counts.names_digest(self._site, shard, volume)
        if volume not in names or names[volume][0] != digest:
            chunks = await self._store.counts.read_names(self._site, shard, volume, 0)
            groups = (chunks[at : at + CHUNKS_AT_ONCE] for at in range(0, len(chunks), CHUNKS_AT_ONCE))
            names[volume] = digest, [self._file.add(group) for group in groups]


def _said(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


@contextmanager
def _progress() -> Iterator[Tick]:
    with progress_bar() as progress:
        task = progress.add_task("backup", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
