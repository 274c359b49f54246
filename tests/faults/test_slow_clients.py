"""Clients that connect and say nothing, or half of it, are closed; those that are quick are not."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

WHOLE = b'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"item":"a"}'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("slow")
    config = folder / "populer.toml"
    config.write_text('[service]\nrequest_timeout = "400ms"\n')
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


def connect(service: Service) -> socket.socket:
    address = urlsplit(service.url)
    found = socket.create_connection((address.hostname or "", address.port or 0), timeout=5)
    found.settimeout(5)
    return found


def ask(connection: socket.socket) -> bytes:
    """A whole request and its whole answer; head and body may come one after the other."""
    connection.sendall(WHOLE)
    answer = b""
    while not answer.endswith(b'"ack":"commit"}'):
        part = connection.recv(65_536)
        assert part, answer
        answer += part
    return answer


def closed(connection: socket.socket) -> bool:
    """Whether the other side hangs up before our own patience ends."""
    try:
        return connection.recv(65_536) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"P", b"POST /v1/events HTTP/1.1\r\nHost: x\r\n", WHOLE[:-3]],
    ids=["nothing", "a letter", "half of the head", "half of the body"],
)
def test_a_request_that_does_not_come_is_closed(service: Service, sent: bytes) -> None:
    with connect(service) as connection:
        connection.sendall(sent)
        assert closed(connection)


def test_a_request_dripped_byte_by_byte_is_closed(service: Service) -> None:
    with connect(service) as connection:
        left = list(WHOLE[:-1])

        def hung_up() -> bool:
            try:
                connection.sendall(bytes([left.pop(0)]))
                connection.settimeout(0.02)
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(hung_up, 5)
        assert left, "all of it was taken"


def test_a_connection_that_is_idle_between_requests_stays(service: Service) -> None:
    with connect(service) as connection, connect(service) as silent:
        assert ask(connection).startswith(b"HTTP/1.1 202 Accepted")
        assert closed(silent)  # by now a whole timeout has passed
        assert ask(connection).startswith(b"HTTP/1.1 202 Accepted")


def test_many_silent_connections_keep_nobody_out(service: Service) -> None:
    silent = [connect(service) for _ in range(300)]
    try:
        with service.client() as client:
            assert client.post("/v1/events", content='{"item":"a"}').status_code == 202
        assert all(map(closed, silent))
    finally:
        for each in silent:
            each.close()
