"""Packed bodies are, to the last byte, the entries that the same ranking gives as objects."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranking.intake.items import Item
from ranking.lists.ranker import Ranking, entries
from ranking.published.bodies import Bodies, Described, RankedSection, UnchangedBodies
from ranking.published.snapshot import digest, encode_entries
from ranking.settings.lists import ListSettings

ROWS = 40
NAMES = [f"berita-{row}" for row in range(ROWS)]
texts = st.none() | st.text(max_size=40)
items = st.lists(
    st.builds(Item, id=st.just(""), title=texts, url=texts, section=texts, image=texts), min_size=ROWS, max_size=ROWS
)
scores = st.none() | st.lists(st.floats(), min_size=ROWS, max_size=ROWS)
dates = st.lists(st.floats(), min_size=ROWS, max_size=ROWS)
ranks = st.none() | st.dictionaries(st.integers(0, ROWS - 1), st.integers(1, 300))
orders = st.lists(st.integers(0, ROWS - 1), unique=True, max_size=ROWS)


def named(found: list[Item]) -> dict[str, Item]:
    return {
        name: Item(name, each.title, each.url, each.section, None, each.image)
        for name, each in zip(NAMES, found, strict=True)
    }


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items, scores, dates, ranks, st.lists(orders, min_size=1, max_size=3), st.integers(1, 20), st.data())
def test_a_body_is_that_of_the_same_entries(
    found: list[Item],
    score: list[float] | None,
    published: list[float],
    previous: dict[int, int] | None,
    sections: list[list[int]],
    size: int,
    data: st.DataObject,
) -> None:
    details, chosen = named(found), ListSettings(size=size)
    views, dates = np.arange(ROWS) * 1000.0 + 0.4, np.array(published)
    scored = None if score is None else np.array(score)
    times = None if scored is None or data.draw(st.booleans()) else scored[::-1]
    bodies = Bodies(NAMES, views, dates, details, Described())
    for rows in sections:
        filled = data.draw(st.integers(0, len(rows)))
        ranking = Ranking(np.array(rows, dtype=np.int64), scored, previous, filled, times)
        shown = entries(ranking, chosen, views, dates, {row: details[NAMES[row]] for row in rows})
        assert bodies.body(RankedSection(*ranking, size=size)) == encode_entries(shown)


def test_a_description_that_has_changed_is_packed_anew() -> None:
    described, none = Described(), np.zeros(1)
    rows = np.zeros(1, dtype=np.int64)
    for title in ("Judul", "Ralat", "Ralat"):
        item = Item(NAMES[0], title)
        described.begin()
        for date in (math.nan, 1e9):
            dates = np.array([date])
            body = Bodies(NAMES, none, dates, {NAMES[0]: item}, described).body(
                RankedSection(rows, none, None, 0, None, 7)
            )
            ranking = Ranking(rows, none, None)
            assert body == encode_entries(entries(ranking, ListSettings(), none, dates, {0: item}))


def test_long_and_empty_lists_are_packed() -> None:
    rows = np.zeros(70_000, dtype=np.int64)
    details, none = {NAMES[0]: Item(NAMES[0])}, np.zeros(1)
    bodies = Bodies(NAMES, none, none, details, Described())
    for length in (0, 1, 15, 16, 65_535, 65_536, 70_000):
        ranking = Ranking(rows[:length], none, {})
        expected = encode_entries(entries(ranking, ListSettings(), none, none, {0: details[NAMES[0]]}))
        assert bodies.body(RankedSection(*ranking, size=ListSettings().size)) == expected


def test_unchanged_bodies_pack_anew_what_has_changed_in_anything_and_nothing_else() -> None:
    unchanged, names = UnchangedBodies(), NAMES[:4]
    views, published, score, times = np.arange(4.0), np.arange(4.0), np.arange(4.0), np.arange(4.0)
    details = {name: Item(name, "Judul") for name in names}
    sections = {"a": ([0, 1], None), "b": ([2, 3], {2: 1})}

    def packed() -> dict[str, bytes]:
        bodies = Bodies(names, views, published, details, Described())
        given = {
            name: RankedSection(np.array(rows, dtype=np.int64), score, previous, 0, times, 5)
            for name, (rows, previous) in sections.items()
        }
        found = unchanged.packed(bodies, given)
        assert {name: each.body for name, each in found.items()} == {
            name: bodies.body(each) for name, each in given.items()
        }
        assert all(each.digest == digest(each.body) for each in found.values())
        return {name: each.body for name, each in found.items()}

    before = packed()
    assert all(packed()[name] is body for name, body in before.items())
    views = np.array([0.0, 9.0, 2.0, 3.0])
    assert [packed()[name] is body for name, body in before.items()] == [False, True]
    details = {**details, names[2]: Item(names[2], "Ralat")}
    after = packed()
    assert after["b"] != before["b"]
    published = published + 1
    assert packed()["a"] != after["a"]
    sections["b"] = ([3, 2], {2: 1})
    packed()
    sections["b"] = ([3, 2], {2: 2})
    packed()
    score = score + 1
    packed()
    names = [*NAMES[1:4], NAMES[0]]
    packed()
