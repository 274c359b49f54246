"""What a store promises, held on every kind of address: standalone, unix socket, cluster, sentinel."""

import asyncio
import time
from collections.abc import Mapping

import msgspec
import pytest
import servers
from whole_counts import read_buckets

from ranking.counts.buckets import Bucket
from ranking.intake.items import Item
from ranking.published.snapshot import WHOLE_SITE, Entry, Snapshot, Stamp, digest, encode_entries
from ranking.store.counts import Batch
from ranking.store.limits import GRACE_S
from ranking.store.lists import PublishedBase
from ranking.store.redis.keys import (
    AUDIT_TTL_S,
    CHANGED_TTL_S,
    ONCE_TTL_S,
    PUBLISHED_TTL_S,
    WORKERS_TTL_S,
    WRITER_TTL_S,
)
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "koran"
KEEP_S = 50 * 365 * 86400.0
NOON = Bucket(300, 1_764_565_200)
NEXT = Bucket(300, 1_764_565_500)


def batch(
    number: int,
    counts: Mapping[Bucket, Mapping[str, int]],
    *,
    writer: str = "one",
    shard: int = 0,
    once: str | None = None,
) -> Batch:
    return Batch(SITE, shard, writer, number, counts, once)


async def counted(store: RedisStore, *buckets: Bucket, shard: int = 0) -> list[dict[str, int]]:
    return [
        {name.decode(): count for name, count in zip(cells.fields, cells.counts, strict=True)}
        for cells in await read_buckets(store.counts, SITE, shard, buckets)
    ]


def snapshot(slot: float, **sections: list[str]) -> Snapshot:
    """A list of these ids per section; `whole` is the one over all sections."""
    bodies = {}
    for section, ids in sections.items():
        entries = [
            Entry(rank, item, item.title(), None, None, None, None, 1.0, rank) for rank, item in enumerate(ids, 1)
        ]
        bodies[WHOLE_SITE if section == "whole" else section] = encode_entries(entries)
    digests = {section: digest(body) for section, body in bodies.items()}
    return Snapshot(Stamp("populer", "Populer", 7, slot, "v1", digests), bodies)


def base_of(generation: int, published: Snapshot) -> PublishedBase:
    return PublishedBase(generation, published.stamp.digests)


async def test_a_batch_that_is_sent_again_counts_once(store: RedisStore) -> None:
    for _ in range(3):
        assert not (await store.counts.record(batch(1, {NOON: {"view|a": 2, "click|a": 1}}), KEEP_S)).repeated
    assert await counted(store, NOON) == [{"view|a": 2, "click|a": 1}]


async def test_a_batch_that_comes_late_behind_its_successor_does_not_count(store: RedisStore) -> None:
    await store.counts.record(batch(2, {NOON: {"view|a": 1}}), KEEP_S)
    await store.counts.record(batch(1, {NOON: {"view|a": 100}}), KEEP_S)
    assert await counted(store, NOON) == [{"view|a": 1}]


async def test_batches_of_one_writer_add_up(store: RedisStore) -> None:
    for number in (1, 2, 9):
        await store.counts.record(batch(number, {NOON: {"view|a": 1}, NEXT: {"view|b": number}}), KEEP_S)
    assert await counted(store, NOON, NEXT) == [{"view|a": 3}, {"view|b": 12}]


async def test_writers_with_the_same_numbers_add_up(store: RedisStore) -> None:
    for writer in ("one", "two", "three"):
        await store.counts.record(batch(1, {NOON: {"view|a": 5}}, writer=writer), KEEP_S)
    assert await counted(store, NOON) == [{"view|a": 15}]


async def test_shards_and_sites_are_counted_apart(store: RedisStore) -> None:
    last = store.shards - 1
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}, shard=last), KEEP_S)
    await store.counts.record(Batch("kedua", last, "one", 1, {NOON: {"view|a": 7}}), KEEP_S)
    assert await counted(store, NOON, shard=last) == [{"view|a": 1}]


async def test_an_idempotency_key_counts_once_whoever_sends_it(store: RedisStore) -> None:
    assert not (await store.counts.record(batch(1, {NOON: {"view|a": 3}}, once="k"), KEEP_S)).repeated
    assert (await store.counts.record(batch(2, {NOON: {"view|a": 3}}, once="k"), KEEP_S)).repeated
    assert (await store.counts.record(batch(1, {NOON: {"view|a": 3}}, writer="two", once="k"), KEEP_S)).repeated
    assert not (await store.counts.record(batch(3, {NOON: {"view|a": 3}}, once="other"), KEEP_S)).repeated
    assert await counted(store, NOON) == [{"view|a": 6}]


async def test_a_repeat_by_its_own_writer_is_no_repeat_of_its_idempotency_key(store: RedisStore) -> None:
    assert not (await store.counts.record(batch(1, {NOON: {"view|a": 3}}, once="k"), KEEP_S)).repeated
    assert not (await store.counts.record(batch(1, {NOON: {"view|a": 3}}, once="k"), KEEP_S)).repeated
    assert await counted(store, NOON) == [{"view|a": 3}]


async def test_one_idempotency_key_at_once_from_many_writers_counts_once(store: RedisStore) -> None:
    sent = [batch(1, {NOON: {"view|a": 1}}, writer=f"writer {n}", once="k") for n in range(20)]
    outcomes = await asyncio.gather(*(store.counts.record(each, KEEP_S) for each in sent))
    assert [each.repeated for each in outcomes].count(False) == 1
    assert await counted(store, NOON) == [{"view|a": 1}]


async def test_ids_are_opaque(store: RedisStore) -> None:
    fields = {"view|a|b": 1, "view|{x}": 2, "view|bérita-☕": 3, 'view|"\\\n': 4, f"view|{'x' * 512}": 5}
    await store.counts.record(batch(1, {NOON: fields}), KEEP_S)
    assert await counted(store, NOON) == [fields]


async def test_touched_buckets_are_those_that_changed_past_the_cursor(store: RedisStore) -> None:
    start = await store.counts.touched_buckets(SITE, 0, 0)
    assert start == (0, [], False)
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}), KEEP_S)
    first = await store.counts.touched_buckets(SITE, 0, 0)
    assert first.buckets == [NOON]
    await store.counts.record(batch(2, {NEXT: {"view|a": 1}}), KEEP_S)
    second = await store.counts.touched_buckets(SITE, 0, first.cursor)
    assert second.buckets == [NEXT]
    await store.counts.record(batch(3, {NOON: {"view|a": 1}}), KEEP_S)
    assert (await store.counts.touched_buckets(SITE, 0, second.cursor)).buckets == [NOON]
    assert sorted((await store.counts.touched_buckets(SITE, 0, 0)).buckets) == [NOON, NEXT]


async def test_nothing_changed_leaves_the_cursor_where_it_is(store: RedisStore) -> None:
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}), KEEP_S)
    cursor = (await store.counts.touched_buckets(SITE, 0, 0)).cursor
    assert await store.counts.touched_buckets(SITE, 0, cursor) == (cursor, [], False)


async def test_a_cursor_of_a_lost_store_is_reset(store: RedisStore, topology: servers.Topology) -> None:
    for number in range(5):
        await store.counts.record(batch(number, {NEXT: {"view|a": 1}}), KEEP_S)
    cursor = (await store.counts.touched_buckets(SITE, 0, 0)).cursor
    topology.empty()
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}), KEEP_S)
    found = await store.counts.touched_buckets(SITE, 0, cursor)
    assert found.reset
    assert found.buckets == [NOON]
    assert (await store.counts.touched_buckets(SITE, 0, found.cursor)).reset is False


async def test_buckets_are_read_in_the_order_asked_and_empty_where_there_is_nothing(store: RedisStore) -> None:
    await store.counts.record(batch(1, {NOON: {"view|a": 1}, NEXT: {"view|b": 2}}), KEEP_S)
    nothing = Bucket(300, 300)
    assert await counted(store, NEXT, nothing, NOON) == [{"view|b": 2}, {}, {"view|a": 1}]
    assert await counted(store) == []


async def test_more_buckets_than_fit_one_reading(store: RedisStore) -> None:
    buckets = [Bucket(300, 1_764_565_200 + 300 * n) for n in range(450)]
    await store.counts.record(batch(1, {bucket: {"view|a": n + 1} for n, bucket in enumerate(buckets)}), KEEP_S)
    assert await counted(store, *buckets) == [{"view|a": n + 1} for n in range(450)]


async def test_items_come_back_as_they_were_put(store: RedisStore) -> None:
    full = Item(
        id="a/b ☕",
        title="Harga beras naik – “lagi”",
        url="https://koran.example/a?b=1",
        section="Ekonomi",
        published_at=1_764_530_940.25,
        image="/a.jpg",
        author="Sari",
        tags=("beras", "harga"),
        first_seen=1_764_532_140.5,
    )
    bare = Item(id="bare")
    await store.items.put_items(SITE, [full, bare])
    assert await store.items.get_items(SITE, ["bare", "nobody", "a/b ☕"]) == [bare, None, full]
    assert await store.items.get_items(SITE, []) == []
    assert await store.items.get_items("kedua", ["bare"]) == [None]


async def test_an_item_put_again_keeps_the_moment_it_was_first_seen_and_changes_otherwise(store: RedisStore) -> None:
    await store.items.put_items(SITE, [Item(id="a", title="Old", published_at=5.5, first_seen=1_764_532_140.25)])
    await store.items.put_items(
        SITE, [Item(id="a", title="New", section="Ekonomi", tags=("x",), first_seen=1_800_000_000.0)]
    )
    expected = Item(id="a", title="New", section="Ekonomi", tags=("x",), first_seen=1_764_532_140.25)
    assert await store.items.get_items(SITE, ["a"]) == [expected]


async def test_a_thousand_items_at_once(store: RedisStore) -> None:
    items = [Item(id=f"item {n}", title=f"Title {n}", first_seen=float(n)) for n in range(1200)]
    await store.items.put_items(SITE, items)
    assert await store.items.get_items(SITE, [item.id for item in items]) == items
    changed = [await store.items.changed_items(SITE, shard, 0) for shard in range(store.shards)]
    assert sum(len(each.dates) for each in changed) == 1200


async def test_changed_items_are_those_past_the_cursor_with_their_dates(store: RedisStore) -> None:
    shard = shard_of("a", store.shards)
    assert await store.items.changed_items(SITE, shard, 0) == (0, {}, False)
    await store.items.put_items(SITE, [Item(id="a", section="Ekonomi", published_at=7.0, first_seen=9.0)])
    first = await store.items.changed_items(SITE, shard, 0)
    dates = first.dates["a"]
    assert dates is not None
    assert (dates.section, dates.published_at, dates.first_seen) == ("Ekonomi", 7.0, 9.0)
    assert (await store.items.changed_items(SITE, shard, first.cursor)).dates == {}
    assert await store.items.remove_item(SITE, "a", 10.0)
    second = await store.items.changed_items(SITE, shard, first.cursor)
    assert second.dates == {"a": None}
    assert second.cursor > first.cursor


async def test_an_item_put_again_keeps_the_fields_that_are_not_named(store: RedisStore) -> None:
    old = Item(id="a", title="Old", url="/a", section="Ekonomi", published_at=5.5, tags=("x", "y"), first_seen=1.25)
    await store.items.put_items(SITE, [old])
    await store.items.put_items(SITE, [Item(id="a", title="New", first_seen=9.0)], named=[["title", "section"]])
    expected = Item(id="a", title="New", url="/a", published_at=5.5, tags=("x", "y"), first_seen=1.25)
    assert await store.items.get_items(SITE, ["a"]) == [expected]
    await store.items.put_items(SITE, [Item(id="a", first_seen=9.0), Item(id="b", title="B")], named=[[], []])
    assert await store.items.get_items(SITE, ["a", "b"]) == [expected, Item(id="b", title="B")]


async def test_a_removed_item_is_listed_as_such_until_its_take_down_is_lifted(store: RedisStore) -> None:
    await store.items.put_items(SITE, [Item(id="a"), Item(id="b")])
    assert await store.items.remove_item(SITE, "a", 1_764_532_140.5)
    assert not await store.items.remove_item(SITE, "nobody", 7.0)
    assert await store.items.removed_items(SITE) == {"a": 1_764_532_140.5, "nobody": 7.0}
    assert await store.items.get_items(SITE, ["a", "b"]) == [None, Item(id="b")]
    assert await store.items.put_items(SITE, [Item(id="a", title="Back"), Item(id="b")]) == {"a"}
    assert await store.items.get_items(SITE, ["a", "b"]) == [None, Item(id="b")]
    assert await store.items.put_items(SITE, [Item(id="a", title="Back")], lift=True) == set()
    assert await store.items.get_items(SITE, ["a"]) == [Item(id="a", title="Back")]
    assert await store.items.removed_items(SITE) == {"nobody": 7.0}
    assert await store.items.removed_items("kedua") == {}


async def test_generations_of_a_list_grow(store: RedisStore) -> None:
    assert await store.lists.generations(SITE) == {}
    assert await store.lists.published(SITE, "populer", {}) is None
    assert [await store.lists.publish(SITE, snapshot(slot, whole=["a"]), None) for slot in (100.0, 105.0, 110.5)] == [
        1,
        2,
        3,
    ]
    assert await store.lists.generations(SITE) == {"populer": 3}
    assert await store.lists.generations("kedua") == {}


async def test_a_list_of_an_older_or_the_same_slot_is_refused(store: RedisStore) -> None:
    await store.lists.publish(SITE, snapshot(100.0, whole=["a"]), None)
    current = snapshot(105.0, whole=["b"])
    assert await store.lists.publish(SITE, current, None) == 2
    for slot in (105.0, 100.0, 104.999):
        assert await store.lists.publish(SITE, snapshot(slot, whole=["old"]), None) is None
        assert await store.lists.publish(SITE, snapshot(slot, whole=["old"]), base_of(2, current)) is None
    found = await store.lists.published(SITE, "populer", {})
    assert found is not None
    assert (found.generation, found.stamp, found.bodies) == (2, current.stamp, current.bodies)


async def test_a_list_ranked_under_a_clock_far_ahead_does_not_hold_back_the_right_ones(store: RedisStore) -> None:
    await store.lists.publish(SITE, snapshot(99_000_000_000.0, whole=["a"]), None)
    assert await store.lists.publish(SITE, snapshot(100.0, whole=["b"]), None) == 2


@pytest.mark.parametrize("ahead_s", [30.0, 3600.0])
async def test_a_list_ranked_under_a_clock_ahead_holds_nobody_back(
    store: RedisStore, topology: servers.Topology, ahead_s: float
) -> None:
    now = servers.redis_time(topology)
    await store.lists.publish(SITE, snapshot(now + ahead_s, whole=["a"]), None)
    assert await store.lists.publish(SITE, snapshot(now, whole=["b"]), None) == 2


async def test_who_leads_goes_over_his_own_list_when_his_clock_was_put_back(store: RedisStore) -> None:
    first, behind = snapshot(100.0, whole=["a"]), snapshot(50.0, whole=["b"])
    assert await store.lists.publish(SITE, first, None, 3) == 1
    assert await store.lists.publish(SITE, behind, None, 3) is None, "who does not know what is there"
    assert await store.lists.publish(SITE, behind, base_of(1, first), 3) == 2
    assert await store.lists.publish(SITE, behind, base_of(2, behind), 3) is None, "the same slot"


async def test_sections_that_are_gone_disappear(store: RedisStore) -> None:
    first = snapshot(100.0, whole=["a", "b"], Ekonomi=["a"], Olahraga=["b"])
    second = snapshot(105.0, whole=["a"], Ekonomi=["a"])
    third = snapshot(110.0, whole=[])
    base = None
    for generation, each in enumerate((first, second, third), 1):
        assert await store.lists.publish(SITE, each, base) == generation
        base = base_of(generation, each)
        found = await store.lists.published(SITE, "populer", {})
        assert found is not None
        assert found.bodies == each.bodies


async def test_a_stale_base_still_gives_the_whole_list(store: RedisStore) -> None:
    first = snapshot(100.0, whole=["a"], Ekonomi=["a"])
    second = snapshot(105.0, whole=["b"], Olahraga=["b"])
    third = snapshot(110.0, whole=["c"], Ekonomi=["a"])
    await store.lists.publish(SITE, first, None)
    await store.lists.publish(SITE, second, None)  # another process took over in between
    assert await store.lists.publish(SITE, third, base_of(1, first)) == 3
    found = await store.lists.published(SITE, "populer", {})
    assert found is not None
    assert found.bodies == third.bodies


async def test_a_base_of_a_lost_store_still_gives_the_whole_list(store: RedisStore, topology: servers.Topology) -> None:
    first = snapshot(100.0, whole=["a"], Ekonomi=["a"])
    await store.lists.publish(SITE, first, None)
    topology.empty()
    second = snapshot(105.0, whole=["a"], Ekonomi=["a"])
    assert await store.lists.publish(SITE, second, base_of(1, first)) == 2, "a generation never falls"
    found = await store.lists.published(SITE, "populer", {})
    assert found is not None
    assert found.bodies == second.bodies


async def test_bodies_that_the_reader_has_are_left_out(store: RedisStore) -> None:
    first = snapshot(100.0, whole=["a", "b"], Ekonomi=["a"], Olahraga=["b"])
    await store.lists.publish(SITE, first, None)
    digests = first.stamp.digests
    for have, expected in (
        ({}, {"", "Ekonomi", "Olahraga"}),
        ({"Ekonomi": digests["Ekonomi"], "": "another"}, {"", "Olahraga"}),
        (digests, set()),
    ):
        found = await store.lists.published(SITE, "populer", have)
        assert found is not None
        assert set(found.bodies) == expected
        assert found.stamp == first.stamp


async def test_lists_are_published_apart(store: RedisStore) -> None:
    await store.lists.publish(SITE, snapshot(100.0, whole=["a"]), None)
    other = snapshot(100.0, whole=["b"])
    stamp = Stamp("update", "UPDATE", 10, 50.0, "v1", other.stamp.digests)
    assert await store.lists.publish(SITE, Snapshot(stamp, other.bodies), None) == 1
    assert await store.lists.generations(SITE) == {"populer": 1, "update": 1}


async def test_news_of_lists_and_items_arrives(store: RedisStore, topology: servers.Topology) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen() -> None:
        async for site, text in store.lists.news(["another", SITE]):
            assert site == SITE
            await heard.put(text)

    async def listened_to() -> bool:
        return any(server.admin.pubsub_numsub(f"populer:{SITE}:news")[0][1] for server in topology.servers)

    listener = asyncio.create_task(listen())
    try:
        await servers.eventually(listened_to, "the listener")
        await store.lists.publish(SITE, snapshot(100.0, whole=["a"]), None)
        assert await asyncio.wait_for(heard.get(), 5) == "list populer 1"
        await store.items.remove_item(SITE, "a b/c", 1.0)
        kind, before, edition, item = (await asyncio.wait_for(heard.get(), 5)).split(" ", 3)
        assert (kind, before, item) == ("item", "0", "a b/c")
        await store.items.put_items(SITE, [Item(id="a b/c")], lift=True)
        kind, before, lifted, _ = (await asyncio.wait_for(heard.get(), 5)).split(" ", 3)
        assert (kind, before) == ("removed", edition)
        assert int(lifted) > int(edition)
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def test_every_key_has_a_lifetime_but_items_take_downs_and_the_layout(
    store: RedisStore, topology: servers.Topology
) -> None:
    await store.counts.record(batch(1, {NOON: {"view|a": 1}, NEXT: {"view|a": 1}}, once="k"), KEEP_S)
    await store.items.put_items(SITE, [Item(id=f"item {n}") for n in range(50)])
    await store.items.remove_item(SITE, "item 7", 1.0)
    await store.lists.publish(SITE, snapshot(100.0, whole=["a"], Ekonomi=["a"]), None)
    orders = {name: name.encode() for name in ("past", "new")}
    published = snapshot(105.0, whole=["b"])
    await store.lists.publish(SITE, msgspec.structs.replace(published, orders={"past": orders["past"]}), None)
    published = snapshot(110.0, whole=["b"])
    base = base_of(2, published)._replace(orders={"past"})
    await store.lists.publish(
        SITE, msgspec.structs.replace(published, orders={"new": orders["new"]}), base, paging_s=100.0
    )
    await store.edits.report(SITE, "worker", 0)
    living = topology.every_key()
    for_good = {name for name, ttl_s in living.items() if ttl_s < 0}
    items = {f"populer:{{{SITE}.{shard}}}:items" for shard in range(store.shards)}
    said = {f"populer:{{{SITE}}}:removed", f"populer:{{{SITE}}}:edits"}
    assert for_good == {"populer:layout"} | said | (items & set(living))
    expected = {"writer": WRITER_TTL_S, "once": ONCE_TTL_S, "list": PUBLISHED_TTL_S, "lists": PUBLISHED_TTL_S}
    expected |= {"changed": CHANGED_TTL_S, "touched": int(KEEP_S) + GRACE_S}
    expected |= {"audit": AUDIT_TTL_S, "workers": WORKERS_TTL_S, "order": PUBLISHED_TTL_S}
    assert 90 < living.pop(f"populer:{{{SITE}}}:order:populer:past") <= 100
    found = {name.split(":")[2]: ttl_s for name, ttl_s in living.items() if ttl_s >= 0}
    assert set(found) == {*expected, "counts", "sequence"}
    for kind, ttl_s in expected.items():
        assert ttl_s - 60 <= found[kind] <= ttl_s, kind


async def test_a_bucket_is_kept_for_the_retention_from_its_end(store: RedisStore, topology: servers.Topology) -> None:
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}), KEEP_S)
    expiries = [
        server.admin.expiretime(key)
        for server in topology.servers
        for key in server.admin.scan_iter(match="*:counts:*")
    ]
    assert expiries == [NOON.end_s + int(KEEP_S) + GRACE_S]


async def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore, topology: servers.Topology) -> None:
    await store.counts.record(batch(1, {NOON: {"view|a": 1}}), KEEP_S)
    for server in topology.servers:
        server.admin.script_flush()
    await store.counts.record(batch(2, {NOON: {"view|a": 1}}), KEEP_S)
    await store.counts.record(batch(2, {NOON: {"view|a": 1}}), KEEP_S)
    assert await counted(store, NOON) == [{"view|a": 2}]


async def test_it_tells_of_its_servers(store: RedisStore, topology: servers.Topology) -> None:
    await store.server.ping()
    found = await store.server.server_info()
    assert len(found) == (3 if topology.name == "cluster" else 1)
    for facts in found:
        assert facts.version.startswith("valkey 9")
        assert (facts.policy, facts.persistent, facts.evicted, facts.memory_limit) == ("noeviction", False, 0, 0)
        assert facts.memory > 0
        assert abs(facts.time - time.time()) < 60


async def test_a_site_is_spread_over_shards_only_where_that_helps(
    store: RedisStore, topology: servers.Topology
) -> None:
    assert store.shards == (16 if topology.name == "cluster" else 1)
    await store.items.put_items(SITE, [Item(id=f"item {n}") for n in range(200)])
    assert all(server.admin.dbsize() for server in topology.servers)


async def test_a_store_keeps_the_layout_it_was_made_with(topology: servers.Topology) -> None:
    async with servers.opened(topology.url, shards=4) as first:
        assert first.shards == 4
    async with servers.opened(topology.url) as again:
        assert again.shards == 4
