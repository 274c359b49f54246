"""How the service fares is written down on every kind of store, for a while."""

import servers

from ranking.store import limits
from ranking.store.logbook import JobRun
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore
from ranking.watching.pulse import Pulse, Usual

SITE = "koran"
MINUTE = 29_408_869


async def test_a_minute_is_the_sum_of_what_each_worker_has_said_last(store: RedisStore) -> None:
    book = store.logbook
    assert await book.traffic(SITE, [MINUTE]) == [{}]
    await book.note_traffic(SITE, "w1", MINUTE, {"view": 3, "!robot": 1})
    await book.note_traffic(SITE, "w1", MINUTE, {"view": 5, "!robot": 1})
    await book.note_traffic(SITE, "w2", MINUTE, {"view": 2, "click": 4})
    await book.note_traffic(SITE, "w2", MINUTE + 1, {"view": 9})
    await book.note_traffic("kedua", "w2", MINUTE, {"view": 100})
    await book.note_traffic(SITE, "w2", MINUTE, {})
    minutes = [MINUTE - 1, MINUTE, MINUTE + 1]
    assert await book.traffic(SITE, minutes) == [{}, {"view": 7, "!robot": 1, "click": 4}, {"view": 9}]


async def test_hours_are_read_at_once(store: RedisStore) -> None:
    for minute in range(0, 250, 50):
        await store.logbook.note_traffic(SITE, "w", MINUTE + minute, {"view": 1 + minute})
    found = await store.logbook.traffic(SITE, range(MINUTE, MINUTE + 250))
    assert {place: events["view"] for place, events in enumerate(found) if events} == {
        minute: 1 + minute for minute in range(0, 250, 50)
    }


async def test_the_last_run_of_each_job_stays(store: RedisStore) -> None:
    runs = [
        JobRun("refresh", SITE, 10.0, 0.5, 5.0, 1, done={"populer": 3}),
        JobRun("seal", SITE, 11.0, 0.1, 300.0, 1, error="the store does not answer"),
    ]
    for run in (JobRun("refresh", SITE, 5.0, 0.5, 5.0, 1, error="no"), *runs):
        await store.logbook.note_run(run)
    assert await store.logbook.runs() == runs


async def test_a_pulse_is_read_as_it_was_taken(store: RedisStore) -> None:
    taken = {
        SITE: Pulse(7.0, 3.0, 900.0, Usual(12.5, 7, 6, weekly=False)),
        "kedua": Pulse(7.0, None, 900.0, None),
    }
    for site, pulse in taken.items():
        await store.logbook.note_pulse(site, pulse)
    assert await store.logbook.pulses([SITE, "kedua", "ketiga"]) == taken


async def test_everything_has_its_lifetime(store: RedisStore, topology: servers.Topology) -> None:
    await store.logbook.note_traffic(SITE, "w", MINUTE, {"view": 1})
    await store.logbook.note_run(JobRun("refresh", SITE, 1.0, 0.0, 5.0, 1))
    await store.logbook.note_pulse(SITE, Pulse(1.0, None, 900.0, None))
    lives = topology.every_key()
    for key, ttl_s in (
        (keys.traffic(SITE, MINUTE), limits.TRAFFIC_TTL_S),
        (keys.JOB_RUNS, keys.JOB_RUNS_TTL_S),
        (keys.pulse(SITE), keys.PULSE_TTL_S),
    ):
        assert ttl_s - 60 < lives[key] <= ttl_s


async def test_what_another_version_has_written_in_another_form_is_not_read(
    store: RedisStore, topology: servers.Topology
) -> None:
    await store.logbook.note_run(JobRun("seal", SITE, 1.0, 0.0, 5.0, 1))
    await store.logbook.note_pulse(SITE, Pulse(1.0, None, 900.0, None))
    for server in topology.servers:
        for key in server.admin.scan_iter():
            if key.decode() == keys.JOB_RUNS:
                server.admin.hset(key, "refresh koran", '{"job": 3}')
            if key.decode() == keys.pulse(SITE):
                server.admin.set(key, "[]", keepttl=True)
    assert [run.job for run in await store.logbook.runs()] == ["seal"]
    assert await store.logbook.pulses([SITE]) == {}
