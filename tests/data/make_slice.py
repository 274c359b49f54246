"""Writes reads_slice.csv: three days of reads of an invented newsroom, in the form of the real logs.

    python tests/data/make_slice.py

Reads follow the day (quiet at four in the morning, busy at noon and most of all in the evening), items are published
through the three days, a few draw a hundred times the interest of most, and interest halves in seven hours. No read
lies on a full five minutes. Only `Random.random` draws: its numbers are the same in every version of Python.
"""

import math
from bisect import bisect
from datetime import UTC, datetime, timedelta, timezone
from itertools import accumulate
from pathlib import Path
from random import Random

SEED = 20251201
START = datetime(2025, 12, 1, tzinfo=timezone(timedelta(hours=7)))
DAYS, ITEMS, EVENTS, VISITORS = 3, 400, 6_000, 2_500
SECTIONS = ("politik", "ekonomi", "olahraga", "hiburan", "tekno", "daerah")
PARETO_SHAPE, LARGEST_APPEAL = 1.0, 100.0
INTEREST_HALVES_IN_S = 7 * 3600
CLICK_SHARE = 0.05
HOUR_S, BUCKET_S = 3600, 300


def rhythm(second: int) -> float:
    """How busy a second of the day is, 0 to 1."""
    hour = second % 86_400 / HOUR_S
    noon, evening = (math.exp(-(((hour - peak) / width) ** 2)) for peak, width in ((12, 3), (20, 2.5)))
    return 0.08 + 0.5 * noon + 0.9 * evening


def rows() -> list[tuple[int, str, str, str, str]]:
    """(second, item, visitor, kind, section), by time."""
    draw = Random(SEED).random
    start, span = int(START.astimezone(UTC).timestamp()), DAYS * 86_400
    published = [(draw() * (DAYS + 1) - 1) * 86_400 for _ in range(ITEMS)]
    appeal = [min((1 - draw()) ** (-1 / PARETO_SHAPE), LARGEST_APPEAL) for _ in range(ITEMS)]
    section = [SECTIONS[int(draw() * len(SECTIONS))] for _ in range(ITEMS)]
    shares = []
    for hour in range(DAYS * 24):
        ages = [hour * HOUR_S - moment for moment in published]
        interest = [
            drawn * 2 ** (-age / INTEREST_HALVES_IN_S) if age >= 0 else 0.0
            for drawn, age in zip(appeal, ages, strict=True)
        ]
        shares.append(list(accumulate(interest)))
    found = []
    while len(found) < EVENTS:
        second = int(draw() * span)
        if draw() > rhythm(second) or second % BUCKET_S == 0:
            continue
        summed = shares[second // HOUR_S]
        item = bisect(summed, draw() * summed[-1])
        visitor, kind = f"v{int(draw() * VISITORS):04}", "click" if draw() < CLICK_SHARE else "view"
        found.append((start + second, f"berita-{item:03}", visitor, kind, section[item]))
    return sorted(found)


def text() -> str:
    """The whole file."""
    lines = [",".join(map(str, row)) for row in rows()]
    return "\n".join(["ts_epoch_seconds,item_id,visitor_id,kind,section", *lines, ""])


if __name__ == "__main__":
    Path(__file__).with_name("reads_slice.csv").write_text(text(), encoding="utf-8", newline="\n")
