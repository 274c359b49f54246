"""`POST /v1/events`: the forms of a body, and that what is answered is what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from servers import NOW, WRITER, Service

from api.endpoints.events_body import HOPELESS, MAX_EVENTS, NAMED

Serve = Callable[..., Awaitable[Service]]
EVENTS = "/v1/events"
TWO = [{"item": "a"}, {"item": "b", "source": "mail"}]
COUNTED = {"view|a": 1, "view@other|b": 1}
THIS_BUCKET = 1_764_531_900


def answer(accepted: int, duplicate: int = 0) -> dict[str, Any]:
    return {"accepted": accepted, "duplicate": duplicate, "filtered": {}, "invalid": [], "ack": "commit"}


def ndjson(events: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, events)) + "\n"


async def test_one_event_is_counted_when_it_is_answered(service: Service) -> None:
    found = await service.http.post(EVENTS, json={"item": "a"})
    assert (found.status_code, found.json()) == (202, answer(1))
    assert await service.counts_by_bucket() == {(THIS_BUCKET, "view|a"): 1}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/plain;charset=UTF-8", ""])
@pytest.mark.parametrize("body", [json.dumps(TWO), json.dumps({"events": TWO}), ndjson(TWO), json.dumps(TWO, indent=2)])
async def test_every_form_counts_under_every_content_type(service: Service, body: str, content_type: str) -> None:
    found = await service.http.post(EVENTS, content=body, headers={"content-type": content_type})
    assert (found.status_code, found.json()) == (202, answer(2))
    assert await service.counts() == COUNTED


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
async def test_lines_may_end_in_any_way(service: Service, ending: str) -> None:
    body = ending.join(map(json.dumps, TWO)) + ending
    found = await service.http.post(EVENTS, content=body, headers={"content-type": "application/x-ndjson"})
    assert found.json() == answer(2)
    assert await service.counts() == COUNTED


async def test_a_single_line_is_a_body_too(service: Service) -> None:
    headers = {"content-type": "application/x-ndjson; charset=utf-8"}
    assert (await service.http.post(EVENTS, content='{"item":"a"}', headers=headers)).json() == answer(1)


@pytest.mark.parametrize("body", ["[]", '{"events": []}'])
async def test_no_events_are_no_error(service: Service, body: str) -> None:
    assert (await service.http.post(EVENTS, content=body)).json() == answer(0)


async def test_equal_events_add_up(service: Service) -> None:
    await service.view(a=30, b=2)
    await service.view(a=12)
    assert await service.counts() == {"view|a": 42, "view|b": 2}


async def test_source_and_position_are_counted_apart(service: Service) -> None:
    events = [
        {"item": "a", "kind": "click"},
        {"item": "a", "kind": "click", "source": "list:populer"},
        {"item": "a", "kind": "click", "source": "list:populer", "position": 3},
        {"item": "a", "kind": "click", "position": 3},
    ]
    await service.http.post(EVENTS, json=events, headers=WRITER)
    assert await service.counts() == {"click|a": 2, "click@list:populer|a": 1, "click@list:populer#3|a": 1}


async def test_unknown_fields_do_not_matter(service: Service) -> None:
    found = await service.http.post(EVENTS, json={"item": "a", "visitor": "v", "id": "e1", "extra": {"x": [1]}})
    assert found.json() == answer(1)


async def test_sites_are_counted_apart(service: Service) -> None:
    await service.http.post(EVENTS, json={"item": "a"}, params={"site": "kedua"})
    await service.http.post(EVENTS, json={"item": "b"}, params={"site": "koran"})
    assert await service.counts("koran") == {"view|b": 1}
    assert await service.counts("kedua") == {"view|a": 1}


async def test_a_site_that_does_not_exist_is_not_found(service: Service) -> None:
    found = await service.http.post(EVENTS, json={"item": "a"}, params={"site": "nowhere"})
    assert found.status_code == 404
    assert "koran, kedua" in found.json()["detail"]


@pytest.mark.parametrize(
    "header", ["Bearer wrong-key-of-nobody", "Bearer", "Basic abc", "Bearer write-key-of-kedua", ""]
)
async def test_a_wrong_key_is_told_and_nothing_counts(service: Service, header: str) -> None:
    found = await service.http.post(EVENTS, json={"item": "a"}, headers={"authorization": header})
    assert found.status_code == 401
    assert found.headers["www-authenticate"] == "Bearer"
    assert await service.counts() == {}


async def test_the_time_of_a_public_event_is_when_it_arrives(service: Service) -> None:
    events = [{"item": "a", "ts": ts} for ts in (0, -1e18, 1e300, NOW - 3600, NOW * 1000, None)]
    assert (await service.http.post(EVENTS, json=events)).json() == answer(6)
    assert await service.counts_by_bucket() == {(THIS_BUCKET, "view|a"): 6}


async def test_with_the_write_key_the_time_is_honoured(service: Service) -> None:
    events = [{"item": "a", "ts": ts} for ts in (NOW - 600, NOW - 86400.5, NOW, NOW + 59)]
    assert (await service.http.post(EVENTS, json=events, headers=WRITER)).json() == answer(4)
    assert await service.counts_by_bucket() == {
        (THIS_BUCKET - 600, "view|a"): 1,
        (THIS_BUCKET - 86400, "view|a"): 1,
        (THIS_BUCKET, "view|a"): 2,
    }


async def test_with_the_admin_key_too(service: Service) -> None:
    headers = {"authorization": "bearer admin-key-of-the-koran"}
    await service.http.post(EVENTS, json={"item": "a", "ts": NOW - 600}, headers=headers)
    assert await service.counts_by_bucket() == {(THIS_BUCKET - 600, "view|a"): 1}


async def test_with_the_write_key_a_time_out_of_reach_is_told(serve: Serve) -> None:
    service = await serve(retention={"keep": "30d"})
    wrong = [NOW + 61, NOW * 2000, NOW - 30 * 86400, 0, -1, 1e300, -1e300]
    body = [{"item": f"item {n}", "ts": ts} for n, ts in enumerate(wrong)]
    found = await service.http.post(EVENTS, json=body, headers=WRITER)
    assert found.status_code == 422
    bad = found.json()["invalid"]
    assert [each["index"] for each in bad] == list(range(len(wrong)))
    assert all(each["error"].startswith("ts: ") for each in bad)
    assert "30d" in bad[2]["error"]


@pytest.mark.parametrize(
    "body",
    [
        '{"item":9071234,"visitor":42,"id":99}',
        '[{"item":"9071234","visitor":"42","id":"99"},{"item":9071234,"visitor":42,"id":99}]',
        '{"events":[{"item":9071234,"visitor":42,"id":99}]}',
        '{"item":9071234,"visitor":42,"id":99}\n{"item":9071234,"id":"99"}',
    ],
    ids=["object", "array", "envelope", "lines"],
)
@pytest.mark.parametrize("headers", [{}, WRITER], ids=["public", "write key"])
async def test_a_number_is_the_same_id_as_its_text(service: Service, body: str, headers: dict[str, str]) -> None:
    found = (await service.http.post(EVENTS, content=body, headers=headers)).json()
    assert (found["accepted"], found["invalid"]) == (1, [])
    assert (await service.counts())["view|9071234"] == 1


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        ("2025-12-01T02:29:00+07:00", 1764530940),
        ("2025-11-30T19:29:00Z", 1764530940),
        ("2025-12-01 02:29:00", 1764530940),
        ("Mon, 01 Dec 2025 02:29:00 +0700", 1764530940),
        ("Sun, 30 Nov 2025 19:29:00 GMT", 1764530940),
        (1764530940000, 1764530940),
    ],
)
async def test_a_server_may_write_a_time_as_text_or_in_milliseconds(
    service: Service, ts: str | int, seconds: int
) -> None:
    event = {"item": "a", "ts": ts}
    assert (await service.http.post(EVENTS, json=event, headers=WRITER)).json() == answer(1)
    assert [bucket for bucket, _ in await service.counts_by_bucket()] == [seconds - seconds % 300]


async def test_a_browsers_clock_is_no_reason_to_refuse_whatever_its_form(service: Service) -> None:
    events = [{"item": "a", "ts": ts} for ts in ("2026-11-29T02:00:00Z", "2026-11-29 02:00", NOW * 1000)]
    assert (await service.http.post(EVENTS, json=events)).json() == answer(3)
    assert await service.counts_by_bucket() == {(THIS_BUCKET, "view|a"): 3}


@pytest.mark.parametrize("headers", [{}, WRITER], ids=["public", "write key"])
@pytest.mark.parametrize("ts", ["NaN", "Infinity", "-Infinity", '"yesterday"', '"1764532140"', "[]", "true", "1e999"])
async def test_a_time_that_is_none_is_bad_whoever_sends_it(service: Service, ts: str, headers: dict[str, str]) -> None:
    body = f'[{{"item":"good"}},{{"item":"bad","ts":{ts}}},{{"item":"good"}}]'
    found = await service.http.post(EVENTS, content=body, headers=headers)
    assert found.status_code == 202, found.text
    assert found.json()["accepted"] == 2
    (bad,) = found.json()["invalid"]
    assert bad["index"] == 1
    assert "ts" in bad["error"]
    assert await service.counts() == {"view|good": 2}


GOOD = {"item": "good"}
BAD: list[tuple[Any, str]] = [
    ({}, "item: is missing"),
    ({"item": None}, "item: is missing"),
    ({"item": 7.5}, "item: "),
    ({"item": True}, "item: "),
    ({"item": ""}, "item: must not be empty"),
    ({"item": " \t"}, "item: must not be empty"),
    ({"item": "x" * 513}, "item: must not be over 512 bytes"),
    ({"item": "é" * 257}, "item: must not be over 512 bytes"),
    ({"item": "a", "kind": "like"}, "kind: must be one of click, view, found 'like'"),
    ({"item": "a", "kind": ""}, "kind: "),
    ({"item": "a", "kind": None}, "kind: "),
    ({"item": "a", "source": "a b"}, "source: "),
    ({"item": "a", "source": ""}, "source: "),
    ({"item": "a", "source": "x" * 65}, "source: "),
    ({"item": "a", "source": "a|b"}, "source: "),
    ({"item": "a", "source": "list:populer", "position": 0}, "position: "),
    ({"item": "a", "source": "list:populer", "position": 1001}, "position: "),
    ({"item": "a", "position": 1.5}, "position: "),
    ({"item": "a", "source": "list:populer", "position": 10**30}, "position: "),
    ({"item": "a", "visitor": [7]}, "visitor: "),
    ("a", "Expected `object`"),
    (None, "Expected `object`"),
    ([GOOD], "Expected `object`"),
]


@pytest.mark.parametrize("form", ["array", "envelope", "lines"])
async def test_a_bad_event_is_named_by_index_and_field_and_the_good_ones_count(service: Service, form: str) -> None:
    events = [GOOD, *(event for pair in ((bad, GOOD) for bad, _ in BAD) for event in pair)]
    body = {"array": json.dumps(events), "envelope": json.dumps({"events": events})}.get(form, ndjson(events))
    headers = {"content-type": "application/x-ndjson"} if form == "lines" else {}
    found = await service.http.post(EVENTS, content=body, headers=headers)
    assert found.status_code == 202
    content = found.json()
    assert content["accepted"] == len(BAD) + 1
    assert content["invalid_total"] == len(BAD)
    assert [each["index"] for each in content["invalid"]] == [2 * n + 1 for n in range(NAMED)]
    assert await service.counts() == {"view|good": len(BAD) + 1}


@pytest.mark.parametrize(("event", "start"), BAD)
async def test_post_events_says_what_is_wrong_with_each_bad_event(service: Service, event: Any, start: str) -> None:
    content = (await service.http.post(EVENTS, json=[GOOD, event])).json()
    assert (content["accepted"], "invalid_total" in content) == (1, False)
    (bad,) = content["invalid"]
    assert bad["index"] == 1
    assert bad["error"].startswith(start)


async def test_post_events_names_the_first_ten_of_many_bad_events_and_says_how_many_there_are(service: Service) -> None:
    found = await service.http.post(EVENTS, content=f"[{'1,' * 9_999}1]")
    assert found.status_code == 422
    content = found.json()
    assert [each["index"] for each in content["invalid"]] == list(range(NAMED))
    assert content["invalid_total"] == MAX_EVENTS
    assert content["detail"].startswith("none of the 10000 events can be counted; event 0: ")
    assert len(found.content) < 1_000


async def test_post_events_names_bad_events_in_order_whatever_found_them(service: Service) -> None:
    events = [{"item": ""} if n % 2 else n for n in range(20)]
    content = (await service.http.post(EVENTS, json=[*events, GOOD], params={"results": "1"})).json()
    assert [each["index"] for each in content["invalid"]] == list(range(NAMED))
    assert content["invalid_total"] == 20
    assert content["results"] == ["invalid"] * 20 + ["accepted"]


@pytest.mark.parametrize("bad", [1, {"item": ""}])
async def test_post_events_refuses_a_public_body_that_begins_with_a_thousand_bad_events(
    service: Service, bad: Any
) -> None:
    events = [bad] * HOPELESS + [GOOD]
    refused = await service.http.post(EVENTS, json=events)
    assert (refused.status_code, refused.json()["invalid_total"]) == (422, HOPELESS + 1)
    taken = await service.http.post(EVENTS, json=events, headers=WRITER)
    assert (taken.status_code, taken.json()["accepted"]) == (202, 1)


async def test_only_bad_events_are_unprocessable(service: Service) -> None:
    found = await service.http.post(EVENTS, json={"item": ""})
    assert found.status_code == 422
    assert found.headers["content-type"] == "application/problem+json"
    content = found.json()
    assert content["accepted"] == 0
    assert content["invalid"] == [{"index": 0, "error": "item: must not be empty"}]


@pytest.mark.parametrize("item", ["x" * 512, "é" * 256, "☕" * 170 + "ab", "a/b?c#d%20|e", "{1}"])
async def test_ids_are_opaque_up_to_512_bytes(service: Service, item: str) -> None:
    assert (await service.http.post(EVENTS, json={"item": item})).json() == answer(1)
    assert await service.counts() == {f"view|{item}": 1}


async def test_half_a_surrogate_is_no_id_and_leaves_the_others_alone(service: Service) -> None:
    found = await service.http.post(EVENTS, content=r'[{"item":"\ud800"},{"item":"a"}]')
    assert found.json()["accepted"] == 1
    assert found.json()["invalid"][0]["error"].startswith("item: ")
    assert await service.counts() == {"view|a": 1}


async def test_kinds_are_those_of_the_settings(serve: Serve) -> None:
    service = await serve(ingest={"kinds": ["view", "share"]})
    found = await service.http.post(EVENTS, json=[{"item": "a", "kind": "share"}, {"item": "a", "kind": "click"}])
    assert found.json()["accepted"] == 1
    assert await service.counts() == {"share|a": 1}


@pytest.mark.parametrize(
    "body",
    ["", " \n", "{", '[{"item":"a"}', '[{"item":"a"},]', "item=a", "<a/>", "\ufeff[]"],
)
async def test_post_events_answers_400_to_what_is_not_json(service: Service, body: str) -> None:
    found = await service.http.post(EVENTS, content=body.encode())
    assert found.status_code == 400
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["detail"]
    assert await service.counts() == {}


@pytest.mark.parametrize("body", ["null", '"a"', "7", '{"events": 5}', '{"events": {}}'])
async def test_post_events_answers_422_to_json_that_holds_no_events(service: Service, body: str) -> None:
    found = await service.http.post(EVENTS, content=body.encode())
    assert (found.status_code, found.json()["title"]) == (422, "malformed events")
    assert await service.counts() == {}


@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_a_body_nested_without_end_is_malformed(service: Service, opening: str) -> None:
    assert (await service.http.post(EVENTS, content=opening * 5000)).status_code == 400


async def test_a_line_that_is_not_utf_8_is_bad_and_leaves_the_others_alone(service: Service) -> None:
    headers = {"content-type": "application/x-ndjson"}
    found = await service.http.post(EVENTS, content=b'{"item":"\xff"}\n{"item":"a"}', headers=headers)
    assert [each["index"] for each in found.json()["invalid"]] == [0]
    assert await service.counts() == {"view|a": 1}


async def test_a_declared_body_over_the_limit_is_refused(serve: Serve) -> None:
    service = await serve(ingest={"max_body": "1KiB"})
    fits = '{"item":"a"}' + " " * (1024 - 12)
    found = await service.http.post(EVENTS, content=fits + " ")
    assert found.status_code == 413
    assert "1024" in found.json()["detail"]
    assert (await service.http.post(EVENTS, content=fits)).status_code == 202
    assert await service.counts() == {"view|a": 1}


async def test_a_chunked_body_over_the_limit_is_refused_before_it_ends(serve: Serve) -> None:
    service = await serve(ingest={"max_body": "1KiB"})
    taken = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(1000):
            taken.append(number)
            yield b" " * 100

    found = await service.http.post(EVENTS, content=chunks())
    assert found.status_code == 413
    assert len(taken) <= 12


async def test_a_chunked_body_within_the_limit_is_read_whole(service: Service) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in json.dumps(TWO):
            yield part.encode()

    assert (await service.http.post(EVENTS, content=chunks())).json() == answer(2)


@pytest.mark.parametrize("form", ["array", "envelope", "lines"])
async def test_too_many_events_are_refused_whole(service: Service, form: str) -> None:
    events = [{"item": "a"}] * 10_001
    body = {"array": json.dumps(events), "envelope": json.dumps({"events": events})}.get(form, ndjson(events))
    found = await service.http.post(EVENTS, content=body)
    assert found.status_code == 413
    assert "10000" in found.json()["detail"]
    assert await service.counts() == {}


async def test_ten_thousand_events_are_taken_at_once(service: Service) -> None:
    found = await service.http.post(EVENTS, json=[{"item": f"item {n % 3000}"} for n in range(10_000)])
    assert found.json() == answer(10_000)
    assert sum((await service.counts()).values()) == 10_000


async def test_a_request_sent_again_under_its_key_counts_once(service: Service) -> None:
    headers = {"idempotency-key": "batch-1"}
    assert (await service.http.post(EVENTS, json=TWO, headers=headers)).json() == answer(2)
    for _ in range(3):
        found = await service.http.post(EVENTS, json=TWO, headers=headers)
        assert (found.status_code, found.json()) == (202, answer(0, duplicate=2))
    assert (await service.http.post(EVENTS, json=TWO, headers={"idempotency-key": "batch-2"})).json() == answer(2)
    assert await service.counts() == {"view|a": 2, "view@other|b": 2}


async def test_a_request_sent_again_to_another_worker_counts_once(serve: Serve) -> None:
    one, two = await serve(), await serve()
    headers = {"idempotency-key": "batch-1"}
    assert (await one.http.post(EVENTS, json=TWO, headers=headers)).json() == answer(2)
    assert (await two.http.post(EVENTS, json=TWO, headers=headers)).json() == answer(0, duplicate=2)
    assert await one.counts() == COUNTED


async def test_requests_with_one_key_at_once_count_once(serve: Serve) -> None:
    workers = [await serve(), await serve()]
    headers = {"idempotency-key": "batch-1"}
    sent = [worker.http.post(EVENTS, json=TWO, headers=headers) for worker in workers for _ in range(20)]
    found = [each.json() for each in await asyncio.gather(*sent)]
    assert sum(each["accepted"] for each in found) == 2
    assert sum(each["duplicate"] for each in found) == 2 * 39
    assert await workers[0].counts() == COUNTED


async def test_a_key_is_one_sites_own(service: Service) -> None:
    headers = {"idempotency-key": "batch-1"}
    for site in ("koran", "kedua"):
        assert (await service.http.post(EVENTS, json=TWO, headers=headers, params={"site": site})).json() == answer(2)


@pytest.mark.parametrize("key", [b"", b"a b", b"\xc3\xa9", b"x" * 256])
async def test_a_key_that_is_none_is_refused_and_nothing_counts(service: Service, key: bytes) -> None:
    found = await service.http.post(EVENTS, json=TWO, headers=[(b"idempotency-key", key)])
    assert found.status_code == 400
    assert "Idempotency-Key" in found.json()["title"]
    assert await service.counts() == {}


async def test_a_hundred_requests_at_once_all_count(service: Service) -> None:
    sent = [service.http.post(EVENTS, json={"item": f"item {n % 10}"}) for n in range(100)]
    assert {each.status_code for each in await asyncio.gather(*sent)} == {202}
    assert await service.counts() == {f"view|item {n}": 10 for n in range(10)}


async def test_a_page_of_another_origin_may_send(service: Service) -> None:
    asked = await service.http.options(EVENTS, headers={"origin": "https://koran.example"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "content-type" in asked.headers["access-control-allow-headers"]
    assert "idempotency-key" in asked.headers["access-control-allow-headers"]
    for body in ('{"item":"a"}', "malformed"):
        sent = await service.http.post(EVENTS, content=body)
        assert sent.headers["access-control-allow-origin"] == "*"
        assert sent.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
async def test_other_methods_are_not_allowed(service: Service, method: str) -> None:
    found = await service.http.request(method, EVENTS)
    assert found.status_code == 405
    assert found.headers["allow"] == "POST, OPTIONS"
    assert found.headers["content-type"] == "application/problem+json"
