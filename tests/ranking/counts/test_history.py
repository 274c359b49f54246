"""The columns hold exactly the counts of the blocks, and how they came to be does not show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import history_of

from ranking.counts.buckets import Bucket
from ranking.counts.columns import Columns
from ranking.counts.fields import field
from ranking.counts.history import History

CHANNELS = ["view", "click", "click@list:populer#3"]
ITEMS = ["a", "b|c", "|", "dua kata", "berita 🔥", "é"]  # the last: a letter and a combining accent
BUCKETS = st.builds(Bucket, st.sampled_from([60, 300]), st.integers(0, 20).map(lambda n: 300 * n))
CELLS = st.dictionaries(st.tuples(st.sampled_from(CHANNELS), st.sampled_from(ITEMS)), st.integers(1, 10**6), max_size=6)
BLOCKS = st.dictionaries(st.tuples(BUCKETS, st.integers(0, 2)), CELLS, max_size=8)

Cells = dict[tuple[str, str], int]


def replace(history: History, bucket: Bucket, shard: int, cells: Cells) -> None:
    history.replace(bucket, shard, [field(*cell).encode() for cell in cells], cells.values())


def held(history: History) -> dict[tuple[Bucket, str, str], float]:
    """What the columns say: (bucket, channel, item) -> events."""
    columns = history.columns()
    found: dict[tuple[Bucket, str, str], float] = {}
    for item, channel, bucket, count in zip(
        columns.cell_item[columns.cell],
        columns.cell_channel[columns.cell],
        columns.bucket,
        columns.counts.tolist(),
        strict=True,
    ):
        key = (
            Bucket(int(columns.width_s[bucket]), int(columns.start_s[bucket])),
            history.channels[channel],
            history.items[item],
        )
        found[key] = found.get(key, 0) + count
    return found


def summed(history: History) -> dict[tuple[str, str], float]:
    """A sum per cell that shows in its last bits in which order it was made."""
    columns = history.columns()
    weights = np.exp2(-columns.start_s / 1237) * np.pi
    sums = np.bincount(columns.cell, weights=columns.counts * weights[columns.bucket])
    return {
        (history.channels[columns.cell_channel[cell]], history.items[columns.cell_item[cell]]): total
        for cell, total in enumerate(sums.tolist())
        if total
    }


@settings(deadline=None)
@given(BLOCKS, st.randoms(use_true_random=False))
def test_history_columns_hold_all_counts_in_any_order_of_arrival(
    blocks: dict[tuple[Bucket, int], Cells], random: object
) -> None:
    expected: dict[tuple[Bucket, str, str], int] = {}
    for (bucket, _), cells in blocks.items():
        for (channel, item), count in cells.items():
            key = bucket, channel, item
            expected[key] = expected.get(key, 0) + count
    arrival = list(blocks.items())
    random.shuffle(arrival)  # type: ignore[attr-defined]
    history = History()
    for (bucket, shard), cells in arrival:
        replace(history, bucket, shard, cells)
    assert held(history) == expected
    columns = history.columns()
    assert columns.bucket.tolist() == sorted(columns.bucket.tolist())
    places = list(zip(columns.start_s + columns.width_s, columns.width_s, strict=True))
    assert places == sorted(places)


def test_history_columns_are_empty_without_counts() -> None:
    columns = History().columns()
    assert [len(column) for column in columns] == [0] * 8
    assert History().first_event().tolist() == []


def test_history_replaces_what_a_bucket_held() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 3, "view|b": 4}})
    assert sum(held(history).values()) == 7
    replace(history, Bucket(300, 0), 0, {("view", "a"): 5})
    assert held(history) == {(Bucket(300, 0), "view", "a"): 5}


def test_history_keeps_shards_and_widths_apart() -> None:
    history = History()
    replace(history, Bucket(300, 0), 0, {("view", "a"): 1})
    replace(history, Bucket(300, 0), 1, {("view", "a"): 2})
    replace(history, Bucket(60, 0), 0, {("view", "a"): 4})
    assert held(history) == {(Bucket(300, 0), "view", "a"): 3, (Bucket(60, 0), "view", "a"): 4}
    assert history.columns().width_s.tolist() == [60, 300]


def test_history_drops_a_bucket_without_fields_even_if_it_never_was() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 3}})
    history.replace(Bucket(300, 0), 0, [], [])
    history.replace(Bucket(300, 300), 0, [], [])
    assert held(history) == {}
    assert history.items == ["a"]


def test_history_forgets_buckets_that_ended_before_the_moment() -> None:
    history = history_of({Bucket(300, start): {"view|a": 1} for start in (0, 300, 600)})
    history.forget_before(299)
    assert len(held(history)) == 3
    before = history.columns()
    history.forget_before(250)
    assert history.columns() is before, "nothing went, nothing is joined again"
    history.forget_before(600)
    assert history.columns().start_s.tolist() == [600]


@pytest.mark.parametrize("item", [*ITEMS, "a|b|c", "|x", "x|", "\x00", "view|a", "a" * 512])
def test_history_knows_an_item_by_its_whole_id(item: str) -> None:
    history = history_of({Bucket(300, 0): {field("click@list:populer#3", item): 2}})
    assert history.items == [item]
    assert history.channels == ["click@list:populer#3"]
    assert history.known_row(item) == 0
    assert history.known_row(item + "x") is None


def test_history_gives_a_row_out_once() -> None:
    history = History()
    assert [history.item_row(name) for name in ("a", "b", "a")] == [0, 1, 0]
    replace(history, Bucket(300, 0), 0, {("view", "c"): 1, ("view", "b"): 1})
    assert [history.known_row(name) for name in "abc"] == [0, 1, 2]


def test_history_first_event_is_the_start_of_the_earliest_bucket() -> None:
    history = History()
    history.item_row("unread")
    replace(history, Bucket(300, 900), 0, {("view", "a"): 1})
    replace(history, Bucket(300, 600), 1, {("click", "a"): 1, ("view", "b"): 1})
    assert dict(zip(history.items, history.first_event().tolist(), strict=True)) == {
        "unread": np.inf, "a": 600, "b": 600,
    }  # fmt: skip
    history.forget_before(900)
    assert history.first_event().tolist() == [np.inf, 900, np.inf]


# Closed and open


HOURS = st.integers(0, 12).map(lambda n: 3600 * n)
TIERED = st.builds(Bucket, st.sampled_from([300, 3600]), HOURS) | st.builds(
    Bucket, st.just(300), st.integers(0, 40).map(lambda n: 300 * n)
)
CHANGES = st.lists(st.tuples(TIERED, st.integers(0, 1), CELLS), max_size=12)


def counted(columns: Columns, history: History) -> dict[tuple[Bucket, str, str], float]:
    found: dict[tuple[Bucket, str, str], float] = {}
    for cell, bucket, count in zip(columns.cell, columns.bucket, columns.counts.tolist(), strict=True):
        when = Bucket(int(columns.width_s[bucket]), int(columns.start_s[bucket]))
        key = when, history.channels[columns.cell_channel[cell]], history.items[columns.cell_item[cell]]
        found[key] = found.get(key, 0) + count
    return found


@settings(deadline=None)
@given(CHANGES)
def test_history_parts_closed_and_open_counts_by_the_counts_alone(
    changes: list[tuple[Bucket, int, Cells]],
) -> None:
    followed = History()
    for bucket, shard, cells in changes:
        replace(followed, bucket, shard, cells)
        followed.columns()
    late = History()
    for (bucket, shard), cells in reversed({(bucket, shard): cells for bucket, shard, cells in changes}.items()):
        replace(late, bucket, shard, cells)
    assert followed.closed_until == late.closed_until
    for history in (followed, late):
        closed, recent = counted(history.closed(), history), counted(open_columns(history), history)
        assert all(bucket.end_s <= history.closed_until for bucket, _, _ in closed)
        assert all(bucket.end_s > history.closed_until for bucket, _, _ in recent)
        assert {**closed, **recent} == held(history)
    assert counted(followed.closed(), followed) == counted(late.closed(), late)
    assert summed(followed) == summed(late)


HOUR = 3600


def open_columns(history: History) -> Columns:
    """The counts of the last hours, which are behind the closed ones."""
    recent = history.after(history.closed_until)
    return history.columns()._replace(**recent._asdict())


def seen_at(*hours: float) -> History:
    return history_of({Bucket(300, int(hour * HOUR)): {"view|a": 1} for hour in hours})


def test_history_closes_all_but_the_last_hours_by_the_hour() -> None:
    history = seen_at(0, 1, 2, 3, 4)
    assert history.closed_until == 2 * HOUR
    assert history.closed().start_s.tolist() == [0, HOUR]
    assert open_columns(history).start_s.tolist() == [2 * HOUR, 3 * HOUR, 4 * HOUR]
    replace(history, Bucket(300, 5 * HOUR - 300), 0, {("view", "b"): 1})
    assert history.closed_until == 3 * HOUR


def test_history_closed_is_the_same_object_while_only_the_last_hours_change() -> None:
    history = seen_at(0, 1, 5)
    closed = history.closed()
    for count in range(1, 4):
        replace(history, Bucket(300, 5 * HOUR), 0, {("view", "new"): count, ("click", f"b{count}"): 1})
        assert history.closed() is closed
        assert held(history)[Bucket(300, 5 * HOUR), "view", "new"] == count
    assert closed.counts.tolist() == [1, 1]
    replace(history, Bucket(300, HOUR), 0, {("view", "a"): 7})
    assert history.closed() is not closed
    assert history.closed().counts.tolist() == [1, 7]


def test_history_takes_more_open_counts_than_there_was_room_for() -> None:
    history = seen_at(0, 5)
    closed = history.closed()
    many = {("view", f"item {n}"): n + 1 for n in range(200_000)}
    replace(history, Bucket(300, 5 * HOUR), 0, many)
    assert sum(held(history).values()) == 1 + sum(many.values())
    assert closed.counts.tolist() == [1]


def test_history_is_closed_until_never_when_it_is_empty() -> None:
    history = seen_at(0, 5)
    history.drop(0, list(history.buckets(0)))
    for each in (History(), history):
        assert each.closed_until == -np.inf
        assert not len(each.closed().counts)
        assert not len(open_columns(each).counts)
        assert each.start() == np.inf


def test_history_columns_begin_with_the_closed_ones() -> None:
    history = seen_at(0, 1, 4, 5)
    columns, closed = history.columns(), history.closed()
    assert columns.start_s.tolist() == [*closed.start_s, *open_columns(history).start_s]
    assert columns.cell[: len(closed.cell)].tolist() == closed.cell.tolist()


# Parts and shadows


def test_history_adds_a_count_in_parts_up() -> None:
    whole, parted = History(), History()
    replace(whole, Bucket(300, 0), 0, {("view", "a"): 3, ("view", "b"): 10, ("click", "a"): 1})
    parts = [
        *parted.parts_of([b"view|a", b"view|b"], [1, 4]),
        *parted.parts_of([b"view|b", b"click|a", b"view|a"], [6, 1, 2]),
    ]
    parted.replace_parts(Bucket(300, 0), 0, parts)
    assert held(parted) == held(whole)
    assert len(parted.columns().counts) == 3


def test_history_has_no_shadows() -> None:
    history = history_of({Bucket(300, 0): {"!robot|a": 5, "!robot|only a robot's": 1, "view|a": 2}})
    assert held(history) == {(Bucket(300, 0), "view", "a"): 2}
    assert history.items == ["a"]
    assert history.channels == ["view"]
    replace(history, Bucket(300, 300), 0, {("!duplicate", "a"): 1})
    assert list(history.buckets(0)) == [Bucket(300, 0)]
