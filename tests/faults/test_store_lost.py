"""The store dies while readers read: what was acknowledged waits on disk, and is counted once when it is back."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ranking.store.embedded.server import EmbeddedValkey

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

BATCH = "\n".join(['{"item":"a"}'] * 50)
MANY_ITEMS = "\n".join(['{"item":"a"}', *(f'{{"item":"item {n}"}}' for n in range(500))])


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server that keeps what it counted, for the service to lose."""
    with EmbeddedValkey(tmp_path / "store") as server:
        yield server


def lose(valkey: EmbeddedValkey) -> None:
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)
    wait_until(lambda: not valkey.alive())


def config(folder: Path, valkey: EmbeddedValkey, **ingest: str) -> str:
    file = folder / "populer.toml"
    lines = [f'{name} = "{value}"' for name, value in {"spool_after": "50ms", **ingest}.items()]
    file.write_text(f'[redis]\nurl = "{valkey.url}"\n[ingest]\n' + "\n".join(lines))
    return str(file)


def send(client: httpx2.Client, key: str | None = None) -> httpx2.Response:
    return client.post("/v1/events", content=BATCH, headers={"Idempotency-Key": key} if key else {})


def spooled(client: httpx2.Client) -> int:
    return int(client.get("/readyz").json()["spooled_events"])


def counted(service: Service, config_file: str) -> int:
    return service.views("a", "--config", config_file)


def test_events_go_to_disk_while_the_store_is_away_and_are_counted_once(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        acks = [send(client).json()["ack"]]
        lose(valkey)
        acks += [send(client).json()["ack"] for _ in range(40)]
        assert acks == ["commit"] + ["spool"] * 40
        assert spooled(client) == 40 * 50
        assert client.get("/v1/lists/populer").status_code == 200
        valkey.ensure()
        wait_until(lambda: spooled(client) == 0)
        assert send(client).json()["ack"] == "commit"
        assert counted(service, file) == 42 * 50


def test_a_request_sent_again_while_the_store_is_away_counts_once(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        send(client, "first")
        lose(valkey)
        for key in ("first", "second", "second"):
            assert send(client, key).json()["ack"] == "spool"
        valkey.ensure()
        wait_until(lambda: spooled(client) == 0)
        assert send(client, "second").json() == {
            "accepted": 0, "duplicate": 50, "filtered": {}, "invalid": [], "ack": "commit",
        }  # fmt: skip
        assert counted(service, file) == 2 * 50


def test_what_waits_on_disk_survives_the_worker(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        lose(valkey)
        assert [send(client).json()["ack"] for _ in range(10)] == ["spool"] * 10
        before = service.children()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        valkey.ensure()
        wait_until(lambda: counted(service, file) == 10 * 50)


def test_a_stop_while_the_store_is_away_leaves_it_to_the_next_start(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey)
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        lose(valkey)
        assert send(client).json()["ack"] == "spool"
        assert service.stop() == 0
    valkey.ensure()
    with serving(tmp_path / "data", "--config", file) as service:
        wait_until(lambda: counted(service, file) == 50)
        assert not list((tmp_path / "data" / "spool").glob("*.spool"))


def test_a_full_spool_refuses_for_now_and_loses_nothing_it_took(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey, spool="256KiB")
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        lose(valkey)
        acked = 0
        while (answer := client.post("/v1/events", content=MANY_ITEMS)).status_code == 202:
            acked += 1
            assert acked < 1_000, "the spool is never full"
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "the spool is full" in answer.json()["detail"]
        assert acked > 0
        valkey.ensure()
        wait_until(lambda: spooled(client) == 0)
        assert counted(service, file) == acked


def test_without_a_spool_events_are_refused_for_now(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    file = config(tmp_path, valkey, spool="0B", deadline="200ms")
    with serving(tmp_path / "data", "--config", file) as service, service.client() as client:
        lose(valkey)
        assert send(client).status_code == 503
