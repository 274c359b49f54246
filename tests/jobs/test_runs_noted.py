"""What the jobs did last is written down, also where they failed; and the pulse is one of them."""

import servers
from test_jobs_under_other_settings import NEVER_S, Leading, settled

from jobs.pulse import TakePulse
from jobs.refresh import RefreshLists
from jobs.scheduler import Job, Scheduler
from ranking.counts.buckets import Bucket
from ranking.errors import StoreUnavailableError
from ranking.intake.items import Item
from ranking.store.counts import Batch
from ranking.store.logbook import JobRun

SITE = servers.SITE


class Notes:
    def __init__(self) -> None:
        self.runs: list[JobRun] = []
        self.away = False

    async def __call__(self, run: JobRun) -> None:
        if self.away:
            raise StoreUnavailableError("away")
        self.runs.append(run)


async def works(site: str, now: float, epoch: int) -> dict[str, int]:
    return {"lists": 3}


async def fails(site: str, now: float, epoch: int) -> dict[str, int]:
    raise StoreUnavailableError("the store does not answer")


async def run_once(notes: Notes, *jobs: Job) -> None:
    scheduler = Scheduler(list(jobs), [SITE], Leading(), clock=lambda: servers.NOW, note=notes)
    scheduler.start()
    scheduler.hurry()
    await settled()
    await scheduler.stop()


async def test_a_run_is_noted_with_what_it_did() -> None:
    notes = Notes()
    await run_once(notes, Job("lists", works, NEVER_S))
    (run,) = notes.runs
    assert (run.job, run.site, run.at, run.every_s, run.epoch) == ("lists", SITE, servers.NOW, NEVER_S, 1)
    assert (run.error, run.done) == (None, {"lists": 3})


async def test_a_failed_run_is_noted_with_its_reason() -> None:
    notes = Notes()
    await run_once(notes, Job("seal", fails, NEVER_S))
    assert [(run.job, run.error) for run in notes.runs] == [("seal", "the store does not answer")]


async def test_where_nothing_can_be_noted_the_jobs_go_on() -> None:
    notes = Notes()
    notes.away = True
    seen = []

    async def work(site: str, now: float, epoch: int) -> dict[str, int]:
        seen.append(site)
        return {}

    await run_once(notes, Job("lists", work, NEVER_S))
    assert seen == [SITE]


async def test_the_pulse_is_that_of_what_lists_were_ranked_by(server: servers.Valkey) -> None:
    settings = servers.settings(alarms={"quiet": "10m"})
    async with servers.opened(server.unix_url) as store:
        lists = RefreshLists(store, settings)
        job = TakePulse(store, settings, lists)
        assert await job(SITE, servers.NOW, 1) == {}
        bucket = Bucket(300, int(servers.NOW // 300) * 300 - 600)
        await store.counts.record(Batch(SITE, 0, "w", 1, {bucket: {"view|a": 5}}), 1e9)
        await lists(SITE, servers.NOW, 1)
        assert await job(SITE, servers.NOW, 1) == {"spans": 0, "waiting": 0}
        found = (await store.logbook.pulses([SITE]))[SITE]
        assert (found.at, found.silent_since, found.span_s, found.usual) == (servers.NOW, bucket.end_s, 600.0, None)


async def test_pulse_has_nothing_usual_where_silence_is_no_alarm(server: servers.Valkey) -> None:
    settings = servers.settings(alarms={"quiet": "0s"})
    async with servers.opened(server.unix_url) as store:
        lists = RefreshLists(store, settings)
        await lists(SITE, servers.NOW, 1)
        assert await TakePulse(store, settings, lists)(SITE, servers.NOW, 1) == {"spans": 0, "waiting": 0}
        assert (await store.logbook.pulses([SITE]))[SITE].usual is None


async def test_the_pulse_says_how_long_the_last_refreshes_took(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        settings = servers.settings()
        lists = RefreshLists(store, settings)
        pulse = TakePulse(store, settings, lists)
        took = []
        for run in range(3):
            await lists(SITE, servers.NOW + 5 * run, 0)
            await pulse(SITE, servers.NOW, 0)
            took.append((await store.logbook.pulses([SITE]))[SITE].refresh_s)
        assert took[:2] == [0.0, 0.0]
        assert took[2] == lists.took_s(SITE) > 0


async def test_the_pulse_says_when_the_store_was_found_to_have_gone_back(server: servers.Valkey) -> None:
    async with servers.opened(server.url) as store:
        settings = servers.settings()
        lists = RefreshLists(store, settings)
        pulse = TakePulse(store, settings, lists)
        await store.items.put_items(SITE, [Item(id="a", title="A", first_seen=servers.NOW)])
        found = []
        for moment in (servers.NOW, servers.NOW + 5, servers.NOW + 10):
            await lists(SITE, moment, 1)
            await pulse(SITE, moment, 1)
            found.append((await store.logbook.pulses([SITE]))[SITE].went_back_at)
            if moment == servers.NOW:
                for shard in range(store.shards):  # as in a backup: a mark, and not the last one
                    server.admin.set(f"populer:{{{SITE}.{shard}}}:mark", "of-an-earlier-state")
        assert found == [None, servers.NOW + 5, servers.NOW + 5]
