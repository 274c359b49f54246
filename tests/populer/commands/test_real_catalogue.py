"""A real catalogue of Indonesian news: imported, walked by section, merged with a feed, renamed with its counts.

Every fiftieth item in `make test`, all 148,243 under `make soak`.
"""

import csv
import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import httpx2
import pytest
from service import Service, run, serving, wait_until
from soak import either

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "catalogue-id"
FILE = REAL / "items.csv.gz"
EVERY = either(50, 1)
FED, READ, RENAMED_EVERY = 150, 40, 10
PATIENCE_S = 60.0

pytestmark = [pytest.mark.real_data, pytest.mark.soak]
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    if not FILE.exists():
        pytest.skip(f"needs the real catalogue at {REAL}")
    with gzip.open(FILE, "rt") as lines:
        return list(csv.DictReader(lines))[::EVERY]


@pytest.fixture(scope="module")
def feed(rows: Rows) -> Iterator[str]:
    """The address of a feed of the first items, with a title, a category and a summary of its own."""
    entries = "".join(
        f"<item><guid isPermaLink='false'>{row['item_id']}</guid><link>{escape(row['url'])}</link>"
        f"<title>{escape(row['title'])} (umpan)</title><category>Umpan {number % 3}</category>"
        f"<description>Ringkasan {number}</description></item>"
        for number, row in enumerate(rows[:FED])
    )
    content = f"<rss version='2.0'><channel><title>Umpan</title>{entries}</channel></rss>".encode()

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Feed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/umpan.xml"
        server.shutdown()


@pytest.fixture(scope="module")
def service(rows: Rows, feed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("catalogue")
    hosts = sorted({urlsplit(row["url"]).netloc for row in rows})
    config = folder / "populer.toml"
    config.write_text(
        "[service]\nfetch_private = true\n[ingest]\naddress_limit = 100_000_000\n"
        f'[[sites]]\nid = "default"\ndiscover = false\nhosts = {json.dumps(hosts)}\n'
        f'feeds = [{{ url = "{feed}", every = "1h" }}]\n'
        "[lists.populer]\nsize = 1000\ndepth = 1000\n"
    )
    file = folder / "items.csv.gz"
    with gzip.open(file, "wt") as to:
        writer = csv.DictWriter(to, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    with serving(folder / "data", "--config", str(config)) as service:
        done = run("items", "import", str(file), "--to", service.url, "--data", str(service.data_dir))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(rows):,} items" in done.stdout
        yield service


@pytest.fixture
def http(service: Service) -> Iterator[httpx2.Client]:
    with service.client() as http:
        yield http


def walked(http: httpx2.Client, **query: Any) -> list[str]:
    """The ids of a search, page by page."""
    found, cursor = list[str](), ""
    while True:
        at = {"cursor": cursor} if cursor else {}
        answer = http.get("/v1/items", params={**query, "limit": 1000, **at})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            return found


def test_feed_is_merged_into_what_was_imported(service: Service, http: httpx2.Client, rows: Rows) -> None:
    admin = {"Authorization": f"Bearer {service.admin_key}"}

    def is_read() -> bool:
        feeds = http.get("/v1/ops/state", headers=admin).json()["feeds"]
        return bool(feeds and feeds[0]["entries"] == FED)

    wait_until(is_read, PATIENCE_S)
    for row in rows[:FED:29]:
        item = http.get(f"/v1/items/{row['item_id']}").json()
        assert item["url"] == row["url"]
        assert item["summary"].startswith("Ringkasan")
        assert item["published_at"] == float(row["published_epoch"])


def test_catalogue_is_walked_by_section_without_repeat_or_gap(http: httpx2.Client, rows: Rows) -> None:
    expected: dict[str, set[str]] = {}
    for row in rows[FED:]:
        expected.setdefault(row["section"], set()).add(row["item_id"])
    fed = {row["item_id"] for row in rows[:FED]}
    for section, ids in expected.items():
        if section:
            found = Counter(walked(http, section=section))
            assert set(found) - fed == ids, section
            assert set(found.values()) == {1}
    everything = Counter(walked(http))
    assert (len(everything), set(everything.values())) == (len(rows), {1})


def test_counts_follow_items_whose_urls_are_renamed(http: httpx2.Client, rows: Rows) -> None:
    renamed = rows[FED::RENAMED_EVERY]
    read = renamed[:: max(1, len(renamed) // READ)]

    def view(url_of: dict[str, str], reader: str) -> None:
        events = [{"url": url_of[row["item_id"]], "visitor": f"{reader} {row['item_id']}"} for row in read]
        assert http.post("/v1/events", json=events).json()["accepted"] == len(read)

    old = {row["item_id"]: row["url"] for row in renamed}
    new = {item: f"{url.rstrip('/')}-baru" for item, url in old.items()}
    view(old, "first")
    view(old, "second")
    items = [{"id": item, "url": url} for item, url in new.items()]
    for first in range(0, len(items), 500):
        some = items[first : first + 500]
        assert http.put("/v1/items", json=some).json()["stored"] == len(some)
    view(new, "third")
    view(old, "fourth")

    def counted() -> dict[str, int]:
        listed = http.get("/v1/lists/populer", params={"limit": 1000}).json()["items"]
        return {each["id"]: each["views"] for each in listed}

    wanted = {row["item_id"]: 4 for row in read}
    wait_until(lambda: counted() == wanted, PATIENCE_S)
