"""The proxies of deploy/ before a real service."""

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
from ports import free_ports

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import STOP_S, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
NGINX = shutil.which("nginx", path=SYSTEM_PATH)
HAPROXY = shutil.which("haproxy", path=SYSTEM_PATH)
CADDY = shutil.which("caddy", path=SYSTEM_PATH)
CONFIG = DEPLOY / "nginx" / "populer.conf"
#: What nginx wants beside an example that is included in its own configuration; everything below one folder.
AROUND = """
daemon off;
worker_processes 1;
{user}
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/populer.conf;
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, behind: str) -> Iterator[str]:
    """nginx before the service at `behind`; its address."""
    (port,) = free_ports(1)
    example = CONFIG.read_text()
    for old, new in (
        ("server 127.0.0.1:8000;", f"server {behind.removeprefix('http://')};"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/var/cache/nginx/populer", f"{folder}/cache"),
        ("    # Events, items", f"    location /koran/ {{ ssi on; root {folder}; }}\n    # Events, items"),
    ):
        assert example.count(old) == 1
        example = example.replace(old, new)
    with _nginx(folder, example, f"http://127.0.0.1:{port}") as url:
        yield url


@contextlib.contextmanager
def own_nginx(folder: Path, locations: str) -> Iterator[httpx2.Client]:
    """nginx of a site, with these locations; a client of it."""
    (port,) = free_ports(1)
    server = f"server {{ listen 127.0.0.1:{port}; location = /livez {{ return 200; }}\n{locations}\n}}"
    with (
        _nginx(folder, server, f"http://127.0.0.1:{port}") as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


@contextlib.contextmanager
def _nginx(folder: Path, servers: str, url: str) -> Iterator[str]:
    """nginx with these servers, of which one answers at `url`."""
    (folder / "populer.conf").write_text(servers)
    config = folder / "nginx.conf"
    config.write_text(AROUND.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    command = [str(NGINX), "-c", str(config), "-e", f"{folder}/error.log"]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    with _running(command, url):
        yield url


@contextlib.contextmanager
def haproxy(folder: Path, behind: str) -> Iterator[str]:
    """HAProxy before the service at `behind`; its address."""
    (port,) = free_ports(1)
    names = {"POPULER_BIND": f"127.0.0.1:{port}", "POPULER_SERVER": behind.removeprefix("http://")}
    command = [str(HAPROXY), "-db", "-f", str(DEPLOY / "haproxy" / "haproxy.cfg"), "-C", str(folder)]
    with _running(command, f"http://127.0.0.1:{port}", names) as url:
        yield url


@contextlib.contextmanager
def caddy(folder: Path, behind: str) -> Iterator[str]:
    """Caddy before the service at `behind`; its address."""
    port, admin = free_ports(2)
    names = {
        "POPULER_BIND": f"http://127.0.0.1:{port}, http://populer.example.id:{port}",
        "POPULER_SERVER": behind.removeprefix("http://"),
        "CADDY_ADMIN": f"127.0.0.1:{admin}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    example = ["--adapter", "caddyfile", "--config", str(DEPLOY / "caddy" / "Caddyfile")]
    command = [str(CADDY), "validate", *example]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **names})
    assert tried.returncode == 0, tried.stderr
    with _running([str(CADDY), "run", *example], f"http://127.0.0.1:{port}", names) as url:
        yield url


class _Upstream(http.server.BaseHTTPRequestHandler):
    """Answers with the headers and the address that it was asked with."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = json.dumps(
            {name.lower(): value for name, value in self.headers.items()} | {":path": self.path}
        ).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _UpstreamServer(http.server.ThreadingHTTPServer):
    request_queue_size = 256  # of five, connections of a flood would wait a second


@contextlib.contextmanager
def echoing() -> Iterator[str]:
    """A server that answers with what it was sent; its address."""
    upstream = _UpstreamServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{upstream.server_port}"
    finally:
        upstream.shutdown()
        upstream.server_close()
        thread.join()


@contextlib.contextmanager
def _running(command: list[str], url: str, names: Mapping[str, str] | None = None) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **(names or {})},
    )

    def up() -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            return httpx2.get(f"{url}/livez", trust_env=False).status_code == 200
        return False

    try:
        wait_until(up)
        yield url
    finally:
        process.terminate()
        process.wait(STOP_S)
