"""A salt in real servers: one for all who ask at once, gone in time, and after the job nowhere in what they wrote."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers

from jobs.salts import ForgetSalts
from ranking.errors import StoreRefusedError
from ranking.recording.salts import DAY_S, LIFETIME_S
from ranking.store.embedded.server import EmbeddedValkey
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

DAY = 20_423
OVER = (DAY + 1) * DAY_S + 3600.0
HOUR_S = 3600.0


def written(*folders: Path) -> bytes:
    """Every byte of every file below."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files)


@pytest.fixture
def logging(topology: servers.Topology) -> Iterator[servers.Topology]:
    """The topology, keeping append-only logs while the test lasts."""
    for server in topology.servers:
        server.admin.config_set("appendonly", "yes")
        servers.wait_until(lambda server=server: not rewriting(server), "the first log")
    yield topology
    for server in topology.servers:
        server.admin.config_set("appendonly", "no")


def rewriting(server: servers.Valkey) -> bool:
    facts = server.admin.info("persistence")
    return bool(facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"])


async def test_whoever_comes_first_makes_the_salt(store: RedisStore) -> None:
    offered = [secrets.token_bytes(32) for _ in range(20)]
    got = await asyncio.gather(*(store.salts.salt(DAY, fresh, HOUR_S) for fresh in offered))
    assert len(set(got)) == 1
    assert got[0] in offered
    assert await store.salts.salt(DAY + 1, offered[0], HOUR_S) == offered[0]


async def test_a_salt_has_a_lifetime_that_asking_does_not_prolong(
    store: RedisStore, topology: servers.Topology
) -> None:
    await store.salts.salt(DAY, b"x" * 32, HOUR_S)
    await store.salts.salt(DAY, b"y" * 32, LIFETIME_S)
    assert HOUR_S - 60 < topology.every_key()[keys.salt(DAY)] <= HOUR_S


async def test_forgotten_salts_are_gone(store: RedisStore) -> None:
    for day in range(DAY, DAY + 4):
        await store.salts.salt(day, b"old" * 10, HOUR_S)
    assert await store.salts.forget_salts(range(DAY - 5, DAY + 3)) == 3
    assert await store.salts.salt(DAY + 2, b"new" * 10, HOUR_S) == b"new" * 10
    assert await store.salts.salt(DAY + 3, b"new" * 10, HOUR_S) == b"old" * 10


async def test_without_a_log_there_is_nothing_to_rewrite(store: RedisStore) -> None:
    assert not (await store.server.log_state()).kept


async def test_after_the_job_no_primary_has_a_salt_in_its_log(store: RedisStore, logging: servers.Topology) -> None:
    folders = [server.folder for server in logging.servers]
    salts = [secrets.token_bytes(32) for _ in range(4)]  # in a cluster the days lie on several primaries
    for day, salt in enumerate(salts, DAY - 3):
        assert await store.salts.salt(day, salt, HOUR_S) == salt
    kept = await store.salts.salt(DAY + 1, secrets.token_bytes(32), HOUR_S)
    await store.server.ping()
    assert all(salt in written(*folders) for salt in salts)
    await run_until_clean(store)
    assert not any(salt in written(*folders) for salt in salts)
    assert kept in written(*folders)


async def run_until_clean(store: RedisStore) -> None:
    """Run the job until it has nothing more to do."""
    job = ForgetSalts(store, overlap_s=HOUR_S)
    assert (await job("s", OVER, 1))["rewrites"] == 1

    async def idle() -> bool:
        await job("s", OVER + 300, 1)
        return job.clean_until == DAY

    await servers.eventually(idle, "the log to be rewritten")


async def test_after_the_job_the_bundled_server_has_the_salt_nowhere_on_disk(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data")
    server.start()
    try:
        async with servers.opened(server.url) as store:
            salt = await store.salts.salt(DAY, secrets.token_bytes(32), HOUR_S)
            today = await store.salts.salt(DAY + 1, secrets.token_bytes(32), HOUR_S)
            assert salt in written(tmp_path)
            assert await store.salts.forget_salts([DAY]) == 1
            assert salt in written(tmp_path), "deleting alone is not enough: this is why there is a job"
            await run_until_clean(store)
            assert salt not in written(tmp_path)
            assert today in written(tmp_path)
            assert await store.salts.salt(DAY + 1, secrets.token_bytes(32), HOUR_S) == today
    finally:
        server.stop()


async def test_a_server_that_forbids_it_refuses(own_server: Callable[[], servers.Valkey]) -> None:
    server = own_server()
    server.admin.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
    async with servers.opened(server.url) as store:
        with pytest.raises(StoreRefusedError):
            await store.server.rewrite_log()
