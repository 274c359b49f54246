"""Store: the parts that the core needs of whatever keeps the counts. A use case asks for the parts that it needs.

Every operation of every part raises StoreUnavailableError when trying again may help and StoreRefusedError when
something must be changed first. Times are epoch seconds, durations seconds.

Invariant: an operation that is repeated after StoreUnavailableError has its effect once.
"""

from typing import Protocol

from ranking.store.counts import CountStore
from ranking.store.edits import EditStore
from ranking.store.findings import Findings
from ranking.store.items import ItemStore
from ranking.store.lease import LeaseStore
from ranking.store.lists import ListStore
from ranking.store.logbook import Logbook
from ranking.store.questions import QuestionQueue
from ranking.store.rounds import RoundStore
from ranking.store.salts import SaltStore
from ranking.store.server import ServerState
from ranking.store.sites import SiteRegister


class Store(Protocol):
    """See the module's docstring."""

    @property
    def shards(self) -> int:
        """How many shards a site's data is spread over."""
        ...

    @property
    def counts(self) -> CountStore:
        """Counts in buckets."""
        ...

    @property
    def items(self) -> ItemStore:
        """Items and take-downs."""
        ...

    @property
    def lists(self) -> ListStore:
        """Published lists."""
        ...

    @property
    def edits(self) -> EditStore:
        """Pins, blocks and boosts, their trail, and which worker shows them."""
        ...

    @property
    def lease(self) -> LeaseStore:
        """Who does the scheduled work."""
        ...

    @property
    def questions(self) -> QuestionQueue:
        """Questions to the process that ranks."""
        ...

    @property
    def rounds(self) -> RoundStore:
        """Questions to the processes that hold parts of a site."""
        ...

    @property
    def salts(self) -> SaltStore:
        """Salts of visitors' hashes."""
        ...

    @property
    def logbook(self) -> Logbook:
        """Traffic, runs of jobs and pulses."""
        ...

    @property
    def findings(self) -> Findings:
        """What lists have learned."""
        ...

    @property
    def sites(self) -> SiteRegister:
        """Which sites there are."""
        ...

    @property
    def server(self) -> ServerState:
        """The servers behind the store."""
        ...

    async def open(self) -> None:
        """Connect, and check that this store can be used as it is."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
