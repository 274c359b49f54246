"""The clock of the service's machine jumps; the store's does not. Needs libfaketime (apt-get install faketime)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from ledger import counted
from service import Service, serving, wait_until
from stage import settings_file

DAY_S = 86_400
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class Clock:
    """The clock that the processes of a service have, by a file that libfaketime reads at each look."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.go(0)

    def go(self, ahead_s: int) -> None:
        self._file.write_text(f"{ahead_s:+d}")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


class Newsroom:
    """A service on a clock of its own, and its list."""

    def __init__(self, service: Service, clock: Clock, store: servers.Valkey) -> None:
        self.clock = clock
        self._service = service
        self._store = store

    def read(self, item: str, times: int) -> None:
        with self._service.client() as http:
            answer = http.post("/v1/events", json=[{"item": item}] * times)
            assert answer.json()["accepted"] == times

    def listed(self) -> dict[str, int]:
        with self._service.client() as http:
            items = http.get("/v1/lists/populer").json().get("items", [])
        return {item["id"]: item["views"] for item in items}

    def status(self) -> tuple[str, set[str]]:
        with self._service.client() as http:
            found: dict[str, Any] = http.get("/readyz").json()
        return found["status"], {alarm["alarm"] for alarm in found["alarms"]}

    def counts(self) -> dict[str, int]:
        return counted(self._store.url)


@pytest.fixture
def newsroom(tmp_path: Path, own_server: Callable[..., servers.Valkey]) -> Iterator[Newsroom]:
    if not LIBRARIES:
        pytest.skip("there is no libfaketime here: apt-get install faketime")
    clock, store = Clock(tmp_path / "clock"), own_server()
    file = settings_file(tmp_path, store.url, retention={"keep": "30d"})
    with serving(tmp_path / "data", "--config", file, "--workers", "1", env=clock.environment) as service:
        yield Newsroom(service, clock, store)


@pytest.mark.parametrize("ahead_s", [DAY_S, -3600, 40 * DAY_S])
def test_lists_are_right_again_and_nothing_is_lost_after_a_clock_was_wrong(newsroom: Newsroom, ahead_s: int) -> None:
    newsroom.read("before", 20)
    wait_until(lambda: newsroom.listed() == {"before": 20}, 60)
    newsroom.clock.go(ahead_s)
    wait_until(lambda: "clock" in newsroom.status()[1], 60)
    newsroom.read("meanwhile", 10)
    newsroom.clock.go(0)
    newsroom.read("after", 30)
    wait_until(lambda: newsroom.listed().get("after") == 30, 60)
    assert newsroom.listed()["before"] == 20
    wait_until(lambda: "clock" not in newsroom.status()[1], 60)
    assert newsroom.counts() == {"before": 20, "meanwhile": 10, "after": 30}
