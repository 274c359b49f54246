"""The spool on real files: killed, filled, damaged byte by byte, and taken over."""

import itertools
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import ranking
from ranking.counts.buckets import Bucket
from ranking.errors import DataDirLockedError, StoreRefusedError
from ranking.store.counts import Batch
from ranking.store.spool import rows, salvage
from ranking.store.spool import spool as spool_module
from ranking.store.spool.database import TABLE
from ranking.store.spool.spool import Spool, orphans

REPOSITORY = Path(ranking.__file__).parents[1]
MIB = 1 << 20

Open = Callable[..., Spool]


def batch(number: int, *, cells: int = 2, shard: int = 0, site: str = "kabar", once: str | None = None) -> Batch:
    fields = {f"view|berita-{number}-{cell}": cell + 1 for cell in range(cells)}
    return Batch(site, shard, "w1", number, {Bucket(300, 1542423900): fields}, once, named={f"berita-{number}-0": 595})


def varied(number: int) -> Batch:
    """A batch of a size that changes with its number, from one page to fifteen, in one of three lanes."""
    cells = {0: 1, 1: 40, 2: 120, 3: 2_000}[number % 4 if number % 8 != 7 else 1]
    return batch(number, cells=cells, shard=number % 3, once=f"key-{number}" if number % 5 == 0 else None)


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Open]:
    """Opens spools, in `tmp_path` unless told otherwise, and closes them with the test."""
    opened = []

    def start(folder: Path = tmp_path, writer: str = "w1", max_bytes: int = 16 * MIB) -> Spool:
        spool = Spool(folder, writer, max_bytes=max_bytes)
        opened.append(spool)
        return spool

    yield start
    for spool in opened:
        spool.close()


def waiting(spool: Spool) -> list[Batch]:
    return [found for _, found in spool.peek(1_000_000)]


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs `code` after the names of this file, with its ends of two pipes."""
    command = [sys.executable, "-c", f"import resource, signal\nfrom test_spool import *\n{code}", *map(str, arguments)]
    environment = {"PYTHONPATH": f"{REPOSITORY}:{Path(__file__).parent}", "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment
    )


def lines_of(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


class TestAppendAndReplay:
    def test_gives_batches_out_as_they_were_oldest_first(self, open_spool: Open) -> None:
        spool = open_spool()
        first = Batch("kabar", 3, "w1", 7, {Bucket(300, 1542423900): {"view|a|b": 2, "click@list:populer#3|ü": 1}})
        second = Batch("radio", 0, "w1", 1, {Bucket(60, 60): {"view|x": 5}, Bucket(300, 0): {"view|y": 1}}, "key-1")
        assert spool.append(first)
        assert spool.append(second)
        assert spool.peek(10) == [(1, first), (2, second)]
        assert spool.peek(1) == [(1, first)]
        assert spool.peek(10, after=1) == [(2, second)]
        assert (len(spool), spool.events, spool.damaged, spool.reason) == (2, 9, 0, None)

    def test_forgets_what_is_removed_and_ignores_unknown_ids(self, open_spool: Open) -> None:
        spool = open_spool()
        for number in (1, 2, 3):
            spool.append(batch(number))
        spool.remove([2, 99])
        spool.remove([2])
        assert [row_id for row_id, _ in spool.peek(10)] == [1, 3]
        assert (len(spool), spool.events, spool.damaged) == (2, 6, 0)

    def test_rows_of_an_earlier_version_have_named_nothing(self) -> None:
        before = batch(1)._replace(named={})
        cells = [(bucket.width_s, bucket.start_s, fields) for bucket, fields in before.counts.items()]
        payload = msgspec.msgpack.encode((cells, before.visits))
        facts = (1, before.site, before.shard, before.writer, before.number, before.once, before.events)
        assert rows.batch_of((*facts, rows.checksum(facts, payload), payload)) == before

    def test_a_batch_without_counts_and_one_of_many_pages_are_kept(self, open_spool: Open) -> None:
        spool = open_spool()
        given = [Batch("kabar", 0, "w1", 1, {}), batch(2, cells=50_000)]
        assert [spool.append(one) for one in given] == [True, True]
        assert waiting(spool) == given

    def test_refuses_a_lane_out_of_order_and_leaves_other_lanes_alone(self, open_spool: Open) -> None:
        spool = open_spool()
        spool.append(batch(5))
        spool.append(batch(1, shard=1))
        spool.append(batch(1, site="radio"))
        with pytest.raises(ValueError, match=r"batch 5 of .* comes after 5"):
            spool.append(batch(5))
        assert [found.number for found in waiting(spool)] == [5, 1, 1]

    def test_every_lane_comes_in_the_order_of_its_numbers_from_many_threads(self, open_spool: Open) -> None:
        spool = open_spool()

        def fill(shard: int) -> None:
            for number in range(1, 51):
                assert spool.append(batch(number, shard=shard))

        threads = [threading.Thread(target=fill, args=(shard,)) for shard in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for shard in range(4):
            assert [found.number for found in waiting(spool) if found.shard == shard] == list(range(1, 51))

    def test_is_there_after_being_closed(self, open_spool: Open) -> None:
        spool = open_spool()
        spool.append(batch(1))
        spool.append(batch(2))
        spool.remove([1])
        spool.close()
        spool.close()
        again = open_spool()
        assert again.peek(10) == [(2, batch(2))]
        assert (len(again), again.events) == (1, 3)
        assert again.append(batch(3))
        assert [row_id for row_id, _ in again.peek(10)] == [2, 3]
        with pytest.raises(ValueError, match="closed"):
            spool.peek(1)

    def test_makes_no_database_before_the_first_batch(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool()
        assert (spool.peek(10), len(spool)) == ([], 0)
        spool.sync()
        assert [path.name for path in tmp_path.iterdir()] == ["w1.lock"]
        spool.append(batch(1))
        spool.sync()
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == dict.fromkeys(
            ["w1.lock", "w1.spool", "w1.spool-wal"], "0o600"
        )

    def test_a_folder_that_cannot_be_used_is_said_so(self, open_spool: Open, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreRefusedError, match=r"file/spool cannot be used: Not a directory"):
            open_spool(tmp_path / "file" / "spool")
        with pytest.raises(StoreRefusedError, match="file cannot be used: File exists"):
            open_spool(tmp_path / "file")
        with pytest.raises(ValueError, match="cannot name a file"):
            open_spool(writer="../w1")


class TestKilled:
    @pytest.mark.parametrize("seed", range(5))
    def test_everything_acknowledged_is_there_after_kill_9(self, open_spool: Open, tmp_path: Path, seed: int) -> None:
        appends = """
spool = Spool(Path(sys.argv[1]), "w1", max_bytes=64 * MIB)
for number in range(1, 100_000):
    assert spool.append(varied(number))
    if number % 7 == 0:
        spool.remove([number - 6])
    print(number, flush=True)
"""
        kill_after = random.Random(seed).randrange(1, 900)
        with child(appends, tmp_path) as process:
            lines_of(process, kill_after)
            process.kill()
            assert process.stdout is not None
            printed = process.stdout.read()
            rest = printed[: printed.rfind("\n") + 1].split()
        acknowledged = int(rest[-1]) if rest else kill_after
        spool = open_spool()
        found = waiting(spool)
        removed = range(1, acknowledged - 5, 7)
        # One more was on its way at most; what it was about to remove may have gone.
        going = {acknowledged - 5} if (acknowledged + 1) % 7 == 0 else set()
        assert {one.number for one in found} >= set(range(1, acknowledged + 1)) - set(removed) - going
        assert all(one == varied(one.number) for one in found)
        assert {one.number for one in found} <= set(range(1, acknowledged + 2)) - set(removed)
        assert (len(spool), spool.damaged) == (len(found), 0)
        assert sorted(path.name for path in tmp_path.glob("*damaged*")) == []


class TestFull:
    def test_refuses_when_full_and_is_usable_again_after_a_removal(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool(max_bytes=MIB)
        number = 1
        while spool.append(batch(number, cells=400)):
            number += 1
        kept = number - 1
        assert kept > 50
        assert spool.reason is not None
        assert spool.reason.startswith(f"the spool is full: {kept} batches in ")
        assert len(spool) == len(waiting(spool)) == kept
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MIB
        spool.remove(range(1, 11))
        assert spool.append(batch(number, cells=400))
        assert spool.reason is None

    def test_keeps_to_another_size_from_then_on(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool(max_bytes=MIB)
        numbers = itertools.count(1)
        while spool.append(batch(next(numbers), cells=400)):
            pass
        spool.resize(4 * MIB)
        while spool.append(batch(next(numbers), cells=400)):
            pass
        kept = len(spool)
        assert 3 * MIB < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * MIB
        spool.resize(MIB)
        assert not spool.append(batch(next(numbers)))
        assert len(waiting(spool)) == kept
        spool.remove(row_id for row_id, _ in spool.peek(10_000))
        assert spool.append(batch(next(numbers), cells=400))
        while spool.append(batch(next(numbers), cells=400)):
            assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MIB
        assert len(spool) > 50

    def test_a_batch_larger_than_the_spool_is_refused_and_bars_no_other(self, open_spool: Open) -> None:
        spool = open_spool(max_bytes=MIB)
        assert not spool.append(batch(1, cells=50_000))
        assert spool.append(batch(2))
        assert waiting(spool) == [batch(2)]

    def test_never_grows_over_its_bound_however_long_it_is_used(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool(max_bytes=MIB)
        sizes, refused = [], 0
        for number in range(1, 2_001):
            if not spool.append(varied(number)):
                refused += 1
                spool.remove([row_id for row_id, _ in spool.peek(5)])
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
        assert refused > 20
        assert max(sizes) <= MIB

    def test_an_emptied_spool_gives_its_space_back(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool()
        for number in range(1, 101):
            spool.append(batch(number, cells=2_000))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 4 * MIB
        spool.remove(row_id for row_id, _ in spool.peek(1_000))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_000
        assert (len(spool), spool.events) == (0, 0)
        assert spool.append(batch(101))
        assert spool.peek(10) == [(101, batch(101))]

    def test_a_full_disk_refuses_batches_and_keeps_those_that_are_there(self, tmp_path: Path) -> None:
        fills = """
spool = Spool(Path(sys.argv[1]), "w1", max_bytes=64 * MIB)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
number = 1
while spool.append(batch(number, cells=400)):
    number += 1
assert 5 < number < 100, number
assert "cannot be used: disk I/O error" in spool.reason, spool.reason
assert not spool.append(batch(number, cells=400))
assert waiting(spool) == [batch(n, cells=400) for n in range(1, number)]

resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
spool.remove([1, 2])
assert spool.reason is not None
assert [row_id for row_id, _ in spool.peek(2)] == [3, 4]
assert len(spool) == number - 3

resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.remove([3])
assert spool.append(batch(number, cells=400)), spool.reason
spool.close()
spool = Spool(Path(sys.argv[1]), "w1", max_bytes=64 * MIB)
assert waiting(spool) == [batch(n, cells=400) for n in range(4, number + 1)]
assert spool.damaged == 0
spool.close()
print("done")
"""
        with child(fills, tmp_path) as process:
            assert process.communicate()[0] == "done\n"

    def test_a_disk_that_is_full_from_the_start_stops_nothing(self, tmp_path: Path) -> None:
        fills = """
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
spool = Spool(Path(sys.argv[1]), "w1", max_bytes=64 * MIB)
assert not spool.append(batch(1))
assert spool.peek(10) == []
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert spool.append(batch(1)), spool.reason
assert waiting(spool) == [batch(1)]
spool.close()
print("done")
"""
        with child(fills, tmp_path) as process:
            assert process.communicate()[0] == "done\n"


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed worker leaves: 300 batches appended, the first 40 removed, the last ones in the log only."""
    appends = """
spool = Spool(Path(sys.argv[1]), "w1", max_bytes=MIB * 16)
for number in range(1, 301):
    assert spool.append(varied(number))
spool.remove(range(1, 41))
for number in range(301, 321):
    assert spool.append(varied(number))
print("appended", flush=True)
signal.pause()
"""
    folder = tmp_path_factory.mktemp("killed")
    with child(appends, folder) as process:
        assert lines_of(process, 1) == ["appended"]
        process.kill()
    assert (folder / "w1.spool-wal").stat().st_size > 100_000
    return folder


ALIVE = range(41, 321)


@pytest.fixture
def left(killed: Path, tmp_path: Path) -> Path:
    """A copy of `killed` to be damaged."""
    return Path(shutil.copytree(killed, tmp_path / "left"))


def damage_headers(folder: Path) -> None:
    """Make both files unreadable to SQLite, without touching a row."""
    for name in ("w1.spool", "w1.spool-wal"):
        with (folder / name).open("r+b") as file:
            file.write(bytes(16))


def aside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "damaged" in path.name)


def assert_usable(spool: Spool) -> None:
    """It takes a batch and gives it out last."""
    assert spool.append(varied(1_000)), spool.reason
    assert waiting(spool)[-1] == varied(1_000)


class TestDamaged:
    def test_what_a_killed_worker_leaves_is_whole(self, open_spool: Open, left: Path) -> None:
        spool = open_spool(left)
        assert waiting(spool) == [varied(number) for number in ALIVE]
        assert (spool.damaged, aside(left)) == (0, [])

    @pytest.mark.parametrize("seed", range(102))
    def test_one_flipped_byte_costs_a_page_at_most_and_never_makes_a_batch_up(
        self, open_spool: Open, left: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        # A third of them into each file, and of those half into its first bytes, where most depends on each.
        path = left / ("w1.spool", "w1.spool-wal", "w1.lock")[seed % 3]
        content = bytearray(path.read_bytes())
        at = chance.randrange(len(content) if seed % 2 else min(200, len(content)))
        content[at] ^= chance.randrange(1, 256)
        path.write_bytes(content)
        spool = open_spool(left)
        found = waiting(spool)
        numbers = [one.number for one in found]
        assert numbers == sorted(set(numbers) & set(ALIVE))
        assert all(one == varied(one.number) for one in found)
        assert len(numbers) >= len(ALIVE) - 8
        assert spool.damaged == len(ALIVE) - len(numbers)
        assert_usable(spool)

    @pytest.mark.parametrize("seed", range(18))
    def test_many_flipped_bytes_never_raise_and_never_make_a_batch_up(
        self, open_spool: Open, left: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        for path in (left / "w1.spool", left / "w1.spool-wal"):
            content = bytearray(path.read_bytes())
            for _ in range(100):
                content[chance.randrange(len(content))] = chance.randrange(256)
            path.write_bytes(content)
        spool = open_spool(left)
        found = waiting(spool)
        assert all(one == varied(one.number) for one in found)
        assert [one.number for one in found] == sorted({one.number for one in found} & set(ALIVE))
        assert len(found) > 100
        assert spool.damaged == len(ALIVE) - len(found)
        assert_usable(spool)

    @pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.9, 0.999])
    @pytest.mark.parametrize("name", ["w1.spool", "w1.spool-wal", "w1.lock"])
    def test_a_cut_tail_costs_what_was_in_it(self, open_spool: Open, left: Path, name: str, kept: float) -> None:
        path = left / name
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * kept))
        spool = open_spool(left)
        found = waiting(spool)
        assert all(one == varied(one.number) for one in found)
        assert [one.number for one in found] == sorted({one.number for one in found} & set(ALIVE))
        assert spool.damaged == len(ALIVE) - len(found)
        assert_usable(spool)

    def test_a_file_that_is_no_database_is_counted_and_put_aside(self, open_spool: Open, left: Path) -> None:
        (left / "w1.spool").write_bytes(b"<html>" * 1_000)
        (left / "w1.spool-wal").unlink()
        spool = open_spool(left)
        assert (spool.damaged, len(spool)) == (280, 0)
        assert aside(left) == ["w1.spool.damaged-1"]
        assert (left / "w1.spool.damaged-1").read_bytes() == b"<html>" * 1_000
        assert_usable(spool)

    def test_without_a_lock_file_to_count_by_a_loss_counts_as_one(self, open_spool: Open, left: Path) -> None:
        (left / "w1.spool").write_bytes(b"<html>" * 1_000)
        (left / "w1.spool-wal").unlink()
        (left / "w1.lock").write_bytes(b"?")
        assert open_spool(left).damaged == 1

    def test_bad_headers_cost_nothing(self, open_spool: Open, left: Path, caplog: pytest.LogCaptureFixture) -> None:
        damage_headers(left)
        before = {name: (left / name).read_bytes() for name in ("w1.spool", "w1.spool-wal")}
        spool = open_spool(left)
        assert waiting(spool) == [varied(number) for number in ALIVE]
        assert spool.damaged == 0
        assert aside(left) == ["w1.spool.damaged-1", "w1.spool.damaged-1-wal"]
        assert before == {name: (left / name.replace("spool", "spool.damaged-1", 1)).read_bytes() for name in before}
        assert "280 batches saved, 0 lost, the bad file is" in caplog.text

    def test_what_was_removed_does_not_come_back_with_a_salvage(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool()
        for number in range(1, 51):
            spool.append(batch(number, cells=40))
        spool.remove(range(10, 41))
        spool.close()
        with (tmp_path / "w1.spool").open("r+b") as file:
            file.write(bytes(16))
        assert [row_id for row_id, _ in open_spool().peek(100)] == [*range(1, 10), *range(41, 51)]
        assert aside(tmp_path) == ["w1.spool.damaged-1"]

    def test_a_loss_shows_though_as_many_removed_batches_come_back(self, open_spool: Open, tmp_path: Path) -> None:
        spool = open_spool()
        for number in range(1, 11):
            spool.append(batch(number))
        spool.close()
        before = (tmp_path / "w1.spool").read_bytes()
        spool = open_spool()
        spool.remove([3, 4])
        spool.append(batch(11))
        spool.append(batch(12))
        spool.close()
        (tmp_path / "w1.spool").write_bytes(before)
        spool = open_spool()
        assert [row_id for row_id, _ in spool.peek(100)] == list(range(1, 11))
        assert spool.damaged == 1  # of two: that 3 and 4 had been removed is known to nobody

    def test_a_database_that_was_deleted_leaves_what_its_log_has(self, open_spool: Open, left: Path) -> None:
        (left / "w1.spool").unlink()
        spool = open_spool(left)
        assert len(spool) > 20
        assert spool.damaged == 280 - len(spool)

    def test_a_row_that_goes_bad_while_the_spool_is_open_is_counted_once(
        self, open_spool: Open, tmp_path: Path
    ) -> None:
        spool = open_spool()
        for number in (1, 2, 3):
            spool.append(batch(number))
        assert spool._connection is not None
        spool._connection.execute("UPDATE batches SET payload = x'90' WHERE sequence = 2")
        assert [row_id for row_id, _ in spool.peek(10)] == [1, 3]
        assert [row_id for row_id, _ in spool.peek(10)] == [1, 3]
        assert (len(spool), spool.events, spool.damaged) == (2, 6, 1)
        assert aside(tmp_path) == ["w1.spool.damaged-1", "w1.spool.damaged-1-wal"]
        assert spool.append(batch(4))
        spool.remove([1])
        assert [row_id for row_id, _ in spool.peek(10)] == [3, 4]

    @pytest.mark.parametrize("stage", ["salvaged", "log moved", "file moved"])
    def test_a_salvage_that_was_killed_is_finished(
        self, open_spool: Open, left: Path, stage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        damage_headers(left)
        replace = Path.replace
        moves = []

        def killed_before(self: Path, target: Path | str) -> Path:
            moves.append(target)
            if len(moves) == {"salvaged": 2, "log moved": 3, "file moved": 4}[stage]:
                raise KeyboardInterrupt
            return replace(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", killed_before)
            with pytest.raises(KeyboardInterrupt):
                open_spool(left)
        spool = open_spool(left)
        assert waiting(spool) == [varied(number) for number in ALIVE]
        assert spool.damaged == 0
        assert (left / "w1.spool.damaged-1").exists()
        assert not (left / "w1.salvaged").exists()

    def test_a_draft_of_a_salvage_that_was_killed_is_made_anew(self, open_spool: Open, left: Path) -> None:
        (left / "w1.salvage").write_bytes(b"half a file")
        damage_headers(left)
        assert len(open_spool(left)) == 280

    def test_only_so_many_bad_files_are_kept(self, open_spool: Open, left: Path) -> None:
        for n in range(1, 9):
            (left / f"w0.spool.damaged-{n}").touch()
        damage_headers(left)
        assert len(open_spool(left)) == 280
        assert len(aside(left)) == 8

    def test_pages_read_without_sqlite_are_the_rows_that_sqlite_reads(self, tmp_path: Path) -> None:
        # Every length around the limits at which a record leaves its page, with numbers of every size.
        path = tmp_path / "rows.spool"
        expected = []
        with sqlite3.connect(path, isolation_level=None) as database:
            database.execute("PRAGMA page_size=4096")
            database.execute(TABLE)
            database.execute("BEGIN")
            for n, size in enumerate([*range(40), *range(3_900, 4_200), *range(8_000, 8_300), 60_000, 300_000]):
                number = 1 << n % 63
                facts = (n * n + 1, "kabar", n % 5, "w1", number, None, n)
                payload = msgspec.msgpack.encode(([(300, 0, {"x" * size: 1})], None))
                expected.append((*facts, rows.checksum(facts, payload), payload))
                database.execute(spool_module._INSERT, expected[-1])
            database.execute("COMMIT")
        database.close()
        assert sorted(salvage.whole_rows(path, b"")) == expected


class TestOrphans:
    def test_a_dead_worker_s_spool_is_taken_over_and_deleted_when_drained(self, open_spool: Open, left: Path) -> None:
        mine = open_spool(left, writer="w2")
        (orphan,) = orphans(left, "w2")
        assert (orphan.writer, len(orphan), orphan.damaged) == ("w1", 280, 0)
        orphan.remove([row_id for row_id, _ in orphan.peek(100)])
        orphan.close(delete_if_empty=True)
        assert (left / "w1.spool").exists()
        (orphan,) = orphans(left, "w2")
        assert [one.number for one in waiting(orphan)] == list(range(141, 321))
        orphan.remove([row_id for row_id, _ in orphan.peek(1_000)])
        orphan.close(delete_if_empty=True)
        assert [path.name for path in left.iterdir()] == ["w2.lock"]
        mine.close(delete_if_empty=True)
        assert list(left.iterdir()) == []

    def test_the_living_and_oneself_are_left_alone(self, open_spool: Open, tmp_path: Path) -> None:
        living, mine = open_spool(writer="w1"), open_spool(writer="w2")
        living.append(batch(1))
        mine.append(batch(1))
        assert orphans(tmp_path, "w2") == []
        with pytest.raises(DataDirLockedError, match=r"Another process has the spool .*w1\.spool"):
            open_spool(writer="w1")
        assert living.append(batch(2))

    def test_what_holds_nothing_is_swept_away(self, open_spool: Open, tmp_path: Path) -> None:
        open_spool(writer="w1").close()
        emptied = open_spool(writer="w2")
        emptied.append(batch(1))
        emptied.remove([1])
        emptied.close()
        assert orphans(tmp_path, "w3") == []
        assert list(tmp_path.iterdir()) == []
        assert orphans(tmp_path / "no such folder", "w3") == []

    def test_one_that_has_lost_all_is_told_of(self, left: Path) -> None:
        (left / "w1.spool").unlink()
        (left / "w1.spool-wal").unlink()
        (orphan,) = orphans(left, "w2")
        assert (len(orphan), orphan.damaged) == (0, 280)
        orphan.close(delete_if_empty=True)

    def test_one_that_cannot_be_read_now_stands_in_nobody_s_way(self, left: Path) -> None:
        shutil.copytree(left, left / "w0.spool")
        (left / "w0.lock").touch()
        (left / ".lock").touch()
        (orphan,) = orphans(left, "w2")
        assert orphan.writer == "w1"
        orphan.close()

    def test_each_of_two_workers_racing_gets_other_orphans(self, left: Path) -> None:
        for n in range(20):
            for suffix in ("lock", "spool", "spool-wal"):
                shutil.copy(left / f"w1.{suffix}", left / f"dead-{n}.{suffix}")
        takes = """
print("ready", flush=True)
sys.stdin.readline()
taken = orphans(Path(sys.argv[1]), sys.argv[2])
print(*(spool.writer for spool in taken), flush=True)
sys.stdin.readline()
assert all(len(spool) == 280 for spool in taken)
for spool in taken:
    spool.remove(row_id for row_id, _ in spool.peek(280))
    spool.close(delete_if_empty=True)
"""
        with child(takes, left, "w2") as one, child(takes, left, "w3") as two:
            assert lines_of(one, 1) + lines_of(two, 1) == ["ready", "ready"]
            for step in (1, 2):
                for process in (one, two):
                    assert process.stdin is not None
                    process.stdin.write("go\n")
                    process.stdin.flush()
                if step == 1:
                    taken = " ".join(lines_of(one, 1) + lines_of(two, 1)).split()
        assert (one.returncode, two.returncode) == (0, 0)
        assert sorted(taken) == sorted(["w1", *(f"dead-{n}" for n in range(20))])
        assert list(left.iterdir()) == []
