"""Sealing moves counts and neither loses nor doubles one, whoever records, reads or seals at the same time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore

from ranking.counts.buckets import Bucket
from ranking.counts.sealed import CHUNK_NAMES, VOLUME_S
from ranking.errors import StoreRefusedError, StoreUnavailableError
from ranking.refreshing.sealer import Sealed, Sealer, spans
from ranking.refreshing.site_view import SiteView
from ranking.settings.service import RetentionSettings
from ranking.store.counts import Batch

HOUR_S, DAY_S = 3600, 86_400
NOW = 19_811 * DAY_S  # not on the edge of a volume
RETENTION = RetentionSettings.model_validate({"keep": "100d", "roll_up": {"hour": "8d", "day": "30d"}})
assert (RETENTION.seal_after_s, RETENTION.roll_up.tiers) == (1800, {3600: 8 * DAY_S, 86_400: 30 * DAY_S})

Cells = dict[tuple[str, str], int]


def sealer(store: Any, retention: RetentionSettings = RETENTION) -> Sealer:
    return Sealer(store, retention, "s")


def held(view: SiteView) -> Cells:
    """Events per channel and item, as a view has them."""
    columns = view.history.columns()
    found: Counter[tuple[str, str]] = Counter()
    for cell, count in zip(columns.cell.tolist(), columns.counts.tolist(), strict=True):
        name = view.history.channels[columns.cell_channel[cell]], view.history.items[columns.cell_item[cell]]
        found[name] += round(count)
    return dict(found)


def by_bucket(view: SiteView) -> dict[tuple[Bucket, str, str], int]:
    columns, history = view.history.columns(), view.history
    return {
        (
            Bucket(int(columns.width_s[bucket]), int(columns.start_s[bucket])),
            history.channels[columns.cell_channel[cell]],
            history.items[columns.cell_item[cell]],
        ): round(count)
        for cell, bucket, count in zip(columns.cell, columns.bucket, columns.counts.tolist(), strict=True)
    }


async def view_of(store: Any) -> SiteView:
    view = SiteView("s")
    await view.update(store, 0)
    return view


async def widths(store: MemoryStore) -> dict[int, set[int]]:
    """Width of a bucket -> starts of the buckets that the store names."""
    found: dict[int, set[int]] = {}
    for shard in range(store.shards):
        for bucket in (await store.counts.all_touched("s", shard)).buckets:
            found.setdefault(bucket.width_s, set()).add(bucket.start_s)
    return found


# What is sealed when


def test_spans_has_a_bucket_once_seal_after_has_passed() -> None:
    bucket = Bucket(300, NOW)
    assert spans([bucket], NOW + 300 + 1800 - 1, RETENTION) == {}
    assert spans([bucket], NOW + 300 + 1800, RETENTION) == {bucket: [bucket]}


def test_spans_omits_buckets_past_the_retention() -> None:
    bucket = Bucket(300, NOW)
    assert spans([bucket], bucket.end_s + RETENTION.keep_s, RETENTION) == {}
    assert spans([bucket], bucket.end_s + RETENTION.keep_s - 1, RETENTION) != {}


def test_spans_rolls_an_hour_up_when_all_of_it_is_old_enough() -> None:
    parts = [Bucket(300, NOW + 300 * number) for number in range(12)]
    old = NOW + HOUR_S + 8 * DAY_S
    assert spans(parts, old - 1, RETENTION) == {part: [part] for part in parts}
    assert spans(parts, old, RETENTION) == {Bucket(3600, NOW): parts}


def test_spans_puts_hours_and_late_buckets_into_their_day() -> None:
    late = Bucket(300, NOW + 7 * HOUR_S)
    hours = [Bucket(3600, NOW), Bucket(3600, NOW + 23 * HOUR_S)]
    assert spans([late, *hours], NOW + 31 * DAY_S, RETENTION) == {Bucket(DAY_S, NOW): [hours[0], late, hours[1]]}


def test_spans_keeps_widths_when_nothing_is_rolled_up() -> None:
    never = RetentionSettings.model_validate({"keep": "100d", "roll_up": {"hour": "none", "day": "none"}})
    parts = [Bucket(300, NOW), Bucket(300, NOW + 300)]
    assert spans(parts, NOW + 90 * DAY_S, never) == {part: [part] for part in parts}


def test_spans_puts_late_buckets_into_a_rolled_up_hour_under_any_settings() -> None:
    never = RetentionSettings.model_validate({"keep": "100d", "roll_up": {"hour": "none", "day": "none"}})
    late, hour = Bucket(300, NOW + 300), Bucket(3600, NOW)
    assert spans([late, hour], NOW + DAY_S, never) == {hour: [hour, late]}


def test_spans_leaves_a_bucket_that_straddles_two_hours_for_its_day() -> None:
    straddling = Bucket(2700, NOW + 2700)
    assert spans([straddling], NOW + 10 * DAY_S, RETENTION) == {straddling: [straddling]}
    assert spans([straddling], NOW + 32 * DAY_S, RETENTION) == {Bucket(DAY_S, NOW): [straddling]}


# What becomes of the counts


def test_spans_keeps_the_finer_buckets_of_an_hour_that_a_void_begins_or_ends_in() -> None:
    start = NOW - 9 * DAY_S
    hours = [Bucket(300, start + 300 * number) for number in range(24)]
    found = spans(hours, NOW, RETENTION, {start + 900, start + 2 * HOUR_S})
    assert set(found) == {*hours[:12], Bucket(HOUR_S, start + HOUR_S)}
    assert set(spans(hours, NOW, RETENTION)) == {Bucket(HOUR_S, start), Bucket(HOUR_S, start + HOUR_S)}


async def test_sealer_keeps_every_count() -> None:
    store = MemoryStore()
    for number in range(50):
        store.see(f"berita/{number} ☕|x", NOW - 300 * number, 1 + number % 3, "view" if number % 2 else "click")
    before, totals = by_bucket(await view_of(store)), store.totals()
    done = await sealer(store).seal(NOW + DAY_S)
    assert done.left == 0
    assert done.written >= 50
    assert (by_bucket(await view_of(store)), store.totals()) == (before, totals)
    for shard in range(store.shards):
        buckets = list((await store.counts.all_touched("s", shard)).buckets)
        assert await store.counts.open_cells("s", shard, buckets) == [0] * len(buckets)


async def test_sealer_does_nothing_in_a_second_run_or_after_another_sealer() -> None:
    store = MemoryStore()
    for number in range(20):
        store.see(f"{number}", NOW - 300 * number)
    first = sealer(store)
    assert (await first.seal(NOW + DAY_S)).written > 0
    assert await first.seal(NOW + DAY_S) == Sealed(0, 0)
    assert await sealer(store).seal(NOW + DAY_S) == Sealed(0, 0)


async def test_sealer_keeps_late_counts_before_and_after_they_are_sealed() -> None:
    store = MemoryStore(1)
    seals = sealer(store)
    store.see("a", NOW, 2)
    await seals.seal(NOW + DAY_S)
    store.see("a", NOW, 3)
    store.see("new", NOW, 1)
    expected = {("view", "a"): 5, ("view", "new"): 1}
    follower = await view_of(store)
    assert held(follower) == expected
    assert await seals.seal(NOW + DAY_S) == Sealed(1, 0)
    await follower.update(store, 0)
    assert held(follower) == held(await view_of(store)) == expected


async def test_sealer_loses_no_count_when_counts_grow_coarser() -> None:
    store = MemoryStore(1)
    seals, follower = sealer(store), await view_of(store)
    for number in range(288):
        store.see(f"{number % 5}", NOW + 300 * number)
    for days, expected in [(1, {300: 288}), (10, {3600: 24}), (31, {86_400: 1})]:
        await seals.seal(NOW + (1 + days) * DAY_S)
        assert {width_s: len(starts) for width_s, starts in (await widths(store)).items()} == expected
        await follower.update(store, 0)
        assert held(follower) == held(await view_of(store)) == {("view", f"{n}"): 58 - (n > 2) for n in range(5)}


async def test_view_catches_up_when_it_slept_through_every_seal() -> None:
    store = MemoryStore(1)
    follower = await view_of(store)
    for number in range(12):
        store.see("a", NOW + 300 * number)
    await follower.update(store, 0)
    await sealer(store).seal(NOW + 10 * DAY_S)
    store.see("a", NOW + 300, 7)  # late, for an hour that was rolled up
    await sealer(store).seal(NOW + 10 * DAY_S)
    store.see("a", NOW + 600, 100)
    await follower.update(store, 0)
    assert held(follower) == {("view", "a"): 119}
    assert set(by_bucket(follower)) == {(Bucket(3600, NOW), "view", "a"), (Bucket(300, NOW + 600), "view", "a")}


async def test_sealer_seals_shadows_that_no_view_has() -> None:
    store = MemoryStore(1)
    store.see("a", NOW, 4, "!robot")
    store.see("a", NOW, 2)
    await sealer(store).seal(NOW + DAY_S)
    assert store.totals() == {"!robot|a": 4, "view|a": 2}
    assert held(await view_of(store)) == {("view", "a"): 2}


async def test_sealer_numbers_more_names_than_a_chunk_holds() -> None:
    store = MemoryStore(1)
    seals, follower = sealer(store), await view_of(store)
    for step, names in enumerate((CHUNK_NAMES - 1, 2, 2 * CHUNK_NAMES + 5, 1, CHUNK_NAMES)):
        for number in range(names):
            store.see(f"{step}/{number}", NOW + 300 * step)
        seals = seals if step % 2 else sealer(store)
        assert await seals.seal(NOW + DAY_S) == Sealed(1, 0)
        await follower.update(store, 0)
    assert held(follower) == held(await view_of(store))
    assert len(held(follower)) == 4 * CHUNK_NAMES + 7
    count, chunks = store._shard("s", 0).names[NOW // VOLUME_S]
    assert (count, len(chunks)) == (4 * CHUNK_NAMES + 7, 5)


async def test_sealer_keeps_names_of_two_volumes_apart() -> None:
    store = MemoryStore(1)
    edge = -(-NOW // VOLUME_S) * VOLUME_S
    store.see("before", edge - 300)
    store.see("after", edge)
    await sealer(store).seal(edge + DAY_S)
    assert held(await view_of(store)) == {("view", "before"): 1, ("view", "after"): 1}
    assert [store._shard("s", 0).names[edge // VOLUME_S + step][0] for step in (-1, 0)] == [1, 1]


async def test_sealer_seals_anew_when_the_store_was_lost() -> None:
    store = MemoryStore(1)
    seals = sealer(store)
    store.see("a", NOW)
    await seals.seal(NOW + DAY_S)
    store.lose_everything()
    store.see("b", NOW)
    assert await seals.seal(NOW + DAY_S) == Sealed(1, 0)
    assert held(await view_of(store)) == {("view", "b"): 1}


async def test_view_names_the_place_of_damaged_sealed_counts() -> None:
    store = MemoryStore(1)
    store.see("a", NOW)
    await sealer(store).seal(NOW + DAY_S)
    store._shard("s", 0).sealed[Bucket(300, NOW)] = b"9?", 1
    with pytest.raises(
        StoreRefusedError, match=rf"site s, shard 0, bucket of 300 s from {NOW}: sealed counts cannot be read"
    ):
        await view_of(store)


class Meddled:
    """A store that something happens to before every call, and whose replies may be lost."""

    def __init__(self, store: MemoryStore, before: Callable[[str], Any], lose: Callable[[], bool] = lambda: False):
        self._store = store
        self._before = before
        self._lose = lose
        self.counts = self.items = self.server = self

    @property
    def shards(self) -> int:
        return self._store.shards

    @property
    def edits(self) -> Any:
        return self._store.edits

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            await self._before(name)
            found = await getattr(self._store, name)(*arguments)
            if name == "seal" and self._lose():
                raise StoreUnavailableError("the reply was lost")
            return found

        return call


@pytest.mark.parametrize("call", ["read_counts", "read_names", "seal"])
async def test_sealer_leaves_a_bucket_when_an_event_comes_meanwhile(call: str) -> None:
    store = MemoryStore(1)
    store.see("a", NOW)

    async def meddle(name: str) -> None:
        if name == call:
            store.see("late", NOW)

    assert await sealer(Meddled(store, meddle)).seal(NOW + DAY_S) == Sealed(0, 1)
    assert set(store.totals()) == {"view|a", "view|late"}
    assert await sealer(store).seal(NOW + DAY_S) == Sealed(1, 0)


async def test_sealer_leaves_a_span_when_an_event_comes_in_a_finer_bucket() -> None:
    store = MemoryStore(1)
    store.see("a", NOW)

    async def meddle(name: str) -> None:
        if name == "seal":
            store.see("late", NOW + 3000)

    assert await sealer(Meddled(store, meddle)).seal(NOW + 9 * DAY_S) == Sealed(0, 1)
    assert await sealer(store).seal(NOW + 9 * DAY_S) == Sealed(1, 0)
    assert await widths(store) == {3600: {NOW}}


async def test_sealer_tries_again_when_another_has_added_names() -> None:
    store = MemoryStore(1)
    store.see("a", NOW)
    store.see("b", NOW + 600)
    rival = RetentionSettings.model_validate({"keep": "100d", "seal_after": "0s"})
    meddled = []

    async def meddle(name: str) -> None:
        if name == "seal" and not meddled:
            meddled.append(name)
            store.see("c", NOW - 7200)
            await sealer(store, rival).seal(NOW)

    await sealer(Meddled(store, meddle)).seal(NOW + 600 + 300 + 1800)
    assert held(await view_of(store)) == {("view", "a"): 1, ("view", "b"): 1, ("view", "c"): 1}
    assert set(store.totals()) == {"view|a", "view|b", "view|c"}
    assert await sealer(store).seal(NOW + 600 + 300 + 1800) == Sealed(0, 0)


async def test_sealer_numbers_names_anew_when_the_store_has_gone_back() -> None:
    store = MemoryStore(1)
    stands, at = sealer(store), NOW + 300 + 1800
    go_back = store.backup()
    store.see("lost", NOW)
    await stands.seal(at)
    go_back()
    store.see("other", NOW)
    await sealer(store).seal(at)  # of another process: as many names again
    store.see("lost", NOW + 300)
    for _ in range(5):
        store.see("other", NOW + 300)
    await stands.seal(at + 300)
    assert held(await view_of(store)) == {("view", "other"): 6, ("view", "lost"): 1}


async def test_sealer_survives_a_lost_reply_of_a_swap() -> None:
    store = MemoryStore(1)
    store.see("a", NOW)
    store.see("b", NOW + 300)
    replies = [True]
    seals = sealer(Meddled(store, lambda _: asyncio.sleep(0), lambda: bool(replies and replies.pop())))
    with pytest.raises(StoreUnavailableError):
        await seals.seal(NOW + DAY_S)
    assert await seals.seal(NOW + DAY_S) == Sealed(1, 0)
    assert held(await view_of(store)) == {("view", "a"): 1, ("view", "b"): 1}


# Whatever happens at the same time

AGES_S = st.sampled_from([0, 1, 2, 11, 12, 13, 100, 2000, 2304, 8640, 8641, 12_000]).map(lambda n: 300 * n)
SEE = st.tuples(
    st.just("see"),
    st.sampled_from(["a", "b", "c"]),
    AGES_S,
    st.integers(1, 5),
    st.sampled_from(["view", "click", "!robot"]),
    st.sampled_from([300, 300, 300, 60, 3600]),
)
STEPS = st.lists(
    SEE | st.tuples(st.sampled_from(["seal", "rival", "update", "start"])) | st.tuples(st.just("wait"), AGES_S),
    max_size=25,
)
BETWEEN = st.lists(SEE | st.tuples(st.just("rival")) | st.none(), max_size=40)


class World:
    """A store, those who use it, and a plain dict of what was counted."""

    def __init__(self, between: list[Any], shards: int) -> None:
        self.now = NOW
        self.truth: Counter[tuple[str, str]] = Counter()
        self.store = MemoryStore(shards)
        self._between = list(between)
        self._busy = False
        meddled = Meddled(self.store, self._meddle)
        self.meddled = meddled
        self.sealer, self.rival = sealer(meddled), sealer(self.store)
        self.views = [SiteView("s")]

    async def _meddle(self, _: str) -> None:
        step = self._between.pop() if self._between else None
        if step is not None and not self._busy:
            self._busy = True
            await self.take(step)
            self._busy = False

    def see(self, item: str, age_s: int, n: int, channel: str, width_s: int) -> None:
        self.store.see(item, self.now - age_s, n, channel, width_s)
        self.truth[channel, item] += n

    def counted(self) -> Cells:
        return {cell: n for cell, n in self.truth.items() if not cell[0].startswith("!")}

    async def follow(self, view: SiteView) -> None:
        """Update a view; it has all that was counted before, and nothing that was never counted."""
        before = self.counted()
        await view.update(self.meddled, 0)
        after, found = self.counted(), held(view)
        assert all(found.get(cell, 0) >= n for cell, n in before.items())
        assert all(n <= after.get(cell, 0) for cell, n in found.items())

    async def take(self, step: Any) -> None:
        match step:
            case "see", item, age_s, n, channel, width_s:
                self.see(item, age_s, n, channel, width_s)
            case ("seal",):
                await self.sealer.seal(self.now)
            case ("rival",):
                await self.rival.seal(self.now)
            case "wait", seconds:
                self.now += seconds
            case ("start",):
                self.views.append(SiteView("s"))
            case ("update",):
                for view in self.views:
                    await self.follow(view)


@settings(deadline=None, max_examples=300)
@given(STEPS, BETWEEN, st.sampled_from([1, 2]))
@example([("see", "a", 2_400_000, 1, "view", 300), ("update",), ("rival",), ("update",)], [], 1)
async def test_sealer_and_views_count_what_was_recorded_in_any_interleaving(
    steps: list[Any], between: list[Any], shards: int
) -> None:
    with patch("ranking.refreshing.site_view.READ_AT_ONCE", 1):  # anything may happen between any two buckets
        await live_through(World(between, shards), steps)


async def live_through(world: World, steps: list[Any]) -> None:
    for step in steps:
        await world.take(step)
        assert world.store.totals() == {f"{channel}|{item}": n for (channel, item), n in world.truth.items()}
    world.views.append(SiteView("s"))
    await world.take(("update",))
    for each in world.views:
        await each.update(world.store, 0)
        assert held(each) == world.counted()
    assert len({str(sorted(by_bucket(each).items())) for each in world.views}) == 1


async def test_sealer_runs_beside_batches_without_losing_a_count() -> None:
    store = MemoryStore(1)
    bucket = Bucket(300, NOW)
    for number in range(1, 6):
        await store.counts.record(Batch("s", 0, "w", number, {bucket: {"view|a": 1}}), RETENTION.keep_s)
        await sealer(store).seal(NOW + DAY_S)
        await store.counts.record(Batch("s", 0, "w", number, {bucket: {"view|a": 1}}), RETENTION.keep_s)
    assert held(await view_of(store)) == {("view", "a"): 5}
