"""An item that one network sends most of is named, from what came and not from what counted; no sender is."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import servers
from servers import ADMIN, NOW, SITE, Service

from api.monitoring.attempts import MOST_WAITING, Attempts
from jobs.concentration import TakeConcentration
from ranking.errors import StoreUnavailableError
from ranking.intake.events import Event
from ranking.watching.concentration import SLICE_S, Summary

Serve = Callable[..., Awaitable[Service]]
ATTACKER, AGENT = "203.0.113.9", "Mozilla/5.0 (X11) Galeri/7"


async def send(service: Service, item: str, address: str, count: int = 1, agent: str = AGENT) -> dict[str, Any]:
    headers = {"x-forwarded-for": address, "user-agent": agent}
    events = [{"item": item, "visitor": f"v{n}"} for n in range(count)]
    answer = await service.http.post("/v1/events", json=events, headers=headers)
    found: dict[str, Any] = answer.json()
    return found


async def take(service: Service) -> dict[str, int]:
    """What flushes and jobs do every few seconds."""
    await service.app.runtime.context.attempts.flush()
    done = await TakeConcentration(service.store)(SITE, service.clock.now, 1)
    await service.app.runtime.context.alarm_facts.poll(service.settings)
    return done


@pytest.fixture
async def attacked(serve: Serve) -> Service:
    """Readers of other items, and an item of which one network has sent most, of which five count."""
    service = await serve(
        ingest={"dedupe_window": "30m", "network_allowance": 5, "visitor_limit": 0, "address_limit": 0},
        service={"trusted_proxies": ["127.0.0.1"]},
    )
    for n in range(60):
        await send(service, f"item {n % 9}", f"198.51.{n}.1", agent=f"{AGENT}.{n % 7}")
    for n in range(5):
        await send(service, "dibeli", f"198.51.{n}.1", agent=f"{AGENT}.{n % 7}")
    answer = await send(service, "dibeli", ATTACKER, 45)
    assert answer["filtered"]["concentrated"] >= 35
    return service


async def test_alarm_names_the_item_that_one_network_sent_most_of(attacked: Service) -> None:
    assert await take(attacked) == {"items": 10, "over": 1}
    for name in ("populer", "update", "trending"):
        assert name in attacked.settings.lists
    await attacked.refresh()
    await attacked.refresh("kedua")
    (alarm,) = (await attacked.http.get("/readyz")).json()["alarms"]
    assert (alarm["alarm"], alarm["site"], alarm["item"]) == ("concentrated", SITE, "dibeli")
    assert alarm["says"].startswith(
        "item dibeli: one network sent 90% (of the site's other items: 0.0%) of its 50 events"
    )
    state = (await attacked.http.get("/v1/ops/state", headers=ADMIN)).json()
    assert [(each["item"], each["attempts"]) for each in state["concentrated"]] == [("dibeli", 50)]
    text = (await attacked.http.get("/metrics")).text
    assert f'populer_items_concentrated{{site="{SITE}"}} 1.0' in text
    assert f'populer_alarm{{alarm="concentrated",site="{SITE}"}} 1.0' in text


async def test_workers_and_slices_are_added_up_and_an_hour_later_it_is_over(attacked: Service) -> None:
    await take(attacked)
    job = TakeConcentration(attacked.store)
    for later_s, over in ((0, 1), (SLICE_S * 5, 1), (SLICE_S * 11 - 200, 1), (3600 + SLICE_S, 0)):
        assert (await job(SITE, NOW + later_s, 1))["over"] == over
    other = Attempts(attacked.store.logbook.note_attempts)
    other.add(SITE, [Event("item 1", "view", NOW)] * 40, b"12345678", b"87654321", NOW)
    await other.flush()
    assert (await TakeConcentration(attacked.store)(SITE, NOW, 1))["over"] == 2


async def test_store_has_neither_addresses_nor_agents(attacked: Service, server: servers.Valkey) -> None:
    await take(attacked)
    for key in server.admin.keys("*"):
        content = server.admin.dump(key)
        for secret in (ATTACKER, "203.0.113", "Galeri"):
            assert secret.encode() not in content, key
    kept = server.admin.hgetall(f"populer:{{{SITE}}}:attempts:{int(NOW // SLICE_S)}")
    assert len(kept) == 1
    assert 0 < server.admin.ttl(f"populer:{{{SITE}}}:attempts:{int(NOW // SLICE_S)}") <= 7200


async def test_what_the_store_did_not_take_is_written_later_and_memory_is_bounded() -> None:
    written: list[tuple[int, int]] = []
    away = True

    async def note(site: str, worker: str, number: int, summary: Summary) -> None:
        if away:
            raise StoreUnavailableError("away")
        written.append((number, summary.attempts))

    attempts = Attempts(note)
    events = [Event("a", "view", 0.0)] * (MOST_WAITING // 2)
    for number in range(5):
        for _ in range(3):
            attempts.add("s", events, b"1" * 8, b"2" * 8, number * float(SLICE_S))
    with pytest.raises(StoreUnavailableError):
        await attempts.flush()
    away = False
    await attempts.flush()
    await attempts.flush()
    assert written == [(3, 3 * len(events)), (4, 3 * len(events))]


async def test_flush_goes_on_after_a_slice_is_given_up_that_the_store_was_just_refusing() -> None:
    written: list[int] = []

    async def note(site: str, worker: str, number: int, summary: Summary) -> None:
        if number == 0:  # while its answer is waited for, readers come who need the room
            for later in (3, 4):
                attempts.add("s", events, b"1" * 8, b"2" * 8, later * float(SLICE_S))
            raise StoreUnavailableError("away")
        written.append(number)

    attempts = Attempts(note)
    events = [Event("a", "view", 0.0)]
    attempts.add("s", events, b"1" * 8, b"2" * 8, 0.0)
    with pytest.raises(StoreUnavailableError):
        await attempts.flush()
    await attempts.flush()
    assert written == [3, 4]
