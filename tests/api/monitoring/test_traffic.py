"""A minute's events are told by kind where they count, by the reason where they do not, and late where it must be."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import pytest
import servers
from servers import SITE, WRITER, Service

from api.monitoring.traffic import MOST_MINUTES, Traffic
from ranking.errors import StoreUnavailableError

Serve = Callable[..., Awaitable[Service]]


class Book:
    """A logbook in memory that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.minutes: dict[tuple[str, int, str], dict[str, int]] = {}

    async def __call__(self, site: str, worker: str, minute: int, events: Mapping[str, int]) -> None:
        if self.away:
            raise StoreUnavailableError("away")
        self.minutes[site, minute, worker] = dict(events)

    def sums(self) -> dict[int, int]:
        """Events of each minute."""
        found: Counter[int] = Counter()
        for (_, minute, _), events in self.minutes.items():
            found[minute] += sum(events.values())
        return dict(found)


async def minute_of(service: Service) -> dict[str, int]:
    """What the store has of this minute, by name."""
    await service.app.runtime.context.traffic.flush()
    (found,) = await service.store.logbook.traffic(SITE, [int(service.clock.now // 60)])
    return found


async def test_events_that_count_are_told_by_kind(service: Service) -> None:
    await service.http.post("/v1/events", json={"item": "a"})
    body = [{"item": "a"}, {"item": "b", "kind": "click", "source": "list:populer"}, {"item": "b", "kind": "click"}]
    await service.http.post("/v1/events", json=body, headers=WRITER)
    await service.http.get("/v1/pixel.gif", params={"item": "a"})
    assert await minute_of(service) == {"view": 3, "click": 2}


async def test_events_that_do_not_are_told_by_reason(serve: Serve) -> None:
    service = await serve(ingest={"bots": True, "dedupe_window": "30m"})
    reader = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"}
    for _ in range(3):
        await service.http.post("/v1/events", json={"item": "a"}, headers=reader)
    both = [{"item": "a"}, {"item": "b"}, {"item": ""}]
    await service.http.post("/v1/events", json=both, headers=reader)
    await service.http.post("/v1/events", json={"item": "a"}, headers={"user-agent": "Googlebot/2.1"})
    assert await minute_of(service) == {"view": 2, "!duplicate": 3, "!invalid": 1, "!robot": 1}


async def test_what_a_worker_has_not_told_yet_is_told_when_it_stops(server: servers.Valkey) -> None:
    async with servers.serving(server, servers.settings(), servers.Clock()) as service:
        await service.http.post("/v1/events", json={"item": "a"})
        minute = int(service.clock.now // 60)
    async with servers.opened(server.unix_url) as store:
        assert await store.logbook.traffic(SITE, [minute]) == [{"view": 1}]


async def test_a_store_that_is_away_is_told_when_it_is_back() -> None:
    book = Book()
    traffic = Traffic(book)
    book.away = True
    for minute in range(3):
        traffic.add(SITE, "view", 1 + minute, 60.0 * minute)
    with pytest.raises(StoreUnavailableError):
        await traffic.flush()
    traffic.add(SITE, "view", 1, 125.0)
    book.away = False
    await traffic.flush()
    assert book.sums() == {0: 1, 1: 2, 2: 4}


async def test_nothing_is_said_twice_that_has_not_changed() -> None:
    book = Book()
    traffic = Traffic(book)
    traffic.add(SITE, "view", 1, 0.0)
    await traffic.flush()
    book.minutes.clear()
    await traffic.flush()
    assert book.minutes == {}


async def test_a_long_outage_takes_no_more_memory_than_a_short_one() -> None:
    book = Book()
    traffic = Traffic(book)
    for minute in range(10 * MOST_MINUTES):
        traffic.add(SITE, "view", 1, 60.0 * minute)
    await traffic.flush()
    assert sorted(book.sums()) == list(range(9 * MOST_MINUTES, 10 * MOST_MINUTES))


async def test_many_sites_do_not_crowd_each_other_out() -> None:
    book = Book()
    traffic = Traffic(book)
    for site in range(2 * MOST_MINUTES):
        traffic.add(f"site-{site}", "view", 1, 60.0)
    await traffic.flush()
    assert book.sums() == {1: 2 * MOST_MINUTES}
