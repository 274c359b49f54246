"""What an event weighs by its channel: its kind, where it came from, and the place in a list at which it was clicked.

A list that counts the clicks it has itself caused feeds on them: what stands on top is clicked because it stands
there, and stays. Two settings act on that, on events whose source begins with `list:` alone. `self_click_weight` is a
factor on all of them. `position_bias` corrects those that say their position: readers look at place p with a
probability of about p ** -bias, so a click there counts by the inverse, min(p, cap) / cap to the power of the bias. It
is scaled so that the place at the cap counts fully and those above it less: nobody makes a click count more by naming a
place. A weight given for a kind from one source holds as it is, without `self_click_weight`.

Source of the curve and of capping its inverse: Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased
Feedback", WSDM 2017.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ranking.counts.arrays import FloatArray
from ranking.intake.events import LIST_SOURCE, channel_kind, channel_position, channel_source


class ChannelWeights(NamedTuple):
    """How a list weighs events. `weights` by `kind` or by `kind@source`: the more specific one holds."""

    weights: Mapping[str, float]
    self_click_weight: float = 1.0
    position_bias: float = 0.0
    position_cap: int = 10

    def per_channel(self, channels: Sequence[str]) -> FloatArray:
        """Weight of each channel, (channels,) float64, in the order of `channels`; 0 for what is not named."""
        return np.array([self._weight(name) for name in channels], dtype=np.float64)

    def _weight(self, name: str) -> float:
        kind, source, position = channel_kind(name), channel_source(name), channel_position(name)
        weight = self.weights.get(f"{kind}@{source}")
        of_list = source.startswith(LIST_SOURCE)
        if weight is None:
            weight = self.weights.get(kind, 0.0) * (self.self_click_weight if of_list else 1.0)
        if of_list and position is not None:
            weight *= seen(position, self.position_bias, self.position_cap)
        return weight


def seen(position: int, bias: float, cap: int) -> float:
    """What a click at a 1-based `position` counts: (min(position, cap) / cap) ** bias.

    >>> [seen(position, 1.0, 10) for position in (1, 5, 10, 50)]
    [0.1, 0.5, 1.0, 1.0]
    >>> seen(1, 0.0, 10)
    1.0
    """
    return float((min(position, cap) / cap) ** bias)
