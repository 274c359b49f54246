"""First pages, whatever is left out or laid over: what a plain computation gives, and a tag that names just that."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.serving.rendered_list import MAX_CACHED_ANSWERS, MAX_CACHED_PAGES, Overlay, Query, RenderedList
from ranking.published.edits import with_pins
from ranking.published.snapshot import Entry, Stamp, encode_entries
from ranking.settings.sites import SiteSettings

ITEMS = [f"item {n}" for n in range(12)]
SOME = st.frozensets(st.sampled_from([*ITEMS, "elsewhere", "outside"]), max_size=6)
PINS = st.lists(
    st.tuples(st.integers(1, 14), st.sampled_from([*ITEMS, "outside", "outside too"])),
    max_size=4,
    unique_by=lambda pin: pin[1],
)
LIMITS = st.integers(1, 15)


def entry(item: str, score: float | None = None, source: str = "ranked") -> Entry:
    return Entry(0, item, item.title(), None, None, None, None, score, 0, source=source)


def rendered(listed: int = 12, boosts: dict[str, float] | None = None, paging_s: float = 600.0) -> RenderedList:
    body = encode_entries([entry(item, 100.0 - n) for n, item in enumerate(ITEMS[:listed])])
    return RenderedList(SiteSettings(), "", 1, Stamp("populer", "P", 7, 5.0, "v", {}, boosts or {}), body, paging_s)


def content(of: RenderedList, query: Query, overlay: Overlay) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(of.answer(query, overlay).document(0, False))
    return found


def overlay_of(hidden: frozenset[str], pins: list[tuple[int, str]]) -> Overlay:
    return Overlay(hidden, [(position, entry(item, source="pinned")) for position, item in pins])


@given(st.integers(0, 12), SOME, PINS, st.lists(st.tuples(LIMITS, SOME), min_size=1, max_size=5))
def test_a_page_is_what_is_ranked_with_pins_less_what_is_left_out(
    listed: int, hidden: frozenset[str], pins: list[tuple[int, str]], asked: list[tuple[int, frozenset[str]]]
) -> None:
    """Also where answers to other requests are kept already."""
    of, overlay = rendered(listed), overlay_of(hidden, pins)
    for limit, exclude in asked:
        out = hidden | exclude
        pinned = [(position, item) for position, item in pins if item not in out]
        ranked = [item for item in ITEMS[:listed] if item not in out and item not in dict(map(reversed, pinned))]
        expected = with_pins(ranked, pinned, limit)
        found = content(of, Query(limit, exclude), overlay)
        assert [item["id"] for item in found["items"]] == expected
        assert [item["rank"] for item in found["items"]] == list(range(1, len(expected) + 1))
        assert {item["id"] for item in found["items"] if item["source"] == "pinned"} == {
            item for _, item in pinned if item in expected
        }
        left = [item for item in ITEMS[:listed] if item not in out and item not in expected]
        assert (found["next"] is None) is (not left)


@given(PINS, st.lists(st.tuples(LIMITS, SOME), min_size=2, max_size=6))
def test_two_pages_have_one_tag_exactly_if_a_reader_sees_the_same(
    pins: list[tuple[int, str]], asked: list[tuple[int, frozenset[str]]]
) -> None:
    of, overlay = rendered(), overlay_of(frozenset(), pins)
    seen: dict[str, str] = {}
    for limit, exclude in asked:
        query = Query(limit, exclude)
        found = content(of, query, overlay)
        said = json.dumps([found["items"], found["next"] is None])
        assert seen.setdefault(of.answer(query, overlay).tag, said) == said
    assert len(set(seen.values())) == len(seen)


def test_an_exclusion_that_changes_nothing_shares_the_answer() -> None:
    of, overlay = rendered(), overlay_of(frozenset(), [])
    page = of.answer(Query(5), overlay)
    assert of.answer(Query(5, frozenset({"elsewhere"})), overlay) is page
    assert of.answer(Query(5, frozenset({"item 7"})), overlay) is page
    without = of.answer(Query(5, frozenset({"item 2"})), overlay)
    assert without is not page
    assert of.answer(Query(5, frozenset({"item 2", "elsewhere"})), overlay) is without


def test_strangers_do_not_fill_the_memory() -> None:
    of, overlay = rendered(), overlay_of(frozenset(), [])
    for n in range(1, 1000):
        of.answer(Query(n, frozenset({"item 0", f"item {n % 12}"})), overlay)
    assert len(of._pages) <= MAX_CACHED_PAGES
    assert len(of._answers) <= MAX_CACHED_ANSWERS


def test_a_boost_that_the_list_was_ranked_with_is_not_laid_over_again() -> None:
    ranked_with = {"item 3": 2.0, "item 5": 0.5}
    ids = [item["id"] for item in content(rendered(), Query(12), Overlay(frozenset()))["items"]]
    for boosts, moved in (
        (ranked_with, ids),
        ({**ranked_with, "item 11": 10.0}, ["item 11", *ids[:11]]),
        ({"item 3": 2.0}, ["item 5", *ids[:5], *ids[6:]]),
        ({"item 5": 0.5}, [*ids[:3], *ids[4:], "item 3"]),
    ):
        found = content(rendered(boosts=ranked_with), Query(12), Overlay(frozenset(), [], boosts))
        assert [item["id"] for item in found["items"]] == moved


def test_what_fills_a_list_up_stays_below_what_is_ranked() -> None:
    ranked = [entry(item, 10.0 - n) for n, item in enumerate(ITEMS[:3])]
    fill = [entry(item, 99.0, "fill") for item in ITEMS[3:5]]
    stamp = Stamp("populer", "P", 7, 5.0, "v", {})
    of = RenderedList(SiteSettings(), "", 1, stamp, encode_entries(ranked + fill))
    found = content(of, Query(9), Overlay(frozenset(), [], {"item 0": 0.1, "item 4": 5.0}))
    assert [item["id"] for item in found["items"]] == ["item 1", "item 2", "item 0", "item 3", "item 4"]
