"""What Prometheus is told. Where several workers run, they share their numbers through files.

A request adds to plain numbers; what they have become is told once a second. Telling it per request costs more than
counting the event does: every addition to a shared number asks the kernel who we are.
"""

import asyncio
import os
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ranking.watching.alarms import ALARMS, OF_SITES, Alarm

SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"
TELL_EVERY_S = 1.0

_events = Counter("populer_events", "Events received, by what became of them", ["site", "outcome"])
_lists_served = Counter("populer_lists_served", "List answers, by status", ["status"])
_streams = Counter("populer_streams", "Streams of lists: opened, ended, of which cut; and refused", ["outcome"])
_denied = Counter("populer_denied", "Requests with a key that will not do, by why", ["site", "reason"])
_list_age_seconds = Gauge("populer_list_age_seconds", "Age of the oldest list served", multiprocess_mode="max")
_spooled_events = Gauge(
    "populer_spooled_events", "Events that wait on this host's disk for the store", multiprocess_mode="livesum"
)
_commit_seconds = Histogram(
    "populer_commit_seconds",
    "From the first event of a batch until the batch is counted in the store",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

#: (site, outcome) -> events, status -> answers, outcome -> streams, (site, reason) -> requests, not told yet.
events: Tally[tuple[str, str]] = Tally()
lists_served: Tally[str] = Tally()
streams: Tally[str] = Tally()
denied: Tally[tuple[str, str]] = Tally()


def committed(seconds: float) -> None:
    """A batch was counted so long after its first event."""
    _commit_seconds.observe(seconds)


def lost(site: str, count: int) -> None:
    """Events that nobody waited for were neither counted nor kept."""
    events[site, "lost"] += count


def spooled(events: int) -> None:
    """So many events wait on this worker's disk."""
    _spooled_events.set(events)


def spooled_on_this_host() -> int:
    """How many events wait on the disks of all workers here, as they have said last."""
    registry = _shared() if SHARED_DIR in os.environ else REGISTRY
    return int(registry.get_sample_value("populer_spooled_events") or 0)


def forget_worker(pid: int, folder: Path) -> None:
    """A worker has ended: what it said of itself holds no more. For the parent, which knows the shared folder."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def of_alarms(found: Iterable[Alarm], sites: Sequence[str]) -> Metric:
    """Every alarm there is, 1 while it is raised: those of a site by site, the others once."""
    raised = {(alarm.alarm, alarm.site or "") for alarm in found}
    known = {(alarm, site) for alarm in ALARMS for site in (sites if alarm in OF_SITES else [""])}
    family = GaugeMetricFamily("populer_alarm", "1 while something asks for an operator", labels=["alarm", "site"])
    for alarm, site in sorted(known | raised):
        family.add_metric([alarm, site], (alarm, site) in raised)
    return family


def tell() -> None:
    """Hand on what was added since the last time."""
    for (site, outcome), count in events.items():
        _events.labels(site, outcome).inc(count)
    for status, count in lists_served.items():
        _lists_served.labels(status).inc(count)
    for outcome, count in streams.items():
        _streams.labels(outcome).inc(count)
    for (site, reason), count in denied.items():
        _denied.labels(site, reason).inc(count)
    denied.clear()
    streams.clear()
    events.clear()
    lists_served.clear()


async def report_loop() -> None:
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
    return generate_latest(_shared()) + generate_latest(own)


def _shared() -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class _Known(Collector):
    """Metrics whose values are known already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics
