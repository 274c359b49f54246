"""Many sites: a bounded number of runs is under way, and what readers do not see is spread over its beat."""

from test_jobs_under_other_settings import NEVER_S, Leading, Work, settled

from jobs.scheduler import MOST_AT_ONCE, Job, Scheduler, rows_of

SITES = [f"site-{number}" for number in range(5 * MOST_AT_ONCE)]


async def test_runs_at_once_are_bounded_and_each_row_has_its_turn() -> None:
    work = Work(held=True)
    scheduler = Scheduler([Job("lists", work, NEVER_S, at_once=True)], SITES, Leading())
    scheduler.start()
    scheduler.hurry()
    await settled()
    assert work.begun == SITES[:MOST_AT_ONCE]
    work.go.set()
    await settled()
    assert work.begun == SITES
    await scheduler.stop()


async def test_work_that_readers_see_does_not_wait_for_the_rest() -> None:
    seen, rest = Work(), Work(held=True)
    scheduler = Scheduler([Job("rest", rest, NEVER_S), Job("lists", seen, NEVER_S, at_once=True)], SITES, Leading())
    scheduler.start()
    scheduler.hurry()
    await settled()
    assert (seen.begun, rest.begun) == (SITES, SITES[:MOST_AT_ONCE])
    rest.go.set()
    await scheduler.stop()


async def test_only_what_readers_see_begins_at_the_beat() -> None:
    jobs = [Job("lists", Work(), 100.0, at_once=True), Job("rest", Work(), 100.0)]
    rows = rows_of(jobs, ["a", "b", "c", "d"])
    assert {name: row.beat(1_000_000_010.0) - 1_000_000_000.0 for name, row in rows.items()} == {
        "lists a": 0.0, "lists b": 0.0, "lists c": 0.0, "lists d": 0.0,
        "rest a": 0.0, "rest b": 25.0, "rest c": 50.0, "rest d": 75.0,
    }  # fmt: skip
