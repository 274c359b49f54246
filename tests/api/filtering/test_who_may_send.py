"""What an event of the public must pass: once per reader, from the site's pages, at a reader's pace."""

import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import WRITER, Service, Valkey
from structlog.testing import capture_logs

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 Chrome/128.0.0.0 Mobile Safari/537.36"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HALF_HOUR = {"dedupe_window": "30m"}
TWO_READERS = [
    {"id": "pagi", "keys": {"write": "write-key-of-the-koran"}, "origins": ["https://*.pagi.example", "http://localhost:3000"]},
    {"id": "bebas"},
]  # fmt: skip


def from_address(address: str, agent: str = PHONE, **more: str) -> dict[str, str]:
    """Headers as a proxy on this machine hands them on."""
    return {"x-forwarded-for": address, "user-agent": agent, **more}


async def sent(service: Service, *events: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = await service.http.post(EVENTS, json=list(events), **options)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counted(found: dict[str, Any]) -> tuple[int, int]:
    return found["accepted"], found["duplicate"]


@pytest.fixture
async def counting(serve: Serve) -> Service:
    return await serve(ingest=HALF_HOUR)


async def test_a_readers_reload_counts_once_and_another_reader_counts_too(counting: Service) -> None:
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))) == (1, 0)
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))) == (0, 1)
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.2"))) == (1, 0)
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1", LAPTOP))) == (1, 0)
    assert counted(await sent(counting, {"item": "a", "visitor": "x"}, headers=from_address("36.90.1.1"))) == (1, 0)
    assert counted(await sent(counting, {"item": "a", "kind": "click"}, headers=from_address("36.90.1.1"))) == (0, 1)
    assert await counting.counts() == {"view|a": 4, "!duplicate|a": 2}


async def test_after_the_window_a_reader_counts_again(counting: Service) -> None:
    await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))
    counting.clock.now += 1_800
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))) == (1, 0)


async def test_midnight_does_not_make_a_reader_new(counting: Service) -> None:
    counting.clock.now += 86_400 - counting.clock.now % 86_400 - 60  # a minute before the salts change
    await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))
    counting.clock.now += 120
    assert counted(await sent(counting, {"item": "a"}, headers=from_address("36.90.1.1"))) == (0, 1)


async def test_a_server_names_its_visitors_and_a_log_counts_by_its_own_times(counting: Service) -> None:
    now = counting.clock.now
    log = [
        {"item": "a", "visitor": who, "ts": now - ago}
        for ago, who in [(9000, "x"), (8000, "x"), (7000, "x"), (6990, "y")]
    ]
    assert counted(await sent(counting, *log, headers=WRITER)) == (3, 1)
    assert counted(await sent(counting, *log, headers=WRITER)) == (0, 4)
    assert counted(await sent(counting, {"item": "a"}, {"item": "a"}, headers=WRITER)) == (2, 0)


async def test_an_event_with_an_id_counts_once(counting: Service) -> None:
    event = {"item": "a", "id": "e-1"}
    assert counted(await sent(counting, event, headers=WRITER)) == (1, 0)
    assert counted(await sent(counting, event, {**event, "id": "e-2"}, headers=WRITER)) == (1, 1)
    assert counted(await sent(counting, event, headers=from_address("36.90.1.1"))) == (1, 0)
    assert counted(await sent(counting, event, headers=from_address("36.90.1.2"))) == (0, 1)
    assert counted(await sent(counting, {**event, "item": "b"}, headers=from_address("36.90.1.2"))) == (1, 0)


async def test_each_events_result_is_told_where_it_is_asked_for(counting: Service) -> None:
    events = [{"item": "a"}, {"item": ""}, {"item": "a"}, {"item": "b"}]
    found = await sent(counting, *events, params={"results": "true"}, headers=from_address("36.90.1.1"))
    assert found["results"] == ["accepted", "invalid", "duplicate", "accepted"]
    assert "results" not in await sent(counting, {"item": "c"}, headers=from_address("36.90.1.1"))


async def test_a_pixel_counts_once_per_reader(counting: Service) -> None:
    for _ in range(3):
        answer = await counting.http.get("/v1/pixel.gif?item=a", headers=from_address("36.90.1.1"))
        assert answer.status_code == 200
    assert await counting.counts() == {"view|a": 1, "!duplicate|a": 2}


async def test_readers_who_object_are_counted_and_not_told_apart(counting: Service) -> None:
    gpc = from_address("36.90.1.1", **{"sec-gpc": "1"})
    assert counted(await sent(counting, {"item": "a", "visitor": "x"}, headers=gpc)) == (1, 0)
    assert counted(await sent(counting, {"item": "a", "visitor": "x"}, headers=gpc)) == (1, 0)


async def test_readers_who_object_can_be_left_out_or_taken_like_all(serve: Serve) -> None:
    gpc = from_address("36.90.1.1", **{"sec-gpc": "1"})
    refusing = await serve(ingest={**HALF_HOUR, "gpc": "refuse"})
    assert (await sent(refusing, {"item": "a"}, headers=gpc))["filtered"] == {"gpc": 1}
    ignoring = await serve(ingest={**HALF_HOUR, "gpc": "ignore"})
    assert counted(await sent(ignoring, {"item": "a"}, {"item": "a"}, headers=gpc)) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://m.pagi.example"}, 202),
        ({"origin": "http://localhost:3000"}, 202),
        ({"referer": "https://www.pagi.example/berita/1?x=2"}, 202),
        ({"origin": "https://pagi.example.evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
        (WRITER, 202),
    ],
)
async def test_only_the_sites_pages_may_send(serve: Serve, headers: dict[str, str], status: int) -> None:
    service = await serve(sites=TWO_READERS)
    answer = await service.http.post(EVENTS, params={"site": "pagi"}, json={"item": "a"}, headers=headers)
    assert answer.status_code == status
    assert await service.counts("pagi") == ({"view|a": 1} if status == 202 else {})
    if status == 403:
        assert "sites.origins" in answer.json()["detail"]
        assert 'outcome="origin",site="pagi"' in (await service.http.get("/metrics")).text
    assert (await service.http.post(EVENTS, params={"site": "bebas"}, json={"item": "a"})).status_code == 202


async def test_an_address_that_is_not_behind_a_trusted_proxy_is_what_it_is(serve: Serve) -> None:
    service = await serve(ingest=HALF_HOUR, service={"trusted_proxies": []})
    for number in range(5):
        await sent(service, {"item": "a"}, headers=from_address(f"36.90.1.{number}"))
    assert (await service.counts())["view|a"] == 1


async def test_the_log_names_a_peer_whose_forwarded_addresses_are_ignored_once(serve: Serve) -> None:
    service = await serve(ingest=HALF_HOUR, service={"trusted_proxies": ["10.9.9.9"]})
    with capture_logs() as said:
        await sent(service, {"item": "a"})
        assert not said
        for number in range(3):
            await sent(service, {"item": "a"}, headers=from_address(f"36.90.1.{number}"))
    (warning,) = said
    assert "service.trusted_proxies" in warning["event"]
    assert warning["peer"] == "127.0.0.1"
    trusting = await serve(ingest=HALF_HOUR)
    with capture_logs() as said:
        await sent(trusting, {"item": "a"}, headers=from_address("36.90.1.1"))
    assert not said


async def test_one_reader_cannot_send_more_than_readers_do(serve: Serve) -> None:
    service = await serve(ingest={**HALF_HOUR, "visitor_limit": 10})
    events = [{"item": f"item-{n}"} for n in range(30)]
    found = await sent(service, *events, headers=from_address("36.90.1.1"))
    assert (found["accepted"], found["filtered"]) == (20, {"limited": 10})
    assert (await sent(service, *events, headers=from_address("36.90.1.2")))["accepted"] == 20
    service.clock.now += 60
    assert (await sent(service, *events, headers=from_address("36.90.1.1")))["accepted"] == 0  # all repeats or limited
    assert (await sent(service, *events, headers=WRITER))["accepted"] == 30


async def test_a_sender_of_many_names_cannot_buy_a_rank(serve: Serve) -> None:
    service = await serve(ingest={**HALF_HOUR, "network_allowance": 5})
    events = [{"item": "a", "visitor": f"v{n}"} for n in range(1_000)]
    found = await sent(service, *events, headers=from_address("36.90.1.1"))
    assert (found["accepted"], found["filtered"]) == (5, {"concentrated": 995})
    ways = (
        from_address("36.90.1.77"),
        {**from_address("36.90.1.1"), "sec-gpc": "1"},
        {**from_address("36.90.1.1"), "user-agent": "Another/1.0"},
    )
    for headers in ways:
        found = await sent(service, *[{**event, "kind": "click"} for event in events[:9]], headers=headers)
        assert (found["accepted"], found["filtered"]) == (0, {"concentrated": 9})
    answer = await service.http.get("/v1/pixel.gif?item=a&visitor=p", headers=from_address("36.90.1.1"))
    assert answer.status_code == 200
    assert (await sent(service, *events[:9], headers=from_address("36.90.2.1")))["accepted"] == 5


async def test_an_ipv6_network_is_a_48(serve: Serve) -> None:
    service = await serve(ingest={**HALF_HOUR, "network_allowance": 5})
    counted = [
        (await sent(service, {"item": "a"}, headers=from_address(f"2001:db8:2:{n:x}::1")))["accepted"]
        for n in range(1, 9)
    ]
    assert counted == [1, 1, 1, 1, 1, 0, 0, 0]
    assert (await sent(service, {"item": "a"}, headers=from_address("2001:db8:3::1")))["accepted"] == 1


async def test_readers_who_refuse_to_be_told_apart_count_within_the_bound_of_their_network(serve: Serve) -> None:
    service = await serve(ingest={**HALF_HOUR, "network_allowance": 5})
    headers = {**from_address("36.90.1.1"), "sec-gpc": "1"}
    assert (await sent(service, *[{"item": "a"}] * 7, headers=headers))["filtered"] == {"concentrated": 2}


async def test_the_bound_holds_where_repeats_count(serve: Serve) -> None:
    service = await serve(ingest={"dedupe_window": "0s", "network_allowance": 5})
    found = await sent(service, *[{"item": "a"}] * 7, headers=from_address("36.90.1.1"))
    assert (found["accepted"], found["filtered"]) == (5, {"concentrated": 2})


async def test_an_address_that_sends_too_much_is_told_when_to_come_again(serve: Serve) -> None:
    service = await serve(ingest={"address_limit": 60})
    events = [{"item": f"item-{n}"} for n in range(120)]
    assert (await sent(service, *events, headers=from_address("36.90.1.1")))["accepted"] == 120
    answer = await service.http.post(EVENTS, json=events[:3], headers=from_address("36.90.1.1"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "ingest.address_limit" in answer.json()["detail"]
    service.clock.now += int(answer.headers["retry-after"]) + 2
    assert (await sent(service, *events[:3], headers=from_address("36.90.1.1")))["accepted"] == 3


async def test_events_that_the_store_does_not_take_use_none_of_their_senders_rate(
    serve: Serve, own_server: Callable[..., Valkey]
) -> None:
    server = own_server()
    service = await serve(on=server, ingest={"address_limit": 60, "deadline": "50ms"}, redis={"timeout": "1s"})
    server.kill()
    events = [{"item": f"item-{n}"} for n in range(100)]
    found = [await service.http.post(EVENTS, json=events, headers=from_address("36.90.1.1")) for _ in range(3)]
    assert [answer.status_code for answer in found] == [503] * 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps([{"item": ""}] * 100), 422),
        (json.dumps(["a"] * 100), 422),
        ("[" + " " * 6_000, 400),
        (gzip.compress(b"[" + b" " * 6_000), 400),
        (gzip.compress(b" " * 2_000_000), 413),
    ],
    ids=["invalid events", "no events", "no JSON", "packed, no JSON", "packed, too large"],
)
async def test_what_cannot_be_counted_is_refused_in_the_end_and_readers_of_the_address_are_not(
    serve: Serve, body: str | bytes, status: int
) -> None:
    service = await serve(ingest={"address_limit": 60})
    headers = from_address("36.90.1.1") | ({"content-encoding": "gzip"} if isinstance(body, bytes) else {})
    found = [(await service.http.post(EVENTS, content=body, headers=headers)).status_code for _ in range(3)]
    assert (found[0], found[-1]) == (status, 429)
    assert (await sent(service, *({"item": f"i-{n}"} for n in range(120)), headers=from_address("36.90.1.1")))[
        "accepted"
    ] == 120
    service.clock.now += 240
    assert (await service.http.post(EVENTS, content=body, headers=headers)).status_code == status


async def test_random_ids_are_taken_within_the_budget_and_known_ones_always(serve: Serve) -> None:
    service = await serve(ingest={"new_items": 2})
    await service.put({"id": "described"})
    events = [{"item": f"random-{n}"} for n in range(100)] + [{"item": "described"}]
    found = await sent(service, *events)
    assert (found["accepted"], found["filtered"]) == (41, {"new_item": 60})
    assert (await sent(service, {"item": "written by a server"}, headers=WRITER))["accepted"] == 1
    again = await sent(service, *events[:40], params={"results": "1"})
    assert again["results"] == ["accepted"] * 40


async def test_what_robots_read_is_kept_as_a_shadow_of_items_that_are_known(serve: Serve) -> None:
    service = await serve(ingest={"bots": True})
    await service.put({"id": "a"})
    found = await sent(service, {"item": "a"}, {"item": "nobody knows"}, headers={"user-agent": "curl/8.5.0"})
    assert found["filtered"] == {"robot": 2}
    await sent(service, {"item": "a"}, headers=from_address("36.90.1.1"))
    assert await service.counts() == {"!robot|a": 1, "view|a": 1}
    await service.refresh()
    (entry,) = (await service.http.get("/v1/lists/populer")).json()["items"]
    assert (entry["id"], entry["views"]) == ("a", 1)


@pytest.mark.parametrize("ack", ["memory", "commit", "replica", "disk"])
async def test_the_answer_says_how_safe_the_events_are(serve: Serve, ack: str) -> None:
    service = await serve(ingest={"ack": ack})
    found = await sent(service, {"item": "a"}, {"item": "b"})
    assert (found["accepted"], found["ack"]) == (2, "memory" if ack == "memory" else "commit")
    assert (await service.http.post(EVENTS, json={"item": "c"})).json()["ack"] == found["ack"]
