"""Nobody spends what new articles need to be counted, and what was refused of one is there once it is described."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from servers import FOR_EVER, SITE, WRITER, Service

from ranking.counts.sealed import VOLUME_S, unpack_names
from ranking.refreshing.sealer import Sealer
from ranking.refreshing.unknown_items import UnknownItems
from ranking.settings.service import RetentionSettings

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
RULES = {"dedupe_window": "30m", "network_allowance": 5}


async def sent(service: Service, address: str, *events: dict[str, Any]) -> dict[str, Any]:
    headers = {"x-forwarded-for": address, "user-agent": "Firefox/140"}
    answer = await service.http.post(EVENTS, json=list(events), headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def made_up(count: int, name: str = "junk") -> list[dict[str, Any]]:
    return [{"item": f"{name}-{n}"} for n in range(count)]


async def test_one_network_cannot_spend_the_budget_of_new_items(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 100, "visitor_limit": 0})  # 2,000 at once
    for turn in range(4):
        await sent(service, f"198.51.100.{turn}", *made_up(1_000, f"junk-{turn}"))
    articles = [await sent(service, f"192.0.{n}.1", {"item": f"new-{n}"}) for n in range(100)]
    assert sum(found["accepted"] for found in articles) == 100


async def test_a_dozen_networks_leave_room_for_those_that_brought_nothing(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 100, "visitor_limit": 0})
    for network in range(100):  # a hundred take all that they are given
        await sent(service, f"198.51.{network}.1", *made_up(100, f"junk-{network}"))
    articles = [await sent(service, f"100.{n // 200}.{n % 200}.1", {"item": f"new-{n}"}) for n in range(400)]
    assert sum(found["accepted"] for found in articles) == 400


async def test_items_found_in_addresses_come_before_made_up_ids(serve: Serve) -> None:
    sites = [{"id": "default", "item_pattern": r"/read/(\d+)"}]
    service = await serve(ingest={**RULES, "new_items": 4, "visitor_limit": 0}, sites=sites)  # 80 at once
    for network in range(4):
        await sent(service, f"198.51.{network}.1", *made_up(20, f"junk-{network}"))
    pages = [{"url": f"https://koran.example/read/{n}"} for n in range(5)]
    assert (await sent(service, "192.0.2.1", *pages))["accepted"] == 5
    assert (await sent(service, "192.0.3.1", *made_up(5, "late")))["accepted"] == 1


async def test_what_was_refused_is_counted_once_the_item_is_described(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0, "kinds": ["view", "share"]})
    for network in range(60):  # the budget of 20 is gone
        await sent(service, f"198.51.{network}.1", {"item": f"junk-{network}"})
    for reader in range(7):
        found = await sent(service, f"192.0.{reader}.1", {"item": "article"}, {"item": "article", "kind": "share"})
        assert found["filtered"] == {"new_item": 2}
    service.clock.now += 300
    for network in range(60):
        await sent(service, f"198.52.{network}.1", {"item": f"more-{network}"})
    assert (await sent(service, "192.0.0.1", {"item": "article"}))["duplicate"] == 1
    await sent(service, "192.0.99.1", {"item": "article"})
    assert "view|article" not in await service.counts()
    await service.put({"id": "article", "title": "Artikel"})
    counts = await service.counts_by_bucket()
    assert sorted(n for (_, name), n in counts.items() if name == "view|article") == [1, 7]
    assert [n for (_, name), n in counts.items() if name == "share|article"] == [7]
    assert (await sent(service, "192.0.0.1", {"item": "article"}))["duplicate"] == 1
    await service.put({"id": "article", "title": "Artikel lagi"})
    again = await service.counts_by_bucket()
    assert {at: n for at, n in again.items() if at[1] == "view|article"} == {
        at: n for at, n in counts.items() if at[1] == "view|article"
    }


async def test_what_was_refused_is_counted_once_an_event_with_the_key_names_the_item(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0})
    for network in range(60):
        await sent(service, f"198.51.{network}.1", {"item": f"junk-{network}"})
    for reader in range(7):
        await sent(service, f"192.0.{reader}.1", {"item": "article"})
    for _ in range(2):
        await service.http.post(EVENTS, json={"item": "article"}, headers=WRITER)
    assert (await service.counts())["view|article"] == 7 + 2


async def test_the_public_reads_what_the_key_has_named_when_nothing_new_may_enter(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0})
    await service.http.post(EVENTS, json={"item": "article"}, headers=WRITER)
    for network in range(60):
        await sent(service, f"198.51.{network}.1", {"item": f"junk-{network}"})
    assert (await sent(service, "192.0.2.1", {"item": "junk"}))["filtered"] == {"new_item": 1}
    assert (await sent(service, "192.0.3.1", {"item": "article"}))["accepted"] == 1
    assert (await service.counts())["view|article"] == 2


async def test_refused_views_of_one_network_are_bounded_as_counted_ones_are(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0})
    for network in range(60):
        await sent(service, f"198.51.{network}.1", {"item": f"junk-{network}"})
    for _ in range(3):
        await sent(service, "203.0.113.1", *[{"item": "bought", "visitor": f"v{n}"} for n in range(50)])
    await service.put({"id": "bought"})
    assert (await service.counts())["view|bought"] == 5


async def test_made_up_ids_leave_no_field_but_what_the_budget_let_in(serve: Serve) -> None:
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0})
    for network in range(60):
        events = made_up(30, f"junk-{network}")
        await sent(service, f"198.51.{network}.1", *events, *events)
    assert len({name.partition("|")[2] for name in await service.counts()}) <= 20


async def test_every_read_is_counted_or_kept_and_never_twice(serve: Serve) -> None:
    """Whatever is refused, described and sent again in whatever order: described items have one view per reader."""
    rng = random.Random(11)
    service = await serve(ingest={**RULES, "new_items": 1, "visitor_limit": 0})
    readers: dict[str, set[int]] = {}
    described: set[str] = set()
    for _ in range(250):
        item, reader = f"i-{rng.randrange(40)}", rng.randrange(30)
        await sent(service, f"192.0.{reader}.1", {"item": item})
        readers.setdefault(item, set()).add(reader)
        if rng.random() < 0.05:
            described.add(item)
            await service.put({"id": item})
    for item in readers:
        described.add(item)
        await service.put({"id": item})
    counts = await service.counts()
    assert {item: counts[f"view|{item}"] for item in readers} == {item: len(who) for item, who in readers.items()}


async def test_a_day_later_made_up_items_are_gone_from_the_store(serve: Serve) -> None:
    service = await serve(ingest=RULES)
    await sent(service, "198.51.100.1", *made_up(30), {"item": "described later"}, {"item": "described"})
    await service.put({"id": "described"})
    answer = await service.http.post(EVENTS, json={"item": "of a server"}, headers=WRITER)
    assert answer.status_code == 202
    retention = RetentionSettings.model_validate({"keep": FOR_EVER, "unknown": "1d"})
    sealer = Sealer(service.store, retention, SITE)
    unknown = UnknownItems(service.store, retention, SITE, sealer)
    now = service.clock.now
    await sealer.seal(now + 3_600)
    await service.put({"id": "described later"})
    assert await unknown.drop(now + 3_600, lambda _: False) == 0
    assert await unknown.drop(now + 86_400 + 7_200, lambda _: False) == 30
    assert await service.counts() == {"view|described later": 1, "view|described": 1, "view|of a server": 1}
    assert await unknown.drop(now + 86_400 + 7_200, lambda _: False) == 0
    names = await service.store.counts.read_names(SITE, 0, int(now) // VOLUME_S, 0)
    assert {name for name in unpack_names(names) if name} == {b"described later", b"described", b"of a server"}
