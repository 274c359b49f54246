"""What does not count takes nothing from those who share an address: it draws from a bucket of its own."""

import gzip
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import Service

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
LIMITED = {"dedupe_window": "30m", "address_limit": 60, "visitor_limit": 60}  # 120 at once
BURST = 120


def behind_the_carrier(agent: str = "Chrome on Android 10; K") -> dict[str, str]:
    return {"x-forwarded-for": "36.90.1.1", "user-agent": agent}


async def status(service: Service, events: Any, site: str = "", **headers: str) -> int:
    params = {"site": site} if site else {}
    answer = await service.http.post(EVENTS, json=events, params=params, headers=behind_the_carrier() | headers)
    return int(answer.status_code)


async def accepted(service: Service, events: Any, site: str = "", **headers: str) -> int:
    params = {"site": site} if site else {}
    answer = await service.http.post(EVENTS, json=events, params=params, headers=behind_the_carrier() | headers)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["accepted"])


def readers(count: int, item: str = "a") -> list[dict[str, Any]]:
    """Events of so many readers, on items of their own where the item is none."""
    return [{"item": item or f"i-{n}", "visitor": f"r{n}"} for n in range(count)]


async def test_repeats_take_nothing_from_the_others_behind_an_address(serve: Serve) -> None:
    service = await serve(ingest=LIMITED)
    assert await accepted(service, [{"item": "a"}] * 100) == 1
    assert await accepted(service, readers(BURST - 1)) == BURST - 1
    assert await status(service, readers(1, "b")) == 429


async def test_repeats_of_an_unnamed_visitor_leave_the_next_one_his_room(serve: Serve) -> None:
    service = await serve(ingest={**LIMITED, "address_limit": 60_000})
    for _ in range(5):
        await accepted(service, [{"item": "a"}] * 100)
    assert await accepted(service, [{"item": f"i-{n}"} for n in range(50)]) == 50


async def test_a_batch_beyond_what_is_left_is_refused_and_takes_nothing(serve: Serve) -> None:
    service = await serve(ingest=LIMITED)
    assert await accepted(service, readers(20)) == 20
    for _ in range(10):
        assert await status(service, readers(BURST, "b")) == 429
    assert await accepted(service, readers(BURST - 20, "b")) == BURST - 20


async def test_an_address_has_room_of_its_own_on_each_site(serve: Serve) -> None:
    service = await serve(ingest=LIMITED)
    assert await accepted(service, readers(BURST)) == BURST
    assert await status(service, readers(1, "b")) == 429
    assert await accepted(service, readers(BURST), site="kedua") == BURST


async def test_workers_share_the_limit(serve: Serve) -> None:
    service = await serve(ingest=LIMITED, service={"workers": 4})
    assert await status(service, readers(BURST // 4 + 1)) == 429
    assert await accepted(service, readers(BURST // 4)) == BURST // 4


JUNK = {
    "repeats": {"json": [{"item": "spent"}] * 30},
    "a robot": {"json": readers(30), "headers": {"user-agent": "curl/8.5.0"}},
    "invalid": {"json": [{"item": ""}] * 30},
    "unreadable": {"content": b"[" + b" " * 1_800},
    "packed": {"content": gzip.compress(b"[" + b"1," * 300 + b"1]"), "headers": {"content-encoding": "gzip"}},
    "another page": {"json": readers(30), "headers": {"origin": "https://elsewhere.example"}},
}


@pytest.mark.parametrize("kind", JUNK)
async def test_a_flood_of_junk_is_refused_and_readers_beside_it_count(serve: Serve, kind: str) -> None:
    sites = [{"id": "default", "origins": ["https://koran.example"]}]
    service = await serve(ingest={**LIMITED, "bots": True, "visitor_limit": 0}, sites=sites)
    junk = dict(JUNK[kind])
    page = {"origin": "https://koran.example"}
    headers = behind_the_carrier() | page | junk.pop("headers", {})
    found = [(await service.http.post(EVENTS, **junk, headers=headers)).status_code for _ in range(20)]
    assert found[-1] == (403 if kind == "another page" else 429)
    assert await accepted(service, readers(BURST - 1), **page) == BURST - 1


async def test_the_limit_holds_whatever_is_mixed_in(serve: Serve) -> None:
    """No more than the burst and what a span regains counts, and no reader in that room is refused."""
    service = await serve(ingest={**LIMITED, "visitor_limit": 0})
    rng, counted, started = random.Random(7), 0, service.clock.now
    for turn in range(150):
        service.clock.now += rng.choice((0.0, 0.25, 1.0))
        room = BURST + int(service.clock.now - started) - counted
        good = readers(rng.randint(0, 12), "") if rng.random() < 0.7 else []
        good = [{**event, "item": f"{turn}-{event['item']}"} for event in good]
        junk = [{"item": ""}] * rng.randint(0, 3) + [{"item": "old"}] * rng.randint(0, 3)
        events = good + junk
        if not events:
            continue
        answer = await service.http.post(EVENTS, content=json.dumps(events), headers=behind_the_carrier())
        if answer.status_code == 202:
            counted += answer.json()["accepted"]
        elif len(good) > len(junk):
            assert len(good) + 3 > room, (turn, len(good), room)
        assert counted <= BURST + service.clock.now - started


async def test_repeats_are_charged_to_nobody_else_where_nobody_waits(serve: Serve) -> None:
    service = await serve(ingest={**LIMITED, "ack": "memory"})
    assert await status(service, [{"item": "a"}] * 100) == 202
    assert await status(service, readers(BURST - 1)) == 202


async def test_a_flood_of_repeats_gets_no_more_than_the_limit_of_junk(serve: Serve) -> None:
    service = await serve(ingest=LIMITED)
    taken, started = 0, service.clock.now
    for _ in range(60):
        service.clock.now += 2
        taken += 100 * (await status(service, [{"item": "a"}] * 100) == 202)
    assert taken <= 2 * BURST + (service.clock.now - started) + 100
