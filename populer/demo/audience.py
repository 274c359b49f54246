"""What a demo audience would read: arithmetic on articles and times, without clock or network.

Interest in an article is appeal × freshness; the number of readers follows the hour of the day. A breaking
story counts as fresh again, otherwise yesterday's news could never be seen to climb.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from populer.demo.articles import SECONDS_PER_MINUTE, Article

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
WIB_OFFSET_S = 7 * HOUR_S

FRESHNESS_HALF_LIFE_S = 5 * HOUR_S
STALE_FLOOR = 0.03
BREAKING_FACTOR = 15.0
BREAKING_MIN_APPEAL = 1.5

HISTORY_SPAN_S = DAY_S
HISTORY_EVENTS = 15_000
HISTORY_SLOT_S = 600.0

# Readers by hour of the day in Jakarta: asleep at three; peaks on the way to work, at noon, at night.
READERS_BY_HOUR = (
    *(30, 18, 11, 8, 12, 28, 58, 82),
    *(86, 80, 76, 82, 95, 84, 74, 72),
    *(74, 80, 88, 97, 100, 92, 72, 48),
)

Event = dict[str, Any]


def freshness(age_s: float) -> float:
    """2 ** (-age / half-life), never under a floor: some people always arrive through search.

    >>> freshness(0.0), freshness(FRESHNESS_HALF_LIFE_S)
    (1.0, 0.5)
    """
    return float(max(STALE_FLOOR, 0.5 ** (max(age_s, 0.0) / FRESHNESS_HALF_LIFE_S)))


def day_rhythm(at: float) -> float:
    """Readers at epoch second `at` as a share of the evening peak, interpolated between full hours.

    >>> day_rhythm(13 * 3600.0)  # 20.00 in Jakarta
    1.0
    """
    hour = (at + WIB_OFFSET_S) % DAY_S / HOUR_S
    before = int(hour)
    part = hour - before
    low, high = READERS_BY_HOUR[before], READERS_BY_HOUR[(before + 1) % 24]
    return (low + (high - low) * part) / max(READERS_BY_HOUR)


def interests(articles: Iterable[Article], elapsed_s: float, breaking: Mapping[str, float]) -> list[float]:
    """How much each article is wanted `elapsed_s` into the demo.

    `breaking` maps an article's id to the second of the demo at which it stops being breaking news.
    """
    return [
        max(article.appeal, BREAKING_MIN_APPEAL) * BREAKING_FACTOR
        if breaking.get(article.id, -math.inf) > elapsed_s
        else article.appeal * freshness(article.minutes_ago * SECONDS_PER_MINUTE + elapsed_s)
        for article in articles
    ]


def history_events(articles: Sequence[Article], now: float, rng: Random, *, count: int = HISTORY_EVENTS) -> list[Event]:
    """The past day's views, oldest first; no article is read before it was published."""
    begin = now - HISTORY_SPAN_S
    slots: list[tuple[str, float, float]] = []
    weights: list[float] = []
    for article in articles:
        published = article.published_at(now)
        for number in range(round(HISTORY_SPAN_S / HISTORY_SLOT_S)):
            opens = max(begin + number * HISTORY_SLOT_S, published)
            closes = begin + (number + 1) * HISTORY_SLOT_S
            if opens >= closes:
                continue
            middle = (opens + closes) / 2
            slots.append((article.id, opens, closes))
            weights.append(article.appeal * freshness(middle - published) * day_rhythm(middle) * (closes - opens))
    if not slots:
        return []
    drawn = rng.choices(slots, weights, k=count)
    events: list[Event] = [
        {"item": item, "kind": "view", "ts": min(rng.uniform(opens, closes), now)} for item, opens, closes in drawn
    ]
    events.sort(key=lambda event: float(event["ts"]))
    return events


def view_events(articles: Sequence[Article], weights: Sequence[float], count: int, rng: Random) -> list[Event]:
    """Live views, each by a reader of its own; the service counts them at receive time."""
    if count <= 0:
        return []
    return [
        {"item": article.id, "kind": "view", "visitor": new_visitor(rng)}
        for article in rng.choices(articles, weights, k=count)
    ]


def click_events(item_ids: Sequence[str], rng: Random) -> list[Event]:
    """One reader's click in the list and the view that it leads to; a rank draws 1 / rank of the clicks."""
    if not item_ids:
        return []
    chances = list(accumulate(1 / position for position in range(1, len(item_ids) + 1)))
    index = min(bisect_left(chances, rng.random() * chances[-1]), len(item_ids) - 1)
    item, visitor = item_ids[index], new_visitor(rng)
    return [
        {
            "item": item,
            "kind": "click",
            "visitor": visitor,
            "source": "list:populer",
            "position": index + 1,
        },
        {"item": item, "kind": "view", "visitor": visitor},
    ]


def new_visitor(rng: Random) -> str:
    """An opaque reader; without one, the service would see a single address reading all day."""
    return f"demo-{rng.getrandbits(48):012x}"


def poisson(mean: float, rng: Random) -> int:
    """A Poisson draw by Knuth's product of uniforms; meant for means well under 100."""
    floor = math.exp(-mean)
    count, product = 0, rng.random()
    while product > floor:
        count += 1
        product *= rng.random()
    return count
