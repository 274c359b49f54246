"""A batch that is sent again under its idempotency key counts once, at whichever worker and moment it arrives (P4)."""

import http.client
import json
import random
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ledger import Ledger, counted
from service import Service, serving, wait_until
from soak import either
from stage import settings_file

from ranking.store.embedded.server import EmbeddedValkey

CLIENTS = 8
BATCHES = either(100, 2_000)


class Client(threading.Thread):
    """Sends every batch of a ledger once, in an order of its own, over one connection: to one worker."""

    def __init__(self, service: Service, ledger: Ledger, seed: int) -> None:
        super().__init__(daemon=True)
        address = urlsplit(service.url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        self._headers = {"authorization": f"Bearer {service.write_key}"}
        self._batches = random.Random(seed).sample(ledger.batches, BATCHES)
        self.accepted: Counter[str] = Counter()
        self.worker = int(self._ask("GET", "/readyz")["worker"])

    def run(self) -> None:
        for sent in self._batches:
            headers = {"Idempotency-Key": sent.name.replace(" ", "-")}
            told = self._ask("POST", "/v1/events", sent.body, headers)
            assert told["accepted"] + told["duplicate"] == sent.size, told
            self.accepted[sent.name] += told["accepted"]
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, int]:
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        return dict(json.loads(self._connection.getresponse().read()))


@pytest.mark.soak
def test_batches_sent_by_eight_clients_to_two_workers_count_once(tmp_path: Path) -> None:
    ledger = Ledger()
    for _ in range(BATCHES):
        ledger.acknowledge(ledger.write(5))
    with serving(tmp_path / "data", "--config", settings_file(tmp_path), "--workers", "2") as service:
        clients: list[Client] = []

        def both_workers() -> bool:
            clients.append(Client(service, ledger, len(clients)))
            return len(clients) >= CLIENTS and len({client.worker for client in clients}) == 2

        wait_until(both_workers)
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert service.stop() == 0
    answers: Counter[str] = Counter()
    for client in clients:
        answers += client.accepted
    assert answers == {sent.name: sent.size for sent in ledger.batches}, "each was accepted by one answer, whole"
    with EmbeddedValkey(tmp_path / "data") as valkey:
        ledger.check(counted(valkey.url))
