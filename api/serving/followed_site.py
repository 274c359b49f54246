"""One site in this worker's memory: its published lists, and how they keep up with the store.

They are followed by the news channel, with a look behind it (that of `SiteEdits`), as a message can be lost.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from api.serving.rendered_list import RenderedList
from api.serving.site_edits import PATIENCE_S, SiteEdits, unranked
from ranking.backoff import Backoff
from ranking.errors import GoneError, InvalidCursorError, PopulerError
from ranking.intake.items import Item
from ranking.published.orders import order_name
from ranking.published.snapshot import Entry, Stamp
from ranking.settings.service import SiteSettings
from ranking.store.protocol import Store

PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
MAX_ORDERS = 256


class LoadedList:
    """A list as it was last published."""

    def __init__(self, generation: int, stamp: Stamp, bodies: dict[str, bytes]) -> None:
        self.generation = generation
        self.stamp = stamp
        self.bodies = bodies
        self.rendered: dict[str, RenderedList] = {}


class FollowedSite:
    """See the module's docstring. `worker` is a name that no other worker has; `on_change` is called whenever something
    else is to be served than before."""

    def __init__(self, store: Store, settings: SiteSettings, worker: str, on_change: Callable[[], None]) -> None:
        self.settings = settings
        self.lists: dict[str, LoadedList] = {}
        self.unedited: set[str] = set()
        """Lists of which editors have changed nothing since they came here."""
        self.edits = SiteEdits(store, settings.id, worker, self._told, self._edited)
        self._on_change = on_change
        self._store = store
        self._site = settings.id
        self._orders: dict[tuple[str, str, str], Sequence[str]] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take over what there is, then follow it. A store that is away is followed all the same."""
        with contextlib.suppress(PopulerError):
            await self.edits.look()
            await self._take_over()
        self._begin()

    def begin(self) -> None:
        """Follow it, and take over what there is as soon as may be."""
        self._news.set()
        self._begin()

    def use(self, settings: SiteSettings) -> None:
        """Show the same lists under other settings."""
        self.settings = settings
        for name, shown in self.lists.items():
            self._keep_orders(name, shown)
            shown.rendered.clear()
        self._edited()

    async def stop(self) -> None:
        """Follow no more."""
        await ended(self._tasks)
        with contextlib.suppress(PopulerError, TimeoutError):
            await asyncio.wait_for(self.edits.stop(), 2 * PATIENCE_S)

    async def order(self, name: str, section: str, order: str) -> Sequence[str]:
        """The items of a section of a list in an order that was published once.

        Raises:
            InvalidCursorError: it is that of another section.
            GoneError: it is kept no longer.
            PopulerError: the store does not answer.
        """
        key = name, section, order
        found = self._orders.get(key)
        if found is None:
            found = await self._store.lists.order(self._site, name, order)
            if found is None:
                raise GoneError("cursor: the list has moved on since its first page; start again without the cursor")
            if order_name(name, section, found) != order:
                raise InvalidCursorError("cursor: is that of another section")
            self._remember(key, found)
        return found

    async def entries_of(self, items: Sequence[str]) -> dict[str, Entry]:
        """Entries of items that are in no list; what nobody has described shows its id.

        Raises:
            PopulerError: the store does not answer.
        """
        found = await self._store.items.get_items(self._site, items)
        return {name: unranked(item or Item(name)) for name, item in zip(items, found, strict=True)}

    def _begin(self) -> None:
        self._tasks = [
            asyncio.create_task(each) for each in (self._listen(), self._follow(), self.edits.keep_looking())
        ]

    def _told(self, generations: Mapping[str, int]) -> None:
        if any(name not in self.lists or self.lists[name].generation != n for name, n in generations.items()):
            self._news.set()

    def _edited(self) -> None:
        self.unedited.clear()
        self._on_change()

    def _remember(self, key: tuple[str, str, str], order: Sequence[str]) -> None:
        self._orders[key] = order
        while len(self._orders) > MAX_ORDERS:
            self._orders.pop(next(iter(self._orders)))

    async def _listen(self) -> None:
        backoff = Backoff(PAUSE_S, LONGEST_PAUSE_S)
        while True:
            try:
                async for text in self._store.lists.news(self._site):
                    backoff.reset()
                    kind, _, rest = text.partition(" ")
                    if kind == "list":
                        self._news.set()
                    else:
                        await self.edits.hear(kind, *rest.split(" ", 2))
            except PopulerError:
                await asyncio.sleep(backoff.next_s())  # the look behind it says what is wrong

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                if not self.edits.known:  # nothing is shown before what editors say of it
                    await self.edits.look()
                await self._take_over()
            except PopulerError:
                await asyncio.sleep(PAUSE_S)
                self._news.set()

    async def _take_over(self) -> None:
        for name, generation in (await self._store.lists.generations(self._site)).items():
            shown = self.lists.get(name)
            if shown is not None and shown.generation == generation:
                continue
            have = shown.stamp.digests if shown else {}
            found = await self._store.lists.published(self._site, name, have)
            if found is None or (shown is not None and found.stamp.generated_at < shown.stamp.generated_at):
                continue
            kept = shown.bodies if shown else {}
            bodies = {section: found.bodies.get(section) or kept[section] for section in found.stamp.digests}
            self._keep_orders(name, shown)
            self.lists[name] = LoadedList(found.generation, found.stamp, bodies)
            self.unedited.add(name)
            self._on_change()
        await self.edits.refresh_pinned()

    def _keep_orders(self, name: str, shown: LoadedList | None) -> None:
        """Walks that began here need not ask the store for their order."""
        for section, rendered in shown.rendered.items() if shown else ():
            if rendered.walked:
                self._remember((name, section, rendered.order), rendered.ids)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Have the tasks end."""
    following = set(tasks)
    while following:  # redis-py swallows a cancellation that comes together with a reply: say it until it is heard
        for task in following:
            task.cancel()
        _, following = await asyncio.wait(following, timeout=0.1)
