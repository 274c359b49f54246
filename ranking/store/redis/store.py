"""The Store on Redis or Valkey: standalone, by unix socket, behind Sentinel, or as a Cluster.

Its parts share one `Link`, which holds the connection, sends commands and scripts, and knows how keys are laid out.

Rejected: parts that inherit from the link. Ten classes would share one namespace of private names.
"""

from ranking.store.counts import Ack
from ranking.store.redis.archive import RedisArchive
from ranking.store.redis.counts import RedisCounts
from ranking.store.redis.edits import RedisEdits
from ranking.store.redis.findings import RedisFindings
from ranking.store.redis.items import RedisItems
from ranking.store.redis.lease import RedisLease
from ranking.store.redis.link import Link
from ranking.store.redis.lists import RedisLists
from ranking.store.redis.logbook import RedisLogbook
from ranking.store.redis.questions import RedisQuestions
from ranking.store.redis.rounds import RedisRounds
from ranking.store.redis.salts import RedisSalts
from ranking.store.redis.server import RedisServer
from ranking.store.redis.sites import RedisSites


class RedisStore:
    """Store on the server(s) at `url`.

    `shards` None: as many as the store was made with, or else what suits its kind. `ack`: how safe a recorded batch is
    before `counts.record` returns, where the server can tell. `known_shards`: what the store was made with, as far as
    it is known before `open` (0: not at all), and `known_life` likewise its life (empty: not known). `confirms`:
    batches are confirmed only once they are in the server's append-only file.
    """

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        timeout_s: float = 5.0,
        allow_eviction: bool = False,
        ack: Ack = "commit",
        known_shards: int = 0,
        known_life: str = "",
        confirms: bool = False,
    ) -> None:
        link = self._link = Link(
            url,
            shards=shards,
            timeout_s=timeout_s,
            allow_eviction=allow_eviction,
            ack=ack,
            known_shards=known_shards,
            known_life=known_life,
            confirms=confirms,
        )
        edits = RedisEdits(link)
        self._counts = RedisCounts(link)
        self._items = RedisItems(link, edits)
        self._lists = RedisLists(link)
        self._edits = edits
        self._lease = RedisLease(link)
        self._questions = RedisQuestions(link)
        self._rounds = RedisRounds(link)
        self._salts = RedisSalts(link)
        self._logbook = RedisLogbook(link)
        self._findings = RedisFindings(link)
        self._server = RedisServer(link)
        self._sites = RedisSites(link)
        self._archive = RedisArchive(link)

    @property
    def counts(self) -> RedisCounts:
        return self._counts

    @property
    def items(self) -> RedisItems:
        return self._items

    @property
    def lists(self) -> RedisLists:
        return self._lists

    @property
    def edits(self) -> RedisEdits:
        return self._edits

    @property
    def lease(self) -> RedisLease:
        return self._lease

    @property
    def questions(self) -> RedisQuestions:
        return self._questions

    @property
    def rounds(self) -> RedisRounds:
        return self._rounds

    @property
    def salts(self) -> RedisSalts:
        return self._salts

    @property
    def logbook(self) -> RedisLogbook:
        return self._logbook

    @property
    def findings(self) -> RedisFindings:
        return self._findings

    @property
    def server(self) -> RedisServer:
        return self._server

    @property
    def sites(self) -> RedisSites:
        return self._sites

    @property
    def archive(self) -> RedisArchive:
        return self._archive

    @property
    def shards(self) -> int:
        return self._link.shards

    def promise(self, ack: Ack) -> None:
        """Have batches be as safe as `ack` from the next one on."""
        self._link.promise(ack)

    @property
    def url(self) -> str:
        """Its present address."""
        return self._link.url

    @property
    def is_open(self) -> bool:
        """Whether it has answered at its present address; until then every operation finds it away."""
        return self._link.is_open

    async def use(self, url: str) -> None:
        """Go on at another address of the store, once `open` has been called again."""
        await self._link.use(url)

    async def open(self) -> None:
        await self._link.open()

    async def close(self) -> None:
        await self._link.close()
