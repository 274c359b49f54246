"""The store is away and events go on coming: they wait on disk, in bounded memory, until it is back (P7)."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ledger import counted
from service import Service, serving, wait_until
from soak import LONG, either
from stage import nothing_waits, settings_file

from ranking.store.embedded.server import EmbeddedValkey

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from load import Plan, run

AWAY_S = either(1.5, 60.0)
EVENTS_A_SECOND = either(500.0, 2_000.0)
ITEMS = 50
DRAINED_WITHIN_S = 10.0
#: What a worker may grow by, whatever it has put on disk: that is at most what is on its way, and SQLite's cache.
GROWTH_BYTES = 64 << 20


def memory_of(pid: int) -> int:
    """Resident memory in bytes."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(shown) * 1024


def plan(service: Service, seconds: float) -> Plan:
    address = urlsplit(service.url)
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.write_key}\r\n"
    bodies = [f'{{"item":"item {n}"}}' for n in range(ITEMS)]
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies]
    return Plan(address.hostname or "", address.port or 0, requests, 1, seconds, rate=EVENTS_A_SECOND)


@pytest.mark.soak
def test_an_outage_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "store") as valkey:
        file = settings_file(tmp_path, valkey.url, spool_after="50ms")
        with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
            before = run(plan(service, 1.0))
            worker = int(client.get("/readyz").json()["worker"])
            grown_from = memory_of(worker)
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGKILL)
            wait_until(lambda: not valkey.alive())
            during = run(plan(service, AWAY_S))
            assert memory_of(worker) - grown_from < GROWTH_BYTES
            assert client.get("/readyz").json()["spooled_events"] == sum(during.acknowledged)
            valkey.ensure()
            wait_until(lambda: client.get("/readyz").json()["spooled_events"] == 0, DRAINED_WITHIN_S if LONG else 60.0)
            assert service.stop() == 0
            assert nothing_waits(service)
        assert not before.refused
        assert not during.refused
        assert sum(during.acknowledged) == int(AWAY_S * EVENTS_A_SECOND)
        expected = {f"item {n}": before.acknowledged[n] + during.acknowledged[n] for n in range(ITEMS)}
        assert counted(valkey.url) == expected
