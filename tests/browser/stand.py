"""A web server of a test's own: the newsroom's, or one that stands in for the service and misbehaves."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Answer:
    """What a GET is answered with.

    `sets` is set when it is asked for, `wait` waited for before it is answered; `hang_up`: with a closed connection.
    """

    content: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    sets: threading.Event | None = None
    wait: threading.Event | None = None
    hang_up: bool = False


class Told(NamedTuple):
    """A POST: its path with the query, its content type, and its body read as JSON."""

    path: str
    content_type: str
    body: Any


class Stand:
    """Serves `answers`, by path without the query, on a free port; keeps what it is asked and told."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[str] = []
        self.told: list[Told] = []
        self._server = http.server.ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """By another name of this machine than the service's: to a browser they are two sites."""
        return f"http://localhost:{self._server.server_port}"

    def page(self, path: str, body: str, *, head: str = "", policy: str | None = None) -> str:
        """Serve a page under a Content-Security-Policy; answers its address."""
        head = f'<meta charset="utf-8"><title>Harian Uji</title>{head}'
        content = f'<!doctype html><html lang="id"><head>{head}</head><body>{body}</body></html>'
        self.answers[path] = Answer(
            content.encode(), headers={"content-security-policy": policy} if policy else {"cache-control": "max-age=60"}
        )
        return self.url + path

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        stand = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                stand.asked.append(self.path)
                found = stand.answers.get(urlsplit(self.path).path, Answer(status=404))
                answer = found if isinstance(found, Answer) else found()
                if answer.sets is not None:
                    answer.sets.set()
                if answer.wait is not None:
                    answer.wait.wait(PATIENCE_S)
                if answer.hang_up:
                    self.close_connection = True
                else:
                    self._send(answer)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length", 0)))
                stand.told.append(Told(self.path, self.headers.get("content-type", ""), json.loads(content)))
                self._send(Answer(b'{"accepted":1}', "application/json", status=202))

            def do_OPTIONS(self) -> None:
                stand.asked.append(f"OPTIONS {self.path}")
                self._send(Answer(status=204))

            def _send(self, answer: Answer) -> None:
                with contextlib.suppress(OSError):  # the browser may be gone
                    self.send_response(answer.status)
                    for name, value in {"content-type": answer.content_type, **answer.headers}.items():
                        self.send_header(name, value)
                    self.send_header("access-control-allow-origin", "*")
                    if answer.status != 204:
                        self.send_header("content-length", str(len(answer.content)))
                    self.end_headers()
                    self.wfile.write(answer.content)

        return Handler
