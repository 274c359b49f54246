"""What a demo audience would read: arithmetic on stories and times, without clock or network.

Interest in a story is appeal × freshness. How many read follows the hour of a day that passes sixty times
faster than ours: the *number* of readers is what is made up, and each of their reads is a real event, counted
when it is sent. On top of it a story may surge: more readers for some minutes, and for that story alone.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from populer.demo.articles import Story
from ranking.times import DAY_S, HOUR_S

#: Seconds of the readers' day in one of ours, and the time of their day at which the demo starts.
LAPSE = 60.0
DAY_BEGINS_S = 7 * HOUR_S

VIEWS_PER_S = 24.0
"""At the readers' busiest hour."""

FRESHNESS_HALF_LIFE_S = 5 * HOUR_S
STALE_FLOOR = 0.03

HISTORY_SPAN_S = 40 * 60.0
HISTORY_SLOT_S = 60.0

SURGE_RISE_S, SURGE_HOLD_S, SURGE_HALF_LIFE_S = 6.0, 40.0, 30.0
SURGE_OVER = 0.02

# Readers by hour of the day: asleep at three; peaks on the way to work, at noon, at night.
READERS_BY_HOUR = (
    *(30, 20, 15, 13, 16, 30, 58, 82),
    *(86, 80, 76, 82, 95, 84, 74, 72),
    *(74, 80, 88, 97, 100, 92, 72, 48),
)

Event = dict[str, Any]


class Surge(NamedTuple):
    """More readers of one item: up to `views_per_s` from `begins` (epoch seconds) on, then ever fewer."""

    item: str
    begins: float
    views_per_s: float

    def beyond(self, now: float) -> float:
        """Views a second beyond the usual.

        >>> surge = Surge("a", 100.0, 20.0)
        >>> surge.beyond(99.0), surge.beyond(103.0), surge.beyond(140.0), surge.beyond(170.0)
        (0.0, 10.0, 20.0, 10.0)
        """
        since = now - self.begins
        if since <= 0:
            return 0.0
        fading = max(0.0, since - SURGE_HOLD_S) / SURGE_HALF_LIFE_S
        return float(self.views_per_s * min(1.0, since / SURGE_RISE_S) * 0.5**fading)

    def over(self, now: float) -> bool:
        """Whether it is as good as gone."""
        return now > self.begins + SURGE_RISE_S and self.beyond(now) < SURGE_OVER * self.views_per_s


def freshness(age_s: float) -> float:
    """2 ** (-age / half-life), never under a floor: some people always arrive through search.

    >>> freshness(0.0), freshness(FRESHNESS_HALF_LIFE_S)
    (1.0, 0.5)
    """
    return float(max(STALE_FLOOR, 0.5 ** (max(age_s, 0.0) / FRESHNESS_HALF_LIFE_S)))


def readers_clock(elapsed_s: float) -> float:
    """The time of the readers' day (seconds) so long into the demo; negative: before it.

    >>> readers_clock(0.0) / HOUR_S, readers_clock(90.0) / HOUR_S, readers_clock(-480.0) / HOUR_S
    (7.0, 8.5, 23.0)
    """
    return (DAY_BEGINS_S + elapsed_s * LAPSE) % DAY_S


def day_rhythm(time_of_day_s: float) -> float:
    """Readers at a time of their day as a share of the evening peak, interpolated between full hours.

    >>> day_rhythm(20 * HOUR_S)
    1.0
    """
    hour = time_of_day_s % DAY_S / HOUR_S
    before = int(hour)
    part = hour - before
    low, high = READERS_BY_HOUR[before], READERS_BY_HOUR[(before + 1) % 24]
    return (low + (high - low) * part) / max(READERS_BY_HOUR)


def usual_rate(elapsed_s: float) -> float:
    """Views a second so long into the demo, surges apart."""
    return VIEWS_PER_S * day_rhythm(readers_clock(elapsed_s))


def interests(stories: Iterable[Story], now: float) -> list[float]:
    """How much each story is wanted at `now` (epoch seconds); nothing before it is out."""
    return [
        story.article.appeal * freshness(now - story.published_at) if now >= story.published_at else 0.0
        for story in stories
    ]


def history_events(stories: Sequence[Story], now: float, rng: Random) -> list[Event]:
    """The views that would have been counted until `now`, oldest first; none before a story was out."""
    events: list[Event] = []
    slots = round(HISTORY_SPAN_S / HISTORY_SLOT_S)
    for number in range(slots):
        opens = now - (slots - number) * HISTORY_SLOT_S
        middle = opens + HISTORY_SLOT_S / 2
        wanted = interests(stories, middle)
        if not any(wanted):
            continue
        for story in rng.choices(stories, wanted, k=round(usual_rate(middle - now) * HISTORY_SLOT_S)):
            begins = max(opens, story.published_at)
            at = min(rng.uniform(begins, opens + HISTORY_SLOT_S), now)
            events.append({"item": story.article.id, "kind": "view", "ts": at})
    events.sort(key=lambda event: float(event["ts"]))
    return events


def view_events(items: Sequence[str], weights: Sequence[float], count: int, rng: Random) -> list[Event]:
    """Live views, each by a reader of its own; the service counts them at receive time."""
    if count <= 0 or not any(weights):
        return []
    return [
        {"item": item, "kind": "view", "visitor": new_visitor(rng)} for item in rng.choices(items, weights, k=count)
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
