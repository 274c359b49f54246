"""What runs in a child process: an API worker or the jobs. Started by `serve`, never by hand.

The parent's orders come on stdin (see `child_messages`); the ready line goes to stdout (see `child_output`).
"""

import asyncio
import contextlib
import os
import pkgutil
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import structlog
import uvicorn
import uvloop
from starlette.routing import BaseRoute

from api.app import create_app
from api.http.connection_limits import ConnectionLimits
from api.http.connections import TimedProtocol, close_slow_ones
from api.monitoring import metrics
from api.monitoring.config_state import ConfigState
from api.serving.followed_site import cancel_all
from jobs.run import run_jobs
from populer.config import validated
from populer.service import descriptors, logs
from populer.service.child_messages import Orders, Parent
from populer.service.child_output import say_ready
from populer.service.data_folder import SPOOL_DIR
from populer.service.heartbeat import beat, beat_loop
from populer.service.known_store import known_life
from populer.service.listening import BACKLOG
from populer.service.memory import reclaim_loop, settle_memory
from populer.service.store_connection import StoreConnection
from populer.stores import ack_of, open_store
from ranking.settings.service import Settings
from ranking.store.redis.store import RedisStore

log = structlog.get_logger("populer")

DRAIN_S = 5
#: A connection that a worker ends with its next answer has so long to ask for one.
LEAVE_S = 0.5
KEEP_ALIVE_S = 65
FIRST_LISTS_S = 15.0
PAUSE_S = 0.05
#: Refused connections are logged once in so long.
QUIET_S = 60.0
LISTS_DIR = "lists"


class PageProvider(Protocol):
    """Pages beside the service's own, and what goes on while they are served."""

    pages: Sequence[BaseRoute]

    async def run(self) -> None:
        """Goes on until cancelled."""
        ...


def main() -> None:
    """Follow the parent's orders until SIGTERM, or until the parent is gone."""
    try:
        parent = Parent()
    except EOFError:
        return
    role = parent.orders.role
    logs.set_up(validated(parent.orders.raw).service, role=role, pid=os.getpid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when we stop
    uvloop.run(_serve_api(parent) if role == "api" else _run_jobs(parent))


async def _run_jobs(parent: Parent) -> None:
    stop = asyncio.Event()
    _on_stop(parent, stop.set)
    orders = parent.orders
    beat(orders.beat_fd)
    say_ready()
    beating = asyncio.create_task(beat_loop(orders.beat_fd))
    store = _store_of(orders)
    connecting = asyncio.create_task(StoreConnection(store, lambda: parent.orders.redis_url).keep_open_loop())
    while not (store.is_open or stop.is_set()):  # noqa: ASYNC110 - the jobs have nothing to do before it is there
        await asyncio.sleep(PAUSE_S)
    orders = parent.orders

    async def follow(use: Callable[[Settings], None]) -> None:
        async def used(settings: Settings | None, _: ConfigState) -> None:
            if settings is not None:
                use(settings)

        await parent.follow(orders, used)

    if store.is_open:
        await run_jobs(store, validated(orders.raw), stop, follow)
    await cancel_all([connecting, beating])
    await store.close()


async def _serve_api(parent: Parent) -> None:
    stop = asyncio.Event()
    _on_stop(parent, stop.set)
    orders = parent.orders
    if orders.socket_fd is None:
        return
    settings = validated(orders.raw)
    store = _store_of(orders)
    connection = StoreConnection(store, lambda: parent.orders.redis_url)
    connecting = asyncio.create_task(connection.keep_open_loop())
    await connection.look()
    provider = _page_provider(orders, settings)
    pages = provider.pages if provider else []
    data_dir = settings.service.data_dir
    app = create_app(
        settings,
        store,
        pages=pages,
        spool_dir=data_dir / SPOOL_DIR,
        lists_dir=data_dir / LISTS_DIR,
        config=orders.config,
    )

    def bounded(host: str) -> str | None:
        return app.runtime.context.event_filter.bounded(host)  # of the settings that hold now

    limits = ConnectionLimits(descriptors.limit(), bounded, _refused)
    server = _Server(
        uvicorn.Config(
            app,
            http=partial(TimedProtocol, limits=limits),  # type: ignore[arg-type]
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )

    playing = None if provider is None else asyncio.create_task(provider.run())

    def stop_serving() -> None:
        if playing is not None:
            playing.cancel()
        app.runtime.streams.end()  # an answer without an end would be waited for
        beside.append(asyncio.create_task(server.leave(limits)))

    beside: list[asyncio.Task[None]] = []
    _on_stop(parent, stop_serving)
    if stop.is_set():
        return
    listening = [socket.socket(fileno=each) for each in (orders.socket_fd, orders.admin_fd) if each is not None]

    async def use(settings: Settings | None, config: ConfigState) -> None:
        if parent.orders.draining:
            app.runtime.drain()
        if settings is None:
            app.runtime.set_config_state(config)
        else:
            store.promise(ack_of(settings))
            await app.runtime.use(settings, config)

    def patience_s() -> float:
        return app.runtime.context.settings.service.request_timeout_s

    beside += [
        asyncio.create_task(_announce(server, lambda: app.ranked() or not store.is_open, orders.beat_fd)),
        asyncio.create_task(close_slow_ones(server.server_state.connections, patience_s, _refused)),
        asyncio.create_task(_report_connections(limits)),
        asyncio.create_task(reclaim_loop()),
        asyncio.create_task(parent.follow(orders, use)),
    ]
    await server.serve(sockets=listening)
    for task in beside:
        task.cancel()
    await cancel_all([connecting])
    await store.close()


def _store_of(orders: Orders) -> RedisStore:
    """The store that the parent has named, not yet connected."""
    settings = validated(orders.raw)
    life = known_life(settings.service.data_dir, orders.redis_url)
    return open_store(settings, orders.redis_url, orders.shards, life)


def _page_provider(orders: Orders, settings: Settings) -> PageProvider | None:
    if orders.page_provider is None:
        return None
    provider: PageProvider = pkgutil.resolve_name(orders.page_provider)(orders.pages_from, settings)
    return provider


class _Server(uvicorn.Server):
    """uvicorn without signal handling of its own: a second signal would skip the draining."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def leave(self, limits: ConnectionLimits) -> None:
        """Take no new connection, end the others with their next answer, and stop once none is open or all are idle."""
        limits.leaving = True
        for listening in getattr(self, "servers", ()):
            listening.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + LEAVE_S
        while self.server_state.connections and loop.time() < until:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(PAUSE_S)
        self.should_exit = True


def _refused(reason: str) -> None:
    metrics.connections_refused[reason] += 1


async def _report_connections(limits: ConnectionLimits) -> None:
    """Report open connections, and once a minute that there are no descriptors for more; until cancelled."""
    loop = asyncio.get_running_loop()
    said_at, known = -QUIET_S, 0
    while True:
        metrics.connected(limits.open, limits.most)
        if limits.without_descriptor > known and loop.time() >= said_at + QUIET_S:
            log.error(
                "Connections are refused: this worker has no more file descriptors. Raise the hard limit of open files"
                " (ulimit -Hn, LimitNOFILE=), or start more workers.",
                refused=limits.without_descriptor - known,
                limit=descriptors.limit(),
            )
            said_at, known = loop.time(), limits.without_descriptor
        await asyncio.sleep(metrics.EXPORT_EVERY_S)


async def _announce(server: uvicorn.Server, loaded: Callable[[], bool], beat_fd: int | None) -> None:
    """Say ready once the socket is served and what there is of lists is `loaded`, or did not come; then beat."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + FIRST_LISTS_S
    while not (server.started and (loaded() or loop.time() > give_up_at)):  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.02)
    settle_memory()
    beat(beat_fd)
    say_ready()
    await beat_loop(beat_fd)


def _on_stop(parent: Parent, stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM, and when the parent is gone."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    parent.listen(stop)


if __name__ == "__main__":
    main()
