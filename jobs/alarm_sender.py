"""Sends alarms to their receivers, from the process that does the work of no site.

Every worker writes down what it raises; this one makes episodes of that (see `ranking.watching.episodes`) and tells
them. What each receiver has been told stands in the store before the next message goes out, so another process that
takes over repeats one message at most. While the store is away, the process that led last goes on by what it knows, and
adds that the store is away.

A receiver that fails is tried again after a pause that doubles, and holds up no other one.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import httpx2
import structlog

from jobs import webhooks
from jobs.site_leases import SiteLeases
from ranking.backoff import Backoff
from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.settings.webhooks import WebhookSettings
from ranking.store.lease import OF_NO_SITE
from ranking.store.protocol import Store
from ranking.watching.alarms import STORE_AWAY, Alarm, store_away
from ranking.watching.episodes import OVER_AFTER_S, Episode, Key, ReceiverState, episodes_after

log = structlog.get_logger("jobs.alarms")

LOOK_EVERY_S: Final = 5.0
PATIENCE_S: Final = 2.0
#: What a worker has written down holds for so long: it writes every ten seconds.
NOTE_HOLDS_S: Final = 45.0
#: A store that was away for so long is told of. A takeover by a replica is over by then.
AWAY_AFTER_S: Final = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0


class AlarmSender:
    """Follows the alarms of all workers while this process does the work of no site.

    `clock`: epoch seconds; `monotonic`: seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        leases: SiteLeases,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._leases = leases
        self._clock = clock
        self._monotonic = monotonic
        self._receivers = settings.alarms.webhooks
        self._epoch = 0  # of the term whose episodes are known; 0: it did not lead when the store answered last
        self._episodes: dict[Key, Episode] = {}
        self._unwritten: set[Key] = set()
        self._raised: list[Alarm] = []
        self._seen: dict[Key, float] = {}
        self._away_since: float | None = None
        self._pauses: dict[str, tuple[float, Backoff]] = {}
        self._states: dict[str, ReceiverState] = {}

    def use(self, settings: Settings) -> None:
        """Tell the receivers of other settings from now on. One whose settings changed is tried at once."""
        before, self._receivers = self._receivers, settings.alarms.webhooks
        for name in self._pauses.keys() - {name for name, each in self._receivers.items() if before.get(name) == each}:
            del self._pauses[name]

    async def send_loop(self) -> None:
        """Look every few seconds, until cancelled."""
        async with webhooks.client() as http:
            while True:
                if self._receivers:
                    try:
                        await self.look(http)
                    except Exception:  # one bad look must not end the loop
                        log.exception("Alarms were not sent. They are tried again.")
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, http: httpx2.AsyncClient) -> None:
        """Bring the episodes up to date, and tell the receivers what is due."""
        now = self._clock()
        try:
            async with asyncio.timeout(PATIENCE_S):
                known = await self._refreshed(now)
        except (PopulerError, TimeoutError) as error:
            known = self._without_store(now, str(error) or "it has not answered in time")
        if known:
            await self._follow(now)
            await asyncio.gather(*(self._tell(http, name, each) for name, each in self._receivers.items()))
            await self._forget(now)

    async def _refreshed(self, now: float) -> bool:
        """Read what the workers raise; False where another process sends them."""
        notes = await self._store.logbook.raised()
        self._away_since = None
        epoch = self._leases.epoch(OF_NO_SITE)
        await self._write(self._unwritten)
        if not epoch:
            self._epoch = 0
            return False
        if epoch != self._epoch:
            self._states = dict(await self._store.logbook.receivers())
            unwritten = {key: self._episodes[key] for key in self._unwritten}  # the store has not taken these yet
            self._episodes, self._seen, self._epoch = unwritten, dict.fromkeys(unwritten, now), epoch
        for each in await self._store.logbook.episodes():  # also one that the process which led before writes late
            self._episodes.setdefault(each.key, each)
            self._seen.setdefault(each.key, now)
        at = await self._store.server.time()
        fresh = [each for each in notes if at - each.at <= NOTE_HOLDS_S]
        if not fresh:  # no worker runs: nobody knows what is over
            self._seen = dict.fromkeys(self._seen, now)
        self._raised = [alarm for each in sorted(fresh, key=lambda each: each.at) for alarm in each.alarms]
        return True

    def _without_store(self, now: float, why: str) -> bool:
        """Go on by what is known; False where this process did not lead, or the store may be back in a moment."""
        self._away_since = now if self._away_since is None else self._away_since
        if not self._epoch or now - self._away_since < AWAY_AFTER_S:
            return False
        self._raised = [store_away(why, self._away_since)]
        self._seen = dict.fromkeys(self._seen, now)  # of all else nobody knows whether it is over
        return True

    async def _follow(self, now: float) -> None:
        self._seen.update({(each.alarm, each.site or ""): now for each in self._raised})
        absent = {key for key, seen_at in self._seen.items() if now - seen_at >= OVER_AFTER_S}
        for episode in episodes_after(self._episodes, self._raised, absent, now):
            known = self._episodes.get(episode.key)
            self._episodes[episode.key] = episode
            if known is None or known.over_at != episode.over_at:  # other words alone are not worth a write
                await self._write([episode.key])

    async def _tell(self, http: httpx2.AsyncClient, name: str, webhook: WebhookSettings) -> None:
        not_before, backoff = self._pauses.get(name) or (0.0, Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S))
        if self._monotonic() < not_before:
            return
        for key in list(self._episodes):
            now, episode = self._clock(), self._episodes[key]
            event = episode.due(name, now) if episode.wanted_by(webhook) else None
            if event is None or not (
                self._leases.epoch(OF_NO_SITE) or (self._away_since and episode.alarm == STORE_AWAY)
            ):
                continue  # what another process may tell is left to it
            message = webhooks.Message(event, episode.alarm, episode.site, episode.says, episode.since, now)
            error = await webhooks.post(http, webhook, message, now)
            await self._note(name, error, now)
            if error is not None:
                self._pauses[name] = (self._monotonic() + backoff.next_s(), backoff)
                return
            self._pauses.pop(name, None)
            self._episodes[key] = self._episodes[key].after(name, now)
            await self._write([key])

    async def _note(self, name: str, error: str | None, now: float) -> None:
        """Write down how a receiver fares, and log where that has changed."""
        before = self._states.get(name)
        failures = 0 if error is None else (before.failures if before else 0) + 1
        self._states[name] = state = ReceiverState(now, error, failures)
        if error is not None and (before is None or before.error != error):
            log.warning(
                f"Alarms do not reach the receiver: {error}. They are tried again. Correct alarms.webhooks.{name}.",
                receiver=name,
            )
        elif error is None and before is not None and before.error is not None:
            log.info("Alarms reach the receiver again.", receiver=name)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._store.logbook.note_receiver(name, state)
        except (PopulerError, TimeoutError):
            pass  # the next attempt writes it

    async def _write(self, keys: Iterable[Key]) -> None:
        """Write episodes; what the store does not take now is written when it is back."""
        for key in list(keys):
            self._unwritten.add(key)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._store.logbook.note_episode(self._episodes[key])
            except (PopulerError, TimeoutError):
                continue
            self._unwritten.discard(key)

    async def _forget(self, now: float) -> None:
        """Drop the episodes of which all know the end."""
        done = [key for key, each in self._episodes.items() if each.is_done(self._receivers, now)]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._store.logbook.forget_episodes(done)
        except (PopulerError, TimeoutError):
            return
        for key in done:
            del self._episodes[key]
            self._seen.pop(key, None)
            self._unwritten.discard(key)
