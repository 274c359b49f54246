"""The Laravel example tells a running service what Eloquent saves and deletes, by a queue or without one."""

import json
import os
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from newsrooms import EXAMPLES, misbehaving, saying
from service import Service

APP = EXAMPLES.parent / "tests" / "examples" / "laravel_app.php"
ILLUMINATE = Path("/usr/share/php/Illuminate")
CLOSED = "http://127.0.0.1:9"

Run = Callable[..., Any]


@pytest.fixture
def laravel(php: str, service: Service, tmp_path: Path) -> Run:
    """What code returns in an application that describes to the service, and what was reported."""
    modules = subprocess.run([php, "-m"], capture_output=True, text=True, check=True).stdout.split()
    parts = ("Database", "Events", "Console", "Bus", "Queue", "Http", "Config", "Cache")
    if "pdo_sqlite" not in modules or not all((ILLUMINATE / part).is_dir() for part in parts):
        pytest.skip("there is no Illuminate with SQLite here: apt-get what .ci/run names")

    def ran(code: str, url: str = service.url, key: str = service.write_key, queue: str = "sync") -> dict[str, Any]:
        database = tmp_path / "database.sqlite"
        database.touch()
        env = {
            **os.environ,
            "POPULER_TEST_FOLDER": str(EXAMPLES / "laravel"),
            "POPULER_TEST_URL": url,
            "POPULER_TEST_KEY": key,
            "POPULER_TEST_QUEUE": queue,
            "POPULER_TEST_DATABASE": str(database),
            "POPULER_TEST_CODE": code,
        }
        command = [php, "-d", "display_errors=stderr", "-d", "include_path=.:/usr/share/php", str(APP)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    return ran


@pytest.fixture
def first() -> int:
    """An id that no other test has."""
    return uuid.uuid4().int % 10**12


def found(service: Service, item: int) -> dict[str, Any]:
    with service.client() as client:
        answer = client.get(f"/v1/items/{item}")
    return dict(answer.json()) if answer.status_code == 200 else {}


def create(item: int, title: str = "Judul", more: str = "") -> str:
    return f"Artikel::create(['id' => {item}, 'judul' => '{title}', 'slug' => 'slug-{item}'{more}]);"


def test_what_is_saved_is_described_and_its_former_address_is_an_alias(
    laravel: Run, service: Service, first: int
) -> None:
    assert laravel(create(first))["reported"] == []
    item = found(service, first)
    assert (item["title"], item["section"]) == ("Judul", "Olah Raga & Gaya")
    laravel(f"Artikel::find({first})->update(['judul' => 'Baru', 'slug' => 'baru-{first}']);")
    assert found(service, first)["title"] == "Baru"
    with service.client() as client:
        names = client.get(f"/v1/items/{first}/aliases").json()
    assert names["aliases"] == [f"news.example/slug-{first}"]


def test_what_readers_cannot_open_is_taken_down_and_comes_back(laravel: Run, service: Service, first: int) -> None:
    steps = {
        create(first): True,
        f"Artikel::find({first})->update(['terbit' => false]);": False,
        f"Artikel::find({first})->update(['terbit' => true]);": True,
        f"Artikel::find({first})->delete();": False,
        f"Artikel::withTrashed()->find({first})->restore();": True,
        f"Artikel::find({first})->forceDelete();": False,
    }
    seen = {}
    for code in steps:
        laravel(code)
        seen[code] = found(service, first) != {}
    assert seen == steps


def test_an_editor_s_take_down_in_the_service_outlives_a_change(laravel: Run, service: Service, first: int) -> None:
    laravel(create(first))
    with service.client() as client:
        client.delete(f"/v1/items/{first}").raise_for_status()
    laravel(f"Artikel::find({first})->update(['judul' => 'Lagi']);")
    assert found(service, first) == {}


def test_a_draft_and_a_site_without_a_key_tell_nothing(laravel: Run) -> None:
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.command)

    with misbehaving(answer) as url:
        laravel(create(1, more=", 'terbit' => false"), url=url)
        laravel(create(2), url=url, key="")
    assert asked == []


def test_without_a_queue_a_service_that_is_away_is_reported_and_saving_goes_on(laravel: Run, first: int) -> None:
    done = laravel(f"{create(first)} return Artikel::count();", url=CLOSED)
    assert done["answer"] == 1
    assert len(done["reported"]) == 1


def test_a_queue_tries_again(laravel: Run, service: Service, first: int) -> None:
    assert laravel(f"{create(first)} return work();", url=CLOSED, queue="database")["answer"] == 1
    assert found(service, first) == {}
    later = "Illuminate\\Database\\Capsule\\Manager::table('jobs')->update(['available_at' => 0]); return work();"
    assert laravel(later, queue="database") == {"answer": 0, "reported": []}
    assert found(service, first)["title"] == "Judul"


def test_the_command_describes_old_articles(laravel: Run, service: Service, first: int) -> None:
    insert = f"""
        $row = fn ($n) => ['id' => $n, 'judul' => "Arsip $n", 'slug' => "arsip-$n"];
        $rows = array_map($row, range({first}, {first} + 509));
        foreach (array_chunk($rows, 100) as $chunk) {{
            Artikel::insert($chunk);
        }}
        Artikel::insert(['id' => {first} + 510, 'judul' => 'Konsep', 'slug' => 'konsep', 'terbit' => false]);
        return artisan('populer:sync Artikel');
    """
    assert laravel(insert)["answer"] == [0, "510 articles were sent."]
    assert found(service, first + 509)["title"] == f"Arsip {first + 509}"
    assert found(service, first + 510) == {}


def test_the_command_says_why_it_could_not(laravel: Run, first: int) -> None:
    with misbehaving(saying(b'{"detail": "Name a key."}', 401, "application/problem+json")) as url:
        laravel(create(first), key="")
        code, printed = laravel("return artisan('populer:sync Artikel');", url=url)["answer"]
    assert code == 1
    assert "401" in printed
    assert printed.endswith("0 articles were sent; run it again.")
