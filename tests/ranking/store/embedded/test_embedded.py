"""The bundled server, for real: started, killed, orphaned, damaged, and asked what it still knows."""

import asyncio
import errno
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

import ranking
from ranking.errors import DataDirLockedError, StoreRefusedError, StoreUnavailableError
from ranking.store.embedded import data_dir as places
from ranking.store.embedded import server as embedded
from ranking.store.embedded.server import EmbeddedValkey, socket_path, socket_url

REPOSITORY = Path(ranking.__file__).parents[1]

Serve = Callable[..., EmbeddedValkey]


def wait_until(condition: Callable[[], object], deadline_s: float = 5.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers, in `tmp_path/data` unless told otherwise, and ends them with the test."""
    started = []

    def start(data_dir: Path | None = None, **options: str) -> EmbeddedValkey:
        server = EmbeddedValkey(data_dir or tmp_path / "data", **options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[Callable[[Path], int]]:
    """Leaves a server behind in a directory, its parent killed; gives the server's pid."""
    left = []

    def leave(data_dir: Path) -> int:
        code = (
            "import sys, time; from pathlib import Path; from ranking.store.embedded.server import EmbeddedValkey\n"
            "server = EmbeddedValkey(Path(sys.argv[1])); server.start()\n"
            "print(server.pid, flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", code, str(data_dir)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            parent.kill()
        left.append((pid, data_dir))
        return pid

    yield leave
    for pid, data_dir in left:
        if places.serves(pid, data_dir):
            os.kill(pid, signal.SIGKILL)


def client(data_dir: Path) -> redis.Redis:
    return redis.Redis.from_url(socket_url(data_dir), decode_responses=True)


def write(data_dir: Path, count: int) -> None:
    with client(data_dir) as store:
        for number in range(count):
            store.set(f"item:{number}", number)


def read(data_dir: Path) -> int:
    with client(data_dir) as store:
        return int(store.dbsize())


def tail_of_the_aof(data_dir: Path) -> Path:
    (file,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    return file


def test_what_was_written_is_there_after_stop_and_start(serve: Serve) -> None:
    server = serve()
    write(server.data_dir, 200)
    server.stop()
    assert not server.alive()
    assert server.pid is None
    server.start()
    assert read(server.data_dir) == 200
    assert not server.adopted


def test_as_a_context_it_ends_with_the_block(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data") as server:
        pid = server.pid
        assert pid is not None
        assert server.alive()
    assert not places.serves(pid, server.data_dir)
    assert not server._socket.exists()
    with EmbeddedValkey(tmp_path / "data"):
        pass


def test_stopping_twice_or_before_the_start_does_nothing(tmp_path: Path, serve: Serve) -> None:
    EmbeddedValkey(tmp_path / "other").stop()
    assert not (tmp_path / "other").exists()
    server = serve()
    server.stop()
    server.stop()


def test_a_killed_server_is_restarted_by_ensure_and_nothing_is_lost(serve: Serve) -> None:
    server = serve()
    first = server.pid
    assert first is not None
    write(server.data_dir, 500)
    assert server.ensure() is False
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not server.alive())
    assert server.ensure() is True
    assert server.pid != first
    assert read(server.data_dir) == 500


def test_ensure_before_start_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        EmbeddedValkey(tmp_path / "data").ensure()


def test_a_second_service_on_the_directory_is_told_who_has_it(serve: Serve) -> None:
    server = serve()
    with pytest.raises(DataDirLockedError, match=rf"{server.data_dir} .*process {os.getpid()}\b.*--data"):
        serve(server.data_dir)
    assert server.alive()
    assert read(server.data_dir) == 0


def test_the_server_does_not_hold_the_lock_itself(serve: Serve, orphan: Callable[[Path], int], tmp_path: Path) -> None:
    orphan(tmp_path / "data")
    serve()  # would raise DataDirLockedError


def test_an_orphan_is_adopted_and_stopped_like_our_own(
    serve: Serve, orphan: Callable[[Path], int], tmp_path: Path
) -> None:
    pid = orphan(tmp_path / "data")
    write(tmp_path / "data", 100)
    server = serve()
    assert server.adopted
    assert server.pid == pid
    assert server.alive()
    assert read(server.data_dir) == 100
    server.stop()
    assert not places.serves(pid, server.data_dir)


def test_an_adopted_server_that_dies_is_restarted(serve: Serve, orphan: Callable[[Path], int], tmp_path: Path) -> None:
    pid = orphan(tmp_path / "data")
    server = serve()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.alive())
    assert server.ensure() is True
    assert not server.adopted


def test_an_orphan_is_recognised_without_a_proc_file_system(
    serve: Serve, orphan: Callable[[Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/bin/ps").exists():
        pytest.skip("no /bin/ps here")
    monkeypatch.setattr(places, "HAS_PROC", False)
    pid = orphan(tmp_path / "with space")
    server = serve(tmp_path / "with space")
    assert server.adopted
    assert server.pid == pid


def test_an_orphan_with_other_settings_is_replaced_without_loss(
    serve: Serve, orphan: Callable[[Path], int], tmp_path: Path
) -> None:
    pid = orphan(tmp_path / "data")
    write(tmp_path / "data", 100)
    server = serve(maxmemory="64mb")
    assert not server.adopted
    assert server.pid != pid
    assert not places.serves(pid, server.data_dir)
    assert read(server.data_dir) == 100


def test_an_orphan_whose_pid_file_is_lost_is_replaced_without_loss(
    serve: Serve, orphan: Callable[[Path], int], tmp_path: Path
) -> None:
    pid = orphan(tmp_path / "data")
    write(tmp_path / "data", 100)
    (tmp_path / "data" / "valkey.pid").unlink()
    server = serve()
    assert server.pid != pid
    assert not places.serves(pid, server.data_dir)
    assert read(server.data_dir) == 100


def test_a_stopped_orphan_is_replaced_without_loss(
    serve: Serve, orphan: Callable[[Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_SILENT_S", 0.2)
    monkeypatch.setattr(embedded, "_ANSWER_S", 0.2)
    pid = orphan(tmp_path / "data")
    write(tmp_path / "data", 100)
    os.kill(pid, signal.SIGSTOP)
    server = serve()
    assert not server.adopted
    assert server.pid != pid
    assert not places.serves(pid, server.data_dir)
    assert read(server.data_dir) == 100


def test_stopping_a_server_that_is_itself_stopped_ends_it_without_loss(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_SHUTDOWN_S", 0.2)
    server = serve()
    pid = server.pid
    assert pid is not None
    write(server.data_dir, 100)
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not places.serves(pid, server.data_dir)
    server.start()
    assert read(server.data_dir) == 100


def test_the_process_of_a_stale_pid_file_is_left_alone(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "data" / "valkey.pid").write_text(f"{stranger.pid}\n")
        server = serve()
        assert server.pid != stranger.pid
        server.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_the_server_of_another_directory_is_not_ours_whatever_the_pid_file_says(serve: Serve, tmp_path: Path) -> None:
    other = serve(tmp_path / "other")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "valkey.pid").write_text(f"{other.pid}\n")
    server = serve()
    assert server.pid != other.pid
    assert not server.adopted
    server.stop()
    assert other.alive()


def test_a_stranger_on_the_socket_is_reported_and_left_alone(tmp_path: Path) -> None:
    place = socket_path(tmp_path / "data")
    place.parent.mkdir(mode=0o700)
    with EmbeddedValkey(tmp_path / "other") as stranger:
        place.symlink_to(socket_path(stranger.data_dir))
        with pytest.raises(StoreUnavailableError, match="not recognisably our server"):
            EmbeddedValkey(tmp_path / "data").start()
        assert stranger.alive()
        assert place.is_symlink()
    place.unlink()
    if place.parent != tmp_path / "data":
        place.parent.rmdir()


def test_a_data_directory_too_long_for_a_socket_works(serve: Serve, tmp_path: Path) -> None:
    long = tmp_path / ("d" * 150)
    server = serve(long)
    socket = socket_path(long)
    assert len(os.fsencode(socket)) < 104
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    write(long, 10)
    server.stop()
    assert not socket.parent.exists()
    server.start()
    assert read(long) == 10


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_a_socket_directory_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    long = tmp_path / ("d" * 150)
    planted = socket_path(long).parent
    planted.mkdir()
    planted.chmod(mode)
    try:
        with pytest.raises(StoreRefusedError, match="mode 0700"):
            socket_url(long)
        with pytest.raises(StoreRefusedError, match="shorter data directory"):
            EmbeddedValkey(long).start()
    finally:
        planted.rmdir()


def test_a_link_in_place_of_the_socket_directory_is_refused(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 150)
    planted = socket_path(long).parent
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    planted.symlink_to(tmp_path / "elsewhere")
    try:
        with pytest.raises(StoreRefusedError):
            socket_path(long)
    finally:
        planted.unlink()


@pytest.mark.parametrize("name", ["two words", "a\"b\\c #%+é'", "a*[b]?"])
def test_unusual_names_of_the_directory_work_for_server_and_client(serve: Serve, tmp_path: Path, name: str) -> None:
    server = serve(tmp_path / name)

    async def ask() -> bool:
        async with redis.asyncio.from_url(server.url) as store:
            return bool(await store.ping())

    assert asyncio.run(ask())
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_nobody_else_can_read_or_connect(serve: Serve) -> None:
    server = serve()
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_path(server.data_dir).stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(tail_of_the_aof(server.data_dir).stat().st_mode) & 0o077 == 0


def test_the_server_has_a_session_of_its_own(serve: Serve) -> None:
    server = serve()
    assert server.pid is not None
    assert os.getsid(server.pid) != os.getsid(0)


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreRefusedError, match=rf"{tmp_path}/data .*a file, not a directory.*--data"):
        EmbeddedValkey(tmp_path / "data").start()
    with pytest.raises(StoreRefusedError, match="a file, not a directory"):
        EmbeddedValkey(tmp_path / "data" / "below").start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(StoreRefusedError, match=r"no permission.*--data"):
        EmbeddedValkey(tmp_path / "data").start()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "no space"),
        (errno.EIO, "error"),
    ],
)
def test_what_is_wrong_with_the_directory_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(StoreRefusedError, match=f"({words}).*--data"):
        EmbeddedValkey(tmp_path / "data").start()


def test_an_append_only_file_cut_at_its_end_is_loaded_up_to_there_and_said_to_be(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    write(server.data_dir, 200)
    server.stop()
    file = tail_of_the_aof(server.data_dir)
    os.truncate(file, file.stat().st_size - 10)
    assert not caplog.records
    server.start()
    assert read(server.data_dir) == 199
    (told,) = caplog.messages
    assert str(file) in told
    assert f"without what followed byte {file.stat().st_size}" in told


def test_a_damaged_append_only_file_is_named_and_the_command_in_the_message_mends_it(serve: Serve) -> None:
    server = serve()
    write(server.data_dir, 200)
    server.stop()
    file = tail_of_the_aof(server.data_dir)
    with file.open("ab") as tail:
        tail.write(bytes(300))
    with pytest.raises(StoreUnavailableError) as caught:
        server.start()
    message = str(caught.value)
    assert f"{file} is damaged" in message
    assert "Bad file format" in message
    assert "WARNING" not in message
    assert str(server.data_dir / "valkey-check-aof") in message
    assert server.pid is None
    command = shlex.split(message.partition("with: ")[2].partition(" (or ")[0])
    subprocess.run(command, input=b"y\n", check=True, capture_output=True)
    server.start()  # the lock was let go of, too
    assert read(server.data_dir) == 200


def test_a_damaged_base_file_says_what_can_be_put_back(serve: Serve) -> None:
    server = serve()
    server.stop()
    (base,) = (server.data_dir / "appendonlydir").glob("*.base.rdb")
    base.write_bytes(base.read_bytes()[:20] + bytes(40))
    with pytest.raises(StoreUnavailableError, match=f"backup of {server.data_dir}/appendonlydir"):
        server.start()


def test_a_setting_the_server_does_not_take_is_told_in_its_words(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"maxmemory.*must be a memory value.*valkey\.log"):
        serve(maxmemory="lots")
    serve(maxmemory="64mb")


def test_at_its_memory_limit_it_refuses_and_evicts_nothing(serve: Serve) -> None:
    server = serve(maxmemory="3mb")
    with client(server.data_dir) as store:
        kept = 0
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            while kept < 1000:
                store.set(f"item:{kept}", "x" * 10_000)
                kept += 1
        assert 0 < kept == store.dbsize()


def test_it_waits_as_long_as_the_append_only_file_is_being_read(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    write(server.data_dir, 4000)
    server.stop()
    usual = EmbeddedValkey._config_file
    monkeypatch.setattr(EmbeddedValkey, "_config_file", lambda self: usual(self) + b"key-load-delay 150\n")
    monkeypatch.setattr(embedded, "_START_S", 0.3)
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began > 0.5  # more than the patience for a silent one
    assert read(server.data_dir) == 4000


def test_a_large_log_is_set_aside_while_the_server_goes_on(serve: Serve) -> None:
    server = serve()
    log = server.data_dir / "valkey.log"
    with log.open("ab") as file:
        file.write(b"x" * (2 << 20))
    assert server.ensure() is False
    assert not log.exists()
    assert (server.data_dir / "valkey.log.1").stat().st_size > 2 << 20
    server.stop()
    assert "ready to exit" in log.read_text()


def test_starting_and_stopping_leaves_no_open_files(serve: Serve) -> None:
    listing = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    server = serve()
    server.stop()
    before = len(list(listing.iterdir()))
    server.start()
    server.stop()
    assert len(list(listing.iterdir())) == before
