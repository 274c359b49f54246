"""Prometheus metrics. Several workers share their numbers through files.

A request adds to plain counters, which are exported once a second. Exporting per request costs more than counting the
event: every addition to a shared number calls getpid.
"""

import asyncio
import functools
import os
import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from api.monitoring import requests
from api.monitoring.requests import BUCKETS_S
from ranking import __version__
from ranking.freshness import age_s
from ranking.store.lease import Leases
from ranking.store.server import ServerInfo
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
    "Connections that were refused or cut, by why: descriptors, address, slow, malformed",
    ["reason"],
)
_connections = Gauge("populer_connections", "Open connections of readers", multiprocess_mode="livemax")
_RANKED_AT = "populer_list_ranked_at_seconds"
_list_ranked_at = Gauge(_RANKED_AT, "Ages follow from it", ["site", "list"], multiprocess_mode="livemin")
_spooled_events = Gauge(
    "populer_spooled_events", "Events that wait on this host's disk for the store", multiprocess_mode="livesum"
)
_spool_size = Gauge("populer_spool_size_bytes", "Spools of this host's workers on disk", multiprocess_mode="livesum")
_spool_in_use = Gauge(
    "populer_spool_oldest_seconds",
    "Since when events wait in the spool of a worker that was not empty since: none waits for longer",
    multiprocess_mode="livemax",
)
_streams_open = Gauge("populer_streams_open", "Open streams of lists", multiprocess_mode="livesum")
_store_seconds = Histogram(
    "populer_store_ping_seconds", "Answers of the store to a worker's PING, asked every ten seconds", buckets=BUCKETS_S
)
_commit_seconds = Histogram(
    "populer_commit_seconds",
    "From the first event of a batch until the batch is counted in the store",
    buckets=BUCKETS_S,
)

#: (site, outcome) -> events, status -> answers, outcome -> filtered answers, outcome -> streams, (site, reason) ->
#: wrong keys, reason -> connections; not exported yet.
events: Tally[tuple[str, str]] = Tally()
lists_served: Tally[str] = Tally()
filtered_lists: Tally[str] = Tally()
streams: Tally[str] = Tally()
denied: Tally[tuple[str, str]] = Tally()
connections_refused: Tally[str] = Tally()
_committed_s: list[float] = []
#: Observes a batch, committed so many seconds after its first event.
committed: Callable[[float], None] = _committed_s.append


@functools.cache
def _connections_most() -> Gauge:
    """Made by the first worker that reports it: a process that serves nobody would say 0, the least of all."""
    return Gauge(
        "populer_connections_most", "Connections that a worker's descriptors allow", multiprocess_mode="livemin"
    )


def connected(count: int, most: int) -> None:
    """This worker has `count` connections, of `most` that its descriptors allow."""
    _connections.set(count)
    _connections_most().set(most)


def lost(site: str, count: int) -> None:
    """Count events of `ack = "memory"` that were neither stored nor spooled."""
    events[site, "lost"] += count


def serves(site: str, name: str, ranked_at: float) -> None:
    """This worker serves a list from now on that was ranked for the moment `ranked_at` (epoch seconds)."""
    _list_ranked_at.labels(site, name).set(ranked_at)


def spooled(events: int) -> None:
    """Set the number of events in this worker's spool."""
    _spooled_events.set(events)


def spool_on_disk(size: int, in_use_s: float) -> None:
    """Set the bytes of this worker's spool, and for how long it has not been empty."""
    _spool_size.set(size)
    _spool_in_use.set(in_use_s)


def streaming(count: int) -> None:
    """Set this worker's open streams."""
    _streams_open.set(count)


def store_answered(seconds: float) -> None:
    """Observe how long the store took to answer a PING."""
    _store_seconds.observe(seconds)


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
    registry.register(OfProcesses(folder))
    most = registry.get_sample_value("populer_connections_most")
    if most is None:
        return None
    refused = registry.get_sample_value("populer_connections_refused_total", {"reason": "descriptors"})
    return Connections(int(registry.get_sample_value("populer_connections") or 0), int(most), int(refused or 0))


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


def of_build() -> Metric:
    """A gauge that is 1 and says which build runs."""
    labels = {"version": __version__, "python": platform.python_version()}
    family = GaugeMetricFamily("populer_build_info", "The build that runs", labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family


def of_store(servers: Sequence[ServerInfo]) -> list[Metric]:
    """The store as it was last asked, over all its servers that answered."""
    limits = [each.memory_limit for each in servers]
    used = [each.memory / each.memory_limit for each in servers if each.memory_limit]
    numbers = [
        ("servers", "Servers of the store that answered", len(servers)),
        ("memory_bytes", "Memory that they use", sum(each.memory for each in servers)),
        ("memory_limit_bytes", "Memory that they may use; 0 where one has no limit", sum(limits) if all(limits) else 0),
        ("memory_used_ratio", "Share of its limit that the fullest of them uses", max(used, default=0.0)),
        ("clients", "Connections to them, of all processes", sum(each.clients for each in servers)),
        ("evicted_keys", "Keys that they have dropped for want of memory", sum(each.evicted for each in servers)),
    ]
    return [GaugeMetricFamily(f"populer_store_{name}", text, value) for name, text, value in numbers]


def of_items(pulses: Mapping[str, Pulse]) -> list[Metric]:
    """Gauges of a site's items: how many are known, and how many of these are described."""
    known = GaugeMetricFamily("populer_items_known", "Items that are known", labels=["site"])
    described = GaugeMetricFamily("populer_items_described", "Items that are described", labels=["site"])
    for site, pulse in pulses.items():
        known.add_metric([site], pulse.known)
        described.add_metric([site], pulse.described)
    return [known, described]


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
    requests.export()
    requests.observe_all(_commit_seconds, _committed_s)
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
    registry.register(OfProcesses(Path(os.environ[SHARED_DIR])))
    return registry


class OfProcesses(Collector):
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
