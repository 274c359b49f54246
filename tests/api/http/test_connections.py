"""What goes out on a connection: whole answers, in order, the same bytes whichever way they take."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import pytest
from wire import listening, talk

from api.http import asgi

ANSWER = asgi.Prepared(202, (asgi.JSON, (b"cache-control", b"no-store")), b'{"accepted":1}')
GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n%b\r\n"
DATE = re.compile(rb"date: [^\r]+\r\n")


async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Answers at once where the server can; `/plain` the long way, `/slow` after some turns of the loop."""
    await receive()
    if scope["path"] == "/slow":
        for _ in range(20):
            await asyncio.sleep(0)
    if scope["path"] == "/plain":
        scope = {**scope, "extensions": {}}
    await ANSWER.send(scope, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(app) as found:
        yield found


def answers(count: int) -> Callable[[bytes], bool]:
    return lambda found: found.count(ANSWER.content) == count


async def test_an_answer_is_the_same_bytes_whichever_way_it_takes(port: int) -> None:
    short, _ = await talk(port, GET % (b"", b""), answers(1))
    long, _ = await talk(port, GET % (b"plain", b""), answers(1))
    assert DATE.search(short)
    assert DATE.sub(b"", short) == DATE.sub(b"", long)
    assert short.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert short.endswith(b"content-length: 14\r\n\r\n" + ANSWER.content)


async def test_a_connection_serves_one_request_after_the_other(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in (b"", b"plain", b"slow", b"", b""):
        writer.write(GET % (path, b""))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202 ")
        assert await reader.readexactly(len(ANSWER.content)) == ANSWER.content
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("paths", [(b"slow", b"", b"plain"), (b"", b"", b""), (b"plain", b"slow", b"", b"plain", b"")])
async def test_requests_sent_ahead_are_all_answered(port: int, paths: tuple[bytes, ...]) -> None:
    found, closed = await talk(port, b"".join(GET % (path, b"") for path in paths), answers(len(paths)))
    assert not closed
    assert found.count(b"HTTP/1.1 202 Accepted\r\n") == len(paths)


@pytest.mark.parametrize(
    "request_",
    [GET % (b"", b"Connection: close\r\n"), b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"],
    ids=["asked to", "HTTP/1.0"],
)
async def test_a_connection_that_ends_with_its_request_is_told_so_and_closed(port: int, request_: bytes) -> None:
    found, closed = await talk(port, request_)
    assert closed
    assert b"connection: close\r\n" in found
    assert found.endswith(ANSWER.content)


@pytest.mark.parametrize("path", [b"", b"plain"])
async def test_a_connection_that_stays_idle_is_closed_whichever_way_its_answer_took(port: int, path: bytes) -> None:
    found, closed = await talk(port, GET % (path, b""))
    assert closed
    assert found.endswith(ANSWER.content)


async def test_a_reader_who_hangs_up_disturbs_nobody(port: int) -> None:
    await asyncio.gather(*(talk(port, GET % (b"slow", b""), lambda _: True) for _ in range(20)))
    found, _ = await talk(port, GET % (b"", b""), answers(1))
    assert found.startswith(b"HTTP/1.1 202 Accepted\r\n")


async def test_without_a_server_that_can_an_answer_goes_out_in_two_messages() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    await ANSWER.send({"type": "http"}, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == ANSWER.content
