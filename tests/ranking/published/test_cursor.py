"""Walking through an order: every item once and in order, however many a page has and whatever is left out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.errors import InvalidCursorError
from ranking.published.cursor import CACHED_S, CURSOR, Cursor, cursor_from, epoch_of, kept_for_s, part_after, rest_of
from ranking.published.orders import OrderPacker, ids_of, needed_for, order_name

NAME = "00c0ffee00c0ffee"
SPANS = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), max_size=4).map(tuple)
CURSORS = st.builds(
    Cursor,
    generation=st.integers(0, 10**12),
    at=st.integers(0, 10**14).map(lambda ms: ms / 1000),
    order=st.just(NAME),
    shown=st.integers(0, 9999),
    reached=st.integers(0, 9999),
    ahead=SPANS,
)
IDS = st.lists(st.text(min_size=1, max_size=12), max_size=12, unique=True)


@given(CURSORS)
def test_cursor_reads_as_it_was_written(cursor: Cursor) -> None:
    assert cursor_from(cursor.text()) == cursor


@given(st.text() | st.from_regex(r"[0-9.a-f-]{0,40}") | st.from_regex(CURSOR))
def test_cursor_from_refuses_anything_else(text: str) -> None:
    try:
        found = cursor_from(text)
    except InvalidCursorError as error:
        assert str(error).startswith("cursor: ")
    else:
        assert cursor_from(found.text()) == found


@given(
    st.integers(0, 60),
    st.sets(st.integers(0, 59), max_size=8),
    st.lists(st.tuples(st.integers(1, 12), st.sets(st.integers(0, 59), max_size=3)), min_size=60, max_size=60),
)
def test_walk_shows_every_place_once_and_in_order(
    length: int, first: set[int], pages: Sequence[tuple[int, set[int]]]
) -> None:
    """`first` are the places that the first page shows; each further page has a limit, and more is left out."""
    first = {place for place in first if place < length}
    part = rest_of([False] * length, first, sorted(first))
    seen, gone, late = list(part.places), set[int](), set[int]()
    for limit, left_out in pages:
        if part.reached is None:
            break
        gone |= left_out
        late |= left_out - set(seen)
        cursor = Cursor(1, 0.0, NAME, len(seen), part.reached, part.ahead)
        part = part_after(cursor, [place in gone for place in range(length)], limit)
        assert len(part.places) == limit or part.reached is None
        seen += part.places
    assert part.reached is None
    assert len(seen) == len(set(seen))
    assert set(range(length)) - late <= set(seen) <= set(range(length))
    assert seen[len(first) :] == sorted(seen[len(first) :])


def test_walk_ends_with_pages_of_another_length() -> None:
    cursor = Cursor(1, 0.0, NAME, 5, 9000, ((9001, 9005),))
    part = part_after(cursor, [False] * 3, 7)
    assert (list(part.places), part.reached) == ([], None)


def test_cursor_writes_places_ahead_as_spans() -> None:
    assert rest_of([False] * 12, {0, 1, 3, 4, 5, 9}, ()).ahead == ((3, 5), (9, 9))
    assert rest_of([False, True, False], {0}, ()) == ((), 2, ())
    assert rest_of([False, True, False], {0, 2}, ()).reached is None


def test_order_name_follows_from_the_content() -> None:
    names = {
        order_name(*of)
        for of in [
            ("populer", "", ["a", "b"]),
            ("populer", "", ["b", "a"]),
            ("populer", "", ["ab"]),
            ("populer", "Ekonomi", ["a", "b"]),
            ("update", "", ["a", "b"]),
            ("populer", "", []),
        ]
    }
    assert len(names) == 6
    assert order_name("populer", "", ["a", "b"]) in names


def unpacked(kept: dict[str, bytes], name: str) -> list[str]:
    chain = [kept[name]]
    while (needed := needed_for(chain[-1])) is not None:
        chain.append(kept[needed])
    return ids_of(chain)


@given(st.lists(st.dictionaries(st.sampled_from(["", "Ekonomi", "Olahraga"]), IDS), max_size=8))
def test_order_can_be_read_from_what_is_kept_with_it(published: list[dict[str, list[str]]]) -> None:
    packer = OrderPacker("populer")
    for sections in published:
        kept = packer.packed(sections)
        for section, ids in sections.items():
            assert unpacked(kept, order_name("populer", section, ids)) == ids


@given(st.lists(st.permutations([f"berita-{n}" for n in range(40)]), max_size=6), st.data())
def test_order_can_be_read_as_long_as_what_came_with_it_is_kept(
    published: list[list[str]], data: st.DataObject
) -> None:
    """Nothing that is packed later takes away what an earlier one needs, also where an order comes again."""
    packer, store = OrderPacker("populer"), dict[str, bytes]()
    for ids in [*published, *(data.draw(st.sampled_from(published)) for _ in published)]:
        store |= packer.packed({"": ids})
        assert all(unpacked(store, order_name("populer", "", each)) == each for each in published[:1])
        assert unpacked(store, order_name("populer", "", ids)) == ids


def test_order_packer_takes_a_fraction_for_an_order_that_hardly_moved() -> None:
    packer = OrderPacker("populer")
    ids = [f"nasional-{n * 7919 % 100_000}" for n in range(200)]
    (whole,) = packer.packed({"": ids}).values()
    ids[3], ids[4], ids[150] = ids[4], ids[3], "nasional-new"
    kept = packer.packed({"": ids})
    assert len(kept) == 2
    assert len(kept[order_name("populer", "", ids)]) < len(whole) / 5


def test_order_packer_does_not_pack_an_unmoved_order_again() -> None:
    packer = OrderPacker("populer")
    assert packer.packed({"": ["a", "b"]}) == packer.packed({"": ["a", "b"]})


@pytest.mark.parametrize("paging_s", [10.0, 600.0, 86400.0])
def test_kept_for_covers_the_cursor_of_a_page_that_a_cache_confirmed(paging_s: float) -> None:
    """A page's tag changes with the epoch, so its cursor is younger than an epoch when the walk begins."""
    first_page, last_time_it_is_right = 0.0, paging_s / 2 - 0.001
    assert epoch_of(first_page, paging_s) == epoch_of(last_time_it_is_right, paging_s)
    assert epoch_of(first_page, paging_s) != epoch_of(paging_s / 2, paging_s)
    assert kept_for_s(paging_s) >= last_time_it_is_right + CACHED_S + paging_s


def test_kept_for_is_nothing_without_paging() -> None:
    assert kept_for_s(0.0) == 0.0
