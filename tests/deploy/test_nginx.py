"""The example configuration in Debian's nginx, before a real service: what it shares, keeps, and lets go of."""

import contextlib
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import brotli
import httpx2
import pytest
from fronts import AROUND, CONFIG, NGINX, echoing, nginx, own_nginx
from manual import block

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

LIST = "/v1/lists/populer"
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here: apt-get install nginx-light")


@dataclass
class Front:
    """nginx, and the service behind it."""

    service: Service
    http: httpx2.Client

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.http.get(path, headers={"accept-encoding": "gzip", **headers})

    def answered(self) -> int:
        """List answers that the service itself has given."""
        with self.service.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("populer_lists_served_total"))

    def expired(self, path: str) -> httpx2.Response:
        """The first answer that is no longer the one that is kept."""
        found: list[httpx2.Response] = []

        def anew() -> bool:
            found[:] = [self.get(path)]
            return found[0].headers["x-cache"] not in ("HIT", "UPDATING")

        wait_until(anew)
        return found[0]


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """One for all tests that leave it as it is."""
    with _front() as started:
        yield started


@pytest.fixture
def own_front() -> Iterator[Front]:
    """One for a test that does something to it."""
    with _front() as started:
        yield started


@contextlib.contextmanager
def _front() -> Iterator[Front]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp")))
        settings = folder / "populer.toml"
        settings.write_text('[ingest]\nbots = false\ndedupe_window = "0s"\n[refresh]\nevery = "1s"\n')
        service = stack.enter_context(serving(folder / "data", "--config", str(settings)))
        with service.client() as client:
            client.put("/v1/items", json=[{"id": f"b{n}", "title": f"Harga cabai turun {n}"} for n in range(12)])
            client.post("/v1/events", json=[{"item": f"b{n}"} for n in range(12) for _ in range(20 - n)])
            wait_until(lambda: len(client.get(LIST).json().get("items", [])) == 7)
        url = stack.enter_context(nginx(folder, service.url))
        yield Front(service, stack.enter_context(httpx2.Client(base_url=url, trust_env=False, timeout=30)))


def ids(answer: httpx2.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_lists_go_on_when_the_service_is_gone(own_front: Front) -> None:
    front = own_front
    paths = [LIST, "/v1/lists?names=populer,update", f"{LIST}?format=html", f"{LIST}?format=rss", "/lists/populer"]
    before = [front.get(path).status_code for path in paths]
    assert before == [200] * len(paths)
    first = ids(front.get(LIST))
    for pid in [front.service.process.pid, *front.service.children()]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: front.get(LIST).headers["x-cache"] == "STALE")
    for _ in range(50):
        assert [front.get(path).status_code for path in paths] == [200] * len(paths)
    assert ids(front.get(LIST)) == first
    assert front.get(f"{LIST}?limit=3").status_code == 502  # nobody has asked for it before


def test_lists_go_on_while_the_service_hangs(front: Front) -> None:
    front.get(LIST)
    children = front.service.children()
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(front.expired, LIST)
            wait_until(lambda: front.get(LIST).headers["x-cache"] == "UPDATING")
            assert [front.get(LIST).status_code for _ in range(50)] == [200] * 50
            assert waiting.result().status_code == 200
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):  # what hangs for 10 s is replaced
                os.kill(pid, signal.SIGCONT)


def test_of_many_who_ask_at_once_one_goes_on_to_the_service(front: Front) -> None:
    before, began_at = front.answered(), time.monotonic()
    with ThreadPoolExecutor(40) as threads:
        found = list(threads.map(lambda _: front.get(f"{LIST}?limit=5"), range(40)))
    asked, took_s = front.answered() - before, time.monotonic() - began_at
    assert {answer.status_code for answer in found} == {200}
    assert len({answer.content for answer in found}) <= 1 + asked
    assert [answer.headers["x-cache"] for answer in found].count("MISS") == 1
    assert 1 <= asked <= 2 + took_s, "one that waits for it, one a second behind those who do not, and one of before"


def test_what_is_taken_down_is_gone_when_the_second_is_over(front: Front) -> None:
    paths = LIST, f"{LIST}?limit=12", f"{LIST}?format=html", "/lists/populer"
    with front.service.client() as client:
        client.put("/v1/items", json=[{"id": "keliru", "title": "Berita yang keliru"}])
        client.post("/v1/events", json=[{"item": "keliru"} for _ in range(50)])
        wait_until(lambda: all("keliru" in front.get(path).text for path in paths))
        assert client.delete("/v1/items/keliru").status_code < 300
    assert [path for path in paths if "keliru" in front.expired(path).text] == []
    for _ in range(100):
        assert "keliru" not in front.get(LIST).text


def test_every_reader_gets_a_coding_that_it_takes_and_shares_it(front: Front) -> None:
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
    for path in (LIST, "/lists/populer", "/populer.js"):
        for said, coding in (
            ("gzip, deflate, br", "br"),
            ("br;q=1.0, gzip;q=0.5", "br"),
            ("br", "br"),
            ("gzip, br;q=0", "gzip"),
            ("deflate, gzip;q=0.8", "gzip"),
            ("identity", None),
            ("gzip;q=0", None),
            ("brotli, xgzip", None),
        ):
            with front.http.stream("GET", path, headers={"accept-encoding": said}) as answer:
                content = b"".join(answer.iter_raw())
            found = answer.headers.get("content-encoding")
            assert found == coding or (path == "/populer.js" and (found or "") in said)
            assert b"ul" in unpack[found](content)
            assert answer.headers["vary"] == "accept-encoding"
    whole = front.expired(LIST)
    assert front.get(LIST, **{"accept-encoding": "gzip;q=0.9, deflate"}).headers["x-cache"] in ("HIT", "EXPIRED")
    assert front.get(LIST, **{"if-none-match": whole.headers["etag"]}).status_code == 304


def test_one_query_is_one_entry_in_whatever_order_it_is_written(front: Front) -> None:
    first = front.get(f"{LIST}?limit=5&exclude=b1")
    assert ids(first) == ["b0", "b2", "b3", "b4", "b5"]
    before = front.answered()
    written = ("exclude=b1&limit=5", "limit=5&exclude=b1&utm_source=surat", "a=1&limit=5&format=&exclude=b1")
    found = [front.get(f"{LIST}?{query}") for query in written]
    assert [ids(answer) for answer in found] == [ids(first)] * 3
    assert front.answered() - before == sum(answer.headers["x-cache"] != "HIT" for answer in found)
    assert ids(front.get(f"{LIST}?exclude=b1&exclude=b0&limit=2")) == ["b2", "b3"]
    assert front.get(f"{LIST}?exclude=b1&limit=2&EXCLUDE=b0").status_code == 400


def test_nobody_can_put_an_answer_under_anothers_name(front: Front) -> None:
    """nginx reads names of parameters in any case, the service does not: both must read the same."""
    for poison in ("LIMIT=1&limit=7", "limit=1%20&limit=7", "Format=rss", "section=&SECTION=x", "limit=7%26limit=1"):
        front.get(f"{LIST}?{poison}")
    for path in (LIST, f"{LIST}?limit=7", f"{LIST}?format=json", f"{LIST}?section="):
        assert len(ids(front.get(path))) == 7
    assert len(ids(front.get(f"{LIST}?limit=1"))) == 1


PAGE = '<main>Artikel</main><populer-list><!--# include virtual="/fragments/{}" --></populer-list>'


def test_a_page_that_nginx_puts_together_has_the_list_in_it_and_keeps_it(own_front: Front) -> None:
    front = own_front
    folder = front.service.data_dir.parent / "koran"
    folder.mkdir()
    for name, asked in (("a.html", "populer?limit=2"), ("b.html", "tiada"), ("c.html", "update?limit=1")):
        (folder / name).write_text(PAGE.format(asked))
    for accepted in ("gzip, br", "identity"):
        page = front.get("/koran/a.html", **{"accept-encoding": accepted}).text
        assert page.startswith("<main>Artikel</main><populer-list><section")
        assert [f'data-id="b{n}"' in page for n in range(3)] == [True, True, False]
    nothing = "<main>Artikel</main><populer-list></populer-list>"
    assert front.get("/koran/b.html").text == nothing
    assert front.get("/fragments/populer").text == ""  # it is for pages only
    (folder / "manual.html").write_text(block("docs/serving.md", "html", "<!--# include"))
    shown = front.get("/koran/manual.html").text
    assert shown.startswith('<populer-list list="populer" limit="7"><section')
    assert shown.count("<li ") == 7
    for pid in [front.service.process.pid, *front.service.children()]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: front.get("/livez").status_code == 502)
    assert 'data-id="b0"' in front.get("/koran/a.html").text
    assert front.get("/koran/c.html").text == nothing


def test_the_lines_for_a_path_of_the_sites_own_serve_script_events_and_lists(front: Front) -> None:
    """docs/embedding.md: a location of the site's own nginx."""
    location = block("docs/embedding.md", "nginx")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp")))
        location = location.replace("http://127.0.0.1:8000", front.service.url)
        http = stack.enter_context(own_nginx(folder, location))
        assert b"populer" in http.get("/baca/populer.js").content
        assert http.post("/baca/v1/events", json={"item": "b0"}).json()["accepted"] == 1
        assert len(ids(http.get(f"/baca{LIST}"))) == 7


def test_everything_else_passes_through(front: Front) -> None:
    answer = front.http.post("/v1/events", json={"item": "b0"})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert "x-cache" not in answer.headers
    assert front.get(f"{LIST}?limit=0").status_code == 400
    assert front.get("/v1/lists/tiada").status_code == 404


@pytest.fixture(scope="module")
def echo() -> Iterator[httpx2.Client]:
    """nginx before a server that answers with what it was sent."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(echoing())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp")))
        (folder / "koran").mkdir()
        (folder / "koran" / "a.html").write_text('<!--# include virtual="/fragments/populer" -->')
        url = stack.enter_context(nginx(folder, upstream))
        yield stack.enter_context(httpx2.Client(base_url=url, trust_env=False, timeout=30))


@pytest.mark.parametrize(
    "path", ["/v1/events", LIST, f"{LIST}/stream", "/lists/populer", "/populer.js", "/ops", "/koran/a.html"]
)
def test_the_service_is_told_who_asks_for_what_at_every_location(echo: httpx2.Client, path: str) -> None:
    forged = {"host": "populer.example.id", "x-forwarded-for": "6.6.6.6"}
    found = echo.get(path, headers=forged).json()
    assert (found["host"], found["x-forwarded-for"]) == ("populer.example.id", "6.6.6.6, 127.0.0.1")
    assert found["x-forwarded-proto"] == "http"
    assert "connection" not in found, "connections to the service stay open"


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/metrics/", "/readyz?x", "/%6detrics"])
def test_how_the_service_fares_is_not_passed_on(echo: httpx2.Client, path: str) -> None:
    assert echo.get(path).status_code == 404


def flooded(url: httpx2.URL) -> Counter[int]:
    """The statuses of 960 requests that are sent at once, before an answer is read."""
    request = f"GET /livez HTTP/1.1\r\nHost: {url.host}\r\n".encode()
    requests = (request + b"\r\n") * 59 + request + b"Connection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:
        connect = partial(socket.create_connection, (url.host, url.port), timeout=60)
        connections = [stack.enter_context(connect()) for _ in range(16)]
        for connection in connections:
            connection.sendall(requests)
        answers = b"".join(stack.enter_context(each.makefile("rb")).read() for each in connections)
    return Counter(map(int, re.findall(rb"HTTP/1\.1 (\d+) ", answers)))


def test_a_flood_from_one_address_is_stopped_before_the_service(echo: httpx2.Client) -> None:
    found: Counter[int] = Counter()
    while not found[429] and found.total() < 15_000:  # a busy machine may pass on the first ones slowly enough
        found.update(flooded(echo.base_url))
    assert set(found) == {200, 429}
    assert found[200] >= 400


def test_the_lines_for_tls_are_a_configuration(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=populer.example.id", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    example = re.sub(r"(?m)^( *)# (.*?) +# TLS$", r"\1\2", CONFIG.read_text().replace("    listen 80;\n", ""))
    example = re.sub(r"/etc/letsencrypt/live/[^;]*fullchain.pem", str(certificate), example)
    example = re.sub(r"/etc/letsencrypt/live/[^;]*privkey.pem", str(key), example)
    assert "# TLS" not in example
    (tmp_path / "populer.conf").write_text(example.replace("/var/cache/nginx/populer", str(tmp_path / "cache")))
    config = tmp_path / "nginx.conf"
    config.write_text(AROUND.format(folder=tmp_path, user=""))
    command = [str(NGINX), "-t", "-c", str(config), "-e", str(tmp_path / "error.log")]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "conflicting" not in tried.stderr
