"""Of a visitor's repeats one counts, on every kind of server, and a repeated call says again what it said at first."""

import asyncio
import random
from collections.abc import Iterable

import pytest
import servers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whole_counts import read_buckets

from ranking.counts.buckets import Bucket
from ranking.intake.events import Event
from ranking.intake.visits import ConditionalVisits, Identity, pair_of, short_hash
from ranking.recording.batches import Admission
from ranking.recording.recorder import Recorder
from ranking.store.counts import Batch
from ranking.store.redis.store import RedisStore
from ranking.store.shards import shard_of

SITE = "kabar"
KEEP_S = 50 * 365 * 86_400.0  # so that counts of the past stay
SPAN_S = 1_800
NOON = 1_764_565_200
DAY_S = 86_400
ADMISSION = Admission(SPAN_S, 30 * DAY_S, 0)


def recorder(store: RedisStore, writer: str = "w", admission: Admission = ADMISSION) -> Recorder:
    return Recorder(
        store.counts,
        writer=writer,
        bucket_s=300,
        keep_s=KEEP_S,
        deadline_s=10,
        max_pending=100_000,
        admission=admission,
    )


def visitor(name: int, before: int | None = None) -> Identity:
    return Identity(b"v%07d" % name, b"" if before is None else b"v%07d" % before)


def view(second: float, who: int = 1, item: str = "a", *, kind: str = "view", before: int | None = None) -> Event:
    return Event(item, kind, NOON + second, visitor(who, before))


async def outcomes(store: RedisStore, *events: Event, writer: str = "w") -> str:
    """What became of each, one request after the other, each by a worker that has seen nothing."""
    found = ""
    for number, event in enumerate(events):
        found += (await recorder(store, f"{writer}{number}").record(SITE, [event], received=NOON)).outcomes.decode()
    return found


async def counted(store: RedisStore, *, shadows: bool = False) -> dict[str, int]:
    found: dict[str, int] = {}
    for shard in range(store.shards):
        buckets = (await store.counts.touched_buckets(SITE, shard, 0)).buckets
        for cells in await read_buckets(store.counts, SITE, shard, buckets):
            for name, n in zip(cells.fields, cells.counts, strict=True):
                if name.startswith(b"!") == shadows:
                    found[name.decode()] = found.get(name.decode(), 0) + n
    return found


async def test_a_repeat_within_the_span_does_not_count_and_one_after_it_does(store: RedisStore) -> None:
    assert await outcomes(store, view(0), view(10), view(1_799), view(1_800), view(1_801)) == "10010"
    assert await counted(store) == {"view|a": 2}
    assert await counted(store, shadows=True) == {"!duplicate|a": 3}


@pytest.mark.parametrize("edge", [-1, 0, 1, 900, 1_799])
async def test_a_windows_edge_is_no_edge(store: RedisStore, edge: int) -> None:
    base = SPAN_S - NOON % SPAN_S + edge
    assert await outcomes(store, view(base), view(base + 1_799), view(base + 1_800)) == "101"


async def test_an_event_that_comes_late_is_a_repeat_of_a_later_one(store: RedisStore) -> None:
    assert await outcomes(store, view(2_000), view(201), view(200)) == "101"


async def test_other_visitors_items_and_kinds_are_no_repeats(store: RedisStore) -> None:
    assert await outcomes(store, view(0), view(0, who=2), view(0, item="b"), view(0, kind="click")) == "1111"


async def test_a_visitor_is_known_again_under_the_salt_before(store: RedisStore) -> None:
    # After midnight the visitor's hash is 2; it was 1.
    assert await outcomes(store, view(0, who=1), view(100, who=2, before=1), view(100, who=2)) == "101"


async def test_repeats_inside_one_request_and_one_batch_count_once(store: RedisStore) -> None:
    async def sent(*events: Event) -> str:
        return (await shared.record(SITE, events, received=NOON)).outcomes.decode()

    shared = recorder(store)
    found = await asyncio.gather(sent(view(0), view(5), view(0, who=2)), sent(view(7)), sent(view(1_805)))
    assert found == ["101", "0", "1"]
    assert await sent(view(1_806), view(3_605)) == "01"
    assert await counted(store) == {"view|a": 4}


async def test_events_without_a_visitor_all_count(store: RedisStore) -> None:
    found = await recorder(store).record(SITE, [Event("a", "view", NOON), view(0), view(1)] * 2, received=NOON)
    assert found.outcomes == b"110100"
    assert await counted(store) == {"view|a": 3}


async def test_an_events_id_counts_once_whoever_sends_it_for_a_day(store: RedisStore) -> None:
    def named(second: float, name: str, who: int) -> Event:
        return Event("a", "view", NOON + second, visitor(who), short_hash(name))

    async def received(event: Event, writer: str, at: float) -> str:
        return (await recorder(store, writer).record(SITE, [event], received=NOON + at)).outcomes.decode()

    assert await received(named(0, "x", 1), "one", 0) == "1"
    assert await received(named(5_000, "x", 2), "two", DAY_S - 1) == "0"
    assert await received(named(5_000, "y", 2), "three", DAY_S - 1) == "1"
    assert await received(named(9_000, "x", 3), "four", 2 * DAY_S) == "1"
    twice = await recorder(store, "five").record(SITE, [named(0, "z", 4), named(0, "z", 5)], received=NOON)
    assert twice.outcomes == b"10"


async def test_new_items_are_taken_until_the_budget_is_spent(store: RedisStore) -> None:
    shards = store.shards
    budget = Admission(0, 30 * DAY_S, 1)  # a token a minute, twenty saved up, in each shard

    async def sent(items: Iterable[str], at: float, writer: str, *, vouched: bool = False) -> str:
        events = [Event(item, "view", NOON + at) for item in items]
        found = await recorder(store, writer, budget).record(SITE, events, received=NOON + at, vouched=vouched)
        return found.outcomes.decode()

    names = [f"random-{n}" for n in range(100 * shards)]
    first = await sent(names, 0, "one")
    assert first.count("1") == 20 * shards
    assert first.count("n") == len(names) - 20 * shards
    known = [name for name, outcome in zip(names, first, strict=True) if outcome == "1"]
    assert await sent(known, 1, "two") == "1" * len(known)  # known to the store, not only to the worker
    assert (await sent(names, 61, "three")).count("1") == 21 * shards
    assert await sent(["written"], 62, "four", vouched=True) == "1"
    memory = await counted(store)
    assert len(memory) == 21 * shards + 1


async def test_a_call_that_is_repeated_says_again_what_it_said(store: RedisStore) -> None:
    counts = {Bucket(300, NOON): {"view|a": 0}}
    pair = pair_of(b"12345678", "view|a")
    pairs = pair + pair + pair_of(b"2", "view|a")
    visits = ConditionalVisits([0, 0, 0], [NOON, NOON + 5, NOON], pairs, b"", {}, {}, SPAN_S, NOON, DAY_S, 0)
    batch = Batch(SITE, shard_of("a", store.shards), "w", 1, counts, None, visits)
    first = await store.counts.record(batch, KEEP_S)
    assert first.outcomes == b"101"
    assert await store.counts.record(batch, KEEP_S) == first
    again = batch._replace(writer="other")
    assert (await store.counts.record(again, KEEP_S)).outcomes == b"000"
    assert await counted(store) == {"view|a": 2}


async def test_more_visits_than_one_call_of_lua_holds(store: RedisStore) -> None:
    events = [view(n % 3, who=n // 2, item=f"item-{n % 7}") for n in range(9_000)]
    found = await recorder(store).record(SITE, events, "key", received=NOON)
    seen: set[tuple[int, str]] = set()
    expected = ""
    for n, event in enumerate(events):
        expected += "0" if (n // 2, event.item) in seen else "1"
        seen.add((n // 2, event.item))
    assert found.outcomes.decode() == expected


async def test_events_that_ask_for_something_else_than_their_visitor_need_no_window(store: RedisStore) -> None:
    worker = recorder(store, "one", Admission(SPAN_S, 30 * DAY_S, 100))
    left_out = [Event("a", "!robot", NOON), Event("b", "view", NOON + 4 * SPAN_S, None, short_hash("x"))]
    assert (await worker.record(SITE, [*left_out, view(0)], received=NOON, vouched=False)).outcomes == b"n11"
    other = recorder(store, "two", Admission(SPAN_S, 30 * DAY_S, 100))
    assert (await other.record(SITE, [*left_out, view(0)], received=NOON, vouched=False)).outcomes == b"100"


def by_the_book(events: list[Event]) -> str:
    """One event after the other: it counts unless one of its visitor, kind and item that counted is near."""
    near: dict[tuple[bytes, str, str], list[int]] = {}
    found = ""
    for event in events:
        assert event.visitor is not None
        kept = near.setdefault((event.visitor.now, event.channel, event.item), [])
        repeated = any(abs(int(event.ts) - second) < SPAN_S for second in kept)
        found += "0" if repeated else "1"
        if not repeated:
            kept.append(int(event.ts))
    return found


MOMENTS = st.integers(-3 * SPAN_S, 3 * SPAN_S) | st.sampled_from([0, 1, SPAN_S - 1, SPAN_S, -SPAN_S])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.tuples(MOMENTS, st.integers(1, 2), st.sampled_from("ab")), min_size=1, max_size=40),
    cuts=st.integers(1, 7),
    workers=st.integers(1, 3),
)
def test_whatever_is_sent_in_whatever_order_counts_by_the_book(
    server: servers.Valkey, seconds: list[tuple[int, int, str]], cuts: int, workers: int
) -> None:
    async def run() -> tuple[str, dict[str, int]]:
        server.admin.flushall()
        async with servers.opened(server.url) as store:
            recorders = [recorder(store, f"w{n}") for n in range(workers)]
            found = ""
            for number, start in enumerate(range(0, len(events), cuts)):
                part = events[start : start + cuts]
                outcome = await recorders[number % workers].record(SITE, part, received=NOON)
                found += outcome.outcomes.decode()
            return found, await counted(store)

    events = [view(second, who, item) for second, who, item in seconds]
    found, counts = asyncio.run(run())
    assert found == by_the_book(events)
    assert sum(counts.values()) == found.count("1")


async def test_a_visitor_that_reads_one_item_a_hundred_thousand_times_weighs_as_one(store: RedisStore) -> None:
    worker = recorder(store)
    draw = random.Random(7)
    for _ in range(10):
        await worker.record(SITE, [view(draw.random() * 1_700) for _ in range(10_000)], received=NOON)
    assert await counted(store) == {"view|a": 1}
