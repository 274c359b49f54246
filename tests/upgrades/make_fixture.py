"""Makes `VERSION.tar.gz`: the data directory of a service of this version, as a kill left it, and what is in it.

Run it at a release: `.venv/bin/python tests/upgrades/make_fixture.py`. The store has open and sealed counts, items,
edits of every kind, and published lists; events that came while it hung lie in the spool. Its keys are made to last,
so that the file can be read in any year.
"""

import contextlib
import io
import json
import os
import signal
import sys
import tarfile
import tempfile
from pathlib import Path

import httpx2
import redis

sys.path += [str(Path(__file__).parents[depth] / folder) for depth, folder in ((1, ""), (1, "populer"), (2, ""))]

from service import Service, serving, wait_until

from ranking import __version__

HERE = Path(__file__).parent
SETTINGS = """
[retention]
keep = "36500d"
seal_after = "0s"
[ingest]
dedupe_window = "0s"
network_allowance = 0
[refresh]
every = "1s"
[lists.semua]
half_life = "none"
listed = "all"
size = 50
[lists.populer]
listed = "all"
[[sites]]
id = "default"
keys = { write = "write-key-of-the-fixture", admin = "admin-key-of-the-fixture" }
"""
WRITER, ADMIN = ({"authorization": f"Bearer {name}-key-of-the-fixture"} for name in ("write", "admin"))
#: 01 December 2025, 00:00 UTC.
START = 1_764_547_200
ITEMS = [f"berita-{number}" for number in range(12)]
PINNED, BLOCKED, REMOVED, ALIASED, OTHER_NAME = ITEMS[5], ITEMS[6], ITEMS[7], ITEMS[8], "lama-8"
KEPT = ("appendonlydir", "spool", "lists", "store.json")
VALKEY_WAITS_S = 60


def client_of(service: Service) -> httpx2.Client:
    """A client without a key."""
    return httpx2.Client(base_url=service.url, trust_env=False, timeout=30)


def record(client: httpx2.Client, views: dict[str, int], at: float) -> None:
    """Record views of items at a moment (epoch seconds)."""
    events = [{"item": item, "ts": at} for item, n in views.items() for _ in range(n)]
    answer = client.post("/v1/events", json=events, headers=WRITER)
    assert answer.status_code == 202 and answer.json()["accepted"] == len(events), answer.text


def edit(client: httpx2.Client) -> None:
    """Say something of every kind."""
    for method, path, body in (
        ("PUT", f"/v1/lists/semua/pins/{PINNED}", {"position": 1}),
        ("PUT", f"/v1/blocks/{BLOCKED}", {"reason": "salah"}),
        ("PUT", f"/v1/items/{ALIASED}/aliases", {"ids": [OTHER_NAME]}),
        ("POST", f"/v1/items/{ITEMS[9]}/voids", {"from": START, "to": START + 60}),
        ("DELETE", f"/v1/items/{REMOVED}", None),
    ):
        answer = client.request(method, path, json=body, headers=ADMIN)
        assert answer.status_code < 300, (path, answer.text)


def shown(client: httpx2.Client) -> list[tuple[str, int]]:
    """Ids and views of the list `semua`, and its generation at the end."""
    answer = client.get("/v1/lists/semua").json()
    return [*((each["id"], each["views"]) for each in answer.get("items", [])), ("", answer.get("generation", 0))]


def filled(service: Service, client: httpx2.Client) -> dict[str, int]:
    """Fill the store and then the spool; views of each item by its id."""
    described = [{"id": item, "title": f"Judul {item}", "published_at": START} for item in ITEMS]
    assert client.put("/v1/items", json=described, headers=WRITER).status_code == 200
    stored = {item: 3 + 2 * number for number, item in enumerate(ITEMS)}
    record(client, stored, START + 10)
    record(client, {OTHER_NAME: 2}, START + 3600)
    edit(client)
    wait_until(lambda: dict(shown(client)).get(ALIASED) == stored[ALIASED] + 2, VALKEY_WAITS_S)
    store = redis.Redis(unix_socket_path=str(service.data_dir / "valkey.sock"))
    wait_until(lambda: any(store.scan_iter("*:sealed:*", count=1000)), 600)
    os.kill(service.children()[0], signal.SIGSTOP)  # what publishes would have lists expire again
    for key in store.scan_iter(count=1000):
        store.persist(key)
    store.delete("populer:{leader}:holder")  # nobody leads
    store.close()
    os.kill(service.valkey_pid, signal.SIGSTOP)
    record(client, dict.fromkeys(ITEMS, 1), START + 7200)
    return {item: n + 1 + 2 * (item == ALIASED) for item, n in stored.items()}


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def main() -> None:
    """Write the fixture beside this file."""
    with tempfile.TemporaryDirectory(prefix="fixture-") as folder:
        data, file = Path(folder, "data"), Path(folder, "populer.toml")
        file.write_text(SETTINGS)
        with serving(data, "--config", str(file)) as service, client_of(service) as client:
            views = filled(service, client)
            generation = shown(client)[-1][1]
            for pid in (service.process.pid, *service.children(), service.valkey_pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        said = json.dumps({"version": __version__, "views": views, "generation": generation}).encode()
        with tarfile.open(HERE / f"{__version__}.tar.gz", "w:gz") as archive:
            for name in KEPT:
                archive.add(data / name, name, filter=_anonymous)
            entry = tarfile.TarInfo("fixture.json")
            entry.size = len(said)
            archive.addfile(entry, io.BytesIO(said))


if __name__ == "__main__":
    main()
