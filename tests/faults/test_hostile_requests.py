"""Whatever bytes come over the wire, they are answered or the connection is closed, and the service goes on (P18)."""

import contextlib
import gzip
import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service import Service, serving, wait_until
from soak import LONG, either
from stage import settings_file

MAX_BODY = 64 * 1024
OVER = MAX_BODY + 1
EVENT = b'{"item":"a"}'
POST = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n" + EVENT
GET = b"GET /v1/lists/populer?limit=3&exclude=a HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hostile")
    with serving(folder / "data", "--config", settings_file(folder, max_body="64KiB")) as running:
        with running.client() as client:
            described = [{"id": f"berita-{n}", "title": "Judul", "section": "Ekonomi"} for n in range(20)]
            assert client.put("/v1/items", json=described).status_code == 200
            assert client.post("/v1/events", json=[{"item": each["id"]} for each in described]).status_code == 202
            wait_until(lambda: bool(client.get("/v1/lists/populer").json()["items"]))
        yield running
        assert "Traceback" not in running.log.read_text()
        assert "request failed" not in running.log.read_text()


def connected(service: Service) -> socket.socket:
    address = urlsplit(service.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=20)


def exchanged(service: Service, content: bytes) -> bytes:
    """The one answer to these bytes, with its body."""
    with connected(service) as connection:
        connection.sendall(content)
        with connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
            return head + b"\r\n" + stream.read(int(length))


def told_to_garbage(service: Service, content: bytes) -> bytes:
    """What comes back within a moment, or once nothing more is sent."""
    answer = b""
    with connected(service) as connection:
        connection.settimeout(0.02)
        with contextlib.suppress(ConnectionError, TimeoutError):
            connection.sendall(content)
            while part := connection.recv(65_536):
                answer += part
        with contextlib.suppress(ConnectionError, OSError):
            connection.settimeout(20)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                answer += part
    return answer


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """One or two requests with bytes cut out, put in or written over."""
    content = bytearray(b"".join(draw(st.lists(st.sampled_from([POST, GET]), min_size=1, max_size=2))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 8))] = draw(
            st.binary(max_size=8)
            | st.sampled_from([b"\r\n", b"\x00", b"Content-Length: 9\r\n", b"Expect: 100-continue\r\n"])
        )
    return bytes(content)


@pytest.mark.soak
@settings(
    max_examples=either(100, 5_000),
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(content=mangled() | st.binary(max_size=200))
def test_mangled_requests_are_answered_or_closed(service: Service, content: bytes) -> None:
    answer = told_to_garbage(service, content)
    assert not answer or answer.startswith(b"HTTP/1.1 "), answer
    assert answer[9:10] in (b"", b"1", b"2", b"3", b"4"), answer


def declared(body: bytes) -> bytes:
    return b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    parts = [body[n : n + 8_192] for n in range(0, len(body), 8_192)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def inflated(body: bytes) -> bytes:
    packed = gzip.compress(body)
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    return head + packed


@pytest.mark.parametrize("sent", [declared, chunked, inflated])
@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 202), (OVER, 413), (40 * OVER, 413)])
def test_a_body_over_the_limit_is_refused_however_it_comes(service: Service, sent: Any, size: int, status: int) -> None:
    answer = exchanged(service, sent(EVENT + b" " * (size - len(EVENT))))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    if status == 413:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body)["status"] == 413


def test_a_body_over_the_limit_is_refused_before_it_is_sent(service: Service) -> None:
    answer = exchanged(service, declared(b"")[:-5] + b"%d\r\n\r\n" % 10**12)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_item_whose_id_has_a_line_break_can_be_described_and_taken_down(service: Service) -> None:
    with service.client() as client:
        address = httpx2.URL(service.url).copy_with(raw_path=b"/v1/items/a%0Ab%0A")
        assert client.put(address, content=b"{}").json()["id"] == "a b "
        assert client.get(address).json()["id"] == "a b "
        assert client.delete(address).status_code == 204
        assert client.get(address).status_code == 404
