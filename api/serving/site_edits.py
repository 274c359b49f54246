"""The edits of one site in this worker's memory, under a lease.

The worker reports several times a second which edition it shows. After its lease has expired it reads the store before
it shows anything (see `ranking.store.edits`). While the store is away the edits in memory are shown.

A store that has gone back, or came back empty, has no longer this worker's last report. What editors said and it has
lost is then made again from memory: a take-down must not come undone with a server.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
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
#: How long a read waits for the store before it counts as away.
PATIENCE_S = 0.25
FIRST_WAIT_S, LONGEST_WAIT_S = 0.001, 0.05
#: After so long without a report the store may have forgotten this worker by itself.
REMEMBERED_S = 300.0


class SiteEdits:
    """Follows the edits of one site. `worker` is unique to this object.

    `on_generations` is called with the generation of each of the site's lists at every report; `on_change` when the
    edits have changed; `on_lost` when the store has lost something, and what editors said is in it again.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        worker: str,
        on_generations: Callable[[Mapping[str, int]], None],
        on_change: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._store = store
        self._site = site
        self._worker = worker
        self._on_generations = on_generations
        self._on_change = on_change
        self._on_lost = on_lost
        self._lost = False
        self._from_disk = False
        self._reported, self._reported_at = 0, -math.inf  # as the store says it, and by our monotonic clock
        self.known = False
        """Whether the edits have been read once."""
        self._edits = Edits()
        self._removed: Mapping[str, float] = {}  # item -> epoch seconds
        self._pinned: Mapping[str, Item] = {}
        self._ends: dict[str, Mapping[str, float]] = {}
        self._in_force: InForce | None = None
        self._weighed_at = self._weighed_until = -math.inf
        self._hidden: frozenset[str] = frozenset()
        self._overlays: dict[tuple[str, str], Overlay] = {}
        self._reading = asyncio.Lock()
        self._lease_until = -math.inf
        self._away = False
        self._polling: asyncio.Task[None] | None = None

    def overlay(self, name: str, section: str, now: float) -> Overlay:
        """The overlay of a section of a list at `now` (epoch seconds)."""
        force = self._in_force
        if force is None or not self._weighed_at <= now < self._weighed_until:
            force = self._weigh(now)
        found = self._overlays.get((name, section))
        if found is None:
            pinned = force.pins.get((name, section), ())
            pins = [(position, self._pin(item)) for position, item in pinned if self._is_listed(item, now)]
            found = self._overlays[name, section] = Overlay(self._hidden, pins, force.boosts.get(name, {}))
        return found

    def set_ends(self, name: str, ends: Mapping[str, float]) -> None:
        """Set when items of the list `name` end by their own word: item -> epoch seconds."""
        if self._ends.get(name, {}) != ends:
            self._ends[name] = ends
            self._in_force = None

    @property
    def is_current(self) -> bool:
        """Whether the edits in memory may be shown: the lease is live, or the store is away."""
        return self._away or monotonic() < self._lease_until

    async def make_current(self) -> None:
        """Read the store. It counts as away if it does not answer within PATIENCE_S."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self.poll_quietly())
        await asyncio.wait({self._polling}, timeout=PATIENCE_S)
        if monotonic() >= self._lease_until:
            self._away = True

    async def settle(self) -> None:
        """Return once no worker shows an older edition than the store's current one.

        Raises:
            PopulerError: the store does not answer.
        """
        latest = await self.poll()
        give_up_at, wait_s = monotonic() + 2 * LEASE_S, FIRST_WAIT_S
        while late := await self._store.edits.workers_behind(self._site, latest, LEASE_S):
            if monotonic() >= give_up_at:
                log.warning("Workers may show the former edits for a moment longer.", site=self._site, workers=late)
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def poll_loop(self) -> None:
        """Poll several times within a lease, until cancelled."""
        while True:
            await self.poll_quietly()
            await asyncio.sleep(BEAT_S)

    async def poll_quietly(self) -> None:
        """Poll, and log when the store goes away and when it is back."""
        try:
            await self.poll()
        except PopulerError as error:
            if not self._away:
                log.warning("The store is away. Lists are served from memory.", site=self._site, error=str(error))
            self._away = True
        else:
            if self._away:
                log.info("The store is back. Lists are followed again.", site=self._site)
            self._away = False

    async def poll(self) -> int:
        """Report the edition shown here, and read a newer one. The latest edition at the time of the call.

        Raises:
            PopulerError: the store does not answer.
        """
        latest = await self._report()
        if self._lost:
            await self._put_back()
            latest = await self._report()
        if not self.known or self._from_disk or latest != self._edits.edition:
            await self._read()
            await self._report()
        return latest

    async def on_news(self, kind: str, before: str, edition: str, item: str) -> None:
        """Apply a message of the news channel: kind of the change, editions before and after it, item.

        Raises:
            PopulerError: the store does not answer.
        """
        if kind == "item" and self.known and int(before) == self._edits.edition:
            edits = Edits(int(edition), self._edits.edits)
            self._use(edits, {**self._removed, item: int(edition) / 1000}, self._pinned)
        elif int(edition) > self._edits.edition:
            await self._read()
        await self._report()

    async def refresh_pinned(self) -> None:
        """Read the descriptions of pinned items.

        Raises:
            PopulerError: the store does not answer.
        """
        edits = self._edits
        pinned = await self._described(edits)
        if edits is self._edits and pinned != self._pinned:
            self._use(edits, self._removed, pinned)

    def restore(self, edits: Edits, removed: Mapping[str, float], pinned: Iterable[Item]) -> None:
        """Show edits that were kept on disk until the store is read: what it has lost of them is not made again."""
        self._use(edits, removed, {item.id: item for item in pinned})
        self._from_disk = True

    @property
    def is_read(self) -> bool:
        """Whether the edits in memory are, or were, the store's."""
        return self.known and not self._from_disk

    @property
    def shown(self) -> tuple[Edits, Mapping[str, float], Mapping[str, Item]]:
        """The edits, the removed items (with the epoch seconds of their take-down) and the pinned ones in memory."""
        return self._edits, self._removed, self._pinned

    async def stop(self) -> None:
        """Report that this worker shows nothing any more."""
        if self._polling is not None:
            await asyncio.wait({self._polling}, timeout=PATIENCE_S)
        await self._store.edits.report(self._site, self._worker, None)

    def _pin(self, item: str) -> Entry:
        return unranked(self._pinned.get(item) or Item(item), "pinned")

    def _published_at(self, item: str) -> float:
        """When a pinned item is published, in epoch seconds; until then it is in no list."""
        known = self._pinned.get(item)
        return -math.inf if known is None or known.published_at is None else known.published_at

    def _is_listed(self, item: str, now: float) -> bool:
        """Whether a pinned item may be in lists at `now` (epoch seconds) by its own word."""
        known = self._pinned.get(item)
        return known is None or (self._published_at(item) <= now and not known.is_withdrawn(now))

    def _weigh(self, now: float) -> InForce:
        self._in_force = force = self._edits.in_force(now)
        self._weighed_at = now
        ends: dict[str, float] = {}
        for of_list in self._ends.values():
            ends |= {item: max(at, ends.get(item, at)) for item, at in of_list.items()}
        turns = [*ends.values(), *map(self._published_at, self._pinned)]
        turns += [item.expires_at for item in self._pinned.values() if item.expires_at is not None]
        self._weighed_until = min(force.until, min((at for at in turns if at > now), default=math.inf))
        self._hidden = force.blocked.union(self._removed, (item for item, at in ends.items() if at <= now))
        self._overlays.clear()
        return force

    def _use(self, edits: Edits, removed: Mapping[str, float], pinned: Mapping[str, Item]) -> None:
        self._edits, self._removed, self._pinned = edits, removed, pinned
        self.known, self._from_disk = True, False
        self._in_force = None
        self._on_change()

    async def _report(self) -> int:
        """Report the edition shown here. The latest edition. The lease begins before the call."""
        shown, at, reported = self._edits.edition, monotonic(), self._reported
        standing = await self._store.edits.report(self._site, self._worker, shown)
        forgotten = standing.reported_before < reported and at < self._reported_at + REMEMBERED_S
        self._lost = self._lost or (self.known and not self._from_disk and (forgotten or standing.edition < shown))
        if at >= self._reported_at:  # of two on their way the later counts
            self._reported, self._reported_at = standing.reported_at, at
        if self.known and standing.edition == shown:
            self._lease_until = at + LEASE_S
        self._on_generations(standing.generations)
        return standing.edition

    async def _put_back(self) -> None:
        """Make again what editors said and the store has lost."""
        await self._store.server.life()  # the first to see that it is another one holds it
        edits, removed = self._edits, self._removed
        lost = await self._store.edits.put_back(self._site, edits.edits, removed, edits.edition)
        await self._store.items.forget_items(self._site, lost)
        log.warning(
            "The store has gone back to an earlier state or is another one. What editors said was made again.",
            site=self._site,
            take_downs=len(lost),
        )
        self._lost = False
        await self._read()
        self._on_lost()

    async def _read(self) -> None:
        async with self._reading:
            while True:
                before = self._edits.edition
                edits = await self._store.edits.read(self._site)
                removed = await self._store.items.removed_items(self._site)
                pinned = await self._described(edits)
                # A change from the news channel may be newer than what was read.
                if before == self._edits.edition or edits.edition >= self._edits.edition:
                    self._use(edits, removed, pinned)
                    return

    async def _described(self, edits: Edits) -> dict[str, Item]:
        items = sorted({subject.item for subject in edits.edits if subject.kind == "pin"})
        found = await self._store.items.get_items(self._site, items) if items else []
        return {item.id: item for item in found if item}


def unranked(item: Item, source: str = "ranked") -> Entry:
    """An entry for an item that is in no list."""
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
