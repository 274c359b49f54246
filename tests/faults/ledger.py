"""What the clients know: which batches they sent, which were acknowledged; and whether the store agrees.

Every batch counts items of its own, so that each is found in the store as often as it was counted. Invariants, after
whatever happened: an acknowledged batch is counted once, any other once or not at all, none in part, and nothing else.
"""

import asyncio
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import servers
from service import Service, wait_until
from soak import either

from ranking.refreshing.site_view import SiteView
from ranking.store.protocol import Store
from ranking.store.shards import shard_of

SHARED = "of all batches"
PAUSE_S = 0.02


@dataclass
class Sent:
    """One batch: its events by item. `acked`: an answer said that it is safe."""

    name: str
    items: dict[str, int]
    acked: bool = False

    @property
    def size(self) -> int:
        return sum(self.items.values())

    @property
    def body(self) -> bytes:
        """As NDJSON."""
        lines = (json.dumps({"item": item}) for item, count in self.items.items() for _ in range(count))
        return "\n".join(lines).encode()


@dataclass
class Ledger:
    """All batches of a test; any thread may write into it. `sent` and `acked` count events."""

    batches: list[Sent] = field(default_factory=list)
    sent: int = 0
    acked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, events: int, shard: int = 0, shards: int = 1) -> Sent:
        """A new batch of so many events (at least 3), all of one shard."""
        with self._lock:
            name = f"batch {len(self.batches)}"
            own, more, shared = (
                in_shard(item, shard, shards) for item in (f"{name}, first", f"{name}, second", SHARED)
            )
            sent = Sent(name, {own: 1, more: events - 2, shared: 1})
            self.batches.append(sent)
            self.sent += events
        return sent

    def acknowledge(self, sent: Sent) -> None:
        """Note that an answer said it is safe."""
        with self._lock:
            sent.acked = True
            self.acked += sent.size

    def check(self, counted: dict[str, int], may_be_lost: Container[str] = ()) -> None:
        """Hold the store's counts (item -> events) to the invariants.

        `may_be_lost` names batches that no promise holds for, though they were acknowledged.
        """
        whole: Counter[str] = Counter()
        for each in self.batches:
            *mine, shared = each.items
            own = {item: each.items[item] for item in mine}
            found = {item: counted[item] for item in own if item in counted}
            assert found in (own, {}), f"{each.name} is neither whole nor absent: sent {own}, counted {found}"
            if each.acked and each.name not in may_be_lost:
                assert found == own, f"{each.name} was acknowledged and is not counted"
            whole[shared] += found == own
        for item, count in whole.items():
            assert counted.get(item, 0) == count, f"{item!r}, which batches share, is not the sum of them"
        strange = counted.keys() - {item for each in self.batches for item in each.items}
        assert not strange, f"nobody sent {sorted(strange)[:5]}"


class Sender(threading.Thread):
    """Sends batches of `events` one after the other until told to stop.

    `keyed`: under idempotency keys, each again and again until it is acknowledged. Then all are, and the store must
    have exactly what was sent. Between two batches `pause_s` pass. `acks` counts answers by their ack, `refused` those
    of 503. `key` is the write key of `site`. `safe`: acks that acknowledge a batch, all where there are none.
    """

    def __init__(
        self,
        service: Service,
        ledger: Ledger,
        *,
        events: int = 50,
        keyed: bool = False,
        pause_s: float = 0.0,
        site: str = "default",
        key: str = "",
        safe: Container[str] = (),
    ) -> None:
        super().__init__(daemon=True)
        self.ledger = ledger
        self._events = events
        self._keyed = keyed
        self._pause_s = pause_s
        self._stopped = threading.Event()
        self._headers = {"authorization": f"Bearer {key or service.write_key}"}
        self._path = f"/v1/events?site={site}"
        self._safe = safe
        address = urlsplit(service.url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        self.acks: dict[str, int] = {}
        self.refused = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                sent = self.ledger.write(self._events)
                while not self._answered(sent) and self._keyed and not self._stopped.is_set():
                    pass
                self._stopped.wait(self._pause_s)
        except Exception as error:
            self.failure = error
        finally:
            self._connection.close()

    def finish(self) -> None:
        """Send no more; return when the last answer is there. Raises what went wrong with any of them."""
        self._stopped.set()
        self.join(60)
        assert not self.is_alive(), "a sender waits for ever"
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join(60)

    def _answered(self, sent: Sent) -> bool:
        """Send a batch; whether it was acknowledged."""
        headers = {**self._headers, "Idempotency-Key": sent.name.replace(" ", "-")} if self._keyed else self._headers
        try:
            self._connection.request("POST", self._path, sent.body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._stopped.wait(PAUSE_S)
            return False
        if answer.status != 202:
            assert answer.status == 503, content
            self.refused += 1
            self._stopped.wait(PAUSE_S)
            return False
        told = json.loads(content)
        assert told["accepted"] + told["duplicate"] == sent.size, told
        assert self._keyed or not told["duplicate"], told
        self.acks[told["ack"]] = self.acks.get(told["ack"], 0) + 1
        if self._safe and told["ack"] not in self._safe:
            self._stopped.wait(PAUSE_S)
            return False
        self.ledger.acknowledge(sent)
        return True


def in_shard(item: str, shard: int, shards: int) -> str:
    """`item`, with a suffix that makes it one of this shard."""
    names = itertools.chain([item], (f"{item} ({n})" for n in itertools.count()))
    return next(name for name in names if shard_of(name, shards) == shard)


async def counts_of(store: Store, site: str) -> dict[str, int]:
    """All counts that a store has of a site, sealed ones too: item -> events."""
    view, found = SiteView(site), Counter[str]()
    await view.update(store, 0.0)
    columns = view.history.columns()
    for cell, count in zip(columns.cell, columns.counts.tolist(), strict=True):
        found[view.history.items[columns.cell_item[cell]]] += int(count)
    return found


def counted(url: str, site: str = "default") -> dict[str, int]:
    """The same of the store at `url`."""

    async def read() -> dict[str, int]:
        async with servers.opened(url) as store:
            return await counts_of(store, site)

    return asyncio.run(read())


def await_counted(ledger: Ledger, url: str, site: str = "default") -> None:
    """Return when all that was acknowledged is counted; what waits on disk needs a moment. Fails as `check` does."""

    def all_there() -> bool:
        found = counted(url, site)
        return all(item in found for each in ledger.batches if each.acked for item in each.items)

    try:
        wait_until(all_there, either(30.0, 300.0))
    except AssertionError:
        ledger.check(counted(url, site))
        raise
