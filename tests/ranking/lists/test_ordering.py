"""The best are the first of a full sort, cheaper; ties have one order and it does not depend on arrival."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.lists.ordering import best, best_by_section, by_section

#: Few different values: nearly every draw has crowds of ties in score, and in publication among those.
TABLES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([1e9, 1.5e9, np.inf])), min_size=1, max_size=60
)


@settings(deadline=None)
@given(TABLES, st.data())
def test_best_equals_the_first_of_a_full_sort(table: list[tuple[float, float]], data: st.DataObject) -> None:
    score, published = (np.array(column) for column in zip(*table, strict=True))
    names = data.draw(st.permutations([f"item-{number:02}" for number in range(len(table))]))
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(table) - 1)))), dtype=np.int64)
    limit = data.draw(st.integers(1, len(table) + 2))
    wanted = sorted(rows.tolist(), key=lambda row: (-score[row], -published[row], names[row]))[:limit]
    assert best(rows, score=score, published=published, names=names, limit=limit).tolist() == wanted


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4_000), st.integers(1, 70), st.sampled_from([1, 3, 10**9]))
def test_best_of_many_equals_the_first_of_a_full_sort(seed: int, count: int, limit: int, different: int) -> None:
    random = np.random.default_rng(seed)
    score = random.integers(0, different, count).astype(float)
    score = score[:: random.choice([-1, 1])] if seed % 2 else np.sort(score)[:: random.choice([-1, 1])]
    published = random.choice([1e9, 1.5e9, np.inf], count)
    names = [f"item-{number:04}" for number in random.permutation(count)]
    wanted = sorted(range(count), key=lambda row: (-score[row], -published[row], names[row]))[:limit]
    assert best(np.arange(count), score=score, published=published, names=names, limit=limit).tolist() == wanted


@settings(deadline=None)
@given(TABLES, st.data())
def test_best_by_section_equals_the_best_of_each(table: list[tuple[float, float]], data: st.DataObject) -> None:
    score, published = (np.array(column) for column in zip(*table, strict=True))
    names = data.draw(st.permutations([f"item-{number:02}" for number in range(len(table))]))
    section = np.array(
        data.draw(st.lists(st.integers(-1, 4), min_size=len(table), max_size=len(table))), dtype=np.int32
    )
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(table) - 1)))), dtype=np.int64)
    limit = data.draw(st.integers(1, 5))
    found = best_by_section(rows, section, score=score, published=published, names=names, limit=limit)
    wanted = {
        number: best(some, score=score, published=published, names=names, limit=limit).tolist()
        for number, some in by_section(rows, section).items()
    }
    assert {number: some.tolist() for number, some in found.items()} == wanted


@settings(deadline=None)
@given(TABLES, st.integers(1, 70), st.randoms(use_true_random=False))
def test_best_is_the_same_in_any_order_of_rows(table: list[tuple[float, float]], limit: int, random: Random) -> None:
    lists = []
    numbered = list(enumerate(table))
    for _ in range(2):
        random.shuffle(numbered)
        names = [f"item-{number}" for number, _ in numbered]
        score = np.array([each[0] for _, each in numbered])
        published = np.array([each[1] for _, each in numbered])
        found = best(np.arange(len(names)), score=score, published=published, names=names, limit=limit)
        lists.append([names[row] for row in found])
    assert lists[0] == lists[1]


def test_best_breaks_ties_by_newer_publication_and_then_by_id() -> None:
    names = ["d", "c", "b", "a"]
    score, published = np.array([1.0, 1.0, 1.0, 2.0]), np.array([5.0, 9.0, 5.0, 0.0])
    order = best(np.arange(4), score=score, published=published, names=names, limit=10)
    assert [names[row] for row in order] == ["a", "c", "b", "d"]


def test_best_of_nothing_is_nothing() -> None:
    nothing = np.array([], dtype=np.int64)
    assert best(nothing, score=np.array([1.0]), published=np.array([1.0]), names=["a"], limit=3).tolist() == []


@settings(deadline=None)
@given(st.lists(st.integers(-1, 5), max_size=40), st.data())
def test_by_section_parts_rows_and_keeps_their_order(section: list[int], data: st.DataObject) -> None:
    rows = data.draw(st.permutations([row for row in range(len(section)) if data.draw(st.booleans())]))
    parted = by_section(np.array(rows, dtype=np.int64), np.array(section, dtype=np.int32))
    assert {number: found.tolist() for number, found in parted.items()} == {
        number: [row for row in rows if section[row] == number]
        for number in range(6)
        if any(section[row] == number for row in rows)
    }


def test_by_section_omits_rows_without_a_section() -> None:
    assert by_section(np.array([0, 1]), np.array([-1, -1], dtype=np.int32)) == {}
    assert by_section(np.array([], dtype=np.int64), np.array([0], dtype=np.int32)) == {}
