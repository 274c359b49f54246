"""What a click should weigh beside a view, from what a site's own clicks and views foretold of the reads to come.

A click says more of an item than a view where weighing it more makes lists that catch more of the next views. How sure
that is shows in the interval: of each draw of days the best weight is chosen anew, so the interval contains the choice.
"""

from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.intake.events import CLICK
from ranking.lists.ranker import View
from ranking.scoring.channel_weights import ChannelWeights
from ranking.tuning.evidence import Evidence, Measured
from ranking.tuning.measures import LEVEL, MIN_DAYS, Interval, draws_of_days

GRID = f"weights.{CLICK}=0,0.5,1,2,3,5,8,13,20"
#: With fewer clicks a few readers decide.
LEAST_CLICKS = 500


class BestWeight(NamedTuple):
    """The weight of a click that served best, the interval of that choice, and how many clicks it is judged by.

    `interval` None: the clicks or the days are too few for one.
    """

    weight: float
    interval: Interval | None
    clicks: int
    days: int

    @property
    def sentence(self) -> str:
        """What is to be said of it."""
        if self.clicks < LEAST_CLICKS:
            return (
                f"Of the weight of a click nothing can be said: {self.clicks:,} clicks are too few ({LEAST_CLICKS:,})."
            )
        if self.interval is None:
            return f"Of the weight of a click nothing is sure: {self.days} days are too few ({MIN_DAYS})."
        low, high = self.interval
        text = f"A click served best at the weight of {self.weight:g} views, between {low:g} and {high:g} in 95 of 100 "
        return f"{text}draws of days ({self.clicks:,} clicks)."


def clicks_of(view: View) -> int:
    """How many clicks a site has counts of."""
    columns, channels = view.history.columns(), view.history.channels
    clicks = ChannelWeights({CLICK: 1.0}).per_channel(channels)
    return round(float((columns.counts * clicks[columns.cell_channel[columns.cell]]).sum()))


def best_weight(evidence: Evidence, clicks: int) -> BestWeight:
    """The weight of a click that served best, of those that were tried."""
    measured = sorted(evidence.measured, key=_weight_of)
    weights = np.array([_weight_of(each) for each in measured])
    best, interval = _weight_of(evidence.best), None
    if clicks >= LEAST_CLICKS and evidence.days >= MIN_DAYS:
        draws = draws_of_days(int(evidence.day[-1]) + 1)
        means = np.stack([_means(each.trace.capture, evidence, draws) for each in measured])
        chosen = weights[np.argmax(means, axis=0)]
        interval = Interval(*(float(bound) for bound in np.percentile(chosen, LEVEL, method="nearest")))
    return BestWeight(best, interval, clicks, evidence.days)


def _means(values: FloatArray, evidence: Evidence, draws: FloatArray) -> FloatArray:
    """The mean of a list's values in each draw of days."""
    there = ~np.isnan(values)
    sums, counts = (
        draws @ np.bincount(evidence.day[there], weights=each[there], minlength=draws.shape[1])
        for each in (values, np.ones(len(values)))
    )
    return np.asarray(sums / np.maximum(counts, 1.0))


def _weight_of(measured: Measured) -> float:
    return measured.candidate.settings.weights.get(CLICK, 0.0)
