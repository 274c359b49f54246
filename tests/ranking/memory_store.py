"""A Store in dicts, with the promises of the real one: a repeated batch counts once, no later list is rolled back.

Two shards by default, because one hides every mistake in the bookkeeping per shard.
"""

import copy
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from whole_counts import whole_cells

from ranking.counts.buckets import Bucket, bucket_start
from ranking.counts.fields import field
from ranking.counts.sealed import names_digest, unpack_names, volume_of
from ranking.errors import KeyReusedError, OvertakenError, PopulerError, StoreUnavailableError
from ranking.intake.items import Item, dates_from_stored, item_from_stored, stored_from_item
from ranking.intake.marks import parts_of
from ranking.published.edits import Edit, Edits, Subject
from ranking.published.orders import ids_of, needed_for
from ranking.published.snapshot import Published, Snapshot, Stamp, decode_entries
from ranking.settings.learned import LearnedSetting, Tuned
from ranking.store.counts import (
    NAMES_CHANGED,
    SPAN_CHANGED,
    AllTouched,
    Batch,
    BucketCells,
    Committed,
    StoredCounts,
    Swap,
    TouchedBuckets,
)
from ranking.store.edits import Changed, FormerAddresses, Standing
from ranking.store.items import ChangedItems, DatesState, NamedItems, SealedDates
from ranking.store.lease import JobsProcess, Leases
from ranking.store.lists import News, PublishedBase
from ranking.store.questions import QueuedQuestion
from ranking.store.server import Life, LogState, ServerInfo
from ranking.store.shards import shard_of
from ranking.watching.concentration import Concentration

WIDTH_S = 300


class _Shard:
    def __init__(self) -> None:
        self.sequence = 0
        self.mark = ""
        self.counts: dict[Bucket, dict[str, int]] = {}
        self.touched: dict[Bucket, int] = {}
        self.sealed: dict[Bucket, tuple[bytes, int]] = {}
        self.names: dict[int, tuple[int, list[bytes]]] = {}  # volume -> how many, chunks
        self.digests: dict[int, str] = {}
        self.items: dict[str, bytes] = {}
        self.changed: dict[str, int] = {}
        self.dates, self.chunks = DatesState(0, 0, 0, 0, 0), list[bytes]()
        self.named: dict[int, dict[str, int]] = {}  # volume -> item -> sequence
        self.writers: dict[str, int] = {}
        self.once: dict[str, str] = {}  # mark of a key -> of its body
        self.keyed: set[str] = set()
        self.dropped = 0

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    def stored(self, bucket: Bucket) -> StoredCounts:
        cells = self.counts.get(bucket, {})
        value, at = self.sealed.get(bucket, (b"", 0))
        return StoredCounts(BucketCells([name.encode() for name in cells], list(cells.values())), value, at)

    def whole(self, bucket: Bucket) -> BucketCells:
        _, chunks = self.names.get(volume_of(bucket), (0, []))
        return whole_cells(self.stored(bucket), unpack_names(chunks))

    def seal(self, swap: Swap) -> int:
        first, last = swap.target.start_s, swap.target.end_s
        for bucket, sequence in self.touched.items():
            if sequence > swap.cursor and bucket.start_s < last and bucket.end_s > first:
                return SPAN_CHANGED
        volume = volume_of(swap.target)
        count, chunks = self.names.get(volume, (0, []))
        if (count, self.digests.get(volume, "")) != (swap.names_before, swap.digest_before):
            return NAMES_CHANGED
        numbered = {**dict(enumerate(chunks)), **swap.chunks}
        self.names[volume] = swap.names_after, [numbered[number] for number in range(len(numbered))]
        self.digests[volume] = swap.digest_after
        for bucket in swap.parts:
            self.counts.pop(bucket, None)
            self.sealed.pop(bucket, None)
            self.touched.pop(bucket, None)
        self.touched[swap.target] = sequence = self.next()
        self.sealed[swap.target] = swap.value, sequence
        return sequence


class MemoryEdits:
    """Keeps edits and no trail."""

    def __init__(self) -> None:
        self.kept: dict[str, Edits] = {}
        self.kept_aliases: dict[str, dict[str, str]] = {}
        self.former: dict[str, FormerAddresses] = {}
        self._voids = 0

    async def next_void(self, site: str) -> int:
        self._voids += 1
        return self._voids

    async def read(self, site: str) -> Edits:
        return self.kept.get(site, Edits())

    async def change(
        self,
        site: str,
        changes: Mapping[Subject, Edit | None],
        by: str,
        over: Iterable[Subject] = (),
        undoes: int | None = None,
    ) -> None:
        before = await self.read(site)
        made = {**before.edits, **{subject: edit for subject, edit in changes.items() if edit is not None}}
        gone = {subject for subject, edit in changes.items() if edit is None} | set(over)
        self.kept[site] = Edits(before.edition + 1, {each: edit for each, edit in made.items() if each not in gone})

    async def aliases(self, site: str) -> dict[str, str]:
        return dict(self.kept_aliases.get(site, {}))

    async def change_aliases(
        self, site: str, changes: Mapping[str, str | None], item: str, by: str, undoes: int | None = None
    ) -> None:
        before = await self.read(site)
        made = {**await self.aliases(site), **changes}
        self.kept_aliases[site] = {name: new for name, new in made.items() if new is not None}
        self.kept[site] = Edits(before.edition + 1, before.edits)

    async def former_addresses(self, site: str) -> FormerAddresses:
        return self.former.get(site, FormerAddresses(0, {}))

    async def former_version(self, site: str) -> int:
        return (await self.former_addresses(site)).version

    async def leave_addresses(self, site: str, former: Mapping[str, str]) -> None:
        version, before = await self.former_addresses(site)
        self.former[site] = FormerAddresses(version + 1, {**before, **former})

    async def restore(self, site: str, items: Iterable[str], by: str) -> None:
        pass

    async def changed_in(self, site: str, edition: int) -> list[Changed]:
        return []

    async def put_back(
        self, site: str, edits: Mapping[Subject, Edit], removed: Mapping[str, float], above: int
    ) -> list[str]:
        return []

    async def note(self, sites: Iterable[str], by: str, action: str) -> None: ...

    async def audit(self, site: str, limit: int) -> list[dict[str, Any]]:
        return []

    async def report(self, site: str, worker: str, edition: int | None) -> Standing:
        return Standing((await self.read(site)).edition, {})

    async def workers_behind(self, site: str, edition: int, lease_s: float) -> int:
        return 0


class MemoryFindings:
    """Keeps all nights."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[Tuned]] = {}

    async def in_effect(self, site: str) -> Mapping[str, LearnedSetting]:
        return {name: nights[0].after for (of, name), nights in self.kept.items() if of == site}

    async def note(self, site: str, tuned: Tuned) -> bool:
        nights = self.kept.setdefault((site, tuned.list), [])
        if nights and nights[0].at >= tuned.at:
            return False
        nights.insert(0, tuned)
        return True

    async def nights(self, site: str, name: str, limit: int) -> list[Tuned]:
        return self.kept.get((site, name), [])[:limit]


class MemoryLogbook:
    """Has nothing written down."""

    async def concentrations(self, sites: Iterable[str]) -> dict[str, Concentration]:
        return {}


class MemoryStore:
    """See the module's docstring. `read` lists every bucket that was read, to see what a reader asks for.

    `away` is raised by what has to do with salts; `lifetimes` and `rewrites` are what was asked for them.
    """

    def __init__(self, shards: int = 2) -> None:
        self._count = shards
        self._shards: dict[tuple[str, int], _Shard] = {}
        self._removed: dict[str, dict[str, float]] = {}
        self._published: dict[tuple[str, str], tuple[int, Snapshot]] = {}
        self._terms: dict[tuple[str, str], int] = {}
        self.clock = 0.0
        self.lives = 1
        self.read: list[Bucket] = []
        self.bases: list[PublishedBase | None] = []
        self.kept_salts: dict[int, bytes] = {}
        self.kept_secret = b""
        self.public: set[str] = set()  # named by the public alone
        self.lifetimes: dict[int, float] = {}
        self.away: PopulerError | None = None
        self.log = LogState("memory", kept=True, rewriting=False, failed=False)
        self.rewrites = 0
        self.edits = MemoryEdits()
        # One object is all the other parts.
        self.requests: dict[str, float] = {}
        self.kept_places: dict[int, bytes] = {}
        self.counts = self.items = self.lists = self.lease = self.questions = self.salts = self.server = self
        self.findings = MemoryFindings()
        self.logbook = MemoryLogbook()
        self.orders: dict[str, bytes] = {}

    # What tests say

    def see(
        self, item: str, ts: float, n: int = 1, channel: str = "view", width_s: int = WIDTH_S, *, named: bool = True
    ) -> None:
        """Count `n` events of an item at `ts`; `named`: they came with the site's key."""
        shard = self._shard("s", shard_of(item, self._count))
        bucket = Bucket(width_s, bucket_start(ts, width_s))
        cells = shard.counts.setdefault(bucket, {})
        name = field(channel, item)
        cells[name] = cells.get(name, 0) + n
        if named:
            shard.named.setdefault(volume_of(bucket), {}).setdefault(item, shard.next())
        shard.touched[bucket] = shard.next()

    def put(self, *items: Item, site: str = "s") -> None:
        """Store items, and lift their take-down if they had one."""
        for item in items:
            shard = self._shard(site, shard_of(item.id, self._count))
            if before := shard.items.get(item.id):
                shard.items[item.id] = stored_from_item(
                    msgspec.structs.replace(item, first_seen=item_from_stored(before).first_seen)
                )
            else:
                shard.items[item.id] = stored_from_item(item)
            shard.changed[item.id] = shard.next()
            self._removed.get(site, {}).pop(item.id, None)

    def lose_everything(self) -> None:
        """The server came back empty."""
        self.lives += 1
        self._shards.clear()
        self._removed.clear()
        self._published.clear()
        self._terms.clear()

    def backup(self) -> Callable[[], None]:
        """What puts everything back as it is now, as a restored backup or a replica that lagged would."""
        kept = copy.deepcopy((self._shards, self._removed, self._published, self._terms))

        def restore() -> None:
            self._shards, self._removed, self._published, self._terms = copy.deepcopy(kept)

        return restore

    async def life(self) -> Life:
        return Life(str(self.lives))

    async def time(self) -> float:
        return self.clock

    async def hold_emptied(self, site: str, shards: Iterable[int]) -> bool:
        return False

    async def accept(self) -> Life:
        return await self.life()

    def listed(self, name: str, section: str = "") -> list[str]:
        """Ids of a published list."""
        return [entry.id for entry in decode_entries(self.bodies(name)[section])]

    def bodies(self, name: str) -> dict[str, bytes]:
        """A published list as bytes, one body per section."""
        return self._published["s", name][1].bodies

    def stamp(self, name: str) -> Stamp:
        """The stamp of a published list."""
        return self._published["s", name][1].stamp

    def count(self, batch: Batch) -> Committed:
        """Count a batch, once however often it is sent."""
        shard = self._shard(batch.site, batch.shard)
        if batch.number <= shard.writers.get(batch.writer, -1):
            return Committed()
        if batch.once is not None:
            mark, body = parts_of(batch.once)
            if shard.once.setdefault(mark, body) != body:
                raise KeyReusedError
            if mark in shard.keyed:
                return Committed(repeated=True)
            shard.keyed.add(mark)
        shard.writers[batch.writer] = batch.number
        sequence = shard.next()
        for item, volume in batch.named.items():
            shard.named.setdefault(volume, {}).setdefault(item, sequence)
        for bucket, cells in batch.counts.items():
            there = shard.counts.setdefault(bucket, {})
            for name, n in cells.items():
                there[name] = there.get(name, 0) + n
            shard.touched[bucket] = sequence
        return Committed()

    def totals(self) -> dict[str, int]:
        """Events per field, over all sites, shards and buckets."""
        found: dict[str, int] = {}
        for shard in self._shards.values():
            for bucket in {*shard.counts, *shard.sealed}:
                cells = shard.whole(bucket)
                for name, n in zip(cells.fields, cells.counts, strict=True):
                    found[name.decode()] = found.get(name.decode(), 0) + n
        return found

    # What the core says

    @property
    def shards(self) -> int:
        return self._count

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ping(self) -> None: ...

    async def secured(self, site: str, items: Iterable[str] = ()) -> str:
        return "commit"

    async def confirm(self) -> None: ...

    async def record(self, batch: Batch, keep_s: float, *, wait: bool = True) -> Committed:
        return self.count(batch)

    async def touched_buckets(self, site: str, shard: int, after: int, mark: str = "") -> TouchedBuckets:
        found = self._shard(site, shard)
        reset = found.sequence < after or mark not in ("", found.mark)
        buckets = [bucket for bucket, sequence in found.touched.items() if reset or sequence > after]
        return TouchedBuckets(max(found.touched.values(), default=0 if reset else after), buckets, reset)

    async def leave_mark(self, site: str, shard: int, before: str, mark: str, cursor: int) -> bool:
        found = self._shard(site, shard)
        if before not in ("", found.mark) or found.sequence < cursor:
            return False
        found.mark = mark
        return True

    async def read_counts(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[StoredCounts]:
        self.read += buckets
        return [self._shard(site, shard).stored(bucket) for bucket in buckets]

    async def read_names(self, site: str, shard: int, volume: int, first_chunk: int) -> list[bytes]:
        return self._shard(site, shard).names.get(volume, (0, []))[1][first_chunk:]

    async def all_touched(self, site: str, shard: int) -> AllTouched:
        touched = self._shard(site, shard).touched
        return AllTouched(max(touched.values(), default=0), dict(touched))

    async def open_cells(self, site: str, shard: int, buckets: Sequence[Bucket]) -> list[int]:
        return [len(self._shard(site, shard).counts.get(bucket, {})) for bucket in buckets]

    async def seal(self, site: str, shard: int, swap: Swap, keep_s: float) -> int:
        return self._shard(site, shard).seal(swap)

    async def dropped_until(self, site: str, shard: int) -> int:
        return self._shard(site, shard).dropped

    async def note_dropped(self, site: str, shard: int, until: int) -> None:
        self._shard(site, shard).dropped = until

    async def names_digest(self, site: str, shard: int, volume: int) -> str:
        return self._shard(site, shard).digests.get(volume, "")

    async def put_names(
        self, site: str, shard: int, volume: int, count: int, digest: str, chunks: Mapping[int, bytes]
    ) -> bool:
        names, digests = self._shard(site, shard).names, self._shard(site, shard).digests
        there, before = names.get(volume, (0, []))
        if (there, digests.get(volume, "")) != (count, digest):
            return False
        digests[volume] = names_digest(digest, chunks)
        numbered = {**dict(enumerate(before)), **chunks}
        names[volume] = count + 1, [numbered[number] for number in range(len(numbered))]
        return True

    async def drop_buckets(self, site: str, shard: int, buckets: Sequence[Bucket]) -> None:
        found = self._shard(site, shard)
        for bucket in buckets:
            found.counts.pop(bucket, None)
            found.sealed.pop(bucket, None)
            found.touched.pop(bucket, None)

    async def put_items(
        self,
        site: str,
        items: Sequence[Item],
        by: str = "write",
        named: Sequence[Collection[str]] | None = None,
        *,
        lift: bool = False,
    ) -> set[str]:
        self.put(*items, site=site)
        return set()

    async def get_items(self, site: str, ids: Sequence[str]) -> list[Item | None]:
        documents = (self._shard(site, shard_of(item, self._count)).items.get(item) for item in ids)
        return [item_from_stored(document) if document else None for document in documents]

    async def unknown_items(self, site: str, shard: int, ids: Sequence[str], now: float, keep_s: float) -> set[str]:
        return {item for item in ids if item in self.public and item not in self._shard(site, shard).items}

    async def changed_items(self, site: str, shard: int, after: int, limit: int | None = None) -> ChangedItems:
        found = self._shard(site, shard)
        reset = found.sequence < after
        names = [item for item, sequence in found.changed.items() if reset or sequence > after]
        names = sorted(names, key=found.changed.__getitem__)[:limit]
        dates = {item: dates_from_stored(found.items[item]) if item in found.items else None for item in names}
        return ChangedItems(max(map(found.changed.get, names), default=0 if reset else after), dates, reset)

    async def read_dates(self, site: str, shard: int) -> SealedDates:
        found = self._shard(site, shard)
        return SealedDates(found.dates.cursor, found.chunks)

    async def dates_state(self, site: str, shard: int) -> DatesState:
        found = self._shard(site, shard)
        unsealed = sum(sequence > found.dates.cursor for sequence in found.changed.values())
        return found.dates._replace(unsealed=unsealed, known=len(found.changed))

    async def seal_dates(
        self, site: str, shard: int, before: DatesState, after: DatesState, chunks: list[bytes]
    ) -> bool:
        found = self._shard(site, shard)
        if before.cursor not in (0, found.dates.cursor):
            return False
        found.chunks = [*found.chunks, *chunks] if before.cursor else chunks
        found.dates = after
        return True

    async def named_items(self, site: str, shard: int, volume: int, after: int) -> NamedItems:
        named = self._shard(site, shard).named.get(volume, {})
        items = [item for item, sequence in named.items() if sequence > after]
        return NamedItems(max(named.values(), default=after), items, self._shard(site, shard).sequence < after)

    async def named(self, site: str, item: str, volumes: Iterable[int]) -> bool:
        shard = self._shard(site, shard_of(item, self._count))
        return any(item in shard.named.get(volume, {}) for volume in volumes)

    async def remove_item(self, site: str, item: str, now: float, by: str = "") -> bool:
        shard = self._shard(site, shard_of(item, self._count))
        self._removed.setdefault(site, {})[item] = now
        shard.changed[item] = shard.next()
        return shard.items.pop(item, None) is not None

    async def removed_items(self, site: str) -> dict[str, float]:
        return dict(self._removed.get(site, {}))

    async def publish(
        self, site: str, snapshot: Snapshot, base: PublishedBase | None, epoch: int = 0, paging_s: float = 0.0
    ) -> int | None:
        self.bases.append(base)
        self.orders |= snapshot.orders
        key = site, snapshot.stamp.list
        term = self._terms.get(key, 0)
        if 0 < epoch < term:
            raise OvertakenError(term)
        self._terms[key] = max(term, epoch)
        generation, before = self._published.get(key, (0, None))
        at, stepped_back = snapshot.stamp.generated_at, epoch > 0 and base is not None and base.generation == generation
        there = -1.0 if before is None else before.stamp.generated_at
        if epoch <= term and at <= there and not (stepped_back and at < there):
            return None
        above = max(generation, base.generation if base else 0)
        self._published[key] = above + 1, snapshot
        return above + 1

    async def hold(
        self, process: JobsProcess, known: Leases, take: Mapping[str, int], give_up: Collection[str]
    ) -> Leases:
        raise NotImplementedError

    async def leave(self, holder: str) -> None:
        raise NotImplementedError

    async def leases(self) -> Leases:
        return Leases()

    async def generations(self, site: str) -> dict[str, int]:
        return {name: generation for (of, name), (generation, _) in self._published.items() if of == site}

    async def published(self, site: str, name: str, have: Mapping[str, str]) -> Published | None:
        if (site, name) not in self._published:
            return None
        generation, snapshot = self._published[site, name]
        digests = snapshot.stamp.digests
        fresh = {section: body for section, body in snapshot.bodies.items() if have.get(section) != digests[section]}
        return Published(generation, snapshot.stamp, fresh)

    async def note_filter(self, site: str, request: str, at: float) -> None:
        self.requests[request] = at

    async def filters(self, site: str) -> dict[str, float]:
        return dict(self.requests)

    async def forget_filters(self, site: str, requests: Iterable[str]) -> None:
        for request in requests:
            del self.requests[request]

    async def note_places(self, site: str, at: float, places: bytes) -> None:
        self.kept_places[int(at // 3600)] = places

    async def places(self, site: str, since: float, until: float) -> list[bytes]:
        return [self.kept_places[hour] for hour in sorted(self.kept_places) if since // 3600 <= hour < until / 3600]

    async def order(self, site: str, name: str, order: str) -> list[str] | None:
        chain: list[bytes] = []
        needed: str | None = order
        while needed is not None:
            if needed not in self.orders:
                return None
            chain.append(self.orders[needed])
            needed = needed_for(chain[-1])
        return ids_of(chain)

    async def news(self, sites: Sequence[str]) -> AsyncIterator[News]:
        raise StoreUnavailableError(f"no news of {sites} in memory")
        yield News("", "")

    async def salt(self, day: int, fresh: bytes, lifetime_s: float) -> bytes:
        if self.away is not None:
            raise self.away
        self.lifetimes[day] = lifetime_s
        return self.kept_salts.setdefault(day, fresh)

    async def secret(self, fresh: bytes) -> bytes:
        if self.away:
            raise self.away
        self.kept_secret = self.kept_secret or fresh
        return self.kept_secret

    async def forget_salts(self, days: Iterable[int]) -> int:
        return sum(self.kept_salts.pop(day, None) is not None for day in days)

    async def log_state(self) -> LogState:
        return self.log

    async def rewrite_log(self) -> None:
        if self.away is not None:
            raise self.away
        self.rewrites += 1
        self.log = self.log._replace(rewriting=True)

    async def shadows(self, site: str, names: Sequence[str]) -> dict[str, int]:
        return {}

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        return None

    async def next_question(self, wait_s: float, holder: str) -> QueuedQuestion | None:
        return None

    async def pass_on(self, question: QueuedQuestion, holder: str) -> None:
        pass

    async def reply(self, to: str, content: bytes) -> None:
        pass

    async def server_info(self) -> list[ServerInfo]:
        return []

    def _shard(self, site: str, shard: int) -> _Shard:
        return self._shards.setdefault((site, shard), _Shard())
