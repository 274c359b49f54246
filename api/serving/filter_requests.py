"""Requests for lists of some items: noted in the store as long as readers ask, so that they are ranked and published.

The first reader of a combination waits for the process that ranks to answer, for a moment; where it does not, the
answer says that it is pending. New combinations are few at a time and a minute: a stranger who makes them up neither
keeps the ranking process busy nor takes the places of those that readers ask for.
"""

import asyncio
import math
from collections.abc import Callable
from time import monotonic
from typing import Final

import msgspec
import structlog

from api.monitoring import metrics
from ranking.errors import PopulerError
from ranking.refreshing.questions import Filtered, decoded_reply, encoded_question
from ranking.store.protocol import Store

log = structlog.get_logger("api")

#: How often a combination that readers go on asking for is noted.
NOTE_EVERY_S: Final = 60.0
NEW_A_MINUTE: Final = 30
NEW_AT_ONCE: Final = 4
WAIT_S: Final = 1.5
REST_S: Final = 3.0


class _Body(msgspec.Struct):
    body: bytes


class FilterRequests:
    """The requests of one worker for one site. `clock` gives epoch seconds."""

    def __init__(self, store: Store, site: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._site = site
        self._clock = clock
        self._noted: dict[str, float] = {}  # request -> by our monotonic clock
        self._resting: dict[str, float] = {}  # request -> until when nobody waits for it again
        self._asking: dict[str, asyncio.Task[bytes | None]] = {}
        self._noting: set[asyncio.Task[None]] = set()
        self._left, self._left_at = float(NEW_A_MINUTE), monotonic()

    def note(self, name: str, key: str) -> None:
        """Note that readers ask for a combination that is published."""
        request, now = name + key, monotonic()
        if now < self._noted.get(request, -math.inf) + NOTE_EVERY_S:
            return
        self._noted = {each: at for each, at in self._noted.items() if at + NOTE_EVERY_S > now}
        self._noted[request] = now
        task = asyncio.create_task(self._note(request))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def body(self, name: str, key: str) -> bytes | None:
        """The body of a combination that is not published yet; None: it is not known in time."""
        request = name + key
        asking = self._asking.get(request)
        if asking is None:
            if self._resting.get(request, 0.0) > monotonic():
                metrics.filtered_lists["pending"] += 1
                return None
            if len(self._asking) >= NEW_AT_ONCE or not self._is_new_allowed():
                metrics.filtered_lists["refused"] += 1
                return None
            asking = self._asking[request] = asyncio.create_task(self._ask(name, key))
            asking.add_done_callback(lambda _: self._asking.pop(request, None))
        body = await asyncio.shield(asking)
        if body is None:
            now = monotonic()
            self._resting = {each: until for each, until in self._resting.items() if until > now}
            self._resting[request] = now + REST_S
        metrics.filtered_lists["pending" if body is None else "ranked"] += 1
        return body

    async def stop(self) -> None:
        """End what is under way."""
        for task in (under_way := {*self._asking.values(), *self._noting}):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _is_new_allowed(self) -> bool:
        now = monotonic()
        self._left = min(NEW_A_MINUTE, self._left + (now - self._left_at) * NEW_A_MINUTE / 60)
        self._left_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    async def _note(self, request: str) -> None:
        try:
            await self._store.lists.note_filter(self._site, request, self._clock())
        except PopulerError:
            self._noted.pop(request, None)  # the store is away: the lists in memory are served

    async def _ask(self, name: str, key: str) -> bytes | None:
        request = name + key
        self._noted[request] = monotonic()
        await self._note(request)
        try:
            async with asyncio.timeout(WAIT_S):
                question = encoded_question(Filtered(self._site, name, key))
                reply = await self._store.questions.ask(question, WAIT_S)
            document = None if reply is None else decoded_reply(reply)
            return None if document is None else msgspec.json.decode(document, type=_Body).body
        except (PopulerError, TimeoutError) as error:
            log.debug("A list of some items is not ranked yet.", site=self._site, list=name, error=str(error))
            return None
