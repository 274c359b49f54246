"""A client's clock, however wrong, moves no score and counts nobody twice: beacons count when they come (P19)."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import servers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import NOW, Service
from soak import LONG, either

TEN_YEARS_S = 10 * 365.25 * 86400
CLOCKS = st.lists(
    st.floats(NOW - TEN_YEARS_S, NOW + TEN_YEARS_S)
    | st.floats()
    | st.sampled_from([0, 1, -1, NOW * 1000, NOW * 1e6, 2**31, 2**32, 2**63, 1e308, float("nan"), float("inf"), None]),
    min_size=1,
    max_size=20,
)
EXAMPLES = settings(
    max_examples=either(40, 2_000),
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class Stage:
    """A service in a loop of its own, asked from ordinary code; every example has items of its own."""

    def __init__(self, runner: asyncio.Runner, service: Service) -> None:
        self._runner = runner
        self._service = service
        self._numbers = itertools.count()

    def names(self) -> tuple[str, str]:
        number = next(self._numbers)
        return f"honest {number}", f"forged {number}"

    def beacon(self, events: list[dict[str, Any]]) -> int:
        """Send public events; how many were accepted."""
        posted = self._service.http.post("/v1/events", content=json.dumps(events))
        answer = self._runner.run(posted)
        assert answer.status_code in (202, 422), answer.text
        return int(answer.json()["accepted"])

    def counts_of(self, item: str) -> dict[int, int]:
        """An item's counts by bucket."""
        counts = self._runner.run(self._service.counts_by_bucket())
        return {start_s: count for (start_s, name), count in counts.items() if name == f"view|{item}"}

    def scores_of(self, *items: str) -> list[float | None]:
        """Scores of items in the list as it is ranked now; None where one is not listed."""
        self._runner.run(self._service.refresh())
        answer = self._runner.run(self._service.http.get("/v1/lists/populer", params={"limit": 1000}))
        scores = {item["id"]: item["score"] for item in answer.json()["items"]}
        return [scores.get(item) for item in items]


def running(**ingest: Any) -> Iterator[Stage]:
    with asyncio.Runner() as runner, servers.Valkey() as server:
        stack = contextlib.AsyncExitStack()
        given = servers.settings(ingest=ingest)
        service = runner.run(stack.enter_async_context(servers.serving(server, given, servers.Clock())))
        yield Stage(runner, service)
        runner.run(stack.aclose())


@pytest.fixture(scope="module")
def counting() -> Iterator[Stage]:
    yield from running()


@pytest.fixture(scope="module")
def deduping() -> Iterator[Stage]:
    yield from running(dedupe_window="30m")


@pytest.mark.soak
@EXAMPLES
@given(clocks=CLOCKS)
def test_events_with_any_clock_rank_as_those_without_one(counting: Stage, clocks: list[float | None]) -> None:
    honest, forged = counting.names()
    accepted = counting.beacon([{"item": forged, "ts": clock} for clock in clocks])
    counting.beacon([{"item": honest}] * accepted)
    assert counting.counts_of(forged) == counting.counts_of(honest)
    assert sum(counting.counts_of(forged).values()) == accepted
    scores = counting.scores_of(forged, honest)
    assert scores[0] == scores[1]


@pytest.mark.soak
@EXAMPLES
@given(clocks=CLOCKS)
def test_one_reader_with_many_clocks_counts_once(deduping: Stage, clocks: list[float | None]) -> None:
    _, forged = deduping.names()
    accepted = sum(deduping.beacon([{"item": forged, "ts": clock}]) for clock in clocks)
    assert accepted <= 1
    assert sum(deduping.counts_of(forged).values()) == accepted
