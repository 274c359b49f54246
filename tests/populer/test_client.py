"""The documented client: what it sends counts once, whatever happens to the service meanwhile."""

import http.server
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ports import free_ports
from service import serving, wait_until

from populer.client import AsyncPopuler, Patience, Populer, PopulerError

SETTINGS = '[ingest]\ndedupe_window = "0s"\n[refresh]\nevery = "1s"\nlease = "2s"\n'
KEY = "write-key-of-the-koran"
QUICK = Patience(deadline_s=20, first_answer_s=20, request_s=0.5, pause_s=0.01, longest_pause_s=0.05)


@contextmanager
def faulty(*faults: int | None) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A service that meets its first requests with faults: a status, None: no answer. Gives requests: key and body."""
    asked: list[tuple[str, str]] = []
    waiting = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.headers["Idempotency-Key"], body))
            fault = faults[len(asked) - 1] if len(asked) <= len(faults) else 202
            if fault is None:
                waiting.wait(30)
                self.close_connection = True
                return
            content = json.dumps({"accepted": body.count("\n") + 1, "duplicate": 0, "filtered": {}, "ack": "commit"})
            self.send_response(fault)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        waiting.set()
        server.shutdown()
        server.server_close()


def test_client_records_describes_lists_and_takes_down(tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    config.write_text(SETTINGS)
    with serving(tmp_path / "data", "--config", str(config)) as service:
        with Populer(service.url, key=service.write_key) as populer:
            found = populer.describe({"id": f"a{n}", "title": "A", "section": "Politik"} for n in range(1001))
            assert (found.stored, len(found.items)) == (1001, 1001)
            answer = populer.record([*({"item": "a0"} for _ in range(1500)), {"item": ""}, {"item": "a1"}])
            assert (answer.accepted, [each.index for each in answer.invalid]) == (1501, [1500])
        with Populer(service.url) as reader:
            wait_until(lambda: [each["id"] for each in reader.list(limit=2)["items"]] == ["a0", "a1"])
            with pytest.raises(PopulerError, match=r"answered 404: .*tidak-ada"):
                reader.list("tidak-ada")
        with Populer(service.url, key=service.write_key) as populer:
            populer.take_down("a0")
            assert [each["id"] for each in populer.list(exclude=["a1"])["items"]] == []


async def test_events_under_one_batch_id_count_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        async with AsyncPopuler(service.url, key=service.write_key) as populer:
            for counts in ((1, 0), (0, 1)):
                answer = await populer.record([{"item": "a"}], batch_id="nightly-1")
                assert (answer.accepted, answer.duplicate) == counts
        assert service.views("a") == 1


@pytest.mark.parametrize("faults", [(503, 503), (429,), (None, 502), (504, None)])
def test_a_batch_is_sent_again_under_its_key_until_it_is_answered(faults: tuple[int | None, ...]) -> None:
    with faulty(*faults) as (url, asked), Populer(url, key=KEY, patience=QUICK) as populer:
        assert populer.record([{"item": "a"}, {"item": "b"}]).accepted == 2
        assert len(asked) == len(faults) + 1
        assert len(set(asked)) == 1


def test_a_service_that_stays_away_is_given_up_with_a_sentence() -> None:
    (port,) = free_ports(1)
    patience = Patience(first_answer_s=0.2, pause_s=0.05)
    gives_up = pytest.raises(PopulerError, match=r"does not answer \(no connection\)")
    with Populer(f"http://127.0.0.1:{port}", key=KEY, patience=patience) as populer, gives_up:
        populer.record([{"item": "a"}])


def test_nothing_is_lost_or_counted_twice_while_the_service_is_killed_and_started_again(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = tmp_path / "populer.toml"
    config.write_text(SETTINGS)
    arguments = ("--config", str(config), "--port", str(port))
    sent = 0
    enough, killed = threading.Event(), threading.Event()
    with serving(tmp_path / "data", *arguments) as service:
        key = service.write_key

        def send() -> None:
            nonlocal sent
            patience = Patience(deadline_s=90, first_answer_s=90, request_s=5, pause_s=0.05, longest_pause_s=0.5)
            with Populer(service.url, key=key, patience=patience) as populer:
                after = 0
                while after < 20:
                    answer = populer.record([{"item": "a"} for _ in range(10)])
                    assert answer.accepted + answer.duplicate == 10  # the latter where the first answer was lost
                    sent += 10
                    after += killed.is_set()
                    if sent >= 200:
                        enough.set()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        assert enough.wait(60)
        for child in service.children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        service.process.kill()
        service.process.wait()
    killed.set()
    with serving(tmp_path / "data", *arguments) as again:
        sender.join(100)
        assert not sender.is_alive()
        assert sent >= 400
        wait_until(lambda: again.views("a") >= sent, within_s=60)
        assert again.views("a") == sent
