"""Visitor identities: eight bytes, a hash under the salt of the day and, while it lasts, under yesterday's.

One visitor of one site keeps one identity for a day (UTC). Identities of different sites, of different days and of
readers and servers' visitors have nothing to do with one another. Whoever has the salt can try every address, so an
identity is as private as its salt is short-lived (see `ranking.recording.salts`). Addresses and user agents are kept in
memory only, in a cache that is emptied with every change of the salts. What a request's events have in common is hashed
once.

The hash is BLAKE2b with the salt as its key, 64 bits wide: among a million visitors of a day, two share an identity
with a chance of 1 in 37 million.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Final

from ranking.intake.visits import Identity

DIGEST_BYTES: Final = 8

REMEMBERED: Final = 8192
"""Senders whose hash is cached: at most 20 MB a worker, half of that with the user agents of browsers."""

LONGEST_REMEMBERED: Final = 1024
"""Bytes of user agent up to which a sender is cached; longer ones are hashed each time."""

Salts = Callable[[], tuple[bytes, bytes]]
Prepared = tuple["hashlib.blake2b", "hashlib.blake2b | None"]


class Sender:
    """The sender of one request. Called with an event's `visitor` (None: absent), gives its identity.

    `network` is what bounds how many of its events count; None: nothing does. It is then nobody's browser, and a
    visitor who is not named is nobody. `agent`: a hash of its user agent, for those who look after the service.
    """

    __slots__ = ("_before", "_now", "_unnamed", "agent", "network")

    def __init__(self, hashes: Prepared, prefix: bytes, network: Identity | None = None, agent: bytes = b"") -> None:
        now, before = hashes
        self._now = now.copy()
        self._now.update(prefix)
        self._before = before
        if before is not None:
            self._before = before.copy()
            self._before.update(prefix)
        self.network = network
        self.agent = agent
        self._unnamed = None if network is None else self._identity(b"")

    def __call__(self, visitor: str | None) -> Identity | None:
        # No visitor is not the empty one.
        return self._unnamed if visitor is None else self._identity(b"+" + visitor.encode("utf-8", "surrogatepass"))

    def _identity(self, name: bytes) -> Identity:
        return _identity((self._now, self._before), name)


class Hashes:
    """Hashes under one pair of salts, prepared with what all visitors share."""

    def __init__(self, today: bytes, yesterday: bytes) -> None:
        self._readers = _prepared(today, yesterday, b"reader")
        self._servers = _prepared(today, yesterday, b"server")
        self._networks = _prepared(today, yesterday, b"network")
        self._agents = _prepared(today, b"", b"agent")
        self.remembered = functools.lru_cache(maxsize=REMEMBERED)(self.reader)
        self.server = functools.cache(self._server)
        self._network = functools.lru_cache(maxsize=REMEMBERED)(self._network_identity)
        self._agent = functools.lru_cache(maxsize=REMEMBERED)(self._agent_hash)

    def reader(self, site: str, address: str, network: str, agent: bytes) -> Sender:
        known = self._agent(site, agent[:LONGEST_REMEMBERED])
        return Sender(self._readers, _joined(site, address, agent), self._network(site, network), known)

    def _agent_hash(self, site: str, agent: bytes) -> bytes:
        return _identity(self._agents, _joined(site, "", agent)).now

    def _network_identity(self, site: str, network: str) -> Identity:
        return _identity(self._networks, _joined(site, network, b""))

    def _server(self, site: str) -> Sender:
        return Sender(self._servers, _joined(site, "", b""))


class Visitors:
    """Identifies visitors under the salts that `salts` gives: today's, and yesterday's or b""."""

    def __init__(self, salts: Salts) -> None:
        self._salts = salts
        self._pair: tuple[bytes, bytes] | None = None
        self._hashes = Hashes(b"", b"")

    def reader(self, site: str, address: str, network: str, agent: bytes) -> Sender:
        """Who asks from this address of this network with this user agent; for the events of one request."""
        hashes = self.current()
        if len(agent) > LONGEST_REMEMBERED:
            return hashes.reader(site, address, network, agent)
        return hashes.remembered(site, address, network, agent)

    def server(self, site: str) -> Sender:
        """The sender with the site's write key. Visitors that it names are hashed like all others."""
        return self.current().server(site)

    def current(self) -> Hashes:
        """What visitors are hashed with now: another object once the salts have changed."""
        pair = self._salts()
        if pair != self._pair:
            self._pair = pair
            self._hashes = Hashes(*pair)
        return self._hashes


def _prepared(today: bytes, yesterday: bytes, domain: bytes) -> Prepared:
    now, before = (hashlib.blake2b(key=salt, person=domain, digest_size=DIGEST_BYTES) for salt in (today, yesterday))
    return now, before if yesterday else None


def _identity(hashes: Prepared, name: bytes) -> Identity:
    now, before = hashes
    now = now.copy()
    now.update(name)
    if before is None:
        return Identity(now.digest())
    before = before.copy()
    before.update(name)
    return Identity(now.digest(), before.digest())


def _joined(site: str, address: str, agent: bytes) -> bytes:
    """The fields behind all their lengths, so that none runs into the next."""
    lengths = f"{len(site)} {len(address)} {len(agent)}"
    return f"{lengths}:{site}{address}".encode("utf-8", "surrogatepass") + agent
