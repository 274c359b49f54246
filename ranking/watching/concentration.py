"""Concentration: how much of what came for an item in the last hour one network, or one user agent, has sent.

What came is counted whether it counts or not (`attempts`): what was left out as concentrated is the point. Each worker
makes summaries of its own in slices of SLICE_S seconds, of the items with most attempts, with the greatest networks and
agents of each; one process adds them up. Networks and agents are salted hashes of the day, so at midnight (UTC) one is
taken for two.

An item is concentrated where one network, or one agent, has sent over SHARE of at least LEAST_ATTEMPTS attempts and
over TIMES the share that it has of the site's other items: a carrier, and the one agent that Chrome has for all phones,
are over the line everywhere. Shares of an item are never above the truth, those of the site never below.

Rejected: exact counts per item and network, which is as much memory as there are pairs; counters of the most frequent
(Misra and Gries) at every event, which cost ten times as much; and asking the script that counts, which would make
every event dearer in the store.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from ranking.counts.arrays import Longs
from ranking.times import MINUTE_S

SLICE_S: Final = 5 * MINUTE_S
SLICES: Final = 12
#: Items of a summary, and networks and agents of each item and of the site.
ITEMS: Final = 200
PER_ITEM, PER_SITE = 4, 64
SHARE: Final = 0.3
LEAST_ATTEMPTS: Final = 30
TIMES: Final = 3.0
#: Networks are told apart by one of so many bits, to estimate how many there are.
BITS: Final = 256
HASH_BYTES: Final = 8
HASH_CHARS: Final = 8

Counts = dict[str, int]
#: Item, and hashes of the network and the user agent, HASH_BYTES each.
Attempt = tuple[str, bytes, bytes]


class ItemSummary(msgspec.Struct, array_like=True):
    """Attempts on an item; the most frequent networks and agents, by hash; a bit per network, in hexadecimals."""

    attempts: int
    networks: Counts
    agents: Counts
    bits: str


class Summary(msgspec.Struct, array_like=True):
    """A slice of a site: attempts on all items, the most frequent networks and agents, and what they may lack each."""

    attempts: int = 0
    networks: Counts = {}
    networks_lowered: int = 0
    agents: Counts = {}
    agents_lowered: int = 0
    items: dict[str, ItemSummary] = {}


class Sent(msgspec.Struct, frozen=True):
    """The greatest sender of an item, of those over the line if any is: its share of the item and of all others.

    `usual` None: there are too few of them to say.
    """

    share: float
    usual: float | None

    @property
    def is_over(self) -> bool:
        """Whether this is more than a sender has of an item by chance or by its size."""
        return self.share > SHARE and self.usual is not None and self.share > TIMES * self.usual


class ItemConcentration(msgspec.Struct, frozen=True):
    """The attempts on an item in the last hour; `networks`: about how many distinct ones."""

    item: str
    attempts: int
    networks: int
    network: Sent
    agent: Sent

    @property
    def is_over(self) -> bool:
        """Whether one network or one agent has sent too much of it."""
        return self.attempts >= LEAST_ATTEMPTS and (self.network.is_over or self.agent.is_over)


class Concentration(msgspec.Struct, frozen=True):
    """A site's last hour at `at` (epoch seconds): its items with most attempts, the most first."""

    at: float
    items: list[ItemConcentration] = []

    def of(self, item: str) -> ItemConcentration | None:
        """One item's; None where it is not among those with most attempts."""
        return next((each for each in self.items if each.item == item), None)


def summary_of(attempts: Sequence[Attempt]) -> Summary:
    """Summary of some attempts, exact but for what is cut off: items, and networks and agents of each and of all.

    In arrays, as it is made of every event: half a microsecond each.
    """
    items = [item for item, _, _ in attempts]  # three times as fast as zip(*attempts)
    networks = [network for _, network, _ in attempts]
    agents = [agent for _, _, agent in attempts]
    numbers: dict[str, int] = {}
    item = np.array([numbers.setdefault(name, len(numbers)) for name in items], dtype=np.int64)
    names = list(numbers)
    count_of = np.bincount(item)
    chosen = np.argsort(-count_of, kind="stable")[:ITEMS]
    network, network_names = _numbered(networks)
    agent, agent_names = _numbered(agents)
    of_networks, networks_lowered = _greatest(network, network_names)
    of_agents, agents_lowered = _greatest(agent, agent_names)
    row_of = np.full(len(names), -1)
    row_of[chosen] = np.arange(len(chosen))
    listed = np.flatnonzero(row_of[item] >= 0)
    row = row_of[item[listed]]
    networks_of = _greatest_per_row(row, network[listed], network_names)
    agents_of = _greatest_per_row(row, agent[listed], agent_names)
    bits = np.zeros((len(chosen), BITS), dtype=np.bool_)
    bits[row, np.frombuffer(b"".join(networks), dtype=np.uint8)[::HASH_BYTES][listed]] = True
    packed = np.packbits(bits, axis=1)
    return Summary(
        len(attempts),
        of_networks,
        networks_lowered,
        of_agents,
        agents_lowered,
        {
            names[number]: ItemSummary(
                int(count_of[number]), networks_of[at], agents_of[at], packed[at].tobytes().hex()
            )
            for at, number in enumerate(chosen.tolist())
        },
    )


def _numbered(hashes: Sequence[bytes]) -> tuple[Longs, Sequence[str]]:
    """The number of each hash, (attempts,) int64, and the distinct ones by their numbers."""
    distinct_ones, number = np.unique(np.frombuffer(b"".join(hashes), dtype=">u8"), return_inverse=True)
    text = distinct_ones.tobytes().hex()
    width = 2 * HASH_BYTES
    return number, [text[at : at + HASH_CHARS] for at in range(0, len(text), width)]


def _greatest(sender: Longs, names: Sequence[str]) -> tuple[Counts, int]:
    """The counts of the greatest senders, and an upper bound on that of every other."""
    count_of = np.bincount(sender)
    order = np.argsort(-count_of, kind="stable")
    kept = {names[number]: int(count_of[number]) for number in order[:PER_SITE].tolist()}
    return kept, int(count_of[order[PER_SITE]]) if len(order) > PER_SITE else 0


def _greatest_per_row(row: Longs, sender: Longs, names: Sequence[str]) -> dict[int, Counts]:
    """The counts of the greatest senders of each row."""
    pairs, counts = np.unique(row * len(names) + sender, return_counts=True)
    of_row, number = np.divmod(pairs, len(names))
    order = np.lexsort((-counts, of_row))
    of_row, number, counts = of_row[order], number[order], counts[order]
    first = np.flatnonzero(np.concatenate([[True], of_row[1:] != of_row[:-1]]))
    place = np.arange(len(of_row)) - np.repeat(first, np.diff(np.append(first, len(of_row))))
    kept = np.flatnonzero(place < PER_ITEM)
    found: dict[int, Counts] = {}
    for at, which, count in zip(of_row[kept].tolist(), number[kept].tolist(), counts[kept].tolist(), strict=True):
        found.setdefault(at, {})[names[which]] = count
    return found


def merged(summaries: Iterable[Summary]) -> Summary:
    """Some slices, or workers' parts of one, as one."""
    total = Summary(networks={}, agents={}, items={})
    for each in summaries:
        total.attempts += each.attempts
        total.networks_lowered += each.networks_lowered
        total.agents_lowered += each.agents_lowered
        _add(total.networks, each.networks)
        _add(total.agents, each.agents)
        for item, part in each.items.items():
            before = total.items.get(item)
            if before is None:
                total.items[item] = ItemSummary(part.attempts, dict(part.networks), dict(part.agents), part.bits)
                continue
            before.attempts += part.attempts
            before.networks = _greatest_of(before.networks, part.networks)
            before.agents = _greatest_of(before.agents, part.agents)
            before.bits = f"{int(before.bits, 16) | int(part.bits, 16):x}"
    total.networks, total.networks_lowered = _cut(total.networks, total.networks_lowered)
    total.agents, total.agents_lowered = _cut(total.agents, total.agents_lowered)
    if len(total.items) > 2 * ITEMS:
        total.items = dict(_most(total))
    return total


def abridged(summary: Summary) -> Summary:
    """A summary of no more than one is made with, to be stored."""
    items = {
        item: ItemSummary(part.attempts, _first(part.networks, PER_ITEM), _first(part.agents, PER_ITEM), part.bits)
        for item, part in _most(summary)
    }
    return msgspec.structs.replace(summary, items=items)


def _most(summary: Summary) -> list[tuple[str, ItemSummary]]:
    return heapq.nlargest(ITEMS, summary.items.items(), key=lambda each: (each[1].attempts, each[0]))


def _cut(counts: Counts, lowered: int) -> tuple[Counts, int]:
    """The greatest of some counts, and an upper bound on what every other is more than known."""
    if len(counts) <= 2 * PER_SITE:
        return counts, lowered
    order = heapq.nlargest(PER_SITE + 1, counts.items(), key=lambda each: (each[1], each[0]))
    return dict(order[:PER_SITE]), lowered + order[PER_SITE][1]


def concentration_of(hour: Summary, at: float) -> Concentration:
    """The concentration at `at` (epoch seconds) of the hour's slices, merged."""
    return Concentration(
        at,
        [
            ItemConcentration(
                item,
                part.attempts,
                distinct(int(part.bits, 16)),
                _sent(part.networks, part.attempts, hour.networks, hour.networks_lowered, hour.attempts),
                _sent(part.agents, part.attempts, hour.agents, hour.agents_lowered, hour.attempts),
            )
            for item, part in _most(hour)
        ],
    )


def distinct(bits: int) -> int:
    """About how many networks have set these bits, at most some 1,400.

    Linear counting: Whang et al., "A linear-time probabilistic counting algorithm", 1990.

    >>> distinct(0b1), distinct(0b1011), distinct((1 << 128) - 1)
    (1, 3, 177)
    """
    free = BITS - bits.bit_count()
    return round(BITS * math.log(BITS / max(free, 1)))


def _sent(counts: Mapping[str, int], attempts: int, of_site: Mapping[str, int], lowered: int, total: int) -> Sent:
    """The greatest of an item's senders that is over the line, else the greatest.

    `of_site` has those of the site; each of them may be `lowered` short, and others have that at most.
    """
    others = total - attempts
    senders = []
    for sender, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        at_others = max(0, of_site.get(sender, 0) + lowered - count)
        usual = None if others < LEAST_ATTEMPTS else round(min(1.0, at_others / others), 4)
        senders.append(Sent(round(count / attempts, 4), usual))
    return next((sent for sent in senders if sent.is_over), senders[0])


def _greatest_of(one: Counts, other: Counts) -> Counts:
    """Counts of both, of more than a summary is made with."""
    _add(one, other)
    return one if len(one) <= 6 * PER_ITEM else _first(one, 3 * PER_ITEM)


def _first(counts: Counts, most: int) -> Counts:
    return dict(heapq.nlargest(most, counts.items(), key=lambda each: (each[1], each[0])))


def _add(total: Counts, counts: Mapping[str, int]) -> None:
    for key, count in counts.items():
        total[key] = total.get(key, 0) + count
