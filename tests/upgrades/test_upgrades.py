"""What earlier versions have written is read by this one: a store, a spool and published lists, under load.

Each `VERSION.tar.gz` is the data directory of a service of that version, as a kill left it (see `make_fixture.py`).
"""

import contextlib
import json
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

sys.path += [str(Path(__file__).parents[1] / "populer"), str(Path(__file__).parent)]

from make_fixture import ADMIN, ALIASED, BLOCKED, ITEMS, OTHER_NAME, PINNED, REMOVED, SETTINGS, WRITER, client_of, shown
from service import Service, run, serving, wait_until

FIXTURES = sorted(Path(__file__).parent.glob("*.tar.gz"))
PATIENCE_S = 60


@contextlib.contextmanager
def load(service: Service) -> Iterator[list[int]]:
    """Reads of a new item as fast as they are taken; how many were."""
    taken, stop = [0], threading.Event()

    def send() -> None:
        with client_of(service) as client:
            while not stop.is_set():
                events = [{"item": "beban"}] * 20
                taken[0] += client.post("/v1/events", json=events, headers=WRITER).json()["accepted"]

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def with_views(client: httpx2.Client) -> dict[str, int]:
    return {item: views for item, views in shown(client) if item not in ("", "beban")}


@pytest.mark.parametrize("fixture", FIXTURES, ids=[file.name.removesuffix(".tar.gz") for file in FIXTURES])
def test_what_an_earlier_version_has_written_is_read_under_load(tmp_path: Path, fixture: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "populer.toml"
    data.mkdir(mode=0o700)
    with tarfile.open(fixture) as archive:
        archive.extractall(data, filter="data")
    before = json.loads((data / "fixture.json").read_text())
    file.write_text(SETTINGS)
    expected = {item: n for item, n in before["views"].items() if item not in (BLOCKED, REMOVED)}
    expected[ITEMS[9]] = 1  # the others are void
    options = ("--config", str(file), "--data", str(data))
    with serving(data, "--config", str(file)) as service, client_of(service) as client:
        first = shown(client)
        assert first[-1][1] >= before["generation"], "the lists that were published are served at once"
        with load(service) as taken:
            wait_until(lambda: with_views(client) == expected, PATIENCE_S)  # what waited in the spool counts, too
            wait_until(lambda: taken[0] >= 1_000, PATIENCE_S)
        counted = taken[0]
        wait_until(lambda: dict(shown(client)).get("beban") == counted, PATIENCE_S)
        ranked = shown(client)
        assert ranked[0][0] == PINNED
        assert ranked[-1][1] > before["generation"]
        by_views = [item for item, _ in ranked if item not in (PINNED, "", "beban")]
        assert by_views == sorted(expected.keys() - {PINNED}, key=lambda item: -expected[item])
        assert [each["alarm"] for each in client.get("/readyz").json()["alarms"]] == []
        changes = client.get("/v1/audit", headers=ADMIN).json()["changes"]
        assert {each["action"] for each in changes} == {"pin", "block", "alias", "void", "remove"}
        assert client.get(f"/v1/items/{ITEMS[0]}", headers=WRITER).json()["title"] == f"Judul {ITEMS[0]}"
        assert client.post("/v1/events", json=[{"item": OTHER_NAME}], headers=WRITER).json()["accepted"] == 1
        wait_until(lambda: with_views(client)[ALIASED] == expected[ALIASED] + 1, PATIENCE_S)
        done = run("backup", str(tmp_path / "whole.backup"), *options)
        assert done.returncode == 0, done.stderr
        assert not list((data / "spool").glob("*damaged*"))


def test_there_is_a_fixture() -> None:
    assert FIXTURES
