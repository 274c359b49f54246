"""Who reads, as eight bytes that name nobody: a hash under the salt of the day, and under yesterday's while that lasts.

One visitor of one site keeps one identity for a day (UTC). Identities of different sites, of different days and of
readers and servers' visitors have nothing to do with one another. Whoever has the salt can try every address, so an
identity is as private as its salt is short-lived (see `ranking.salts`). Addresses and user agents are kept in memory
only, in a cache that is emptied with every change of the salts.

The hash is BLAKE2b with the salt as its key, 64 bits wide: among a million visitors of a day, two share an identity
with a chance of 1 in 37 million.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Final

from ranking.visits import Identity

DIGEST_BYTES: Final = 8

REMEMBERED: Final = 8192
"""Readers whose identity is kept: at most 16 MB a worker, a fifth of that with what browsers send."""

LONGEST_REMEMBERED: Final = 1024
"""Bytes of user agent and visitor of such a reader; whoever sends more is hashed each time."""

Salts = Callable[[], tuple[bytes, bytes]]


class _Hashes:
    """Hashes under one pair of salts, prepared as far as they are the same for everybody."""

    def __init__(self, today: bytes, yesterday: bytes) -> None:
        self.readers = _prepared(today, b"reader"), _prepared(yesterday, b"reader")
        self.servers = _prepared(today, b"server"), _prepared(yesterday, b"server")
        self.remembered = functools.lru_cache(maxsize=REMEMBERED)(self.reader)

    def reader(self, site: str, address: str, agent: bytes, visitor: str | None) -> Identity:
        return _identity(self.readers, _joined(site, address, agent, visitor))

    def server(self, site: str, visitor: str) -> Identity:
        return _identity(self.servers, _joined(site, "", b"", visitor))


class Visitors:
    """Tells visitors apart under the salts that `salts` gives: today's and yesterday's, the latter maybe b""."""

    def __init__(self, salts: Salts) -> None:
        self._salts = salts
        self._pair: tuple[bytes, bytes] | None = None
        self._hashes = _Hashes(b"", b"")

    def of_reader(self, site: str, address: str, agent: bytes, visitor: str | None) -> Identity:
        """Who asks from this address with this user agent, and says to be `visitor` (None: says nothing)."""
        hashes = self._current()
        if len(agent) + (4 * len(visitor) if visitor else 0) > LONGEST_REMEMBERED:
            return hashes.reader(site, address, agent, visitor)
        return hashes.remembered(site, address, agent, visitor)

    def of_server(self, site: str, visitor: str) -> Identity:
        """Whom a holder of the site's write key means by `visitor`; it is hashed like all others."""
        return self._current().server(site, visitor)

    def _current(self) -> _Hashes:
        pair = self._salts()
        if pair != self._pair:
            self._pair = pair
            self._hashes = _Hashes(*pair)
        return self._hashes


_Prepared = tuple["hashlib.blake2b | None", "hashlib.blake2b | None"]


def _prepared(salt: bytes, domain: bytes) -> "hashlib.blake2b | None":
    return hashlib.blake2b(key=salt, person=domain, digest_size=DIGEST_BYTES) if salt else None


def _identity(hashes: _Prepared, text: bytes) -> Identity:
    return Identity(*(b"" if prepared is None else _digest(prepared, text) for prepared in hashes))


def _digest(prepared: "hashlib.blake2b", text: bytes) -> bytes:
    fresh = prepared.copy()
    fresh.update(text)
    return fresh.digest()


def _joined(site: str, address: str, agent: bytes, visitor: str | None) -> bytes:
    """The fields behind all their lengths, so that none runs into the next; no visitor is not the empty one."""
    lengths = f"{len(site)} {len(address)} {len(agent)} {-1 if visitor is None else len(visitor)}"
    return f"{lengths}:{site}{address}{visitor or ''}".encode("utf-8", "surrogatepass") + agent
