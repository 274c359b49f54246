"""Leases on sites in the store: who lives keeps its own, nobody takes another's, and the numbers of terms only grow."""

import servers

from ranking.store.lease import JobsProcess, Leases, SiteLease
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

LONG_S = 60.0


def process(holder: str, left_s: float = LONG_S) -> JobsProcess:
    return JobsProcess(holder, f"name of {holder}", "settings", left_s)


async def hold(store: RedisStore, holder: str, *sites: str, left_s: float = LONG_S, above: int = 0) -> Leases:
    return await store.lease.hold(process(holder, left_s), Leases(), dict.fromkeys(sites, above), [])


async def test_a_site_is_of_who_took_it_first_for_as_long_as_that_one_lives(store: RedisStore) -> None:
    await hold(store, "one", "a", "b")
    found = await hold(store, "two", "a", "c")
    assert found.sites == {"a": SiteLease("one", 1), "b": SiteLease("one", 2), "c": SiteLease("two", 3)}
    assert [(each.holder, each.name, each.settings) for each in found.processes] == [
        ("one", "name of one", "settings"), ("two", "name of two", "settings"),
    ]  # fmt: skip
    assert all(0 < each.left_s <= LONG_S for each in found.processes)
    assert (await hold(store, "one")).sites == found.sites, "a process that lives goes on with its terms"
    assert (await store.lease.leases()).sites == found.sites
    assert (await store.lease.leases()).site_counts() == {("name of one", "one"): 2, ("name of two", "two"): 1}


async def test_a_process_that_leaves_or_was_not_heard_of_has_no_lease(store: RedisStore) -> None:
    await hold(store, "one", "a")
    await hold(store, "two", "b", left_s=0.05)
    await store.lease.leave("one")

    async def gone() -> bool:
        return not (await store.lease.leases()).processes

    await servers.eventually(gone, "the second to be out of its time")
    assert not (await store.lease.leases()).sites
    found = await hold(store, "two")
    assert found.sites == {}, "one that comes back begins anew"
    assert (await hold(store, "two", "a", "b")).sites == {"a": SiteLease("two", 3), "b": SiteLease("two", 4)}


async def test_what_is_given_up_may_be_taken_at_once(store: RedisStore) -> None:
    known = await hold(store, "one", "a", "b")
    await store.lease.hold(process("two"), Leases(), {}, ["a", "b"])
    assert (await store.lease.leases()).sites == known.sites, "nobody gives up what is another's"
    await store.lease.hold(process("one"), known, {}, ["a"])
    assert (await hold(store, "two", "a", "b")).sites == {"a": SiteLease("two", 3), "b": SiteLease("one", 2)}


async def test_a_new_term_is_above_whatever_it_is_asked_to_be_above(store: RedisStore) -> None:
    await hold(store, "one", "a")
    assert (await hold(store, "one", "a", above=7)).of("a") == SiteLease("one", 8)
    assert (await hold(store, "one", "a", above=3)).of("a") == SiteLease("one", 9)


async def test_leases_are_sent_again_only_when_they_have_changed(store: RedisStore) -> None:
    known = await hold(store, "one", "a")
    again = await store.lease.hold(process("one"), known, {}, [])
    assert again.sites is known.sites
    await hold(store, "two", "b")
    changed = await store.lease.hold(process("one"), again, {}, [])
    assert changed.sites == {"a": SiteLease("one", 1), "b": SiteLease("two", 2)}


async def test_while_a_process_of_an_earlier_version_leads_no_site_is_taken_and_what_was_taken_is_not_led(
    store: RedisStore,
) -> None:
    run = store._link.command
    await run("SET", keys.LEASE_EPOCH, 6)
    await run("SET", keys.LEASE_HOLDER, "host:9:old", "PX", 60_000)
    found = await hold(store, "one", "a")
    assert (found.sites, found.elder, found.of("a")) == ({}, SiteLease("host:9:old", 6), SiteLease("host:9:old", 6))
    assert 0 < found.elder_left_s <= LONG_S
    await run("DEL", keys.LEASE_HOLDER)
    assert (await hold(store, "one", "a")).of("a") == SiteLease("one", 7)


async def test_while_one_lives_no_process_of_an_earlier_version_can_lead_and_afterwards_it_can(
    store: RedisStore,
) -> None:
    async def lead() -> bool:  # what it does first
        return await store._link.command("SET", keys.LEASE_HOLDER, "host:9:old", "NX") is not None

    await hold(store, "one", "a")
    await hold(store, "two", "b", left_s=0.05)
    assert not await lead(), "a shorter lease makes the time no shorter"
    await store.lease.leave("one")

    async def left() -> bool:
        await store.lease.leave("two")
        return await lead()

    await servers.eventually(left, "an earlier version to lead")
    assert int(await store._link.command("GET", keys.LEASE_EPOCH)) == 2, "its terms go on from ours"
