"""The requests that a benchmark sends: who reads what, and with what headers.

Items are drawn by Zipf's law from a thousand, as readers do. Readers sit behind a few thousand addresses and use a few
hundred browsers; a service on the loopback believes their `X-Forwarded-For`, so its limits hold for each of them.

The requests are sent in turn, again and again, and yet are new each time: where a visitor is named, the generator
writes the number of its turn, so an event of a new visitor is new in every turn. REPEATED of the events are not: half
of them repeat an event of the same turn, half one of GONE turns ago, which a worker may have forgotten since. That is
the share of reads that repeat one of the same visitor and item within half an hour on a real site (of 1.88 million).
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from load import EARLIER_TURN, THIS_TURN

ITEMS, ADDRESSES, BROWSERS = 1_000, 5_000, 400
REPEATED = 0.32
NEAR = 2_000
SEED = 20

JSON, LINES = "application/json", "application/x-ndjson"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"


class Traffic(NamedTuple):
    """Requests to send, and the items that each of them holds. `name`: whose turns are counted together."""

    name: str
    requests: list[str]
    items: list[Counter[str]]
    events_each: int


class Read(NamedTuple):
    """One event to be sent. `visitor` holds the mark of a turn; None: it names none."""

    item: str
    visitor: str | None = None
    address: str | None = None
    agent: str = FIREFOX

    def body(self) -> str:
        """As it is sent."""
        said = {"item": self.item, "kind": "view"} | ({} if self.visitor is None else {"visitor": self.visitor})
        return json.dumps(said, separators=(",", ":"))


def anonymous(count: int) -> list[Read]:
    """Reads of nobody in particular."""
    return [Read(item) for item in _items(random.Random(SEED), count)]


def of_readers(name: str, count: int) -> list[Read]:
    """Reads of a turn by readers with addresses, browsers, and names that begin with `name`; a third of them repeat."""
    draw = random.Random(SEED)
    addresses, agents = _addresses(draw), _agents(draw)
    reads: list[Read] = []
    for number, item in enumerate(_items(draw, count)):
        chance = draw.random()
        if chance >= REPEATED or not reads:
            at = draw.randrange(ADDRESSES)
            reads.append(Read(item, f"{name}{number}-{THIS_TURN}", addresses[at], agents[at % BROWSERS]))
            continue
        first = draw.choice(reads[-NEAR:])
        if chance < REPEATED / 2 and first.visitor is not None:
            first = first._replace(visitor=first.visitor.replace(THIS_TURN, EARLIER_TURN))
        reads.append(first)
    return reads


def one_by_one(name: str, path: str, reads: list[Read]) -> Traffic:
    """A request for each read, as a page sends it."""
    requests = [_request(path, JSON, read, read.body()) for read in reads]
    return Traffic(name, requests, [Counter([read.item]) for read in reads], 1)


def in_batches(
    name: str, path: str, content_type: str, reads: list[Read], each: int, *, key: str | None = None
) -> Traffic:
    """Requests of `each` reads; with the write `key`, or else from the address and browser of the first of them."""
    parts = [reads[first : first + each] for first in range(0, len(reads), each)]
    form: Callable[[list[str]], str] = "\n".join if content_type == LINES else _array
    requests = [_request(path, content_type, part[0], form([read.body() for read in part]), key=key) for part in parts]
    return Traffic(name, requests, [Counter(read.item for read in part) for part in parts], each)


def _request(path: str, content_type: str, sender: Read, body: str, *, key: str | None = None) -> str:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {sender.agent}"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    elif sender.address is not None:
        lines.append(f"X-Forwarded-For: {sender.address}")
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])


def _array(events: list[str]) -> str:
    return f"[{','.join(events)}]"


def _items(draw: random.Random, count: int) -> list[str]:
    names = [f"berita-{number:06d}" for number in range(1, ITEMS + 1)]
    return draw.choices(names, [1 / rank for rank in range(1, ITEMS + 1)], k=count)


def _addresses(draw: random.Random) -> list[str]:
    """Three of four are IPv4; all are of the ranges for benchmarks and documentation."""
    return [
        f"198.{18 + draw.randrange(2)}.{draw.randrange(256)}.{draw.randrange(256)}"
        if draw.random() < 0.75
        else f"2001:db8:{draw.randrange(1 << 16):x}:{draw.randrange(1 << 16):x}::{draw.randrange(1 << 16):x}"
        for _ in range(ADDRESSES)
    ]


def _agents(draw: random.Random) -> list[str]:
    """Browsers as they call themselves: phones above all."""
    blink = "AppleWebKit/537.36 (KHTML, like Gecko)"
    kinds = (
        f"Mozilla/5.0 (Linux; Android 10; K) {blink} Chrome/{{0}}.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 14; CPH{{1}} Build/UKQ1.{{2}}; wv) {blink} Version/4.0 Chrome/{{0}}.0.{{2}}.{{1}}"
        " Mobile Safari/537.36 Instagram 361.0.0.{1} Android",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{3} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.{3} Mobile/15E{1} Safari/604.1",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {blink} Chrome/{{0}}.0.0.0 Safari/537.36",
    )
    return [
        draw.choice(kinds).format(
            draw.randrange(110, 145), draw.randrange(1000, 3000), draw.randrange(1000, 9000), draw.randrange(7)
        )
        for _ in range(BROWSERS)
    ]
