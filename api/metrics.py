"""What Prometheus is told. Where several workers run, they share their numbers through files.

A request adds to plain numbers; what they have become is told once a second. Telling it per request costs more than
counting the event does: every addition to a shared number asks the kernel who we are.
"""

import asyncio
import os
from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"
TELL_EVERY_S = 1.0

_events = Counter("populer_events", "Events received, by what became of them", ["site", "outcome"])
_lists_served = Counter("populer_lists_served", "List answers, by status", ["status"])
_list_age_seconds = Gauge("populer_list_age_seconds", "Age of the oldest list served", multiprocess_mode="max")
_commit_seconds = Histogram(
    "populer_commit_seconds",
    "From the first event of a batch until the batch is counted in the store",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

#: (site, outcome) -> events, and status -> answers, not told yet.
events: Tally[tuple[str, str]] = Tally()
lists_served: Tally[str] = Tally()


def committed(seconds: float) -> None:
    """A batch was counted so long after its first event."""
    _commit_seconds.observe(seconds)


def lost(site: str, count: int) -> None:
    """Events that nobody waited for were neither counted nor kept."""
    events[site, "lost"] += count


def tell() -> None:
    """Hand on what was added since the last time."""
    for (site, outcome), count in events.items():
        _events.labels(site, outcome).inc(count)
    for status, count in lists_served.items():
        _lists_served.labels(status).inc(count)
    events.clear()
    lists_served.clear()


async def tell_for_ever() -> None:
    """Tell every second until cancelled."""
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        tell()


def exposition(list_age_s: float, besides: Sequence[Metric]) -> bytes:
    """All metrics in Prometheus' text form, those of `besides` too."""
    tell()
    _list_age_seconds.set(list_age_s)
    own = CollectorRegistry()
    own.register(_Known(besides))
    if SHARED_DIR not in os.environ:
        return generate_latest() + generate_latest(own)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry) + generate_latest(own)


class _Known(Collector):
    """Metrics whose values are known already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics
