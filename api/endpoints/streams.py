"""`GET /v1/lists/{list}/stream`: server-sent events that tell pages of each new generation of a list.

One task per worker watches the board. Those who ask alike (site, list, section, limit, exclusions) share a channel,
whose message is made once and is the same bytes for all; a client costs no round trip to the store, ever. It is given
the latest message only, so one that reads slowly skips some, and one that reads nothing for `PATIENCE_S` is cut off.

A message has the generation as its `id` and, where a reader sees another list than before, the list's answer as its
`data`; a generation that only fades scores moves the `id`, which browsers note without telling the page. What editors
say is told at once, under the same `id`.

Rejected: a queue per client (a memory that slow ones fill), and a message that only says to ask again (all would, at
the same moment).
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import structlog

from api.context import CurrentContext
from api.endpoints.lists import age, asked_of, site_asked
from api.filtering.addresses import ClientAddress
from api.http import asgi
from api.http.asgi import ANY_ORIGIN
from api.http.problems import Problem
from api.monitoring import metrics
from api.serving.formats import JSON
from api.serving.rendered_list import Query
from ranking.errors import NotFoundError, PopulerError
from ranking.settings.service import ServiceSettings

log = structlog.get_logger("api")

LOOK_EVERY_S: Final = 1.0
"""Pins and blocks end by the clock, and nothing says so."""

BEAT_S: Final = 15.0
"""Proxies and mobile networks close what is silent for longer than half a minute or so."""

PATIENCE_S: Final = 10.0
RETRY_AFTER_S: Final = 30
COME_BACK_MS: Final = (2_000, 8_000)
"""Between these a client comes back when its stream ends, each at a moment of its own."""

BEAT: Final = b":\n\n"
HEAD: Final[asgi.Headers] = [
    ANY_ORIGIN,
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # or nginx would keep messages until it has a few kilobytes of them
]


class _Key(NamedTuple):
    site: str
    name: str
    section: str
    query: Query


class _Seen(NamedTuple):
    """What a client was told last: a generation, and the tag of what a reader sees of it. None: nothing."""

    generation: int | None = None
    tag: str | None = None


class _Channel:
    """What some clients are told. `news` is done when there is something to send, if only a sign of life."""

    def __init__(self) -> None:
        self.clients = 0
        self.over = False
        self.seen = _Seen()
        self.moved = self.told = b""
        self.news = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        self.news.set_result(None)
        self.news = asyncio.get_running_loop().create_future()

    def text_for(self, seen: _Seen, sure: bool) -> bytes:
        """What to send to a client that has seen this, or, not `sure`, says so."""
        moved = seen.generation != self.seen.generation
        if seen.tag != self.seen.tag or (moved and not sure):
            return self.told
        return self.moved if moved else BEAT


class Streams:
    """The streams of one worker. `current` gives the context of what begins now."""

    def __init__(self, current: CurrentContext, patience_s: float = PATIENCE_S) -> None:
        self._current = current
        self.patience_s = patience_s
        self._channels: dict[_Key, _Channel] = {}
        self._of_address: Counter[str] = Counter()
        self._ending = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def open(self) -> int:
        """How many there are."""
        return self._of_address.total()

    def start(self) -> None:
        """Watch the board."""
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> None:
        """End all of them, and give no more: the worker is about to stop."""
        self._ending = True
        for channel in self._channels.values():
            channel.wake()

    async def stop(self) -> None:
        """Watch no more."""
        self.end()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def serve(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, name: str) -> None:
        """Tell one client until it goes, the list does, or the worker.

        Raises:
            Problem: 400, it cannot be asked so; 404, no such site; 503, there are too many.
            NotFoundError, NotReadyError: there is no such list, or not yet.
        """
        context = self._current()
        asked = asked_of(scope["query_string"])
        if asked.query.cursor is not None:
            raise Problem(400, "bad cursor", "cursor: goes with a list, not with its stream")
        if asked.form != JSON:
            raise Problem(400, "bad format", "format: a stream tells its list as json")
        key = _Key(site_asked(context, asked).id, name, asked.section, asked.query)
        with self._place(context.settings.service, context.gate.client(scope)):
            channel = self._channels.get(key) or _Channel()
            await self._look(key, channel)
            channel = self._channels.setdefault(key, channel)  # another may have come meanwhile
            channel.clients += 1
            try:
                await self._tell(key, channel, scope, receive, send)
            finally:
                channel.clients -= 1
                if not channel.clients and self._channels.get(key) is channel:
                    del self._channels[key]

    async def _tell(
        self, key: _Key, channel: _Channel, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        sure = not self._was_here(key, channel, asgi.headers(scope).get(b"last-event-id", b""))
        seen = _Seen() if sure else channel.seen
        low, high = COME_BACK_MS
        before = b"retry: %d\n\n" % (low + secrets.randbelow(high - low))
        gone = asyncio.create_task(_gone(receive))
        try:
            async with asyncio.timeout(self.patience_s):
                await send({"type": "http.response.start", "status": 200, "headers": HEAD})
            while not gone.done():
                news, ends = channel.news, self._ending or channel.over
                text = before + channel.text_for(seen, sure)
                sure = sure or seen.generation != channel.seen.generation
                seen, before = channel.seen, b""
                async with asyncio.timeout(self.patience_s):
                    await send({"type": "http.response.body", "body": b"" if ends else text, "more_body": not ends})
                if ends:
                    return
                await asyncio.wait({gone, news}, return_when=asyncio.FIRST_COMPLETED)
            if scope.get("extensions", {}).get(asgi.WAS_CUT, bool)():
                metrics.streams["cut"] += 1
        except TimeoutError:
            metrics.streams["cut"] += 1
            scope.get("extensions", {}).get(asgi.CUT, _nothing)()
        finally:
            gone.cancel()

    def _was_here(self, key: _Key, channel: _Channel, last: bytes) -> bool:
        """Whether a client that was told generation `last` has what is served now.

        Not where editors have changed it since, as far as this worker knows; the next generation is told in full.
        """
        here = channel.seen.generation
        same = last.isdigit() and len(last) < 20 and int(last) == here
        return same and self._current().board.unedited(key.site, key.name)

    @contextlib.contextmanager
    def _place(self, service: ServiceSettings, client: ClientAddress) -> Iterator[None]:
        of_address = self._of_address
        if self._ending:
            raise Problem(503, "stopping", "this worker is about to stop: come back", retry_after_s=1)
        full = self.open >= service.streams
        if full or (not client.local and of_address[client.address] >= service.streams_per_address):
            metrics.streams["refused"] += 1
            which = "service.streams" if full else "service.streams_per_address"
            raise Problem(
                503, "too many streams", f"{which}: there are as many as may be; ask for the list instead",
                retry_after_s=RETRY_AFTER_S,
            )  # fmt: skip
        of_address[client.address] += 1
        metrics.streams["opened"] += 1
        try:
            yield
        finally:
            metrics.streams["ended"] += 1
            of_address[client.address] -= 1
            if not of_address[client.address]:
                del of_address[client.address]

    async def _watch(self) -> None:
        loop, changed = asyncio.get_running_loop(), self._current().board.changed
        beaten_at = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await changed.wait()
            changed.clear()
            for key, channel in list(self._channels.items()):
                try:
                    await self._look(key, channel)
                except NotFoundError:  # a reload has taken the list or its site away
                    channel.over = True
                    channel.wake()
                except PopulerError:
                    pass  # it is there again in a moment
                except Exception:  # the others are to be told all the same
                    log.exception("a stream could not be told", list=key.name)
            if loop.time() >= beaten_at + BEAT_S:
                beaten_at = loop.time()
                for channel in self._channels.values():
                    channel.wake()

    async def _look(self, key: _Key, channel: _Channel) -> None:
        """Have the channel tell what is served now.

        Raises:
            NotFoundError, NotReadyError: there is no such list, or not yet.
        """
        context = self._current()
        now = context.clock()
        served = await context.board.serve(key.site, key.name, key.section, key.query, now)
        age_s, stale = age(context.settings, served, now)
        generation = served.answer.content.generation
        seen = _Seen(generation, f"{served.answer.tag}{stale}")
        if seen != channel.seen:
            channel.seen = seen
            channel.moved = b"id: %d\n\n" % generation
            channel.told = b"id: %d\ndata: %b\n\n" % (generation, served.answer.document(age_s, stale))
            channel.wake()


async def _gone(receive: asgi.Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> None:
    """A server that cannot cut a connection closes it once we have returned."""
