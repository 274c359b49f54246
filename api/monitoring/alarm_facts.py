"""Alarm facts: what one worker knows that alarms are decided on.

The state of lists, settings file and spool is this process's own. Pulses and evictions are read from the store every
few seconds; while the store is away their last values stay in force, and the outage is a fact of its own.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from api.monitoring import metrics
from api.monitoring.config_state import ConfigState
from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.store.lease import Leases
from ranking.store.protocol import Store
from ranking.store.server import ServerInfo
from ranking.watching.alarms import Alarm, ListState, SiteFacts, alarms
from ranking.watching.concentration import Concentration
from ranking.watching.episodes import Raised, ReceiverState
from ranking.watching.pulse import Pulse
from ranking.watching.senders import Senders
from ranking.watching.sources import Discovery, FeedState

POLL_EVERY_S = 10.0
#: A store that has not answered by then is away.
PATIENCE_S = 2.0


class AlarmFacts:
    """The facts of one worker. `listed` gives the lists that it shows, `spooled` the events in its own spool."""

    def __init__(
        self,
        store: Store,
        listed: Callable[[], Sequence[ListState]],
        clock: Callable[[], float],
        spooled: Callable[[], int],
    ) -> None:
        self._store = store
        self._listed = listed
        self._clock = clock
        self._spooled = spooled
        self.pulses: Mapping[str, Pulse] = {}
        self.senders = Senders()
        self.concentrations: Mapping[str, Concentration] = {}
        self.servers: Sequence[ServerInfo] = ()
        self.feeds: Mapping[str, Mapping[str, FeedState]] = {}
        self.discoveries: Mapping[str, Discovery] = {}
        self.receivers: Mapping[str, ReceiverState] = {}
        self.leases = Leases()
        self._leaderless: dict[str, float] = {}
        self._away: str | None = None
        self._away_since: float | None = None
        self._held_since: float | None = None
        self._clock_ahead_s = 0.0

    async def poll(self, settings: Settings) -> str | None:
        """Poll the store. The reason why it does not answer; None where it does."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                asked = time.perf_counter()
                await self._store.server.ping()
                metrics.store_answered(time.perf_counter() - asked)
                sites = [site.id for site in settings.sites]
                self.pulses = await self._store.logbook.pulses(sites)
                self.concentrations = await self._store.logbook.concentrations(sites)
                began = time.time()  # of this host, whose clock is in question
                self.servers = await self._store.server.server_info()
                now = (began + time.time()) / 2
                self._clock_ahead_s = max((now - each.time for each in self.servers), key=abs, default=0.0)
                self._note_leases(await self._store.lease.leases(), sites)
                fed = [site.id for site in settings.sites if site.feeds]
                self.feeds = {site: await self._store.logbook.feeds(site) for site in fed}
                self.discoveries = await self._store.logbook.discoveries(sites)
                if settings.alarms.webhooks:
                    known = await self._store.logbook.receivers()
                    self.receivers = {name: known[name] for name in settings.alarms.webhooks if name in known}
                self._held_since = (await self._store.server.life()).held_since
        except (PopulerError, TimeoutError) as error:
            self._away = str(error) or f"Redis has not answered within {PATIENCE_S:g} s"
            self._away_since = self._clock() if self._away_since is None else self._away_since
        else:
            self._away = self._away_since = None
        return self._away

    def _note_leases(self, leases: Leases, sites: Sequence[str]) -> None:
        """Note who works for which site, and since when nobody does."""
        self.leases, now = leases, self._clock()
        self._leaderless = {site: self._leaderless.get(site, now) for site in sites if leases.of(site) is None}

    async def poll_loop(self, current: Callable[[], tuple[Settings, ConfigState]], worker: str) -> None:
        """Poll the store every few seconds under the current settings, until cancelled.

        Where alarms have receivers, write down what `worker` raises, for the process that sends it.
        """
        while True:
            settings, config = current()
            if await self.poll(settings) is None and settings.alarms.webhooks:
                at = self._clock() - self._clock_ahead_s  # by the store's clock
                with contextlib.suppress(PopulerError):
                    raised = Raised(at, tuple(self.alarms(settings, config)))
                    await self._store.logbook.note_raised(worker, raised)
            await asyncio.sleep(POLL_EVERY_S)

    def alarms(self, settings: Settings, config: ConfigState) -> list[Alarm]:
        """The alarms that these facts raise now."""
        metrics.spooled(self._spooled())
        facts = SiteFacts(
            now=self._clock(),
            lists=self._listed(),
            pulses=self.pulses,
            refusal=config.refusal,
            refused_at=config.refused_at,
            evicted=sum(server.evicted for server in self.servers),
            spooled=metrics.spooled_on_this_host(),
            away=self._away,
            away_since=self._away_since,
            held_since=self._held_since,
            clock_ahead_s=self._clock_ahead_s,
            senders=self.senders.facts(self._clock()),
            concentrations=self.concentrations,
            feeds=self.feeds,
            leaderless=self._leaderless,
            memory_share=max(
                (each.memory / each.memory_limit for each in self.servers if each.memory_limit), default=0
            ),
        )
        return alarms(facts, settings)
