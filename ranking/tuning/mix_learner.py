"""Mix learner: how much an item will be read, learned from a site's past as a mix of half-lives.

    reads of the next span = sum over half-lives h of  w(h) * rate(h),
    rate(h) = ln 2 / h * sum of  counts * 2^-(age / h)

rate(h) is what an exponential average of half-life h says is read per second. No w is negative, so that the mix is a
decay as any other: never more for an older event, computed from the same counts, explained by the same sums. The mix
may differ by the age of the item (what is new is still rising) and by the hour of the day. Whether it does, the days
decide: a finer mix is taken only if it foretells days that it was not learned from better than a coarser one.

Least squares weighted by the inverse of what is expected, as a count scatters by its root; each finer mix is pulled
towards the mix of all by a ridge. What is kept of a step are sums of products, so a year of them takes no more memory
than a day.

Source: Lawson, Hanson, "Solving Least Squares Problems", 1974, ch. 23.

Rejected: boosted trees on the same inputs. They forecast no better on the real reads of docs/tuning.md, are no decay,
and nobody can say why an item is where it is.
"""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ranking.counts.arrays import FloatArray
from ranking.settings.learned import MixPart
from ranking.times import format_duration
from ranking.tuning.measures import highest

HALF_LIVES_S = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 604_800.0)
#: The rate that the weights of the squares are taken from: that of two hours.
_USUAL = HALF_LIVES_S.index(7200.0)
AGES_S = (0.0, 43_200.0, 259_200.0)
HOURS = (0, 6, 12, 18)
#: What is expected of an item is taken to be uncertain by as much as is expected of the one at this place, and by LEAST
#: reads: an item far below it is in no list under any mix.
CUT, LEAST = 10, 1.0
RIDGE = 1e-3
TOWARDS_ALL = 0.05
#: A finer mix must forecast better by this share, and be learned from MIN_DAYS days.
BETTER, MIN_DAYS = 0.002, 4
MAX_ROUNDS = 100
DIGITS = 4

Ints = npt.NDArray[np.int64]


class _Products(NamedTuple):
    """Sums over items of rate x rate, rate x reads and reads x reads, weighted; the first axes are hours and ages."""

    rates: FloatArray
    both: FloatArray
    reads: FloatArray

    def over(self, products: "_Products", sign: float) -> "_Products":
        return _Products(*(mine + sign * theirs for mine, theirs in zip(self, products, strict=True)))


def _nothing() -> _Products:
    shape = len(HOURS), len(AGES_S)
    size = len(HALF_LIVES_S)
    return _Products(np.zeros((*shape, size, size)), np.zeros((*shape, size)), np.zeros(shape))


class Learner:
    """Learns from steps of the past, in their order. Every step belongs to a day, whose number says nothing else."""

    def __init__(self) -> None:
        self._days: dict[int, _Products] = {}

    @property
    def days(self) -> int:
        """How many days there are to learn from."""
        return len(self._days)

    def observe(self, day: int, hour: int, rates: FloatArray, age_s: FloatArray, reads: FloatArray) -> None:
        """Learn from what followed on a step.

        Args:
            day: the number of the step's day.
            hour: the step's local hour.
            rates: (items, half-lives) float64, reads expected in the horizon by each of HALF_LIVES_S.
            age_s: (items,) float64, seconds since the publication.
            reads: (items,) float64, in the horizon that followed.
        """
        if not len(reads):
            return
        usual = rates[:, _USUAL]
        weights = 1.0 / (usual + float(highest(usual, CUT)[-1]) + LEAST)
        at = int(np.searchsorted(HOURS, hour, side="right")) - 1
        group = np.searchsorted(AGES_S, np.maximum(age_s, 0.0), side="right") - 1
        products = self._days.setdefault(day, _nothing())
        for number in range(len(AGES_S)):
            rows = group == number
            x, y, w = rates[rows], reads[rows], weights[rows]
            weighed = x * w[:, np.newaxis]
            products.rates[at, number] += weighed.T @ x
            products.both[at, number] += weighed.T @ y
            products.reads[at, number] += float((w * y) @ y)

    def mix(self) -> tuple[MixPart, ...]:
        """The mix that the days speak for; empty where nothing was read on any."""
        whole = _summed(self._days.values())
        if not whole.both.any():
            return ()
        grains = [(1, 1)]
        if self.days >= MIN_DAYS:
            grains += [(1, len(AGES_S)), (len(HOURS), 1), (len(HOURS), len(AGES_S))]
        losses = [self._loss(whole, *grain) for grain in grains] if len(grains) > 1 else [0.0]
        best = 0
        for number, loss in enumerate(losses):
            if loss < losses[best] * (1 - BETTER):
                best = number
        return _parts(_fitted(whole, *grains[best]))

    def _loss(self, whole: _Products, hours: int, ages: int) -> float:
        """The squared error on every day of what the other days have taught."""
        loss = 0.0
        for products in self._days.values():
            weights = _fitted(whole.over(products, -1.0), hours, ages)
            grown = np.broadcast_to(weights, (*products.both.shape,))
            loss += float(
                np.einsum("hai,haij,haj->", grown, products.rates, grown)
                - 2 * np.einsum("hai,hai->", grown, products.both)
                + products.reads.sum()
            )
        return loss


def _summed(some: Iterable[_Products]) -> _Products:
    total = _nothing()
    for each in some:
        total = total.over(each, 1.0)
    return total


def _fitted(products: _Products, hours: int, ages: int) -> FloatArray:
    """Weights by hour and age, of `hours` and `ages` groups; an axis of one holds for all."""
    rates, both = products.rates, products.both
    if hours == 1:
        rates, both = rates.sum(axis=0, keepdims=True), both.sum(axis=0, keepdims=True)
    if ages == 1:
        rates, both = rates.sum(axis=1, keepdims=True), both.sum(axis=1, keepdims=True)
    common = nonnegative(*_ridged(rates.sum(axis=(0, 1)), both.sum(axis=(0, 1)), RIDGE, None))
    weights = np.empty_like(both)
    for at, number in itertools.product(range(hours), range(ages)):
        ridged = _ridged(rates[at, number], both[at, number], TOWARDS_ALL, common)
        weights[at, number] = common if hours == ages == 1 else nonnegative(*ridged)
    return weights


def _ridged(
    rates: FloatArray, both: FloatArray, ridge: float, towards: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    scale = ridge * np.diag(rates)
    return rates + np.diag(scale), both if towards is None else both + scale * towards


def nonnegative(products: FloatArray, both: FloatArray) -> FloatArray:
    """The w >= 0 that minimises w'Pw / 2 - b'w, by the active sets of Lawson and Hanson.

    >>> nonnegative(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 0.0])).tolist()
    [1.5, 0.0]
    """
    size = len(both)
    solution, active = np.zeros(size), np.zeros(size, dtype=np.bool_)
    least = 1e-10 * max(float(np.abs(both).max(initial=0.0)), 1e-300)
    for _ in range(MAX_ROUNDS):
        slope = np.where(active | (np.diag(products) <= 0), -np.inf, both - products @ solution)
        if slope.max() <= least:
            break
        active[int(slope.argmax())] = True
        while True:
            wanted = np.zeros(size)
            wanted[active] = np.linalg.solve(products[np.ix_(active, active)], both[active])
            below = active & (wanted <= 0)
            if not below.any():
                break
            # As far towards it as no weight falls below nothing; who has reached that is out.
            share = float((solution[below] / np.maximum(solution[below] - wanted[below], 1e-300)).min())
            solution += share * (wanted - solution)
            active &= solution > least * 1e-6
            solution[~active] = 0.0
        solution = wanted
    return solution


def _parts(weights: FloatArray) -> tuple[MixPart, ...]:
    """Weights of rates as weights of counts: rate(h) is ln 2 / h times the sum, and only their ratios matter."""
    hours = HOURS if weights.shape[0] > 1 else (0,)
    ages_s = AGES_S if weights.shape[1] > 1 else (0.0,)
    count_weights = weights / np.array(HALF_LIVES_S)
    top = float(count_weights.sum(axis=2).max())
    mix = []
    for (at, hour), (number, age_s) in itertools.product(enumerate(hours), enumerate(ages_s)):
        shares = (count_weights[at, number] / top).round(DIGITS).tolist()
        named = {format_duration(h): share for h, share in zip(HALF_LIVES_S, shares, strict=True) if share > 0}
        if named:
            mix.append(MixPart(named, age_s, hour))
    return tuple(mix)
