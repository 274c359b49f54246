"""Prometheus metrics. Several workers share their numbers through files.

A request adds to plain counters, which are exported once a second. Exporting per request costs more than counting the
event: every addition to a shared number calls getpid.
"""

import asyncio
import os
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ranking.freshness import age_s
from ranking.store.lease import Leases
from ranking.watching.alarms import ALARMS, OF_SITES, Alarm
from ranking.watching.concentration import Concentration
from ranking.watching.episodes import ReceiverState
from ranking.watching.pulse import Pulse
from ranking.watching.sources import Discovery, FeedState

SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"
FOLDER = "metrics"
"""Below the data directory: where the processes of a service share their numbers."""
EXPORT_EVERY_S = 1.0

_events = Counter("populer_events", "Events received, by what became of them", ["site", "outcome"])
_lists_served = Counter("populer_lists_served", "List answers, by status", ["status"])
_filtered_lists = Counter(
    "populer_filtered_lists",
    "Answers under readers' filters: published, ranked for the first reader, pending, refused as too many were new",
    ["outcome"],
)
_streams = Counter("populer_streams", "Streams of lists: opened, ended, of which cut; and refused", ["outcome"])
_denied = Counter("populer_denied", "Requests with a key that will not do, by why", ["site", "reason"])
_connections_refused = Counter(
    "populer_connections_refused",
    "Connections that were refused or cut, by why: descriptors, address, slow",
    ["reason"],
)
_connections = Gauge("populer_connections", "Open connections of readers", multiprocess_mode="livemax")
_connections_most = Gauge(
    "populer_connections_most", "Connections that a worker's descriptors allow", multiprocess_mode="livemin"
)
_RANKED_AT = "populer_list_ranked_at_seconds"
_list_ranked_at = Gauge(_RANKED_AT, "Ages follow from it", ["site", "list"], multiprocess_mode="livemin")
_spooled_events = Gauge(
    "populer_spooled_events", "Events that wait on this host's disk for the store", multiprocess_mode="livesum"
)
_commit_seconds = Histogram(
    "populer_commit_seconds",
    "From the first event of a batch until the batch is counted in the store",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

#: (site, outcome) -> events, status -> answers, outcome -> filtered answers, outcome -> streams, (site, reason) ->
#: wrong keys, reason -> connections; not exported yet.
events: Tally[tuple[str, str]] = Tally()
lists_served: Tally[str] = Tally()
filtered_lists: Tally[str] = Tally()
streams: Tally[str] = Tally()
denied: Tally[tuple[str, str]] = Tally()
connections_refused: Tally[str] = Tally()


def committed(seconds: float) -> None:
    """Observe a batch, committed this many seconds after its first event."""
    _commit_seconds.observe(seconds)


def connected(count: int, most: int) -> None:
    """This worker has `count` connections, of `most` that its descriptors allow."""
    _connections.set(count)
    _connections_most.set(most)


def lost(site: str, count: int) -> None:
    """Count events of `ack = "memory"` that were neither stored nor spooled."""
    events[site, "lost"] += count


def serves(site: str, name: str, ranked_at: float) -> None:
    """This worker serves a list from now on that was ranked for the moment `ranked_at` (epoch seconds)."""
    _list_ranked_at.labels(site, name).set(ranked_at)


def spooled(events: int) -> None:
    """Set the number of events in this worker's spool."""
    _spooled_events.set(events)


def spooled_on_this_host() -> int:
    """Events in the spools of all workers of this host, as last reported."""
    registry = _shared() if SHARED_DIR in os.environ else REGISTRY
    return int(registry.get_sample_value("populer_spooled_events") or 0)


def forget_worker(pid: int, folder: Path) -> None:
    """Drop the live values of a worker that has ended. Called by the parent, which knows the shared folder."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


class Connections(NamedTuple):
    """Open connections of the busiest worker, how many its descriptors allow, and refused ones for want of them."""

    open: int
    most: int
    refused: int


def connections_of(folder: Path) -> Connections | None:
    """What the workers that share `folder` have reported; None where none runs. For commands beside the service."""
    registry = CollectorRegistry()
    registry.register(_OfProcesses(folder))
    most = registry.get_sample_value("populer_connections_most")
    if most is None:
        return None
    refused = registry.get_sample_value("populer_connections_refused_total", {"reason": "descriptors"})
    return Connections(int(registry.get_sample_value("populer_connections") or 0), int(most), int(refused or 0))


def count_hung(role: str, folder: Path) -> None:
    """Count a process that hung. For the parent, which is no worker: it writes into the shared folder itself."""
    name, help_text = "populer_processes_hung", "Processes that were replaced as their event loop hung, by role"
    file = MmapedDict(str(folder / "counter_parent.db"))  # type: ignore[no-untyped-call]
    key = mmap_key(name, f"{name}_total", ["role"], [role], help_text)
    file.write_value(key, file.read_value(key)[0] + 1, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]


def of_alarms(found: Iterable[Alarm], sites: Sequence[str]) -> Metric:
    """A gauge of every alarm, 1 while it is raised: per site where the alarm is a site's, else once."""
    raised = {(alarm.alarm, alarm.site or "") for alarm in found}
    known = {(alarm, site) for alarm in ALARMS for site in (sites if alarm in OF_SITES else [""])}
    family = GaugeMetricFamily("populer_alarm", "1 while something asks for an operator", labels=["alarm", "site"])
    for alarm, site in sorted(known | raised):
        family.add_metric([alarm, site], (alarm, site) in raised)
    return family


def of_receivers(receivers: Mapping[str, ReceiverState]) -> Metric:
    """A gauge per receiver of alarms: attempts in vain since it was last reached."""
    family = GaugeMetricFamily(
        "populer_alarm_receiver_failures", "Failed attempts to send an alarm, one after the other", labels=["receiver"]
    )
    for name, state in receivers.items():
        family.add_metric([name], state.failures)
    return family


def of_concentrations(found: Mapping[str, Concentration], sites: Sequence[str]) -> Metric:
    """A gauge per site: items of which one network, or one user agent, has sent too much in the last hour."""
    text = "Items of which one network or one user agent sent over the line in the last hour"
    family = GaugeMetricFamily("populer_items_concentrated", text, labels=["site"])
    for site in sites:
        items = found[site].items if site in found else []
        family.add_metric([site], sum(each.is_over for each in items))
    return family


def of_sources(
    feeds: Mapping[str, Mapping[str, FeedState]], discoveries: Mapping[str, Discovery], now: float
) -> list[Metric]:
    """How the reading of feeds and of pages fares; `now` in epoch seconds."""
    labels = ["site", "feed"]
    age = GaugeMetricFamily("populer_feed_age_seconds", "Since the feed was last read", labels=labels)
    entries = GaugeMetricFamily("populer_feed_entries", "Entries of the feed when it was last read", labels=labels)
    failures = GaugeMetricFamily("populer_feed_failures", "Failed polls, one after the other", labels=labels)
    for site, of_site in feeds.items():
        for url, feed in of_site.items():
            if feed.read_at:
                age.add_metric([site, url], max(0.0, now - feed.read_at))
            entries.add_metric([site, url], feed.entries)
            failures.add_metric([site, url], feed.failures)
    pages = GaugeMetricFamily("populer_pages_waiting", "Read articles whose page is yet to be read", labels=["site"])
    for site, discovery in discoveries.items():
        pages.add_metric([site], discovery.waiting)
    return [age, entries, failures, pages]


def of_leases(leases: Leases, sites: Sequence[str]) -> list[Metric]:
    """Gauges of who works for the sites: how many each process has, and the term of each."""
    led = GaugeMetricFamily("populer_jobs_sites", "Sites that a jobs process works for", labels=["process"])
    terms = GaugeMetricFamily("populer_site_term", "Term of who works for the site; 0: nobody does", labels=["site"])
    counts = Tally[str]()
    for (name, _), count in leases.site_counts().items():
        counts[name] += count
    for name, count in counts.items():
        led.add_metric([name], count)
    for site in sites:
        lease = leases.of(site)
        terms.add_metric([site], 0 if lease is None else lease.epoch)
    return [led, terms]


def of_waiting(pulses: Mapping[str, Pulse]) -> list[Metric]:
    """Gauges of what waits for a description, per site: items, and their reads of the last hour."""
    items = GaugeMetricFamily("populer_waiting_items", "Items that wait for a description", labels=["site"])
    reads = GaugeMetricFamily("populer_waiting_reads", "Their reads in the last hour", labels=["site"])
    for site, pulse in pulses.items():
        items.add_metric([site], pulse.waiting.items)
        reads.add_metric([site], pulse.waiting.reads)
    return [items, reads]


def export() -> None:
    """Add the counters to the shared metrics, and clear them."""
    of_sites: Sequence[tuple[Counter, Tally[tuple[str, str]]]] = ((_events, events), (_denied, denied))
    for counter, tally in of_sites:
        for labels, count in tally.items():
            counter.labels(*labels).inc(count)
        tally.clear()
    others = (
        (_lists_served, lists_served),
        (_filtered_lists, filtered_lists),
        (_streams, streams),
        (_connections_refused, connections_refused),
    )
    for counter, by_name in others:
        for name, count in by_name.items():
            counter.labels(name).inc(count)
        by_name.clear()


async def report_loop() -> None:
    """Export every second, until cancelled."""
    while True:
        await asyncio.sleep(EXPORT_EVERY_S)
        export()


def exposition(now: float, places: Iterable[tuple[str, str]], besides: Sequence[Metric]) -> bytes:
    """All metrics at `now` (epoch seconds) in Prometheus' text format, and those of `besides`.

    `places`: site and name of the lists that there are.
    """
    export()
    metrics = list((_shared() if SHARED_DIR in os.environ else REGISTRY).collect())
    known = CollectorRegistry()
    known.register(
        _Known([each for each in metrics if each.name != _RANKED_AT] + [_ages(metrics, now, places), *besides])
    )
    return generate_latest(known)


def _ages(metrics: Iterable[Metric], now: float, places: Iterable[tuple[str, str]]) -> Metric:
    """A gauge of each list's age where it is oldest, over the workers that live.

    Workers share the moments and not the ages, so that a list ages whether its worker does anything or not.
    """
    family = GaugeMetricFamily(
        "populer_list_age_seconds", "Age of a list as the worker serves it that has the oldest", labels=["site", "list"]
    )
    ranked_at = {
        (sample.labels["site"], sample.labels["list"]): sample.value
        for metric in metrics
        if metric.name == _RANKED_AT
        for sample in metric.samples
    }
    for place in places:
        if place in ranked_at:
            family.add_metric(place, age_s(ranked_at[place], now))
    return family


def _shared() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_OfProcesses(Path(os.environ[SHARED_DIR])))
    return registry


class _OfProcesses(Collector):
    """Metrics of all processes that share a folder.

    A file that a process is about to make is empty for a moment: there is nothing in it, and the reader cannot take it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in self._folder.glob("*.db") if _size(file)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # of a process that has just ended
        return 0


class _Known(Collector):
    """Metrics with given values."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics
