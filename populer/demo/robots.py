"""An attack of robots on one article, as requests that the service gets like any other.

Four kinds of unreal reads, each of which a counter that believes everything would count. Addresses are of the
ranges that are kept for documentation. The requests say them in X-Forwarded-For, as a newsroom's proxy would:
what comes from this machine itself is not limited.
"""

from collections.abc import Iterator
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from populer.demo.audience import Event, new_visitor
from populer.demo.service import AGENT

BATCH = 50
ATTACK_LASTS_S = 20.0


class Wave(NamedTuple):
    """Reads of one kind: how many, what their requests say, and who reads."""

    events: int
    headers: dict[str, str]
    one_reader: bool = False


class RobotBatch(NamedTuple):
    """One request."""

    headers: dict[str, str]
    events: list[Event]


WAVES = (
    # A program that does not even pretend.
    Wave(1500, {"User-Agent": "python-requests/2.32.3", "X-Forwarded-For": "198.51.100.7"}),
    # Somebody leans on the reload key.
    Wave(600, {"User-Agent": AGENT, "X-Forwarded-For": "203.0.113.20"}, one_reader=True),
    # A click farm: a browser's name, one address, and a new reader with every click.
    Wave(900, {"User-Agent": AGENT, "X-Forwarded-For": "203.0.113.77"}),
    # A browser that loads what nobody has opened.
    Wave(300, {"User-Agent": AGENT, "X-Forwarded-For": "198.51.100.90", "Sec-Purpose": "prefetch"}),
)
ATTACK_EVENTS = sum(wave.events for wave in WAVES)


def attack(item: str, rng: Random) -> Iterator[RobotBatch]:
    """The requests of an attack on `item`, the kinds in turn."""
    for turn in zip_longest(*(_batches(wave, item, rng) for wave in WAVES)):
        yield from (batch for batch in turn if batch is not None)


def _batches(wave: Wave, item: str, rng: Random) -> Iterator[RobotBatch]:
    visitor = new_visitor(rng)
    for _ in range(wave.events // BATCH):
        readers = [visitor if wave.one_reader else new_visitor(rng) for _ in range(BATCH)]
        yield RobotBatch(wave.headers, [{"item": item, "kind": "view", "visitor": reader} for reader in readers])
