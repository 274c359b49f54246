"""Lookout: gathers the facts that alarms are decided on, and remembers them between looks.

Lists, the settings' file and the spool are this process's own; pulses and evictions are the store's, and are looked
for every few seconds. With the store away what was last seen of it goes on to hold, and that it is away is a fact.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from api.monitoring import metrics
from api.monitoring.config_state import ConfigState
from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.store.protocol import Store
from ranking.store.server import ServerInfo
from ranking.watching.alarms import Alarm, ListState, SiteFacts, alarms
from ranking.watching.pulse import Pulse
from ranking.watching.senders import Senders

LOOK_EVERY_S = 10.0


class AlarmFacts:
    """One worker's. `listed` gives the lists it shows, `spooled` how many events wait on its own disk."""

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
        self._pulses: Mapping[str, Pulse] = {}
        self.senders = Senders()
        self.servers: Sequence[ServerInfo] = ()
        self._away: str | None = None
        self._away_since: float | None = None

    async def look(self, settings: Settings) -> str | None:
        """See how the store fares; why it does not answer, None where it does."""
        try:
            await self._store.ping()
            self._pulses = await self._store.logbook.pulses([site.id for site in settings.sites])
            self.servers = await self._store.facts()
        except PopulerError as error:
            self._away = str(error)
            self._away_since = self._clock() if self._away_since is None else self._away_since
        else:
            self._away = self._away_since = None
        return self._away

    async def report_loop(self) -> None:
        """Tell the other workers how many events wait here, every second until cancelled."""
        while True:
            metrics.spooled(self._spooled())
            await asyncio.sleep(metrics.TELL_EVERY_S)

    async def poll_loop(self, settings: Callable[[], Settings]) -> None:
        """Look every few seconds under the settings of that time, until cancelled."""
        while True:
            await self.look(settings())
            await asyncio.sleep(LOOK_EVERY_S)

    def alarms(self, settings: Settings, config: ConfigState) -> list[Alarm]:
        """What is wrong now, as far as this worker knows."""
        metrics.spooled(self._spooled())
        facts = SiteFacts(
            now=self._clock(),
            lists=self._listed(),
            pulses=self._pulses,
            refusal=config.refusal,
            refused_at=config.refused_at,
            evicted=sum(server.evicted for server in self.servers),
            spooled=metrics.spooled_on_this_host(),
            away=self._away,
            away_since=self._away_since,
            senders=self.senders.facts(self._clock()),
        )
        return alarms(facts, settings)
