"""What editors say, at a moment: pins have their place, what is over is over, and a boost moves nobody else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.errors import InvalidEditError
from ranking.published.edits import Block, Boost, Edit, Edits, Pin, Subject, check_edit, with_boosts, with_pins

NOW = 1_764_532_140.0
PINS = st.lists(st.tuples(st.integers(1, 12), st.integers(100, 120)), max_size=6, unique_by=lambda pin: pin[1])


def pin(item: str, position: int, *, section: str = "", **when: float) -> tuple[Subject, Edit]:
    return Subject("pin", "populer", section, item), Pin(position, **when)


def edits(*given: tuple[Subject, Edit]) -> Edits:
    return Edits(1, dict(given))


@given(st.integers(0, 15), PINS, st.integers(1, 20))
def test_with_pins_fills_every_place_while_there_is_something_to_show(ranked: int, pins: Any, limit: int) -> None:
    found = with_pins(range(ranked), pins, limit)
    assert len(found) == min(limit, ranked + len(pins))
    assert len(set(found)) == len(found)


@given(st.integers(0, 15), PINS, st.integers(1, 20))
def test_with_pins_keeps_the_order_of_unpinned_rows(ranked: int, pins: Any, limit: int) -> None:
    rest = [each for each in with_pins(range(ranked), pins, limit) if each < 100]
    assert rest == list(range(len(rest)))


@given(PINS, st.integers(1, 20))
def test_with_pins_gives_the_latest_pin_exactly_its_place(pins: list[tuple[int, int]], limit: int) -> None:
    found = with_pins(range(20), pins, limit)
    latest = dict(reversed(pins))
    for position, item in latest.items():
        if position <= limit:
            assert found[position - 1] == item


@given(st.integers(0, 15), PINS, st.integers(1, 20))
def test_with_pins_gives_a_shorter_list_as_the_beginning_of_a_longer_one(ranked: int, pins: Any, limit: int) -> None:
    assert with_pins(range(ranked), pins, limit) == with_pins(range(ranked), pins, 40)[:limit]


@given(
    st.lists(st.floats(0.1, 100), max_size=12).map(lambda scores: sorted(scores, reverse=True)),
    st.dictionaries(st.integers(0, 11), st.floats(0.1, 10), max_size=3),
)
def test_with_boosts_keeps_a_list_in_the_order_of_its_scores(scores: list[float], factors: dict[int, float]) -> None:
    found = with_boosts(scores, factors)
    assert sorted(place for place, _ in found) == list(range(len(scores)))
    shown = [score for _, score in found if score is not None]
    assert shown == sorted(shown, reverse=True)
    rest = [place for place, _ in found if place not in factors]
    assert rest == sorted(rest)


def test_with_boosts_keeps_the_order_of_unboosted_rows() -> None:
    assert [place for place, _ in with_boosts([5.0, 9.0, 1.0, 4.0], {2: 4.5})] == [0, 1, 2, 3]
    assert [place for place, _ in with_boosts([5.0, 9.0, 1.0, 4.0], {2: 6.0})] == [2, 0, 1, 3]


def test_with_boosts_leaves_places_without_a_score() -> None:
    assert with_boosts([None, None], {1: 5.0}) == [(0, None), (1, None)]


def test_edits_hold_until_their_end_and_not_at_it() -> None:
    given = edits(
        pin("a", 1, until=NOW + 10),
        (Subject("block", "", "", "b"), Block(until=NOW + 20)),
        (Subject("boost", "populer", "", "c"), Boost(2.0)),
    )
    first = given.in_force(NOW)
    assert first.until == NOW + 10
    assert first.pins == {("populer", ""): [(1, "a")]}
    assert first.blocked == {"b"}
    second = given.in_force(first.until)
    assert second.until == NOW + 20
    assert not second.pins
    assert second.blocked == {"b"}
    last = given.in_force(second.until)
    assert last.until == float("inf")
    assert not last.blocked
    assert last.boosts == {"populer": {"c": 2.0}}
    assert [subject.item for subject in given.over(NOW + 20)] == ["a", "b"]


def test_edits_put_the_latest_pin_first_and_break_ties_by_id() -> None:
    given = edits(pin("b", 1, set_at=5), pin("new", 1, set_at=9), pin("a", 1, set_at=5), pin("s", 2, section="Ekonomi"))
    assert given.in_force(NOW).pins == {
        ("populer", ""): [(1, "new"), (1, "a"), (1, "b")],
        ("populer", "Ekonomi"): [(2, "s")],
    }


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (Pin(0), "position"),
        (Pin(-1), "position"),
        (Pin(1001), "position"),
        (Pin(1, until=NOW), "until"),
        (Pin(1, until=NOW - 1), "until"),
        (Boost(0.09), "factor"),
        (Boost(10.1), "factor"),
        (Boost(-1.0), "factor"),
        (Boost(float("nan")), "factor"),
        (Block("x" * 501), "reason"),
        (Block(until=0.0), "until"),
    ],
)
def test_check_edit_names_the_field_of_an_impossible_edit(edit: Edit, field: str) -> None:
    with pytest.raises(InvalidEditError, match=f"^{field}: "):
        check_edit(edit, NOW)


@pytest.mark.parametrize("edit", [Pin(1), Pin(1000, until=NOW + 1), Boost(0.1), Boost(10), Block(), Block("x" * 500)])
def test_check_edit_passes_a_possible_edit(edit: Edit) -> None:
    check_edit(edit, NOW)
