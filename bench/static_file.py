"""nginx with one worker that answers a list from a file, which is one of baselines.py's `same`.

`python static_file.py NGINX FILE` prints `ready http://…` once it answers, and serves until SIGTERM.
"""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import servers

CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; open_file_cache max=10;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen {host}:{port} backlog=2048; root {folder};
        location = /v1/lists/populer {{ default_type application/json; try_files /list.json =404; }}
    }}
}}
"""


def main() -> None:
    """Serve until SIGTERM."""
    program, file = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (port,) = servers.free_ports(1)
    with tempfile.TemporaryDirectory(prefix="populer-bench-") as folder:
        Path(folder).chmod(0o755)  # its worker is another user where we are root
        (Path(folder) / "list.json").write_bytes(json.loads(Path(file).read_text())[2].encode("latin-1"))
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, host=servers.HOST, port=port))
        running = subprocess.Popen([program, "-p", folder, "-c", str(config)])
        servers.run_until_stopped(running, port)


if __name__ == "__main__":
    main()
