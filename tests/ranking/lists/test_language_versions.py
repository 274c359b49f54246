"""Language versions of one article, which share a `group`, are listed once: the one that stands highest."""

from typing import Any

import pytest
from views import Site, list_of

from ranking.lists.explain import explain
from ranking.lists.selection import MANY_SECTIONS
from ranking.published.edits import Block, Edits, Subject

NOW = 1_764_532_800.0
FORMS: list[dict[str, Any]] = [
    {},
    {"kind": "burst", "minimum": 1},
    {"kind": "latest"},
    {"hysteresis": 0.2},
    {"max_per_section": 9},
    {"scale": "section-best"},
]


def bilingual() -> Site:
    """Stories by their reads: x in Indonesian and English, each in a section of its own, and others."""
    site = Site()
    for item, reads, section, group in (
        ("x-id", 50, "Politik", "x"),
        ("a", 40, "Politik", None),
        ("x-en", 30, "Politics", "x"),
        ("y-en", 20, "Politics", "y"),
        ("y-id", 10, "Politik", "y"),
        ("b", 5, "Politics", None),
    ):
        site.put(item, NOW - 3600 / reads, section, group)
        site.see(item, NOW - 600, reads)
    return site


@pytest.mark.parametrize("table", FORMS, ids=str)
def test_group_is_listed_once_where_its_best_version_stands(table: dict[str, Any]) -> None:
    site, settings = bilingual(), list_of(**{"size": 3, **table})
    assert set(site.listed(settings, NOW)) == {"x-id", "a", "y-en", "b"}
    if table.get("scale", "none") == "none":
        assert site.listed(settings, NOW) == ["x-id", "a", "y-en", "b"]


def test_section_has_the_version_that_is_in_it() -> None:
    site, settings = bilingual(), list_of()
    assert site.listed(settings, NOW, "Politics") == ["x-en", "y-en", "b"]
    assert site.listed(settings, NOW, "Politik") == ["x-id", "a", "y-id"]


def test_version_takes_the_place_of_one_that_is_blocked() -> None:
    site = bilingual()
    site.edits = Edits(1, {Subject("block", "", "", "x-id"): Block()})
    assert site.listed(list_of(), NOW) == ["a", "x-en", "y-en", "b"]


@pytest.mark.parametrize("fill", ["widen", "latest"])
def test_list_is_not_filled_up_with_another_version(fill: str) -> None:
    site = bilingual()
    settings = list_of(fill=fill, min_count=35)
    assert sorted(site.listed(settings, NOW)) == ["a", "b", "x-id", "y-en"]


def test_many_sections_have_each_group_once() -> None:
    site = bilingual()
    for number in range(MANY_SECTIONS + 1):
        section = f"Rubrik {number:02}"
        for name, group in (("one", f"g{number % 7}"), ("two", f"g{number % 7}"), ("three", None)):
            site.put(f"{name} {number:02}", NOW - 9, section, group)
            site.see(f"{name} {number:02}", NOW - 60, {"one": 3, "two": 2, "three": 1}[name])
    ranker = site.ranker(NOW)
    rankings = ranker.rank_sections(list_of())
    for number in (0, 7, MANY_SECTIONS):
        rows = rankings[f"Rubrik {number:02}"].rows.tolist()
        assert [site.history.items[row] for row in rows] == [f"one {number:02}", f"three {number:02}"]


def test_explanation_names_the_group() -> None:
    ranker = bilingual().ranker(NOW)
    found = explain(ranker, "x-en", "it", list_of(), "", {})
    assert found is not None
    assert (found.rank, found.rule) == (None, "other_version")
    assert "listed once" in found.why
    below = explain(ranker, "y-en", "it", list_of(), "", {})
    assert below is not None
    assert (below.rank, below.place) == (3, 4)
    assert [(move.by, move.places) for move in below.moves] == [("group", 1)]
