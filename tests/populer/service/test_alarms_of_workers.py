"""Alarms of a running service: what waits on the disk of one worker is known to all, and silence is noticed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import servers
from service import Service, serving, wait_until

SETTINGS = """
[service]
workers = 2
[redis]
url = "{url}"
timeout = "300ms"
[ingest]
dedupe_window = "0s"
spool_after = "100ms"
[refresh]
every = "1s"
"""


@pytest.fixture
def store() -> Iterator[servers.Valkey]:
    with servers.Valkey(appendonly="yes") as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, store: servers.Valkey) -> Iterator[Service]:
    config = tmp_path / "populer.toml"
    config.write_text(SETTINGS.format(url=store.url))
    with serving(tmp_path / "data", "--config", str(config)) as started:
        yield started


def alarms(service: Service) -> dict[int, set[str]]:
    """Which alarms each worker shows: its process -> their names. Each request may come to another one."""
    found: dict[int, set[str]] = {}
    while len(found) < 2:
        with httpx2.Client(base_url=service.url, trust_env=False, timeout=30) as client:
            document = client.get("/readyz").json()
            found[document["worker"]] = {alarm["alarm"] for alarm in document["alarms"]}
    return found


def shown(service: Service, *names: str) -> bool:
    return all(found == set(names) for found in alarms(service).values())


def test_every_worker_tells_of_what_waits_on_the_disk_of_one(service: Service, store: servers.Valkey) -> None:
    wait_until(lambda: shown(service))
    store.send(signal.SIGSTOP)
    with service.client() as client:
        answer = client.post("/v1/events", json=[{"item": "a"}] * 3)
        assert answer.json()["ack"] == "spool"
    wait_until(lambda: all({"spool", "store_away"} <= found for found in alarms(service).values()))
    text = httpx2.get(f"{service.url}/metrics", trust_env=False, timeout=30).text
    assert "populer_spooled_events 3.0" in text
    assert 'populer_alarm{alarm="spool",site=""} 1.0' in text
    store.send(signal.SIGCONT)
    wait_until(lambda: shown(service))


def test_what_a_dead_worker_has_said_is_forgotten(service: Service, store: servers.Valkey) -> None:
    wait_until(lambda: shown(service))
    store.send(signal.SIGSTOP)
    with service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).json()["ack"] == "spool"
    wait_until(lambda: all("spool" in found for found in alarms(service).values()))
    workers = set(alarms(service))
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    store.send(signal.SIGCONT)
    wait_until(lambda: not workers & set(alarms(service)))
    wait_until(lambda: shown(service))


def test_a_site_that_falls_silent_at_a_busy_time_raises_an_alarm_and_one_event_ends_it(tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    quick = '[retention]\nbucket = "10s"\n[alarms]\nquiet = "1m"\n[ingest]\ndedupe_window = "0s"\n'
    config.write_text(quick + '[refresh]\nevery = "1s"\n')
    with serving(tmp_path / "data", "--config", str(config)) as service, service.client() as client:

        def raised() -> list[dict[str, str]]:
            answer = client.get("/readyz")
            assert answer.status_code == 200
            found: list[dict[str, str]] = answer.json()["alarms"]
            return found

        now = time.time()
        # Busy for some minutes around this time of each of the last five days, and silent for three minutes now.
        busy = [now - day * 86_400 + second for day in range(1, 6) for second in range(-300, 300, 5)]
        events = [{"item": "a", "ts": ts} for ts in [now - 6 * 86_400, *busy, now - 180]]
        assert client.post("/v1/events", json=events).json()["accepted"] == len(events)
        wait_until(lambda: bool(raised()), within_s=90)
        (alarm,) = raised()
        assert (alarm["alarm"], alarm["site"]) == ("no_events", "default")
        assert "on the last 5 days there were 12 in 60 s (median; 5 of them had any)" in alarm["says"]
        client.post("/v1/events", json={"item": "a"})
        wait_until(lambda: not raised(), within_s=90)
