"""A lone public event over a real connection: counted and answered without a task, and like any other request."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from servers import Service
from wire import listening, talk

AGENT = b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"
Serve = Callable[..., Awaitable[Service]]
OWN = re.compile(rb"(?:date|traceparent): [^\r]+\r\n")
"""What each answer has of its own."""
ANSWERED = b'"ack":"commit"}'


def beacon(item: str, *more: bytes, version: bytes = b"1.1") -> bytes:
    body = json.dumps({"item": item}).encode()
    lines = [b"POST /v1/events HTTP/" + version, b"Host: x", b"User-Agent: " + AGENT, *more]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def lines(answer: bytes) -> bytes:
    """An answer without what it has of its own."""
    rest, found = OWN.subn(b"", answer)
    assert found == 2
    return rest


def answers(count: int) -> Callable[[bytes], bool]:
    return lambda found: found.count(ANSWERED) == count


@pytest.fixture
def ack() -> str:
    return "commit"


@pytest.fixture
async def service(serve: Serve, ack: str) -> Service:
    return await serve(ingest={"dedupe_window": "30m", "bots": True, "deadline": "1s", "ack": ack})


@pytest.fixture
async def taken(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request that was offered was taken."""
    found: list[bool] = []
    take = service.app.take

    def noted(*arguments: object) -> bool:
        found.append(take(*arguments))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(service.app, "take", noted)
    return found


@pytest.fixture
async def port(service: Service, taken: list[bool]) -> AsyncIterator[int]:
    async with listening(service.app) as found:
        yield found


async def test_a_lone_event_is_taken_and_counted_when_it_is_answered(
    port: int, service: Service, taken: list[bool]
) -> None:
    found, closed = await talk(port, beacon("a"), answers(1))
    assert found.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert (taken, closed) == ([True], False)
    assert await service.counts() == {"view|a": 1}


@pytest.mark.parametrize("repeats", [0, 1])
async def test_its_answer_is_that_of_a_request_that_is_not_taken(port: int, repeats: int, taken: list[bool]) -> None:
    for _ in range(repeats):
        await talk(port, beacon("a") + beacon("b"), answers(2))
    short, _ = await talk(port, beacon("a"), answers(1))
    long, _ = await talk(port, beacon("b", b"Expect: nothing"), answers(1))
    assert taken[-2:] == [True, False]
    assert lines(short) == lines(long)
    assert (b'"duplicate":1' in short) == bool(repeats)


@pytest.mark.parametrize(
    "unusual",
    [
        beacon("a", b"Authorization: Bearer koran-write"),
        beacon("a", b"Sec-Purpose: prefetch"),
        beacon("a", b"Idempotency-Key: one"),
        beacon("a", b"Content-Type: application/x-ndjson"),
        beacon("a", b"User-Agent: curl/8"),
        beacon("a", b"Sec-Fetch-Mode: navigate"),
        beacon("a", b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: 192.0.2.2"),
        beacon("a").replace(b"/v1/events", b"/v1/events?results=1"),
        beacon("a").replace(AGENT, b"Googlebot/2.1"),
        beacon(""),
    ],
)
async def test_what_is_rare_is_left_to_the_application(port: int, unusual: bytes, taken: list[bool]) -> None:
    found, _ = await talk(port, unusual, lambda found: found.endswith(b"}"))
    assert found.startswith(b"HTTP/1.1 ")
    assert taken == [False]


async def test_lone_events_sent_ahead_are_all_answered(port: int, service: Service) -> None:
    found, closed = await talk(port, beacon("a") + beacon("b") + beacon("c"), answers(3))
    assert not closed
    assert found.count(b"HTTP/1.1 202 Accepted\r\n") == 3
    assert await service.counts() == {"view|a": 1, "view|b": 1, "view|c": 1}


async def test_a_body_that_comes_by_and_by_is_counted(port: int, service: Service, taken: list[bool]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = beacon("a")
    writer.write(request[:-4])
    await writer.drain()
    await asyncio.sleep(0)
    writer.write(request[-4:])
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 ")
    writer.close()
    await writer.wait_closed()
    assert await service.counts() == {"view|a": 1}


@pytest.mark.parametrize("last", [beacon("a", b"Connection: close"), beacon("a", version=b"1.0")])
async def test_a_connection_ends_with_its_lone_event_where_it_asks_to(port: int, last: bytes) -> None:
    found, closed = await talk(port, last)
    assert closed
    assert b"connection: close\r\n" in found
    assert found.endswith(ANSWERED)


async def test_an_event_counts_whose_sender_has_hung_up(port: int, service: Service) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beacon("a"))
    writer.close()
    found, _ = await talk(port, beacon("b"), answers(1))
    assert found.startswith(b"HTTP/1.1 202 ")
    assert (await service.counts()).get("view|b") == 1


async def test_a_lone_event_is_refused_while_the_store_is_away(port: int, service: Service, taken: list[bool]) -> None:
    await service.store.close()
    found, _ = await talk(port, beacon("a"), lambda found: found.endswith(b"}"))
    assert found.startswith(b"HTTP/1.1 503 ")
    assert b"content-type: application/problem+json\r\n" in found
    assert taken == [True]


@pytest.mark.parametrize("ack", ["memory"])
async def test_where_nobody_waits_a_lone_event_is_answered_at_once_and_counted_later(
    port: int, service: Service, taken: list[bool]
) -> None:
    short, _ = await talk(port, beacon("a"), lambda found: found.endswith(b"}"))
    long, _ = await talk(port, beacon("b", b"Expect: nothing"), lambda found: found.endswith(b"}"))
    assert taken == [True, False]
    assert lines(short) == lines(long)
    assert short.endswith(b'"accepted":1,"duplicate":0,"filtered":{},"invalid":[],"ack":"memory"}')
    await service.app.runtime.context.recorder.drain()
    assert await service.counts() == {"view|a": 1, "view|b": 1}


@pytest.mark.parametrize("ack", ["memory"])
async def test_where_nobody_waits_a_repeat_is_left_to_the_application_which_charges_its_sender(
    port: int, service: Service, taken: list[bool]
) -> None:
    for _ in range(2):
        await talk(port, beacon("a"), lambda found: found.endswith(b"}"))
        await service.app.runtime.context.recorder.drain()
    assert taken == [True, False]
    assert await service.counts() == {"view|a": 1, "!duplicate|a": 1}
