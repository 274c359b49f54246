"""Visits: events that count only if they are the first of their kind, and what is remembered to decide that.

An event may carry a visitor, whose further events of that kind on that item within the dedupe span do not count; an id
of its own, which counts once; or an item that nobody has vouched for, of which a bounded number of new ones a minute is
taken. All three are questions to the store, answered in the call that counts: a test before it would race.

What is guaranteed of visitors: of events of one visitor, item and kind, one that counted is never followed by another
that counts less than the span away, in event time (whole seconds), on either side, in any order of arrival. The
store keeps, per window of one span, the second at which a pair counted; looking in the neighbouring windows too makes a
window's edge no edge. Two visitors are taken for one only if their hashes of 64 bits agree: with a million pairs in
memory, one chance in nine million that it happens at all.

Rejected: a set per window that is only looked up with its predecessor (a repeat up to two spans later is lost), and a
Bloom filter (a reader in a hundred is lost for a quarter of the memory).
"""

from collections.abc import Hashable, Mapping
from hashlib import blake2b
from typing import Final, Generic, NamedTuple, TypeVar

from ranking.times import DAY_S

K = TypeVar("K", bound=Hashable)

PAIR_BYTES: Final = 8
NO_PAIR: Final = bytes(PAIR_BYTES)
MARK_SPAN_S: Final = DAY_S
"""An event's id is remembered this long at least, and twice as long at most."""

COUNTED: Final = ord("1")
REPEATED: Final = ord("0")
REFUSED: Final = ord("n")
CONCENTRATED: Final = ord("c")
SPOOLED: Final = ord("s")
TAKEN: Final = ord("m")
"""Outcomes of an event. Refused: its item was new, and the budget for new ones was spent. Concentrated: its network had
brought the item all that one network may. Spooled: it waits on disk for the store. Taken: nobody waited for the
outcome."""

SHADOW: Final = "!"
"""Opens the channels of events that were left out: `!duplicate`, `!robot`. They weigh nothing and rank nothing."""
REASONS: Final = ("robot", "prefetch", "fetch", "gpc", "limited", "duplicate", "concentrated", "proof")
REPEAT_CHANNEL: Final = SHADOW + "duplicate"

UNBOUND: Final = b"\xff" * PAIR_BYTES
"""In place of a network: the read counts among others' reads and is not bounded itself."""


class Identity(NamedTuple):
    """A visitor's hash (8 bytes), and the same one's under the salt before; empty once that is looked at no more."""

    now: bytes
    before: bytes = b""


NO_NETWORK: Final = Identity(UNBOUND)
"""Of an event that somebody vouches for, wherever it was sent from."""


class ConditionalVisits(NamedTuple):
    """The visits of a batch that count only if the store agrees, in columns, and the limits that decide it.

    `cells` number the batch's cells in their order; `seconds` are the events' times in whole epoch seconds. `pairs` has
    8 bytes per visit, `befores` too or none at all; `NO_PAIR` is compared with none. `marks` and `newcomers`: number of
    a visit (from 0) -> 8 bytes in place of its event's id, and of an item that may not be known.

    `span_s`: the dedupe span; `received_s`: when they were received (epoch seconds); `known_s`: how long an item stays
    known; `new_items`: how many unknown items a minute the shard takes.

    `networks` has 8 bytes per visit (`NO_PAIR`: of no network, `UNBOUND`), or is empty; `networks_before` the same
    under the salt before, or is empty. `items` has 8 bytes in place of the item of each cell, where there are networks.
    `allowance`: reads that any network may add to an item, see `intake.networks`; `network_items`: new items a minute
    that one network may bring while others bring some, too; `likely`: newcomers whose item was found in an address.
    """

    cells: list[int]
    seconds: list[int]
    pairs: bytes
    befores: bytes
    marks: dict[int, bytes]
    newcomers: dict[int, bytes]
    span_s: int
    received_s: int
    known_s: int
    new_items: int
    networks: bytes = b""
    networks_before: bytes = b""
    items: bytes = b""
    allowance: int = 0
    network_items: int = 0
    likely: tuple[int, ...] = ()


def pair_of(visitor: bytes, cell: str) -> bytes:
    """The hash that a visitor's events in one cell (`kind|item`) have in common: 8 bytes that say nothing of either.

    >>> pair_of(b"12345678", "view|a").hex()
    'eb5b97ab9fdd21c9'
    """
    # A visitor is 8 secret bytes: before the text they key the hash, at half the cost of its own way to take a key.
    return blake2b(visitor + cell.encode("utf-8", "surrogatepass"), digest_size=PAIR_BYTES).digest()


def short_hash(text: str) -> bytes:
    """8 bytes in place of an id."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=PAIR_BYTES).digest()


def token_mark(nonce: str, kind: str, item: str) -> bytes:
    """8 bytes in place of a page token's nonce, which is good once for each kind; no id of an event can have them."""
    return blake2b(f"{nonce} {kind} {item}".encode("utf-8", "surrogatepass"), digest_size=8, person=b"token").digest()


class Remembered(Generic[K]):
    """Keys with a number each, the one put last; at least the latest `limit` keys, at most twice as many.

    Two generations: when the younger is full, the older is forgotten.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[K, int] = {}
        self._old: dict[K, int] = {}

    def put(self, numbers: Mapping[K, int]) -> None:
        """Remember some keys."""
        self._young.update(numbers)
        if len(self._young) >= self._limit:
            self._young, self._old = {}, self._young

    def get(self, key: K) -> int | None:
        """The number of `key`, or None."""
        number = self._young.get(key)
        return self._old.get(key) if number is None else number

    def __contains__(self, key: K) -> bool:
        return key in self._young or key in self._old
