"""What editors say of one site, in this worker's memory, under a lease.

The worker says several times a second which edition it shows, and once its lease is over it shows nothing before it has
looked (see `ranking.store.edits`). With the store away there is nobody to ask, and what is in memory is shown.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from time import monotonic

import structlog

from api.serving.rendered_list import Overlay
from ranking.errors import PopulerError
from ranking.intake.items import Item
from ranking.published.edits import Edits, InForce
from ranking.published.snapshot import Entry
from ranking.store.protocol import Store

log = structlog.get_logger("api")

BEAT_S = 0.3
LEASE_S = 1.0
#: How long a read waits for a store that does not answer before it takes it for away.
PATIENCE_S = 0.25
FIRST_WAIT_S, LONGEST_WAIT_S = 0.001, 0.05


class SiteEdits:
    """See the module's docstring. `worker` is a name that no other worker has.

    `on_generations` is told the generation of each of the site's lists whenever the store has said so; `on_change` is
    called when something else holds than before.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        worker: str,
        on_generations: Callable[[Mapping[str, int]], None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._site = site
        self._worker = worker
        self._on_generations = on_generations
        self._on_change = on_change
        self.known = False
        """Whether they were ever read."""
        self._edits = Edits()
        self._removed: frozenset[str] = frozenset()
        self._pinned: Mapping[str, Item] = {}
        self._in_force: InForce | None = None
        self._weighed_at = -math.inf
        self._hidden: frozenset[str] = frozenset()
        self._overlays: dict[tuple[str, str], Overlay] = {}
        self._reading = asyncio.Lock()
        self._lease_until = -math.inf
        self._away = False
        self._looking: asyncio.Task[None] | None = None

    def overlay(self, name: str, section: str, now: float) -> Overlay:
        """What is laid over a section of a list at `now` (epoch seconds)."""
        force = self._in_force
        if force is None or not self._weighed_at <= now < force.until:
            force = self._weigh(now)
        found = self._overlays.get((name, section))
        if found is None:
            pins = [(position, self._pin(item)) for position, item in force.pins.get((name, section), ())]
            found = self._overlays[name, section] = Overlay(self._hidden, pins, force.boosts.get(name, {}))
        return found

    @property
    def sure(self) -> bool:
        """Whether this may be shown as it is: it is what the store has, or there is no store to ask."""
        return self._away or monotonic() < self._lease_until

    async def make_sure(self) -> None:
        """Look at the store; if it does not answer within a short while, it is away."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.look_quietly())
        await asyncio.wait({self._looking}, timeout=PATIENCE_S)
        if monotonic() >= self._lease_until:
            self._away = True

    async def settle(self) -> None:
        """Return when no worker shows anything older than what the store has now.

        Raises:
            PopulerError: the store does not say.
        """
        latest = await self.look()
        give_up_at, wait_s = monotonic() + 2 * LEASE_S, FIRST_WAIT_S
        while late := await self._store.edits.workers_behind(self._site, latest, LEASE_S):
            if monotonic() >= give_up_at:
                log.warning("workers may show what was changed for a moment longer", site=self._site, workers=late)
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def keep_looking(self) -> None:
        """Look several times within a lease, for ever."""
        while True:
            await self.look_quietly()
            await asyncio.sleep(BEAT_S)

    async def look_quietly(self) -> None:
        """Look, and say in the log when the store goes away and comes back."""
        try:
            await self.look()
        except PopulerError as error:
            if not self._away:
                log.warning("lists are served from memory", site=self._site, error=str(error))
            self._away = True
        else:
            if self._away:
                log.info("lists are followed again", site=self._site)
            self._away = False

    async def look(self) -> int:
        """Say what is shown here, and read what is not; the latest edition when this began.

        Raises:
            PopulerError: the store does not answer.
        """
        latest = await self._report()
        if not self.known or latest != self._edits.edition:
            await self._read()
            await self._report()
        return latest

    async def hear(self, kind: str, before: str, edition: str, item: str) -> None:
        """Take over a change that the news tell: its kind, the editions before and after it, the item.

        Raises:
            PopulerError: the store does not answer.
        """
        if kind == "item" and self.known and int(before) == self._edits.edition:
            edits = Edits(int(edition), self._edits.edits)
            self._use(edits, self._removed | {item}, self._pinned)
        elif int(edition) > self._edits.edition:
            await self._read()
        await self._report()

    async def refresh_pinned(self) -> None:
        """Read what is to be shown of pinned items.

        Raises:
            PopulerError: the store does not answer.
        """
        edits = self._edits
        pinned = await self._described(edits)
        if edits is self._edits and pinned != self._pinned:
            self._use(edits, self._removed, pinned)

    async def stop(self) -> None:
        """Tell the store that nothing is shown here any more."""
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=PATIENCE_S)
        await self._store.edits.report(self._site, self._worker, None)

    def _pin(self, item: str) -> Entry:
        return unranked(self._pinned.get(item) or Item(item), "pinned")

    def _weigh(self, now: float) -> InForce:
        self._in_force = force = self._edits.in_force(now)
        self._weighed_at = now
        self._hidden = self._removed | force.blocked
        self._overlays.clear()
        return force

    def _use(self, edits: Edits, removed: frozenset[str], pinned: Mapping[str, Item]) -> None:
        self._edits, self._removed, self._pinned = edits, removed, pinned
        self.known = True
        self._in_force = None
        self._on_change()

    async def _report(self) -> int:
        """Say what is shown here; the latest edition. A lease holds from before it is asked for."""
        shown, at = self._edits.edition, monotonic()
        standing = await self._store.edits.report(self._site, self._worker, shown)
        if self.known and standing.edition == shown:
            self._lease_until = at + LEASE_S
        self._on_generations(standing.generations)
        return standing.edition

    async def _read(self) -> None:
        async with self._reading:
            while True:
                before = self._edits.edition
                edits = await self._store.edits.read(self._site)
                removed = frozenset(await self._store.items.removed_items(self._site))
                pinned = await self._described(edits)
                # A change that the news told meanwhile may not be in what was read.
                if before == self._edits.edition or edits.edition >= self._edits.edition:
                    self._use(edits, removed, pinned)
                    return

    async def _described(self, edits: Edits) -> dict[str, Item]:
        items = sorted({subject.item for subject in edits.edits if subject.kind == "pin"})
        found = await self._store.items.get_items(self._site, items) if items else []
        return {item.id: item for item in found if item}


def unranked(item: Item, source: str = "ranked") -> Entry:
    """An item that is in no list as an entry of one."""
    return Entry(
        rank=0,
        id=item.id,
        title=item.title or item.id,
        url=item.url,
        section=item.section,
        published_at=item.published_at,
        image=item.image,
        score=None,
        views=0,
        source=source,
    )
