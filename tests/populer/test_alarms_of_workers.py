"""What waits on the disk of one worker is known to every worker of its host, and forgotten with a worker that died."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
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
        with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
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
    text = httpx.get(f"{service.url}/metrics", trust_env=False, timeout=30).text
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
