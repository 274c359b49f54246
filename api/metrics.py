"""What Prometheus is told. Where several workers run, they share their numbers through files."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"

events = Counter("populer_events", "Events received, by what became of them", ["site", "outcome"])
lists_served = Counter("populer_lists_served", "List answers, by status", ["status"])
commit_seconds = Histogram(
    "populer_commit_seconds",
    "From an event's arrival until it is counted in the store",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
list_age_seconds = Gauge("populer_list_age_seconds", "Age of the oldest list served", multiprocess_mode="max")


def exposition() -> bytes:
    """All metrics in Prometheus' text form."""
    if SHARED_DIR not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
