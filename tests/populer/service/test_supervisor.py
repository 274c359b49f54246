"""The service as an operator meets it: started, killed in every part, stopped; and nothing answered is lost."""

import os
import signal
import socket
import threading
from pathlib import Path

import httpx2
import pytest
from service import Service, run, serving, wait_until


class Sender(threading.Thread):
    """Sends numbered batches of views one after the other until told to stop; counts what was acknowledged."""

    def __init__(self, service: Service, *, batch: int = 200) -> None:
        super().__init__(daemon=True)
        self._service = service
        self._batch = batch
        self._done = threading.Event()
        self.sent = self.acked = self.refused = 0

    def run(self) -> None:
        body = "\n".join(['{"item":"a"}'] * self._batch)
        with self._service.client() as client:
            while not self._done.is_set():
                self.sent += self._batch
                try:
                    answer = client.post("/v1/events", content=body)
                except httpx2.HTTPError:
                    self.refused += self._batch
                    continue
                if answer.status_code == 202:
                    self.acked += answer.json()["accepted"]

    def finish(self) -> None:
        self._done.set()
        self.join(30)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_says_ready_serves_both_lists_and_ends_with_0(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service, service.client() as client:
        lists = client.get("/v1/lists", params={"names": "populer,update"}).json()["lists"]
        assert [lists[name]["title"] for name in lists] == ["Populer", "UPDATE"]
        assert client.get("/readyz").json()["status"] == "ready"
        children, valkey = service.children(), service.valkey_pid
        assert service.stop() == 0
        assert not any(map(is_running, [*children, valkey]))


def test_what_was_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service, service.client() as client:
        client.post("/v1/events", content='[{"item":"a"},{"item":"a"}]')
        assert service.stop() == 0
    with serving(tmp_path / "data") as service, service.client() as client:
        # The list of the present slot may have been published already, before the restart.
        wait_until(lambda: [item["id"] for item in client.get("/v1/lists/populer").json()["items"]] == ["a"])


def test_a_killed_worker_is_replaced_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        sender = Sender(service)
        sender.start()
        before = service.children()
        for pid in before:
            wait_until(lambda: sender.acked > 0)
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(service.children()) - set(before)) == 2)
        acked = sender.acked
        wait_until(lambda: sender.acked > acked)
        sender.finish()
        assert sender.acked <= service.views("a") <= sender.sent


def test_a_killed_store_is_replaced_and_counts_neither_less_nor_twice(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        sender = Sender(service)
        sender.start()
        for _ in range(2):
            old = service.valkey_pid
            acked = sender.acked
            wait_until(lambda acked=acked: sender.acked > acked)
            os.kill(old, signal.SIGKILL)
            wait_until(lambda old=old: service.valkey_pid != old)
        acked = sender.acked
        wait_until(lambda: sender.acked > acked)
        sender.finish()
        assert service.views("a") == sender.acked


def test_a_killed_parent_leaves_no_worker_behind_and_the_next_start_takes_over_its_store(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        with service.client() as client:
            client.post("/v1/events", content='{"item":"a"}')
        children, valkey = service.children(), service.valkey_pid
        service.stop(signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)))
        assert is_running(valkey)
        with serving(tmp_path / "data") as again:
            assert again.valkey_pid == valkey
            assert again.views("a") == 1


def test_a_port_in_use_is_one_line_and_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"populer: cannot listen on 127.0.0.1 port {port}: address already in use; "
        "stop what uses it, or choose another with --port\n"
    )
    assert not (tmp_path / "data").exists()


def test_a_host_of_another_machine_is_one_line_that_says_which_option(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "256.256.256.256"):
        done = run("serve", "--host", host, "--port", "0", "--data", str(tmp_path / "data"))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"populer: cannot listen on {host} port 0: no address of this machine; name one with --host\n"
        )


def test_a_data_directory_in_use_is_one_line_and_1(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        done = run("serve", "--port", "0", "--data", str(service.data_dir))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"populer: {service.data_dir} is in use by another Populer service")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('[redis]\nurl = "redis://127.0.0.1:many"', "redis.url: expected an address such as redis://127.0.0.1:6379/0"),
        ("[lists.populer]\nhalf_live = 3", "lists.populer.half_live: is not a setting; did you mean half_life?"),
        ('[refresh]\nevery = "soon"', "refresh.every: expected a duration such as 90s, 15m, 6h or 7d, found 'soon'"),
        ("[refresh]\nevery = 5", 'refresh.every: expected a duration such as "2h", found the number 5. Write "5s"'),
        ('[lists.update]\nhalf_life = "1h"', 'lists.update.half_life: has no effect with kind = "latest". Remove it'),
        ("[lists.populer", "is not valid TOML"),
    ],
)
def test_a_configuration_that_cannot_work_is_one_line_and_1(tmp_path: Path, toml: str, sentence: str) -> None:
    config = tmp_path / "populer.toml"
    config.write_text(toml)
    done = run("serve", "--config", str(config), "--port", "0", "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("populer: ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_keys_are_generated_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        key = service.write_key
        assert (service.data_dir / "keys.json").stat().st_mode & 0o777 == 0o600
        assert "keys.json" in service.log.read_text()
        assert key not in service.log.read_text()
        service.stop()
    with serving(tmp_path / "data") as service:
        assert service.write_key == key
