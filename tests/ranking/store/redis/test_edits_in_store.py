"""What editors say lies in the store whole, in one order, with a trail; and the store knows which worker shows it."""

import asyncio
from typing import Any

import pytest
import servers

from ranking.errors import StoreRefusedError
from ranking.intake.items import Item, item_from_wire
from ranking.published.edits import Block, Boost, Edit, Edits, Pin, Subject
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

SITE = "koran"
LEASE_S = 60.0
PINNED = Subject("pin", "populer", "", "a b/c|“d”\x00%")
IN_SECTION = Subject("pin", "populer", "Ekonomi, Bisnis", PINNED.item)
BLOCKED = Subject("block", "", "", "b")
BOOSTED = Subject("boost", "trending", "", "c")


def edit_of(subject: Subject, **fields: Any) -> Edit:
    forms: dict[str, Edit] = {"pin": Pin(2, 7.5, 1.0), "block": Block("why", None, 2.0), "boost": Boost(1.5, 9.0, 3.0)}
    return forms[subject.kind]


async def edition(store: RedisStore) -> int:
    return (await store.edits.read(SITE)).edition


async def test_edits_are_read_as_they_were_made(store: RedisStore) -> None:
    assert await store.edits.read(SITE) == Edits()
    made = {subject: edit_of(subject) for subject in (PINNED, IN_SECTION, BLOCKED, BOOSTED)}
    await store.edits.change(SITE, made, "admin")
    assert (await store.edits.read(SITE)).edits == made
    await store.edits.change(SITE, {IN_SECTION: None, BLOCKED: None}, "admin")
    assert (await store.edits.read(SITE)).edits == {PINNED: made[PINNED], BOOSTED: made[BOOSTED]}
    assert await store.edits.read("kedua") == Edits()


async def test_aliases_are_one_change_with_what_each_name_stood_for(store: RedisStore) -> None:
    await store.edits.change_aliases(SITE, {"a b/c|“d”\x00%": "1", "tua": "1"}, "1", "siti")
    await store.edits.change_aliases(SITE, {"tua": "2", "baru": None}, "2", "siti")
    assert await store.edits.aliases(SITE) == {"a b/c|“d”\x00%": "1", "tua": "2"}
    assert await store.edits.read(SITE) == Edits(await edition(store))
    latest, first = await store.edits.audit(SITE, 10)
    assert (latest["action"], latest["before"], latest["after"]) == ("alias", {"tua": "1"}, {"tua": "2"})
    assert first["before"] == dict.fromkeys(first["after"]) == {"a b/c|“d”\x00%": None, "tua": None}
    before = await edition(store)
    await store.edits.change_aliases(SITE, {"tua": "2"}, "2", "siti")
    assert await edition(store) == before
    await store.edits.change_aliases(SITE, {"tua": None}, "2", "siti", undoes=before)
    (lifted,) = await store.edits.audit(SITE, 1)
    assert (lifted["action"], lifted["after"], lifted["undoes"]) == ("unalias", {"tua": None}, before)
    (changed,) = await store.edits.changed_in(SITE, lifted["edition"])
    assert (changed.subject, changed.before, changed.after) == (
        Subject("alias", "", "", "2"), {"tua": "2"}, {"tua": None},
    )  # fmt: skip


async def test_an_edition_grows_with_every_change_and_with_nothing_else(store: RedisStore) -> None:
    seen = [await edition(store)]
    for change in (
        lambda: store.edits.change(SITE, {BLOCKED: Block()}, "admin"),
        lambda: store.edits.change(SITE, {BLOCKED: None, BOOSTED: Boost(2.0)}, "admin"),
        lambda: store.edits.change_aliases(SITE, {"tua": "a"}, "a", "admin"),
        lambda: store.items.remove_item(SITE, "a", 5.0),
        lambda: store.items.put_items(SITE, [Item(id="a")], lift=True),
    ):
        await change()
        seen.append(await edition(store))
    assert seen == sorted(set(seen))
    await store.edits.change(SITE, {BLOCKED: None}, "admin")
    await store.edits.change(SITE, {}, "admin")
    await store.items.put_items(SITE, [Item(id="a"), Item(id="b")])
    assert await edition(store) == seen[-1]


async def test_an_edition_grows_also_where_the_store_was_lost(store: RedisStore, topology: servers.Topology) -> None:
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin")
    before = await edition(store)
    topology.empty()
    assert await edition(store) == 0
    await asyncio.sleep(0.002)
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin")
    assert await edition(store) > before


async def test_changes_at_once_all_take_effect(store: RedisStore) -> None:
    subjects = [Subject("block", "", "", f"item {n}") for n in range(50)]
    await asyncio.gather(*(store.edits.change(SITE, {subject: Block()}, "admin") for subject in subjects))
    assert (await store.edits.read(SITE)).edits.keys() == set(subjects)
    assert len(await store.edits.audit(SITE, 100)) == 50


async def test_the_trail_says_who_changed_what_and_how_it_was_before(store: RedisStore) -> None:
    await store.edits.change(SITE, {IN_SECTION: Pin(2, 7.5, 1.0)}, "admin")
    await store.edits.change(SITE, {IN_SECTION: Pin(1, None, 2.0)}, "admin")
    await store.edits.change(SITE, {IN_SECTION: None, BLOCKED: Block("why")}, "admin")
    blocked, lifted, moved, made = await store.edits.audit(SITE, 10)
    assert {line["by"] for line in (blocked, lifted, moved, made)} == {"admin"}
    assert made["at"] <= moved["at"] <= lifted["at"]
    about = {"list": "populer", "section": "Ekonomi, Bisnis", "item": PINNED.item}
    first = {"position": 2, "until": 7.5, "section": "Ekonomi, Bisnis"}
    second = {"position": 1, "until": None, "section": "Ekonomi, Bisnis"}
    for line, action, before, after in (
        (made, "pin", None, first),
        (moved, "pin", first, second),
        (lifted, "unpin", second, None),
    ):
        when = {"at": line["at"], "edition": line["edition"]}
        assert line == {**about, **when, "by": "admin", "action": action, "before": before, "after": after}
    assert blocked["edition"] == lifted["edition"] == (await store.edits.read(SITE)).edition > moved["edition"]
    assert blocked["action"] == "block"
    assert (blocked["item"], blocked["after"]) == ("b", {"reason": "why", "until": None})
    assert await store.edits.audit(SITE, 2) == [blocked, lifted]
    assert await store.edits.audit("kedua", 10) == []


async def test_the_trail_has_take_downs_with_all_that_is_needed_to_put_the_item_again(store: RedisStore) -> None:
    item = Item(id="a b", title="“Judul”", url="/a", section="Ekonomi", published_at=7.0, tags=("x",), first_seen=9.0)
    await store.items.put_items(SITE, [item])
    await store.items.remove_item(SITE, "a b", 5.0, "write")
    await store.items.remove_item(SITE, "never heard of", 5.0, "admin")
    assert await store.items.put_items(SITE, [item]) == {"a b"}
    assert not await store.items.put_items(SITE, [item], lift=True)
    restored, other, removed = await store.edits.audit(SITE, 10)
    assert (removed["action"], removed["by"], removed["item"]) == ("remove", "write", "a b")
    assert item_from_wire(removed["before"]) == item
    assert (other["by"], other["before"], other["after"]) == ("admin", None, None)
    assert (restored["action"], restored["item"]) == ("restore", "a b")


async def test_what_is_over_is_cleared_away_without_a_word(store: RedisStore) -> None:
    await store.edits.change(SITE, {PINNED: Pin(1, 5.0), BLOCKED: Block("", 5.0)}, "admin")
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin", over=[PINNED, BLOCKED, BOOSTED])
    assert (await store.edits.read(SITE)).edits == {BLOCKED: Block()}
    assert [line["action"] for line in await store.edits.audit(SITE, 10)].count("unpin") == 0


async def test_the_trail_keeps_the_last_lines(
    store: RedisStore, topology: servers.Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ranking.store.limits.AUDIT_LINES", 3)
    for n in range(5):
        await store.edits.change(SITE, {Subject("block", "", "", str(n)): Block()}, "admin")
    assert [line["item"] for line in await store.edits.audit(SITE, 10)] == ["4", "3", "2"]


async def test_workers_behind_counts_workers_that_show_an_older_edition(store: RedisStore) -> None:
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin")
    first = await edition(store)
    assert await store.edits.workers_behind(SITE, first, LEASE_S) == 0
    await store.edits.report(SITE, "one", 0)
    await store.edits.report(SITE, "two", first)
    assert await store.edits.workers_behind(SITE, first, LEASE_S) == 1
    await store.edits.report(SITE, "one", first)
    assert await store.edits.workers_behind(SITE, first, LEASE_S) == 0
    await store.edits.change(SITE, {BLOCKED: None}, "admin")
    second = await edition(store)
    assert await store.edits.workers_behind(SITE, second, LEASE_S) == 2
    assert await store.edits.workers_behind("kedua", second, LEASE_S) == 0
    await store.edits.report(SITE, "one", None)
    assert await store.edits.workers_behind(SITE, second, LEASE_S) == 1


async def test_what_a_worker_said_does_not_hold_for_ever(store: RedisStore) -> None:
    await store.edits.report(SITE, "silent", 0)
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin")

    async def forgotten() -> bool:
        return await store.edits.workers_behind(SITE, await edition(store), 0.01) == 0

    await servers.eventually(forgotten, "the lease to be over")
    assert await store.edits.workers_behind(SITE, await edition(store), LEASE_S) == 1


async def test_a_report_tells_what_is_the_latest(store: RedisStore, topology: servers.Topology) -> None:
    assert (await store.edits.report(SITE, "one", 0))[:2] == (0, {})
    await store.edits.change(SITE, {BLOCKED: Block()}, "admin")
    for node in topology.servers:
        if await asyncio.to_thread(_holds, node, keys.edits(SITE)):
            node.admin.hset(keys.generations(SITE), mapping={"populer": 7, "update": 2})
    assert (await store.edits.report(SITE, "one", 0))[:2] == (await edition(store), {"populer": 7, "update": 2})


async def test_a_note_stands_in_the_trail_with_its_moment(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranking.store.limits.AUDIT_LINES", 3)
    for number in range(4):
        await store.edits.note([SITE], "ops", f"done {number}")
    lines = await store.edits.audit(SITE, 10)
    assert [(line["by"], line["action"]) for line in lines] == [("ops", f"done {number}") for number in (3, 2, 1)]
    assert all(abs(line["edition"] - 1_000 * line["at"]) < 2 for line in lines)


async def test_a_report_tells_when_its_worker_reported_before(store: RedisStore) -> None:
    first = await store.edits.report(SITE, "one", 0)
    assert (first.reported_at > 0, first.reported_before) == (True, 0)
    await store.edits.report(SITE, "two", 5)
    second = await store.edits.report(SITE, "one", 0)
    assert second.reported_before == first.reported_at <= second.reported_at


async def test_what_is_put_back_keeps_the_trail_for_its_lifetime(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        assert await store.edits.put_back(SITE, {BLOCKED: Block()}, {"x": 5.0}, 0) == ["x"]
        assert await store.edits.put_back(SITE, {BLOCKED: Block()}, {"x": 5.0}, 0) == []
        (key,) = server.admin.scan_iter(match="*audit*")
        assert keys.AUDIT_TTL_S - 60 < server.admin.ttl(key) <= keys.AUDIT_TTL_S


def _holds(node: servers.Valkey, key: str) -> bool:
    return key.encode() in set(node.admin.scan_iter(match="*:edits"))


async def test_an_editor_is_heard_by_a_server_that_is_full(own_server: Any) -> None:
    server = own_server(maxmemory="0")
    async with servers.opened(server.url) as store:
        await store.edits.report(SITE, "one", 0)
        server.admin.config_set("maxmemory", "1mb")
        with pytest.raises(StoreRefusedError):
            await store.items.put_items(SITE, [Item(id="a")])
        await store.edits.change(SITE, {BLOCKED: Block()}, "admin")
        await store.items.remove_item(SITE, "a", 5.0)
        found = await store.edits.read(SITE)
        assert found.edits == {BLOCKED: Block()}
        assert set(await store.items.removed_items(SITE)) == {"a"}
        await store.edits.report(SITE, "one", found.edition)
        assert await store.edits.workers_behind(SITE, found.edition, LEASE_S) == 0
