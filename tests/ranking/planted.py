"""Sites whose best half-life is known, as their reads were made so."""

import math

import numpy as np
from views import Site

from ranking.counts.arrays import FloatArray
from ranking.counts.buckets import Bucket
from ranking.counts.columns import ChannelCounts

HOUR_S = 3600.0
START = 1_764_522_000  # 2025-12-01 in Jakarta
USUAL, NOISE = 500.0, 30.0


def counted(hours: FloatArray) -> Site:
    """A site from reads per hour (rows) and item (columns)."""
    site = Site()
    for item in range(hours.shape[1]):
        site.history.item_row(f"item-{item:03}")
    for hour, reads in enumerate(hours.round().astype(np.int64)):
        rows = np.flatnonzero(reads > 0).astype(np.int32)
        bucket = Bucket(int(HOUR_S), START + hour * int(HOUR_S))
        site.history.replace_parts(bucket, 0, [ChannelCounts("view", rows, reads[rows])])
    return site


def wandering(half_life_h: float, *, items: int = 200, hours: int = 400, seed: int = 1, revert: float = 0.02) -> Site:
    """Every item's interest wanders, and reads are scattered around it.

    What is known of such a level is best by an exponential average, whose factor K follows from how much the level
    moves against how much the reads scatter: q = K^2 / (1 - K). Here q is chosen for the factor of the half-life.
    Source: Muth, "Optimal properties of exponentially weighted forecasts", JASA 1960. It is pulled back to the usual a
    little, lest the items drift apart until any list is right.
    """
    gain = 1.0 - 2.0 ** (-1.0 / half_life_h)
    step = NOISE * math.sqrt(gain * gain / (1.0 - gain))
    draw = np.random.default_rng(seed)
    level, found = np.full(items, USUAL), []
    for _ in range(hours):
        level = level + draw.normal(0, step, items) - revert * (level - USUAL)
        found.append(level + draw.normal(0, NOISE, items))
    return counted(np.array(found))


def steady(items: int = 60, hours: int = 300, seed: int = 1) -> Site:
    """Every item is read as much as ever, but for chance: the longer a list looks back, the better."""
    rate = np.linspace(20, 30, items)
    return counted(np.random.default_rng(seed).poisson(rate, (hours, items)).astype(np.float64))


def rising(hours: int, seed: int = 1) -> Site:
    """Three new items an hour, each read more from hour to hour at first and then ever less, some far more than others.

    A half-life has an item that rises behind one that has had as many reads and falls.
    """
    draw = np.random.default_rng(seed)
    course = np.concatenate([np.array([2.0, 8, 25, 60, 90]), 90 * 0.8 ** np.arange(1, 40)])
    reads = np.zeros((hours + len(course), 3 * hours))
    for item in range(3 * hours):
        first = item // 3
        reads[first : first + len(course), item] = course * draw.lognormal(0, 0.7)
    return counted(draw.poisson(reads[:hours]).astype(np.float64))


def new_every_hours(hours_each: int, items: int = 30, hours: int = 300, seed: int = 1) -> Site:
    """Other items are read every so many hours, and none of those before: what is past says nothing."""
    draw = np.random.default_rng(seed)
    blocks = math.ceil(hours / hours_each)
    reads = np.zeros((hours, blocks * items))
    for hour in range(hours):
        first = hour // hours_each * items
        reads[hour, first : first + items] = draw.poisson(np.linspace(1, 20, items))
    return counted(reads)
