"""What a connection may cost before it is refused or cut: heads, trailers, requests ahead, upgrades, answers unread."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from wire import listening, talk

from api.http import asgi
from api.http.connection_limits import FEWEST, RESERVE, ConnectionLimits
from api.http.connections import MAX_AHEAD, MAX_FIELDS, MAX_HEAD_BYTES, MAX_URL_BYTES, UNREAD_S, TimedProtocol

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = b"a" * (MAX_HEAD_BYTES + 1)
MIB = 1024**2
#: Nothing like it fits into what the kernel holds for a client.
ENDLESS = 64 * MIB


async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Answers with the method, the path, the names of the headers and the body, once it has come."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        more = message["more_body"]
    names = [name.decode() for name, _ in scope["headers"]]
    seen = [scope["method"], scope["path"], names, body.decode("latin-1")]
    await asgi.answer(send, 200, [asgi.JSON], json.dumps(seen).encode())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(app) as found:
        yield found


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def seen(answer: bytes) -> list[object]:
    return list(json.loads(answer.rpartition(b"\r\n\r\n")[2]))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (HEAD + b"X: " + LARGE + b"\r\n\r\n", 431),
        (HEAD + b"X: " + LARGE, 431),
        (HEAD + (b"X: " + b"a" * 8_000 + b"\r\n") * 9 + b"\r\n", 431),
        (HEAD + b"a: b\r\n" * MAX_FIELDS + b"\r\n", 431),
        (HEAD + b"a: b\r\n" * (MAX_FIELDS + 1), 431),
        (HEAD + LARGE, 431),
        (b"GET /" + b"a" * MAX_URL_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"a" * MAX_URL_BYTES, 414),
        (CHUNKED + b"0\r\nX: " + LARGE, 431),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * (MAX_FIELDS + 2), 431),
        (CHUNKED + b"1;" + LARGE, 431),
        (b"\r\n" * MAX_HEAD_BYTES, 431),
    ],
    ids=[
        "a whole header", "a header without an end", "many bytes in headers", "too many fields",
        "fields without an end", "a name without an end", "a whole address", "an address without an end",
        "a trailer without an end", "trailers without an end", "a chunk's extension", "empty lines",
    ],
)  # fmt: skip
async def test_connection_refuses_what_has_no_bound_and_ends(port: int, sent: bytes, expected: int) -> None:
    answer, closed = await talk(port, sent)
    assert (status(answer), closed) == (expected, True)
    assert b"content-type: application/problem+json" in answer


async def test_connection_takes_heads_up_to_the_bounds(port: int) -> None:
    fields = b"a: b\r\n" * (MAX_FIELDS - 2) + b"Cookie: " + b"a" * 60_000 + b"\r\n"
    path = b"/" + b"a" * (MAX_URL_BYTES - 1)
    answer, _ = await talk(port, b"GET %b HTTP/1.1\r\nHost: x\r\n" % b"/" + fields + b"\r\n", bool)
    assert status(answer) == 200
    answer, _ = await talk(port, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path, bool)
    assert status(answer) == 200


async def test_connection_that_sends_small_chunks_for_long_is_served(port: int) -> None:
    sent = CHUNKED + b"1;ext=value\r\na\r\n" * 20_000 + b"0\r\nDigest: x\r\n\r\n"
    answer, _ = await talk(port, sent, lambda found: b"aa" in found and found.endswith(b"]"))
    assert status(answer) == 200
    assert seen(answer) == ["POST", "/", ["host", "transfer-encoding"], "a" * 20_000]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
    ],
    ids=["no Host", "two Hosts", "two Hosts of 1.0", "0.9", "2.0", "CONNECT", "nonsense"],
)
async def test_connection_refuses_what_is_no_request(port: int, sent: bytes, expected: int) -> None:
    answer, closed = await talk(port, sent)
    assert (status(answer), closed) == (expected, True)


async def test_connection_answers_what_came_before_a_request_that_it_refuses(port: int) -> None:
    answer, closed = await talk(port, HEAD + b"\r\nnonsense\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert (status(answer), closed) == (200, True)


async def test_connection_keeps_a_bounded_number_of_requests_ahead(port: int) -> None:
    answer, closed = await talk(port, (HEAD + b"\r\n") * 4_000)
    assert closed
    assert answer.count(b"HTTP/1.1 200 OK") == MAX_AHEAD + 1


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
async def test_connection_ignores_an_upgrade_and_serves_the_request_with_its_body(port: int, upgrade: bytes) -> None:
    asked = (
        b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n"
        b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 26\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n"
    ) % upgrade
    answer, closed = await talk(port, asked + asked, lambda found: found.count(b"Host: x") == 2)
    assert not closed
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    method, path, headers, body = seen(answer)
    assert (method, path, body) == ("POST", "/a", "GET /b HTTP/1.1\r\nHost: x\r\n")
    assert headers == ["host", "connection", "content-length"]


async def test_connection_serves_an_upgrade_that_comes_in_pieces(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in (b"POST /a HTTP/1.1\r\nHost: x\r\nConn", b"ection: Upgrade\r\nUpgrade: h2c\r\nContent-L",
                  b"ength: 4\r\n\r\n12", b"34"):  # fmt: skip
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert await reader.readuntil(b'"1234"]')
    writer.close()
    await writer.wait_closed()


class Unread:
    """A transport of which so much waits to be sent."""

    def __init__(self) -> None:
        self.waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, _: str) -> None:
        return None


def test_connection_is_overdue_when_its_client_takes_nothing_of_what_waits() -> None:
    protocol = TimedProtocol.__new__(TimedProtocol)
    transport = Unread()
    protocol._transport = transport  # type: ignore[assignment]
    protocol.timeout_keep_alive = 65
    transport.waiting = 1_000
    assert not protocol.overdue(100.0, 10.0)
    assert not protocol.overdue(100.0 + UNREAD_S, 10.0)
    transport.waiting = 900
    assert not protocol.overdue(109.0, 10.0)
    assert not protocol.overdue(109.0 + UNREAD_S, 10.0)
    assert protocol.overdue(109.1 + UNREAD_S, 10.0)
    transport.waiting = 0
    assert not protocol.overdue(200.0, 10.0)


async def test_answers_wait_for_a_client_that_reads_nothing() -> None:
    answer = asgi.Prepared(200, [asgi.JSON], b"x" * MIB)
    begun = 0

    async def large(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        nonlocal begun
        begun += 1
        await answer.send(scope, send)

    async with listening(large) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            for _ in range(ENDLESS // MIB):
                with contextlib.suppress(BlockingIOError):
                    client.send(HEAD + b"\r\n")
                await asyncio.sleep(0.01)
            sent_at = begun
            assert sent_at < ENDLESS // MIB
            got = 0
            async with asyncio.timeout(20):
                while got < (sent_at + 1) * MIB:  # reading goes on where it was left
                    got += len(await loop.sock_recv(client, MIB))
        assert begun > sent_at


def test_limits_keep_a_reserve_and_bound_each_sender() -> None:
    refused: list[str] = []
    limits = ConnectionLimits(RESERVE + 256, lambda host: None if host == "proxy" else host, refused.append)
    assert (limits.most, limits.per_sender) == (256, 32)
    entered = [limits.enter("a") for _ in range(33)]
    assert entered == [(True, "a")] * 32 + [(False, None)]
    assert limits.enter("b") == (True, "b")
    assert [limits.enter("proxy")[0] for _ in range(224)] == [True] * 223 + [False]
    assert refused == ["address", "descriptors"]
    limits.leave("a")
    assert limits.enter("a") == (True, "a")


async def test_connection_beyond_the_limit_of_its_address_is_closed_and_room_is_made_by_those_that_end() -> None:
    limits = ConnectionLimits(RESERVE, lambda host: host, [].append)
    assert limits.per_sender == FEWEST
    async with listening(app, limits) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(FEWEST)]
        await eventually(lambda: limits.open == FEWEST)
        answer, closed = await talk(port, HEAD + b"\r\n")
        assert (answer, closed) == (b"", True)
        held[0][1].close()
        await held[0][1].wait_closed()
        await eventually(lambda: limits.open < FEWEST)
        answer, _ = await talk(port, HEAD + b"\r\n", bool)
        assert status(answer) == 200
        for _, writer in held:
            writer.close()
            await writer.wait_closed()


async def test_what_cannot_be_read_is_told_and_what_can_is_not() -> None:
    refused: list[str] = []
    async with listening(app, ConnectionLimits(RESERVE + 256, lambda _: None, refused.append)) as port:
        await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bool)
        assert refused == []
        for malformed in (b"GET /\r\n\r\n", b"\x16\x03\x01\x00", b"GET / HTTP/1.1\r\n\r\n"):
            await talk(port, malformed)
    assert refused == ["malformed"] * 3
