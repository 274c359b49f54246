"""A receiver of webhooks on the loopback, which keeps what it was sent and answers as it is told."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """A request: its body, and its headers in lower case."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def told(self) -> tuple[str, str, str | None]:
        """The message in short."""
        return self.content["event"], self.content["alarm"], self.content["site"]


class Receiver:
    """`sent` has every request, in order; `status` is what the next ones are answered."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.sent.append(Sent(body, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def told(self) -> list[tuple[str, str, str | None]]:
        """All messages in short."""
        return [each.told for each in self.sent]

    def close(self) -> None:
        """Serve no more: connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A running receiver."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
