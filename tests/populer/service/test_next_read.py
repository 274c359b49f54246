"""Gone on the next read: what was taken down or blocked is in no answer of any worker of any host, once that is said.

Three services share a store, as on three hosts; each has a worker of its own, and so an address of its own.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import servers
from service import Service, serving, wait_until

HOSTS, ITEMS, READS = 3, 60, 8
TAKEN_DOWN, WHILE_STOPPED, AFTER_A_DEATH = range(40), range(40, 45), range(45, 50)
LIST = "/v1/lists/populer"
CONFIG = """\
[redis]
url = "{url}"
[ingest]
bots = false
[lists.populer]
listed = "all"
[[sites]]
keys = {{ write = "{write}", admin = "{admin}" }}
"""


class Host:
    """A service, and a connection of its own to it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx2.Client(base_url=service.url, headers=servers.ADMIN, trust_env=False, timeout=30)

    def ids(self) -> list[str]:
        answer = self.http.get(LIST, params={"limit": 1000})
        return [item["id"] for item in answer.json()["items"]] if answer.status_code == 200 else []

    def workers(self) -> list[int]:
        """The processes that may be the worker: it and the jobs look alike from outside."""
        return self.service.children()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    """Three services that show the same items. The last test leaves one of them dead."""
    folder = tmp_path_factory.mktemp("hosts")
    config = folder / "populer.toml"
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(HOSTS) as pool:
        server = stack.enter_context(servers.Valkey())
        config.write_text(CONFIG.format(url=server.unix_url, write=servers.WRITE_KEY, admin=servers.ADMIN_KEY))
        started = pool.map(
            lambda n: stack.enter_context(serving(folder / f"host-{n}", "--config", str(config))), range(HOSTS)
        )
        found = [Host(service) for service in started]
        for host in found:
            stack.callback(host.http.close)
        names = [f"berita-{n}" for n in range(ITEMS)]
        assert found[0].http.put("/v1/items", json=[{"id": name} for name in names]).status_code == 200
        found[0].http.post("/v1/events", json=[{"item": name} for name in names for _ in range(3)])
        wait_until(lambda: all(len(host.ids()) == ITEMS for host in found))
        yield found


def stale_reads(hosts: list[Host], item: str) -> int:
    """How many of some reads of every host still have the item."""
    return sum(item in host.ids() for _ in range(READS) for host in hosts)


def test_what_is_taken_down_or_blocked_is_in_no_answer_of_any_worker_from_then_on(hosts: list[Host]) -> None:
    stale = reads = 0
    for n in TAKEN_DOWN:
        item, through = f"berita-{n}", hosts[n % HOSTS].http
        address = f"/v1/items/{item}" if n % 2 else f"/v1/blocks/{item}"
        answer = through.request("DELETE" if n % 2 else "PUT", address)
        assert answer.is_success, answer.text
        stale += stale_reads(hosts, item)
        reads += READS * HOSTS
    assert (stale, reads) == (0, len(TAKEN_DOWN) * READS * HOSTS)


def test_a_pin_is_in_every_answer_of_every_worker_from_then_on(hosts: list[Host]) -> None:
    for n in range(20):
        item = f"pinned {n}"
        assert hosts[n % HOSTS].http.put(f"{LIST}/pins/{item}", json={"position": 1}).is_success
        assert {host.ids()[0] for host in hosts} == {item}
        assert hosts[(n + 1) % HOSTS].http.delete(f"{LIST}/pins/{item}").is_success
        assert stale_reads(hosts, item) == 0


def test_a_worker_that_was_stopped_meanwhile_shows_nothing_old_when_it_goes_on(hosts: list[Host]) -> None:
    stopped = hosts[0]
    for pid in stopped.workers():
        os.kill(pid, signal.SIGSTOP)
    try:
        for n in WHILE_STOPPED:
            assert hosts[1 + n % 2].http.delete(f"/v1/items/berita-{n}").status_code == 204
            assert stale_reads(hosts[1:], f"berita-{n}") == 0
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(stopped.ids)  # lies in its socket when it goes on
            for pid in stopped.workers():
                os.kill(pid, signal.SIGCONT)
            seen = [first.result(), *(stopped.ids() for _ in range(READS))]
    finally:
        for pid in stopped.workers():
            os.kill(pid, signal.SIGCONT)
    gone = {f"berita-{n}" for n in WHILE_STOPPED}
    assert [gone & set(ids) for ids in seen] == [set()] * len(seen)


def test_a_worker_that_died_does_not_make_an_order_fail(hosts: list[Host]) -> None:
    for pid in hosts[0].workers():
        os.kill(pid, signal.SIGKILL)
    for n in AFTER_A_DEATH:
        assert hosts[1 + n % 2].http.delete(f"/v1/items/berita-{n}").status_code == 204
        assert stale_reads(hosts[1:], f"berita-{n}") == 0
