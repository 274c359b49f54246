"""The client for plain PHP: what it sends to a running service counts once, and what fails is said."""

import html
import json
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
from manual import block
from newsrooms import EXAMPLES, NONSENSE, TITLES, misbehaving, saying, silent
from service import Service, run

from populer.log_files.files import read_items

CLIENT = EXAMPLES / "php" / "populer-client.php"
CLOSED = "http://127.0.0.1:9"
PAGE = "docs/integrations/php.md"


def called(php: str, url: str, code: str, key: str = "", more: str = "pauseS: 0.001") -> Any:
    """What `code` returns with a client in `$populer`; of an exception its message and code."""
    whole = f"""
        require {str(CLIENT)!r};
        try {{
            $populer = new Populer({url!r}, {key!r}, {more});
            echo json_encode((function ($populer) {{ {code} }})($populer));
        }} catch (PopulerException $error) {{
            echo json_encode([$error->getMessage(), $error->getCode()]);
        }}
    """
    done = subprocess.run([php, "-r", whole], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_articles_are_described_named_and_taken_down(php: str, service: Service) -> None:
    item = f"php {uuid.uuid4()}"
    key = service.write_key
    code = f"return $populer->describe([['id' => {item!r}, 'title' => 'A & B', 'colour' => 1], ['id' => ' ']]);"
    first, second = called(php, service.url, code, key)
    assert (first["ok"], first["ignored"][0].partition(":")[0], second["ok"]) == (True, "colour", False)
    alias = f"return $populer->alias({item!r}, ['https://news.example/{uuid.uuid4()}']);"
    assert len(called(php, service.url, alias, key)["aliases"]) == 1
    assert called(php, service.url, f"$populer->takeDown({item!r});", key) is None
    again = called(php, service.url, code, key)[0]
    assert (again["ok"], again["error"].partition(".")[0]) == (False, "is taken down")
    publish = f"return $populer->publish(['id' => {item!r}, 'title' => 'Lagi']);"
    assert called(php, service.url, publish, key)["title"] == "Lagi"
    (invalid,) = called(php, service.url, "return $populer->describe([['id' => '']]);", key)
    assert invalid["error"] == "id: must not be empty"


def test_a_list_is_read_without_a_key(php: str, service: Service) -> None:
    found = called(php, service.url + "/", "return $populer->list('populer', ['limit' => 2, 'exclude' => '101']);")
    assert [row["title"] for row in found["items"]] == list(TITLES.values())[1:3]


def test_events_whose_answer_is_lost_count_once(php: str, service: Service) -> None:
    asked: list[str] = []

    def lose(request: Any) -> None:
        sent = {name: request.headers[name] for name in ("authorization", "content-type", "idempotency-key")}
        found = httpx2.post(service.url + request.path, content=request.content, headers=sent, trust_env=False)
        asked.append(sent["idempotency-key"])
        saying(*((b"{}", 502) if len(asked) == 1 else (found.content, found.status_code)))(request)

    with misbehaving(lose) as url:
        said = called(php, url, "return $populer->record([['item' => 'php once']]);", service.write_key)
    assert (len(asked), len(set(asked))) == (2, 1)
    assert (said["accepted"], said["duplicate"]) == (0, 1)


def test_what_fails_is_said(php: str, service: Service) -> None:
    code = "return $populer->list('populer');"
    message, status = called(php, CLOSED, code)
    assert (message, status) == (f"The service at {CLOSED} does not answer: Connection refused.", 0)
    never = threading.Event()
    with misbehaving(silent(never)) as url:
        message, status = called(php, url, code, more="patienceS: 0.1, tries: 1")
        never.set()
    assert status == 0
    message, status = called(php, service.url, "return $populer->describe([['id' => 'x']]);", "wrong")
    assert (message.startswith(f"What is at {service.url} answered 401. "), status) == (True, 401)
    message, status = called(php, "populer.example", code)
    assert message == "The address must be one such as https://populer.example, not populer.example."


def test_a_feed_is_read_as_it_was_meant(php: str, service: Service, tmp_path: Path) -> None:
    item = f"feed-{uuid.uuid4()}"
    article = {
        "id": item,
        "title": 'Harga <cabai> & ]]> "tomat"',
        "url": f"https://news.example/{item}?a=1&b=2",
        "published_at": 1_764_530_940,
        "section": "Olah Raga & Gaya",
        "tags": ["satu", "dua"],
        "author": "Siti & Budi",
        "image": "https://news.example/a.jpg?w=1&h=2",
        "summary": "Ringkas <b>",
    }
    bare = {"id": f"{item}-2", "title": "Lain", "url": f"https://news.example/{item}-2", "published_at": "1764530941"}
    code = f"""
        require {str(CLIENT.with_name("populer-feed.php"))!r};
        echo populer_feed('https://news.example', json_decode(stream_get_contents(STDIN), true));
    """
    given = json.dumps([article, bare])
    done = subprocess.run([php, "-r", code], input=given, capture_output=True, text=True, check=True, timeout=60)
    feed = tmp_path / "feed.xml"
    feed.write_text(done.stdout)
    imported = run("items", "import", str(feed), "--to", service.url, "--key", service.write_key)
    assert imported.returncode == 0, imported.stdout + imported.stderr
    with service.client() as client:
        found, other = (client.get(f"/v1/items/{each}").json() for each in (item, f"{item}-2"))
    assert (found["title"], found["section"], found["tags"]) == (article["title"], article["section"], ["satu", "dua"])
    assert (found["url"], found["published_at"]) == (article["url"], article["published_at"])
    assert (found["authors"], found["summary"]) == (["Siti & Budi"], "Ringkas <b>")
    assert found["image"] == article["image"]
    assert (other["title"], other["section"]) == ("Lain", None)


def test_the_lines_of_the_manual_put_the_list_into_a_page(php: str, service: Service) -> None:
    lines = block(PAGE, "php", "<populer-list").replace("https://populer.example", service.url)
    page = """<?php $article = ['id' => 'a "b"'] ?>""" + lines
    shown = subprocess.run([php], input=page, capture_output=True, text=True, check=True, timeout=60).stdout
    assert 'data-item="a &quot;b&quot;"></script>' in shown
    assert [title in html.unescape(shown) for title in TITLES.values()] == [True] * len(TITLES)
    away = subprocess.run(
        [php], input=page.replace(service.url, CLOSED), capture_output=True, text=True, check=True, timeout=60
    )
    assert away.stdout.rstrip().endswith('<populer-list list="populer"></populer-list>')
    assert away.stderr == ""


def test_the_feed_of_the_manual_is_a_feed(php: str, tmp_path: Path) -> None:
    database = """class Rows {
        public function query($sql) { return $this; }
        public function fetchAll($mode) {
            $row = ['id' => 7, 'title' => 'Judul', 'url' => 'https://x.example/7', 'section' => 'Politik'];
            return [$row + ['published_at' => 9]];
        }
    }
    $database = new Rows();"""
    code = block(PAGE, "php", "populer_feed(").replace(
        "'populer-feed.php'", repr(str(CLIENT.with_name("populer-feed.php")))
    )
    done = subprocess.run([php, "-r", database + code], capture_output=True, text=True, check=True, timeout=60)
    feed = tmp_path / "feed.xml"
    feed.write_text(done.stdout)
    ((_, item),) = read_items(feed)
    assert (item.id, item.title, item.section) == ("7", "Judul", "Politik")


@pytest.mark.parametrize("name", ["a page", "nothing", "null"])
def test_what_is_no_service_is_said(php: str, name: str) -> None:
    with misbehaving(NONSENSE[name]) as url:
        message, _ = called(php, url, "return $populer->list('populer');")
    assert message == f"What is at {url} is no Populer service."
