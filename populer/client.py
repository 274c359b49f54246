"""A client of a Populer service for Python programs.

    from populer.client import Populer

    with Populer("https://populer.example", key="the site's write key") as populer:
        populer.describe([{"id": "berita-1", "title": "Judul", "url": "https://www.example.id/berita-1"}])
        populer.record([{"item": "berita-1", "visitor": "opaque"}])
        for entry in populer.list("populer", limit=7)["items"]:
            ...

`AsyncPopuler` has the same methods to be awaited, in an `async with`. Both keep their connections, so make one and keep
it. A `Populer` is of one thread at a time.

Whatever leaves an outcome unknown (no connection, a timeout, 429, 502, 503, 504) is sent again until
`patience.deadline_s`: events under the same `Idempotency-Key`, so each counts once, as `duplicate` where the answer to
the first time was lost; items are upserts. A `PopulerError` says why it was given up. To go on later with the same
events, as after a restart of your own program, call `record` with the `batch_id` of before: what was counted does not
count again within 24 hours.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from populer.sending import (
    USUAL_PATIENCE,
    EventsAnswer,
    Invalid,
    ItemOutcome,
    ItemsAnswer,
    Patience,
    QueryValue,
    ServiceClient,
)
from ranking.errors import PopulerError

__all__ = [
    "AsyncPopuler", "EventsAnswer", "Invalid", "ItemOutcome", "ItemsAnswer", "Patience", "Populer", "PopulerError",
]  # fmt: skip

#: Events, or items, of one request.
BATCH: Final = 1000

Record = Mapping[str, Any]
T = TypeVar("T")


class AsyncPopuler:
    """The client for asyncio. Use as an async context manager.

    Args:
        url: the service's address.
        key: the site's write key; without one lists can be read.
        site: which site, where the service has several.
        patience: how long to try.

    Raises:
        PopulerError: the address or the key cannot be one.
    """

    def __init__(
        self, url: str, *, key: str | None = None, site: str | None = None, patience: Patience = USUAL_PATIENCE
    ) -> None:
        self._service = ServiceClient(url, site=site, key=key, patience=patience)

    async def __aenter__(self) -> Self:
        await self._service.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._service.__aexit__(kind, error, trace)

    async def record(self, events: Iterable[Record], *, batch_id: str | None = None) -> EventsAnswer:
        """Record events, and say what became of them; `index` of invalid ones is that in `events`.

        `batch_id`: a name of your own for these very events; see the module's docstring.

        Raises:
            PopulerError: the service does not answer, or refuses them; batches before may have been counted.
        """
        name = secrets.token_hex(16) if batch_id is None else batch_id
        accepted = duplicate = invalid_total = 0
        filtered: dict[str, int] = {}
        invalid: list[Invalid] = []
        ack = ""
        for number, batch in enumerate(_batches(events)):
            body = b"\n".join(msgspec.json.encode(event) for event in batch)
            answer = await self._service.post_events(body, f"{name}-{number}")
            accepted, duplicate, ack = accepted + answer.accepted, duplicate + answer.duplicate, answer.ack or ack
            filtered = {
                reason: filtered.get(reason, 0) + answer.filtered.get(reason, 0)
                for reason in filtered | answer.filtered
            }
            invalid += [Invalid(each.index + number * BATCH, each.error) for each in answer.invalid]
            invalid_total += answer.invalid_total or len(answer.invalid)
        return EventsAnswer(accepted, duplicate, filtered, invalid, invalid_total, ack)

    async def describe(self, items: Iterable[Record]) -> ItemsAnswer:
        """Describe items, and say what became of each, in their order.

        Raises:
            PopulerError: as of `record`.
        """
        stored = 0
        invalid: list[Invalid] = []
        outcomes: list[ItemOutcome] = []
        for number, batch in enumerate(_batches(items)):
            answer = await self._service.put_items(msgspec.json.encode(batch))
            stored += answer.stored
            invalid += [Invalid(each.index + number * BATCH, each.error) for each in answer.invalid]
            outcomes += answer.items
        return ItemsAnswer(stored, invalid, outcomes)

    async def take_down(self, item: str) -> None:
        """Take an item out of every list, also one that is not there.

        Raises:
            PopulerError: as of `record`.
        """
        await self._service.delete_item(item)

    async def list(self, name: str = "populer", **query: QueryValue) -> dict[str, Any]:
        """A list as the service answers it: `items` and what it is. `query`: limit, section, exclude and the like.

        Raises:
            PopulerError: as of `record`, and there is no such list.
        """
        return await self._service.get_list(name, query)


class Populer:
    """The client for programs without asyncio. Use as a context manager; arguments and methods are `AsyncPopuler`'s."""

    def __init__(
        self, url: str, *, key: str | None = None, site: str | None = None, patience: Patience = USUAL_PATIENCE
    ) -> None:
        self._client = AsyncPopuler(url, key=key, site=site, patience=patience)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._run(self._client.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._client.__aexit__(kind, error, trace))
        self._runner.close()

    def record(self, events: Iterable[Record], *, batch_id: str | None = None) -> EventsAnswer:
        """See `AsyncPopuler.record`."""
        return self._run(self._client.record(events, batch_id=batch_id))

    def describe(self, items: Iterable[Record]) -> ItemsAnswer:
        """See `AsyncPopuler.describe`."""
        return self._run(self._client.describe(items))

    def take_down(self, item: str) -> None:
        """See `AsyncPopuler.take_down`."""
        self._run(self._client.take_down(item))

    def list(self, name: str = "populer", **query: QueryValue) -> dict[str, Any]:
        """See `AsyncPopuler.list`."""
        return self._run(self._client.list(name, **query))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


def _batches(records: Iterable[Record]) -> Iterator[Sequence[Record]]:
    left = iter(records)
    while batch := list(islice(left, BATCH)):
        yield batch
