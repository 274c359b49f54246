"""The example configuration in Debian's Caddy: what it passes on, and to whom it sends nothing any more."""

import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fronts import CADDY, caddy, echoing

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import serving, wait_until

LIST = "/v1/lists/populer"
pytestmark = pytest.mark.skipif(CADDY is None, reason="no caddy here: apt-get install caddy")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def echo() -> Iterator[httpx2.Client]:
    """Caddy before a server that answers with what it was sent."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp")))
        url = stack.enter_context(caddy(folder, stack.enter_context(echoing())))
        yield stack.enter_context(httpx2.Client(base_url=url, trust_env=False, timeout=30))


@pytest.mark.parametrize("path", ["/v1/events", LIST, f"{LIST}/stream", "/lists/populer", "/populer.js", "/ops"])
def test_the_service_is_told_who_asks_and_nothing_that_a_client_says_of_it(echo: httpx2.Client, path: str) -> None:
    forged = {"host": f"populer.example.id:{echo.base_url.port}", "x-forwarded-for": "6.6.6.6"}
    found = echo.get(path, headers=forged).json()
    assert (found["host"], found["x-forwarded-for"]) == (forged["host"], "127.0.0.1")
    assert found["x-forwarded-proto"] == "http"
    assert "connection" not in found, "connections to the service stay open"


def test_parameters_are_passed_on_as_they_are_written(echo: httpx2.Client) -> None:
    asked = f"{LIST}?limit=5&exclude=b1&exclude=b0&utm_source=surat&section=Olah%20Raga"
    assert echo.get(asked).json()[":path"] == asked


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/metrics/", "/readyz?x", "/%6detrics", "/Metrics"])
def test_how_the_service_fares_is_not_passed_on(echo: httpx2.Client, path: str) -> None:
    assert echo.get(path).status_code == 404


def test_lists_and_events_pass_and_a_stream_says_at_once_what_changes(folder: Path) -> None:
    settings = folder / "populer.toml"
    settings.write_text('[ingest]\nbots = false\ndedupe_window = "0s"\n[refresh]\nevery = "1s"\n')
    with (
        serving(folder / "data", "--config", str(settings)) as service,
        caddy(folder, service.url) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=60) as client,
        client.stream("GET", f"{LIST}/stream") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        client.headers["Authorization"] = f"Bearer {service.write_key}"
        assert client.post("/v1/events", content='{"item":"a"}').json()["accepted"] == 1
        found = (json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:"))
        assert any([each["id"] for each in message.get("items", [])] == ["a"] for message in found)
        assert client.get(f"{LIST}?limit=1").status_code == 200
        assert "tanpa_nama" in client.get(f"{LIST}?tanpa_nama=1").json()["detail"]
        assert client.post("/v1/events", content=b"x" * 3_000_000).status_code == 413


def lists_served(client: httpx2.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("populer_lists_served_total"))


def test_of_two_services_one_that_drains_gets_nothing_any_more(folder: Path) -> None:
    names = {"POPULER_SERVICE__DRAIN": "15s"}
    with (
        serving(folder / "one", env=names) as one,
        serving(folder / "two", env=names) as two,
        caddy(folder, f"{one.url} {two.url}".replace(" http://", " ")) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
        one.client() as own,
    ):

        def share() -> float:
            """Of ten lists that are asked for, those that the first service answers."""
            before = lists_served(own)
            assert [client.get(LIST).status_code for _ in range(10)] == [200] * 10
            return lists_served(own) - before

        wait_until(lambda: share() > 0)
        one.process.send_signal(signal.SIGTERM)
        wait_until(lambda: share() == 0)
        assert own.get("/readyz").json()["draining"] is True
