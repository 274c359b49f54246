"""The bundled server's file breaks off in its tail: it starts, has lost whole batches at the end, and says so (P5)."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers
from ledger import Ledger, Sender, counted
from recording import SITE, record, recorder
from service import serving, wait_until
from soak import LONG, either
from stage import settings_file

from ranking.store.embedded.server import EmbeddedValkey

BATCHES = 40


def tail_of(folder: Path) -> Path:
    # A rewrite of the log, such as the one that forgets salts, begins another file beside the last one.
    return max((folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[EmbeddedValkey, Ledger, list[int]]]:
    """A stopped server that has counted some batches, and how long its file was after each."""
    ledger, sizes = Ledger(), []

    async def write(url: str) -> None:
        async with servers.opened(url) as store:
            to = recorder(store.counts)
            for _ in range(BATCHES):
                await record(to, ledger.write(5))
                sizes.append(tail_of(tmp_path / "store").stat().st_size)

    with EmbeddedValkey(tmp_path / "store") as valkey:
        asyncio.run(write(valkey.url))
    yield valkey, ledger, sizes
    valkey.stop()


@pytest.mark.soak
def test_a_file_cut_anywhere_in_its_tail_loses_whole_batches_at_its_end_and_says_so(
    written: tuple[EmbeddedValkey, Ledger, list[int]], caplog: pytest.LogCaptureFixture
) -> None:
    valkey, ledger, sizes = written
    file, whole = tail_of(valkey.data_dir), tail_of(valkey.data_dir).read_bytes()
    chance = random.Random(None if LONG else 20_251_201)
    cuts = [sizes[-1], sizes[-3], *(chance.randrange(sizes[0], sizes[-1]) for _ in range(either(6, 500)))]
    for cut in cuts:
        file.write_bytes(whole[:cut])
        caplog.clear()
        with valkey:
            found = counted(valkey.url, SITE)
        left = sum(size <= cut for size in sizes)
        names = {item for sent in ledger.batches[:left] for item in sent.items}
        assert set(found) == names, f"cut at byte {cut} of {sizes[-1]}"
        ledger.check(found)
        assert bool(caplog.messages) == (cut not in sizes), f"cut at byte {cut}"


def test_a_service_whose_machine_lost_power_starts_without_the_last_batch_and_says_so(tmp_path: Path) -> None:
    ledger, file = Ledger(), settings_file(tmp_path)
    with serving(tmp_path / "data", "--config", file) as service:
        with Sender(service, ledger) as sender:
            wait_until(lambda: ledger.acked > 2_000)
            sender.finish()
        for pid in (service.process.pid, *service.children(), service.valkey_pid):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: service.process.poll() is not None)
    tail, last = tail_of(tmp_path / "data"), ledger.batches[-1].name
    os.truncate(tail, tail.read_bytes().rindex(last.encode()))
    with serving(tmp_path / "data", "--config", file) as service:
        assert f"{tail} broke off in the middle of a write" in service.log.read_text()
        assert service.stop() == 0
    with EmbeddedValkey(tmp_path / "data") as valkey:
        found = counted(valkey.url)
    assert f"{last}, first" not in found
    ledger.check(found, may_be_lost={last})
