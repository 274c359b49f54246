"""How long requests take, by route class and status class, for Prometheus.

A request costs one look-up and one append; those of a second are sorted into buckets all at once, with what else is
exported (see `metrics`). What is measured is the time until an answer's head is sent, so a stream and a client that
reads slowly count like any other.

Invariant: the labels are those of `ROUTES` and `STATUSES`, whatever is asked for.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

import numpy as np
from prometheus_client import Histogram

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: By the hundreds of a status; 0: the client hung up before it was answered.
STATUSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
EVENTS: Final = "events"
#: What a path begins with -> its class, the first that fits.
_BY_PREFIX: Final = (
    ("/v1/pixel", "pixel"),
    ("/v1/dot", "pixel"),
    ("/v1/lists", "list"),
    ("/lists/", "page"),
    ("/v1/items", "items"),
    ("/v1/reports", "reports"),
    ("/v1/", "operating"),
    ("/livez", "probe"),
    ("/readyz", "probe"),
    ("/metrics", "metrics"),
    ("/populer", "script"),
)
STREAM: Final = "stream"
OTHER: Final = "other"
ROUTES: Final = tuple(dict.fromkeys([EVENTS, *(name for _, name in _BY_PREFIX), STREAM, OTHER]))

_seconds = Histogram(
    "populer_http_request_duration_seconds",
    "Until the head of an answer is sent, by class of route and of status (none: the client hung up before)",
    ["route", "status"],
    buckets=BUCKETS_S,
)


#: Route, hundreds of the status -> seconds of each request that is not exported yet.
_unexported: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
#: Counts an event that was taken, by the seconds it took: `observe` for the most frequent of all requests.
observe_taken: Callable[[float], None] = _unexported[EVENTS, 2].append


def route_of(method: str, path: str) -> str:
    """The class of a request.

    >>> route_of("POST", "/v1/events"), route_of("GET", "/v1/lists/baca"), route_of("GET", "/v1/lists/baca/stream")
    ('events', 'list', 'stream')
    >>> route_of("PUT", "/v1/lists/populer/pins/7"), route_of("GET", "/berita/7")
    ('operating', 'other')
    """
    if path == "/v1/events":
        return EVENTS
    for prefix, name in _BY_PREFIX:
        if path.startswith(prefix):
            if name == "list":
                if path.endswith("/stream"):
                    return STREAM
                return name if method in ("GET", "HEAD", "OPTIONS") else "operating"
            return name
    return OTHER


def observe(route: str, status: int, seconds: float) -> None:
    """Count a request that was answered with `status` after `seconds`."""
    _unexported[route, status // 100].append(seconds)


def export() -> None:
    """Add what was observed to the shared metrics."""
    for (route, hundreds), seconds in _unexported.items():
        if seconds:  # a label is there from its first request on
            observe_all(_seconds.labels(route, STATUSES[hundreds]), seconds)


def observe_all(shared: Histogram, seconds: list[float]) -> None:
    """Add observations to a histogram of BUCKETS_S, and clear them.

    The library takes one at a time, which costs more than a request may.
    """
    took_s = np.maximum(seconds, 0.0)  # a clock may have been set meanwhile
    counts = np.bincount(np.searchsorted(BUCKETS_S, took_s), minlength=len(BUCKETS_S) + 1)
    for bucket, count in zip(shared._buckets, counts.tolist(), strict=True):
        if count:
            bucket.inc(count)
    shared._sum.inc(float(took_s.sum()))
    seconds.clear()
