"""One site in this worker's memory: its published lists, kept up to date with the store.

Changes arrive as news, which one connection brings for all sites (see `published_lists`); the poll of `SiteEdits`
catches a lost message. What it shows is kept on disk, and is the first thing that it shows after a start.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from api.monitoring import metrics
from api.serving.filter_requests import FilterRequests
from api.serving.kept_lists import KeptCopy, KeptLists, KeptSite
from api.serving.rendered_list import RenderedList
from api.serving.shown_places import ShownPlaces
from api.serving.site_edits import PATIENCE_S, SiteEdits
from ranking.errors import GoneError, InvalidCursorError, PopulerError
from ranking.intake.items import Item
from ranking.published.orders import order_name
from ranking.published.snapshot import Published, Stamp
from ranking.settings.sites import SiteSettings
from ranking.store.protocol import Store

PAUSE_S = 1.0
MAX_ORDERS = 256


class LoadedList:
    """A published list, as this worker loaded it last; one `from_disk` gives way to whatever the store has."""

    def __init__(self, generation: int, stamp: Stamp, bodies: dict[str, bytes], *, from_disk: bool = False) -> None:
        self.from_disk = from_disk
        self.generation = generation
        self.stamp = stamp
        self.bodies = bodies
        self.quiet: frozenset[str] = frozenset(stamp.quiet)
        self.provisional: dict[str, bytes] = {}
        """Bodies of what readers' filters take, by key, until the next generation has them."""
        self.rendered: dict[str, RenderedList] = {}


class FollowedSite:
    """Follows one site; `kept` is where its lists are kept on disk (None: nowhere).

    `worker` is unique to this object; `on_change` is called when an answer may have changed; `clock` gives epoch
    seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: SiteSettings,
        worker: str,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        kept: KeptLists | None,
    ) -> None:
        self.settings = settings
        self._copy = KeptCopy(kept, settings.id)
        self.lists: dict[str, LoadedList] = {}
        self.unedited: set[str] = set()
        """Lists without an edit since they were loaded."""
        self.edits = SiteEdits(store, settings.id, worker, self._on_generations, self._on_edit, self._on_lost)
        self.filter_requests = FilterRequests(store, settings.id, clock)
        self._on_change = on_change
        self._clock = clock
        self._places = ShownPlaces()
        self._unplaced: set[str] = set()  # lists that an edit has changed since their places were noted
        self._store = store
        self._site = settings.id
        self._orders: dict[tuple[str, str, str], Sequence[str]] = {}
        self._news = asyncio.Event()
        self._lost = False  # the store has gone back, or came back empty
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the site's lists and follow them, also while the store is away: then those of the disk are served."""
        await self._restore()
        with contextlib.suppress(PopulerError):
            await self.edits.poll()
            await self._load()
        self._begin()

    def begin(self) -> None:
        """Follow the site, and load its lists in the background."""
        self._news.set()
        self._begin()

    def use(self, settings: SiteSettings) -> None:
        """Serve the loaded lists under other settings."""
        self.settings = settings
        for name, shown in self.lists.items():
            self._keep_orders(name, shown)
            shown.rendered.clear()
        self._on_edit()

    async def stop(self) -> None:
        """Stop following."""
        await cancel_all(self._tasks)
        await self.filter_requests.stop()
        with contextlib.suppress(PopulerError, TimeoutError):
            await asyncio.wait_for(self.edits.stop(), 2 * PATIENCE_S)

    async def order(self, name: str, section: str, order: str) -> Sequence[str]:
        """Ids of a section of a list in an order that was published earlier.

        Raises:
            InvalidCursorError: the order is that of another section.
            GoneError: the order has expired.
            PopulerError: the store does not answer.
        """
        key = name, section, order
        ids = self._orders.get(key)
        if ids is None:
            ids = await self._store.lists.order(self._site, name, order)
            if ids is None:
                raise GoneError("cursor: the list has moved on since its first page; start again without the cursor")
            if order_name(name, section, ids) != order:
                raise InvalidCursorError("cursor: is that of another section")
            self._remember(key, ids)
        return ids

    async def on_news(self, text: str) -> None:
        """Apply a message of the site's news channel.

        Raises:
            PopulerError: the store does not answer.
        """
        kind, _, rest = text.partition(" ")
        if kind == "list":
            self._news.set()
        else:
            await self.edits.on_news(kind, *rest.split(" ", 2))

    def was_shown(self, name: str, item: str, position: int | None) -> bool:
        """Whether a reader may have the item at this position of a list on the screen; None: anywhere in it."""
        if name in self._unplaced:
            self._note_places(name, self.lists[name])
        return self._places.has(name, item, position, self._clock())

    async def items_of(self, names: Sequence[str]) -> dict[str, Item]:
        """Items that have left the list, of an undescribed one its id.

        Raises:
            PopulerError: the store does not answer.
        """
        found = await self._store.items.get_items(self._site, names)
        return {name: item or Item(name) for name, item in zip(names, found, strict=True)}

    async def keep(self) -> None:
        """Keep what is shown on disk, if it has changed and the file is old enough."""
        if self.edits.known and await self._copy.is_due():
            lists = {name: _published(shown) for name, shown in self.lists.items()}
            await self._copy.write(KeptSite.of(lists, *self.edits.shown))

    async def _restore(self) -> None:
        """Show what is kept on disk."""
        kept = await self._copy.read()
        if kept is None or self.edits.known:
            return
        self.edits.restore(kept.all_edits(), kept.removed, kept.pinned)
        for name, published in kept.lists.items():
            self.lists[name] = loaded = LoadedList(
                published.generation, published.stamp, published.bodies, from_disk=True
            )
            self.edits.set_ends(name, loaded.stamp.ends)
            self._note_places(name, loaded)
        self._copy.note_same()
        self._on_change()

    def _begin(self) -> None:
        self._tasks = [asyncio.create_task(each) for each in (self._load_loop(), self.edits.poll_loop())]

    def _on_generations(self, generations: Mapping[str, int]) -> None:
        if any(name not in self.lists or self.lists[name].generation != n for name, n in generations.items()):
            self._news.set()

    def _on_edit(self) -> None:
        self.unedited.clear()
        self._copy.note("edits")
        self._unplaced.update(self.lists)
        self._on_change()

    def _on_lost(self) -> None:
        self._lost = True
        self._news.set()

    def _note_places(self, name: str, shown: LoadedList) -> None:
        now = self._clock()
        self._places.note(name, shown.stamp, shown.bodies, partial(self.edits.overlay, name, now=now), now)
        self._unplaced.discard(name)

    def _remember(self, key: tuple[str, str, str], order: Sequence[str]) -> None:
        self._orders[key] = order
        while len(self._orders) > MAX_ORDERS:
            self._orders.pop(next(iter(self._orders)))

    async def _load_loop(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                if not self.edits.is_read:  # lists are served only together with their edits
                    await self.edits.poll()
                if self._lost:
                    await self._put_back()
                await self._load()
            except PopulerError:
                await asyncio.sleep(PAUSE_S)
                self._news.set()

    async def _load(self) -> None:
        for name, generation in (await self._store.lists.generations(self._site)).items():
            shown = self.lists.get(name)
            known = shown is not None and not shown.from_disk
            if shown is not None and known and shown.generation == generation:
                continue
            have = shown.stamp.digests if shown else {}
            published = await self._store.lists.published(self._site, name, have)
            if published is None or (shown is not None and known and published.generation <= shown.generation):
                # Whatever its time: a clock may have been ahead. A generation only falls where the store has lost it.
                if shown is not None and known and generation < shown.generation:
                    await self._store.lists.put_back(self._site, _published(shown))
                continue
            kept = shown.bodies if shown else {}
            bodies = {section: published.bodies.get(section) or kept[section] for section in published.stamp.digests}
            self._keep_orders(name, shown)
            if shown is not None and name in self._unplaced:
                self._note_places(name, shown)
            same = shown is not None and shown.stamp.digests == published.stamp.digests
            self._copy.note("times" if same else "lists")
            self.lists[name] = loaded = LoadedList(published.generation, published.stamp, bodies)
            self.edits.set_ends(name, loaded.stamp.ends)
            metrics.serves(self._site, name, published.stamp.generated_at)
            self._note_places(name, loaded)
            self.unedited.add(name)
            self._on_change()
        await self.edits.refresh_pinned()

    async def _put_back(self) -> None:
        """Put the lists back that the store has lost: other workers may need them, and generations must not fall."""
        for shown in list(self.lists.values()):
            await self._store.lists.put_back(self._site, _published(shown))
        self._lost = False

    def _keep_orders(self, name: str, shown: LoadedList | None) -> None:
        """Keep the orders that cursors of the replaced list name."""
        for section, rendered in shown.rendered.items() if shown else ():
            if rendered.has_cursors:
                self._remember((name, section, rendered.order), rendered.ids)


def _published(shown: LoadedList) -> Published:
    return Published(shown.generation, shown.stamp, shown.bodies)


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait for their end."""
    running = set(tasks)
    while running:  # redis-py swallows a cancellation that comes together with a reply: cancel again
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.1)
