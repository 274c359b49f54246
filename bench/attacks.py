"""What it costs to buy a rank, and what readers behind carriers lose to the bound that makes it dear.

`python bench/attacks.py [--json] [--days N] [--reads FILE]`; about two minutes with the defaults.

What is measured: the recording of the product (`Recorder`, the script in the bundled Valkey) on reads of five days, in
simulated time: FILE has `ts,item,visitor` lines (gzip too); without one the reads of an invented newsroom are taken,
5,900 an hour, by a power law over the newest of 2,000 items. A reader is behind a carrier's address with a chance of
60 %: 40 carriers, sizes by a power law of the exponent in the row's name; the others are spread over 20,000 networks.

What makes it honest: the same reads are recorded without a bound beside it, both lists are ranked hour by hour with a
half-life of 2 h, and a place counts as the same only where the same item stands at the same place. The last rows send
as much as they can from networks that nobody has seen (ten thousand invented readers each), and say how many such
networks it takes within one dedupe span; the baseline is a bound per address and item of 600 a minute.
"""

import asyncio
import csv
import gzip
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import servers  # isort: skip - it makes a checkout importable
from report import Row, parser_of, show

from ranking.intake.events import Event
from ranking.intake.networks import ALLOWANCE
from ranking.intake.visits import Identity
from ranking.recording.batches import Admission
from ranking.recording.recorder import Recorder
from ranking.store.redis.store import RedisStore
from ranking.times import DAY_S, HOUR_S

SPAN_S, HALF_LIFE_S, PLACES = 1_800, 2 * HOUR_S, 10
CARRIERS, CARRIED, SPREAD = 40, 0.6, 20_000
EXPONENTS = (0.7, 1.0, 1.2)
AN_HOUR, ITEMS = 5_900, 2_000
AT_ONCE = 400
INVENTED = 1_000
#: Of one address on one item, twice that at once: what a limit per address and item let through.
BEFORE_PER_MINUTE = 600
KEEP_S = 100 * 365.0 * DAY_S


class Read(NamedTuple):
    """One read, by time."""

    ts: float
    item: str
    visitor: str


def reads_of(file: Path, days: float) -> list[Read]:
    """The first `days` of a log."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = (Read(float(row[0]), row[1], row[2]) for row in csv.reader(lines) if row and row[0][:1].isdigit())
        first = next(rows)
        return [first, *itertools.takewhile(lambda read: read.ts < first.ts + days * DAY_S, rows)]


def invented(days: float) -> list[Read]:
    """The reads of a newsroom that publishes evenly and is read by a power law over what is new."""
    draw, start = random.Random(7), 1_764_547_200.0
    count, found = int(days * 24 * AN_HOUR), []
    for number in range(count):
        newest = ITEMS * (number + 1) // count
        item = max(0, newest - int(draw.paretovariate(0.6)))
        found.append(Read(start + number * days * DAY_S / count, f"item-{item}", f"v{draw.randrange(count // 4)}"))
    return found


def networks(reads: Sequence[Read], exponent: float) -> dict[str, str]:
    """The network of every visitor."""
    draw = random.Random(3)
    sizes = [1 / (place + 1) ** exponent for place in range(CARRIERS)]
    by_visitor: dict[str, str] = {}
    for read in reads:
        if read.visitor not in by_visitor:
            carrier = f"c{draw.choices(range(CARRIERS), sizes)[0]}"
            by_visitor[read.visitor] = carrier if draw.random() < CARRIED else f"n{draw.randrange(SPREAD)}"
    return by_visitor


def hashed(name: str, ts: float) -> Identity:
    """A name under the salt of the day, and of the day before in the first hour."""
    day, second = divmod(int(ts), DAY_S)
    now, before = (blake2b(f"{name} {at}".encode(), digest_size=8).digest() for at in (day, day - 1))
    return Identity(now, before if second < HOUR_S else b"")


class Site:
    """A site that records reads under a bound."""

    def __init__(self, store: RedisStore, name: str, allowance: int) -> None:
        self._name = name
        admission = Admission(SPAN_S, 30 * DAY_S, 0, allowance)
        self._recorder = Recorder(
            store.counts, writer=name, bucket_s=300, keep_s=KEEP_S, deadline_s=60, max_pending=10**7,
            admission=admission,
        )  # fmt: skip
        self.counted: list[tuple[float, str]] = []

    async def record(self, reads: Sequence[tuple[Read, str]]) -> int:
        """Record reads, each with its network; how many count."""
        before = len(self.counted)
        for group in _batched(reads):
            outcomes = await asyncio.gather(*(self._one(read, network) for read, network in group))
            self.counted += [(read.ts, read.item) for (read, _), good in zip(group, outcomes, strict=True) if good]
        return len(self.counted) - before

    async def _one(self, read: Read, network: str) -> bool:
        event = Event(read.item, "view", read.ts, hashed(read.visitor, read.ts))
        recorded = await self._recorder.record(self._name, [event], received=read.ts, network=hashed(network, read.ts))
        return recorded.accepted == 1

    def scores(self, at: float) -> Counter[str]:
        """Every item's score at a moment."""
        found: Counter[str] = Counter()
        for ts, item in self.counted:
            if at - 12 * HALF_LIFE_S < ts <= at:
                found[item] += 2 ** ((ts - at) / HALF_LIFE_S)  # type: ignore[assignment]
        return found


def _batched(reads: Sequence[tuple[Read, str]]) -> Iterator[Sequence[tuple[Read, str]]]:
    for first in range(0, len(reads), AT_ONCE):
        yield reads[first : first + AT_ONCE]


def tops(counted: Sequence[tuple[float, str]], first: float) -> list[list[str]]:
    """The first ten of every hour."""
    scores: defaultdict[str, float] = defaultdict(float)
    found, due = [], first + HOUR_S
    for ts, item in counted:
        while ts > due:
            found.append(sorted(scores, key=lambda name: -scores[name])[:PLACES])
            due += HOUR_S
            fade = 2 ** (-HOUR_S / HALF_LIFE_S)
            scores = defaultdict(float, {name: score * fade for name, score in scores.items() if score > 0.01})
        scores[item] += 2 ** ((ts - due + HOUR_S) / HALF_LIFE_S)
    return found


def row(
    name: str, value: float, unit: str, baseline: tuple[str, float], goal: str = "", met: bool | None = None
) -> Row:
    ratio = value / baseline[1] if baseline[1] else 0.0
    return Row(name, value, unit, *baseline, ratio, goal, met, {"answers": ""})


async def honest(store: RedisStore, reads: Sequence[Read], exponent: float) -> tuple[list[Row], Site]:
    """What readers behind carriers lose: over all hours, and over those of the site's first three days."""
    network_of = networks(reads, exponent)
    sent = [(read, network_of[read.visitor]) for read in reads]
    free, bound = Site(store, f"free {exponent}", 0), Site(store, f"bound {exponent}", ALLOWANCE)
    for site in (free, bound):
        await site.record(sent)
    pairs = list(zip(tops(free.counted, reads[0].ts), tops(bound.counted, reads[0].ts), strict=False))
    same = [sum(a == b for a, b in zip(*pair, strict=True)) for pair in pairs]
    lost = 1 - len(bound.counted) / len(free.counted)
    mean = sum(same) / len(same)
    name, free_of = f"carriers ^{exponent}", "without a bound"
    return [
        row(f"{name}: same places of the first ten", mean, "of 10", (free_of, 10), ">= 9.8", mean >= 9.8),
        row(f"{name}: worst hour", min(same), "of 10", (free_of, 10)),
        row(f"{name}: reads lost", 100 * lost, "%", (free_of, 0.0), "<= 2 %", lost <= 0.02),
    ], bound


async def bought(site: Site, now: float) -> list[Row]:
    """What networks that nobody has seen can add, and how many of them a rank takes."""
    scores = site.scores(now)
    ranked = [score for _, score in scores.most_common()]

    async def send(item: str, network: str, visitors: int = INVENTED) -> int:
        return await site.record([(Read(now, item, f"{network} {item} {n}"), network) for n in range(visitors)])

    unread, second_ten = "nobody reads this", scores.most_common(20)[15][0]
    alone = await send(unread, "x0")
    beside = await send(second_ten, "x1")
    carried = await send(second_ten, "c0")
    limit = ("limit per address", BEFORE_PER_MINUTE * 2)
    rows = [
        row("one network, an item that nobody reads", alone, "reads", limit, "<= 5", alone <= ALLOWANCE),
        row("one network, an item of the second ten", beside, "reads", limit, "<= 5", beside <= ALLOWANCE),
        row("the largest carrier's network, the same item", carried, "reads", limit),
    ]
    for place in (10, 1):
        item, needed = f"bought {place}", 0
        while site.scores(now)[item] <= ranked[place - 1] and needed < 1_000:
            needed += 1
            await send(item, f"y{place} {needed}", 2 * ALLOWANCE)
        rows.append(row(f"rank {place}: networks within one span", needed, "networks", ("limit per address", 1.0)))
    return rows


async def measured(reads: Sequence[Read]) -> list[Row]:
    rows: list[Row] = []
    with servers.valkey() as url:
        store = RedisStore(url)
        await store.open()
        try:
            for exponent in EXPONENTS:
                of_exponent, site = await honest(store, reads, exponent)
                rows += of_exponent
                if exponent == 1.0:
                    rows += await bought(site, reads[-1].ts)
        finally:
            await store.close()
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--days", type=float, default=5.0, help="of reads")
    parser.add_argument("--reads", type=Path, help="a log with ts,item,visitor lines")
    given = parser.parse_args()
    servers.stop_on_sigterm()
    reads = reads_of(given.reads, given.days) if given.reads else invented(given.days)
    hours = (reads[-1].ts - reads[0].ts) / HOUR_S
    rows = asyncio.run(measured(reads))
    show(
        rows,
        "What a rank costs",
        f"{len(reads):,} reads in {hours:.0f} h, {len(reads) / hours:,.0f} an hour",
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
