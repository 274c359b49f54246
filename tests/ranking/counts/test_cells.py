"""Every pair of a row and a channel has one number, however often, in whatever company and order it is asked for."""

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.counts.cells import FIRST_BITS, Cells, grown

ASKED = st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 10**6) | st.integers(0, 40), max_size=40)))


def ask(cells: Cells, channel: int, rows: list[int]) -> list[int]:
    return cells.numbers(np.array(rows, dtype=np.int32), channel).tolist()


@settings(deadline=None)
@given(ASKED, st.sampled_from([5, 4096]))
def test_cells_number_a_pair_once_and_no_other_alike(asked: list[tuple[int, list[int]]], common: int) -> None:
    cells = Cells()
    expected: dict[tuple[int, int], int] = {}
    with patch("ranking.counts.cells.COMMON_CELLS", common):  # few are enough to have an array
        for channel, rows in [*asked, *asked]:
            for row, cell in zip(rows, ask(cells, channel, rows), strict=True):
                assert expected.setdefault((row, channel), cell) == cell
    assert sorted(expected.values()) == list(range(len(cells)))
    for (row, channel), cell in expected.items():
        assert (cells.item[cell], cells.channel[cell]) == (row, channel)


def test_cells_know_every_pair_after_growing_many_times() -> None:
    cells = Cells()
    many = 40 << FIRST_BITS
    asked = [list(range(0, many, step)) for step in (1, 2, 3, 20, 30)]  # some in common channels, some in rare ones
    first = [ask(cells, channel, rows) for channel, rows in enumerate(asked)]
    assert [ask(cells, channel, rows) for channel, rows in enumerate(asked)] == first
    assert len(cells) == sum(map(len, first))


def test_cells_leave_given_columns_unchanged_when_more_come() -> None:
    cells = Cells()
    ask(cells, 0, [7, 8])
    item, channel = cells.item, cells.channel
    ask(cells, 1, list(range(5 << FIRST_BITS)))
    assert (item.tolist(), channel.tolist()) == ([7, 8], [0, 0])


def test_grown_begins_with_the_shorter_array() -> None:
    short = np.arange(3)
    assert grown(short, 3) is short
    assert grown(short, 100)[:3].tolist() == [0, 1, 2]
    assert len(grown(short, 100)) >= 100
