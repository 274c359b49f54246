"""The bundled server is killed while its disk takes seconds for an fsync: nothing that it answered is lost."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import redis

from ranking.store.embedded.server import EmbeddedValkey

SLOW = """
#include <unistd.h>
int fdatasync(int fd) { sleep(2); return 0; }
int fsync(int fd) { sleep(2); return 0; }
"""


@pytest.fixture
def slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that are started from now on wait two seconds for every fsync."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("needs Linux and a C compiler, to make an fsync slow")
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))


@pytest.mark.usefixtures("slow_disk")
def test_what_was_answered_survives_a_kill_while_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedValkey(tmp_path / "data") as server:
        monkeypatch.delenv("LD_PRELOAD")
        client = redis.Redis.from_url(server.url)
        syncing = threading.Event()

        def sync() -> None:
            syncing.set()
            server.sync()

        answered = 0
        thread = threading.Thread(target=sync)
        thread.start()
        syncing.wait()
        while answered < 20_000:
            answered = client.incr("n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        thread.join()
        client.close()
        while server.alive():
            time.sleep(0.01)
        assert server.ensure()
        again = redis.Redis.from_url(server.url)
        assert int(again.get("n") or 0) == answered
        again.close()
