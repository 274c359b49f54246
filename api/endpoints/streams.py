"""`GET /v1/lists/{list}/stream`: server-sent events, one for each new generation of a list.

One task per worker watches the published lists. Clients with the same request (site, list, section, limit, exclusions)
share a channel, whose message is rendered once and sent as the same bytes; a client costs the store nothing. A client
gets the latest message only: one that reads slowly skips some, one that reads nothing for `PATIENCE_S` is cut off.

A message has the generation as its `id` and, where a reader sees another list than before, the list's answer as its
`data`; a generation that only fades scores moves the `id`, which browsers keep without an event in the page. Editorial
changes are sent at once, under the same `id`.

Rejected: a queue per client (slow clients fill the memory), and a message that only announces a change (all clients
would request the list at the same moment).
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import structlog

from api.context import CurrentContext
from api.endpoints.lists import age, list_request_from, requested_site
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

POLL_EVERY_S: Final = 1.0
"""Pins and blocks end by the clock, without a message from the store."""

HEARTBEAT_S: Final = 15.0
"""Proxies and mobile networks close connections that are silent for about half a minute."""

PATIENCE_S: Final = 10.0
RETRY_AFTER_S: Final = 30
RECONNECT_MS: Final = (2_000, 8_000)
"""Range of the random delay after which a client reconnects when its stream ends."""

HEARTBEAT: Final = b":\n\n"
HEAD: Final[asgi.Headers] = [
    ANY_ORIGIN,
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # else nginx buffers messages until it has a few kilobytes
]


class _Key(NamedTuple):
    site: str
    name: str
    section: str
    query: Query


class _Seen(NamedTuple):
    """The last message of a client: a generation, and the tag of its visible content. None: no message yet."""

    generation: int | None = None
    tag: str | None = None


class _Channel:
    """The messages for clients with the same request. `news` completes when one is to be sent, or a heartbeat."""

    def __init__(self) -> None:
        self.clients = 0
        self.over = False
        self.seen = _Seen()
        self.generation_message = self.list_message = b""
        self.news = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        self.news.set_result(None)
        self.news = asyncio.get_running_loop().create_future()

    def message_for(self, last_seen: _Seen, verified: bool) -> bytes:
        """The next message of a client. `verified` is False if `last_seen` is only the client's Last-Event-ID."""
        moved = last_seen.generation != self.seen.generation
        if last_seen.tag != self.seen.tag or (moved and not verified):
            return self.list_message
        return self.generation_message if moved else HEARTBEAT


class Streams:
    """The streams of one worker. `current` gives the context of a request that begins now."""

    def __init__(self, current: CurrentContext) -> None:
        self._current = current
        self.patience_s = PATIENCE_S
        self._channels: dict[_Key, _Channel] = {}
        self._of_address: Counter[str] = Counter()
        self._ending = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def open(self) -> int:
        """The number of open streams."""
        return self._of_address.total()

    def start(self) -> None:
        """Start to watch the published lists."""
        self._watching = asyncio.create_task(self._watch_loop())

    def end(self) -> None:
        """End all streams and refuse new ones: the worker is about to stop."""
        self._ending = True
        for channel in self._channels.values():
            channel.wake()

    async def stop(self) -> None:
        """End all streams and stop watching."""
        self.end()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def serve(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, name: str) -> None:
        """Send messages to one client until the client, the list or the worker is gone.

        Raises:
            Problem: 400, a parameter that streams do not take; 404, no such site; 503, too many streams.
            NotFoundError, NotReadyError: there is no such list, or not yet.
        """
        context = self._current()
        wanted = list_request_from(scope["query_string"])
        if wanted.query.cursor is not None:
            raise Problem(400, "bad cursor", "cursor: a stream takes none; it belongs to a list.")
        if wanted.form != JSON:
            raise Problem(400, "bad format", "format: a stream sends its list as json only.")
        key = _Key(requested_site(context, wanted).id, name, wanted.section, wanted.query)
        with self._place(context.settings.service, context.event_filter.client(scope)):
            channel = self._channels.get(key) or _Channel()
            await self._update(key, channel)
            channel = self._channels.setdefault(key, channel)  # another client may have created it meanwhile
            channel.clients += 1
            try:
                await self._send_messages(key, channel, scope, receive, send)
            finally:
                channel.clients -= 1
                if not channel.clients and self._channels.get(key) is channel:
                    del self._channels[key]

    async def _send_messages(
        self, key: _Key, channel: _Channel, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        verified = not self._is_up_to_date(key, channel, asgi.headers(scope).get(b"last-event-id", b""))
        last_seen = _Seen() if verified else channel.seen
        low, high = RECONNECT_MS
        before = b"retry: %d\n\n" % (low + secrets.randbelow(high - low))
        gone = asyncio.create_task(_gone(receive))
        try:
            async with asyncio.timeout(self.patience_s):
                await send({"type": "http.response.start", "status": 200, "headers": HEAD})
            while not gone.done():
                news, ends = channel.news, self._ending or channel.over
                text = before + channel.message_for(last_seen, verified)
                verified = verified or last_seen.generation != channel.seen.generation
                last_seen, before = channel.seen, b""
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

    def _is_up_to_date(self, key: _Key, channel: _Channel, last: bytes) -> bool:
        """Whether generation `last`, as the client's Last-Event-ID gives it, is what is served now.

        False where editors have changed the list since. The claim is not trusted further than that: the next generation
        is sent in full.
        """
        here = channel.seen.generation
        same = last.isdigit() and len(last) < 20 and int(last) == here
        return same and self._current().published_lists.unedited(key.site, key.name)

    @contextlib.contextmanager
    def _place(self, service: ServiceSettings, client: ClientAddress) -> Iterator[None]:
        of_address = self._of_address
        if self._ending:
            raise Problem(503, "stopping", "This worker is about to stop. Connect again.", retry_after_s=1)
        full = self.open >= service.streams
        if full or (not client.local and of_address[client.address] >= service.streams_per_address):
            metrics.streams["refused"] += 1
            which = "service.streams" if full else "service.streams_per_address"
            raise Problem(
                503, "too many streams", f"The number of streams has reached {which}. Request the list instead.",
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

    async def _watch_loop(self) -> None:
        loop, changed = asyncio.get_running_loop(), self._current().published_lists.changed
        beaten_at = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_EVERY_S):
                    await changed.wait()
            changed.clear()
            for key, channel in list(self._channels.items()):
                try:
                    await self._update(key, channel)
                except NotFoundError:  # a reload has taken the list or its site away
                    channel.over = True
                    channel.wake()
                except PopulerError:
                    pass  # the store was away; the next look succeeds
                except Exception:  # the other channels go on
                    log.exception("A stream could not be updated.", list=key.name)
            if loop.time() >= beaten_at + HEARTBEAT_S:
                beaten_at = loop.time()
                for channel in self._channels.values():
                    channel.wake()

    async def _update(self, key: _Key, channel: _Channel) -> None:
        """Set the channel's messages to what is served now.

        Raises:
            NotFoundError, NotReadyError: there is no such list, or not yet.
        """
        context = self._current()
        now = context.clock()
        served = await context.published_lists.serve(key.site, key.name, key.section, key.query, now)
        age_s, stale = age(context.settings, served, now)
        generation = served.answer.content.generation
        seen = _Seen(generation, f"{served.answer.tag}{stale}")
        if seen != channel.seen:
            channel.seen = seen
            channel.generation_message = b"id: %d\n\n" % generation
            channel.list_message = b"id: %d\ndata: %b\n\n" % (generation, served.answer.document(age_s, stale))
            channel.wake()


async def _gone(receive: asgi.Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> None:
    """A server that cannot cut a connection closes it once we have returned."""
