"""What a store promises of sealing and of the lease, on every kind of address."""

import asyncio
from collections import Counter
from random import Random

import pytest
import servers
from whole_counts import as_fields, read_buckets

from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts
from ranking.counts.item_dates import unpack_dates
from ranking.counts.sealed import VOLUME_S, names_digest, pack_counts, unpack_counts, unpack_names
from ranking.errors import OvertakenError
from ranking.intake.items import Item
from ranking.published.snapshot import WHOLE_SITE, Snapshot, Stamp, digest, encode_entries
from ranking.refreshing.sealer import Sealed, Sealer
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import RetentionSettings
from ranking.store import limits
from ranking.store.counts import NAMES_CHANGED, SPAN_CHANGED, Batch, Swap
from ranking.store.items import DatesState
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "koran"
DAY_S = 86_400
KEEP_S = 50 * 365 * 86400.0
RETENTION = RetentionSettings.model_validate({"keep": f"{int(KEEP_S)}s", "roll_up": {"hour": "8d", "day": "30d"}})
NOON = Bucket(300, 1_764_565_200)
NEXT = Bucket(300, 1_764_565_500)
HOUR = Bucket(3600, 1_764_565_200)
LATER = 1_764_565_200 + DAY_S
MUCH_LATER = LATER + 9 * DAY_S


async def record(store: RedisStore, number: int, counts: dict[Bucket, dict[str, int]], shard: int = 0) -> None:
    await store.counts.record(Batch(SITE, shard, "one", number, counts), KEEP_S)


async def counted(store: RedisStore, *buckets: Bucket) -> list[dict[str, int]]:
    return [
        {name.decode(): count for name, count in zip(cells.fields, cells.counts, strict=True)}
        for cells in await read_buckets(store.counts, SITE, 0, buckets)
    ]


async def seal(store: RedisStore, now: float) -> Sealed:
    return await Sealer(store, RETENTION, SITE).seal(now)


def sealed_key(bucket: Bucket) -> str:
    return keys.sealed(SITE, 0, *bucket)


def open_key(bucket: Bucket) -> str:
    return keys.counts(SITE, 0, *bucket)


async def test_sealed_counts_take_the_place_of_open_ones(store: RedisStore, topology: servers.Topology) -> None:
    cells = {"view|a": 2, "click@list:populer#3|é|☕": 70_000_000_000, "!robot|b": 1}
    await record(store, 1, {NOON: cells})
    assert await seal(store, LATER) == Sealed(1, 0)
    assert await counted(store, NOON) == [cells]
    left = topology.every_key()
    assert sealed_key(NOON) in left
    assert open_key(NOON) not in left
    [stored] = await store.counts.read_counts(SITE, 0, [NOON])
    names = unpack_names(await store.counts.read_names(SITE, 0, NOON.start_s // VOLUME_S, 0))
    assert stored.open.fields == []
    assert as_fields(unpack_counts(stored.sealed), names) == {name.encode(): n for name, n in cells.items()}


async def test_everything_sealed_has_a_lifetime_of_its_counts_and_the_names_outlive_them(
    store: RedisStore, topology: servers.Topology
) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    await seal(store, LATER)
    left = topology.every_key()
    names = keys.names(SITE, 0, NOON.start_s // VOLUME_S)
    now = int(servers.redis_time(topology))
    assert abs(left[sealed_key(NOON)] - (NOON.end_s + KEEP_S + limits.GRACE_S - now)) <= 2
    assert left[names] >= left[sealed_key(NOON)]
    assert left[names] <= left[sealed_key(NOON)] + VOLUME_S


async def test_a_store_of_the_schema_before_is_raised_before_the_first_counts_are_sealed(
    server: servers.Valkey,
) -> None:
    server.admin.hset(keys.LAYOUT, mapping={"schema": 1, "shards": 1, "life": "one"})
    async with servers.opened(server.url) as store:
        await record(store, 1, {NOON: {"view|a": 2}})
        assert server.admin.hget(keys.LAYOUT, "schema") == b"1"
        await seal(store, LATER)
        assert server.admin.hget(keys.LAYOUT, "schema") == str(keys.SCHEMA).encode()
        assert await counted(store, NOON) == [{"view|a": 2}]
        assert (await store.server.life()).name == "one"


async def test_what_comes_late_is_added_to_what_is_sealed(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2, "view|b": 1}})
    await seal(store, LATER)
    await record(store, 2, {NOON: {"view|a": 5, "view|c": 1}})
    expected = [{"view|a": 7, "view|b": 1, "view|c": 1}]
    assert await counted(store, NOON) == expected
    assert await seal(store, LATER) == Sealed(1, 0)
    assert await counted(store, NOON) == expected
    assert await seal(store, LATER) == Sealed(0, 0)


async def test_buckets_of_an_hour_become_the_hour(store: RedisStore, topology: servers.Topology) -> None:
    await record(store, 1, {NOON: {"view|a": 2, "view|b": 1}, NEXT: {"view|a": 3}})
    await seal(store, LATER)
    await record(store, 2, {NEXT: {"click|a": 1}})
    assert await seal(store, MUCH_LATER) == Sealed(1, 0)
    assert await counted(store, NOON, NEXT, HOUR) == [{}, {}, {"view|a": 5, "view|b": 1, "click|a": 1}]
    assert (await store.counts.all_touched(SITE, 0)).buckets.keys() == {HOUR}
    left = topology.every_key()
    assert not {open_key(NOON), open_key(NEXT), sealed_key(NOON), sealed_key(NEXT)} & left.keys()


async def test_a_cursor_sees_what_was_sealed_as_a_change(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.touched_buckets(SITE, 0, 0)).cursor
    await seal(store, LATER)
    after = await store.counts.touched_buckets(SITE, 0, cursor)
    assert after.buckets == [NOON]
    [stored] = await store.counts.read_counts(SITE, 0, [NOON])
    assert stored.sealed_at == after.cursor > cursor


def swap_of(bucket: Bucket, cursor: int, **other: object) -> Swap:
    value = pack_counts([ChannelCounts("view", [0], [1])])  # type: ignore[arg-type]
    return Swap(bucket, value, [bucket], cursor, 0, "", 1, "digest", {0: b"chunk"})._replace(**other)


@pytest.mark.parametrize(
    "changed", [NOON, NEXT, Bucket(60, NEXT.start_s), Bucket(DAY_S, HOUR.start_s // DAY_S * DAY_S)]
)
async def test_a_span_in_which_anything_has_changed_is_left_as_it_is(store: RedisStore, changed: Bucket) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    await record(store, 2, {changed: {"view|b": 1}})
    before = await counted(store, NOON, changed)
    assert await store.counts.seal(SITE, 0, swap_of(HOUR, cursor, parts=[NOON]), KEEP_S) == SPAN_CHANGED
    assert await counted(store, NOON, changed, HOUR) == [*before, {}]
    assert await store.counts.read_names(SITE, 0, NOON.start_s // VOLUME_S, 0) == []


async def test_a_change_beside_the_span_is_no_obstacle(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    await record(store, 2, {NEXT: {"view|b": 1}, Bucket(300, NOON.start_s - 300): {"view|b": 1}})
    assert await store.counts.seal(SITE, 0, swap_of(NOON, cursor), KEEP_S) > cursor


async def test_names_that_are_not_those_the_counts_were_packed_with_are_left_as_they_are(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    await seal(store, LATER)
    await record(store, 2, {NEXT: {"view|b": 1}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    assert await store.counts.seal(SITE, 0, swap_of(NEXT, cursor), KEEP_S) == NAMES_CHANGED
    assert await counted(store, NOON, NEXT) == [{"view|a": 2}, {"view|b": 1}]


async def test_as_many_names_of_another_past_are_left_as_they_are(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    await seal(store, LATER)
    await record(store, 2, {NEXT: {"view|b": 1}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    other = swap_of(NEXT, cursor, names_before=1, digest_before="of another past", names_after=1, chunks={})
    assert await store.counts.seal(SITE, 0, other, KEEP_S) == NAMES_CHANGED
    volume = NOON.start_s // VOLUME_S
    assert not await store.counts.put_names(SITE, 0, volume, 1, "of another past", {0: b"chunk"})
    digest = await store.counts.names_digest(SITE, 0, volume)
    assert await store.counts.seal(SITE, 0, other._replace(digest_before=digest), KEEP_S) > cursor


async def test_a_span_that_was_read_from_a_later_store_is_left_as_it_is(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    assert await store.counts.seal(SITE, 0, swap_of(NOON, cursor + 1), KEEP_S) == SPAN_CHANGED
    assert await counted(store, NOON) == [{"view|a": 2}]


async def test_a_mark_is_left_where_the_last_one_is_and_nothing_read_is_missing(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.touched_buckets(SITE, 0, 0)).cursor
    assert not await store.counts.leave_mark(SITE, 0, "", "one", cursor + 1)
    assert await store.counts.leave_mark(SITE, 0, "", "one", cursor)
    assert not await store.counts.leave_mark(SITE, 0, "other", "two", cursor)
    assert (await store.counts.touched_buckets(SITE, 0, cursor, "one")).reset is False
    assert await store.counts.leave_mark(SITE, 0, "one", "two", cursor)
    found = await store.counts.touched_buckets(SITE, 0, cursor, "one")
    assert (found.reset, found.buckets) == (True, [NOON])


async def test_a_swap_that_is_sent_again_is_refused(store: RedisStore) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    cursor = (await store.counts.all_touched(SITE, 0)).cursor
    swap = swap_of(NOON, cursor)
    assert await store.counts.seal(SITE, 0, swap, KEEP_S) > 0
    assert await store.counts.seal(SITE, 0, swap, KEEP_S) == SPAN_CHANGED


async def test_dropped_buckets_are_gone_in_both_forms(store: RedisStore, topology: servers.Topology) -> None:
    await record(store, 1, {NOON: {"view|a": 2}})
    await seal(store, LATER)
    await record(store, 2, {NOON: {"view|a": 2}})
    await store.counts.drop_buckets(SITE, 0, [NOON])
    assert await counted(store, NOON) == [{}]
    assert not {open_key(NOON), sealed_key(NOON)} & topology.every_key().keys()


async def test_many_buckets_are_sealed_and_read_in_any_company(store: RedisStore) -> None:
    random, truth = Random(7), Counter[str]()
    view, sealer = SiteView(SITE), Sealer(store, RETENTION, SITE)
    for number in range(1, 60):
        counts: dict[Bucket, dict[str, int]] = {}
        for _ in range(random.randint(1, 20)):
            name, n = f"{random.choice(['view', 'click'])}|berita/{random.randint(0, 40)}", random.randint(1, 300)
            counts.setdefault(Bucket(300, NOON.start_s + 300 * random.randint(0, 30)), {})[name] = n
        truth.update({name: sum(cells.get(name, 0) for cells in counts.values()) for name in
                      {name for cells in counts.values() for name in cells}})  # fmt: skip
        await record(store, number, counts, number % store.shards)
        if number % 3 == 0:
            await sealer.seal(random.choice([LATER, MUCH_LATER]))
        if number % 4 == 0:
            await view.update(store, 0)
    await view.update(store, 0)
    columns, history = view.history.columns(), view.history
    found: Counter[str] = Counter()
    for cell, count in zip(columns.cell, columns.counts.tolist(), strict=True):
        channel, item = columns.cell_channel[cell], columns.cell_item[cell]
        found[f"{history.channels[channel]}|{history.items[item]}"] += int(count)
    assert found == truth


async def test_two_sealers_and_a_writer_at_once(store: RedisStore) -> None:
    buckets = [Bucket(300, NOON.start_s + 300 * n) for n in range(24)]

    async def write() -> None:
        for number in range(1, 40):
            await record(store, number, {bucket: {f"view|{number % 7}": 1} for bucket in buckets[:: 1 + number % 5]})

    async def seal_on(now: float) -> None:
        sealer = Sealer(store, RETENTION, SITE)
        for _ in range(12):
            await sealer.seal(now)

    await asyncio.gather(write(), seal_on(LATER), seal_on(MUCH_LATER))
    expected = sum(len(buckets[:: 1 + number % 5]) for number in range(1, 40))
    everything = (await store.counts.all_touched(SITE, 0)).buckets
    assert sum(sum(cells.values()) for cells in await counted(store, *everything)) == expected
    await seal(store, MUCH_LATER)
    assert await seal(store, MUCH_LATER) == Sealed(0, 0)
    assert (await store.counts.all_touched(SITE, 0)).buckets.keys() == {HOUR, Bucket(3600, HOUR.end_s)}


# Dates of items


def described(*numbers: int) -> list[Item]:
    return [Item(id=f"berita/{n}", section="Politik", published_at=float(n), first_seen=1.0) for n in numbers]


async def dates_of(store: RedisStore, shard: int) -> dict[str, float]:
    """Id -> publish time, as sealed; the last word on each."""
    sealed = await store.items.read_dates(SITE, shard)
    found: dict[str, float] = {}
    for chunk in map(unpack_dates, sealed.chunks):
        found.update(zip(chunk.ids, chunk.published.tolist(), strict=True))
    return found


async def test_dates_are_sealed_up_to_a_change_and_added_to(
    store: RedisStore, topology: servers.Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ranking.refreshing.sealer.DATES_AT_LEAST", 1)
    await store.items.put_items(SITE, described(*range(1200)))
    shard = shard_of("berita/7", store.shards)
    assert await store.items.read_dates(SITE, shard) == (0, [])
    await seal(store, LATER)
    once = await dates_of(store, shard)
    assert once["berita/7"] == 7.0
    state = await store.items.dates_state(SITE, shard)
    assert (state.unsealed, state.entries, state.known) == (0, len(once), len(once))
    assert topology.every_key()[keys.dates(SITE, shard)] > keys.CHANGED_TTL_S - 60
    await store.items.put_items(SITE, [Item(id="berita/7", published_at=1e9, first_seen=1.0)])
    await store.items.remove_item(SITE, "berita/8", 1.0)
    assert await dates_of(store, shard) == once
    monkeypatch.setattr("ranking.refreshing.sealer.DATES_SHARE", 10**6)
    await seal(store, LATER)
    assert (await dates_of(store, shard))["berita/7"] == 1e9


async def test_of_two_who_add_dates_behind_the_same_chunks_one_is_refused(store: RedisStore) -> None:
    empty, once, twice = (DatesState(cursor, cursor, cursor, 0, 0) for cursor in (0, 1, 2))
    assert await store.items.seal_dates(SITE, 0, empty, once, [b"first"])
    assert await store.items.seal_dates(SITE, 0, once, twice, [b"second"])
    assert not await store.items.seal_dates(SITE, 0, once, twice, [b"other"])
    assert await store.items.read_dates(SITE, 0) == (2, [b"first", b"second"])
    assert await store.items.seal_dates(SITE, 0, empty, once, [b"anew"])
    assert await store.items.read_dates(SITE, 0) == (1, [b"anew"])


async def test_changes_are_read_in_slices_that_never_part_what_changed_together(store: RedisStore) -> None:
    for numbers in (range(3), range(3, 10), range(10, 11)):
        await store.items.put_items(SITE, described(*numbers))
    for shard in range(store.shards):
        whole = (await store.items.changed_items(SITE, shard, 0)).dates
        found, cursor, sizes = [], 0, []
        while (part := await store.items.changed_items(SITE, shard, cursor, 2)).dates:
            found += part.dates
            sizes.append(len(part.dates))
            cursor = part.cursor
        assert sorted(found) == sorted(whole)
        if store.shards == 1:
            assert sizes == [3, 7, 1]


def snapshot(slot: float, *ids: str) -> Snapshot:
    bodies = {WHOLE_SITE: encode_entries([]) + "".join(ids).encode()}
    stamp = Stamp("populer", "Populer", 7, slot, "v1", {name: digest(body) for name, body in bodies.items()})
    return Snapshot(stamp, bodies)


async def published(store: RedisStore) -> tuple[int, float]:
    found = await store.lists.published(SITE, "populer", {})
    assert found is not None
    return found.generation, found.stamp.generated_at


async def test_an_earlier_term_publishes_nothing_over_a_later_one(store: RedisStore) -> None:
    assert await store.lists.publish(SITE, snapshot(100, "a"), None, 1) == 1
    assert await store.lists.publish(SITE, snapshot(105, "b"), None, 2) == 2
    with pytest.raises(OvertakenError) as raised:
        await store.lists.publish(SITE, snapshot(110, "old"), None, 1)
    assert raised.value.epoch == 2
    assert await published(store) == (2, 105)


async def test_a_new_term_publishes_whatever_its_clock_says_and_within_it_slots_grow(store: RedisStore) -> None:
    await store.lists.publish(SITE, snapshot(100, "a"), None, 1)
    assert await store.lists.publish(SITE, snapshot(100, "b"), None, 2) == 2
    assert await store.lists.publish(SITE, snapshot(95, "c"), None, 3) == 3
    assert await store.lists.publish(SITE, snapshot(95, "d"), None, 3) is None
    assert await store.lists.publish(SITE, snapshot(90, "e"), None, 3) is None
    assert await store.lists.publish(SITE, snapshot(96, "f"), None, 3) == 4


async def test_one_without_a_lease_is_held_back_by_slots_alone_and_ends_no_term(store: RedisStore) -> None:
    await store.lists.publish(SITE, snapshot(100, "a"), None, 5)
    assert await store.lists.publish(SITE, snapshot(100, "b"), None) is None
    assert await store.lists.publish(SITE, snapshot(105, "c"), None) == 2
    with pytest.raises(OvertakenError):
        await store.lists.publish(SITE, snapshot(110, "d"), None, 4)


async def test_names_that_are_restored_have_the_digest_of_those_that_were_written(store: RedisStore) -> None:
    volume, chunks = NOON.start_s // VOLUME_S, [{0: b"first"}, {0: b"first and second"}]
    state, archive = (0, ""), store.archive
    for count, chunk in enumerate(chunks, 1):
        assert await archive.add_names(SITE, 0, volume, state, count, chunk, KEEP_S)
        state = (count, names_digest(state[1], chunk))
        assert await archive.names_state(SITE, 0, volume) == state
    assert not await archive.add_names(SITE, 0, volume, (1, state[1]), 3, {0: b"third"}, KEEP_S)
