"""Servers that are started once, when the first test asks for them, and emptied before each test."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import servers

Serve = Callable[..., Awaitable[servers.Service]]


@pytest.fixture(scope="session")
def _one_server() -> Iterator[servers.Valkey]:
    with servers.Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def _cluster() -> Iterator[servers.Topology]:
    with servers.cluster() as topology:
        yield topology


@pytest.fixture(scope="session")
def _watched_pair() -> Iterator[servers.Topology]:
    with servers.watched_pair() as topology:
        yield topology


@pytest.fixture
def server(_one_server: servers.Valkey) -> servers.Valkey:
    """An empty Valkey that the tests share; leave its settings alone."""
    _one_server.admin.flushall()
    return _one_server


@pytest.fixture
def own_server() -> Iterator[Callable[..., servers.Valkey]]:
    """Starts servers for one test alone, which may do to them what it likes."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(servers.Valkey(**options))


@pytest.fixture(params=["standalone", "unix", "cluster", "sentinel"])
def topology(request: pytest.FixtureRequest) -> servers.Topology:
    """Every kind of address that a store can have, each empty."""
    if request.param == "cluster":
        found: servers.Topology = request.getfixturevalue("_cluster")
    elif request.param == "sentinel":
        found = request.getfixturevalue("_watched_pair")
    else:
        server: servers.Valkey = request.getfixturevalue("_one_server")
        url = server.url if request.param == "standalone" else server.unix_url
        found = servers.Topology(request.param, url, [server])
    found.empty()
    return found


@pytest.fixture
async def store(topology: servers.Topology) -> AsyncIterator[Any]:
    """An open store on each topology."""
    async with servers.opened(topology.url) as store:
        yield store


@pytest.fixture
async def serve(server: servers.Valkey) -> AsyncIterator[Serve]:
    """Runs services; tables of settings by name: `serve(ingest={"deadline": "1s"})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(on: servers.Valkey = server, **tables: Any) -> servers.Service:
            clock = servers.Clock()
            return await stack.enter_async_context(servers.serving(on, servers.settings(**tables), clock))

        yield start


@pytest.fixture
async def service(serve: Serve) -> servers.Service:
    """The service as it comes."""
    return await serve()
