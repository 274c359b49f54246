"""Durations of requests go into the buckets that they belong in, whatever is asked for and however long it took."""

import pytest
from prometheus_client import REGISTRY

from api.monitoring import metrics, requests
from api.monitoring.requests import BUCKETS_S, ROUTES, observe, observe_taken, route_of

NAME = "populer_http_request_duration_seconds"


def value(suffix: str, route: str, status: str, **more: str) -> float:
    return REGISTRY.get_sample_value(f"{NAME}_{suffix}", {"route": route, "status": status, **more}) or 0.0


def test_durations_are_counted_once_in_their_buckets() -> None:
    metrics.export()
    at = {bound: value("bucket", "page", "5xx", le=str(bound)) for bound in BUCKETS_S}
    count, total = value("count", "page", "5xx"), value("sum", "page", "5xx")
    for seconds in (0.0004, 0.001, 0.0011, 0.3, 60.0):
        observe("page", 503, seconds)
    observe("page", 599, -3.0)  # the clock was set
    for _ in range(2):
        metrics.export()
    grown = {bound: value("bucket", "page", "5xx", le=str(bound)) - before for bound, before in at.items()}
    assert (grown[0.001], grown[0.0025], grown[0.25], grown[0.5], grown[10.0]) == (3, 4, 4, 5, 5)
    assert value("count", "page", "5xx") - count == 6
    assert value("sum", "page", "5xx") - total == pytest.approx(60.3025)


def test_an_event_that_was_taken_is_a_request_like_another() -> None:
    metrics.export()
    count = value("count", "events", "2xx")
    observe_taken(0.002)
    observe("events", 202, 0.002)
    metrics.export()
    observe_taken(0.002)
    metrics.export()
    assert value("count", "events", "2xx") - count == 3


@pytest.mark.parametrize(
    "path", ["/", "", "/v1", "/v1/events/x", "/v1/lists", "/lists/../x", "/v1/" + "x" * 5_000, "/populer.js", "/%00"]
)
def test_any_request_is_of_a_known_class(path: str) -> None:
    assert route_of("BREW", path) in ROUTES
    assert all(status // 100 < len(requests.STATUSES) for status in (0, 101, 204, 304, 499, 599))
