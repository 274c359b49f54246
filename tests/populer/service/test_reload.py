"""The settings' file changes under a running service: live in every worker, or nothing and a sentence; nobody notices.

All of it under readers, some 25 changes. POPULER_SOAK=1 does 200 more, each within the two seconds of the promise.
"""

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service import Service, serving, wait_until

SOAK = bool(os.environ.get("POPULER_SOAK"))
CHANGES = 200 if SOAK else 8
LIVE_WITHIN_S = 2.0 if SOAK else 30.0
WORKERS = 2

Write = Callable[[Path, str], None]


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def in_place_bit_by_bit(file: Path, text: str) -> None:
    with file.open("w") as out:
        for character in text:
            out.write(character)
            out.flush()


def renamed_over(file: Path, text: str) -> None:
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def removed_and_written_anew(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


def as_kubernetes_does(file: Path, text: str) -> None:
    """A ConfigMap: the name is a link through `..data`, and `..data` is swapped for a link to a new folder."""
    version = file.parent / f"..{time.time_ns()}"
    version.mkdir()
    (version / file.name).write_text(text)
    swap(file.parent / "..data", version.name)
    if not file.is_symlink():
        swap(file, f"..data/{file.name}")


def swap(link: Path, target: str) -> None:
    fresh = link.parent / "..fresh"
    fresh.symlink_to(target)
    fresh.replace(link)


class Newsroom:
    """A service with two workers, its settings' file, and a connection to each worker."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service = service
        self.file = file
        self.numbers = itertools.count(1)
        self.slowest_s = 0.0
        self.asked = 0
        self._http: dict[int, httpx2.Client] = {}

    def toml(self, more: str = "", **populer: Any) -> str:
        """Settings that no other call has given; lists are ranked by the hour only, and learn nothing meanwhile."""
        table = {"title": f"Judul {next(self.numbers)}", "half_life": "6h", **populer}
        lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
        head = f"[service]\nworkers = {WORKERS}\n[refresh]\nevery = '1h'\n[lists.populer]\n"
        return head + "\n".join(lines) + "\n" + more

    def workers(self) -> dict[int, httpx2.Client]:
        """A connection to each of the workers that run now, by process."""
        for pid in self._http.keys() - set(self.service.children()):
            self._http.pop(pid).close()

        def all_known() -> bool:
            if len(self._http) < WORKERS:
                http = httpx2.Client(base_url=self.service.url, trust_env=False, timeout=30)
                pid = http.get("/readyz").json()["worker"]
                if self._http.setdefault(pid, http) is not http:
                    http.close()
            return len(self._http) == WORKERS

        wait_until(all_known)
        return self._http

    def states(self) -> list[dict[str, Any]]:
        """What each worker says on /readyz."""
        found = [http.get("/readyz").json() for http in self.workers().values()]
        assert {state["status"] for state in found} == {"ready"}
        return found

    def change(self, text: str, write: Write = in_place) -> dict[str, Any]:
        """Write a good file; what the workers say of it once it is live in all of them, lists included."""
        applied = self.states()[0]["config"]["applied"]
        write(self.file, text)
        since = time.monotonic()

        def live() -> bool:
            return all(state["config"]["applied"] > applied for state in self.states())

        wait_until(live, LIVE_WITHIN_S)
        states = self.states()
        (version,) = {state["config_version"] for state in states}
        assert {state["config"]["applied"] for state in states} == {applied + 1}, "it was taken in parts"

        def ranked() -> bool:
            lists = [http.get("/v1/lists/populer").json() for http in self.workers().values()]
            return all(each["config_version"] == version for each in lists)

        wait_until(ranked, LIVE_WITHIN_S)
        self.slowest_s = max(self.slowest_s, time.monotonic() - since)
        return states[0]

    def refusal(self, spoil: Callable[[Path], object]) -> str:
        """Spoil the file; the sentence that every worker says of it, having changed nothing."""
        before = self.states()
        spoil(self.file)

        def refused() -> bool:
            return all(state["config"]["refused"] > before[0]["config"]["refused"] for state in self.states())

        wait_until(refused, LIVE_WITHIN_S)
        states = self.states()
        for state in states:
            assert state["config_version"] == before[0]["config_version"]
            assert state["config"]["loaded_at"] == before[0]["config"]["loaded_at"]
        (sentence,) = {state["config"]["refusal"] for state in states}
        assert sentence in self.service.log.read_text()
        return str(sentence)

    def close(self) -> None:
        for http in self._http.values():
            http.close()


class Readers(threading.Thread):
    """Asks for everything, one thing after the other, over new and old connections; keeps what went wrong."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        self._url = service.url
        self._key = {"Authorization": f"Bearer {service.write_key}"}
        self._done = threading.Event()
        self.asked = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._done.is_set():
            with httpx2.Client(base_url=self._url, headers=self._key, trust_env=False, timeout=30) as client:
                for number in range(20):
                    self._ask(client, "POST", "/v1/events", content=f'[{{"item":"a"}},{{"item":"{number}"}}]')
                    self._ask(client, "PUT", "/v1/items/a", content='{"title":"A","section":"Politik"}')
                    self._ask(client, "GET", "/v1/lists/populer")
                    self._ask(client, "GET", "/v1/lists")
                    self._ask(client, "GET", "/readyz")
                    self._ask(client, "GET", "/metrics")

    def _ask(self, client: httpx2.Client, method: str, path: str, **options: Any) -> None:
        self.asked += 1
        try:
            answer = client.request(method, path, **options)
        except httpx2.HTTPError as error:
            self.failed.append(f"{method} {path}: {error!r}")
            return
        if answer.status_code not in (200, 202):
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text}")

    def finish(self) -> None:
        self._done.set()
        self.join(30)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    folder = tmp_path_factory.mktemp("reload")
    file = folder / "conf" / "populer.toml"
    file.parent.mkdir()
    as_kubernetes_does(file, f"[service]\nworkers = {WORKERS}\n[refresh]\nevery = '1h'\n")
    with serving(folder / "data", "--config", str(file)) as service:
        newsroom = Newsroom(service, file)
        yield newsroom
        newsroom.close()
        print(f"live after {newsroom.slowest_s:.2f} s at the most, {newsroom.asked} requests, none failed")  # noqa: T201


@pytest.fixture
def newsroom(shared: Newsroom) -> Iterator[Newsroom]:
    """The service with a good file, under readers of whom none may be failed."""
    readers = Readers(shared.service)
    if shared.states()[0]["config"]["refusal"]:
        shared.change(shared.toml())
    readers.start()
    yield shared
    wait_until(lambda: readers.asked > 0)
    readers.finish()
    shared.asked += readers.asked
    assert readers.failed == []


@pytest.mark.parametrize(
    "write", [as_kubernetes_does, in_place, in_place_bit_by_bit, renamed_over, removed_and_written_anew]
)
def test_a_change_is_live_in_every_worker_however_it_was_written(newsroom: Newsroom, write: Write) -> None:
    state = newsroom.change(newsroom.toml(title=write.__name__, size=3), write)
    assert state["config"]["refusal"] is None
    for http in newsroom.workers().values():
        assert http.get("/v1/lists/populer").json()["title"] == write.__name__


def test_a_bad_file_changes_nothing_and_is_said_by_every_worker(newsroom: Newsroom) -> None:
    newsroom.change(newsroom.toml())
    good = newsroom.file.read_text()
    cut = good[: good.index("[lists.populer]") + 5]
    spoils: list[tuple[Callable[[Path], object], str]] = [
        (lambda file: file.write_text(good + "[lists.populer"), "is not valid TOML"),
        (lambda file: file.write_text(newsroom.toml(half_life=True)), "lists.populer.half_life: expected a duration"),
        (lambda file: file.write_text(newsroom.toml("[[sites]]\nnam = 'x'")), "sites.0.nam: is not a setting"),
        (lambda file: os.truncate(file, 0), "is empty"),
        (lambda file: file.write_text(cut), "is not valid TOML"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "is not UTF-8 text"),
        (lambda file: file.unlink(), "no such file"),
    ]
    for spoil, sentence in spoils:
        assert sentence in newsroom.refusal(spoil)
    applied = newsroom.states()[0]["config"]["applied"]
    newsroom.file.write_text(good)
    wait_until(lambda: {state["config"]["applied"] for state in newsroom.states()} == {applied + 1}, LIVE_WITHIN_S)
    assert {state["config"]["refusal"] for state in newsroom.states()} == {None}
    for http in newsroom.workers().values():
        assert "populer_config_refused 0.0" in http.get("/metrics").text.splitlines()


def test_what_takes_a_start_is_said_and_the_rest_is_live(newsroom: Newsroom) -> None:
    more = "[redis]\ntimeout = '9s'\n[ingest]\nkinds = ['view', 'share']\n"
    text = newsroom.toml(more).replace(f"workers = {WORKERS}", "workers = 9\nport = 9")
    children = newsroom.service.children()
    state = newsroom.change(text)
    assert state["config"]["at_next_start"] == ["service.workers", "redis.timeout"], "--port goes over the file"
    assert "service.workers: takes effect at the next start" in newsroom.service.log.read_text()
    for http in newsroom.workers().values():
        assert http.post("/v1/events", content='{"item":"a","kind":"share"}').status_code == 202
    assert newsroom.service.children() == children
    assert newsroom.change(newsroom.toml())["config"]["at_next_start"] == []


def test_a_site_comes_with_keys_of_its_own_and_goes_and_the_others_keys_stay(newsroom: Newsroom) -> None:
    key = newsroom.service.write_key
    keys = newsroom.service.data_dir / "keys.json"
    newsroom.change(newsroom.toml("[[sites]]\nid = 'default'\n[[sites]]\nid = 'kedua'\n"))
    theirs = {"Authorization": f"Bearer {json.loads(keys.read_text())['kedua']['write']}"}
    for number, http in enumerate(newsroom.workers().values()):
        assert http.put(f"/v1/items/{number}?site=kedua", content='{"title":"A"}', headers=theirs).status_code == 200
        wait_until(lambda http=http: http.get("/v1/lists/update?site=kedua").status_code == 200)
    keys.unlink()
    newsroom.change(newsroom.toml("[[sites]]\nid = 'default'\n[[sites]]\nid = 'ketiga'\n"))
    for http in newsroom.workers().values():
        assert http.get("/v1/lists/update?site=kedua").status_code == 404
    newsroom.change(newsroom.toml())
    assert newsroom.service.write_key == key


def test_a_worker_that_is_replaced_goes_by_what_is_in_effect(shared: Newsroom) -> None:
    shared.change(shared.toml(title="Sebelum", size=3))
    sentence = shared.refusal(lambda file: file.write_text(shared.toml(size=0)))
    old = next(iter(shared.workers()))
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: old not in shared.service.children() and len(shared.service.children()) == 1 + WORKERS)
    states = shared.states()
    assert {state["config"]["refusal"] for state in states} == {sentence}
    assert len({state["config_version"] for state in states}) == 1


def test_no_request_fails_while_the_settings_change_again_and_again(newsroom: Newsroom) -> None:
    extras = [
        "",
        "[ingest]\ndedupe_window = '0s'\n",
        "[lists.baru]\nsize = 3\n",
        "[[sites]]\nid = 'default'\n[[sites]]\nid = 'lain'\n",
        "[ingest]\nack = 'memory'\nspool = '16MiB'\nbots = false\n[retention]\nbucket = '1m'\nkeep = '60d'\n",
        "[ingest]\nack = 'disk'\naddress_limit = 0\n[[sites]]\nid = 'default'\ntimezone = 'Asia/Makassar'\n",
    ]
    ways = [in_place, renamed_over, as_kubernetes_does]
    for number in range(CHANGES):
        if number % 5 == 4:
            newsroom.refusal(lambda file: file.write_text(newsroom.toml(size=0)))
        else:
            more = extras[number % len(extras)]
            newsroom.change(newsroom.toml(more, size=1 + number % 9), ways[number % len(ways)])
