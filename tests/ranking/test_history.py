"""The columns hold exactly the counts of the blocks, and how they came to be does not show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.buckets import Bucket
from ranking.history import History, field, history_of

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


@settings(deadline=None)
@given(BLOCKS, st.randoms(use_true_random=False))
def test_the_columns_hold_the_counts_of_all_blocks_in_whatever_order_they_came(
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
    assert sorted(zip(columns.start_s, columns.width_s, strict=True)) == list(
        zip(columns.start_s, columns.width_s, strict=True)
    )


def test_an_empty_history_has_columns_of_no_rows() -> None:
    columns = History().columns()
    assert [len(column) for column in columns] == [0] * 8
    assert History().first_event().tolist() == []


def test_replacing_a_bucket_replaces_what_it_held() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 3, "view|b": 4}})
    assert sum(held(history).values()) == 7
    replace(history, Bucket(300, 0), 0, {("view", "a"): 5})
    assert held(history) == {(Bucket(300, 0), "view", "a"): 5}


def test_another_shard_or_another_width_is_another_block() -> None:
    history = History()
    replace(history, Bucket(300, 0), 0, {("view", "a"): 1})
    replace(history, Bucket(300, 0), 1, {("view", "a"): 2})
    replace(history, Bucket(60, 0), 0, {("view", "a"): 4})
    assert held(history) == {(Bucket(300, 0), "view", "a"): 3, (Bucket(60, 0), "view", "a"): 4}
    assert history.columns().width_s.tolist() == [60, 300]


def test_a_bucket_without_fields_is_gone_and_one_that_never_was_is_no_error() -> None:
    history = history_of({Bucket(300, 0): {"view|a": 3}})
    history.replace(Bucket(300, 0), 0, [], [])
    history.replace(Bucket(300, 300), 0, [], [])
    assert held(history) == {}
    assert history.items == ["a"]


def test_buckets_that_ended_are_forgotten_and_the_one_that_holds_the_moment_is_kept() -> None:
    history = history_of({Bucket(300, start): {"view|a": 1} for start in (0, 300, 600)})
    history.forget_before(299)
    assert len(held(history)) == 3
    before = history.columns()
    history.forget_before(250)
    assert history.columns() is before, "nothing went, nothing is joined again"
    history.forget_before(600)
    assert history.columns().start_s.tolist() == [600]


@pytest.mark.parametrize("item", [*ITEMS, "a|b|c", "|x", "x|", "\x00", "view|a", "a" * 512])
def test_an_item_is_known_by_its_whole_id_whatever_is_in_it(item: str) -> None:
    history = history_of({Bucket(300, 0): {field("click@list:populer#3", item): 2}})
    assert history.items == [item]
    assert history.channels == ["click@list:populer#3"]
    assert history.known_row(item) == 0
    assert history.known_row(item + "x") is None


def test_a_row_is_given_out_once_and_stays() -> None:
    history = History()
    assert [history.item_row(name) for name in ("a", "b", "a")] == [0, 1, 0]
    replace(history, Bucket(300, 0), 0, {("view", "c"): 1, ("view", "b"): 1})
    assert [history.known_row(name) for name in "abc"] == [0, 1, 2]


def test_the_first_event_is_the_start_of_the_earliest_bucket_and_never_where_there_is_none() -> None:
    history = History()
    history.item_row("unread")
    replace(history, Bucket(300, 900), 0, {("view", "a"): 1})
    replace(history, Bucket(300, 600), 1, {("click", "a"): 1, ("view", "b"): 1})
    assert dict(zip(history.items, history.first_event().tolist(), strict=True)) == {
        "unread": np.inf, "a": 600, "b": 600,
    }  # fmt: skip
    history.forget_before(900)
    assert history.first_event().tolist() == [np.inf, 900, np.inf]
