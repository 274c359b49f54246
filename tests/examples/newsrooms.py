"""What the tests of the examples share: a running service with articles, and one that misbehaves in its place."""

import contextlib
import http.server
import sys
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx2

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
NASTY = "<script>bad()</script>\"'&<img src=x onerror=bad()>{{ 7 * 7 }}"
TITLES = {"101": NASTY, "102": "Harga cabai turun", "103": "Kereta & jadwal", "104": "Resep soto"}


def publish(service: Service, titles: dict[str, str] = TITLES) -> None:
    """Describe articles, have them read, the first the most, and return once they are listed."""
    with service.client() as client:
        items = [
            {"id": item, "title": title, "url": f"https://news.example/{item}", "published_at": 1_764_530_940}
            for item, title in titles.items()
        ]
        client.put("/v1/items", json=items).raise_for_status()
        events = [{"item": item} for place, item in enumerate(titles) for _ in range(20 * (len(titles) - place))]
        client.post("/v1/events", json=events).raise_for_status()
        wait_until(lambda: listed(service.url) == list(titles))


def listed(url: str) -> list[str]:
    """The ids of the popular list."""
    found = httpx2.get(f"{url}/v1/lists/populer").json()
    return [item["id"] for item in found.get("items", [])]


class Page(HTMLParser):
    """What a browser would see of some HTML: elements with their attributes and their texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in ("img", "input", "link", "meta"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text_of(self, name: str) -> list[str]:
        """The texts of the elements of a class."""
        return [
            text.strip()
            for (_, attributes), text in zip(self.elements, self.texts, strict=True)
            if attributes.get("class") == name
        ]


@contextlib.contextmanager
def misbehaving(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A service that answers every request as told; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                self.content = self.rfile.read(int(self.headers.get("content-length", "0")))
                answer(self)

        do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def saying(
    content: bytes, status: int = 200, content_type: str = "text/plain"
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Answers with these bytes."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("content-type", content_type)
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def silent(never: threading.Event) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Answers nothing until `never` is set."""

    def answer(_: http.server.BaseHTTPRequestHandler) -> None:
        never.wait(30)

    return answer


NONSENSE = {
    "an error": saying(b'{"status":503}', 503),
    "a page": saying(b"<h1>It works!</h1>"),
    "nothing": saying(b""),
    "null": saying(b"null"),
    "another shape": saying(b'{"items":{"a":1},"title":[]}'),
}
