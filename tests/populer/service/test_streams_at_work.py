"""Streams over real connections: hundreds hear of what happens, a slow one harms nobody, a stop ends them all."""

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from service import Service, serving, wait_until

CLIENTS = 500
WORKERS = "2"
SETTINGS = """
[refresh]
every = "500ms"
[ingest]
dedupe_window = "0s"
[lists.populer]
depth = 1000
"""
EXIT_WITHIN_S = 10
REQUEST = "GET /v1/lists/populer/stream?limit={} HTTP/1.1\r\nHost: populer\r\n\r\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    config = tmp_path / "populer.toml"
    config.write_text(SETTINGS)
    with serving(tmp_path / "data", "--config", str(config), "--workers", WORKERS) as running:
        yield running


class Client:
    """One connection that listens."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next_list(self) -> list[str]:
        """The items of the next list that it is told."""
        while not (line := await self._reader.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        return [item["id"] for item in json.loads(line.removeprefix(b"data: "))["items"]]

    async def is_told(self, items: list[str]) -> None:
        while await self.next_list() != items:
            pass

    async def rest(self) -> bytes:
        """What comes until the other side hangs up."""
        return await self._reader.read()

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def listening(service: Service, count: int, limit: int = 7) -> AsyncIterator[list[Client]]:
    address = urlsplit(service.url)
    clients = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(REQUEST.format(limit).encode())
            clients.append(Client(reader, writer))
        yield clients
    finally:
        for each in clients:
            each.close()


def read(service: Service, **views: int) -> None:
    with service.client() as http:
        events = [{"item": item} for item, count in views.items() for _ in range(count)]
        assert http.post("/v1/events", json=events).json()["accepted"] == len(events)


def listed(service: Service) -> list[str]:
    answer = httpx2.get(f"{service.url}/v1/lists/populer").json()
    return [item["id"] for item in answer.get("items", [])]


def streams(service: Service) -> dict[str, float]:
    """How many streams were opened, ended, cut and refused, as Prometheus is told."""
    found = {}
    for line in httpx2.get(f"{service.url}/metrics").text.splitlines():
        if line.startswith("populer_streams_total{"):
            name, _, value = line.partition(" ")
            found[name.split('"')[1]] = float(value)
    return found


async def all_told(clients: list[Client], items: list[str]) -> None:
    await asyncio.wait_for(asyncio.gather(*(each.is_told(items) for each in clients)), 30)


async def test_hundreds_hear_of_a_new_list_and_of_a_take_down(service: Service) -> None:
    read(service, a=2, b=1)
    wait_until(lambda: listed(service) == ["a", "b"])
    async with listening(service, CLIENTS) as clients:
        await all_told(clients, ["a", "b"])
        await asyncio.to_thread(read, service, b=5)
        await all_told(clients, ["b", "a"])
        with service.client() as http:
            assert http.delete("/v1/items/b").is_success
        await all_told(clients, ["a"])
        await asyncio.to_thread(wait_until, lambda: streams(service).get("opened") == CLIENTS)
    await asyncio.to_thread(wait_until, lambda: streams(service).get("ended", 0) == CLIENTS)
    assert streams(service).keys() == {"opened", "ended"}


async def test_a_stop_ends_open_streams_in_order_and_in_time(service: Service) -> None:
    read(service, a=1)
    wait_until(lambda: listed(service) == ["a"])
    async with listening(service, 200) as clients:
        await all_told(clients, ["a"])
        service.process.terminate()
        assert await asyncio.to_thread(service.process.wait, EXIT_WITHIN_S) == 0
        ends = await asyncio.gather(*(each.rest() for each in clients))
    assert all(end.endswith(b"0\r\n\r\n") for end in ends), "an answer was broken off"
    log = service.log.read_text()
    assert "Traceback" not in log
    assert "exceeded" not in log, "they were waited for in vain"


async def test_who_reads_nothing_is_cut_off_and_the_others_go_on(service: Service) -> None:
    ids = [f"item-{number:03}" for number in range(500)]
    with service.client() as http:
        http.put("/v1/items", json=[{"id": each, "title": "x" * 500} for each in ids]).raise_for_status()
    read(service, **dict.fromkeys(ids, 1))
    wait_until(lambda: len(listed(service)) == 7)
    address = urlsplit(service.url)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((address.hostname, address.port))
        slow.sendall(REQUEST.format(500).encode())
        async with listening(service, 3) as clients:
            turns = itertools.count()

            def cut() -> bool:  # hundreds of kilobytes that move with every refresh
                read(service, **{ids[next(turns) % len(ids)]: 20})
                return streams(service).get("cut") == 1

            await asyncio.to_thread(wait_until, cut, 60)
            await asyncio.to_thread(read, service, **{"item-after": 2_000})
            await asyncio.wait_for(asyncio.gather(*(first_is(each, "item-after") for each in clients)), 30)


async def first_is(client: Client, item: str) -> None:
    while (await client.next_list())[0] != item:
        pass
